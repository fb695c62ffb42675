"""What is wrong with a gradient, in words: the classic mistakes, each recognised by what it does to the numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glassnet.autograd.gradcheck_slopes import Slopes
from glassnet.autograd.gradcheck_subject import LEARNING_RATE, BrickSubject, Subject
from glassnet.typing import Array

AGREES = 1e-5
"""Within this part of the largest entry two gradients are the same one; far above rounding, far below any mistake."""
SHOWN = 3


class Finding(NamedTuple):
    """A recognised mistake and its remedy."""

    cause: str
    fix: str


@dataclass(frozen=True)
class Evidence:
    """What is known about one wrong gradient."""

    subject: Subject
    number: int
    cotangents: list[Array]
    analytic: Array | None
    numeric: Array
    """NaN at kinks and where too many entries exist to look at all."""
    errors: Array
    """Bounds of the errors of `numeric`."""
    direction: tuple[float, float] | None
    """Analytic and numeric slope in a random direction that disagree."""
    tolerance: float

    @property
    def name(self) -> str:
        """The array whose gradient it is."""
        return self.subject.names[self.number]

    @property
    def attribute(self) -> str:
        """The name inside its brick: without the brick's place in a list."""
        return self.name.rpartition(".")[2]

    def is_numeric(self, candidate: Array, scale: float = 1.0) -> bool:
        """Whether a candidate is the numeric gradient times `scale`."""
        errors = abs(scale) * self.errors
        return candidate.shape == self.numeric.shape and agree(candidate, scale * self.numeric, errors=errors)

    def numeric_for(self, cotangents: list[Array]) -> Array:
        """The numeric gradient for other cotangents, at the same entries."""
        known = np.flatnonzero(np.isfinite(self.numeric)).tolist()
        return Slopes(self.subject, cotangents).entries(self.number, known, largest(self.analytic))[0]


def agree(a: Array, b: Array, tolerance: float = AGREES, errors: Array | float = 0.0) -> bool:
    """Whether two arrays agree wherever both are known, relative to the largest entry or within the errors of `b`."""
    known = np.isfinite(a) & np.isfinite(b)
    if not known.any():
        return False
    return bool((np.abs(a - b) <= np.maximum(tolerance * np.abs(b[known]).max(), errors))[known].all())


def largest(gradient: Array | None) -> float:
    """The magnitude of the largest finite entry; 0 where no gradient arrived."""
    return 0.0 if gradient is None else float(np.abs(gradient[np.isfinite(gradient)]).max(initial=0.0))


def diagnose(evidence: Evidence) -> Finding:
    """The first mistake that explains the numbers, with the worst entries; just the entries where none does."""
    e = evidence
    entries_agree = e.analytic is not None and e.is_numeric(e.analytic)
    finders = (ignores_cotangent,) if entries_agree else FINDERS
    found = next((finding for find in finders if (finding := find(e)) is not None), Finding("", ""))
    lines = [found.cause, *_wrong_entries(e)]
    return Finding("\n  ".join(line for line in lines if line), found.fix)


# ---------------------------------------------------------------- the mistakes


def too_coarse(e: Evidence) -> Finding | None:
    """Values that do not move at all for a tiny step have no slope that could be measured."""
    if e.analytic is None or not e.analytic.any() or np.nan_to_num(e.numeric).any():
        return None
    moved = list(e.subject.base)
    moved[e.number] = moved[e.number] + 1e-9 * np.maximum(1.0, np.abs(moved[e.number]))
    pairs = zip(e.subject.value(e.subject.base), e.subject.value(moved))
    if not all(np.array_equal(before, after) for before, after in pairs):
        return None
    return Finding(
        "a step of 1e-9 changes no value: the function is constant here, or computes in float32 inside",
        "remove conversions to float32",
    )


def nothing_to_compare(e: Evidence) -> Finding | None:
    """No numeric slope exists or can be seen."""
    misshapen = e.analytic is not None and e.analytic.shape != e.numeric.shape
    if np.isfinite(e.numeric).any() or e.direction or misshapen:
        return None
    return Finding(
        "nothing could be compared: the function has a kink at every entry, or its values are too noisy",
        "check at other inputs",
    )


