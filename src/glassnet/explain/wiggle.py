"""The gradient without calculus: make one weight a little smaller and larger, and compute the loss anew.

The slope of that curve at the weight's own value is its gradient. The losses are computed in float64 by the same
operations with the same random bits, so that the slope can be compared with the chain rule's answer to many digits.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.explain.route import strongest_route
from glassnet.explain.trace import Trace, replay

_VALUES = 21
_OTHERS = 16
_ALL = 64
"""A network with at most so many weights has all of them wiggled."""
_SMALLEST_REACH = 0.1
_STEP = 1e-5
_WEIGHT = re.compile(r"(.*)\[([\d,]*)\]")


def wiggle(trace: Trace, refs: list[str] | None = None) -> list[dict[str, Any]]:
    """The loss at 21 values around single weights, with the gradient and the slope found by trying.

    Arguments:
        refs: weights such as "dense/kernel@0[3,1]"; by default all of a small network, else those of the strongest
            route and 16 of the largest gradients. A trace that was read from a file cannot be computed anew: none.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.layers.Dense(1)])
    >>> step = gn.trace(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse", optimizer="sgd")
    >>> found = wiggle(step)[0]
    >>> len(found["losses"]), abs(found["slope"] - found["difference"]) < 1e-4
    (21, True)
    """
    if any(op.op is None for op in trace.ops) or "loss_ref" not in trace.facts:
        return []
    places = [_place(trace, ref) for ref in refs] if refs is not None else _places(trace)
    with np.errstate(all="ignore"):
        known = replay(trace, {}, np.float64)
    return [_wiggled(trace, number, cell, known) for number, cell in places]


def _wiggled(trace: Trace, number: int, cell: tuple[int, ...], known: dict[int, Any]) -> dict[str, Any]:
    weights = trace.tensors[number]
    gradient = weights.grad
    value = float(weights.array[cell])
    reach = max(math.sqrt(float(np.mean(np.square(weights.array, dtype=np.float64)))), _SMALLEST_REACH)
    values = [value + reach * share for share in np.linspace(-1, 1, _VALUES)]
    low, high = (_loss_at(trace, number, cell, value + way * _STEP, known) for way in (-1, 1))
    return {
        "tensor": number, "cell": list(cell), "values": values,
        "losses": [_loss_at(trace, number, cell, tried, known) for tried in values],
        "slope": 0.0 if gradient is None else float(trace.tensors[gradient].array[cell]),
        "difference": (high - low) / (2 * _STEP),
    }  # fmt: skip


def _loss_at(trace: Trace, number: int, cell: tuple[int, ...], value: float, known: dict[int, Any]) -> float:
    changed = trace.tensors[number].array.astype(np.float64)
    changed[cell] = value
    loss = next(n for n, tensor in enumerate(trace.tensors) if tensor.ref == trace.facts["loss_ref"])
    with np.errstate(all="ignore"):
        return float(replay(trace, {number: changed}, np.float64, known)[loss])


# ---------------------------------------------------------------- which weights


def _place(trace: Trace, ref: str) -> tuple[int, tuple[int, ...]]:
    """The tensor and cell of a ref that names one weight before the update."""
    found = _WEIGHT.fullmatch(ref)
    name, cell = found.groups() if found else (ref, "")
    tensor = trace[name]
    number = next(n for n, one in enumerate(trace.tensors) if one is tensor)
    place = tuple(int(part) for part in cell.split(",")) if cell else ()
    inside = len(place) == tensor.array.ndim and all(p < n for p, n in zip(place, tensor.array.shape))
    if tensor.role != "param" or tensor.version != 0 or not inside:
        raise ArgumentError(
            f"wiggle: {ref!r} is not one weight", expected=f"{trace.refs('param')[0]}[...]", received=ref
        )
    return number, place


def _places(trace: Trace) -> list[tuple[int, tuple[int, ...]]]:
    weights = {n: t for n, t in enumerate(trace.tensors) if t.role == "param" and t.version == 0 and t.grad is not None}
    if sum(tensor.array.size for tensor in weights.values()) <= _ALL:
        return [(number, cell) for number, tensor in weights.items() for cell in np.ndindex(*tensor.array.shape)]
    refs = [ref for ref in strongest_route(trace) if ref.rpartition("[")[0] in trace.refs("param")]
    places = [_place(trace, ref) for ref in refs]
    share = max(1, _OTHERS // len(weights))
    for number, tensor in weights.items():
        size = np.abs(trace.tensors[tensor.grad].array).ravel() if tensor.grad is not None else np.zeros(0)
        steepest = np.argsort(-size, kind="stable")[:share]
        places += [(number, _cell(int(at), tensor.array.shape)) for at in steepest]
    return list(dict.fromkeys(places))


def _cell(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(place) for place in np.unravel_index(position, shape))
