r"""Binary numbers: -1 or +1, one bit each, and the gradient that trains what is behind them."""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Domain, Op, apply

__all__ = ["binarize"]


class Binarize(Op):
    r"""The sign, with 0 counted as positive: y = -1 for x < 0, +1 for x ≥ 0; its gradient goes straight through.

    1. y is a step: its slope is 0 at every x but 0, so the true gradient x̄ = 0 would teach nothing.
    2. The straight-through estimator takes the slope of a curve that is near the step instead: that of
       clip(x, -1, 1), which is 1 for |x| ≤ 1 and 0 beyond.
    3. x̄ = ȳ where |x| ≤ 1, else 0. Beyond 1 the gradient is stopped: a larger |x| would change nothing any more, and
       x could never come back to the step.

    This is not the derivative of y: finite differences give 0. NaN stays NaN. Sources: Bengio, Léonard and Courville
    (2013), Estimating or propagating gradients through stochastic neurons; Courbariaux et al. (2016), Binarized neural
    networks, eq. 1 and 4.
    """

    formula = r"y = \operatorname{sign}(x), \operatorname{sign}(0) = 1"
    gradient = r"\bar x = [|x| \le 1]\,\bar y"
    rule = "y = sign(x) + [x == 0]"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    domain = {"x": Domain(kinks=(0.0,))}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.add(xp.sign(x), x == 0, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (F.abs(x) <= 1)


def binarize(x: Any) -> Any:
    """-1 or +1 by the sign of each cell; the gradient goes straight through where |x| is at most 1.

    >>> binarize(np.array([-0.3, 0.0, 2.0]))
    array([-1.,  1.,  1.])
    """
    return apply(Binarize(), x)
