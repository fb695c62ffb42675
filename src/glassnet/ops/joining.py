r"""Joining ops: arrays side by side, cells repeated, moved around and framed, and triangles.

As in `shape`, no output cell is computed: it is one input cell, or a constant. So every cotangent takes ȳ apart again, or
adds up its copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.shape import (
    AXES,
    NUMBER,
    expand_dims,
    known_size,
    letters_of,
    made_once,
    normalize_axis,
    ordered_axes,
    ravel,
    reshape,
    split,
)
from glassnet.typing import Shape

__all__ = [
    "append", "concatenate", "hstack", "pad", "repeat", "roll", "stack", "tile", "tril", "triu", "vstack",
]  # fmt: skip


class Concatenate(Op):
    r"""Arrays one after the other along one axis.

    1. Each cell of each array becomes exactly one cell of y, so its cotangent is that cell's cotangent.
    2. The cotangent of the k-th array is the slice of ȳ where it was put.
    """

    formula = r"y = [x_1, x_2, \dots]"
    gradient = r"\bar x_k = \text{the slice of } \bar y \text{ where } x_k \text{ was put}"

    axis: int

    def rule_for(self, *x: Spec) -> str:
        if None in [spec.shape[self.axis] for spec in x]:
            return ""
        letters, terms, start = AXES[: x[0].ndim], [], 0
        for name, spec in zip(self.input_names(len(x)), x):
            at = [f"{a}-{start}" if start and i == self.axis else a for i, a in enumerate(letters)]
            terms.append(f"{name}[{','.join(at)}]")  # a read outside the array is 0
            start += spec.shape[self.axis] or 0
        return f"y[{','.join(letters)}] = {' + '.join(terms)}"

    def shapes(self, *x: Spec) -> Shape:
        first = list(x[0].shape)
        for number, spec in enumerate(x):
            if len(spec.shape) != len(first) or not _fits(first, spec.shape, but=self.axis):
                raise ShapeError(
                    "concatenate: the arrays differ in more than the joined axis",
                    expected=f"sizes as in array 0 {x[0].shape}, except along axis {self.axis}",
                    received=f"array {number} of shape {spec.shape}",
                )
            first = [old if old is not None else new for old, new in zip(first, spec.shape)]
        sizes = [spec.shape[self.axis] for spec in x]
        first[self.axis] = None if None in sizes else sum(size or 0 for size in sizes)
        return tuple(first)

    def forward(self, xp: Any, *x: Any, out: Any = None) -> Any:
        return xp.concatenate(x, axis=self.axis, out=out)

    def vjp(self, F: Any, g: Any, y: Any, *x: Any, needed: tuple[bool, ...]) -> Any:
        cotangents, start, before = [], 0, (slice(None),) * self.axis
        for spec, need in zip(x, needed):
            end = start + spec.shape[self.axis]
            cotangents.append(g[(*before, slice(start, end))] if need else None)
            start = end
        return tuple(cotangents)


def _fits(shape: Sequence[int | None], other: Shape, but: int) -> bool:
    """Whether two shapes can be equal, one axis not counted."""
    return all(i == but or a == b or a is None or b is None for i, (a, b) in enumerate(zip(shape, other)))


_concatenate = made_once(Concatenate)


def concatenate(xs: Iterable[Any], axis: int = 0) -> Any:
    """Arrays one after the other along an axis they have.

    >>> concatenate([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    parts = _parts(xs, "concatenate")
    return apply(_concatenate(normalize_axis(axis, len(parts[0].shape), "concatenate")), *parts)


def _parts(xs: Iterable[Any], who: str) -> list[Any]:
    parts = [operand(x) for x in xs]
    if not parts:
        raise ArgumentError(f"{who}: there is nothing to join", expected="at least one array")
    return parts


def stack(x: Iterable[Any], axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis.

    >>> stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    parts = _parts(x, "stack")
    first = tuple(parts[0].shape)
    for number, part in enumerate(parts):
        if len(part.shape) != len(first) or not _fits(first, part.shape, but=-1):
            raise ShapeError(
                "stack: the arrays must have one shape",
                expected=f"shape {first}, as array 0",
                received=f"array {number} of shape {tuple(part.shape)}",
            )
    place = normalize_axis(axis, len(first) + 1, "stack")
    return concatenate([expand_dims(part, place) for part in parts], place)


def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 after x1 along `axis`; the cells of both along one axis where `axis` is None.

    >>> append(np.array([1.0, 2.0]), np.array([3.0]))
    array([1., 2., 3.])
    """
    return concatenate([ravel(x1), ravel(x2)] if axis is None else [x1, x2], axis or 0)


def hstack(xs: Iterable[Any]) -> Any:
    """Arrays side by side: along the second axis, or the first where that is all there is.

    >>> hstack([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])])
    array([[1., 3.],
           [2., 4.]])
    """
    parts = [part if part.shape else ravel(part) for part in _parts(xs, "hstack")]
    return concatenate(parts, 0 if len(parts[0].shape) == 1 else 1)


def vstack(xs: Iterable[Any]) -> Any:
    """Arrays on top of each other: along the first axis, a vector as one row.

    >>> vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 2.],
           [3., 4.]])
    """
    return concatenate([part if len(part.shape) > 1 else reshape(part, (1, -1)) for part in _parts(xs, "vstack")])


# ---------------------------------------------------------------- repeating and moving cells


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Every cell along `axis` several times in a row; the cells in row-major order where `axis` is None.

    Arguments:
        repeats: how often; one number, or one for each cell of the axis.

    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    x = operand(x)
    if axis is None:
        return repeat(ravel(x), repeats, 0)
    place = normalize_axis(axis, len(x.shape), "repeat")
    if np.ndim(repeats):
        return F.take(x, np.repeat(np.arange(known_size(x, place, "repeat")), repeats), place)
    before, size, after = tuple(x.shape[:place]), x.shape[place], tuple(x.shape[place + 1 :])
    wide = F.broadcast_to(expand_dims(x, place + 1), (*before, size, int(repeats), *after))
    return reshape(wide, (*before, _times(size, int(repeats)), *after))


def _times(size: int | None, count: int) -> int:
    return -1 if size is None else size * count


def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """The whole array laid side by side several times along each axis.

    Arguments:
        repeats: how often, counted from the last axis; more numbers than axes make new leading axes.

    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    x = operand(x)
    counts = [int(repeats)] if isinstance(repeats, NUMBER) else [int(count) for count in repeats]
    counts = [1] * (len(x.shape) - len(counts)) + counts
    if len(counts) > len(x.shape):
        x = expand_dims(x, range(len(counts) - len(x.shape)))
    for axis, count in enumerate(counts):
        if count != 1:
            before, size, after = tuple(x.shape[:axis]), x.shape[axis], tuple(x.shape[axis + 1 :])
            wide = F.broadcast_to(expand_dims(x, axis), (*before, count, size, *after))
            x = reshape(wide, (*before, _times(size, count), *after))
    return x


