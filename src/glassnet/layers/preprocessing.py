"""Preprocessing layers: they bring raw data to numbers that a network learns from, and travel with the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import to_array
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, DataError
from glassnet.layers.base import InputSpec, Layer
from glassnet.ops.image import checked_choice
from glassnet.ops.shape import normalize_axes
from glassnet.typing import Array

__all__ = ["CategoryEncoding", "Discretization", "Normalization", "Rescaling"]

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
    supports_masking = True

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
    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        scale, offset = to_array(self.scale, self.dtype), to_array(self.offset, self.dtype)
        return ops.cast(inputs, self.dtype) * scale + offset


# ---------------------------------------------------------------- classes and bins


def encoded(ids: Any, depth: int, mode: str, dtype: Any, weights: Any = None) -> Any:
    """Ids as rows of `depth` numbers: one row per id, or one per sample that marks or counts its ids."""
    if mode == "one_hot":
        flat = ops.squeeze(ids, -1) if len(ids.shape) > 1 and ids.shape[-1] == 1 else ids
        return ops.one_hot(flat, depth, dtype=dtype)
    rows = ops.one_hot(ids if len(ids.shape) else ops.expand_dims(ids, 0), depth, dtype=dtype)
    if weights is not None:
        rows = rows * ops.expand_dims(ops.cast(weights, dtype), -1)
    axis = 1 if len(rows.shape) > 2 else 0
    return ops.max(rows, axis=axis) if mode == "multi_hot" else ops.sum(rows, axis=axis)


class CategoryEncoding(Layer):
    """Ids of classes as rows of zeros and ones.

    Arguments:
        num_tokens: how many ids there are: 0 .. num_tokens - 1.
        output_mode: "one_hot", a row per id; or a row per sample: "multi_hot" marks the ids that occur, "count" counts them.

    Input (N,) or (N, T), output (N, num_tokens); "one_hot" of (N, T) is (N, T, num_tokens).

    >>> CategoryEncoding(4)(np.array([[0, 1], [3, 3]])).numpy().tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    formula = "y[k] = whether, or how often, k is in x"

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(num_tokens, int) or num_tokens < 1:
            raise ArgumentError(f"{self}: num_tokens must be a whole number from 1 on", received=f"{num_tokens=}")
        self.num_tokens = num_tokens
        self.output_mode = checked_choice(output_mode, ("one_hot", "multi_hot", "count"), f"{self}: output_mode")

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(f'{self}: count_weights belong to output_mode "count"', received=self.output_mode)
        if not isinstance(inputs.data, Spec) and inputs.size:
            low, high = inputs.data.min(), inputs.data.max()
            if low < 0 or high >= self.num_tokens:
                raise DataError(
                    f"{self}: an id is out of range", expected=f"0 .. {self.num_tokens - 1}", received=f"{low} .. {high}",
                    fix=f"num_tokens={int(high) + 1}" if low >= 0 else None,
                )  # fmt: skip
        ids = inputs if inputs.dtype.kind in "iu" else ops.cast(inputs, "int64")
        return encoded(ids, self.num_tokens, self.output_mode, self.dtype, count_weights)


class Discretization(Layer):
    """Numbers to the bins in which they lie: bin k holds boundary[k-1] <= x < boundary[k].

    Arguments:
        bin_boundaries: rising numbers; one bin more than there are boundaries.
        num_bins: instead, bins of equally many samples, found by `adapt(data)`.
        output_mode: "int", or rows of zeros and ones: "one_hot", "multi_hot", "count".

    >>> Discretization([0.0, 1.0])(np.array([-0.5, 0.0, 2.0])).numpy().tolist()
    [0, 1, 2]
    """

    formula = "y = how many boundaries are <= x"

    def __init__(
        self, bin_boundaries: Any = None, num_bins: int | None = None, output_mode: str = "int", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (bin_boundaries is None) == (num_bins is None):
            raise ArgumentError(
                f"{self}: give either bin_boundaries or num_bins", received=f"{bin_boundaries=}, {num_bins=}"
            )
        self.output_mode = checked_choice(output_mode, ("int", "one_hot", "multi_hot", "count"), f"{self}: output_mode")
        self.num_bins, self.bin_boundaries = (
            num_bins,
            None if bin_boundaries is None else sorted(map(float, bin_boundaries)),
        )

    def adapt(self, data: Any) -> None:
        """Put the boundaries where each bin holds equally many of these numbers."""
        if self.num_bins is None:
            raise ArgumentError(f"{self}: adapt has nothing to find: bin_boundaries were given")
        values = to_array(data, "float64").ravel()
        if not values.size:
            raise DataError(f"{self}: adapt needs data", received="no numbers")
        shares = np.arange(1, self.num_bins) / self.num_bins
        self.bin_boundaries = np.quantile(values, shares, method="interpolated_inverted_cdf").tolist()

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ArgumentError(f"{self} has no boundaries yet", fix="layer.adapt(data)")
        x = ops.expand_dims(ops.cast(inputs, self.dtype), -1)
        passed = ops.greater_equal(x, np.array(self.bin_boundaries, self.dtype))
        bins = ops.sum(ops.cast(passed, "int32"), axis=-1)
        return (
            bins
            if self.output_mode == "int"
            else encoded(bins, len(self.bin_boundaries) + 1, self.output_mode, self.dtype)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bin_boundaries": self.bin_boundaries}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        boundaries = config.get("bin_boundaries") if config.get("num_bins") else None
        layer = super().from_config({**config, "bin_boundaries": None} if boundaries else config)
        layer.bin_boundaries = boundaries or layer.bin_boundaries
        return layer
