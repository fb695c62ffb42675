"""IDX, the format of MNIST and its relatives, and the loader that all data sets in four IDX files share.

An IDX file holds one array: two zero bytes, a type byte (8: unsigned byte), the number of axes, each axis as
a big-endian 32-bit integer, then the values in C order. The files come gzip-compressed.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from glassnet.config import cache_folder
from glassnet.datasets.download import DATA_SUBFOLDER, get_file
from glassnet.datasets.files import checked_path
from glassnet.errors import DataError, DownloadError
from glassnet.typing import Array

TrainAndTest: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]
"""Keras's return value of `load_data`: (x_train, y_train), (x_test, y_test)."""

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_UNSIGNED_BYTE = 8
_MAX_AXES = 4
_MAX_BYTES = 2**30
_MAX_DOWNLOAD = 2**26
_MAX_DEFLATE_RATIO = 1032  # one deflate symbol of at least 2 bits stands for at most 258 bytes
_CHUNK = 2**20
_IMAGE_SIZE = (28, 28)
_CLASSES = 10


def read_idx(path: str | os.PathLike[str]) -> Array:
    """The uint8 array of a gzip-compressed IDX file; a file that is not whole raises `DataError`."""
    path = checked_path(path, _MAX_BYTES)
    try:
        with gzip.open(path) as stream:
            shape = _read_header(stream, path)
            _check_size(shape, path)
            array = np.empty(shape, np.uint8)
            _fill(array.reshape(-1), stream, path)
    except EOFError:
        raise _truncated(path, "the compressed data end too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file", received=str(error), fix="fetch the file again") from error
    return array


def _truncated(path: Path, received: str) -> DataError:
    return DataError(f"{path}: the file is truncated", received=received, fix="fetch the file again")


def _read_header(stream: gzip.GzipFile, path: Path) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise _truncated(path, f"{len(magic)} bytes where the IDX header has at least 8")
    zeros, kind, axes = struct.unpack(">HBB", magic)
    if zeros != 0 or kind != _UNSIGNED_BYTE or not 1 <= axes <= _MAX_AXES:
        raise DataError(
            f"{path}: wrong magic number, so this is no IDX file of unsigned bytes",
            expected="0x00000801 (labels) or 0x00000803 (images)",
            received=f"0x{magic.hex()}",
        )
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise _truncated(path, f"a header of {4 + len(sizes)} bytes instead of {4 + 4 * axes}")
    return struct.unpack(f">{axes}I", sizes)


def _check_size(shape: tuple[int, ...], path: Path) -> None:
    """Refuse a header that promises more than the file can hold, before memory is taken for it."""
    size, most = math.prod(shape), min(_MAX_BYTES, _MAX_DEFLATE_RATIO * path.stat().st_size)
    if size > most:
        raise DataError(
            f"{path}: the header promises more data than the file can hold",
            expected=f"at most {most:,} bytes",
            received=f"shape {shape}, {size:,} bytes",
        )


def _fill(values: Array, stream: gzip.GzipFile, path: Path) -> None:
    """Read exactly `values.size` bytes; one read more proves that the stream ends, and checks its CRC."""
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK]
        chunk = stream.read(part.size)
        if len(chunk) < part.size:
            raise _truncated(path, f"{start + len(chunk):,} bytes of data; the header says {values.size:,}")
        part[:] = np.frombuffer(chunk, np.uint8)
    if stream.read(1):
        raise DataError(f"{path}: data go on after the array", expected=f"{values.size:,} bytes", received="more")


@dataclass(frozen=True)
class IdxDataset:
    """A data set of 28x28 images in ten classes, kept in the four files of MNIST.

    `folders` are the names its folder may have inside a data folder, the usual one first; `sha256` are the
    sums of the compressed files as the mirrors serve them.
    """

    name: str
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]

    def load(self, data_dir: str | os.PathLike[str] | None) -> TrainAndTest:
        """The images and labels from `data_dir`, else `GLASSNET_DATA`, else the cache, else the mirrors."""
        folder = data_dir or os.environ.get("GLASSNET_DATA")
        paths = self._find(Path(folder).expanduser()) if folder else self._fetch()
        return _read_pair(paths[0], paths[1]), _read_pair(paths[2], paths[3])

    def _find(self, data_folder: Path) -> list[Path]:
        candidates = [data_folder / name for name in self.folders]
        folder = next((path for path in candidates if path.is_dir()), candidates[0])
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise DownloadError(
                f"{self.name}: files are missing, and no network is used when the data folder is given",
                expected=f"{', '.join(missing)} in {folder}",
                fix="copy the files there; without GLASSNET_DATA and data_dir they are downloaded",
            )
        return [folder / name for name in FILES]

    def _fetch(self) -> list[Path]:
        subfolder = f"{DATA_SUBFOLDER}/{self.folders[0]}"
        try:
            return [self._fetch_one(name, subfolder) for name in FILES]
        except DownloadError as error:
            raise DownloadError(
                f"{self.name}: the files are not on this computer and could not be downloaded",
                expected=f"{', '.join(FILES)} in {cache_folder() / subfolder}",
                received=str(error.received),
                fix=f"copy them there, or set GLASSNET_DATA to the folder around {self.folders[0]}/",
            ) from error

    def _fetch_one(self, name: str, subfolder: str) -> Path:
        mirrors = [mirror + name for mirror in self.mirrors]
        sha256 = self.sha256[name]
        return Path(get_file(name, mirrors, file_hash=sha256, cache_subdir=subfolder, max_bytes=_MAX_DOWNLOAD))


def _read_pair(images_path: Path, labels_path: Path) -> tuple[Array, Array]:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or images.shape[1:] != _IMAGE_SIZE:
        raise DataError(f"{images_path}: wrong shape", expected="(N, 28, 28)", received=images.shape)
    if labels.shape != images.shape[:1]:
        raise DataError(f"{labels_path}: one label per image", expected=images.shape[:1], received=labels.shape)
    if labels.size and labels.max() >= _CLASSES:
        raise DataError(f"{labels_path}: a label is out of range", expected="0 to 9", received=int(labels.max()))
    return images, labels
