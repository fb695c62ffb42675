r"""Activation functions: element-wise curves between two layers, and softmax.

For an element-wise y = f(x) a change of one input moves only its own output, so the cotangent is x̄ = f'(x) ȳ, cell by
cell. Each class states f, f' and how f' follows; where f' is cheap in terms of y, y is saved instead of x.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Domain, Op, apply

__all__ = ["mish", "relu", "softplus"]


class Relu(Op):
    r"""Rectified linear unit: y = max(x, 0).

    1. For x > 0 the curve is y = x, with slope 1; for x < 0 it is y = 0, with slope 0.
    2. At x = 0 the slope is not defined; 0 is taken, so a unit that is exactly off learns nothing there.
    3. x̄ = ȳ where x > 0, else 0. As y > 0 exactly where x > 0, y is enough and x need not be kept.

    NaN stays NaN. Source: Nair and Hinton (2010), Rectified Linear Units Improve Restricted Boltzmann Machines.
    """

    formula = r"y = \max(x, 0)"
    gradient = r"\bar x = [x > 0]\,\bar y"
    rule = "y = max(x, 0)"
    kind = "elementwise"
    saves = ("y",)
    inplace = {"y": "x"}
    domain = {"x": Domain(kinks=(0.0,))}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.maximum(x, 0, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (y > 0)


def relu(x: Any) -> Any:
    """max(x, 0), cell by cell.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return apply(Relu(), x)


class Softplus(Op):
    r"""A smooth ramp: y = ln(1 + eˣ).

    1. With u = 1 + eˣ, y = ln u and u' = eˣ, so y' = eˣ / (1 + eˣ) = σ(x).
    2. σ(x) = (1 + tanh(x/2)) / 2, which overflows nowhere.
    3. x̄ = σ(x) ȳ.

    Trap: eˣ overflows long before y does; ln(e⁰ + eˣ) is computed as max(x, 0) + ln(1 + e^-|x|). Source: Dugas et al.
    (2001), Incorporating Second-Order Functional Knowledge for Better Option Pricing.
    """

    gradient = r"\bar x = \sigma(x)\,\bar y"
    rule = "y = log(1 + exp(x))"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.logaddexp(x, 0, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (0.5 + 0.5 * F.tanh(0.5 * x))


def softplus(x: Any) -> Any:
    """ln(1 + eˣ), cell by cell.

    >>> softplus(np.array([0.0, 1000.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    return apply(Softplus(), x)


class Mish(Op):
    r"""Self-regularised unit: y = x tanh(ς(x)), with the softplus ς(x) = ln(1 + eˣ).

    1. Let t = tanh(ς(x)), so y = x t. Product rule: y' = t + x t'.
    2. Chain rule: t' = (1 - t²) ς'(x), because tanh' = 1 - tanh².
    3. ς'(x) = eˣ / (1 + eˣ) = σ(x) = (1 + tanh(x/2)) / 2.
    4. x̄ = (t + x (1 - t²) σ(x)) ȳ.

    Trap: eˣ overflows for large x while y is just x; ς is computed without it (see Softplus). Source: Misra (2019),
    Mish: A Self Regularized Non-Monotonic Activation Function, eq. 1.
    """

    gradient = r"\bar x = (t + x\,(1 - t^2)\,\sigma(x))\,\bar y,\quad t = \tanh(\ln(1 + e^x))"
    rule = "y = x*tanh(log(1 + exp(x)))"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.multiply(x, xp.tanh(xp.logaddexp(x, 0)), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        t = F.tanh(F.softplus(x))
        s = 0.5 + 0.5 * F.tanh(0.5 * x)
        return g * (t + x * (1 - t * t) * s)


def mish(x: Any) -> Any:
    """Self-regularised unit x tanh(ln(1 + eˣ)), cell by cell.

    >>> mish(np.array([0.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply(Mish(), x)
