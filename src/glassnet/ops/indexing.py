r"""Indexing: picking cells by position, and its mirror image, adding cells into positions.

Picking copies: y[j] = x[i(j)]. A cell of x may be picked several times or never, so its cotangent is the sum over all
its picks: x̄[i] = Σ ȳ[j] over j with i(j) = i, which is "adding into positions". The two are each other's vjp.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F, Operators
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import as_tensor
from glassnet.config import floatx
from glassnet.errors import ArgumentError, DTypeError, GraphError, ShapeError
from glassnet.ops.joining import stack
from glassnet.ops.shape import AXES, WHOLE, GetItem, Key, Place, moveaxis, normalize_axis, reshape
from glassnet.typing import DType, Shape

__all__ = [
    "add_along_axis", "add_at", "argsort", "flat_index", "get_item", "nonzero", "one_hot", "scatter", "slice",
    "slice_update", "sort", "take", "take_along_axis", "top_k",
]  # fmt: skip

# ---------------------------------------------------------------- x[...]


def get_item(x: Any, key: Any) -> Any:
    """x[key] with NumPy's meaning: whole numbers, slices, None, `...`, integer arrays and boolean masks.

    A mask must hold numbers: how many cells it picks is not known while a step is traced.

    >>> get_item(np.array([[1.0, 2.0], [3.0, 4.0]]), (..., -1))
    array([2., 4.])
    """
    x = operand(x)
    items = _items(key if isinstance(key, tuple) else (key,), tuple(x.shape))
    if not any(_is_array(item) for item in items):
        return apply(GetItem(tuple(item for item in items if item is not ...)), x)
    return _pick(x, items)


def _items(key: tuple[Any, ...], shape: Shape) -> list[Any]:
    """The key with every axis named: slices as tuples, masks as positions, `...` written out (and kept as a mark)."""
    parts = [_part(part) for part in key]
    named = sum(_axes_of(part) for part in parts)
    dots = sum(1 for part in parts if part is ...)
    if named > len(shape) or dots > 1:
        raise ArgumentError(
            "x[...]: more axes are named than there are",
            expected=f"at most {len(shape)} and one `...` for shape {shape}",
            received=f"{named} and {dots} `...`",
        )
    items: list[Any] = []
    axis = 0
    for part in [*parts, ...] if not dots else parts:
        if part is ...:
            items += [..., *[WHOLE] * (len(shape) - named)]
            axis += len(shape) - named
        else:
            items += _positions_of_mask(part, shape[axis : axis + part.ndim]) if _is_mask(part) else [part]
            axis += _axes_of(part)
    return items if dots else [item for item in items if item is not ...]


def _part(part: Any) -> Any:
    """One part of a key: None, `...`, a whole number, a slice as a tuple, or an array."""
    if part is None or part is ...:
        return part
    if isinstance(part, builtins.slice):
        return tuple(None if bound is None else operator.index(bound) for bound in (part.start, part.stop, part.step))
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    array: Any = part.value if isinstance(part, Operators) else np.asarray(part, None if np.size(part) else "int64")
    symbolic = isinstance(part, Operators) and array.is_symbolic
    if array.dtype.kind in "iu":
        return array if array.ndim or symbolic else int(array)
    if array.dtype.kind != "b" or array.ndim == 0:
        raise DTypeError(
            "x[...]: this cannot be an index",
            expected="whole numbers, slices, None, `...`, integer arrays or boolean masks",
            received=f"{type(part).__name__} of dtype {array.dtype}",
        )
    if symbolic:
        raise _depends_on_numbers("x[mask]", "use gn.ops.where(mask, x, 0), which keeps the shape")
    return array.data if isinstance(part, Operators) else array


def _is_array(part: Any) -> bool:
    return hasattr(part, "dtype")


def _is_mask(part: Any) -> bool:
    return _is_array(part) and part.dtype.kind == "b"


def _axes_of(part: Any) -> int:
    """How many axes of x a part of the key names."""
    return 0 if part is None or part is ... else part.ndim if _is_mask(part) else 1


def _positions_of_mask(mask: Any, sizes: Shape) -> list[Any]:
    if any(size not in (None, wanted) for size, wanted in zip(sizes, mask.shape)):
        raise ShapeError("x[mask]: the mask has another shape", expected=f"{sizes}", received=f"{mask.shape}")
    return list(mask.nonzero())


def _pick(x: Any, items: list[Any]) -> Any:
    """x[...] with integer arrays: the slices first, then the picks.

    NumPy's rule for the place of the new axes: where the picked axes stood, if they stood side by side, else in front.
    """
    at = [i for i, item in enumerate(items) if _is_array(item) or isinstance(item, int)]
    together = at[-1] - at[0] == len(at) - 1
    picks = [np.asarray(items[i]) if isinstance(items[i], int) else items[i] for i in at]
    key = tuple(WHOLE if i in at else item for i, item in enumerate(items) if item is not ...)
    axes = [i - (1 if any(item is ... for item in items[:i]) else 0) for i in at]
    if any(item != WHOLE for item in key):
        x = apply(GetItem(key), x)
    if len(axes) == 1:
        return take(x, picks[0], axes[0])
    shape = _common_shape(picks)
    sizes = tuple(x.shape[axis] for axis in axes)
    flat = flat_index(stack([F.broadcast_to(pick, shape) for pick in picks]), sizes)
    front = moveaxis(x, axes, range(len(axes)))
    rows = reshape(front, (-1 if None in sizes else math.prod(sizes), *front.shape[len(axes) :]))
    y = take(rows, flat, 0)
    return moveaxis(y, range(len(shape)), range(axes[0], axes[0] + len(shape))) if together else y


def _common_shape(picks: list[Any]) -> Shape:
    shapes = [tuple(pick.shape) for pick in picks]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError("x[...]: the index arrays do not broadcast", received=", ".join(map(str, shapes))) from None


# ---------------------------------------------------------------- picking along an axis


class Take(Op):
    r"""y[..., j, ...] = x[..., i[j], ...]: whole slices of x along one axis, picked by number. A table of embeddings.

    1. Each y is a copy of the cell of x that i names.
    2. A cell of x may have been copied several times or never, so x̄ adds up the ȳ of all its copies: see AddAt.

    Negative numbers count from the end; a number out of range is an error. i has no gradient.
    """

    formula = r"y_j = x_{i_j}"
    gradient = (r"\bar x_k = \sum_{j:\,i_j = k} \bar y_j",)
    saves = ("i",)
    promotes = False

    axis: int

    def rule_for(self, x: Spec, i: Spec) -> str:
        if x.ndim + i.ndim > 8:  # the ninth letter is i
            return ""
        old, new = AXES[: x.ndim], AXES[x.ndim : x.ndim + i.ndim]
        free = ",".join([*old[: self.axis], *new, *old[self.axis + 1 :]])
        inside = ",".join(f"i[{','.join(new)}]" if axis == self.axis else letter for axis, letter in enumerate(old))
        return f"y[{free}] = x[{inside}]"

    def shapes(self, x: Spec, i: Spec) -> Shape:
        return (*x.shape[: self.axis], *i.shape, *x.shape[self.axis + 1 :])

    def dtypes(self, x: Spec, i: Spec) -> tuple[DType, ...]:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        places = _whole_numbers(xp, i, self.name)
        try:
            return x.take(places, axis=self.axis)
        except IndexError:
            raise _out_of_range(self.name, places, x.shape[self.axis]) from None

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.add_at(g, i, x.shape[self.axis], self.axis), None


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Slices of x along `axis`, picked by number; cells in row-major order where `axis` is None.

    Arguments:
        indices: whole numbers of any shape, which replaces the axis; negative ones count from the end.

    >>> take(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 1, 0]), axis=0)
    array([[3., 4.],
           [3., 4.],
           [1., 2.]])
    """
    x = operand(x)
    if axis is None:
        return apply(Take(0), reshape(x, (-1,)), indices)
    return apply(Take(normalize_axis(axis, len(x.shape), "take")), x, indices)


