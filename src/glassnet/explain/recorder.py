"""Recorder: every operation of a step with its numbers, in order, read off the OpHook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd import rules
from glassnet.autograd.hooks import OpHook
from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.autograd.worked import Cell, Worked, latex, work_cell
from glassnet.typing import Array


@dataclass(frozen=True)
class Step:
    """One run of one operation: copies of what it read and wrote."""

    op: Op
    phase: str
    layers: str
    inputs: tuple[Array, ...]
    results: tuple[Array, ...]
    backward_of: Op | None = None
    """The op whose vjp called this one."""

    @property
    def rule(self) -> str:
        """The index rule for these shapes; empty for an op without one."""
        return self.op.rule_for(*[Spec.of(x) for x in self.inputs])

    @property
    def formula(self) -> str:
        """LaTeX of the formula."""
        return self.op.formula or latex(self.rule)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return self.op.input_names(len(self.inputs))

    def work(self, cell: Cell, output: int = 0, terms: int = 4) -> Worked | None:
        """One cell of an output with its numbers, or None for an op without a rule."""
        if not self.rule:
            return None
        known = dict(zip(self.names, self.inputs, strict=True))
        shapes = {name: y.shape for name, y in zip(self.op.outputs, self.results, strict=False)}
        known |= rules.evaluate(self.rule, known, self.op.attributes, shapes)
        return work_cell(self.rule, known, self.op.attributes, cell, terms, self.op.outputs[output])


class Recorder(OpHook):
    """Collects the steps while installed.

    >>> import glassnet as gn
    >>> with Recorder() as recorder:
    ...     y = gn.ops.relu(gn.Tensor([[-1.0, 2.0]]))
    >>> recorder.steps[0].work((0, 1)).text
    'max(2, 0)'
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._backward_of: Op | None = None

    def before_vjp(self, op: Op, cotangent: Any, results: Any, inputs: tuple[Any, ...]) -> None:
        """From here on the ops belong to this vjp."""
        self._backward_of = op

    def after_vjp(self, op: Op, cotangent: Any, results: Any, inputs: tuple[Any, ...], found: tuple[Any, ...]) -> None:
        """The vjp is over."""
        self._backward_of = None

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Keep copies of one run."""
        copies = tuple(np.array(x) for x in inputs)
        outs = tuple(np.array(y) for y in results[: len(op.outputs)])
        self.steps.append(Step(op, STATE.phase, "/".join(STATE.layers), copies, outs, self._backward_of))
