"""Machine code on disk: a plan that was compiled once is read the next time, with the proof of its first step.

A file is named by the SHA-256 of all that the code depends on: the kernels and drivers as formulas and places, this
package's sources, the processor, and llvmlite. Its first 32 bytes are the SHA-256 of the rest, so a damaged file is
noticed, and compiled anew. Whatever goes wrong with the folder costs time only, and is said once.

Beside it lies the proof, if the code has passed it: the SHA-256 of the code itself and of all else that the proof was
about. Anything else in its place, or nothing, means that the next first step proves the plan again.
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
import numpy as np

from glassnet import config
from glassnet.kernels.llvm import Library, Module, machine, translated

_DIGEST = 32
_PACKAGE = Path(config.__file__).parent
_FOLDERS = ("autograd", "graph", "kernels", "ops")
"""The sources that decide what a graph computes: as machine code, and with NumPy, against which that is proved."""
_MOST_BYTES = 200 * 2**20
"""Of all files together; beyond it those that were not used for the longest time go."""


def compiled(code: str, write: Callable[[Module], None]) -> Library:
    """The library for a description of code: from disk, or written and translated now.

    Arguments:
        code: all that the machine code depends on, apart from generator, processor and llvmlite.
        write: puts the functions into a module.
    """
    path = _path(code)
    kept = _read(path)
    if kept is not None:
        return Library(kept)
    module = Module()
    write(module)
    found = translated(str(module.module))
    try:
        _keep(path, hashlib.sha256(found).digest() + found)
    except OSError as problem:
        _say(f"compiled steps cannot be kept in {path.parent} ({problem.strerror}): every program compiles its own")
    return Library(found)


class Proof:
    """That code has given NumPy's numbers for a graph, in the first step of some program.

    The code alone does not say for what: which array stands behind an address, what NumPy runs between two stages and
    what it would compute instead of a kernel are in the graph.

    Arguments:
        code: what `library` was compiled from.
        library: the very machine code.
        meaning: of the graph; empty where that cannot be told, and then no proof is kept.
    """

    def __init__(self, code: str, library: Library, meaning: str) -> None:
        self._path = _path(code).with_suffix(".proof") if meaning else None
        text = f"{_generator()} {np.__version__} {library.digest} {meaning}"
        self._seal = hashlib.sha256(text.encode()).digest()

    def is_kept(self) -> bool:
        """Whether this very code has passed for this very graph."""
        try:
            return self._path is not None and self._path.read_bytes() == self._seal
        except OSError:
            return False

    def keep(self) -> None:
        """Note that it has passed; where nothing can be written, every program proves its own."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                _keep(self._path, self._seal)


def _path(code: str) -> Path:
    """Where the machine code for a description is kept."""
    return config.cache_folder() / "kernels" / f"{hashlib.sha256((_generator() + code).encode()).hexdigest()}.o"


@functools.cache
def _generator() -> str:
    """What code for the same formulas depends on, and what NumPy gives for the same graph: our sources and the machine."""
    sources = sorted(source for folder in _FOLDERS for source in (_PACKAGE / folder).glob("*.py"))
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


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
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
        file.with_suffix(".proof").unlink(missing_ok=True)
        total -= status.st_size


@functools.cache
def _say(text: str) -> None:
    warnings.warn(text, stacklevel=2)