class AddAt(Op):
    r"""Zeros with `size` slices along one axis, and slice j of x added at place i[j]: the mirror image of Take.

    1. y[..., k, ...] = Σ x[..., j, ...] over all j with i[j] = k.
    2. Each x enters exactly one y with factor 1, so x̄ is ȳ picked at those places.
    """

    formula = r"y_k = \sum_{j:\,i_j = k} x_j"
    gradient = (r"\bar x_j = \bar y_{i_j}",)
    saves = ("i",)
    promotes = False

    size: int
    axis: int

    def shapes(self, x: Spec, i: Spec) -> Shape:
        end = self.axis + i.ndim
        if x.shape[self.axis : end] != i.shape and None not in (*x.shape, *i.shape):
            raise ShapeError(
                "add_at: every slice needs one index",
                expected=f"indices of shape {x.shape[self.axis : end]}",
                received=f"shape {i.shape}",
            )
        return (*x.shape[: self.axis], self.size, *x.shape[end:])

    def dtypes(self, x: Spec, i: Spec) -> tuple[DType, ...]:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        places = _in_range(xp, i, self.size, self.name)
        before, after = x.shape[: self.axis], x.shape[self.axis + i.ndim :]
        lines = x.reshape(math.prod(before), places.size, math.prod(after))
        return _added(xp, lines, places.reshape(-1, 1), self.size).reshape((*before, self.size, *after))

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.take(g, i, self.axis), None


