"""`check_gradients`: analytic gradients against numeric ones, with a diagnosis in words.

For any cotangent c the scalar φ(t) = <c, f(x + t d)> has the slope <pullback of c, d> at t = 0. The slope is measured
from values of f alone (`gradcheck_slopes`); the pullback is what the engine, or a hand-written backward, computes. The
direction d is one entry of one array, or a random one in all entries of an array at once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd.gradcheck_diagnosis import Evidence, diagnose, largest
from glassnet.autograd.gradcheck_slopes import Slopes
from glassnet.autograd.gradcheck_subject import FLOAT64, Subject, TapeSubject, opened
from glassnet.errors import ArgumentError, DTypeError, GradientError, NonFiniteError
from glassnet.typing import Array

DIRECTIONS = 4
ATTEMPTS = 7
"""Directions tried until one meets no kink; each moves half as many entries as the one before."""
DIAGNOSED = 2000
"""Up to this size all entries of a wrong gradient are looked at."""
WIDTH = 80
"""Of a printed report, in columns."""


@dataclass(frozen=True)
class CheckedArray:
    """The result for one input or variable."""

    name: str
    shape: tuple[int, ...]
    order: int
    entries: int
    """Entries compared one by one."""
    directions: int
    kinks: int
    """Entries and directions left out: a kink is so near that rounding drowns the slope on this side of it."""
    error: float
    """The largest difference, relative to the gradient."""
    ok: bool
    diagnosis: str = ""
    fix: str = ""

    @property
    def verdict(self) -> str:
        """In a word; unseen where nothing could be compared."""
        if self.ok:
            return "ok"
        return "WRONG" if self.error else "unseen"


@dataclass(frozen=True)
class Report:
    """What `check_gradients` found; printed, it is a table."""

    function: str
    arrays: tuple[CheckedArray, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether every gradient agrees."""
        return all(array.ok for array in self.arrays)

    @property
    def errors(self) -> dict[str, float]:
        """The largest relative difference per input and variable, over all orders."""
        return {a.name: max(b.error for b in self.arrays if b.name == a.name) for a in self.arrays}

    @property
    def kinks(self) -> int:
        """Entries and directions left out because the function has a kink there."""
        return sum(array.kinks for array in self.arrays)

    @property
    def diagnosis(self) -> str:
        """What is wrong with each wrong gradient, in words; empty when all is well."""
        return "\n".join(f"{_described(a)}: {a.diagnosis}" for a in self.arrays if not a.ok)

    def __str__(self) -> str:
        texts = [f"gradients of {self.function}, tolerance {self.tolerance:g}", *self.diagnosis.split("\n")]
        head, *told = [textwrap.fill(text, WIDTH, subsequent_indent="    ", break_long_words=False) for text in texts]
        return "\n".join([head, *_table(self.arrays), *filter(None, map(_uncompared, self.arrays)), *told]).rstrip()


def check_gradients(
    function: Any, *inputs: Any, order: int = 1, tolerance: float = 1e-6, per_entry: int = 200, seed: int = 0,
    raise_on_failure: bool = True,
) -> Report:  # fmt: skip
    """Compare analytic with numeric gradients of an op, function, loss, layer, model or hand-written brick, in float64.

    Arguments:
        inputs: where to check; every floating one is, and every trainable Variable that the function reaches.
        order: 2 checks the second derivatives too.
        tolerance: allowed difference, relative to the largest entry of a gradient.
        per_entry: up to so many entries of each array are also checked one by one.

    >>> import glassnet as gn
    >>> check_gradients(lambda x: (x * x).sum(), [1.0, 2.0]).ok
    True
    """
    if order not in (1, 2):
        raise ArgumentError("check_gradients: order must be 1 or 2", received=f"order={order!r}")
    if not tolerance > 0 or per_entry < 0:
        raise ArgumentError(
            "check_gradients: tolerance must be positive and per_entry not negative",
            received=f"tolerance={tolerance!r}, per_entry={per_entry!r}",
        )
    rng = np.random.default_rng(seed)
    arrays: list[CheckedArray] = []
    with opened(function, inputs) as subject, np.errstate(all="ignore"):  # NaN is reported; off the domain it is a kink
        outputs = _examined(subject)
        arrays += _Check(subject, outputs, 1, tolerance, per_entry, rng).run()
        if order == 2 and all(array.ok for array in arrays):  # else numeric slopes of a wrong gradient
            second = _derivative(subject, outputs, rng)
            arrays += _Check(second, second.value(second.base), 2, tolerance, per_entry, rng).run()
        report = Report(subject.title, tuple(arrays), tolerance)
    if raise_on_failure and not report.ok:
        raise _error(report)
    return report


