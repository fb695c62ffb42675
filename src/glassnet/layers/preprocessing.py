"""Preprocessing layers: they bring raw data to numbers of size 1, and travel with the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.tensor import to_array
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, DataError
from glassnet.layers.base import InputSpec, Layer
from glassnet.ops.shape import normalize_axes
from glassnet.typing import Array

__all__ = ["Normalization", "Rescaling"]

_ROWS = 4096
"""Samples that `adapt` holds as float64 at a time."""


class Normalization(Layer):
    """Brings each feature to mean 0 and variance 1: y = (x - μ) / σ, with the statistics of the training data.

    A network learns slowly from features of very different size, because one learning rate cannot suit them all.

    Arguments:
        axis: the axis or axes that keep statistics of their own, not 0; None takes one mean of everything.
        mean, variance: μ and σ²; without them `adapt(data)` measures both.
        invert: go back: y = μ + σ x.

    Weights, not trained, saved with the model: mean, variance. Where σ is 0, epsilon() takes its place.

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
    >>> layer(np.array([[2.0, 30.0]])).numpy().tolist()
    [[1.0, 1.0]]
    """

    formula = "y = (x - μ) / σ"

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ArgumentError(f"{self}: mean and variance come together", received=f"{mean=}, {variance=}")
        self.axis, self.invert = axis, invert
        self.input_mean, self.input_variance = mean, variance

    def build(self, input_shape: Any) -> None:
        ndim = len(input_shape)
        kept = () if self.axis is None else normalize_axes(self.axis, ndim, str(self))
        if 0 in kept:
            raise ArgumentError(f"{self}: axis 0 is the batch", expected="other axes", received=f"axis={self.axis}")
        self.input_spec = InputSpec(ndim=ndim, axes={axis: input_shape[axis] for axis in kept})
        self.reduced = tuple(axis for axis in range(ndim) if axis not in kept)
        self.broadcast = tuple(input_shape[axis] if axis in kept else 1 for axis in range(ndim))
        size = tuple(input_shape[axis] for axis in kept)
        if self.input_mean is None:
            self.mean: Any = self.add_weight(size, "zeros", trainable=False, name="mean")
            self.variance: Any = self.add_weight(size, "ones", trainable=False, name="variance")
        else:
            self.mean, self.variance = self._given(self.input_mean, size), self._given(self.input_variance, size)

    def _given(self, value: Any, size: tuple[int, ...]) -> Any:
        """A statistic that the constructor was given, one number per feature."""
        array = to_array(value, "float64")
        try:
            return np.broadcast_to(array, size)
        except ValueError:
            raise ArgumentError(
                f"{self}: mean and variance need one number per feature", expected=size, received=array.shape
            ) from None

    def adapt(self, data: Any) -> None:
        """Measure mean and variance of data, of shape (N, ...); what was measured before is forgotten."""
        array = to_array(data)
        if self.input_mean is not None:
            raise ArgumentError(f"{self}: adapt has nothing to measure: mean and variance were given")
        if array.ndim == 0 or array.size == 0:
            raise DataError(f"{self}: adapt needs data", expected="shape (N, ...)", received=f"shape {array.shape}")
        if not self.built:
            self.build((None, *array.shape[1:]))
        if self.input_spec is not None:
            self.input_spec.check(array.shape, f"{self}: adapt")
        mean = _mean(array, self.reduced)
        variance = _mean(array, self.reduced, around=mean)
        self.mean.assign(mean.reshape(self.mean.shape))
        self.variance.assign(variance.reshape(self.variance.shape))

    def call(self, inputs: Any) -> Any:
        x, mean, variance = (ops.cast(part, self.dtype) for part in (inputs, self.mean, self.variance))
        deviation = ops.reshape(ops.maximum(ops.sqrt(variance), epsilon()), self.broadcast)
        mean = ops.reshape(mean, self.broadcast)
        return mean + deviation * x if self.invert else (x - mean) / deviation


def _mean(array: Array, axes: tuple[int, ...], around: Any = None) -> Any:
    """The mean over `axes` of the cells, or of their squared distance from `around`; float64, a few rows at a time."""
    total: Any = 0.0
    for start in range(0, len(array), _ROWS):
        rows = array[start : start + _ROWS].astype("float64")
        total = total + np.sum(rows if around is None else (rows - around) ** 2, axis=axes, keepdims=True)
    return total / (array.size / total.size)


class Rescaling(Layer):
    """Another scale: y = scale · x + offset. `Rescaling(1 / 255)` brings the bytes of images to 0..1.

    Integers become floats here, batch by batch: a data set of images can stay uint8, a quarter of the memory.

    Arguments:
        scale, offset: numbers, or arrays with one number per feature.

    >>> Rescaling(1 / 127.5, offset=-1)(np.array([[0, 255]], "uint8")).numpy().tolist()
    [[-1.0, 1.0]]
    """

    formula = "y = scale · x + offset"

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        scale, offset = to_array(self.scale, self.dtype), to_array(self.offset, self.dtype)
        return ops.cast(inputs, self.dtype) * scale + offset
