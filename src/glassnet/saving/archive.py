"""The `.glassnet` model file: one zip with `config.json` first, then one `arrays/NAME.npy` per array.

Writing is deterministic: equal content gives equal bytes. Keys and names are sorted, time stamps are fixed,
arrays are little-endian in C order, and members are stored, not compressed: trained weights hardly shrink,
and compressed bytes would depend on the machine's zlib.

Reading trusts nothing. It runs no code: no pickle, no eval (an array header is matched as text), no import by
name. It compares every size that the file claims with what is allowed and with the file's own size before it
takes memory, and never unpacks more than was claimed. A file that another tool packed again with deflate is
accepted. Whatever is wrong ends in one `SavingError`.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import reprlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from glassnet.errors import SavingError
from glassnet.saving.atomic import atomic_write
from glassnet.typing import Array
from glassnet.version import __version__

__all__ = ["read_archive", "read_config", "write_archive"]

FORMAT_VERSION = 1
MAX_BYTES = 8 * 2**30
MAX_CONFIG_BYTES = 16 * 2**20
MAX_RATIO, RATIO_FREE_BYTES = 100, 64 * 2**20  # small files may be packed as tightly as they like

_CONFIG = "config.json"
_ARRAYS, _NPY = "arrays/", ".npy"
_ZIP_MAGIC = b"PK\x03\x04"
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:\d{1,19}, ?)*(?:\d{1,19})?)\), \} *\n"
)
_DTYPES = frozenset(["|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"])
_DTYPES_IN_WORDS = "bool, int8 to int64, uint8 to uint64, float16, float32 or float64"
_RESERVED = ("format", "format_version", "written_by")
_CHUNK = 2**20

_repr = reprlib.Repr()  # names and values from a file go into messages escaped and shortened
_repr.maxstring = 80


def write_archive(path: str | os.PathLike[str], config: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a model file, atomically: a kill at any moment leaves the old or the new file.

    `config` holds what JSON holds (tuples become lists, NumPy scalars Python numbers). Array names may
    contain "/"; dtypes are bool, integers and float16 to float64.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/m.glassnet", {"units": 2}, {"dense/bias": np.zeros(2)})
    ...     zipfile.ZipFile(f"{folder}/m.glassnet").namelist()
    ['config.json', 'arrays/dense/bias.npy']
    """
    who = _who(path)
    text = _config_bytes(who, config)
    for name, value in arrays.items():
        _check_writable(who, name, value)
    try:
        with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            _write_member(archive, _CONFIG, text)
            for name in sorted(arrays):
                array = np.asarray(arrays[name])
                array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
                data = array.reshape(-1).view(np.uint8).data
                _write_member(archive, f"{_ARRAYS}{name}{_NPY}", _npy_header(array), data)
    except OSError as error:
        raise SavingError(
            f"{who}: cannot be written",
            expected="a folder that exists, may be written to and has space left",
            received=error.strerror or str(error),
            fix="create the folder, free some space or save elsewhere; an older file there is unharmed",
        ) from error


