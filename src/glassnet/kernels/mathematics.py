"""Scalar functions of the rule language, on lanes.

float32 functions are polynomials after a reduction of the argument, each within 2e-7 of the value (Moshier's Cephes
library, single precision; Cody and Waite, 1980). float64, which only single numbers of a step have, calls the C library;
so do a few functions that no hot loop has.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from glassnet.kernels.lanes import Lanes, vector_type
from glassnet.kernels.llvm import external

F32, F64, I32 = np.dtype("float32"), np.dtype("float64"), np.dtype("int32")
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4  # their sum is ln 2; n · high is exact
_EXP_LOWEST, _EXP_HIGHEST = -86.6, 88.72284  # below 2e-38 it is 0, as a processor that flushes has it; above, infinite
_ROUNDING = 12582912.0  # 1.5 · 2²³: added to a small number, it leaves the nearest integer in the last bits


def polynomial(x: Lanes, coefficients: tuple[float, ...]) -> Lanes:
    """Horner's scheme; the highest power comes first."""
    return functools.reduce(lambda value, c: value.fma(x, x.full(c)), coefficients[1:], x.full(coefficients[0]))


def exp(x: Lanes) -> Lanes:
    """e^x = 2ⁿ e^r with n the integer nearest to x / ln 2 and |r| <= ln(2) / 2."""
    if x.dtype != F32:
        return x.intrinsic("exp")
    inside = clip(x, _EXP_LOWEST, _EXP_HIGHEST)
    shifted = inside.fma(x.full(1 / math.log(2)), x.full(_ROUNDING))
    n = shifted - _ROUNDING
    r = n.fma(x.full(-_LN2_LOW), n.fma(x.full(-_LN2_HIGH), inside))
    power = _exp_tail(r).fma(r * r, r + 1.0)
    y = (power + power) * power_of_two(shifted - 1.0)  # 2¹²⁸ is not a float32, but e^88.7 is
    y = x.compare("lt", _EXP_LOWEST).where(x.full(0.0), y)
    return x.compare("gt", _EXP_HIGHEST).where(x.full(math.inf), y)


def _exp_tail(r: Lanes) -> Lanes:
    """(e^r - 1 - r) / r² for |r| <= ln(2) / 2."""
    return polynomial(r, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))


def power_of_two(shifted: Lanes) -> Lanes:
    """2ⁿ, where n stands in the last bits of a float32: moved into the exponent."""
    bits = shifted.bits(I32)
    moved = bits.new(bits.builder.shl(bits.value, bits.full(23).value))
    return (moved + 0x3F800000).bits(F32)


def log(x: Lanes) -> Lanes:
    """Ln x = n ln 2 + ln m with x = 2ⁿ m and m in [√½, √2)."""
    if x.dtype != F32:
        return x.intrinsic("log")
    tiny = x.compare("lt", 1.17549435e-38)  # a denormal number has its exponent in its leading zeros: scaled first
    bits = tiny.where(x * 8388608.0, x).bits(I32)
    exponent = bits.new(bits.builder.lshr(bits.value, bits.full(23).value)) - 126
    mantissa = bits.new(bits.builder.and_(bits.value, bits.full(0x007FFFFF).value)) + 0x3F000000
    m, n = mantissa.bits(F32), exponent.to(F32) - tiny.where(x.full(23.0), x.full(0.0))
    small = m.compare("lt", math.sqrt(0.5))
    n, m = n - small.to(F32), small.where(m + m, m) - 1.0
    z = m * m
    tail = polynomial(m, (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ))  # fmt: skip
    y = z.fma(x.full(-0.5), n.fma(x.full(_LN2_LOW), tail * m * z))
    y = n.fma(x.full(_LN2_HIGH), m + y)
    y = x.compare("eq", 0.0).where(x.full(-math.inf), y)
    y = (x.compare("lt", 0.0) | x.isnan()).where(x.full(math.nan), y)
    return x.compare("eq", math.inf).where(x, y)


def tanh(x: Lanes) -> Lanes:
    """A polynomial near 0, where 1 - 2 / (e^2x + 1) would lose its digits, and that formula elsewhere."""
    if x.dtype != F32:
        return x.intrinsic("tanh")
    z = x * x
    near = polynomial(z, (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1))
    far = 1.0 - 2.0 / (exp(x + x) + 1.0)
    return absolute(x).compare("lt", 0.625).where((near * z).fma(x, x), far)


