"""get_file against a local web server: whatever a mirror does, the final path holds the right file or none."""

import hashlib
from pathlib import Path

import pytest

from glassnet.config import cache_folder
from glassnet.datasets.download import get_file
from glassnet.errors import ArgumentError, DownloadError

DATA = bytes(range(256)) * 20
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def served(mirrors):
    """The server with one sound mirror /good and one faulty one /bad, both of the same file."""
    mirrors.files = {"/good/file.bin": DATA, "/bad/file.bin": DATA}
    mirrors.origin = [f"{mirrors.url}/{mirror}/file.bin" for mirror in ("bad", "good")]
    return mirrors


def files_in(cache):
    return sorted(path.name for path in cache.iterdir())


def test_file_is_fetched_once_and_then_found_in_the_cache(served, cache):
    first = get_file("file.bin", served.origin[1], file_hash=SHA256.upper())
    second = get_file(origin=served.origin[1], file_hash=SHA256)
    assert first == second == str(cache / "file.bin")
    assert Path(first).read_bytes() == DATA
    assert served.requests == [("/good/file.bin", None)]


def test_cache_dir_and_subdir_say_where_the_file_goes(served, tmp_path):
    path = get_file("a.bin", served.origin[1], cache_dir=tmp_path / "own", cache_subdir="sub/folder")
    assert Path(path) == tmp_path / "own" / "sub" / "folder" / "a.bin"


def test_cache_folder_is_in_the_home_folder_unless_the_environment_names_another(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("GLASSNET_HOME")
    assert cache_folder() == Path.home() / ".cache" / "glassnet"


def test_cached_file_with_a_wrong_sum_is_fetched_again(served, cache):
    cache.mkdir(parents=True)
    (cache / "file.bin").write_bytes(b"something else")
    assert Path(get_file("file.bin", served.origin[1], file_hash=SHA256)).read_bytes() == DATA


def test_partial_download_is_continued_where_it_stopped(served, cache):
    cache.mkdir(parents=True)
    (cache / "file.bin.part").write_bytes(DATA[:1234])
    assert Path(get_file("file.bin", served.origin[1], file_hash=SHA256)).read_bytes() == DATA
    assert served.requests == [("/good/file.bin", "bytes=1234-")]
    assert files_in(cache) == ["file.bin"]


def test_without_a_checksum_a_partial_download_starts_again(served, cache):
    cache.mkdir(parents=True)
    (cache / "file.bin.part").write_bytes(b"no one knows")
    assert Path(get_file("file.bin", served.origin[1])).read_bytes() == DATA
    assert served.requests == [("/good/file.bin", None)]


@pytest.mark.parametrize("part", [b"wrong" * 10, DATA, DATA + b"too long"], ids=["wrong", "complete", "too long"])
def test_partial_download_that_cannot_be_continued_starts_again(served, cache, part):
    cache.mkdir(parents=True)
    (cache / "file.bin.part").write_bytes(part)
    assert Path(get_file("file.bin", served.origin[1], file_hash=SHA256)).read_bytes() == DATA
    assert served.requests == [("/good/file.bin", f"bytes={len(part)}-"), ("/good/file.bin", None)]


def test_server_without_range_sends_the_whole_file(served, cache):
    served.faults["/good/file.bin"] = "no range"
    cache.mkdir(parents=True)
    (cache / "file.bin.part").write_bytes(DATA[:1234])
    assert Path(get_file("file.bin", served.origin[1], file_hash=SHA256)).read_bytes() == DATA
    assert len(served.requests) == 1


def test_next_mirror_continues_what_a_broken_connection_left(served):
    served.faults["/bad/file.bin"] = "cut"
    assert Path(get_file("file.bin", served.origin, file_hash=SHA256)).read_bytes() == DATA
    assert served.requests == [("/bad/file.bin", None), ("/good/file.bin", "bytes=1000-")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, None), (DATA[::-1], None), (DATA[::-1], "cut"), (DATA * 9, None), (DATA * 9, "no length")],
    ids=["404", "wrong checksum", "wrong and truncated", "oversized", "oversized without Content-Length"],
)
def test_next_mirror_is_asked_when_one_fails(served, cache, content, fault):
    served.files["/bad/file.bin"] = content
    served.faults["/bad/file.bin"] = fault
    path = get_file("file.bin", served.origin, file_hash=SHA256, max_bytes=len(DATA))
    assert Path(path).read_bytes() == DATA
    assert served.requests[0][0] == "/bad/file.bin"
    assert files_in(cache) == ["file.bin"]


@pytest.mark.parametrize(
    ("content", "fault", "reason"),
    [
        (None, None, "HTTP Error 404"),
        (DATA[::-1], None, "wrong SHA-256"),
        (DATA, "cut", "4,120 bytes too early"),
        (DATA * 9, None, "larger than 5,120 bytes"),
        (DATA * 9, "no length", "longer than allowed"),
    ],
)
def test_when_all_mirrors_fail_the_error_says_why_and_nothing_is_left_at_the_final_path(
    served, cache, content, fault, reason
):
    served.files["/bad/file.bin"] = content
    served.faults["/bad/file.bin"] = fault
    with pytest.raises(DownloadError, match=r"file\.bin: the download failed") as failure:
        get_file("file.bin", served.origin[:1], file_hash=SHA256, max_bytes=len(DATA))
    assert reason in str(failure.value)
    assert str(cache / "file.bin") in failure.value.fix
    assert not (cache / "file.bin").exists()


def test_answer_for_another_range_is_refused(served, cache):
    served.faults["/good/file.bin"] = "wrong range"
    cache.mkdir(parents=True)
    (cache / "file.bin.part").write_bytes(DATA[:1234])
    with pytest.raises(DownloadError, match="asked for the bytes from 1234 on, received bytes 0-"):
        get_file("file.bin", served.origin[1], file_hash=SHA256)


def test_without_a_network_the_error_names_the_address(tmp_path):
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:1/file.bin: .*refused"):
        get_file("file.bin", "http://127.0.0.1:1/file.bin")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"origin": "file:///etc/hosts"}, "wrong origin"),
        ({"origin": []}, "wrong origin"),
        ({"fname": "a.bin"}, "wrong origin"),
        ({"origin": "http://127.0.0.1/"}, "needs a name"),
        ({"origin": "http://127.0.0.1/a", "file_hash": "d41d8cd98f00b204e9800998ecf8427e"}, "wrong file_hash"),
    ],
)
def test_arguments_are_checked_before_anything_is_fetched(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        get_file(**arguments)
