"""Numeric slopes of a subject, from values alone, and whether a slope exists at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from glassnet.autograd.gradcheck_subject import Subject
from glassnet.typing import Array

STEPS = tuple(1e-3 / 8**k for k in range(5))
SETTLED = 1e-7
"""By how much of the slope two formulas of different order may differ."""
ROUNDING = 200 * np.finfo(float).eps
"""Rounding error of φ, as a part of the sum of its absolute terms; generous, because φ may go through many layers."""


class Slope(NamedTuple):
    """A slope and a bound of its error."""

    value: float
    error: float


def slope(phi: Callable[[float], float], middle: float, magnitude: float) -> Slope | None:
    """The slope of φ at 0 from seven values around it, or None where it has none: a kink, a jump, the domain's edge.

    With φ(±kh) for k = 1, 2, 3: the odd parts give the slope once up to h⁶ and once up to h⁴; the even parts
    (φ(kh) + φ(-kh) - 2 φ(0)) / kh, extrapolated to k = 0, give the jump of the slope. Where the three do not agree, h
    shrinks: a kink nearby falls out of reach, a kink at 0 stays.
    """
    for h in STEPS:
        right, left = [np.array([phi(side * k * h) for k in (1, 2, 3)]) for side in (1, -1)]
        odd, even = right - left, right + left - 2 * middle
        value = (45 * odd[0] - 9 * odd[1] + odd[2]) / (60 * h)
        rough = (8 * odd[0] - odd[1]) / (12 * h)
        jump = (2.5 * even[0] - even[1] + even[2] / 6) / h
        noise = ROUNDING * magnitude / h
        doubt = abs(value - rough) + abs(jump)
        if doubt <= SETTLED * abs(value) + noise:
            return Slope(float(value), float(doubt + noise))
    return None


class Slopes:
    """Numeric slopes of <cotangents, outputs> at the base point of a subject."""

    def __init__(self, subject: Subject, cotangents: list[Array]) -> None:
        self.subject, self.cotangents = subject, cotangents
        terms = [c * y for c, y in zip(cotangents, subject.value(subject.base))]
        self.middle = float(sum(np.sum(term) for term in terms))
        self.magnitude = float(sum(np.sum(np.abs(term)) for term in terms))
        self.units = [np.maximum(1.0, np.abs(array)) for array in subject.base]
        """Every entry moves in proportion to its own size."""

    def along(self, number: int, direction: Array) -> Slope | None:
        """The slope when array `number` moves along a direction."""
        points = list(self.subject.base)

        def phi(t: float) -> float:
            points[number] = self.subject.base[number] + t * direction
            outputs = self.subject.value(points)
            return float(sum(np.sum(c * y) for c, y in zip(self.cotangents, outputs)))

        return slope(phi, self.middle, self.magnitude)

    def entries(self, number: int, indices: Iterable[int]) -> tuple[Array, Array]:
        """The numeric gradient of array `number`, NaN at kinks and where not asked for, and the bounds of its error."""
        base = self.subject.base[number]
        gradient, errors = np.full(base.size, np.nan), np.zeros(base.size)
        for index in indices:
            unit = self.units[number].flat[index]
            direction = np.zeros(base.size)
            direction[index] = unit
            found = self.along(number, direction.reshape(base.shape))
            if found is not None:
                gradient[index], errors[index] = found.value / unit, found.error / unit
        return gradient.reshape(base.shape), errors.reshape(base.shape)
