r"""Shape ops: the same numbers in another arrangement.

None of them computes: each output cell is one input cell. So every cotangent is the inverse rearrangement of ȳ. Ops of
kind "view" return a view of their input's memory, and a plan aliases it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Shape

__all__ = ["concatenate", "expand_dims", "moveaxis", "reshape", "squeeze", "stack", "swapaxes", "transpose"]

AXES = "abcdefghijkl"
"""Letters for ops of any rank; a rule that names axes one by one reaches twelve of them."""


def normalize_axis(axis: int, ndim: int, who: str) -> int:
    """A non-negative axis number; one that does not exist is an error."""
    if not -ndim <= axis < ndim:
        raise ArgumentError(f"{who}: axis does not exist", expected=f"-{ndim}..{ndim - 1}", received=f"axis={axis}")
    return axis % ndim


def normalize_axes(axis: Any, ndim: int, who: str) -> tuple[int, ...]:
    """Axis numbers as a sorted tuple; None means all axes."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    found = tuple(sorted(normalize_axis(int(a), ndim, who) for a in axes))
    if len(set(found)) != len(found):
        raise ArgumentError(f"{who}: an axis is named twice", received=f"axis={axis}")
    return found


def _letters(axes: Sequence[int]) -> str:
    return ",".join(AXES[axis] for axis in axes)


class Reshape(Op):
    r"""The same cells in row-major order under another shape; x̄ is ȳ under the old shape.

    One size may be -1: it follows from the others. A batch size that is not known yet stays unknown.
    """

    formula = r"y = \mathrm{reshape}(x)"
    gradient = r"\bar x = \mathrm{reshape}(\bar y)"
    kind = "view"

    shape: Shape

    def shapes(self, x: Spec) -> Shape:
        return resolve_shape(self.shape, x.shape, "reshape")

    def forward(self, xp: Any, x: Any) -> Any:
        return x.reshape([-1 if size is None else size for size in self.shape])

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.reshape(g, x.shape)


