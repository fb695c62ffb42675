"""What a kernel computes, in the language of rules.

Most ops are compiled from their own rule. A few rules are written to be read: `exp(x) / sum exp(x)` is what softmax is,
but it overflows. Those have a second text here, the one that their `forward` follows; a test evaluates both.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec

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
    return op.rule_for(*inputs)