def _added(xp: Any, x: Any, places: Any, size: int) -> Any:
    """Zeros (B, size, A) with x (B, J, A) added at `places` along the second axis.

    Every cell gets one flat position: adding there is several times faster than adding whole slices.
    """
    lines, _, cells = x.shape
    y = xp.zeros((lines, size, cells), x.dtype)
    flat = (xp.arange(lines)[:, None, None] * size + places) * cells + xp.arange(cells)
    xp.add.at(y.reshape(-1), flat.reshape(-1), x.reshape(-1))
    return y


def add_at(x: Any, indices: Any, size: int, axis: int = 0) -> Any:
    """Zeros with `size` slices along `axis`, and the slices of x added at the places `indices`.

    >>> add_at(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0, 2, 0]), 3)
    array([[6., 8.],
           [0., 0.],
           [3., 4.]])
    """
    return apply(AddAt(int(size), axis), x, indices)


class FlatIndex(Op):
    r"""Positions along several axes as one number, counted in row-major order. Whole numbers: no gradient.

    For axes of sizes n₁, n₂, n₃: y = (i₁ n₂ + i₂) n₃ + i₃. Negative positions count from the end of their axis; one out
    of range is an error. The first size may be unknown: it does not enter.
    """

    formula = r"y = (i_1 n_2 + i_2)\,n_3 + i_3"
    dtype = "int64"
    differentiable = False

    sizes: Shape

    def shapes(self, i: Spec) -> Shape:
        return i.shape[1:]

    def forward(self, xp: Any, i: Any) -> Any:
        y = xp.zeros(i.shape[1:], "int64")
        for size, places in zip(self.sizes, i, strict=True):
            y = places if size is None else y * size + _in_range(xp, places, size, "x[...]")
        return y.astype("int64", copy=False)


def flat_index(indices: Any, sizes: Shape) -> Any:
    """Positions along several axes as one number, counted in row-major order.

    Arguments:
        indices: shape (number of axes, ...).
        sizes: the sizes of the axes; the first may be None.

    >>> flat_index(np.array([[0, 1], [2, 0]]), (2, 3))
    array([2, 3])
    """
    return apply(FlatIndex(tuple(sizes)), indices)


def _whole_numbers(xp: Any, i: Any, who: str) -> Any:
    places = xp.asarray(i)
    if places.dtype.kind not in "iu":
        raise DTypeError(f"{who}: indices must be whole numbers", received=f"dtype {places.dtype}")
    return places.astype("intp", copy=False)


def _in_range(xp: Any, i: Any, size: int, who: str) -> Any:
    """Non-negative positions along an axis of this size; any other is an error."""
    places = _whole_numbers(xp, i, who)
    if places.size and (places.min() < -size or places.max() >= size):
        raise _out_of_range(who, places, size)
    return xp.where(places < 0, places + size, places)


def _out_of_range(who: str, places: Any, size: int) -> ArgumentError:
    """The error that names the first wrong index."""
    wrong = places[(places < -size) | (places >= size)].reshape(-1)[0]
    return ArgumentError(
        f"{who}: index {wrong} is out of range for an axis of size {size}",
        expected=f"-{size}..{size - 1}" if size else "no index: the axis is empty",
    )


