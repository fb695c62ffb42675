r"""Reductions: many cells become one. Sums, means, extremes.

A sum hands its cotangent back to every cell that went into it (factor 1); everything else here follows from that.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.spec import Spec
from glassnet.ops.shape import AXES, normalize_axes
from glassnet.typing import Shape

__all__ = ["broadcast_to", "sum", "sum_to"]


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing the given axes."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def reduction_rule(kind: str, ndim: int, axes: tuple[int, ...], body: str = "x[{all}]") -> str:
    """`y[kept] = kind_letters body` for an array of this rank; an axis that is kept as size 1 has no letter."""
    letters = AXES[:ndim]
    bound = "".join(letters[axis] for axis in axes)
    free = ",".join(letters[axis] for axis in range(ndim) if axis not in axes)
    head = f"{kind}_{bound} " if bound else ""
    return f"y[{free}] = {head}" + body.format(all=",".join(letters))


def keep_axes(F: Any, value: Any, shape: Shape, axes: tuple[int, ...]) -> Any:
    """A reduced array with its reduced axes back as size 1, ready to broadcast against the input."""
    return F.reshape(value, tuple(1 if axis in axes else size for axis, size in enumerate(shape)))


class Sum(Op):
    r"""Sum over axes.

    1. y = Σ x over the axes: each x enters exactly one y with factor 1.
    2. So x̄ is ȳ of that sum, repeated for every cell that went into it.
    """

    formula = r"y = \sum_{\text{axes}} x"
    gradient = r"\bar x = \bar y \text{ repeated along the axes}"
    kind = "reduction"

    axes: tuple[int, ...]
    keepdims: bool = False

    def rule_for(self, x: Spec) -> str:
        return "" if self.keepdims else reduction_rule("sum", x.ndim, self.axes)

    def shapes(self, x: Spec) -> Shape:
        return reduced_shape(x.shape, self.axes, self.keepdims)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.sum(axis=self.axes, dtype=x.dtype if x.dtype.kind == "f" else None, out=out, keepdims=self.keepdims)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.broadcast_to(keep_axes(F, g, x.shape, self.axes), x.shape)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (all axes by default).

    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    x = operand(x)
    return apply(Sum(normalize_axes(axis, len(x.shape), "sum"), keepdims), x)


class SumTo(Op):
    r"""Undo broadcasting: sum over the axes along which an array of `shape` was repeated.

    If x was broadcast to y, one x stands behind many y, and its cotangent is the sum of theirs. The cotangent of this
    op is the broadcast itself.
    """

    formula = r"y = \sum_{\text{repeated}} x"
    gradient = r"\bar x = \bar y \text{ broadcast to } x"
    kind = "reduction"

    shape: Shape

    def shapes(self, x: Spec) -> Shape:
        return self.shape

    def forward(self, xp: Any, x: Any) -> Any:
        lead = x.ndim - len(self.shape)
        repeated = tuple(lead + i for i, size in enumerate(self.shape) if size == 1 and x.shape[lead + i] != 1)
        return x.sum(axis=(*range(lead), *repeated), dtype=x.dtype, keepdims=True).reshape(self.shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.broadcast_to(g, x.shape)


def sum_to(x: Any, shape: Shape) -> Any:
    """Sum over whatever axes broadcasting an array of `shape` to `x` repeated.

    >>> sum_to(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    x = operand(x)
    return x if tuple(x.shape) == tuple(shape) else apply(SumTo(tuple(shape)), x)


class BroadcastTo(Op):
    r"""Repeat along axes of size 1 and new leading axes; x̄ is the sum of ȳ over the repeats."""

    formula = r"y = x \text{ repeated}"
    gradient = r"\bar x = \sum_{\text{repeats}} \bar y"
    kind = "view"

    shape: Shape

    def shapes(self, x: Spec) -> Shape:
        return self.shape

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.broadcast_to(x, self.shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.sum_to(g, x.shape)


def broadcast_to(x: Any, shape: Shape) -> Any:
    """The array repeated to `shape` by NumPy's broadcasting rules.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    x = operand(x)
    return x if tuple(x.shape) == tuple(shape) else apply(BroadcastTo(tuple(shape)), x)
