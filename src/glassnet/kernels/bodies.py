"""What a kernel computes, in the language of rules.

Most ops are compiled from their own rule. A few rules are written to be read: `exp(x) / sum exp(x)` is what softmax is,
but it overflows. Those have a second text here, the one that their `forward` follows; a test evaluates both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec
from glassnet.ops.pooling import MaxPooling, MaxUnpooling

_SHIFTED = "m[...] = max_j {x}[...,j]; e[...,k] = exp({x}[...,k] - m[...]); s[...] = sum_j e[...,j]; "

BODIES: dict[str, str] = {
    "softmax": _SHIFTED.format(x="x") + "y[...,k] = e[...,k] / s[...]",
    "log_softmax": _SHIFTED.format(x="x") + "l[...] = log(s[...]); y[...,k] = x[...,k] - m[...] - l[...]",
    "sparse_softmax_crossentropy": _SHIFTED.format(x="z")
    + "p[...,k] = e[...,k] / s[...]; y[...] = log(s[...]) - (z[...,t[...]] - m[...])",
    "softmax_crossentropy": _SHIFTED.format(x="z")
    + "p[...,k] = e[...,k] / s[...]; l[...] = log(s[...]); y[...] = sum_k t[...,k]*(l[...] - (z[...,k] - m[...]))",
}
"""By the names of ops whose last axis is meant."""


def body_of(op: Op, inputs: Sequence[Spec]) -> str:
    """The text that is compiled for a call of an op; empty where there is none."""
    if op.name in BODIES and getattr(op, "axis", -1) in (-1, inputs[0].ndim - 1):
        return BODIES[op.name]
    if isinstance(op, MaxPooling):
        return f"{op.rule_for(*inputs)}; {_winner(op, inputs[0])}"
    if isinstance(op, MaxUnpooling) and op.pool_size == op.strides:
        return _unpooled(op)
    return op.rule_for(*inputs)


def _tap_number(taps: Sequence[str], sizes: Sequence[int]) -> str:
    """The number of a tap, counted row by row: (u*3 + v)*3 + z."""
    number = taps[0]
    for tap, size in zip(taps[1:], sizes[1:]):
        number = f"({number})*{size} + {tap}"
    return number


def _winner(op: Any, x: Spec) -> str:
    """Which tap of a window its maximum came from: the first that is as large."""
    read = f"x[n,{op.cells(x.shape[1:-1], 'uvz')},c]"
    here, number = f"n,{op.pixels},c", _tap_number("uvz"[: op.rank], op.pool_size)
    return f"winner[{here}] = min_{{{op.bounds}}} where({read} == y[{here}] or isnan({read}), {number}, 255)"


def _unpooled(op: Any) -> str:
    """Windows side by side: every cell of the image lies in one of them, and asks whether it won."""
    letters, borders = "hij"[: op.rank], op.border(op.size)
    places = [f"({letter}+{border[0]})" for letter, border in zip(letters, borders)]
    window = ",".join(f"floor({place}/{size})" for place, size in zip(places, op.pool_size))
    own = _tap_number([f"({place}%{size})" for place, size in zip(places, op.pool_size)], op.pool_size)
    return f"y[n,{','.join(letters)},c] = x[n,{window},c]*[winner[n,{window},c] == {own}]"