# ---------------------------------------------------------------- one index per cell


class TakeAlongAxis(Op):
    r"""y[..., j, ...] = x[..., i[..., j, ...], ...] along one axis: an own index for every cell.

    1. Each y is a copy of the cell of x that i names, within the same line along the axis.
    2. A cell of x may have been copied several times or never, so x̄ adds up the ȳ of its copies: see AddAlongAxis.

    Negative indices count from the end; one out of range is an error. i has no gradient.
    """

    formula = r"y_j = x_{i_j}"
    gradient = (r"\bar x_k = \sum_{j:\,i_j = k} \bar y_j",)
    saves = ("i",)
    promotes = False

    axis: int

    def rule_for(self, x: Spec, i: Spec) -> str:
        letters = ",".join(AXES[: x.ndim])
        inside = ",".join(f"i[{letters}]" if axis == self.axis else AXES[axis] for axis in range(x.ndim))
        return f"y[{letters}] = x[{inside}]"

    def shapes(self, x: Spec, i: Spec) -> Shape:
        _check_lines(self.name, self.axis, x.shape, i.shape)
        return i.shape

    def dtypes(self, x: Spec, i: Spec) -> tuple[DType, ...]:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        places = _whole_numbers(xp, i, self.name)
        try:
            return xp.take_along_axis(x, places, axis=self.axis)
        except IndexError:
            raise _out_of_range(self.name, places, x.shape[self.axis]) from None

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.add_along_axis(g, i, x.shape[self.axis], self.axis), None


