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
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Shape

__all__ = [
    "expand_dims", "flip", "fliplr", "flipud", "moveaxis", "place", "ravel", "reshape", "split", "squeeze", "swapaxes",
    "transpose",
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


def letters_of(axes: Iterable[int]) -> str:
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
        return f"y[{letters_of(range(len(target)))}] = x[{','.join(inside)}]"

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
        return f"y[{letters_of(self.axes)}] = x[{letters_of(range(x.ndim))}]"

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


def fliplr(x: Any) -> Any:
    """The columns, axis 1, in reverse order.

    >>> fliplr(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1.],
           [4., 3.]])
    """
    return flip(x, 1)


def flipud(x: Any) -> Any:
    """The rows, axis 0, in reverse order.

    >>> flipud(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3., 4.],
           [1., 2.]])
    """
    return flip(x, 0)


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
        cuts: list[int | None] = [*range(0, size + 1, size // parts)] if size else [0] * (parts + 1)
    else:
        cuts = [0, *map(int, indices_or_sections), None]  # None: to the end
    before, after = (WHOLE,) * place, (WHOLE,) * (len(x.shape) - place - 1)
    return [apply(GetItem((*before, (start, end, None), *after)), x) for start, end in itertools.pairwise(cuts)]