def read_archive(
    path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The configuration and the arrays of a model file.

    `max_bytes` bounds the unpacked size. The configuration has, besides what was given to `write_archive`,
    "format", "format_version" and "written_by".

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/m.glassnet", {"units": 2}, {"dense/bias": np.zeros(2)})
    ...     config, arrays = read_archive(f"{folder}/m.glassnet")
    >>> config["units"], arrays
    (2, {'dense/bias': array([0., 0.])})
    """
    with _opened(path) as reader:
        config = reader.config()
        reader.check_members(max_bytes)
        return config, reader.arrays()


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The configuration of a model file, without reading its arrays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/m.glassnet", {"units": 2}, {})
    ...     read_config(f"{folder}/m.glassnet")["units"]
    2
    """
    with _opened(path) as reader:
        return reader.config()


# Writing


def _who(path: str | os.PathLike[str]) -> str:
    return f"model file '{os.fspath(path)}'"


def _config_bytes(who: str, config: Mapping[str, Any]) -> bytes:
    for key in _RESERVED:
        if key in config:
            raise SavingError(
                f"{who}: config has the reserved key {key!r}",
                expected=f"a config without {', '.join(map(repr, _RESERVED))}: write_archive adds them",
                received=f"config[{key!r}] = {_repr.repr(config[key])}",
                fix="choose another key, or drop it when the config was read from a file",
            )
    header = {"format": "glassnet", "format_version": FORMAT_VERSION, "written_by": __version__}
    try:
        plain = _plain(who, "config", {**config, **header})
    except RecursionError as error:
        raise SavingError(
            f"{who}: config is nested too deeply",
            expected="at most a few hundred levels",
            received="more levels than Python can follow",
            fix="check that no dict or list contains itself",
        ) from error
    text = json.dumps(plain, sort_keys=True, indent=1).encode("ascii")
    if len(text) > MAX_CONFIG_BYTES:
        raise SavingError(
            f"{who}: config is too large",
            expected=f"at most {MAX_CONFIG_BYTES:,} bytes of JSON",
            received=f"{len(text):,} bytes",
            fix="keep large tables as arrays",
        )
    return text


def _plain(who: str, where: str, value: object) -> Any:
    """`value` as JSON values; `where` is the expression that leads to it, for the message."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(who, f"{where}[{index}]", item) for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(who, f"{where}[{key!r}]", item) for key, item in value.items()}
    raise SavingError(
        f"{who}: {where} cannot be written as JSON",
        expected="None, bool, int, finite float, str, a list of these or a dict with str keys",
        received=f"{type(value).__name__} {_repr.repr(value)}",
        fix="turn it into one of these (an object: its name or get_config())",
    )


def _check_writable(who: str, name: str, value: object) -> None:
    if not isinstance(name, str) or not _is_safe(name):
        raise SavingError(
            f"{who}: unsafe array name",
            expected="a relative path such as 'dense/kernel': printable, no '..', '\\' or drive letter",
            received=_repr.repr(name),
            fix="rename the layer or the weight",
        )
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.newbyteorder("<").str not in _DTYPES:
        kind = f"dtype {value.dtype}" if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__
        raise SavingError(
            f"{who}: array {name!r} has a type that a model file cannot hold",
            expected=f"a NumPy array of {_DTYPES_IN_WORDS}",
            received=kind,
            fix="convert it first, for example np.asarray(x, 'float32')",
        )


def _is_safe(name: str) -> bool:
    return (
        len(name) <= 1000
        and name.isprintable()
        and "\\" not in name
        and name[1:2] != ":"
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def _npy_header(array: Array) -> bytes:
    header = io.BytesIO()
    fields = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _write_member(archive: zipfile.ZipFile, name: str, *pieces: bytes | memoryview) -> None:
    info = zipfile.ZipInfo(name)  # its time stamp is 1980-01-01, the zip format's zero
    info.create_system = 3  # Unix, on every system
    info.external_attr = 0o644 << 16
    info.file_size = sum(len(piece) for piece in pieces)  # decides whether the member needs zip64
    with archive.open(info, "w") as member:
        for piece in pieces:
            member.write(piece)


# Reading


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[_Reader]:
    """A reader of the file at `path`; what the operating system or zipfile raises becomes a SavingError."""
    who = _who(path)
    try:
        with open(path, "rb") as file:
            _check_magic(who, file.read(len(_ZIP_MAGIC)))
            with zipfile.ZipFile(file) as archive:
                yield _Reader(who, archive, file_bytes=os.fstat(file.fileno()).st_size)
    except SavingError:
        raise
    except OSError as error:
        raise SavingError(
            f"{who}: cannot be read",
            expected="a file that exists and may be read",
            received=error.strerror or str(error),
            fix="check the path and its permissions",
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise _damaged(who, str(error) or type(error).__name__) from error


def _check_magic(who: str, start: bytes) -> None:
    if start != _ZIP_MAGIC:
        raise SavingError(
            f"{who}: not a glassnet model file",
            expected=f"a zip file, which starts with {_ZIP_MAGIC!r}",
            received=f"a file that starts with {start!r}" if start else "an empty file",
            fix="give a file that glassnet saved",
        )


def _damaged(who: str, received: str) -> SavingError:
    return SavingError(
        f"{who}: damaged or incomplete",
        expected="a whole zip file whose checksums agree",
        received=received,
        fix="copy or download it again, or save the model again",
    )


class _Reader:
    """One open model file: first `config`, which settles the format, then `check_members`, then `arrays`."""

    def __init__(self, who: str, archive: zipfile.ZipFile, file_bytes: int) -> None:
        self._who, self._archive, self._file_bytes = who, archive, file_bytes
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            if info.filename in self._members:
                raise self._foreign("each member once", f"{_repr.repr(info.filename)} twice")
            self._members[info.filename] = info

    def config(self) -> dict[str, Any]:
        """The content of config.json, of a format that this version can read."""
        info = self._members.get(_CONFIG)
        if info is None:
            raise self._foreign(f"a member {_CONFIG}", f"only {_repr.repr(list(self._members))}")
        if info.file_size > MAX_CONFIG_BYTES:
            raise self._too_large(f"at most {MAX_CONFIG_BYTES:,} bytes of {_CONFIG}", f"{info.file_size:,} bytes")
        with self._open(info) as member:
            text = _read_exactly(member, info.file_size)
        try:
            config = json.loads(text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_unique_keys)
        except (ValueError, RecursionError) as error:
            raise self._foreign(f"valid JSON in {_CONFIG}", str(error)) from error
        if not isinstance(config, dict) or config.get("format") != "glassnet":
            received = _repr.repr(config.get("format") if isinstance(config, dict) else config)
            raise self._foreign(f'"format": "glassnet" in {_CONFIG}', received)
        self._check_version(config.get("format_version"), config.get("written_by"))
        return config

    def _check_version(self, version: object, written_by: object) -> None:
        if type(version) is not int or version < 1:
            raise self._foreign('a positive integer "format_version"', _repr.repr(version))
        if version > FORMAT_VERSION:
            named = isinstance(written_by, str) and re.fullmatch(r"[\w.+-]{1,40}", written_by)
            needed = f">= {written_by}" if named else "newer than yours"
            raise SavingError(
                f"{self._who}: this file needs glassnet {needed}; yours is {__version__}",
                expected=f"format_version at most {FORMAT_VERSION}",
                received=f"format_version {_repr.repr(version)}",
                fix="upgrade glassnet",
            )

    def check_members(self, max_bytes: int) -> None:
        """Refuse unknown members and sizes beyond the limits, from the table of contents alone."""
        for name, info in self._members.items():
            known = name == _CONFIG or (
                name.startswith(_ARRAYS) and name.endswith(_NPY) and _is_safe(_array_name(name))
            )
            # zipfile mends odd names, we do not. A comment could hide the next member: a damaged length does.
            if not known or name != info.orig_filename or info.comment:
                expected = f"only {_CONFIG} and {_ARRAYS}NAME{_NPY}, with safe names and no comments"
                raise self._foreign(expected, f"a member {_repr.repr(info.orig_filename)}")
        total = sum(info.file_size for info in self._members.values())
        if total > max_bytes:
            raise self._too_large(f"at most {max_bytes:,} bytes unpacked (max_bytes)", f"{total:,} bytes")
        if total > max(RATIO_FREE_BYTES, MAX_RATIO * self._file_bytes):
            expected = f"at most {MAX_RATIO} times the {self._file_bytes:,} bytes of the file"
            raise self._too_large(expected, f"{total:,} bytes unpacked")

    def arrays(self) -> dict[str, Array]:
        """Every array by its name."""
        return {_array_name(name): self._array(name, info) for name, info in self._members.items() if name != _CONFIG}

    def _array(self, name: str, info: zipfile.ZipInfo) -> Array:
        """Read one .npy member straight into its array: the memory taken is the array and one chunk."""
        with self._open(info) as member:
            dtype, shape, header_bytes = self._npy_header(name, member)
            claimed, present = math.prod(shape) * dtype.itemsize, info.file_size - header_bytes
            if claimed != present:
                expected = f"{present:,} bytes, the size of {_repr.repr(name)}"
                raise self._foreign(expected, f"shape {_repr.repr(shape)} of {dtype}, {claimed:,} bytes")
            array = self._empty(shape, dtype)
            data = array.reshape(-1).view(np.uint8).data
            for start in range(0, present, _CHUNK):
                stop = min(start + _CHUNK, present)
                data[start:stop] = _read_exactly(member, stop - start)
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:  # NumPy would miscount them
            raise self._foreign(f"bytes 0 and 1 in the bool array {_repr.repr(name)}", "other bytes")
        return array.astype(dtype.newbyteorder("="), copy=False)

    def _npy_header(self, name: str, member: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...], int]:
        """The dtype and the shape that the member claims, and how many bytes it took to say so."""
        start = _read_exactly(member, len(_NPY_MAGIC) + 2)
        length = int.from_bytes(start[-2:], "little")
        match = _NPY_HEADER.fullmatch(_read_exactly(member, length))
        if not start.startswith(_NPY_MAGIC) or match is None:
            raise self._foreign(f"a version 1.0 .npy header, C order, in {_repr.repr(name)}", "another header")
        descr = match["dtype"].decode()
        if descr not in _DTYPES:
            raise self._foreign(f"{_DTYPES_IN_WORDS} in {_repr.repr(name)}", f"dtype {descr!r}")
        shape = tuple(int(size) for size in re.findall(rb"\d+", match["shape"]))
        return np.dtype(descr), shape, len(start) + length

    def _empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        try:
            return np.empty(shape, dtype)
        except (ValueError, MemoryError) as error:
            raise self._too_large("arrays that fit into memory", f"shape {_repr.repr(shape)}: {error}") from error

    def _open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            received = f"compression method {info.compress_type} in {_repr.repr(info.filename)}"
            raise self._foreign("members stored or deflated", received)
        return self._archive.open(info)

    def _foreign(self, expected: str, received: str) -> SavingError:
        return SavingError(
            f"{self._who}: not a valid glassnet model file",
            expected=expected,
            received=received,
            fix="save the model again; do not edit the file by hand",
        )

    def _too_large(self, expected: str, received: str) -> SavingError:
        return SavingError(
            f"{self._who}: too large to read safely",
            expected=expected,
            received=received,
            fix="open it only if you trust its source: pass a larger max_bytes or save it again",
        )


def _array_name(member: str) -> str:
    return member.removeprefix(_ARRAYS).removesuffix(_NPY)


def _read_exactly(member: IO[bytes], count: int) -> bytes:
    # Always with a count: read() would unpack all that is there before zipfile cuts it to the claimed size.
    data = member.read(count)
    if len(data) != count:
        raise EOFError(f"{count - len(data):,} bytes are missing")
    return data


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_repr.repr(text)} is not a finite number")
    return number


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return keys
