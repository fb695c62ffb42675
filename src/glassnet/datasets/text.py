"""Texts in one file each, and characters as the numbers that a network reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.config import cache_folder
from glassnet.datasets.download import DATA_SUBFOLDER, get_file
from glassnet.datasets.files import checked_path
from glassnet.errors import ArgumentError, DataError, DownloadError
from glassnet.typing import Array

__all__ = ["decode", "encode", "read_text", "vocabulary"]

_FOLDER = "text"
_MAX_BYTES = 2**28


@dataclass(frozen=True)
class TextFile:
    """A text of the network, kept as `text/NAME.txt`; `sha256` is the sum of the file as every mirror serves it."""

    name: str
    mirrors: tuple[str, ...]
    sha256: str

    def load(self, data_dir: str | os.PathLike[str] | None) -> str:
        """The text from `data_dir`, else `GLASSNET_DATA`, else the cache, else the mirrors."""
        folder = data_dir or os.environ.get("GLASSNET_DATA")
        return read_text(self._find(Path(folder).expanduser()) if folder else self._fetch())

    @property
    def file(self) -> str:
        """Its name in a folder."""
        return f"{self.name}.txt"

    def _find(self, data_folder: Path) -> Path:
        path = data_folder / _FOLDER / self.file
        if not path.is_file():
            raise DownloadError(
                f"{self.name}: the file is missing, and no network is used when the data folder is given",
                expected=str(path), fix="copy it there; without GLASSNET_DATA and data_dir it is downloaded",
            )  # fmt: skip
        return path

    def _fetch(self) -> Path:
        subfolder = f"{DATA_SUBFOLDER}/{_FOLDER}"
        try:
            return Path(get_file(self.file, self.mirrors, file_hash=self.sha256, cache_subdir=subfolder))
        except DownloadError as error:
            raise DownloadError(
                f"{self.name}: the text is not on this computer and could not be downloaded",
                expected=str(cache_folder() / subfolder / self.file), received=str(error.received),
                fix=f"copy it there, or set GLASSNET_DATA to the folder around {_FOLDER}/",
            ) from error  # fmt: skip


def read_text(path: str | os.PathLike[str]) -> str:
    r"""The text of a UTF-8 file, with \n for every line end."""
    path = checked_path(path, _MAX_BYTES)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not a text in UTF-8", expected="UTF-8 characters",
            received=f"byte 0x{error.object[error.start]:02x} at {error.start:,}", fix="save it as UTF-8",
        ) from None  # fmt: skip
    if not text:
        raise DataError(f"{path}: the file is empty", expected="a text")
    return text


def vocabulary(text: str) -> str:
    r"""Every character of a text once, sorted by code point: the id of a character is its place.

    >>> vocabulary("hello")
    'ehlo'
    """
    return "".join(sorted(set(text)))


def encode(text: str, vocabulary: str) -> Array:
    """A text as ids, int64, one per character.

    >>> encode("hello", "ehlo")
    array([1, 0, 2, 2, 3])
    """
    ids = {character: number for number, character in enumerate(vocabulary)}
    unknown = sorted(set(text) - ids.keys())
    if unknown:
        raise ArgumentError(
            "the text has characters that are not in the vocabulary", expected=f"characters of {vocabulary!r}",
            received=", ".join(map(repr, unknown)), fix="leave them out, or train on a text that has them",
        )  # fmt: skip
    return np.array([ids[character] for character in text], "int64")


def decode(ids: Iterable[int], vocabulary: str) -> str:
    """Ids back as a text.

    >>> decode([1, 0, 2, 2, 3], "ehlo")
    'hello'
    """
    return "".join(vocabulary[number] for number in ids)
