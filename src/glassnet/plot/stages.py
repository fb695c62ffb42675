"""The stages of a traced step, as the strip of the explain page has them: the input, what each layer gives out, the loss."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.explain.trace import Trace, TracedOp, TracedTensor
from glassnet.typing import Array

_SAME = ("cast", "reshape", "identity")
"""Operations that give the same numbers once more."""
_PROBABILITIES = ("softmax", "sigmoid")
_FEW_SAMPLES = 8
"""A batch of so many samples is shown whole, a row per sample."""
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Stage:
    """One stage: its numbers and their gradient."""

    title: str
    """The layer; for its further results the operation: dense, then tanh."""
    tensor: TracedTensor
    op: TracedOp | None
    """What computed it; None for the input and the loss."""
    value: Array
    """What is shown of it: the whole small batch, or the first sample."""
    gradient: Array | None
    """The gradient of the loss with respect to `value`; None where the step computed none."""
    weights: tuple[TracedTensor, ...]
    """The parameters on the way to it."""

    @property
    def role(self) -> str:
        """input, act or loss."""
        return "act" if self.op is not None else "input" if self.tensor.role == "input" else "loss"

    @property
    def symbol(self) -> str:
        """As in formulas: z₁."""
        return subscripted(self.tensor.symbol)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole tensor."""
        return self.tensor.array.shape

    @property
    def is_probability(self) -> bool:
        """Whether its numbers lie between 0 and 1 by their nature."""
        return self.op is not None and self.op.name in _PROBABILITIES

    @property
    def kind(self) -> str:
        """In which colours it is drawn: "image" for an input that is never below 0, else "value"."""
        return "image" if self.role == "input" and self.value.min() >= 0 else "value"


def stages_of(trace: Trace, who: str) -> list[Stage]:
    """The stages from the input to the loss."""
    if "loss_ref" not in trace.facts:
        raise ArgumentError(
            f"{who}: the trace is not a training step", expected="a step with its loss", fix="gn.trace(model, x, y)"
        )
    whole = _shown_whole(trace)
    written = {number for op in trace.ops for number in op.writes}
    inputs = (t for k, t in enumerate(trace.tensors) if t.role == "input" and k not in written)
    found = [_stage(trace, t, "input", None, whole) for t in inputs]
    for title, op in _computing(trace):
        found.append(_stage(trace, trace.tensors[op.writes[0]], title, op, whole))
    return [*found, _stage(trace, trace[trace.facts["loss_ref"]], "loss", None, whole)]


def subscripted(symbol: str) -> str:
    """W1 as W₁; a digit that follows no letter is a number.

    >>> subscripted("1 − (a1 · W12)")
    '1 − (a₁ · W₁₂)'
    """
    return re.sub(r"(?<=[^\W\d])\d+", lambda digits: digits.group().translate(_SUBSCRIPTS), symbol)


def _computing(trace: Trace) -> Iterator[tuple[str, TracedOp]]:
    """The operations that multiply by weights, and the last one of each layer; each under the name of what it is."""
    for step in trace.steps:
        ops = [trace.ops[number] for number in step.ops if step.phase == "forward"]
        weighted = [any(trace.tensors[k].role == "param" for k in op.reads) for op in ops]
        for k, op in enumerate(ops):
            if op.name not in _SAME and (weighted[k] or k == len(ops) - 1):
                yield (op.name if any(weighted) and not weighted[k] else step.title), op


def _stage(trace: Trace, tensor: TracedTensor, title: str, op: TracedOp | None, whole: bool) -> Stage:
    def part(array: Array) -> Array:
        batched = array.ndim > 0 and len(array) == trace.facts["samples"]
        return np.asarray(array[:1] if batched and not whole else array, float)

    gradient = None if tensor.grad is None else part(trace.tensors[tensor.grad].array)
    reads = [] if op is None else [trace.tensors[k] for k in op.reads]
    weights = tuple(read for read in reads if read.role == "param")
    return Stage(title, tensor, op, part(tensor.array), gradient, weights)


def _shown_whole(trace: Trace) -> bool:
    """Whether a row per sample has room."""
    rows = all(t.array.ndim <= 2 and t.array.shape[1:] <= (16,) for t in trace.tensors if t.role in ("input", "act"))
    return rows and trace.facts["samples"] <= _FEW_SAMPLES
