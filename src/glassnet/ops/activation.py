r"""Activation functions: element-wise curves between two layers, and softmax.

For an element-wise y = f(x) a change of one input moves only its own output, so the cotangent is x̄ = f'(x) ȳ, cell by
cell. Each class states f, f' and how f' follows; where f' is cheap in terms of y, y is saved instead of x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.autograd.op import Domain, Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.config import floatx
from glassnet.errors import ArgumentError, ShapeError

__all__ = [
    "celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
    "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip


def _floating(x: Any) -> Any:
    """An operand whose cells are floats."""
    x = operand(x)
    return x if x.dtype.kind == "f" else F.cast(x, floatx())


class Sigmoid(Op):
    r"""The logistic curve: y = 1 / (1 + e⁻ˣ), from 0 to 1; with a logit x, y is a probability.

    1. With u = 1 + e⁻ˣ, y = 1/u and u' = -e⁻ˣ, so y' = e⁻ˣ / u².
    2. e⁻ˣ = u - 1, so y' = (u - 1) / u² = 1/u · (1 - 1/u) = y (1 - y).
    3. x̄ = y (1 - y) ȳ: at most a quarter of ȳ, and nearly nothing where y is close to 0 or 1 (saturation).

    Trap: e⁻ˣ overflows below x = -88 in float32; it becomes ∞ and y = 1/∞ = 0, which is right, so that flag is muted.
    x is saved for the losses, which go back from a probability to its logit. Source: Verhulst (1845).
    """

    gradient = r"\bar x = y\,(1 - y)\,\bar y"
    rule = "y = 1 / (1 + exp(-x))"
    kind = "elementwise"
    dtype = "float"
    saves = ("x", "y")
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with np.errstate(over="ignore"):
            return xp.divide(1, 1 + xp.exp(-x), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (y * (1 - y))


def sigmoid(x: Any) -> Any:
    """1 / (1 + e⁻ˣ), cell by cell.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    return apply(Sigmoid(), x)


class Tanh(Op):
    r"""Hyperbolic tangent: y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ).

    1. Quotient rule with s = eˣ - e⁻ˣ, c = eˣ + e⁻ˣ, s' = c, c' = s: y' = (c² - s²) / c² = 1 - y².
    2. x̄ = (1 - y²) ȳ; y is enough and x need not be kept.
    """

    gradient = r"\bar x = (1 - y^2)\,\bar y"
    rule = "y = tanh(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.tanh(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (1 - y * y)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, cell by cell.

    >>> tanh(np.array([0.0]))
    array([0.])
    """
    return apply(Tanh(), x)


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


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6), cell by cell.

    >>> relu6(np.array([-1.0, 2.0, 8.0]))
    array([0., 2., 6.])
    """
    return F.minimum(relu(x), 6)


