r"""Element-wise functions: exponentials and logarithms, roots, circle and hyperbola, the error function.

Each is a curve y = f(x), and x̄ = f'(x) ȳ cell by cell. Where f' is cheap in terms of y, y is saved instead of x.
Outside of a function's domain the result is NaN, at its poles infinity, without a warning (see `elementwise.quiet`).
"""

from __future__ import annotations

import math
from typing import Any

from glassnet.autograd.op import Domain, Op, apply
from glassnet.ops.elementwise import divide, quiet, reciprocal, subtract

__all__ = [
    "arccos", "arcsin", "arctan", "arctan2", "cos", "cosh", "erf", "exp", "expm1", "log", "log1p", "log2", "log10",
    "logaddexp", "rsqrt", "sin", "sinh", "sqrt", "tan",
]  # fmt: skip

# ---------------------------------------------------------------- exponentials, logarithms, roots


class Exp(Op):
    r"""Exponential function: y = eˣ. It is its own derivative, so x̄ = y ȳ.

    In float32 y is infinite from x = 88.8 on; functions that divide two exponentials subtract the maximum first.
    """

    gradient = r"\bar x = y\,\bar y"
    rule = "y = exp(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.exp(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * y


def exp(x: Any) -> Any:
    """eˣ.

    >>> exp(np.array([0.0, 1.0])).round(4)
    array([1.    , 2.7183])
    """
    return apply(Exp(), x)


