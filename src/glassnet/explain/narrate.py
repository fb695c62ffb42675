"""A trace as text: shapes, rule, and the same rule with the numbers of one cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.autograd.worked import format_number
from glassnet.explain.recording import record
from glassnet.explain.trace import Trace, TracedOp

_MOST_CELLS = 6


def explain_text(run: Callable[[], Any]) -> str:
    """Run something and tell every number of it.

    Arguments:
        run: whatever it computes is recorded: a forward pass, a whole training step.

    >>> import glassnet as gn
    >>> print(explain_text(lambda: gn.ops.relu(gn.Tensor([[-1.0, 2.0]]))))
    FORWARD
      1. relu  x (1, 2) -> y (1, 2)
         y = max(x, 0)
         y[0,0] = max(−1, 0) = 0
         y[0,1] = max(2, 0) = 2
    """
    return narrate(record(run))


def narrate(trace: Trace) -> str:
    """A trace as text."""
    lines: list[str] = []
    phase, backward_of = "", None
    for number, op in enumerate((op for op in trace.ops if op.inside_of is None), 1):
        if op.phase != phase:
            phase = op.phase
            lines.append(phase.upper())
        if op.backward_of is not None and op.backward_of != backward_of:
            lines += _backward_lines(trace.ops[op.backward_of])
        backward_of = op.backward_of
        lines += _op_lines(trace, number, op)
    return "\n".join(lines)


def _backward_lines(op: TracedOp) -> list[str]:
    """Which op is being differentiated, and its gradient formulas."""
    layer = f"  [{op.path}]" if op.path else ""
    return [f"  backward of {op.name}{layer}", *[f"     {formula}" for formula in op.gradient if formula]]


def _op_lines(trace: Trace, number: int, op: TracedOp) -> list[str]:
    shapes = [trace.tensors[tensor].array.shape for tensor in (*op.reads, *op.writes)]
    reads = ", ".join(f"{name} {shape}" for name, shape in zip(op.inputs, shapes))
    writes = ", ".join(f"{name} {shape}" for name, shape in zip(op.outputs, shapes[len(op.reads) :]))
    layer = f"  [{op.path}]" if op.path else ""
    lines = [f"  {number}. {op.name}  {reads} -> {writes}{layer}"]
    if op.rule:
        lines += [f"     {statement.strip()}" for statement in op.rule.split(";")]
    for name in op.targets:
        if name in op.outputs:  # a rule may name what it computes on the way
            lines += _cell_lines(trace, op, op.outputs.index(name), name)
    return lines


def _cell_lines(trace: Trace, op: TracedOp, output: int, name: str) -> list[str]:
    y = trace.tensors[op.writes[output]].array
    cells = list(np.ndindex(*y.shape)) if y.size <= _MOST_CELLS else [_largest(y)]
    lines = []
    for cell in cells:
        where = f"[{','.join(map(str, cell))}]" if cell else ""
        worked = trace.work(op, cell, output)
        numbers = f"{worked.text} = " if worked is not None else ""
        lines.append(f"     {name}{where} = {numbers}{format_number(y[cell])}")
    if y.size > len(cells):
        lines.append(f"     ({y.size - 1} other cells; shown is the largest)")
    return lines


def _largest(y: Any) -> tuple[int, ...]:
    size = np.abs(y) if y.dtype.kind in "fiu" else y
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), y.shape))
