"""Machine code on disk: a plan that was compiled once is read the next time.

A file is named by the SHA-256 of all that the code depends on: the kernels and drivers as formulas and places, this
package's generator, the processor, and llvmlite. Its first 32 bytes are the SHA-256 of the rest, so a damaged file is
noticed, and compiled anew. Whatever goes wrong with the folder costs time only, and is said once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import llvmlite

from glassnet import config
from glassnet.kernels.llvm import Library, Module, machine, translated

_DIGEST = 32
_MOST_BYTES = 200 * 2**20
"""Of all files together; beyond it those that were not used for the longest time go."""


def compiled(code: str, write: Callable[[Module], None]) -> Library:
    """The library for a description of code: from disk, or written and translated now.

    Arguments:
        code: all that the machine code depends on, apart from generator, processor and llvmlite.
        write: puts the functions into a module.
    """
    path = config.cache_folder() / "kernels" / f"{hashlib.sha256((_generator() + code).encode()).hexdigest()}.o"
    kept = _read(path)
    if kept is not None:
        return Library(kept)
    module = Module()
    write(module)
    found = translated(str(module.module))
    try:
        _keep(path, found)
    except OSError as problem:
        _say(f"compiled steps cannot be kept in {path.parent} ({problem.strerror}): every program compiles its own")
    return Library(found)


@functools.cache
def _generator() -> str:
    """What code for the same formulas depends on: the sources of this folder, the processor, llvmlite."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    text = b"".join(source.read_bytes() for source in sources)
    return " ".join([hashlib.sha256(text).hexdigest(), machine().name, machine().features, llvmlite.__version__])


def _read(path: Path) -> bytes | None:
    """The code in a file; None where there is none, or where it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        _say(f"{path} is damaged; it is compiled anew")
        return None
    with contextlib.suppress(OSError):  # a folder that may only be read serves as well
        os.utime(path)  # it was used just now
    return data[_DIGEST:]


def _keep(path: Path, code: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(hashlib.sha256(code).digest() + code)
    os.replace(name, path)
    with contextlib.suppress(FileNotFoundError):  # another program tidies up as well
        _tidy(path.parent)


def _tidy(folder: Path) -> None:
    """Remove what was not used for the longest time, until the rest fits."""
    found = sorted(((file.stat(), file) for file in folder.glob("*.o")), key=lambda pair: pair[0].st_mtime)
    total = sum(status.st_size for status, _ in found)
    for status, file in found:
        if total <= _MOST_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= status.st_size


@functools.cache
def _say(text: str) -> None:
    warnings.warn(text, stacklevel=2)
