r"""Random ops: the random bits are an ordinary input.

They are drawn before the step by `feed`, so a random op is a plain function of its inputs: it can be gradient-checked,
replayed bit for bit and explained, and every executor sees the same bits.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Domain, Op, apply
from glassnet.errors import ArgumentError

__all__ = ["apply_dropout"]


class Dropout(Op):
    r"""Inverted dropout: a cell survives where its random number u is at least `rate`, scaled by 1 / (1 - rate).

    1. Each cell survives with probability 1 - rate, so E[y] = (1 - rate) · x / (1 - rate) = x: nothing needs rescaling
       at inference.
    2. For given u the op is a multiplication by a constant mask, so x̄ = ȳ [u ≥ rate] / (1 - rate).
    3. u has no cotangent: almost everywhere the mask does not move with u.

    Source: Srivastava, Hinton et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from Overfitting.
    """

    gradient = (r"\bar x = \frac{[u \ge r]}{1 - r}\,\bar y", r"\bar u = 0")
    rule = "y = x*[u >= rate] / (1 - rate)"
    kind = "elementwise"
    saves = ("u",)
    domain = {"u": Domain(0.0, 1.0)}

    rate: float

    def forward(self, xp: Any, x: Any, u: Any, out: Any = None) -> Any:
        y = xp.multiply(x, u >= self.rate, out=out)
        y *= 1 / (1 - self.rate)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, u: Any, needed: tuple[bool, ...]) -> Any:
        return F.apply_dropout(g, u, self.rate) if needed[0] else None, None


def apply_dropout(x: Any, u: Any, rate: float) -> Any:
    """Dropout with the given uniform random numbers u in [0, 1), for a rate in [0, 1).

    >>> apply_dropout(np.array([1.0, 1.0]), np.array([0.3, 0.7]), 0.5)
    array([0., 2.])
    """
    if not 0 <= rate < 1:
        raise ArgumentError("apply_dropout: rate must be in [0, 1)", received=f"rate={rate}")
    return apply(Dropout(float(rate)), x, u)