def erf(x: Lanes) -> Lanes:
    """X P(x²) up to 1, and 1 - e^-x² Q(1/x²) / |x| beyond."""
    if x.dtype != F32:
        return _called("erf", x)
    z, a = x * x, absolute(x)
    near = x * polynomial(z, (
        7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
        1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710,
    ))  # fmt: skip
    q = 1.0 / a
    y = q * q
    middle = polynomial(y, (
        2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1,
        6.210004621745983e-1, -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1,
    ))  # fmt: skip
    outside = polynomial(y, (
        -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786, -1.015265279202700,
        4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
    ))  # fmt: skip
    complement = exp(-z) * q * a.compare("lt", 2.0).where(middle, outside)
    far = x.compare("lt", 0.0).where(complement - 1.0, 1.0 - complement)
    return (a.compare("le", 1.0) | x.isnan()).where(near, far)


def expm1(x: Lanes) -> Lanes:
    """e^x - 1; near 0, where that loses its digits, without the 1."""
    if x.dtype != F32:
        return _called("expm1", x)
    near = _exp_tail(x).fma(x * x, x)
    return absolute(x).compare("lt", math.log(2) / 2).where(near, exp(x) - 1.0)


def log1p(x: Lanes) -> Lanes:
    """ln(1 + x): ln u · x / (u - 1) with the rounded u = 1 + x, since both factors are off by the same part (Kahan)."""
    if x.dtype != F32:
        return _called("log1p", x)
    u = x + 1.0
    y = log(u) * (x / (u - 1.0))
    return (u.compare("eq", 1.0) | x.compare("eq", math.inf)).where(x, y)


def sinh(x: Lanes) -> Lanes:
    """(e^x - e^-x) / 2; near 0 from d = e^x - 1, as (d + d / (d + 1)) / 2."""
    if x.dtype != F32:
        return x.intrinsic("sinh")
    a, d = absolute(x), expm1(absolute(x))
    half = exp(a * 0.5)  # its square may be infinite where the half of it is not
    y = a.compare("lt", 1.0).where((d + d / (d + 1.0)) * 0.5, (half * 0.5) * half - 0.5 / (half * half))
    return x.compare("lt", 0.0).where(-y, a.compare("eq", 0.0).where(x, y))


def cosh(x: Lanes) -> Lanes:
    """(e^x + e^-x) / 2."""
    if x.dtype != F32:
        return x.intrinsic("cosh")
    half = exp(absolute(x) * 0.5)
    return (half * 0.5) * half + 0.5 / (half * half)


def sin(x: Lanes) -> Lanes:
    """A sine or a cosine of what is left of x when quarters of a turn are taken off."""
    return _of_turn(x, "sin", 0)


def cos(x: Lanes) -> Lanes:
    """The sine of a quarter more."""
    return _of_turn(x, "cos", 1)


def _of_turn(x: Lanes, name: str, quarters: int) -> Lanes:
    if x.dtype != F32:
        return x.intrinsic(name)
    wide = x.to(F64)
    n = (wide * (2 / math.pi)).intrinsic("roundeven")
    r = n.fma(x.full(-6.123233995736766e-17, F64), n.fma(x.full(-math.pi / 2, F64), wide)).to(F32)
    quarter = n.to(I32) + quarters
    z = r * r
    sine = (polynomial(z, (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)) * z).fma(r, r)
    cosine = polynomial(z, (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)) * z * z - z * 0.5 + 1.0
    y = (quarter & quarter.full(1)).compare("eq", 0).where(sine, cosine)
    y = (quarter & quarter.full(2)).compare("eq", 0).where(y, -y)
    far = absolute(x).compare("gt", 1e8) | x.isnan()
    return _where_any(far, lambda: x.intrinsic(name), y)


def _where_any(condition: Lanes, rare: Callable[[], Lanes], usual: Lanes) -> Lanes:
    """`rare()` where the condition holds, computed only if it holds in some lane."""
    build = usual.builder
    with build.goto_entry_block():
        slot = build.alloca(usual.value.type)
    build.store(usual.value, slot)
    with build.if_then(condition.any(), likely=False):
        build.store(condition.where(rare(), usual).value, slot)
    return usual.new(build.load(slot, typ=usual.value.type))


