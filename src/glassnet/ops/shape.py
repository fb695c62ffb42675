r"""Shape ops: the same numbers in another arrangement.

None of them computes: each output cell is one input cell. So every cotangent is the inverse rearrangement of ȳ. Ops of
kind "view" return a view of their input's memory, and a plan aliases it.

A size may be unknown (None, mostly the batch) while a model is built. Functions here keep it unknown and still run for
any size later: axes are named, not counted.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Shape

__all__ = [
    "append", "concatenate", "expand_dims", "flip", "hstack", "moveaxis", "pad", "place", "ravel", "repeat", "reshape",
    "roll", "split", "squeeze", "stack", "swapaxes", "tile", "transpose", "tril", "triu", "vstack",
]  # fmt: skip

AXES = "abcdefghijkl"
"""Letters for ops of any rank; a rule that names axes one by one reaches twelve of them."""


NUMBER = (int, np.integer)
"""An axis or a size that is given as one whole number."""

made_once = functools.lru_cache(maxsize=1024)
"""A constructor with a memory, for the ops of every training step: equal arguments give the same op, at once."""


def normalize_axis(axis: int, ndim: int, who: str) -> int:
    """A non-negative axis number; one that does not exist is an error."""
    if not -ndim <= axis < ndim:
        expected = f"-{ndim}..{ndim - 1}" if ndim else "no axis: the array is a single number"
        raise ArgumentError(f"{who}: axis does not exist", expected=expected, received=f"axis={axis}")
    return axis + ndim if axis < 0 else axis


def normalize_axes(axis: Any, ndim: int, who: str) -> tuple[int, ...]:
    """Axis numbers as a sorted tuple; None means all axes."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, NUMBER):
        return (normalize_axis(int(axis), ndim, who),)
    found = tuple(sorted(normalize_axis(int(a), ndim, who) for a in axis))
    if len(set(found)) != len(found):
        raise ArgumentError(f"{who}: an axis is named twice", received=f"axis={axis}")
    return found


def ordered_axes(axes: int | Iterable[int], ndim: int, who: str) -> list[int]:
    """Axis numbers in the order in which they were named."""
    return [normalize_axis(int(a), ndim, who) for a in ([axes] if isinstance(axes, NUMBER) else axes)]


def known_size(x: Any, axis: int, who: str) -> int:
    """The size of an axis, for functions that cannot do without."""
    size: int | None = x.shape[axis]
    if size is None:
        raise ShapeError(f"{who}: the size of axis {axis} is not known yet", received=f"shape {tuple(x.shape)}")
    return size


def _letters(axes: Iterable[int]) -> str:
    return ",".join(AXES[axis] for axis in axes)


# ---------------------------------------------------------------- reshape


