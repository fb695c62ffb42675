r"""Reductions: many cells become one. Sums, means, extremes.

A sum hands its cotangent back to every cell that went into it (factor 1); everything else here follows from that.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, ClassVar

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.errors import ShapeError
from glassnet.ops.shape import AXES, known_size, made_once, normalize_axes, normalize_axis
from glassnet.typing import DType, Shape

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "broadcast_to", "count_nonzero", "cumsum", "logsumexp",
    "max", "mean", "min", "prod", "std", "sum", "sum_to", "var",
]  # fmt: skip


# ---------------------------------------------------------------- axes


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing the given axes."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def reduction_rule(
    kind: str, ndim: int, axes: tuple[int, ...], keepdims: bool, whole: str = "{}", cell: str = "x[{}]"
) -> str:
    """`y[kept] = kind_letters x[all]` for an array of this rank; `whole` and `cell` wrap what their names say.

    A reduced axis that is kept with size 1 has the capital letter.
    """
    letters = AXES[:ndim]
    bound = "".join(letters[axis] for axis in axes)
    kept = [letter.upper() if axis in axes else letter for axis, letter in enumerate(letters)]
    free = ",".join(letter for axis, letter in enumerate(kept) if keepdims or axis not in axes)
    head = f"{kind}_{bound} " if bound else ""
    return f"y[{free}] = {whole.format(head + cell.format(','.join(letters)))}"


def keep_axes(F: Any, value: Any, shape: Shape, axes: tuple[int, ...]) -> Any:
    """A reduced array, ready to broadcast against the input: its axes are back as size 1 where that is needed."""
    if len(value.shape) == len(shape) or axes == tuple(range(len(axes))):
        return value
    if not value.shape:
        return value
    return F.reshape(value, tuple(1 if axis in axes else size for axis, size in enumerate(shape)))


def count_cells(who: str, shape: Any, axes: tuple[int, ...]) -> int:
    """How many cells become one; none at all is an error."""
    n: int = math.prod([shape[axis] for axis in axes])
    if n == 0:
        raise ShapeError(f"{who}: there are no cells to reduce", expected="at least one", received=f"shape {shape}")
    return n


# ---------------------------------------------------------------- sums


class Sum(Op):
    r"""Sum over axes.

    1. y = Σ x over the axes: each x enters exactly one y with factor 1.
    2. So x̄ is ȳ of that sum, repeated for every cell that went into it.

    Integers and booleans are added as 64-bit integers, so that an image of bytes does not overflow.
    """

    formula = r"y = \sum_{\text{axes}} x"
    gradient = r"\bar x = \bar y \text{ repeated along the axes}"
    kind = "reduction"

    axes: tuple[int, ...]
    keepdims: bool = False

    def rule_for(self, x: Spec) -> str:
        return reduction_rule("sum", x.ndim, self.axes, self.keepdims)

    def shapes(self, x: Spec) -> Shape:
        return reduced_shape(x.shape, self.axes, self.keepdims)

    def dtypes(self, x: Spec) -> tuple[DType, ...]:
        return (_sum_dtype(x.dtype),)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.sum(axis=self.axes, dtype=_sum_dtype(x.dtype), out=out, keepdims=self.keepdims)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.broadcast_to(keep_axes(F, g, x.shape, self.axes), x.shape)


def _sum_dtype(dtype: DType) -> DType:
    if dtype.kind == "f":
        return dtype
    return np.dtype("uint64" if dtype.kind == "u" else "int64")


_sum = made_once(Sum)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (all axes by default).

    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    x = operand(x)
    return apply(_sum(normalize_axes(axis, len(x.shape), "sum"), keepdims), x)


class SumTo(Op):
    r"""Undo broadcasting: sum over the axes along which an array of `shape` was repeated.

    If x was broadcast to y, one x stands behind many y, and its cotangent is the sum of theirs. The cotangent of this
    op is the broadcast itself.
    """

    formula = r"y = \sum_{\text{repeated}} x"
    gradient = r"\bar x = \bar y \text{ broadcast to } x"
    kind = "reduction"

    shape: Shape

    def rule_for(self, x: Spec) -> str:
        lead = x.ndim - len(self.shape)
        repeated = tuple(lead + i for i, size in enumerate(self.shape) if size == 1 and x.shape[lead + i] != 1)
        kept = [AXES[axis].upper() if axis in repeated else AXES[axis] for axis in range(lead, x.ndim)]
        bound = "".join(AXES[axis] for axis in (*range(lead), *repeated))
        return f"y[{','.join(kept)}] = {f'sum_{bound} ' if bound else ''}x[{','.join(AXES[: x.ndim])}]"

    def shapes(self, x: Spec) -> Shape:
        return self.shape

    def forward(self, xp: Any, x: Any) -> Any:
        lead = x.ndim - len(self.shape)
        repeated = [lead + i for i, size in enumerate(self.shape) if size == 1 and x.shape[lead + i] != 1]
        return x.sum(axis=(*range(lead), *repeated), dtype=x.dtype).reshape(self.shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.broadcast_to(g, x.shape)


_sum_to = made_once(SumTo)


def sum_to(x: Any, shape: Shape) -> Any:
    """Sum over whatever axes broadcasting an array of `shape` to `x` repeated.

    >>> sum_to(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    x = operand(x)
    return x if tuple(x.shape) == tuple(shape) else apply(_sum_to(tuple(shape)), x)


class BroadcastTo(Op):
    r"""Repeat along axes of size 1 and new leading axes; x̄ is the sum of ȳ over the repeats."""

    formula = r"y = x \text{ repeated}"
    gradient = r"\bar x = \sum_{\text{repeats}} \bar y"
    kind = "view"

    shape: Shape

    def rule_for(self, x: Spec) -> str:
        lead = len(self.shape) - x.ndim
        read = ["0" if size == 1 else AXES[lead + axis] for axis, size in enumerate(x.shape)]
        return f"y[{','.join(AXES[: len(self.shape)])}] = x[{','.join(read)}]"

    def shapes(self, x: Spec) -> Shape:
        lead = len(self.shape) - len(x.shape)
        pairs = zip(x.shape, self.shape[lead:])
        if lead < 0 or builtins.any(old not in (1, None, new) and new is not None for old, new in pairs):
            raise ShapeError(
                "broadcast_to: the array cannot be repeated to this shape",
                expected=f"sizes of {self.shape}, or 1, counted from the right",
                received=f"shape {x.shape}",
            )
        return _own_where_unknown(self.shape, x.shape)

    def forward(self, xp: Any, x: Any) -> Any:
        shape = _own_where_unknown(self.shape, x.shape) if None in self.shape else self.shape
        if None in shape:
            raise ShapeError("broadcast_to: a new axis needs a known size", received=f"shape {self.shape}")
        return xp.broadcast_to(x, shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.sum_to(g, x.shape)


def _own_where_unknown(target: Shape, own: Shape) -> Shape:
    """The target, with the array's own size wherever it says None."""
    lead = len(target) - len(own)
    return tuple([own[i - lead] if n is None and i >= lead else n for i, n in enumerate(target)])


_broadcast_to = made_once(BroadcastTo)


def broadcast_to(x: Any, shape: Shape) -> Any:
    """The array repeated to `shape` by NumPy's broadcasting rules.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    x = operand(x)
    return x if tuple(x.shape) == tuple(shape) else apply(_broadcast_to(tuple(shape)), x)


class Cumsum(Op):
    r"""Running sum along one axis: y[k] = x[0] + ... + x[k].

    1. x[k] enters y[k] and every later y with factor 1.
    2. So x̄[k] = ȳ[k] + ... + ȳ[n-1]: the running sum of ȳ from the end.
    """

    gradient = r"\bar x_k = \sum_{j \ge k} \bar y_j"

    axis: int

    def rule_for(self, x: Spec) -> str:
        letters = AXES[: x.ndim]
        at = letters[self.axis]
        return f"y[{','.join(letters)}] = sum_z x[{','.join(letters.replace(at, 'z'))}]*[z <= {at}]"

    def shapes(self, x: Spec) -> Shape:
        return x.shape

    def dtypes(self, x: Spec) -> tuple[DType, ...]:
        return (_sum_dtype(x.dtype),)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return x.cumsum(axis=self.axis, dtype=_sum_dtype(x.dtype), out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.flip(F.cumsum(F.flip(g, self.axis), self.axis), self.axis)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum along `axis`; of the cells in row-major order where `axis` is None.

    >>> cumsum(np.array([1.0, 2.0, 4.0]))
    array([1., 3., 7.])
    """
    x = operand(x) if dtype is None else F.cast(x, dtype)
    if axis is None:
        return apply(Cumsum(0), F.ravel(x))
    return apply(Cumsum(normalize_axis(axis, len(x.shape), "cumsum")), x)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product over `axis` (all axes by default); 1 for no cells.

    The cells are multiplied in pairs, then the pairs in pairs: the gradient needs no division and is right for zeros.

    >>> prod(np.array([2.0, 3.0, 4.0]))
    np.float64(24.0)
    """
    x = operand(x)
    shape = tuple(x.shape)
    axes = normalize_axes(axis, len(shape), "prod")
    n = math.prod([known_size(x, a, "prod") for a in axes])
    x = F.cast(x, _sum_dtype(x.dtype) if dtype is None else dtype)
    rows = F.reshape(F.moveaxis(x, axes, range(len(axes))), (n, *reduced_shape(shape, axes, keepdims)))
    if n == 0:
        return F.add(sum(rows, 0), 1)
    while n > 1:
        pairs = F.multiply(rows[: n // 2], rows[n // 2 : n // 2 * 2])
        rows, n = (F.concatenate([pairs, rows[n - 1 :]]) if n % 2 else pairs), n - n // 2
    return rows[0]


# ---------------------------------------------------------------- means and spread


class Mean(Op):
    r"""Mean over axes: y = (1/n) Σ x, with n the number of cells that become one.

    1. Each x enters exactly one y with factor 1/n.
    2. So x̄ = ȳ / n, repeated for every cell that went into it. This is where the 1/n of an average loss comes from.

    The mean of no cells is an error: 0/0 is no number.
    """

    formula = r"y = \frac{1}{n} \sum_{\text{axes}} x"
    gradient = r"\bar x = \frac{1}{n}\,\bar y \text{ repeated along the axes}"
    kind = "reduction"
    dtype = "float"

    axes: tuple[int, ...]
    keepdims: bool = False

    def rule_for(self, x: Spec) -> str:
        n = [x.shape[axis] for axis in self.axes]
        if None in n:
            return ""
        count = count_cells("mean", x.shape, self.axes)
        return reduction_rule("sum", x.ndim, self.axes, self.keepdims, whole=f"({{}}) / {count}")

    def shapes(self, x: Spec) -> Shape:
        return reduced_shape(x.shape, self.axes, self.keepdims)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        n = count_cells("mean", x.shape, self.axes)
        y = x.sum(axis=self.axes, out=out, keepdims=self.keepdims)
        return y / n if out is None else xp.divide(y, n, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        n = count_cells("mean", x.shape, self.axes)
        return F.broadcast_to(keep_axes(F, g / n, x.shape, self.axes), x.shape)


_mean = made_once(Mean)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean over `axis` (all axes by default).

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([2., 3.])
    """
    x = operand(x)
    return apply(_mean(normalize_axes(axis, len(x.shape), "mean"), keepdims), x)


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Weighted mean over `axis`: Σ w x / Σ w; the mean where there are no weights.

    Arguments:
        weights: one for each cell of x, or one for each cell of a single axis.

    >>> average(np.array([[1.0, 5.0]]), axis=1, weights=np.array([3.0, 1.0]))
    array([2.])
    """
    if weights is None:
        return mean(x, axis)
    x, weights = operand(x), operand(weights)
    if weights.shape != x.shape:
        axes = normalize_axes(axis, len(x.shape), "average")
        if len(axes) != 1 or tuple(weights.shape) != (x.shape[axes[0]],):
            raise ShapeError(
                "average: the weights do not fit",
                expected=f"shape {tuple(x.shape)}, or one weight for each cell of a single axis",
                received=f"shape {tuple(weights.shape)} with axis={axis}",
            )
        weights = F.reshape(weights, [-1 if a in axes else 1 for a in range(len(x.shape))])
    return F.divide(sum(F.multiply(x, weights), axis), sum(weights, axis if weights.shape == x.shape else None))


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance over `axis`: the mean of the squared distances from the mean (divided by n, not n - 1).

    >>> var(np.array([1.0, 2.0, 6.0]))
    np.float64(4.666666666666667)
    """
    distance = F.subtract(x, mean(x, axis, keepdims=True))
    return mean(F.multiply(distance, distance), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation over `axis`: the root of `var`, in the unit of x; equal cells have gradient 0.

    >>> std(np.array([[1.0, 3.0]]), axis=1)
    array([1.])
    """
    variance = var(x, axis, keepdims)
    spread = F.greater(variance, 0)  # at 0 the root has no slope: it is kept away from there
    return F.where(spread, F.sqrt(F.where(spread, variance, 1)), variance)


# ---------------------------------------------------------------- extremes


class Max(Op):
    r"""Largest cell over axes.

    1. A small change of the largest cell moves y by the same amount; a change of any other cell does not.
    2. So x̄ is ȳ at the largest cell and 0 elsewhere.
    3. Where k cells tie, y has no derivative. ȳ is split evenly, ȳ/k to each: the shares add up to ȳ, and no cell is
       preferred for its place.

    NaN among the cells makes y NaN. The largest of no cells is an error.
    """

    gradient = r"\bar x = \tfrac{1}{k}\,[x = y]\,\bar y,\quad k = \sum_{\text{axes}} [x = y]"
    formula = r"y = \max_{\text{axes}} x"
    kind = "reduction"
    saves = ("x", "y")

    axes: tuple[int, ...]
    keepdims: bool = False
    extreme: ClassVar[str] = "max"

    def rule_for(self, x: Spec) -> str:
        return reduction_rule(self.extreme, x.ndim, self.axes, self.keepdims)

    def shapes(self, x: Spec) -> Shape:
        return reduced_shape(x.shape, self.axes, self.keepdims)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if x.size == 0:
            count_cells(self.name, x.shape, self.axes)
        return getattr(x, self.extreme)(axis=self.axes, out=out, keepdims=self.keepdims)

    def beyond(self, x: Any, y: Any) -> Any:
        """Cells that are not the extreme; none where y is NaN, so that something is left to share ȳ."""
        return x < y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        chosen = ~self.beyond(x, keep_axes(F, y, x.shape, self.axes))
        k = F.cast(chosen.sum(axis=self.axes, keepdims=True), g.dtype)
        return keep_axes(F, g, x.shape, self.axes) / k * chosen


class Min(Max):
    r"""Smallest cell over axes: y = -max(-x).

    1. As for Max, only the smallest cell moves y, with factor 1.
    2. So x̄ is ȳ at the smallest cell and 0 elsewhere; k cells that tie get ȳ/k each.

    NaN among the cells makes y NaN. The smallest of no cells is an error.
    """

    formula = r"y = \min_{\text{axes}} x"
    extreme: ClassVar[str] = "min"

    def beyond(self, x: Any, y: Any) -> Any:
        return x > y


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Largest cell over `axis` (all axes by default).

    Arguments:
        initial: the least that the result can be; it also makes the result of no cells defined.

    >>> max(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([3., 5.])
    """
    return _extreme(Max, x, axis, keepdims, initial)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Smallest cell over `axis` (all axes by default).

    Arguments:
        initial: the most that the result can be; it also makes the result of no cells defined.

    >>> min(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([1., 4.])
    """
    return _extreme(Min, x, axis, keepdims, initial)


def _extreme(op: type[Max], x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    x = operand(x)
    axes = normalize_axes(axis, len(x.shape), op.extreme)
    if initial is None:
        return apply(op(axes, keepdims), x)
    if 0 in [x.shape[a] for a in axes]:
        return broadcast_to(F.cast(initial, x.dtype), reduced_shape(x.shape, axes, keepdims))
    return (F.maximum if op is Max else F.minimum)(apply(op(axes, keepdims), x), initial)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """NumPy's second name for `max`.

    >>> amax(np.array([1.0, 5.0]))
    np.float64(5.0)
    """
    return max(x, axis, keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """NumPy's second name for `min`.

    >>> amin(np.array([1.0, 5.0]))
    np.float64(1.0)
    """
    return min(x, axis, keepdims)


class Argmax(Op):
    r"""Position of the largest cell along one axis; of several, the first. Piecewise constant: no gradient.

    The result is int64 on every machine. NaN counts as the largest, as in NumPy.
    """

    formula = r"y = \min \{ i : x_i = \max_j x_j \}"
    kind = "reduction"
    dtype = "int64"
    differentiable = False

    axis: int
    extreme: ClassVar[str] = "max"

    def rule_for(self, x: Spec) -> str:
        letters = ",".join(AXES[: x.ndim])
        at = AXES[self.axis]
        free = ",".join(letter for letter in AXES[: x.ndim] if letter != at)
        return (
            f"m[{free}] = {self.extreme}_{at} x[{letters}]; "
            f"y[{free}] = min_{at} where(x[{letters}] == m[{free}] or isnan(x[{letters}]), {at}, 1e9)"
        )

    def forward(self, xp: Any, x: Any) -> Any:
        count_cells(self.name, x.shape, (self.axis,))
        return getattr(x, "arg" + self.extreme)(axis=self.axis).astype("int64", copy=False)


class Argmin(Argmax):
    r"""Position of the smallest cell along one axis; of several, the first. Piecewise constant: no gradient."""

    formula = r"y = \min \{ i : x_i = \min_j x_j \}"
    extreme: ClassVar[str] = "min"


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position of the largest cell along `axis`; counted in row-major order where `axis` is None.

    >>> argmax(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([1, 1])
    """
    return _position(Argmax, x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position of the smallest cell along `axis`; counted in row-major order where `axis` is None.

    >>> argmin(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([0, 0])
    """
    return _position(Argmin, x, axis, keepdims)


def _position(op: type[Argmax], x: Any, axis: int | None, keepdims: bool) -> Any:
    x = operand(x)
    shape = x.shape
    if axis is None:
        y, axes = apply(op(0), F.reshape(x, (-1,))), tuple(range(len(shape)))
    else:
        place = normalize_axis(axis, len(shape), "arg" + op.extreme)
        y, axes = apply(op(place), x), (place,)
    return F.reshape(y, reduced_shape(shape, axes, True)) if keepdims else y


# ---------------------------------------------------------------- counting


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many cells are not 0 over `axis` (all axes by default).

    >>> count_nonzero(np.array([0.0, 2.0, -1.0]))
    np.int64(2)
    """
    return sum(F.not_equal(x, 0), axis)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """True where at least one cell over `axis` is not 0.

    >>> any(np.array([[False, True], [False, False]]), axis=1)
    array([ True, False])
    """
    return F.greater(sum(F.not_equal(x, 0), axis, keepdims), 0)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """True where no cell over `axis` is 0.

    >>> all(np.array([[True, True], [False, True]]), axis=1)
    array([ True, False])
    """
    return F.equal(sum(F.equal(x, 0), axis, keepdims), 0)


# ---------------------------------------------------------------- logarithm of a sum


class Logsumexp(Op):
    r"""y = ln Σ eˣ over axes: a smooth maximum, and the denominator of softmax as a logarithm.

    1. With s = Σ eˣ, y = ln s and ∂y/∂x = eˣ / s.
    2. eˣ / s = eˣ / eʸ = e^(x - y), the softmax of x, which cannot overflow because x <= y.
    3. x̄ = e^(x - y) ȳ.

    Trap: eˣ overflows beyond x = 88 in float32. With m = max x, ln Σ eˣ = m + ln Σ e^(x - m), and every exponent is at
    most 0. Cells of -∞ count as nothing; a row of nothing else gives -∞, and no gradient.
    """

    formula = r"y = \ln \sum_{\text{axes}} e^x"
    gradient = r"\bar x = e^{x - y}\,\bar y"
    kind = "reduction"
    dtype = "float"
    saves = ("x", "y")

    axes: tuple[int, ...]
    keepdims: bool = False

    def rule_for(self, x: Spec) -> str:
        return reduction_rule("sum", x.ndim, self.axes, self.keepdims, "log({})", "exp(x[{}])")

    def shapes(self, x: Spec) -> Shape:
        return reduced_shape(x.shape, self.axes, self.keepdims)

    def forward(self, xp: Any, x: Any) -> Any:
        m = x.max(axis=self.axes, keepdims=True, initial=-math.inf)
        m = xp.where(xp.isfinite(m), m, x.dtype.type(0))
        with np.errstate(over="ignore", divide="ignore"):  # x - m = -∞ and ln 0 = -∞ are the right values
            y = m + xp.log(xp.exp(x - m).sum(axis=self.axes, keepdims=True))
        return y if self.keepdims else y.reshape(reduced_shape(x.shape, self.axes, False))

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        level = F.where(F.isfinite(y), y, 0)
        return keep_axes(F, g, x.shape, self.axes) * F.exp(x - keep_axes(F, level, x.shape, self.axes))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of a sum, ln Σ eˣ, over `axis` (all axes by default), without overflow.

    >>> logsumexp(np.array([[1000.0, 1000.0]]), axis=1)
    array([1000.69314718])
    """
    x = operand(x)
    return apply(Logsumexp(normalize_axes(axis, len(x.shape), "logsumexp"), keepdims), x)
