"""Files from the network, fetched so that nothing half-written or wrong is ever found under the final name.

A download grows in `NAME.part`. What is there already is continued (HTTP Range), the next mirror is asked
when one fails, the SHA-256 is checked, and only then the part is renamed, which is atomic.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from glassnet.config import cache_folder
from glassnet.errors import ArgumentError, DownloadError

__all__ = ["get_file"]

DATA_SUBFOLDER = "datasets"
_CHUNK = 2**18
_TIMEOUT_SECONDS = 20.0
_MAX_BYTES = 2**30
_RANGE_NOT_SATISFIABLE = 416


def get_file(
    fname: str | None = None,
    origin: str | Sequence[str] | None = None,
    *,
    file_hash: str | None = None,
    cache_subdir: str = DATA_SUBFOLDER,
    cache_dir: str | os.PathLike[str] | None = None,
    max_bytes: int = _MAX_BYTES,
) -> str:
    """The path of a file from the network, downloaded unless it is in the cache already.

    fname: the file's name in the cache, by default the last part of `origin`. origin: an http(s) address, or
    several mirrors of the same file, asked in turn. file_hash: its SHA-256 in 64 hexadecimal digits; a cached
    file with another sum is fetched again. cache_dir: by default `cache_folder()`. max_bytes: a longer answer
    is refused.
    """
    mirrors = _checked_mirrors(origin)
    _check_hash(file_hash)
    name = fname or posixpath.basename(urlsplit(mirrors[0]).path)
    if name in ("", ".", ".."):
        raise ArgumentError("get_file: the file needs a name", received=f"origin={mirrors[0]!r}", fix="pass fname=")
    path = Path(cache_dir).expanduser() if cache_dir else cache_folder()
    path = path / cache_subdir / name
    if not (path.is_file() and _has_hash(path, file_hash)):
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(mirrors, path, file_hash, max_bytes)
    return str(path)


def _checked_mirrors(origin: str | Sequence[str] | None) -> list[str]:
    mirrors = [origin] if isinstance(origin, str) else list(origin or ())
    bad = [url for url in mirrors if urlsplit(url).scheme not in ("http", "https")]
    if bad or not mirrors:
        raise ArgumentError("get_file: wrong origin", expected="an http or https address", received=repr(bad or origin))
    return mirrors


def _check_hash(file_hash: str | None) -> None:
    if file_hash is not None and not re.fullmatch("[0-9a-fA-F]{64}", file_hash):
        raise ArgumentError(
            "get_file: wrong file_hash", expected="a SHA-256, 64 hexadecimal digits", received=repr(file_hash)
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _has_hash(path: Path, file_hash: str | None) -> bool:
    return file_hash is None or _sha256(path) == file_hash.lower()


def _download(mirrors: list[str], path: Path, file_hash: str | None, max_bytes: int) -> None:
    """Fill `path` from the first mirror that delivers, or say what went wrong with each."""
    from http.client import HTTPException  # here, as urllib below: slow to import and rarely needed

    part = path.with_name(path.name + ".part")
    if file_hash is None:
        part.unlink(missing_ok=True)  # without a checksum nobody could tell a wrong continuation
    failures = []
    for url in mirrors:
        try:
            _fetch(url, part, file_hash, max_bytes)
        except (OSError, HTTPException) as error:
            failures.append(f"{url}: {error or type(error).__name__}")
        else:
            os.replace(part, path)
            return
    raise DownloadError(
        f"{path.name}: the download failed",
        received="; ".join(failures),
        fix=f"check the network connection, or put the file at {path}",
    )


def _fetch(url: str, part: Path, file_hash: str | None, max_bytes: int) -> None:
    """Complete `part` from one mirror; if it was continued and turns out wrong, start again from nothing."""
    from urllib.error import HTTPError

    if part.exists():
        try:
            _transfer(url, part, max_bytes)
            if _has_hash(part, file_hash):
                return
        except HTTPError as error:
            error.close()
            if error.code != _RANGE_NOT_SATISFIABLE:
                raise
        part.unlink()
    _transfer(url, part, max_bytes)
    if not _has_hash(part, file_hash):
        received = _sha256(part)
        part.unlink()
        raise OSError(f"wrong SHA-256 {received}, expected {file_hash}")


def _transfer(url: str, part: Path, max_bytes: int) -> None:
    """Append to `part` what the mirror has behind its present end."""
    from urllib.request import Request, urlopen

    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "glassnet"} | ({"Range": f"bytes={start}-"} if start else {})
    with urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS) as response:
        if response.status != 206:
            start = 0  # the server does not know Range and sends the whole file
        elif not (response.headers["Content-Range"] or "").startswith(f"bytes {start}-"):
            raise OSError(f"asked for the bytes from {start} on, received {response.headers['Content-Range']}")
        if start + (response.length or 0) > max_bytes:
            raise OSError(f"the file is larger than {max_bytes:,} bytes")
        with part.open("ab" if start else "wb") as out:
            _copy(response, out, max_bytes - start)
            out.flush()
            os.fsync(out.fileno())
        if response.length:
            raise OSError(f"the connection ended {response.length:,} bytes too early")


def _copy(source: IO[bytes], out: IO[bytes], max_bytes: int) -> None:
    while chunk := source.read(_CHUNK):
        max_bytes -= len(chunk)
        if max_bytes < 0:
            out.truncate(0)
            raise OSError("the answer is longer than allowed")
        out.write(chunk)