class Reshape(Op):
    r"""The same cells in row-major order under another shape; x̄ is ȳ under the old shape.

    One size may be -1 (or None, a size that was unknown when the model was built): it follows from the others.
    """

    formula = r"y = \mathrm{reshape}(x)"
    gradient = r"\bar x = \mathrm{reshape}(\bar y)"
    kind = "view"

    shape: Shape

    def rule_for(self, x: Spec) -> str:
        """The cell's number in row-major order, taken apart along the axes of x."""
        target = resolve_shape(self.shape, x.shape, "reshape")
        if None in target or None in x.shape:
            return ""
        strides = [math.prod([n for n in target[axis + 1 :] if n]) for axis in range(len(target))]
        number = " + ".join(AXES[axis] + (f"*{n}" if n > 1 else "") for axis, n in enumerate(strides)) or "0"
        inside = []
        for axis, size in enumerate(x.shape):
            stride = math.prod([n for n in x.shape[axis + 1 :] if n])
            inside.append(f"floor(({number}) / {stride}) % {size}" if size != 1 else "0")
        return f"y[{_letters(range(len(target)))}] = x[{','.join(inside)}]"

    def shapes(self, x: Spec) -> Shape:
        return resolve_shape(self.shape, x.shape, "reshape")

    def forward(self, xp: Any, x: Any) -> Any:
        return x.reshape(_one_free(self.shape) if None in self.shape else self.shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.reshape(g, x.shape)


def _one_free(shape: Shape) -> Shape:
    """The shape with -1 in place of its one unknown size."""
    sizes = tuple([-1 if size is None else size for size in shape])
    if sizes.count(-1) > 1:
        raise ShapeError(
            "reshape: more than one size is unknown",
            received=f"shape {shape}",
            fix="use expand_dims, squeeze or transpose, or take the sizes from the array: x.shape",
        )
    return sizes


def resolve_shape(target: Shape, source: Shape, who: str) -> Shape:
    """The target with its -1 filled in; checks that the number of cells can stay the same.

    A None in the target stands for an unknown size of the source, and stays unknown.

    >>> resolve_shape((None, -1), (None, 28, 28), "reshape")
    (None, 784)
    """
    if None not in source:
        target = _one_free(target)
    known = math.prod([size for size in source if size is not None])
    rest = math.prod([size for size in target if size not in (None, -1)])
    spare = source.count(None) - target.count(None)
    free: int | None = None
    if spare == 0 and -1 in target:  # the unknown sizes are the same on both sides
        fits = rest != 0 and known % rest == 0
        free = known // rest if fits else None
    elif spare == 0:
        fits = known == rest
    else:  # a source size that the target does not name follows from the others, or goes into the -1
        fits = -1 in target or spare < 0 or (rest % known == 0 if known else rest == 0)
    if not fits or target.count(-1) > 1 or any(size is not None and size < -1 for size in target):
        raise ShapeError(
            f"{who}: the number of cells must stay",
            expected=f"{known} cells (shape {source})",
            received=f"shape {target}",
            fix="leave one size open with -1" if -1 not in target else None,
        )
    return tuple([free if size == -1 else size for size in target])


_reshape = made_once(Reshape)


def reshape(x: Any, newshape: int | Sequence[int | None]) -> Any:
    """The same cells in row-major order under another shape.

    Arguments:
        newshape: the sizes; one of them may be -1. None stands for a size that is unknown in x.

    >>> reshape(np.arange(6), (2, -1)).shape
    (2, 3)
    """
    shape = (int(newshape),) if isinstance(newshape, NUMBER) else tuple([s if s is None else int(s) for s in newshape])
    if None in shape and -1 in shape:  # later only one size can be found, so the -1 is settled now
        shape = resolve_shape(shape, tuple(operand(x).shape), "reshape")
    return apply(_reshape(shape), x)


def ravel(x: Any) -> Any:
    """All cells in row-major order along one axis.

    >>> ravel(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 2., 3., 4.])
    """
    return reshape(x, (-1,))


# ---------------------------------------------------------------- order of axes


class Transpose(Op):
    r"""Axes in another order: y's axis k is x's axis `axes[k]`; x̄ is ȳ with the order undone."""

    formula = r"y = x^\top"
    gradient = r"\bar x = \bar y^\top"
    kind = "view"

    axes: tuple[int, ...]

    def rule_for(self, x: Spec) -> str:
        return f"y[{_letters(self.axes)}] = x[{_letters(range(x.ndim))}]"

    def forward(self, xp: Any, x: Any) -> Any:
        return x.transpose(self.axes)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.transpose(g, tuple([self.axes.index(axis) for axis in range(len(self.axes))]))


_transpose = made_once(Transpose)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Axes in another order; reversed by default.

    >>> transpose(np.zeros((2, 3, 4)), (0, 2, 1)).shape
    (2, 4, 3)
    """
    x = operand(x)
    ndim = len(x.shape)
    order = tuple(range(ndim - 1, -1, -1)) if axes is None else tuple(ordered_axes(axes, ndim, "transpose"))
    if axes is not None and sorted(order) != list(range(ndim)):
        raise ArgumentError(
            "transpose: axes must name every axis once", expected=f"an order of 0..{ndim - 1}", received=axes
        )
    return apply(_transpose(order), x)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), -1, -2).shape
    (2, 4, 3)
    """
    x = operand(x)
    order = list(range(len(x.shape)))
    first, second = ordered_axes((axis1, axis2), len(order), "swapaxes")
    order[first], order[second] = order[second], order[first]
    return apply(_transpose(tuple(order)), x)


def moveaxis(x: Any, source: int | Iterable[int], destination: int | Iterable[int]) -> Any:
    """Axes moved to other places; the others keep their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = operand(x)
    ndim = len(x.shape)
    sources, places = ordered_axes(source, ndim, "moveaxis"), ordered_axes(destination, ndim, "moveaxis")
    if len(set(sources)) != len(sources) or len(set(places)) != len(places) or len(sources) != len(places):
        raise ArgumentError(
            "moveaxis: every axis needs one place of its own", received=f"source={source}, destination={destination}"
        )
    order = [axis for axis in range(ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return x if order == list(range(ndim)) else apply(_transpose(tuple(order)), x)


# ---------------------------------------------------------------- slices and axes of size 1

Key = tuple[Any, ...]
"""One item per axis: a number, a slice as (start, stop, step), or None for a new axis of size 1."""
WHOLE = (None, None, None)
BACKWARD = (None, None, -1)


class GetItem(Op):
    r"""x[...] with whole numbers, slices and None: a view of some of the cells.

    1. Each y is one cell of x, and no cell of x is read twice.
    2. So x̄ is zero everywhere except at the cells that were read, where it is ȳ: see Place.
    """

    formula = r"y = x_{\mathrm{key}}"
    gradient = r"\bar x_{\mathrm{key}} = \bar y,\ 0 \text{ elsewhere}"
    kind = "view"

    key: Key

    def rule_for(self, x: Spec) -> str:
        if None in x.shape:
            return ""
        free, inside, sizes = [], [], iter(x.shape)
        for letter, item in zip(AXES, self.key):
            if not isinstance(item, int):
                free.append(letter)
            if item is not None:
                inside.append(_affine(item, letter, next(sizes)))
        return f"y[{','.join(free)}] = x[{','.join(inside)}]"

    def shapes(self, x: Spec) -> Shape:
        return _sliced_shape(self.key, x.shape)

    def forward(self, xp: Any, x: Any) -> Any:
        return x[_numpy_key(self.key)]

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        backward = any(isinstance(item, tuple) and (item[2] or 1) < 0 for item in self.key)
        if math.prod(g.shape) == math.prod(x.shape) and not backward:
            return F.reshape(g, x.shape)  # only axes of size 1 came or went
        return F.place(g, x.shape, self.key)


class Place(Op):
    r"""Zeros of `shape`, with x at the cells that `key` names: the mirror image of GetItem.

    Each cell of x becomes exactly one cell of y, so x̄ is ȳ read at those cells.
    """

    formula = r"y_{\mathrm{key}} = x,\ 0 \text{ elsewhere}"
    gradient = r"\bar x = \bar y_{\mathrm{key}}"

    shape: tuple[int, ...]
    key: Key

    def shapes(self, x: Spec) -> Shape:
        return self.shape

    def forward(self, xp: Any, x: Any) -> Any:
        y = xp.zeros(self.shape, x.dtype)
        y[_numpy_key(self.key)] = x
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g[_numpy_key(self.key)]


def place(x: Any, shape: tuple[int, ...], key: Key) -> Any:
    """Zeros of `shape` with x at the cells of `key`; the cotangent of a slice.

    >>> place(np.array([1.0, 2.0]), (5,), ((0, None, 3),))
    array([1., 0., 0., 2., 0.])
    """
    return apply(Place(tuple(shape), key), x)


@functools.lru_cache(maxsize=4096)
def _numpy_key(key: Key) -> Any:
    """The key as Python writes it; the closing `...` makes even a single cell a view."""
    return (*[slice(*item) if isinstance(item, tuple) else item for item in key], ...)


def _affine(item: Any, letter: str, size: Any) -> str:
    """One index of a slice's rule: the place that the result's letter reads."""
    if isinstance(item, int):
        return str(item % size)
    start, _, step = slice(*item).indices(size)
    scaled = letter if step == 1 else f"{step}*{letter}"
    return f"{scaled}+{start}" if start else scaled


def _sliced_shape(key: Key, shape: Shape) -> Shape:
    found: list[int | None] = []
    axis = 0
    for item in key:
        if item is None:
            found.append(1)
            continue
        size = shape[axis]
        if isinstance(item, int):
            _check_index(item, axis, shape)
        else:
            found.append(None if size is None else len(range(*slice(*item).indices(size))))
        axis += 1
    return tuple(found)


def _check_index(index: int, axis: int, shape: Shape) -> None:
    size = shape[axis]
    if size is not None and not -size <= index < size:
        raise ArgumentError(
            f"index {index} is out of range for axis {axis} of size {size}",
            expected=f"-{size}..{size - 1}" if size else "no index: the axis is empty",
            received=f"x[...] of shape {shape}",
        )


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """New axes of size 1 at the given positions of the result.

    >>> expand_dims(np.zeros(3), 0).shape
    (1, 3)
    """
    x = operand(x)
    ndim = len(x.shape) + (1 if isinstance(axis, NUMBER) else len(axis))
    places = normalize_axes(axis, ndim, "expand_dims")
    return apply(GetItem(tuple([None if place in places else WHOLE for place in range(ndim)])), x)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Without axes of size 1: all of them, or the named ones.

    >>> squeeze(np.zeros((1, 3, 1)), 0).shape
    (3, 1)
    """
    x = operand(x)
    shape = tuple(x.shape)
    places = [i for i, n in enumerate(shape) if n == 1] if axis is None else normalize_axes(axis, len(shape), "squeeze")
    for place in places:
        if known_size(x, place, "squeeze") != 1:
            raise ShapeError("squeeze: the axis is not of size 1", received=f"axis {place} of shape {shape}")
    return apply(GetItem(tuple([0 if i in places else WHOLE for i in range(len(shape))])), x)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """The cells along `axis` (all axes by default) in reverse order.

    >>> flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    x = operand(x)
    axes = normalize_axes(axis, len(x.shape), "flip")
    return apply(GetItem(tuple([BACKWARD if i in axes else WHOLE for i in range(len(x.shape))])), x)


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """The array cut along `axis` into equal parts, or before the given positions.

    Arguments:
        indices_or_sections: the number of parts, or the positions.

    >>> split(np.array([1.0, 2.0, 3.0, 4.0]), [1, 3])
    [array([1.]), array([2., 3.]), array([4.])]
    """
    x = operand(x)
    place = normalize_axis(axis, len(x.shape), "split")
    if isinstance(indices_or_sections, NUMBER):
        size, parts = x.shape[place], int(indices_or_sections)
        if size is None or parts < 1 or size % parts:
            raise ShapeError(
                "split: the axis cannot be cut into equal parts",
                expected=f"a size that {parts} divides",
                received=f"axis {place} of shape {tuple(x.shape)}",
                fix="give the positions instead: split(x, [2, 5])",
            )
        cuts = list(range(0, size + 1, size // parts)) if size else [0] * (parts + 1)
    else:
        cuts = [0, *map(int, indices_or_sections), None]  # type: ignore[list-item]  # None: to the end
    before, after = (WHOLE,) * place, (WHOLE,) * (len(x.shape) - place - 1)
    return [apply(GetItem((*before, (start, end, None), *after)), x) for start, end in itertools.pairwise(cuts)]


# ---------------------------------------------------------------- joining


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
        return f"y[{_letters(range(x.ndim))}] = x[{','.join(inside)}]"  # a read outside the array is 0

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
