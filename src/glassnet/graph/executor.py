"""Who runs a graph: NumPy, or compiled kernels that have proved themselves on the first step.

A compiled plan runs its first step twice, once with NumPy on the same numbers. If loss, outputs or any variable
disagree, or if the graph cannot be compiled, NumPy goes on and one notice says so: training is never wrong, only slower.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from glassnet import config
from glassnet.autograd.variable import Variable
from glassnet.errors import MissingDependency
from glassnet.graph.ir import Graph
from glassnet.graph.plan import ExecutionPlan, one_by_one
from glassnet.typing import Array

_TOLERANCE = 1e-4
"""Of a number, as a share of the largest one in its array."""
_REST = 1e-6
"""By how much a single number may be off: a loss of 0.0006 is what is left of logits of 10."""
_NUDGE = 1e-5
"""How far all variables are moved to see what rounding can do to a step: as far as a kernel's numbers may be off."""
_ROUNDING = 20.0
"""How many times more than that is still rounding."""


def plan_for(graph: Graph) -> ExecutionPlan | ProvedPlan:
    """The plan that `gn.config.executor()` asks for."""
    if config.executor() == "numpy":
        return ExecutionPlan(graph)
    try:
        from glassnet.kernels.plan import CompiledPlan
    except ImportError as problem:
        raise MissingDependency(
            "the executor 'llvm' needs llvmlite", received=str(problem), fix="pip install 'glassnet[fast]'"
        ) from problem
    try:
        compiled = CompiledPlan(graph)
    except Exception as problem:  # whatever a compiler may stumble over must not stop a training
        warnings.warn(f"the step could not be compiled ({problem!r}); NumPy goes on", stacklevel=2)
        return ExecutionPlan(graph)
    return ProvedPlan(ExecutionPlan(graph), compiled)


class ProvedPlan:
    """A compiled plan behind a check of its first step."""

    def __init__(self, reference: ExecutionPlan, compiled: Any) -> None:
        self.graph, self._reference, self._compiled = reference.graph, reference, compiled
        self.is_proved = False

    def run(self, *arrays: Any) -> list[Any]:
        """One step; the first one is run by both."""
        plan = self._reference if self._compiled is None or not self._compiled.accepts(*arrays) else self._compiled
        if self.is_proved or plan is self._reference:
            return plan.run(*arrays)
        return self._first(*arrays)

    def scan(self, rows: Array, *arrays: Any) -> list[Any]:
        """A step on the rows `rows[k]` of whole arrays for every k; outputs have an axis of steps in front."""
        plan = self._compiled
        if self.is_proved and plan is not None and plan.can_scan and plan.accepts(*arrays):
            return list(plan.scan(rows, *arrays))
        return one_by_one(self, rows, arrays)

    def report(self) -> str:
        """What became kernels, what NumPy runs and why."""
        return "NumPy runs every op" if self._compiled is None else str(self._compiled.report())

    def _first(self, *arrays: Any) -> list[Any]:
        """NumPy, NumPy on variables moved a little, and the kernels: the second says how exact the third can be.

        An adaptive rule divides a gradient by its own size, so where the true gradient is 0 rounding alone decides.
        """
        fed, rng = self.graph.fed(), np.random.default_rng(0)
        variables = list({variable: None for variable, _ in (*self.graph.variables, *self.graph.assigns)})
        before = [variable.numpy() for variable in variables]
        nudged = [x * (1 + _NUDGE * rng.uniform(-1, 1, x.shape)).astype(x.dtype) if _is_float(x) else x for x in before]
        wanted = self._changes(self._reference, variables, before, arrays, fed)
        moved = self._changes(self._reference, variables, nudged, arrays, fed)
        found = self._changes(self._compiled, variables, before, arrays, fed)
        names = [f"output {k}" for k in range(len(self.graph.outputs))] + [variable.path for variable in variables]
        wrong = [name for name, *three in zip(names, wanted, moved, found, strict=True) if not _agree(*three)]
        self.is_proved = not wrong
        if wrong:
            warnings.warn(
                f"compiled kernels are off: in the first step {wrong[0]} is wrong; NumPy goes on", stacklevel=2
            )
            self._compiled = None
        for variable, array in zip(variables, before):
            np.copyto(variable.array, array)
        return (self._compiled or self._reference).run(*arrays, fed=fed)

    def _changes(
        self, plan: Any, variables: list[Variable], start: list[Array], arrays: Any, fed: list[Any]
    ) -> list[Array]:
        """The outputs of a step, and what it adds to each variable."""
        for variable, array in zip(variables, start):
            np.copyto(variable.array, array)
        outputs = plan.run(*arrays, fed=fed)
        return [
            *outputs,
            *[variable.numpy() - x if _is_float(x) else variable.numpy() for variable, x in zip(variables, start)],
        ]


def _is_float(array: Array) -> bool:
    return array.dtype.kind == "f"


def _agree(wanted: Array, moved: Array, found: Array) -> bool:
    """Whether two arrays are equal up to rounding; NaN and infinity must stand in the same places."""
    if not _is_float(wanted):
        return bool(np.array_equal(wanted, found))
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], found[~finite], equal_nan=True) or not np.all(np.isfinite(found[finite])):
        return False
    a, b, c = (np.asarray(x[finite], np.float64) for x in (wanted, found, moved))
    rounding = np.max(np.abs(c - a), initial=0.0, where=np.isfinite(c))
    allowed = _TOLERANCE * np.max(np.abs(a), initial=0.0) + _ROUNDING * rounding + (_REST if a.size == 1 else 1e-30)
    return bool(np.all(np.abs(a - b) <= allowed))