class LeakyRelu(Op):
    r"""Ramp that leaks: y = x for x > 0, else a x, with a = `negative_slope`.

    1. The slope is 1 for x > 0 and a for x < 0; at x = 0, where it is not defined, a is taken.
    2. x̄ = ȳ where x > 0, else a ȳ: a unit that is off still learns, a times as fast.

    Source: Maas, Hannun and Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models.
    """

    gradient = r"\bar x = ([x > 0] + a\,[x \le 0])\,\bar y"
    rule = "y = where(x > 0, x, negative_slope*x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}
    domain = {"x": Domain(kinks=(0.0,))}

    negative_slope: float = 0.2

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        leak = self.negative_slope * xp.minimum(x, 0)
        return xp.add(xp.maximum(x, 0), leak, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (x > 0) + self.negative_slope * g * (x <= 0)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """The input x where x > 0, else negative_slope · x.

    >>> leaky_relu(np.array([-1.0, 2.0]), negative_slope=0.5)
    array([-0.5,  2. ])
    """
    return apply(LeakyRelu(float(negative_slope)), x)


class Elu(Op):
    r"""Exponential linear unit: y = x for x > 0, else α (eˣ - 1).

    1. For x > 0 the slope is 1. For x < 0 it is α eˣ = α (eˣ - 1) + α = y + α.
    2. x̄ = ȳ where y > 0, else (y + α) ȳ. As α ≥ 0, y > 0 exactly where x > 0, and y is enough.

    Trap: eˣ is taken of min(x, 0) only, so it cannot overflow, and eˣ - 1 by expm1, which keeps its digits near 0.
    Source: Clevert, Unterthiner and Hochreiter (2016), Fast and Accurate Deep Network Learning by ELUs.
    """

    gradient = r"\bar x = ([y > 0] + (y + \alpha)\,[y \le 0])\,\bar y"
    rule = "y = where(x > 0, x, alpha*(exp(x) - 1))"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}
    domain = {"x": Domain(kinks=(0.0,))}

    alpha: float = 1.0

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        below = self.alpha * xp.expm1(xp.minimum(x, 0))
        return xp.add(xp.maximum(x, 0), below, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (y > 0) + g * (y + self.alpha) * (y <= 0)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """The input x where x > 0, else α (eˣ - 1).

    Arguments:
        alpha: the limit far to the left is -alpha; 0 or more.

    >>> elu(np.array([-1e4, 2.0]))
    array([-1.,  2.])
    """
    if alpha < 0:
        raise ArgumentError("elu: alpha cannot be negative", expected="0 or more", received=alpha)
    return apply(Elu(float(alpha)), x)


def selu(x: Any) -> Any:
    """λ elu(x, α), with λ and α such that a dense layer with N(0, 1/I) weights keeps mean 0 and variance 1.

    Source: Klambauer et al. (2017), Self-Normalizing Neural Networks, eq. 2 and 14.

    >>> selu(np.array([1.0])).round(4)
    array([1.0507])
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


class Softplus(Op):
    r"""A smooth ramp: y = ln(1 + eˣ).

    1. With u = 1 + eˣ, y = ln u and u' = eˣ, so y' = eˣ / (1 + eˣ) = σ(x).
    2. x̄ = σ(x) ȳ, with the sigmoid σ.

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
        return xp.add(xp.maximum(x, 0), xp.log1p(xp.exp(-xp.abs(x))), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * F.sigmoid(x)


def softplus(x: Any) -> Any:
    """ln(1 + eˣ), cell by cell.

    >>> softplus(np.array([0.0, 1000.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    return apply(Softplus(), x)


def log_sigmoid(x: Any) -> Any:
    """Logarithm of the sigmoid, -ln(1 + e⁻ˣ), cell by cell; finite where the sigmoid is rounded to 0.

    >>> log_sigmoid(np.array([-1000.0, 0.0]))
    array([-1.00000000e+03, -6.93147181e-01])
    """
    return -softplus(-operand(x))


def gelu(x: Any, approximate: bool = True) -> Any:
    """Gaussian error linear unit x Φ(x), with the normal distribution function Φ(x) = (1 + erf(x/√2)) / 2.

    Arguments:
        approximate: with tanh in place of erf, off by at most 0.0005:
            Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.

    Beyond |x| = 10 both are 0 or 1 to the last digit, so x³ is taken of the clipped x and cannot overflow. Source:
    Hendrycks and Gimpel (2016), Gaussian Error Linear Units, section 2.

    >>> gelu(np.array([-1e4, 0.0, 1.0]), approximate=False).round(4)
    array([-0.    ,  0.    ,  0.8413])
    """
    x = _floating(x)
    if not approximate:
        return 0.5 * x * (1 + F.erf(x * 0.5**0.5))
    near = F.clip(x, -10, 10)
    return 0.5 * x * (1 + tanh((2 / math.pi) ** 0.5 * (near + 0.044715 * near * near * near)))


class Silu(Op):
    r"""Sigmoid-weighted linear unit: y = x σ(x), with σ(x) = 1 / (1 + e⁻ˣ).

    1. Product rule: y' = σ(x) + x σ'(x).
    2. σ' = σ (1 - σ), so y' = σ (1 + x (1 - σ)).
    3. x̄ = σ (1 + x (1 - σ)) ȳ.

    σ is computed as (1 + tanh(x/2)) / 2, which cannot overflow. Source: Elfwing, Uchibe and Doya (2017),
    Sigmoid-Weighted Linear Units, eq. 2.
    """

    gradient = r"\bar x = \sigma(x)\,(1 + x\,(1 - \sigma(x)))\,\bar y"
    rule = "y = x / (1 + exp(-x))"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.multiply(x, 0.5 + 0.5 * xp.tanh(0.5 * x), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        s = 0.5 + 0.5 * F.tanh(0.5 * x)
        return g * (s * (1 + x * (1 - s)))


def silu(x: Any) -> Any:
    """The input times its sigmoid, x / (1 + e⁻ˣ), cell by cell.

    >>> silu(np.array([0.0]))
    array([0.])
    """
    return apply(Silu(), x)


swish = silu


class Mish(Op):
    r"""Self-regularised unit: y = x tanh(ς(x)), with the softplus ς(x) = ln(1 + eˣ).

    1. Let t = tanh(ς(x)), so y = x t. Product rule: y' = t + x t'.
    2. Chain rule: t' = (1 - t²) ς'(x), because tanh' = 1 - tanh².
    3. ς'(x) = eˣ / (1 + eˣ) = σ(x), the sigmoid.
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
        return xp.multiply(x, xp.tanh(xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        t = F.tanh(F.softplus(x))
        return g * (t + x * (1 - t * t) * F.sigmoid(x))


def mish(x: Any) -> Any:
    """Self-regularised unit x tanh(ln(1 + eˣ)), cell by cell.

    >>> mish(np.array([0.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply(Mish(), x)


def softsign(x: Any) -> Any:
    """The input over 1 + |x|, cell by cell: like tanh, with slower tails.

    >>> softsign(np.array([-1.0, 0.0, 3.0]))
    array([-0.5 ,  0.  ,  0.75])
    """
    x = _floating(x)
    return x / (1 + F.abs(x))


def hard_sigmoid(x: Any) -> Any:
    """min(max(x + 3, 0), 6) / 6, cell by cell: the sigmoid as three straight pieces.

    >>> hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(_floating(x) + 3) / 6


def hard_silu(x: Any) -> Any:
    """The input times its hard sigmoid, cell by cell.

    >>> hard_silu(np.array([-4.0, 0.0, 4.0]))
    array([-0.,  0.,  4.])
    """
    x = _floating(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def celu(x: Any, alpha: float = 1.0) -> Any:
    """The input x where x > 0, else α (e^(x/α) - 1): an ELU whose slope has no jump at 0, whatever α.

    Source: Barron (2017), Continuously Differentiable Exponential Linear Units.

    >>> celu(np.array([-1e4, 2.0]), alpha=0.5)
    array([-0.5,  2. ])
    """
    return alpha * elu(_floating(x) / alpha)


def hard_tanh(x: Any) -> Any:
    """min(max(x, -1), 1), cell by cell: tanh as three straight pieces.

    >>> hard_tanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    return F.clip(_floating(x), -1, 1)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """The input x where |x| > threshold, else 0.

    >>> hard_shrink(np.array([-2.0, 0.3, 1.0]))
    array([-2.,  0.,  1.])
    """
    x = _floating(x)
    return x * (F.abs(x) > threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """The input moved towards 0 by the threshold, and 0 where it is nearer.

    >>> soft_shrink(np.array([-2.0, 0.3, 1.0]))
    array([-1.5,  0. ,  0.5])
    """
    x = _floating(x)
    return x - F.clip(x, -threshold, threshold)


def tanh_shrink(x: Any) -> Any:
    """The input minus its tanh, cell by cell: about x³/3 near 0.

    >>> tanh_shrink(np.array([0.0, 3.0])).round(4)
    array([0.    , 2.0049])
    """
    x = _floating(x)
    return x - tanh(x)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """The input x where x > threshold, else the default value.

    >>> threshold(np.array([-1.0, 2.0]), 0.5, 9.0)
    array([9., 2.])
    """
    x = _floating(x)
    return F.where(x <= threshold, default_value, x)  # NaN stays NaN


def sparse_plus(x: Any) -> Any:
    """0 for x ≤ -1, (x + 1)² / 4 between, x for x ≥ 1: a smooth ramp that is exactly 0 on the left.

    >>> sparse_plus(np.array([-2.0, 0.0, 3.0]))
    array([0.  , 0.25, 3.  ])
    """
    x = _floating(x)
    return F.square(F.clip(x, -1, 1) + 1) / 4 + relu(x - 1)


def sparse_sigmoid(x: Any) -> Any:
    """0 for x ≤ -1, (x + 1) / 2 between, 1 for x ≥ 1: the slope of `sparse_plus`.

    >>> sparse_sigmoid(np.array([-2.0, 0.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return (hard_tanh(x) + 1) / 2


def glu(x: Any, axis: int = -1) -> Any:
    """Gated linear unit: the first half of the input along `axis`, times the sigmoid of the second half.

    Source: Dauphin et al. (2017), Language Modeling with Gated Convolutional Networks, section 2.

    >>> glu(np.array([[1.0, 2.0, 0.0, 0.0]]))
    array([[0.5, 1. ]])
    """
    x = _floating(x)
    if not -len(x.shape) <= axis < len(x.shape) or (x.shape[axis] is not None and x.shape[axis] % 2):
        raise ShapeError("glu: the axis cannot be split into halves", expected=f"axis {axis} of even size",
                         received=f"shape {tuple(x.shape)}", fix="double the units of the layer before")  # fmt: skip
    values, gates = F.split(x, 2, axis=axis)
    return values * sigmoid(gates)


def _cells(letter: str, axis: int, ndim: int) -> str:
    """The indices of a rule with `letter` in place of one axis: "...,k,a" for axis 1 of 3."""
    after = ndim - 1 - axis % ndim
    return ",".join(["...", letter, *"abcdefgh"[:after]])


def _check_axis(op: Any, x: Spec) -> None:
    if not -x.ndim <= op.axis < x.ndim:
        raise ArgumentError(f"{op.name}: there is no axis {op.axis}", received=f"shape {x.shape}")


class Softmax(Op):
    r"""Exponentials that share 1: yₖ = e^xₖ / Σⱼ e^xⱼ, the probabilities of K classes from their logits x.

    1. With s = Σⱼ e^xⱼ: ∂yₖ/∂xᵢ = [k = i] e^xₖ / s - e^xₖ e^xᵢ / s² = yₖ ([k = i] - yᵢ).
    2. x̄ᵢ = Σₖ ȳₖ yₖ ([k = i] - yᵢ) = yᵢ (ȳᵢ - Σₖ ȳₖ yₖ): each cotangent against their average under y.

    Trap: e^x overflows; with m = max x, e^(xₖ-m) / Σⱼ e^(xⱼ-m) is the same number and no exponent is above 0. x is
    saved for the losses, which go back from probabilities to logits. Source: Bridle (1990), Probabilistic
    Interpretation of Feedforward Classification Network Outputs.
    """

    gradient = r"\bar x_i = y_i\,\left(\bar y_i - \sum_k \bar y_k\,y_k\right)"
    kind = "opaque"
    dtype = "float"
    saves = ("x", "y")
    inplace = {"y": "x"}

    axis: int = -1

    def rule_for(self, x: Spec) -> str:
        k, j = _cells("k", self.axis, x.ndim), _cells("j", self.axis, x.ndim)
        return f"y[{k}] = exp(x[{k}]) / sum_j exp(x[{j}])"

    def shapes(self, x: Spec) -> Any:
        _check_axis(self, x)
        return x.shape

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.subtract(x, x.max(axis=self.axis, keepdims=True), out=out)
        xp.exp(y, out=y)
        y /= y.sum(axis=self.axis, keepdims=True)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return y * (g - (g * y).sum(axis=self.axis, keepdims=True))


def softmax(x: Any, axis: int = -1) -> Any:
    """e^xₖ / Σⱼ e^xⱼ along `axis`: positive numbers that sum to 1.

    >>> softmax(np.array([[0.0, 0.0], [1e4, -1e4]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return apply(Softmax(axis), x)


class LogSoftmax(Op):
    r"""Logarithm of the softmax: yₖ = xₖ - ln Σⱼ e^xⱼ.

    1. ∂/∂xᵢ ln Σⱼ e^xⱼ = e^xᵢ / Σⱼ e^xⱼ = e^yᵢ, so ∂yₖ/∂xᵢ = [k = i] - e^yᵢ.
    2. x̄ᵢ = ȳᵢ - e^yᵢ Σₖ ȳₖ; y is enough and x need not be kept.

    Trap: the logarithm of a softmax that was rounded to 0 is -∞. With m = max x, (xₖ - m) - ln Σⱼ e^(xⱼ-m) is finite,
    and subtracting m first keeps the digits of large logits.
    """

    gradient = r"\bar x_i = \bar y_i - e^{y_i} \sum_k \bar y_k"
    kind = "opaque"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}

    axis: int = -1

    def rule_for(self, x: Spec) -> str:
        k, j = _cells("k", self.axis, x.ndim), _cells("j", self.axis, x.ndim)
        return f"y[{k}] = x[{k}] - log(sum_j exp(x[{j}]))"

    def shapes(self, x: Spec) -> Any:
        _check_axis(self, x)
        return x.shape

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.subtract(x, x.max(axis=self.axis, keepdims=True), out=out)
        y -= xp.log(xp.exp(y).sum(axis=self.axis, keepdims=True))
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g - F.exp(y) * g.sum(axis=self.axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Logarithm of the softmax along `axis`, finite for any logits.

    >>> log_softmax(np.array([[1e4, -1e4]]))
    array([[     0., -20000.]])
    """
    return apply(LogSoftmax(axis), x)