def missing(e: Evidence) -> Finding | None:
    """Nothing arrived."""
    if e.analytic is not None:
        return None
    fix = "use gn.ops from input to result (.numpy(), float() and NumPy cut the tape), and return it from vjp"
    if isinstance(e.subject, BrickSubject):
        fix = "backward must return it" if e.number == 0 else f"backward must set self.gradients[{e.attribute!r}]"
    return Finding("no gradient arrives (None), but the result depends on it", fix)


def not_finite(e: Evidence) -> Finding | None:
    """NaN or infinity where the function itself is finite."""
    if e.analytic is None or np.isfinite(e.analytic).all():
        return None
    where = _entry(e.name, np.argwhere(~np.isfinite(e.analytic))[0])
    return Finding(
        f"the analytic gradient is not finite at {where}",
        "look for a division by 0, log(0) or 0 * inf in the derivative",
    )


def zero(e: Evidence) -> Finding | None:
    """A gradient that is 0 everywhere."""
    if e.analytic is None or e.analytic.any():
        return None
    return Finding("the analytic gradient is 0 everywhere, the numeric one is not", "compute it: a term is forgotten")


def transposed(e: Evidence) -> Finding | None:
    """Axes in another order."""
    if e.analytic is None or e.numeric.ndim < 2:
        return None
    for axes in itertools.permutations(range(e.numeric.ndim)):
        if e.analytic.ndim == len(axes) and e.is_numeric(e.analytic.transpose(axes)):
            return Finding(
                f"the analytic gradient is transposed: shape {e.analytic.shape}", f"transpose it: axes {axes}"
            )
    return None


def missing_batch_sum(e: Evidence) -> Finding | None:
    """One gradient per sample instead of their sum, or the gradient of a single sample."""
    if e.analytic is None:
        return None
    for axis, samples in enumerate(e.analytic.shape):
        summed = e.analytic.sum(axis)
        if samples > 1 and summed.size == e.numeric.size and e.is_numeric(summed.reshape(e.numeric.shape)):
            cause = f"a missing sum over the batch: the analytic gradient still has its axis, shape {e.analytic.shape}"
            return Finding(cause, f"add up over the batch: .sum(axis={axis})")
    if not e.cotangents or e.cotangents[0].ndim == 0 or e.analytic.shape != e.numeric.shape:
        return None
    for sample, which in ((-1, "last"), (0, "first")):
        if len(e.cotangents[0]) > 1 and agree(e.analytic, e.numeric_for([_only(c, sample) for c in e.cotangents])):
            cause = f"a missing sum over the batch: only the {which} sample counts"
            return Finding(cause, "add up over the batch: += instead of = in the loop, or x.T @ g")
    return None


def stale(e: Evidence) -> Finding | None:
    """With a vanishing learning rate the same brick is right: what it reads has been updated too early."""
    if not isinstance(e.subject, BrickSubject) or not e.subject.updates:
        return None
    unmoved = e.subject.pull(e.cotangents, learning_rate=1e-7)[e.number]
    if unmoved is None or unmoved.shape != e.numeric.shape or not agree(unmoved, e.numeric, 1e-4):
        return None
    return Finding(
        "the gradient is taken through already updated weights (it is right for learning_rate -> 0)",
        "in backward compute all gradients first, then update",
    )


def ignores_learning_rate(e: Evidence) -> Finding | None:
    """The step of an updating brick does not grow with the learning rate."""
    if not isinstance(e.subject, BrickSubject) or not e.subject.updates or e.number == 0 or e.analytic is None:
        return None
    if not e.is_numeric(e.analytic, 1 / LEARNING_RATE):
        return None
    return Finding("the update ignores learning_rate", f"self.{e.attribute} -= learning_rate * gradient")


def factor(e: Evidence) -> Finding | None:
    """A constant factor: a sign, an n, a 2."""
    if e.analytic is None or e.analytic.shape != e.numeric.shape:
        return None
    known = np.isfinite(e.numeric)
    a, n = e.analytic[known], e.numeric[known]
    if not a.any() or not n.any():
        return None
    c = float(np.sum(a * n) / np.sum(n * n))
    if not e.is_numeric(e.analytic, c):
        return None
    cause = " and ".join(_names_of_factor(c, e))
    return Finding(f"analytic = numeric x {c:.6g}" + (f": {cause}" if cause else ""), f"multiply it by {1 / c:.6g}")


