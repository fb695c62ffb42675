"""What the engine is doing right now in this thread: recording, tracing, observed by hooks, inside which layer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassnet.autograd.hooks import OpHook

PACKAGE = str(Path(__file__).resolve().parent.parent)


class State(threading.local):
    """Per-thread switches of the engine."""

    recording: bool = True
    """False inside `no_grad`: results are computed but no tape is written."""
    tracer: Any = None
    """The Tracer (level L3) that collects a Graph, or None in eager execution."""
    hooks: tuple[OpHook, ...] = ()
    training: bool | None = None
    """What `training` means for layers that are not told: set by the outermost call."""
    phase: str = "forward"
    """"forward", "loss", "backward" or "update": which part of a step the hooks are watching."""

    def __init__(self) -> None:
        self.layers: list[str] = []


STATE = State()


class Clock:
    """Counts assignments, so that backward can tell that a saved value has been overwritten since."""

    now = 0

    def tick(self) -> int:
        """Advance and return the time of the new assignment."""
        self.now += 1
        return self.now


CLOCK = Clock()


def user_line() -> str:
    """`file:line` of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


@contextmanager
def recording(on: bool) -> Iterator[None]:
    """Write the tape, or not, inside the `with` block."""
    before, STATE.recording = STATE.recording, on
    try:
        yield
    finally:
        STATE.recording = before


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Name the part of the training step that runs inside the `with` block."""
    before, STATE.phase = STATE.phase, name
    try:
        yield
    finally:
        STATE.phase = before
