"""A recorded step as text: shapes, rule, and the same rule with the numbers of one cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from glassnet.autograd.worked import format_number
from glassnet.explain.recorder import Recorder, Step

_MOST_CELLS = 6


def explain_text(run: Callable[[], Any]) -> str:
    """Run a training step and tell every number of it.

    Arguments:
        run: does forward, backward and update; whatever it computes is recorded.

    >>> import glassnet as gn
    >>> print(explain_text(lambda: gn.ops.relu(gn.Tensor([[-1.0, 2.0]]))))
    FORWARD
      1. relu  x (1, 2) -> y (1, 2)
         y = max(x, 0)
         y[0,0] = max(−1, 0) = 0
         y[0,1] = max(2, 0) = 2
    """
    with Recorder() as recorder:
        run()
    return narrate(recorder.steps)


def narrate(steps: Iterable[Step]) -> str:
    """Recorded steps as text."""
    lines: list[str] = []
    phase, backward_of = "", None
    for number, step in enumerate(steps, 1):
        if step.phase != phase:
            phase = step.phase
            lines.append(phase.upper())
        if step.backward_of is not None and step.backward_of is not backward_of:
            lines += _backward_lines(step)
        backward_of = step.backward_of
        lines += _step_lines(number, step)
    return "\n".join(lines)


def _backward_lines(step: Step) -> list[str]:
    """Which op is being differentiated, and its gradient formulas."""
    op = step.backward_of
    assert op is not None
    layer = f"  [{step.layers}]" if step.layers else ""
    formulas = [op.gradient] if isinstance(op.gradient, str) else list(op.gradient)
    return [f"  backward of {op.name}{layer}", *[f"     {formula}" for formula in formulas if formula]]


def _step_lines(number: int, step: Step) -> list[str]:
    reads = ", ".join(f"{name} {x.shape}" for name, x in zip(step.names, step.inputs, strict=True))
    writes = ", ".join(f"{name} {y.shape}" for name, y in zip(step.op.outputs, step.results, strict=False))
    layer = f"  [{step.layers}]" if step.layers else ""
    lines = [f"  {number}. {step.op.name}  {reads} -> {writes}{layer}"]
    if step.rule:
        lines += [f"     {statement.strip()}" for statement in step.rule.split(";")]
    for output, (name, y) in enumerate(zip(step.op.outputs, step.results, strict=False)):
        lines += _cell_lines(step, output, name, y)
    return lines


def _cell_lines(step: Step, output: int, name: str, y: Any) -> list[str]:
    cells = list(np.ndindex(*y.shape)) if y.size <= _MOST_CELLS else [_largest(y)]
    lines = []
    for cell in cells:
        where = f"[{','.join(map(str, cell))}]" if cell else ""
        worked = step.work(cell, output)
        numbers = f"{worked.text} = " if worked is not None else ""
        lines.append(f"     {name}{where} = {numbers}{format_number(y[cell])}")
    if y.size > len(cells):
        lines.append(f"     ({y.size - 1} other cells; shown is the largest)")
    return lines


def _largest(y: Any) -> tuple[int, ...]:
    size = np.abs(y) if y.dtype.kind in "fiu" else y
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), y.shape))
