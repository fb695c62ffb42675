"""Numeric slopes of a subject, from values alone, and whether a slope exists at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from glassnet.autograd.gradcheck_subject import Subject
from glassnet.typing import Array

STEPS = tuple(8e-3 / 8**k for k in range(6))
SETTLED = 1e-7
"""By how much of the slope two formulas of different order may differ."""
ROUNDING = 200 * np.finfo(float).eps
"""Rounding error of φ, as a part of the sum of its absolute terms; generous, because φ may go through many layers."""
SPREAD = 20
"""Bound of the rounding error of the formulas below, in standard deviations of φ; the noisiest weighs with 5."""
PRECISE = 1e-5
"""A slope whose error is a larger part of the largest one proves nothing: a small mistake would hide in it."""


class Slope(NamedTuple):
    """A slope and a bound of its error."""

    value: float
    error: float


def slope(phi: Callable[[float], float], middle: float, noise: float) -> Slope | None:
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
        doubt = abs(value - rough) + abs(jump)
        if doubt <= SETTLED * abs(value) + noise / h:
            return Slope(float(value), float(doubt + noise / h))
    return None


def scatter(values: Array) -> float:
    """The standard deviation of the rounding errors in values at equal, tiny distances.

    Fourth differences remove what is smooth and add up errors with weights 1, 4, 6, 4, 1. Their median stays when one
    kink, or the edge of the domain, lies among the values. (J. J. Moré, S. M. Wild, Estimating Computational Noise, 2011)
    """
    differences = np.abs(np.diff(values, n=4))
    known = differences[np.isfinite(differences)]
    return float(np.median(known)) / (0.6745 * np.sqrt(70)) if len(known) else 0.0


class Slopes:
    """Numeric slopes of <cotangents, outputs> at the base point of a subject."""

    def __init__(self, subject: Subject, cotangents: list[Array]) -> None:
        self.subject, self.cotangents = subject, cotangents
        terms = [c * y for c, y in zip(cotangents, subject.value(subject.base))]
        self.middle = float(sum(np.sum(term) for term in terms))
        magnitude = float(sum(np.sum(np.abs(term)) for term in terms))
        self.units = [np.maximum(1.0, np.abs(array)) for array in subject.base]
        """Every entry moves in proportion to its own size."""
        self.noise = max(ROUNDING * magnitude, SPREAD * scatter(self.nearby()))
        """Bound of the rounding error of φ. It can be far above that of the last operation: the loss of a confident
        classifier is the small logarithm of a number that was rounded near 1."""

    def sharp(self, slope: float, error: float, scale: float, unit: float = 1.0) -> bool:
        """Whether a slope proves something: its error is small beside it or beside `scale`, the largest analytic one of
        its array; or both are 0, the one up to rounding and the other up to its error.
        """
        zero = scale * unit <= self.noise and abs(slope) <= error
        return zero or error <= PRECISE * max(scale, abs(slope))

    def nearby(self) -> Array:
        """φ at 16 points so close that only its rounding errors differ irregularly; on one side, so that no kink at
        the base point lies between them.
        """
        rng = np.random.default_rng(0)
        length = np.sqrt(sum(unit.size for unit in self.units))
        directions = [unit * rng.normal(size=unit.shape) / length for unit in self.units]
        steps = 1e-6 * np.arange(1, 17)
        return np.array([self.phi([x + t * d for x, d in zip(self.subject.base, directions)]) for t in steps])

    def phi(self, points: list[Array]) -> float:
        """<cotangents, outputs> at some values of all arrays."""
        return float(sum(np.sum(c * y) for c, y in zip(self.cotangents, self.subject.value(points))))

    def along(self, number: int, direction: Array) -> Slope | None:
        """The slope when array `number` moves along a direction."""
        points = list(self.subject.base)

        def moved(t: float) -> float:
            points[number] = self.subject.base[number] + t * direction
            return self.phi(points)

        return slope(moved, self.middle, self.noise)

    def entries(self, number: int, indices: Iterable[int], scale: float) -> tuple[Array, Array]:
        """The numeric gradient of array `number` and the bounds of its error; NaN at kinks, where not sharp beside
        `scale`, and where not asked for.
        """
        base = self.subject.base[number]
        gradient, errors = np.full(base.size, np.nan), np.zeros(base.size)
        for index in indices:
            unit = self.units[number].flat[index]
            direction = np.zeros(base.size)
            direction[index] = unit
            found = self.along(number, direction.reshape(base.shape))
            if found is None:
                continue
            value, error = found.value / unit, found.error / unit
            if self.sharp(value, error, scale, unit):
                gradient[index], errors[index] = value, error
        return gradient.reshape(base.shape), errors.reshape(base.shape)
