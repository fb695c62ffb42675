"""Recorder: every operation of a step, with copies of its numbers, read off the OpHook.

A number keeps its identity: an array that one operation writes and another reads is one `Recorded` tensor. Where an array
was overwritten in between (a weight after its update), the later reader sees a new one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.autograd.hooks import OpHook
from glassnet.autograd.op import Op
from glassnet.autograd.operators import F
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Node, Tensor, wrap
from glassnet.explain.source import Line, lines_of_call
from glassnet.typing import Array


@dataclass
class Run:
    """One run of one operation; tensors are named by their number in `Recorder.arrays`."""

    op: Op
    phase: str
    path: str
    """The layer inside which it ran, such as "sequential/dense"."""
    inputs: tuple[int, ...]
    results: tuple[int, ...]
    lines: dict[str, Line]
    """The lines of the call: in the library's layer, and in the user's code."""
    backward_of: int | None = None
    """The run whose vjp called this one."""
    inside_of: int | None = None
    """The run of a fused operation that this one is a part of."""


@dataclass
class Recorder(OpHook):
    """Collects runs and tensors while installed.

    >>> import glassnet as gn
    >>> with Recorder() as recorder:
    ...     y = gn.ops.relu(gn.Tensor([[-1.0, 2.0]]))
    >>> recorder.runs[0].op.name, recorder.arrays[recorder.runs[0].results[0]]
    ('relu', array([[0., 2.]], dtype=float32))
    """

    runs: list[Run] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    """Copies, in the order in which they were first seen."""
    gradients: dict[int, int] = field(default_factory=dict)
    """Tensor -> its gradient."""
    _live: dict[int, tuple[int, Any]] = field(default_factory=dict)
    """id of an array -> its number, and the array itself, so that the id stays its own."""
    _on_tape: dict[int, tuple[int, Node]] = field(default_factory=dict)
    _backward_of: int | None = None
    _inside_of: int | None = None

    def number(self, array: Any) -> int:
        """The number of a tensor; one that was overwritten since it was seen is a new one."""
        data = array.data if isinstance(array, Tensor) else array
        known = self._live.get(id(data))
        if known is not None and np.array_equal(
            self.arrays[known[0]], data, equal_nan=np.asarray(data).dtype.kind == "f"
        ):
            return known[0]
        self.arrays.append(np.array(data))
        number = len(self.arrays) - 1
        if isinstance(data, (np.ndarray, np.generic)):
            self._live[id(data)] = number, data
        return number

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Keep one run."""
        reads = tuple(self.number(x) for x in inputs)
        for y in results:
            self._live.pop(id(y), None)  # what an operation writes is a new tensor, whoever had this memory before
        writes = tuple(self.number(y) for y in results)
        run = Run(op, STATE.phase, "/".join(STATE.layers), reads, writes, lines_of_call(sys._getframe(1)))
        run.backward_of = self._backward_of if STATE.phase == "backward" else None
        run.inside_of = self._inside_of
        self.runs.append(run)

    def on_tape(self, node: Node, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Remember which run this node of the tape is."""
        self._on_tape[id(node)] = len(self.runs) - 1, node

    def before_vjp(self, node: Node, cotangent: Any) -> None:
        """From here on the operations belong to this vjp. All contributions to the cotangent have been added up."""
        known = self._on_tape.get(id(node))
        self._backward_of = None if known is None else known[0]
        if known is None:
            return
        results = self.runs[known[0]].results
        for result, g in zip(results, cotangent if isinstance(cotangent, tuple) else (cotangent,)):
            if g is not None:
                self.gradients[result] = self.number(g)

    def open_fused(self) -> None:
        """Run the composition of every fused forward operation, and keep its parts as `inside_of` that run."""
        self._backward_of = None
        for position, run in enumerate(list(self.runs)):
            if not run.op.is_fused or run.backward_of is not None:
                continue
            self._inside_of = position
            inputs = [wrap(self._copy_of(number), None) for number in run.inputs]
            before = STATE.phase, STATE.layers
            STATE.phase, STATE.layers = run.phase, run.path.split("/") if run.path else []
            try:
                with self, np.errstate(all="ignore"):
                    run.op.compose(F, *inputs)
            finally:
                STATE.phase, STATE.layers = before
                self._inside_of = None

    def _copy_of(self, number: int) -> Array:
        """The recorded numbers as a live array under the same number."""
        array = self.arrays[number].copy()
        self._live[id(array)] = number, array
        return array
