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

__all__ = ["expand_dims", "reshape", "squeeze", "swapaxes", "transpose"]

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