def _examined(subject: Subject) -> list[Array]:
    """The outputs at the base point, after everything that would make a comparison meaningless was refused."""
    who = f"check_gradients of {subject.title}"
    if not subject.names:
        raise DTypeError(
            f"{who}: nothing to check", expected="a floating input or a trainable Variable",
            received=", ".join(subject.shapes) or "no inputs", fix="pass floats: np.array([1.0, 2.0])",
        )  # fmt: skip
    for name, array in zip(subject.names, subject.base):
        _refuse_non_finite(f"{who}: {name} is not finite", array)
    outputs, again = subject.value(subject.base), subject.value(subject.base)
    if not outputs:
        raise DTypeError(f"{who}: it returns no floating tensor", fix="return what is to be differentiated")
    for y, z in zip(outputs, again):
        if y.dtype != FLOAT64:
            raise DTypeError(
                f"{who}: the result is not float64", expected="float64 for float64 inputs", received=str(y.dtype),
                fix="remove the conversion inside: in float32 a difference quotient has three digits",
            )  # fmt: skip
        _refuse_non_finite(f"{who}: the result is not finite", y)
        if y.shape != z.shape or np.abs(y - z).max(initial=0.0) > 1e-9 * np.abs(y).max(initial=0.0):
            raise GradientError(
                f"{who}: two calls with the same inputs give different values", expected="a deterministic function",
                received=f"a difference of {np.abs(y - z).max():.3g}" if y.shape == z.shape else "different shapes",
                fix="fix the random numbers: draw them outside and pass them in",
            )  # fmt: skip
    return outputs


def _refuse_non_finite(problem: str, array: Array) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise NonFiniteError(problem, expected="finite numbers", received=f"{array[index]} at index {index}")


def _derivative(subject: Subject, outputs: list[Array], rng: np.random.Generator) -> TapeSubject:
    if not isinstance(subject, TapeSubject):
        raise ArgumentError(
            f"check_gradients of {subject.title}: a hand-written backward has no second derivative", received="order=2",
            fix="write it as an Op, or order=1",
        )  # fmt: skip
    return subject.derivative([_signed(rng, y.shape) for y in outputs])