def ignores_cotangent(e: Evidence) -> Finding | None:
    """Backpropagation is linear: twice the incoming gradient must give twice the outgoing one."""
    twice = e.subject.pull([2 * c for c in e.cotangents])[e.number]
    if e.analytic is None or twice is None or twice.shape != e.analytic.shape or agree(twice, 2 * e.analytic):
        return None
    return Finding(
        "twice the incoming gradient does not give twice this one",
        "multiply the local derivative by the incoming gradient, once",
    )


def misshapen(e: Evidence) -> Finding | None:
    """Another shape, for a reason that none of the others explains."""
    if e.analytic is None or e.analytic.shape == e.numeric.shape:
        return None
    return Finding(
        f"the analytic gradient has shape {e.analytic.shape}, the array {e.numeric.shape}",
        "a gradient has the shape of its array",
    )


FINDERS: tuple[Callable[[Evidence], Finding | None], ...] = (
    too_coarse, nothing_to_compare, missing, not_finite, zero, transposed, missing_batch_sum, stale,
    ignores_learning_rate, factor, ignores_cotangent, misshapen,
)  # fmt: skip


# ---------------------------------------------------------------- words


def _only(cotangent: Array, sample: int) -> Array:
    kept = np.zeros_like(cotangent)
    if cotangent.ndim:
        kept[sample] = cotangent[sample]
    return kept


def _names_of_factor(c: float, e: Evidence) -> Iterator[str]:
    """What is known to cause a factor: each part of `c` in words."""
    if c < 0:
        yield "the sign"
    size = abs(c)
    if places := _places(size, e):
        yield f"a missing 1/n (n = {round(size)} is {places})"
    elif places := _places(1 / size, e):
        yield f"1/n once too often (n = {round(1 / size)} is {places})"
    elif _is(size, 2):
        yield "a 2 too many, as from a square whose 1/2 was not used"
    elif _is(size, 0.5):
        yield "a missing 2, as from the derivative of a square"


def _is(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= AGREES * wanted


def _places(n: float, e: Evidence) -> str:
    """Which axes and sizes are n: an axis by the first array that has it."""
    found: dict[object, str] = {}
    if n < 1.5:
        return ""
    shapes = {**e.subject.shapes, "the result": e.cotangents[0].shape if e.cotangents else ()}
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            if _is(n, size):
                found.setdefault(
                    axis, f"axis {axis} of {name}" + (", the batch" if axis == 0 and len(shape) > 1 else "")
                )
    for name, shape in shapes.items():
        if not found and _is(n, np.prod(shape)):
            found["size"] = f"the size of {name}"
    return " or ".join(found.values())


def _wrong_entries(e: Evidence) -> list[str]:
    """How many entries are wrong and where, the worst of them with both numbers; else the direction that disagrees."""
    analytic = np.zeros(e.numeric.shape) if e.analytic is None else e.analytic
    known = np.isfinite(e.numeric)
    if analytic.shape != known.shape or not np.isfinite(analytic).all() or not (known.any() or e.direction):
        return []
    difference = np.where(known, np.abs(analytic - e.numeric), 0.0)
    scale = max(float(np.abs(analytic).max()), float(np.abs(e.numeric[known]).max(initial=0.0)))
    wrong = np.argwhere(difference > np.maximum(e.tolerance * scale, e.errors))
    if len(wrong) == 0:
        told = f"the {known.sum()} entries looked at agree"
        return [f"{told}, a random direction does not: {_both(*e.direction)}"] if e.direction else [told]
    worst = wrong[np.argsort([-difference[tuple(i)] for i in wrong])][:SHOWN]
    shown = [f"{_entry(e.name, i)}: {_both(analytic[tuple(i)], e.numeric[tuple(i)])}" for i in worst]
    return [f"{len(wrong)} of {known.sum()} entries differ{_common_place(e.name, wrong, known)}", *shown]


def _both(analytic: float, numeric: float) -> str:
    return f"analytic {analytic:.6g}, numeric {numeric:.6g}"


def _common_place(name: str, wrong: Array, known: Array) -> str:
    """`, all in w[:, 2]` where the wrong entries share an index that the others do not all have."""
    if len(wrong) < 2 or len(wrong) == known.sum():
        return ""
    shared = [str(column[0]) if (column == column[0]).all() else ":" for column in wrong.T]
    return f", all in {name}[{', '.join(shared)}]" if set(shared) != {":"} else ""


def _entry(name: str, index: Array) -> str:
    return f"{name}[{', '.join(str(i) for i in index)}]" if len(index) else name
