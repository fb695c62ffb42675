"""Scalar functions of the rule language, on lanes.

float32 functions are polynomials after a reduction of the argument, each within 2e-7 of the value (Moshier's Cephes
library, single precision; Cody and Waite, 1980). float64, which only single numbers of a step have, calls the C library.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from glassnet.kernels.lanes import Lanes

F32, I32, BOOL = np.dtype("float32"), np.dtype("int32"), np.dtype(bool)
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
    tail = polynomial(r, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
    power = tail.fma(r * r, r + 1.0)
    y = (power + power) * power_of_two(shifted - 1.0)  # 2¹²⁸ is not a float32, but e^88.7 is
    y = x.compare("lt", _EXP_LOWEST).where(x.full(0.0), y)
    return x.compare("gt", _EXP_HIGHEST).where(x.full(math.inf), y)


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
    "exp": exp, "log": log, "tanh": tanh, "erf": erf, "abs": absolute, "sign": sign,
    "sqrt": lambda x: x.intrinsic("sqrt"), "floor": lambda x: x.intrinsic("floor"),
    "ceil": lambda x: x.intrinsic("ceil"), "round": lambda x: x.intrinsic("roundeven"), "isnan": Lanes.isnan,
    "isinf": lambda x: absolute(x).compare("eq", math.inf),
}  # fmt: skip
"""By their names in rules."""