class Log(Op):
    r"""Natural logarithm: y = ln x.

    x = e^y, so 1 = e^y y' by the chain rule, and y' = 1/e^y = 1/x. ln 0 is -infinity, and NaN below.
    """

    gradient = r"\bar x = \bar y / x"
    rule = "y = log(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}
    domain = {"x": Domain(0.2, 3.0)}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.log(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        with quiet():
            return g / x


def log(x: Any) -> Any:
    """The natural logarithm ln x.

    >>> log(np.array([1.0, 0.0]))
    array([  0., -inf])
    """
    return apply(Log(), x)


class Sqrt(Op):
    r"""Square root: y = √x.

    1. y² = x, so 2 y y' = 1 and y' = 1 / (2y): y is enough and x need not be kept.
    2. x̄ = ȳ / (2y).

    Trap: at x = 0 the slope is infinite; √(x² + ε) instead of √(x²) keeps a gradient finite. NaN below 0.
    """

    gradient = r"\bar x = \frac{\bar y}{2y}"
    rule = "y = sqrt(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}
    domain = {"x": Domain(0.2, 3.0)}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.sqrt(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        with quiet():
            return 0.5 * g / y


def sqrt(x: Any) -> Any:
    """The square root of x.

    >>> sqrt(np.array([4.0, 9.0]))
    array([2., 3.])
    """
    return apply(Sqrt(), x)


def rsqrt(x: Any) -> Any:
    """1 / √x.

    >>> rsqrt(np.array([4.0, 0.25]))
    array([0.5, 2. ])
    """
    return reciprocal(sqrt(x))


class Expm1(Op):
    r"""y = eˣ - 1, exact for small x too: there eˣ is so close to 1 that the difference would lose its digits.

    The derivative is eˣ = y + 1, so x̄ = (y + 1) ȳ.
    """

    gradient = r"\bar x = (y + 1)\,\bar y"
    rule = "y = expm1(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.expm1(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (y + 1)


def expm1(x: Any) -> Any:
    """eˣ - 1, exact for small x.

    >>> expm1(np.array([0.0, 1e-20]))
    array([0.e+00, 1.e-20])
    """
    return apply(Expm1(), x)


class Log1p(Op):
    r"""y = ln(1 + x), exact for small x too: 1 + x alone would already lose the digits of x. y' = 1 / (1 + x)."""

    gradient = r"\bar x = \frac{\bar y}{1 + x}"
    rule = "y = log1p(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}
    domain = {"x": Domain(-0.5, 2.0)}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.log1p(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        with quiet():
            return g / (1 + x)


def log1p(x: Any) -> Any:
    """ln(1 + x), exact for small x.

    >>> log1p(np.array([0.0, 1e-20]))
    array([0.e+00, 1.e-20])
    """
    return apply(Log1p(), x)


def log2(x: Any) -> Any:
    """The logarithm to base 2.

    >>> log2(np.array([1.0, 8.0]))
    array([0., 3.])
    """
    return divide(log(x), math.log(2))


def log10(x: Any) -> Any:
    """The logarithm to base 10.

    >>> log10(np.array([1.0, 100.0]))
    array([0., 2.])
    """
    return divide(log(x), math.log(10))


class Logaddexp(Op):
    r"""Adding two numbers whose logarithms are given: y = ln(eᵃ + eᵇ).

    1. Chain rule: ∂y/∂a = eᵃ / (eᵃ + eᵇ) = eᵃ / e^y = e^(a-y), the share of a in the sum.
    2. ā = e^(a-y) ȳ and b̄ = e^(b-y) ȳ; the two shares add up to 1.

    Trap: eᵃ overflows for a > 88 in float32; max(a, b) + ln(1 + e^-|a-b|) is the same number and does not.
    """

    gradient = (r"\bar a = e^{a-y}\,\bar y", r"\bar b = e^{b-y}\,\bar y")
    rule = "y = log(exp(a) + exp(b))"
    kind = "elementwise"
    dtype = "float"
    saves = ("a", "b", "y")
    inplace = {"y": "a"}

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.logaddexp(a, b, out=out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return g * F.exp(a - y) if needed[0] else None, g * F.exp(b - y) if needed[1] else None


def logaddexp(x1: Any, x2: Any) -> Any:
    """ln(e^x1 + e^x2), without overflow.

    >>> logaddexp(np.array([0.0, 1000.0]), np.array([0.0, 0.0])).round(4)
    array([6.931e-01, 1.000e+03])
    """
    return apply(Logaddexp(), x1, x2)


# ---------------------------------------------------------------- circle and hyperbola


class Sin(Op):
    r"""Sine of an angle in radians. sin' = cos."""

    gradient = r"\bar x = \cos(x)\,\bar y"
    rule = "y = sin(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.sin(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * F.cos(x)


def sin(x: Any) -> Any:
    """The sine of an angle in radians.

    >>> sin(np.array([0.0, np.pi / 2]))
    array([0., 1.])
    """
    return apply(Sin(), x)


class Cos(Op):
    r"""Cosine of an angle in radians. cos' = -sin."""

    gradient = r"\bar x = -\sin(x)\,\bar y"
    rule = "y = cos(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.cos(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return -g * F.sin(x)


def cos(x: Any) -> Any:
    """The cosine of an angle in radians.

    >>> cos(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    return apply(Cos(), x)


def tan(x: Any) -> Any:
    """The tangent of an angle in radians: sin / cos.

    >>> tan(np.array([0.0, np.pi / 4])).round(6)
    array([0., 1.])
    """
    return divide(sin(x), cos(x))


class Arctan2(Op):
    r"""The angle of the point (b, a), from -π to π: b is how far it lies to the right, a how far up.

    1. Where b ≠ 0, tan y = a/b. With tan' = 1 + tan² the chain rule gives (1 + a²/b²) ∂y/∂a = 1/b, so
       ∂y/∂a = b / (a² + b²).
    2. Likewise (1 + a²/b²) ∂y/∂b = -a/b², so ∂y/∂b = -a / (a² + b²).
    3. Both formulas hold for b = 0 as well. The origin has no angle: there both gradients are set to 0.
    """

    gradient = (r"\bar a = \frac{b}{a^2 + b^2}\,\bar y", r"\bar b = -\frac{a}{a^2 + b^2}\,\bar y")
    rule = "y = arctan2(a, b)"
    kind = "elementwise"
    dtype = "float"
    saves = ("a", "b")
    inplace = {"y": "a"}
    domain = {"b": Domain(0.3, 2.0)}

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.arctan2(a, b, out=out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        square_of_length = F.square(a) + F.square(b)
        g = g / (square_of_length + (square_of_length == 0))
        return g * b if needed[0] else None, -g * a if needed[1] else None


def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point with height x1 and width x2, in radians from -π to π.

    >>> arctan2(np.array([0.0, 1.0]), np.array([-1.0, 0.0])).round(4)
    array([3.1416, 1.5708])
    """
    return apply(Arctan2(), x1, x2)


def arctan(x: Any) -> Any:
    """The angle between -π/2 and π/2 whose tangent is x.

    >>> arctan(np.array([0.0, np.inf])).round(4)
    array([0.    , 1.5708])
    """
    return arctan2(x, 1)


class Arcsin(Op):
    r"""The angle y between -π/2 and π/2 whose sine is x.

    1. sin y = x, so by the chain rule cos y · y' = 1.
    2. cos y = √(1 - sin² y) = √(1 - x²), positive between -π/2 and π/2, so y' = 1 / √(1 - x²).
    3. x̄ = ȳ / √((1 - x)(1 + x)): factored, because 1 - x² would lose its digits near |x| = 1.
    """

    gradient = r"\bar x = \frac{\bar y}{\sqrt{1 - x^2}}"
    rule = "y = arcsin(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}
    domain = {"x": Domain(-0.9, 0.9)}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.arcsin(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        with quiet():
            return g / F.sqrt((1 - x) * (1 + x))


def arcsin(x: Any) -> Any:
    """The angle between -π/2 and π/2 whose sine is x; NaN where |x| > 1.

    >>> arcsin(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.5708])
    """
    return apply(Arcsin(), x)


def arccos(x: Any) -> Any:
    """The angle between 0 and π whose cosine is x; NaN where |x| > 1.

    >>> arccos(np.array([-1.0, 1.0])).round(4)
    array([3.1416, 0.    ])
    """
    return subtract(math.pi / 2, arcsin(x))


class Sinh(Op):
    r"""Hyperbolic sine: y = (eˣ - e⁻ˣ) / 2, so y' = (eˣ + e⁻ˣ) / 2 = cosh x."""

    gradient = r"\bar x = \cosh(x)\,\bar y"
    rule = "y = sinh(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.sinh(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * F.cosh(x)


def sinh(x: Any) -> Any:
    """Hyperbolic sine (eˣ - e⁻ˣ) / 2.

    >>> sinh(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.1752])
    """
    return apply(Sinh(), x)


class Cosh(Op):
    r"""Hyperbolic cosine: y = (eˣ + e⁻ˣ) / 2, so y' = (eˣ - e⁻ˣ) / 2 = sinh x."""

    gradient = r"\bar x = \sinh(x)\,\bar y"
    rule = "y = cosh(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        with quiet():
            return xp.cosh(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * F.sinh(x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine (eˣ + e⁻ˣ) / 2.

    >>> cosh(np.array([0.0, 1.0])).round(4)
    array([1.    , 1.5431])
    """
    return apply(Cosh(), x)


# ---------------------------------------------------------------- the error function


class Erf(Op):
    r"""Error function: y = 2/√π ∫₀ˣ e^(-t²) dt, the probability that a normal variable of variance 1/2 lies within ±x.

    1. The derivative of an integral with respect to its upper end is what stands under it: y' = 2/√π e^(-x²).
    2. x̄ = 2/√π e^(-x²) ȳ.

    No formula in elementary functions exists; y is computed from quotients of polynomials. For float64 they are those
    of Cody (1969), Rational Chebyshev approximations for the error function, Mathematics of Computation 23, 631-637.
    For float32 a single quotient is enough and much faster (see `_erf_single`).
    """

    gradient = r"\bar x = \frac{2}{\sqrt\pi} e^{-x^2}\,\bar y"
    rule = "y = erf(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("x",)

    def forward(self, xp: Any, x: Any) -> Any:
        y = xp.empty(x.shape, x.dtype)
        approximate = _erf_single if x.dtype == "float32" else _erf_double
        cells, results = x.reshape(-1), y.reshape(-1)
        for i in range(0, cells.size, _BLOCK):
            results[i : i + _BLOCK] = approximate(xp, cells[i : i + _BLOCK])
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (2 / math.sqrt(math.pi) * F.exp(-F.square(x)))


def erf(x: Any) -> Any:
    """The error function 2/√π ∫₀ˣ e^(-t²) dt.

    >>> erf(np.array([0.0, 1.0, -10.0])).round(6)
    array([ 0.      ,  0.842701, -1.      ])
    """
    return apply(Erf(), x)


_BLOCK = 8192
"""Cells at a time: the intermediate results of a block stay in the processor's cache, which is 2 to 4 times faster."""


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """The polynomial with these coefficients, highest power first, by Horner's scheme."""
    y = coefficients[0] * x
    for c in coefficients[1:-1]:
        y += c
        y *= x
    return y + coefficients[-1]


_SINGLE = (1.986772622e-06, 2.845643387e-04, 3.883320571e-03, 5.310167253e-02, 0.1935446749, 1.128379139), (
    3.741999034e-05, 1.185563465e-03, 1.520720584e-02, 0.1153498201, 0.504857058, 1.0)  # fmt: skip
_SMALL = (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947), (
    1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062)  # fmt: skip
_LARGE = (2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
          881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725), (
    1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019,
    3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942)  # fmt: skip
"""Numerators and denominators."""


def _quotient(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    above, below = coefficients
    return _polynomial(above, x) / _polynomial(below, x)


def _erf_single(xp: Any, x: Any) -> Any:
    """The quotient x P(x²)/Q(x²) for |x| <= 4, beyond which float32 knows only ±1.

    The coefficients were fitted for this file so that the largest relative error is as small as possible: 2.5e-8, less
    than half a step of float32. Computed in float64, because the rounding of float32 alone would be larger.
    """
    x = xp.clip(x.astype("float64"), -4, 4)
    return x * _quotient(_SINGLE, x * x)


def _erf_double(xp: Any, x: Any) -> Any:
    """Cody's two ranges: x A(x²)/B(x²) up to 0.46875, then 1 - e^(-x²) C(x)/D(x).

    Cody has a third range from 4 on. The second serves there too: up to 6 it is off by 1e-12 of a number below 2e-8,
    and beyond 6 the result is ±1.
    """
    t = xp.minimum(xp.absolute(x), 6)
    small = t * _quotient(_SMALL, t * t)
    large = 1 - xp.exp(-t * t) * _quotient(_LARGE, t)
    return xp.copysign(xp.where(t <= 0.46875, small, large), x)
