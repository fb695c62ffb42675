"""Merging layers: several inputs become one, cell by cell, joined, or by products. Each is there as a function too.

Inputs with fewer axes get axes of size 1 behind the batch, and sizes of 1 are repeated.
"""

from __future__ import annotations

import functools
import operator
import string
from typing import Any

from glassnet import ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import Layer
from glassnet.layers.masking import any_mask
from glassnet.ops.shape import NUMBER, normalize_axis

__all__ = [
    "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "add", "average", "concatenate",
    "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


def _several(inputs: Any, who: str, count: int | None = None) -> list[Any]:
    """The inputs as a list; `count` is how many there must be, at least 2 by default."""
    given = len(inputs) if isinstance(inputs, (list, tuple)) else None
    if given is None or given < 2 or (count is not None and given != count):
        received = "a single array" if given is None else f"a list of {given}"
        raise ArgumentError(
            f"{who} takes a list of {count or 'at least 2'} inputs", received=received, fix="layer([x1, x2])"
        )
    return list(inputs)


class Merge(Layer):
    """What the layers share that compute cell by cell."""

    makes_masks = False

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where any input counts; none as soon as one input has none, because all of it counts."""
        if previous_mask is None or any(mask is None for mask in previous_mask):
            return None
        return functools.reduce(ops.logical_or, previous_mask)

    def aligned(self, inputs: Any, count: int | None = None) -> list[Any]:
        """The inputs with equally many axes; shapes that cannot be merged are an error."""
        parts = _several(inputs, str(self), count)
        ndim = max(x.ndim for x in parts)
        fitting = [ops.expand_dims(x, range(1, 1 + ndim - x.ndim)) if x.ndim < ndim else x for x in parts]
        for axis in range(ndim):
            sizes = {x.shape[axis] for x in fitting} - {None}
            if len(sizes - {1}) > 1:
                raise ShapeError(
                    f"{self}: the shapes cannot be merged", received=", ".join(str(tuple(x.shape)) for x in parts),
                    expected="equal sizes, or 1, along every axis" if axis else "the same number of samples",
                    fix="bring them to one size first, for example with Dense, Cropping2D or UpSampling2D",
                )  # fmt: skip
        return fitting


class Add(Merge):
    """Sum of its inputs, cell by cell: y = x₁ + x₂ + ...

    Every input gets the whole gradient of y, which is why a skip connection `Add()([x, f(x)])` lets it pass unweakened.

    Input: a list of arrays of one shape, or of shapes that broadcast.

    >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy().tolist()
    [[11.0, 22.0]]
    """

    formula = "y = x₁ + x₂ + ..."

    def call(self, inputs: Any) -> Any:
        return functools.reduce(operator.add, self.aligned(inputs))


class Subtract(Merge):
    """Difference of two inputs, cell by cell: y = x₁ - x₂.

    >>> Subtract()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy().tolist()
    [[-9.0, -18.0]]
    """

    formula = "y = x₁ - x₂"

    def call(self, inputs: Any) -> Any:
        x1, x2 = self.aligned(inputs, count=2)
        return x1 - x2


class Multiply(Merge):
    """Product of its inputs, cell by cell: y = x₁ x₂ ...; with inputs between 0 and 1 it is a gate.

    >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[0.5, 0.0]])]).numpy().tolist()
    [[0.5, 0.0]]
    """

    formula = "y = x₁ x₂ ..."

    def call(self, inputs: Any) -> Any:
        return functools.reduce(operator.mul, self.aligned(inputs))


class Average(Merge):
    """Mean of its inputs, cell by cell: y = (x₁ + ... + xₙ) / n; each gets an nth of the gradient.

    >>> Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy().tolist()
    [[2.0, 3.0]]
    """

    formula = "y = (x₁ + x₂ + ...) / n"

    def call(self, inputs: Any) -> Any:
        parts = self.aligned(inputs)
        return functools.reduce(operator.add, parts) / len(parts)


class Maximum(Merge):
    """The largest of its inputs, cell by cell; that input gets the gradient, equal ones share it.

    >>> Maximum()([np.array([[1.0, 20.0]]), np.array([[10.0, 2.0]])]).numpy().tolist()
    [[10.0, 20.0]]
    """

    formula = "y = max(x₁, x₂, ...)"

    def call(self, inputs: Any) -> Any:
        return functools.reduce(ops.maximum, self.aligned(inputs))


class Minimum(Merge):
    """The smallest of its inputs, cell by cell; that input gets the gradient, equal ones share it.

    >>> Minimum()([np.array([[1.0, 20.0]]), np.array([[10.0, 2.0]])]).numpy().tolist()
    [[1.0, 2.0]]
    """

    formula = "y = min(x₁, x₂, ...)"

    def call(self, inputs: Any) -> Any:
        return functools.reduce(ops.minimum, self.aligned(inputs))


class Concatenate(Layer):
    """Its inputs one after the other along one axis: y = [x₁, x₂, ...]; each gets its own part of the gradient.

    Arguments:
        axis: the axis along which the sizes add up; 0 is the batch.

    Input: a list of arrays that are equally large along all other axes.

    >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).numpy().tolist()
    [[1.0, 2.0, 3.0]]
    """

    formula = "y = [x₁, x₂, ...]"
    makes_masks = False

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks one after the other along the same axis; True where any feature of a step counts."""
        if previous_mask is None or not any_mask(previous_mask):
            return None
        cells = []
        for x, mask in zip(inputs, previous_mask):
            counts = ops.ones_like(x, dtype="bool")
            if mask is not None:
                while mask.ndim < x.ndim:
                    mask = ops.expand_dims(mask, -1)
                counts = ops.logical_and(mask, counts)
            cells.append(counts)
        return ops.any(ops.concatenate(cells, axis=self.axis), axis=-1)

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(_several(inputs, str(self)), axis=self.axis)