def _check_lines(who: str, axis: int, x: Shape, i: Shape) -> None:
    """Indices must have the same lines along the axis as x."""
    pairs = [(a, b) for k, (a, b) in enumerate(zip(x, i)) if k != axis]
    if len(x) != len(i) or any(a != b and a is not None and b is not None for a, b in pairs):
        raise ShapeError(
            f"{who}: x and indices must have the same sizes, except along axis {axis}",
            expected=f"indices of shape {(*x[:axis], '...', *x[axis + 1 :])}",
            received=f"shape {i}",
        )


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick cells along one axis, with an index for each result cell; in row-major order where `axis` is None.

    Arguments:
        indices: whole numbers; sizes as in x, or 1, except along the axis.

    >>> take_along_axis(np.array([[10.0, 20.0, 30.0]]), np.array([[2, 0]]), axis=1)
    array([[30., 10.]])
    """
    x, indices = operand(x), operand(indices)
    if axis is None:
        return apply(TakeAlongAxis(0), reshape(x, (-1,)), indices)
    place = normalize_axis(axis, len(x.shape), "take_along_axis")
    if len(indices.shape) == len(x.shape):
        lines = [b if k == place or a == 1 else a for k, (a, b) in enumerate(zip(x.shape, indices.shape))]
        if 1 in indices.shape:
            indices = F.broadcast_to(indices, tuple(lines))
        lines[place] = x.shape[place]
        if 1 in x.shape:
            x = F.broadcast_to(x, tuple(lines))
    return apply(TakeAlongAxis(place), x, indices)


class AddAlongAxis(Op):
    r"""Zeros of size `size` along one axis, with x[j] added at position i[j]: the mirror image of TakeAlongAxis.

    1. y[..., k, ...] = Σ x[..., j, ...] over all j of the same line with i[..., j, ...] = k.
    2. Each x enters exactly one y with factor 1, so x̄ is ȳ picked at those positions.
    """

    formula = r"y_k = \sum_{j:\,i_j = k} x_j"
    gradient = (r"\bar x_j = \bar y_{i_j}",)
    saves = ("i",)
    promotes = False

    size: int
    axis: int

    def shapes(self, x: Spec, i: Spec) -> Shape:
        _check_lines(self.name, self.axis, x.shape, i.shape)
        return tuple(self.size if axis == self.axis else size for axis, size in enumerate(x.shape))

    def dtypes(self, x: Spec, i: Spec) -> tuple[DType, ...]:
        return (x.dtype,)

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        before, after = x.shape[: self.axis], x.shape[self.axis + 1 :]
        lines = (math.prod(before), x.shape[self.axis], math.prod(after))
        places = _in_range(xp, i, self.size, self.name).reshape(lines)
        return _added(xp, x.reshape(lines), places, self.size).reshape((*before, self.size, *after))

    def vjp(self, F: Any, g: Any, y: Any, x: Any, i: Any, needed: tuple[bool, ...]) -> Any:
        return F.take_along_axis(g, i, self.axis), None


def add_along_axis(x: Any, indices: Any, size: int, axis: int = -1) -> Any:
    """Add each cell of x into position `indices` of an array of zeros with `size` cells along the axis.

    >>> add_along_axis(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), 3)
    array([5., 0., 2.])
    """
    x = operand(x)
    return apply(AddAlongAxis(int(size), normalize_axis(axis, len(x.shape), "add_along_axis")), x, indices)


# ---------------------------------------------------------------- writing


def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The block of the given shape that begins at `start_indices`.

    >>> slice(np.arange(6.0).reshape(2, 3), (0, 1), (2, 2))
    array([[1., 2.],
           [4., 5.]])
    """
    x = operand(inputs)
    return apply(GetItem(_block(start_indices, shape, tuple(x.shape), "slice")), x)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A copy of `inputs` in which the block that begins at `start_indices` is replaced by `updates`.

    >>> slice_update(np.zeros(4), (1,), np.array([7.0, 8.0]))
    array([0., 7., 8., 0.])
    """
    x, updates = operand(inputs), operand(updates)
    shape = tuple(x.shape)
    key = _block(start_indices, updates.shape, shape, "slice_update")
    replaced = Place(shape, key).forward(np, np.ones(updates.shape, "bool"))
    return F.where(replaced, apply(Place(shape, key), updates), x)


def _block(start: Any, sizes: Sequence[int], shape: Shape, who: str) -> Key:
    """The key of a block; one that does not lie inside the array is an error."""
    starts = [int(at) for at in start]
    inside = len(starts) == len(sizes) == len(shape) and all(
        at >= 0 and n is not None and at + size <= n for at, size, n in zip(starts, sizes, shape)
    )
    if not inside:
        raise ShapeError(
            f"{who}: the block does not lie inside the array",
            expected=f"start and size for every axis of shape {shape}",
            received=f"start {tuple(starts)}, shape {tuple(sizes)}",
        )
    return tuple((at, at + size, None) for at, size in zip(starts, sizes))


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of `shape`, with each of `values` added at its position.

    Arguments:
        indices: shape (..., K): a position along the first K axes for each value.
        values: shape (..., rest of the shape).

    >>> scatter(np.array([[0], [2], [0]]), np.array([1.0, 2.0, 3.0]), (4,))
    array([4., 0., 2., 0.])
    """
    indices, values = operand(indices), operand(values)
    named, rest = tuple(shape[: indices.shape[-1]]), tuple(shape[indices.shape[-1] :])
    flat = flat_index(moveaxis(indices, -1, 0), named)
    rows = reshape(values, (math.prod(flat.shape), *rest))
    return reshape(add_at(rows, reshape(flat, (-1,)), math.prod(named)), tuple(shape))


# ---------------------------------------------------------------- positions


