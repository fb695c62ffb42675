r"""Indexing: picking cells by position, and its mirror image, adding cells into positions.

Picking copies: y[j] = x[i(j)]. A cell of x may be picked several times or never, so its cotangent is the sum over all
its picks: x̄[i] = Σ ȳ[j] over j with i(j) = i, which is "adding into positions". The two are each other's vjp.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError
from glassnet.ops.shape import AXES, normalize_axis
from glassnet.typing import Shape

__all__ = ["add_along_axis", "one_hot", "take_along_axis", "top_k"]


class TakeAlongAxis(Op):
    r"""y[..., j, ...] = x[..., i[..., j, ...], ...] along one axis; x̄ adds ȳ back into the picked positions."""

    formula = r"y_j = x_{i_j}"
    gradient = (r"\bar x_i = \sum_{j:\,i_j = i} \bar y_j",)
    kind = "opaque"
    saves = ("i",)
    promotes = False

    axis: int

    def rule_for(self, x: Spec, i: Spec) -> str:
        letters = ",".join(AXES[: x.ndim])
        inside = ",".join(f"i[{letters}]" if axis == self.axis else AXES[axis] for axis in range(x.ndim))
        return f"y[{letters}] = x[{inside}]"

    def shapes(self, x: Spec, i: Spec) -> Shape:
        return i.shape

    def dtypes(self, x: Spec, i: Spec) -> Any:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        return xp.take_along_axis(x, i, axis=self.axis)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.add_along_axis(g, i, x.shape[self.axis], self.axis), None


def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Any:
    """Pick cells along one axis, with an index for each result cell.

    >>> take_along_axis(np.array([[10.0, 20.0, 30.0]]), np.array([[2, 0]]), axis=1)
    array([[30., 10.]])
    """
    x = operand(x)
    return apply(TakeAlongAxis(normalize_axis(axis, len(x.shape), "take_along_axis")), x, indices)


class AddAlongAxis(Op):
    r"""Zeros of size `size` along one axis, with x[j] added at position i[j]; x̄ picks ȳ at those positions."""

    formula = r"y_i = \sum_{j:\,i_j = i} x_j"
    gradient = (r"\bar x_j = \bar y_{i_j}",)
    kind = "opaque"
    saves = ("i",)
    promotes = False

    size: int
    axis: int

    def shapes(self, x: Spec, i: Spec) -> Shape:
        return tuple(self.size if axis == self.axis else size for axis, size in enumerate(x.shape))

    def dtypes(self, x: Spec, i: Spec) -> Any:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        y = xp.zeros([self.size if axis == self.axis else size for axis, size in enumerate(x.shape)], x.dtype)
        where = [a.reshape([-1 if k == axis else 1 for k in range(x.ndim)]) for axis, a in enumerate(map(xp.arange, x.shape))]
        where[self.axis] = i
        xp.add.at(y, tuple(where), x)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.take_along_axis(g, i, self.axis), None


def add_along_axis(x: Any, indices: Any, size: int, axis: int = -1) -> Any:
    """Add each cell of x into position `indices` of an array of zeros with `size` cells along the axis.

    >>> add_along_axis(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), 3)
    array([5., 0., 2.])
    """
    x = operand(x)
    return apply(AddAlongAxis(int(size), normalize_axis(axis, len(x.shape), "add_along_axis")), x, indices)


class OneHot(Op):
    r"""1 at the index, 0 elsewhere, along a new last axis: y[..., k] = [i[...] = k]."""

    rule = "y[...,k] = [i[...] == k]"
    kind = "opaque"
    differentiable = False

    classes: int
    to: str

    def shapes(self, i: Spec) -> Shape:
        return (*i.shape, self.classes)

    def dtypes(self, i: Spec) -> Any:
        return (np.dtype(self.to),)

    def forward(self, xp: Any, i: Any) -> Any:
        return (i[..., None] == xp.arange(self.classes)).astype(self.to)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Any:
    """Integers as rows with a single 1; an index outside 0..num_classes-1 gives a row of zeros.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if axis not in (-1, len(operand(x).shape)):
        raise ArgumentError("one_hot: only the last axis is supported", expected="axis=-1", received=f"axis={axis}")
    return apply(OneHot(int(num_classes), np.dtype(dtype or "float32").name), x)


class TopK(Op):
    r"""The k largest cells of the last axis, in falling order, with their positions.

    It is a sort followed by a pick, and the pick is linear: x̄ adds each ȳ of a value back at its position. Equal cells
    keep their order, so the result does not depend on the sorting algorithm. Positions have no gradient.
    """

    formula = r"(y, i) = \mathrm{top}_k(x)"
    gradient = (r"\bar x_{i_j} = \bar y_j",)
    kind = "opaque"
    outputs = ("y", "i")
    saves = ("i",)

    k: int

    def shapes(self, x: Spec) -> Any:
        if not x.shape or (x.shape[-1] is not None and self.k > x.shape[-1]):
            raise ArgumentError("top_k: k is larger than the last axis", expected=f"k <= {x.shape}", received=f"k={self.k}")
        shape = (*x.shape[:-1], self.k)
        return shape, shape

    def dtypes(self, x: Spec) -> Any:
        return x.dtype, np.dtype("int64")

    def forward(self, xp: Any, x: Any) -> Any:
        indices = xp.argsort(-x, axis=-1, kind="stable")[..., : self.k]
        return xp.take_along_axis(x, indices, axis=-1), indices

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.add_along_axis(g[0], y[1], x.shape[-1])


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest cells of the last axis and their positions, always in falling order.

    >>> values, positions = top_k(np.array([1.0, 9.0, 5.0]), 2)
    >>> values, positions
    (array([9., 5.]), array([1, 2]))
    """
    return apply(TopK(int(k)), x)
