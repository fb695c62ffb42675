"""Lines of code: of an operation, of the layer that calls it, and of the user."""

from __future__ import annotations

import inspect
import linecache
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from glassnet.autograd.state import PACKAGE

_CALLERS = tuple(f"{PACKAGE}{os.sep}{part}" for part in ("layers", "losses", "optimizers", "models", "activations"))
_OWN = f"{PACKAGE}{os.sep}explain"


@dataclass(frozen=True)
class Line:
    """Where a piece of code stands, and what it says.

    `file` is short: `glassnet/ops/linalg.py` for the library, the bare file name for everybody else's code.
    """

    file: str
    line: int
    text: str


def shown_path(path: str) -> str:
    """A path that says nothing about this machine."""
    if path.startswith(PACKAGE):
        return Path(PACKAGE).name + "/" + Path(path).relative_to(PACKAGE).as_posix()
    return Path(path).name


def line_of(frame: FrameType) -> Line:
    """The line that a frame stands on."""
    path, number = frame.f_code.co_filename, frame.f_lineno
    return Line(shown_path(path), number, linecache.getline(path, number).strip())


def lines_of_call(frame: FrameType | None) -> dict[str, Line]:
    """The nearest line of a layer, loss or optimizer of the library, and the nearest line of the user, going outwards.

    The line that asked for the trace is not the user's: it stands behind this package's own frames.
    """
    found: dict[str, Line] = {}
    while frame is not None and not frame.f_code.co_filename.startswith(_OWN):
        path = frame.f_code.co_filename
        if not path.startswith(PACKAGE):
            if not path.startswith("<") or linecache.getline(path, frame.f_lineno):
                found["user"] = line_of(frame)
            break
        if "layer" not in found and path.startswith(_CALLERS):
            found["layer"] = line_of(frame)
        frame = frame.f_back
    return found


def code_of(owner: Any, method: str) -> Line | None:
    """The text of a method of an operation, with its first line; None where there is no source."""
    function: Any = getattr(type(owner), method, None)
    try:
        lines, number = inspect.getsourcelines(function)  # of None: TypeError
        path = inspect.getsourcefile(function) or ""
    except (OSError, TypeError):
        return None
    return Line(shown_path(path), number, textwrap.dedent("".join(lines)).rstrip())