class Dot(Layer):
    """Products of two inputs summed over one axis of each, sample by sample: y[n, i, j] = Σₖ a[n, i, k] b[n, j, k].

    Arguments:
        axes: the axis that is summed over, or a pair, one axis for each input; axis 0 is the batch and cannot be.
        normalize: whether the vectors along these axes are divided by their lengths first, so that y is the cosine of
            the angle between them.

    Output: the batch, the other axes of the first input, those of the second; (N, 1) where there are none.

    >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[10.0, 100.0]])]).numpy().tolist()
    [[210.0]]
    """

    formula = "y[n, i, j] = Σₖ a[n, i, k] b[n, j, k]"
    makes_masks = False

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, NUMBER) else axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(a, NUMBER) for a in pair):
            raise ArgumentError(f"{self}: axes is one axis, or a pair of axes", received=f"axes={axes!r}")
        self.axes, self.normalize = axes, normalize
        self.pair = tuple(pair)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the steps are summed over or paired."""
        return None

    def call(self, inputs: Any) -> Any:
        x1, x2 = _several(inputs, str(self), count=2)
        first, second = [normalize_axis(axis, x.ndim, str(self)) for axis, x in zip(self.pair, (x1, x2))]
        if 0 in (first, second):
            raise ArgumentError(f"{self}: axis 0 is the batch and is not summed over", received=f"axes={self.axes}")
        if None not in (x1.shape[first], x2.shape[second]) and x1.shape[first] != x2.shape[second]:
            raise ShapeError(
                f"{self}: the summed axes have different sizes", expected=f"{x1.shape[first]} along axis {second} of x2",
                received=f"shapes {tuple(x1.shape)} and {tuple(x2.shape)}",
                fix="name one axis for each input: axes=(2, 1)",
            )  # fmt: skip
        if self.normalize:
            x1, x2 = ops.normalize(x1, first), ops.normalize(x2, second)
        letters = string.ascii_lowercase
        a, b = list(letters[: x1.ndim]), [letters[0], *letters[x1.ndim : x1.ndim + x2.ndim - 1]]
        b[second] = a[first]
        out = [c for c in a if c != a[first]] + [c for c in b[1:] if c != a[first]]
        y = ops.einsum(f"{''.join(a)},{''.join(b)}->{''.join(out)}", x1, x2)
        return ops.expand_dims(y, 1) if len(out) == 1 else y


# ---------------------------------------------------------------- as functions


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of tensors, as a layer.

    >>> add([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [11.0]
    """
    return Add(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """A list of tensors one after the other along `axis`, as a layer.

    >>> concatenate([np.array([1.0]), np.array([2.0])]).numpy().tolist()
    [1.0, 2.0]
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first of two tensors minus the second, as a layer.

    >>> subtract([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [-9.0]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of a list of tensors, as a layer.

    >>> multiply([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [10.0]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of a list of tensors, as a layer.

    >>> average([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [5.5]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of a list of tensors, cell by cell, as a layer.

    >>> maximum([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [10.0]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of a list of tensors, cell by cell, as a layer.

    >>> minimum([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [1.0]
    """
    return Minimum(**kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Products of two tensors summed over one axis of each, as a layer.

    Arguments:
        axes: that axis, or a pair, one for each tensor.

    >>> dot([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy().tolist()
    [[11.0]]
    """
    return Dot(axes, **kwargs)(inputs)