def roll(x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    """The cells along `axis` moved on by `shift` places; what leaves at the end comes in at the beginning.

    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    x = operand(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), tuple(x.shape))
    axes = ordered_axes(axis, len(x.shape), "roll")
    shifts = [shift] * len(axes) if isinstance(shift, NUMBER) else list(shift)
    if len(shifts) != len(axes):
        raise ArgumentError("roll: every axis needs one shift", received=f"shift={shift}, axis={axis}")
    for place, places in zip(axes, shifts):
        size = known_size(x, place, "roll")
        cut = -places % size if size else 0
        if cut:
            x = concatenate(reversed(split(x, [cut], place)), place)
    return x


# ---------------------------------------------------------------- frames and triangles


class Pad(Op):
    r"""A frame of one value around the array: widths[k] = (cells before, cells after) along axis k.

    The frame does not depend on x, and each x becomes one cell of y, so x̄ is ȳ without the frame.
    """

    formula = r"y = x \text{ inside a frame of } c"
    gradient = r"\bar x = \bar y \text{ without the frame}"

    widths: tuple[tuple[int, int], ...]
    value: float = 0.0

    def rule_for(self, x: Spec) -> str:
        if self.value:
            return ""
        inside = [f"{a}-{before}" if before else a for a, (before, _) in zip(AXES, self.widths)]
        return f"y[{letters_of(range(x.ndim))}] = x[{','.join(inside)}]"  # a read outside the array is 0

    def shapes(self, x: Spec) -> Shape:
        return tuple(None if n is None else n + before + after for n, (before, after) in zip(x.shape, self.widths))

    def inside(self, shape: Shape) -> tuple[slice, ...]:
        return tuple([slice(before, before + (n or 0)) for n, (before, _) in zip(shape, self.widths)])

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.empty(self.shapes(x), x.dtype) if out is None else out
        y.fill(self.value)
        y[self.inside(x.shape)] = x
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g[self.inside(x.shape)]


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """A frame around the array.

    Arguments:
        pad_width: cells (before, after) for each axis; one pair or one number for all axes.
        mode: "constant" (0, or `constant_values`), "reflect" (mirrored at the border cell) or "symmetric" (mirrored
            after the border cell).

    >>> pad(np.array([1.0, 2.0, 3.0]), (2, 1), "reflect")
    array([3., 2., 1., 2., 3., 2.])
    """
    x = operand(x)
    widths = _widths(pad_width, len(x.shape))
    if mode == "constant":
        return apply(Pad(widths, float(constant_values or 0)), x)
    if mode not in ("reflect", "symmetric") or constant_values is not None:
        raise ArgumentError(
            "pad: unknown mode, or constant_values in another mode than constant",
            expected="mode 'constant', 'reflect' or 'symmetric'",
            received=f"mode={mode!r}, constant_values={constant_values}",
        )
    for axis, width in enumerate(widths):
        if width != (0, 0):
            places = np.arange(known_size(x, axis, "pad"))
            x = F.take(x, np.pad(places, width, mode="reflect" if mode == "reflect" else "symmetric"), axis)
    return x


def _widths(pad_width: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis."""
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" or given.shape not in ((), (1,), (2,), (1, 2), (ndim, 2), (ndim, 1)):
        raise ArgumentError("pad: one pair of widths for each axis", expected=f"{ndim} pairs", received=str(pad_width))
    if given.size and given.min() < 0:
        raise ArgumentError("pad: widths are at least 0", received=f"pad_width={pad_width}")
    return tuple((before, after) for before, after in np.broadcast_to(given, (ndim, 2)).tolist())


def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes, zeros above; k = 1 keeps one diagonal more.

    >>> tril(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 0.],
           [3., 4.]])
    """
    x = operand(x)
    return F.where(_triangle(x, k, "tril"), x, 0)


def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes, zeros below; k = 1 keeps one diagonal less.

    >>> triu(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [0., 4.]])
    """
    x = operand(x)
    return F.where(~_triangle(x, k - 1, "triu"), x, 0)


def _triangle(x: Any, k: int, who: str) -> Any:
    """A mask of the last two axes: True on and below the k-th diagonal."""
    if len(x.shape) < 2 or None in x.shape[-2:]:
        raise ShapeError(f"{who}: two last axes of known size are needed", received=f"shape {tuple(x.shape)}")
    return np.tri(x.shape[-2], x.shape[-1], k, dtype=bool)
