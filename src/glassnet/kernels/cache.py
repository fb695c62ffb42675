"""Machine code on disk: a plan that was compiled once is read the next time, with the proof of its first step.

A file is named by the SHA-256 of all that the code depends on: the kernels and drivers as formulas and places, this
package's sources, the processor, and llvmlite. Its first 32 bytes are the SHA-256 of the rest, so a damaged file is
noticed, and compiled anew. Whatever goes wrong with the folder costs time only, and is said once.

Beside it lies the proof, if the code has passed it: named by the graph, it says which code was proved and by which
schedule it runs, so that the next program reads both and derives nothing. Where it is missing, or the code is another
one, the next first step proves the plan again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    path = _path(code, "o")
    kept = _read(path)
    if kept is not None:
        return Library(kept)
    module = Module()
    write(module)
    found = translated(str(module.module))
    try:
        _keep(path, found)
    except OSError as problem:
        where = path if path.is_dir() else path.parent
        _say(f"compiled steps cannot be kept in {where} ({problem.strerror}): every program compiles its own")
    return Library(found)


class Proof:
    """That code has given NumPy's numbers for a graph, in the first step of some program; and how it is run.

    The code alone does not say for what: which array stands behind an address, what NumPy runs between two stages and
    what it would compute instead of a kernel are in the graph.

    Arguments:
        meaning: all that the code and the numbers follow from, apart from the sources; empty where that cannot be
            told, and then no proof is kept.
    """

    library: Library
    schedule: Any

    def __init__(self, meaning: str) -> None:
        self._path = _path(f"{np.__version__} {meaning}", "proof") if meaning else None
        self.is_kept = self._is_found()

    def _is_found(self) -> bool:
        """Whether this graph has passed, with the very code that is still there."""
        if self._path is None or (kept := _read(self._path)) is None:
            return False
        name, digest, self.schedule = pickle.loads(kept)  # trusted like the machine code beside it
        code = _read(self._path.with_name(name))
        if code is None or hashlib.sha256(code).digest() != digest:
            return False
        self.library = Library(code)
        return True

    def keep(self, code: str, library: Library, schedule: Any) -> None:
        """Note that a library, compiled from `code`, has passed; where nothing can be written, every program proves it."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                _keep(self._path, pickle.dumps((_path(code, "o").name, library.digest, schedule)))


def _path(text: str, kind: str) -> Path:
    """Where it is kept what follows from a text."""
    return config.cache_folder() / "kernels" / f"{hashlib.sha256((_generator() + text).encode()).hexdigest()}.{kind}"


@functools.cache
def _generator() -> str:
    """What code for the same formulas depends on, and what NumPy gives for the same graph: our sources and the machine."""
    sources = sorted(source for folder in _FOLDERS for source in (_PACKAGE / folder).glob("*.py"))
    text = b"".join(source.read_bytes() for source in sources)
    return " ".join([hashlib.sha256(text).hexdigest(), machine().name, machine().features, llvmlite.__version__])


def _read(path: Path) -> bytes | None:
    """The content of a file; None where there is none, or where it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        _say(f"{path} is damaged; it is made anew")
        return None
    with contextlib.suppress(OSError):  # a folder that may only be read serves as well
        os.utime(path)  # it was used just now
    return data[_DIGEST:]


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    with contextlib.suppress(FileNotFoundError):  # another program tidies up as well
        _tidy(path.parent)


def _tidy(folder: Path) -> None:
    """Remove what was not used for the longest time, until the rest fits."""
    files = [file for kind in ("*.o", "*.proof") for file in folder.glob(kind) if file.is_file()]
    found = sorted(((file.stat(), file) for file in files), key=lambda pair: pair[0].st_mtime)
    total = sum(status.st_size for status, _ in found)
    for status, file in found:
        if total <= _MOST_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= status.st_size


@functools.cache
def _say(text: str) -> None:
    warnings.warn(text, stacklevel=2)