def _called(name: str, x: Lanes) -> Lanes:
    """A function of the C library that LLVM has no name for, lane by lane."""
    kind = vector_type(x.dtype, 1)
    function = external(x.builder, name, kind, [kind])
    return x.by_lane(lambda lane: x.builder.call(function, [x.element(lane)]))


def power(a: Lanes, b: Lanes) -> Lanes:
    """A to the power of b."""
    return a.intrinsic("pow", b)


def arctan2(a: Lanes, b: Lanes) -> Lanes:
    """The angle at which the point (b, a) is seen."""
    return a.intrinsic("atan2", b)


def remainder(a: Lanes, b: Lanes) -> Lanes:
    """What division of a by b leaves, with the sign of b."""
    if not a.is_float:
        return b.compare("eq", 0).where(b, a - floor_divide(a, b) * b)
    rest = a.truncated_rest(b)
    is_other = rest.compare("ne", 0.0) & (rest.compare("lt", 0.0).differs(b.compare("lt", 0.0)))
    return is_other.where(rest + b, rest)


def floor_divide(a: Lanes, b: Lanes) -> Lanes:
    """How many whole times b goes into a; as in NumPy the fraction a/b is not rounded up to a whole number before."""
    if not a.is_float:
        return _whole_divide(a, b)
    rest = a.truncated_rest(b)
    is_other = rest.compare("ne", 0.0) & (rest.compare("lt", 0.0).differs(b.compare("lt", 0.0)))
    times = ((a - rest) / b).intrinsic("roundeven") - is_other.to(a.dtype)
    return b.compare("eq", 0.0).where(a / b, times)


def _whole_divide(a: Lanes, b: Lanes) -> Lanes:
    """Whole numbers: machines round towards 0 and stop at a division by 0, which gives 0 here."""
    by_one, by_zero = b.compare("eq", -1), b.compare("eq", 0)
    safe = (by_one | by_zero).where(b.full(1), b)
    quotient = a / safe
    rest = a - quotient * safe
    is_other = rest.compare("ne", 0) & (rest.compare("lt", 0).differs(safe.compare("lt", 0)))
    quotient = by_one.where(-a, quotient - is_other.to(a.dtype))
    return by_zero.where(a.full(0), quotient)


def clip(x: Lanes, low: float, high: float) -> Lanes:
    """X between two numbers; NaN stays NaN."""
    x = x.compare("lt", low).where(x.full(low), x)
    return x.compare("gt", high).where(x.full(high), x)


def absolute(x: Lanes) -> Lanes:
    """|x|."""
    return x.intrinsic("fabs") if x.is_float else x.compare("lt", 0).where(-x, x)


def sign(x: Lanes) -> Lanes:
    """-1, 0 or 1; NaN stays NaN."""
    signed = x.compare("gt", 0).to(x.dtype) - x.compare("lt", 0).to(x.dtype)
    return x.isnan().where(x, signed) if x.is_float else signed


FUNCTIONS: dict[str, Callable[[Lanes], Lanes]] = {
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "erf": erf, "abs": absolute, "sign": sign,
    "sin": sin, "cos": cos, "sinh": sinh, "cosh": cosh, "tan": lambda x: x.intrinsic("tan"),
    "arcsin": lambda x: x.intrinsic("asin"), "arccos": lambda x: x.intrinsic("acos"),
    "arctan": lambda x: x.intrinsic("atan"),
    "sqrt": lambda x: x.intrinsic("sqrt"), "floor": lambda x: x.intrinsic("floor"),
    "ceil": lambda x: x.intrinsic("ceil"), "round": lambda x: x.intrinsic("roundeven"), "isnan": Lanes.isnan,
    "isinf": lambda x: absolute(x).compare("eq", math.inf),
}  # fmt: skip
"""By their names in rules."""

OF_TWO: dict[str, Callable[[Lanes, Lanes], Lanes]] = {
    "max": Lanes.maximum, "min": Lanes.minimum, "arctan2": arctan2, "power": power, "remainder": remainder,
    "floor_divide": floor_divide,
}  # fmt: skip
"""Functions of two numbers; NumPy's remainder and power are operators in rules."""
