"""Texts: found in the data folder, else fetched once with their checksum; and characters as ids and back."""

import hashlib
import os

import numpy as np
import pytest

from glassnet.datasets import names, text, tinyshakespeare
from glassnet.datasets.text import TextFile, decode, encode, read_text, vocabulary
from glassnet.errors import ArgumentError, DataError, DownloadError

REAL_DATA = os.environ.get("GLASSNET_DATA")  # read here: the tests run without it
POEM = "Röslein rot,\nRöslein auf der Heiden.\n"


@pytest.fixture
def poem(mirrors):
    """A text of two mirrors, of which only the second has it."""
    mirrors.files = {"/b/poem.txt": POEM.encode()}
    sha256 = hashlib.sha256(POEM.encode()).hexdigest()
    return TextFile("poem", (f"{mirrors.url}/a/poem.txt", f"{mirrors.url}/b/poem.txt"), sha256)


def test_without_a_data_folder_the_text_is_fetched_once_and_stays_in_the_cache(poem, mirrors, cache):
    assert poem.load(None) == poem.load(None) == POEM
    assert [path for path, _ in mirrors.requests] == ["/a/poem.txt", "/b/poem.txt"]
    assert (cache / "text" / "poem.txt").read_text("utf-8") == POEM


def test_a_text_with_another_checksum_is_refused(poem, mirrors, cache):
    mirrors.files["/b/poem.txt"] = POEM.encode() + b"!"
    with pytest.raises(DownloadError, match=r"poem: the text is not on this computer(?s:.*)wrong SHA-256") as failure:
        poem.load(None)
    assert str(cache / "text" / "poem.txt") in str(failure.value)
    assert "GLASSNET_DATA" in failure.value.fix


@pytest.mark.parametrize("given_as", ["argument", "variable"])
def test_a_data_folder_is_taken_as_it_is_and_nothing_is_downloaded(poem, mirrors, tmp_path, monkeypatch, given_as):
    if given_as == "variable":
        monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    folder = tmp_path if given_as == "argument" else None
    with pytest.raises(DownloadError, match=r"poem: the file is missing, and no network is used(?s:.*)poem\.txt"):
        poem.load(folder)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "poem.txt").write_text("my own words", "utf-8")
    assert poem.load(folder) == "my own words"
    assert mirrors.requests == []


def test_names_are_the_lines_of_their_file_and_shakespeare_is_all_of_it(tmp_path):
    (tmp_path / "text").mkdir()
    for name in ("names", "tinyshakespeare"):
        (tmp_path / "text" / f"{name}.txt").write_text("emma\nolivia\n", "utf-8")
    assert names.load_data(data_dir=tmp_path) == ["emma", "olivia"]
    assert tinyshakespeare.load_data(data_dir=tmp_path) == "emma\nolivia\n"


@pytest.mark.skipif(not REAL_DATA, reason="it is about the published files themselves: GLASSNET_DATA names no folder")
def test_the_real_texts_have_the_sizes_that_their_docstrings_tell():
    found, play = names.load_data(data_dir=REAL_DATA), tinyshakespeare.load_data(data_dir=REAL_DATA)
    assert len(found) == 32_033
    assert found[:3] == ["emma", "olivia", "ava"]
    assert vocabulary("".join(found)) == "abcdefghijklmnopqrstuvwxyz"
    assert (len(play), len(vocabulary(play))) == (1_115_394, 65)
    for module, file in ((names._NAMES, "names.txt"), (tinyshakespeare._TINYSHAKESPEARE, "tinyshakespeare.txt")):
        with open(os.path.join(REAL_DATA, "text", file), "rb") as stream:
            assert hashlib.file_digest(stream, "sha256").hexdigest() == module.sha256


def test_line_ends_and_the_mark_of_utf_8_do_not_become_characters(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_text(path) == "one\ntwo\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"R\xf6slein", r"not a text in UTF-8(?s:.*)byte 0xf6 at 1"),
        (None, "does not exist"),
    ],
    ids=["empty", "latin 1", "missing"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, message):
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text(path)


def test_ids_are_places_in_the_vocabulary_and_lead_back_to_the_text():
    characters = vocabulary(POEM)
    ids = encode(POEM, characters)
    assert sorted(characters) == list(characters)
    assert ids.dtype == np.int64
    assert [characters[i] for i in ids] == list(POEM)
    assert decode(ids, characters) == POEM
    assert text.encode("", characters).shape == (0,)


def test_characters_outside_the_vocabulary_are_all_named():
    with pytest.raises(
        ArgumentError, match=r"not in the vocabulary\n  expected: characters of 'ab'\n  received: 'c', 'é'"
    ):
        encode("abécac", "ab")