def _signed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Random numbers of both signs, none of them tiny: every entry counts."""
    sizes: Array = rng.uniform(0.5, 1.5, shape)
    signs: Array = rng.choice([-1.0, 1.0], shape)
    return sizes * signs


class _Check:
    """One comparison of a whole subject: all its arrays, entry by entry and in random directions."""

    def __init__(
        self,
        subject: Subject,
        outputs: list[Array],
        order: int,
        tolerance: float,
        per_entry: int,
        rng: np.random.Generator,
    ) -> None:
        self.subject, self.order, self.tolerance, self.per_entry, self.rng = subject, order, tolerance, per_entry, rng
        # the entries of a scalar's gradient are shown as they are; the directions bring other cotangents
        scalar = len(outputs) == 1 and outputs[0].size == 1
        self.cotangents = [np.ones(y.shape) if scalar else _signed(rng, y.shape) for y in outputs]
        self.slopes = Slopes(subject, self.cotangents)
        self.gradients = subject.pull(self.cotangents)
        self.rounds = []
        for _ in range(DIRECTIONS):
            cotangents = [_signed(rng, y.shape) for y in outputs]
            self.rounds.append((Slopes(subject, cotangents), subject.pull(cotangents)))

    def run(self) -> list[CheckedArray]:
        """One result per checked array."""
        return [self.checked(number) for number in range(len(self.subject.names))]

    def checked(self, number: int) -> CheckedArray:
        """Compare the gradient of one array."""
        name, base, gradient = self.subject.names[number], self.subject.base[number], self.gradients[number]
        analytic = np.zeros(base.shape) if gradient is None else gradient
        some = range(base.size) if base.size <= self.per_entry else self.rng.choice(base.size, self.per_entry, False)
        indices = [int(index) for index in some]
        if analytic.shape != base.shape:
            told = self.diagnosis(number, None, indices)
            return CheckedArray(name, base.shape, self.order, 0, 0, 0, np.inf, False, *told)
        numeric, errors = self.slopes.entries(number, indices, largest(analytic))
        compared = np.isfinite(numeric)
        error = self.relative(analytic, numeric, errors)
        kinky = np.zeros(base.size, dtype=bool)
        kinky[indices] = ~compared.flat[indices]
        directions, kinks, wrong = 0, int(kinky.sum()), None
        for slopes, gradients in self.rounds if base.size else ():
            found, skipped = self.direction(number, slopes, gradients[number], ~kinky.reshape(base.shape))
            kinks += skipped
            if found is not None:
                directions += 1
                error = max(error, found[0])
                wrong = found[1:] if found[0] > self.tolerance else wrong
        ok = error <= self.tolerance and (base.size == 0 or directions + int(compared.sum()) > 0)
        told = ("", "") if ok else self.diagnosis(number, wrong, indices)
        return CheckedArray(name, base.shape, self.order, int(compared.sum()), directions, kinks, error, ok, *told)

    def relative(self, analytic: Array, numeric: Array, errors: Array) -> float:
        """The largest difference relative to the largest entry, allowing for what the numeric side cannot know."""
        if not np.isfinite(analytic).all():
            return np.inf
        known = np.isfinite(numeric)
        scale = max(np.abs(analytic).max(initial=0.0), np.abs(numeric[known]).max(initial=0.0))
        allowed = np.maximum(scale, errors[known] / self.tolerance)
        difference = np.abs(analytic[known] - numeric[known])
        return float(np.max(difference / np.maximum(allowed, np.finfo(float).tiny), initial=0.0))

    def direction(
        self, number: int, slopes: Slopes, gradient: Array | None, free: Array
    ) -> tuple[tuple[float, float, float] | None, int]:
        """(relative error, analytic, numeric) in a random direction of the free entries, and how many met a kink."""
        kinks = 0
        for attempt in range(ATTEMPTS):
            moved = free & (self.rng.random(free.shape) < 0.5**attempt)
            if not moved.any():
                continue
            way = np.where(moved, _signed(self.rng, free.shape) * slopes.units[number], 0.0)
            way /= np.sqrt(moved.sum())  # as long as one entry's: a sum over many inputs then moves as little
            parts = np.zeros(way.shape) if gradient is None else gradient * way
            analytic, size = float(parts.sum()), float(np.sqrt(np.sum(parts**2)))
            found = slopes.along(number, way)
            if found is None or (np.isfinite(size) and not slopes.sharp(found.value, found.error, size)):
                kinks += 1
                continue
            scale = max(size, abs(found.value), found.error / self.tolerance, np.finfo(float).tiny)
            error = abs(analytic - found.value) / scale
            return (error if np.isfinite(error) else np.inf, analytic, found.value), kinks
        return None, kinks

    def diagnosis(self, number: int, direction: tuple[float, float] | None, indices: list[int]) -> tuple[str, str]:
        """Words for a wrong gradient; now the time for more entries is well spent."""
        size, analytic = self.subject.base[number].size, self.gradients[number]
        looked_at = range(size) if size <= DIAGNOSED else indices
        numeric, errors = self.slopes.entries(number, looked_at, largest(analytic))
        return diagnose(
            Evidence(self.subject, number, self.cotangents, analytic, numeric, errors, direction, self.tolerance)
        )


# ---------------------------------------------------------------- words


def _table(arrays: Sequence[CheckedArray]) -> list[str]:
    """One line per array; long names lose their beginning."""
    header = ["array", "shape", "order", "entries", "directions", "kinks", "error", ""]
    rows = [
        [a.name, str(a.shape), str(a.order), str(a.entries), str(a.directions), str(a.kinks), f"{a.error:.1e}", a.verdict]
        for a in arrays
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    room = max(WIDTH - sum(widths[1:]) - 2 * len(widths[1:]), len("array"))
    for row in rows:
        row[0] = row[0] if len(row[0]) <= room else "..." + row[0][len(row[0]) - room + 3 :]
    widths[0] = min(widths[0], room)
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [header, *rows]]


def _uncompared(array: CheckedArray) -> str:
    """How many random directions say nothing, in words."""
    missing = DIRECTIONS - array.directions
    if missing == 0 or 0 in array.shape or not array.ok:
        return ""
    return f"{_described(array)}: {missing} of {DIRECTIONS} random directions met kinks only"


def _described(array: CheckedArray) -> str:
    return f"{array.name} {array.shape}" + (", second derivative" if array.order == 2 else "")


def _error(report: Report) -> GradientError:
    wrong = [array for array in report.arrays if not array.ok]
    order = "second derivative" if wrong[0].order == 2 else "gradient"
    fixes = [f"{a.name}: {a.fix}" for a in wrong if a.fix]
    indent = "\n" + " " * 12
    return GradientError(
        f"check_gradients: {report.function} has a wrong {order} for {', '.join(a.name for a in wrong)}",
        expected=f"analytic = numeric within {report.tolerance:g} of the largest entry",
        received=indent.join(report.diagnosis.split("\n")),
        fix=indent.join(fixes) or None,
    )
