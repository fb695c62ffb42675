"""The proof of a compiled plan: its first step is run by NumPy too, on the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autograd.variable import Variable
from glassnet.graph.plan import ExecutionPlan
from glassnet.typing import Array

_TOLERANCE = 1e-4
"""Of a number, as a share of the largest one in its array."""
_REST = 1e-6
"""By how much a single number may be off: a loss of 0.0006 is what is left of logits of 10."""
_NUDGE = 1e-5
"""How far all variables are moved to see what rounding can do to a step: as far as a kernel's numbers may be off."""
_GRAINS = 4
"""How many roundings of a variable's largest number its change may be off."""
_ROUNDING = 20.0
"""How many times more than that is still rounding."""


def wrong_in_first_step(reference: ExecutionPlan, compiled: Any, arrays: Any, fed: list[Array]) -> list[str]:
    """Names of the outputs and variables that a compiled plan gets wrong; the variables are as before afterwards.

    NumPy and the kernels; and where they differ, NumPy on variables moved a little, which says how exact the kernels
    can be: an adaptive rule divides a gradient by its own size, so where the true gradient is 0 rounding alone decides.
    """
    graph, rng = reference.graph, np.random.default_rng(0)
    variables = list({variable: None for variable, _ in (*graph.variables, *graph.assigns)})
    before = [variable.numpy() for variable in variables]
    wanted = _changes(reference, variables, before, arrays, fed)
    found = _changes(compiled, variables, before, arrays, fed)
    names = [f"output {k}" for k in range(len(graph.outputs))] + [variable.path for variable in variables]
    grains = [0.0] * len(graph.outputs) + [_GRAINS * _grain(x) for x in before]
    wrong = [k for k, (a, b, grain) in enumerate(zip(wanted, found, grains)) if not _agree(a, b, a, grain)]
    if wrong:
        nudged = [x * (1 + _NUDGE * rng.uniform(-1, 1, x.shape)).astype(x.dtype) if _is_float(x) else x for x in before]
        moved = _changes(reference, variables, nudged, arrays, fed)
        wrong = [k for k in wrong if not _agree(wanted[k], found[k], moved[k], grains[k])]
    for variable, array in zip(variables, before):
        np.copyto(variable.array, array)
    return [names[k] for k in wrong]


def _changes(plan: Any, variables: list[Variable], start: list[Array], arrays: Any, fed: list[Array]) -> list[Array]:
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


def _grain(array: Array) -> float:
    """From the largest number of an array to the next one of its type: what is stored is rounded to that."""
    return float(np.spacing(np.max(np.abs(array), initial=0.0))) if _is_float(array) and array.size else 0.0


def _agree(wanted: Array, found: Array, moved: Array, grain: float) -> bool:
    """Whether two arrays are equal up to rounding; NaN and infinity must stand in the same places.

    Arguments:
        moved: what NumPy gives where its variables are moved a little.
        grain: by how much a number may be off because it was stored.
    """
    if not _is_float(wanted):
        return bool(np.array_equal(wanted, found))
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], found[~finite], equal_nan=True) or not np.all(np.isfinite(found[finite])):
        return False
    a, b, c = (np.asarray(x[finite], np.float64) for x in (wanted, found, moved))
    rounding = np.max(np.abs(c - a), initial=0.0, where=np.isfinite(c))
    allowed = (
        _TOLERANCE * np.max(np.abs(a), initial=0.0) + _ROUNDING * rounding + grain + (_REST if a.size == 1 else 1e-30)
    )
    return bool(np.all(np.abs(a - b) <= allowed))