class OneHot(Op):
    r"""1 at the index, 0 elsewhere, along a new last axis: y[..., k] = [i[...] = k]. No gradient: i is whole."""

    rule = "y[...,k] = [i[...] == k]"
    differentiable = False

    classes: int
    to: str

    def shapes(self, i: Spec) -> Shape:
        return (*i.shape, self.classes)

    def dtypes(self, i: Spec) -> tuple[DType, ...]:
        return (np.dtype(self.to),)

    def forward(self, xp: Any, i: Any) -> Any:
        return (i[..., None] == xp.arange(self.classes)).astype(self.to)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Any:
    """Whole numbers as rows with a single 1; a number outside 0..num_classes-1 gives a row of zeros.

    Arguments:
        axis: where the new axis stands in the result.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    return moveaxis(apply(OneHot(int(num_classes), np.dtype(dtype or floatx()).name), x), -1, axis)


class Argsort(Op):
    r"""The order that sorts each line along one axis: x[y[0]] <= x[y[1]] <= ... Whole numbers: no gradient.

    Equal cells keep their order, so the result does not depend on the sorting algorithm; NaN comes last.
    """

    formula = r"x_{y_1} \le x_{y_2} \le \dots"
    dtype = "int64"
    differentiable = False

    axis: int

    def shapes(self, x: Spec) -> Shape:
        return x.shape

    def forward(self, xp: Any, x: Any) -> Any:
        return x.argsort(axis=self.axis, kind="stable").astype("int64", copy=False)


def argsort(x: Any, axis: int | None = -1) -> Any:
    """The order that sorts x along `axis`; of the cells in row-major order where `axis` is None.

    >>> argsort(np.array([3.0, 1.0, 2.0]))
    array([1, 2, 0])
    """
    x = operand(x)
    if axis is None:
        return apply(Argsort(0), reshape(x, (-1,)))
    return apply(Argsort(normalize_axis(axis, len(x.shape), "argsort")), x)


def sort(x: Any, axis: int | None = -1) -> Any:
    """The cells along `axis` in rising order; of all cells in one line where `axis` is None.

    >>> sort(np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    x = reshape(x, (-1,)) if axis is None else operand(x)
    place = -1 if axis is None else axis
    return take_along_axis(x, argsort(x, place), place)


class TopK(Op):
    r"""The k largest cells of the last axis, in falling order, with their positions.

    1. It is a sort followed by a pick: y[j] = x[i[j]], and i does not move with x.
    2. The pick is linear: x̄ adds each ȳ back at its position. Positions have no gradient.

    Equal cells keep their order, so the result does not depend on the sorting algorithm. NaN counts as the largest.
    """

    formula = r"(y, i) = \mathrm{top}_k(x)"
    gradient = (r"\bar x_{i_j} = \bar y_j",)
    outputs = ("y", "i")
    saves = ("i",)

    k: int

    def shapes(self, x: Spec) -> Any:
        if not x.shape or not 0 <= self.k <= (x.shape[-1] if x.shape[-1] is not None else self.k):
            raise ArgumentError(
                "top_k: k is larger than the last axis",
                expected=f"k <= {x.shape[-1]}" if x.shape else "an array with at least one axis",
                received=f"k={self.k}",
            )
        shape = (*x.shape[:-1], self.k)
        return shape, shape

    def dtypes(self, x: Spec) -> tuple[DType, ...]:
        return x.dtype, np.dtype("int64")

    def forward(self, xp: Any, x: Any) -> Any:
        # sorting the reversed line keeps equal cells in order after the result is reversed again
        rising = x[..., ::-1].argsort(axis=-1, kind="stable")
        i = (x.shape[-1] - 1 - rising[..., ::-1][..., : self.k]).astype("int64", copy=False)
        return xp.take_along_axis(x, i, axis=-1), i

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.add_along_axis(g[0], y[1], x.shape[-1])


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest cells of the last axis and their positions.

    Arguments:
        sorted: False allows any order; the order is always falling.

    >>> values, positions = top_k(np.array([1.0, 9.0, 5.0]), 2)
    >>> values, positions
    (array([9., 5.]), array([1, 2]))
    """
    return apply(TopK(int(k)), x)


def nonzero(x: Any) -> tuple[Any, ...]:
    """The positions of all cells that are not 0, one array per axis.

    How many there are depends on the numbers, so it is refused while a model is built or a step is traced.

    >>> nonzero(np.array([[0.0, 5.0], [7.0, 0.0]]))
    (array([0, 1]), array([1, 0]))
    """
    x = operand(x)
    if isinstance(x, Operators):
        if x.value.is_symbolic:
            raise _depends_on_numbers("nonzero(x)", "use gn.ops.where(condition, x, 0), which keeps the shape")
        return tuple(as_tensor(place.astype("int64")) for place in np.nonzero(x.value.data))
    return tuple(place.astype("int64", copy=False) for place in np.nonzero(x))


def _depends_on_numbers(what: str, fix: str) -> GraphError:
    return GraphError(
        f"{what} of a symbolic tensor: how many cells it picks is not known while a model is built or a step is traced",
        fix=fix,
    )