def resolve_shape(target: Shape, source: Shape, who: str) -> Shape:
    """The target with its -1 filled in; checks that the number of cells stays the same."""
    free = [i for i, size in enumerate(target) if size == -1]
    if len(free) > 1 or any(size is not None and size < -1 for size in target):
        raise ShapeError(f"{who}: at most one size may be -1", received=f"shape {target}")
    if None in source or None in target:
        known = math.prod(s for s in source if s is not None)
        rest = math.prod(s for s in target if s is not None and s != -1)
        unknown = source.count(None)
        if free and unknown == target.count(None) and rest and known % rest == 0:
            return tuple(known // rest if size == -1 else size for size in target)
        return tuple(None if size == -1 else size for size in target)
    total, rest = math.prod(s or 0 for s in source), math.prod(s or 0 for s in target if s != -1)
    if free:
        if rest == 0 or total % rest:
            raise ShapeError(f"{who}: sizes do not fit", expected=f"{total} cells", received=f"shape {target}")
        return tuple(total // rest if size == -1 else size for size in target)
    if total != rest:
        raise ShapeError(
            f"{who}: the number of cells must stay",
            expected=f"{total} cells (shape {source})",
            received=f"{rest} cells (shape {target})",
        )
    return target


def reshape(x: Any, newshape: Sequence[int | None]) -> Any:
    """The same cells in row-major order under another shape.

    Arguments:
        newshape: the sizes; one of them may be -1.

    >>> reshape(np.arange(6), (2, -1)).shape
    (2, 3)
    """
    shape = (newshape,) if isinstance(newshape, int) else tuple(newshape)
    return apply(Reshape(tuple(s if s is None else int(s) for s in shape)), x)


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
        return F.transpose(g, tuple(self.axes.index(axis) for axis in range(len(self.axes))))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Axes in another order; reversed by default.

    >>> transpose(np.zeros((2, 3, 4)), (0, 2, 1)).shape
    (2, 4, 3)
    """
    x = operand(x)
    ndim = len(x.shape)
    order = tuple(reversed(range(ndim))) if axes is None else tuple(normalize_axis(a, ndim, "transpose") for a in axes)
    if sorted(order) != list(range(ndim)):
        raise ArgumentError(
            "transpose: axes must name every axis once", expected=f"an order of 0..{ndim - 1}", received=axes
        )
    return apply(Transpose(order), x)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), -1, -2).shape
    (2, 4, 3)
    """
    x = operand(x)
    ndim = len(x.shape)
    order = list(range(ndim))
    first, second = normalize_axis(axis1, ndim, "swapaxes"), normalize_axis(axis2, ndim, "swapaxes")
    order[first], order[second] = order[second], order[first]
    return apply(Transpose(tuple(order)), x)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Axes moved to other places; the others keep their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = operand(x)
    ndim = len(x.shape)
    sources, places = _axis_list(source, ndim, "moveaxis"), _axis_list(destination, ndim, "moveaxis")
    if len(sources) != len(places):
        raise ArgumentError("moveaxis: source and destination differ in length", received=f"{source} and {destination}")
    order = [axis for axis in range(ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return x if order == list(range(ndim)) else apply(Transpose(tuple(order)), x)


def _axis_list(axes: int | Sequence[int], ndim: int, who: str) -> list[int]:
    """Axis numbers in the order in which they were named."""
    return [normalize_axis(a, ndim, who) for a in ([axes] if isinstance(axes, int) else axes)]


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """New axes of size 1 at the given positions of the result.

    >>> expand_dims(np.zeros(3), 0).shape
    (1, 3)
    """
    x = operand(x)
    count = 1 if isinstance(axis, int) else len(axis)
    places = normalize_axes(axis, len(x.shape) + count, "expand_dims")
    sizes = iter(x.shape)
    return reshape(x, [1 if place in places else next(sizes) for place in range(len(x.shape) + count)])


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Without axes of size 1: all of them, or the named ones.

    >>> squeeze(np.zeros((1, 3, 1)), 0).shape
    (3, 1)
    """
    x = operand(x)
    ndim = len(x.shape)
    places = [i for i in range(ndim) if x.shape[i] == 1] if axis is None else normalize_axes(axis, ndim, "squeeze")
    for place in places:
        if x.shape[place] not in (1, None):
            raise ShapeError("squeeze: the axis is not of size 1", received=f"axis {place} of shape {tuple(x.shape)}")
    return reshape(x, [size for i, size in enumerate(x.shape) if i not in places])


# ---------------------------------------------------------------- joining and cutting


class Concatenate(Op):
    r"""Arrays one after the other along one axis.

    1. Each cell of each array becomes exactly one cell of y, so its cotangent is that cell's cotangent.
    2. The cotangent of the k-th array is the slice of ȳ where it was put.
    """

    formula = r"y = [x_1, x_2, \dots]"
    gradient = r"\bar x_k = \text{the slice of } \bar y \text{ at } x_k"

    axis: int

    def rule_for(self, *x: Spec) -> str:
        letters, terms, start = AXES[: x[0].ndim], [], 0
        for name, spec in zip(self.input_names(len(x)), x, strict=True):
            at = [f"{a}-{start}" if start and i == self.axis else a for i, a in enumerate(letters)]
            terms.append(f"{name}[{','.join(at)}]")  # a read outside the array is 0
            start += spec.shape[self.axis] or 0
        return f"y[{','.join(letters)}] = {' + '.join(terms)}"

    def shapes(self, *x: Spec) -> Shape:
        first = x[0].shape
        for number, spec in enumerate(x):
            if len(spec.shape) != len(first) or not _equal_but_for(self.axis, spec.shape, first):
                raise ShapeError(
                    "concatenate: the arrays differ in more than the joined axis",
                    expected=f"sizes as in array 0 {first}, except along axis {self.axis}",
                    received=f"array {number} of shape {spec.shape}",
                )
        sizes = [spec.shape[self.axis] for spec in x]
        total = None if None in sizes else sum(s for s in sizes if s is not None)
        known = [next((s for s in column if s is not None), None) for column in zip(*(spec.shape for spec in x), strict=True)]
        return (*known[: self.axis], total, *known[self.axis + 1 :])

    def forward(self, xp: Any, *x: Any, out: Any = None) -> Any:
        return xp.concatenate(x, axis=self.axis, out=out)

    def vjp(self, F: Any, g: Any, y: Any, *x: Any, needed: tuple[bool, ...]) -> Any:
        cotangents, start, before = [], 0, (slice(None),) * self.axis
        for spec, need in zip(x, needed, strict=True):
            end = start + spec.shape[self.axis]
            cotangents.append(g[(*before, slice(start, end))] if need else None)
            start = end
        return tuple(cotangents)


def _equal_but_for(axis: int, shape: Shape, other: Shape) -> bool:
    pairs = [pair for i, pair in enumerate(zip(shape, other, strict=True)) if i != axis]
    return all(a == b or a is None or b is None for a, b in pairs)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Arrays one after the other along an axis they have.

    >>> concatenate([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    parts = [operand(x) for x in xs]
    if not parts:
        raise ArgumentError("concatenate: there is nothing to join", expected="at least one array")
    return apply(Concatenate(normalize_axis(axis, len(parts[0].shape), "concatenate")), *parts)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis.

    >>> stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    parts = [operand(part) for part in x]
    if not parts:
        raise ArgumentError("stack: there is nothing to join", expected="at least one array")
    shapes = {tuple(part.shape) for part in parts}
    if len({len(shape) for shape in shapes}) > 1 or (len(shapes) > 1 and not any(None in shape for shape in shapes)):
        raise ShapeError("stack: the arrays must have one shape", received=", ".join(map(str, sorted(shapes, key=len))))
    place = normalize_axis(axis, len(parts[0].shape) + 1, "stack")
    return concatenate([expand_dims(part, place) for part in parts], place)
