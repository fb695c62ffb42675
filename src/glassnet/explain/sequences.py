"""Sequences in a trace: what results of recurrence and attention are called, and which axis is time, head, query, key."""

from __future__ import annotations

from glassnet.explain.trace import TracedOp, TracedTensor

_RECURRENT = ("simple_rnn", "lstm", "gru")
OPENED = (*_RECURRENT, "attention")
"""Fused operations that the page opens; it needs all that they read and write."""

_STATES = {"y": "h", "h": "h_T", "c": "c_T"}
_STEPWISE = (*_RECURRENT, "lookup", "einsum")
_BATCH = {1: "N", 2: "NO", 3: "NHW", 4: "NHWC"}


def symbol_of(op: TracedOp, output: str) -> str:
    """A short name for a result of a recurrence or of attention; none for other operations."""
    if op.name in _RECURRENT:
        return _STATES.get(output, output)
    return {"y": "A", "p": "P"}[output] if op.name == "attention" else ""


def axes_of(op: TracedOp, output: str, first: TracedTensor, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The letters of the axes of a result; `first` is what the operation reads first."""
    if op.name in _RECURRENT and output not in _STATES:
        return tuple("TNO")
    if op.name == "attention":
        return tuple("NHTS" if output == "p" else "NTHD")
    if op.name in _STEPWISE and len(shape) in (3, 4):
        return tuple("NTO" if len(shape) == 3 else "NTHD")
    if len(shape) > 2 and first.axes and (first.array.shape == shape or op.name == "linear"):
        return first.axes if first.array.shape == shape else (*first.axes[:-1], "O")
    return tuple(_BATCH.get(len(shape), ""))
