"""Pooling layers: one number for every window, or for the whole image, channel by channel."""

from __future__ import annotations

from typing import Any, ClassVar

from glassnet import ops
from glassnet.layers.base import Layer
from glassnet.layers.convolution import ImageSpec
from glassnet.ops.convolution import checked_padding, per_axis, require_channels_last

__all__ = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
    "AveragePooling1D", "AveragePooling2D", "AvgPool1D", "AvgPool2D", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalMaxPool1D", "GlobalMaxPool2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "MaxPool1D", "MaxPool2D", "MaxPooling1D", "MaxPooling2D",
]  # fmt: skip


class _Pooling(Layer):
    rank: ClassVar[int]

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None,
        name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        require_channels_last(data_format, str(self))
        self.pool_size = per_axis(pool_size, self.rank, f"{self}: pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, self.rank, f"{self}: strides")
        self.padding = checked_padding(padding, self.rank, str(self))
        self.input_spec = ImageSpec(ndim=self.rank + 2)


class _MaxPooling(_Pooling):
    formula = "y = largest of every window"

    def call(self, inputs: Any) -> Any:
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding)


class _AveragePooling(_Pooling):
    formula = "y = mean of every window"

    def call(self, inputs: Any) -> Any:
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding)


class MaxPooling1D(_MaxPooling):
    """The largest number of every window of a line.

    Arguments:
        pool_size: cells of a window.
        strides: cells from one window to the next; the pool size by default.
        padding: "valid", or "same" (T / strides windows, rounded up; cells outside never win).

    Input (N, T, C), output (N, T', C). The derivation stands at `ops.pooling.MaxPooling`.

    >>> MaxPooling1D()(np.array([[[1.0], [5.0], [2.0], [3.0]]])).numpy()[0, :, 0].tolist()
    [5.0, 3.0]
    """

    rank = 1


MaxPool1D = MaxPooling1D


class MaxPooling2D(_MaxPooling):
    """The largest number of every window of an image: smaller images in which a pattern may have moved a little.

    Arguments: as `MaxPooling1D`; sizes are one number or a pair.

    Input (N, H, W, C), output (N, H', W', C).

    >>> MaxPooling2D()(np.ones((2, 26, 26, 32))).shape
    (2, 13, 13, 32)
    """

    rank = 2


MaxPool2D = MaxPooling2D


class AveragePooling1D(_AveragePooling):
    """The mean of every window of a line; cells outside the line are not counted.

    Arguments: as `MaxPooling1D`.

    Input (N, T, C), output (N, T', C).

    >>> AveragePooling1D(2)(np.array([[[1.0], [5.0], [2.0], [4.0]]])).numpy()[0, :, 0].tolist()
    [3.0, 3.0]
    """

    rank = 1


AvgPool1D = AveragePooling1D


class AveragePooling2D(_AveragePooling):
    """The mean of every window of an image; cells outside the image are not counted.

    Arguments: as `MaxPooling2D`.

    Input (N, H, W, C), output (N, H', W', C).

    >>> AveragePooling2D(2)(np.ones((2, 4, 4, 3))).shape
    (2, 2, 2, 3)
    """

    rank = 2


AvgPool2D = AveragePooling2D


# ---------------------------------------------------------------- the whole image


class _GlobalPooling(Layer):
    rank: ClassVar[int]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        self.keepdims = keepdims
        self.input_spec = ImageSpec(ndim=self.rank + 2)

    @property
    def axes(self) -> tuple[int, ...]:
        """The spatial axes."""
        return tuple(range(1, self.rank + 1))


class _GlobalMaxPooling(_GlobalPooling):
    formula = "y = largest over the whole image"

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self.axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest number of each channel of a line.

    Arguments:
        keepdims: whether the pooled axis stays, with size 1.

    Input (N, T, C), output (N, C).

    >>> GlobalMaxPooling1D()(np.array([[[1.0], [5.0], [2.0]]])).numpy().tolist()
    [[5.0]]
    """

    rank = 1


GlobalMaxPool1D = GlobalMaxPooling1D


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest number of each channel of an image.

    Arguments: as `GlobalMaxPooling1D`. Input (N, H, W, C), output (N, C).

    >>> GlobalMaxPooling2D()(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 2


GlobalMaxPool2D = GlobalMaxPooling2D


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel of a line; masked steps are not counted.

    Arguments: as `GlobalMaxPooling1D`. Input (N, T, C), output (N, C).

    >>> GlobalAveragePooling1D()(np.array([[[1.0], [5.0], [3.0]]])).numpy().tolist()
    [[3.0]]
    """

    formula = "y = mean over the whole line"
    rank = 1
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.mean(inputs, axis=1, keepdims=self.keepdims)
        kept = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        total = ops.sum(inputs * kept, axis=1, keepdims=self.keepdims)
        return total / ops.sum(kept, axis=1, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """No mask: the steps are gone."""
        return None


GlobalAvgPool1D = GlobalAveragePooling1D


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel of an image.

    Arguments: as `GlobalMaxPooling1D`. Input (N, H, W, C), output (N, C). Source: Lin, Chen and Yan (2014), Network in
    network, section 3.2.

    >>> GlobalAveragePooling2D()(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    formula = "y = mean over the whole image"
    rank = 2

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self.axes, keepdims=self.keepdims)


GlobalAvgPool2D = GlobalAveragePooling2D


# ---------------------------------------------------------------- a given number of windows


class _AdaptivePooling(Layer):
    rank: ClassVar[int]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        self.output_size = per_axis(output_size, self.rank, f"{self}: output_size")
        self.input_spec = ImageSpec(ndim=self.rank + 2)


class _AdaptiveAveragePooling(_AdaptivePooling):
    formula = "y = mean of every window"

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_average_pool(inputs, self.output_size)


class _AdaptiveMaxPooling(_AdaptivePooling):
    formula = "y = largest of every window"

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_max_pool(inputs, self.output_size)


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Means of a given number of windows that share a line out evenly, whatever its length.

    Arguments:
        output_size: the number of windows.

    Input (N, T, C), output (N, output_size, C).

    >>> AdaptiveAveragePooling1D(2)(np.array([[[1.0], [5.0], [3.0]]])).numpy()[0, :, 0].tolist()
    [3.0, 4.0]
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Means of a given number of windows that share an image out evenly, whatever its size.

    Arguments: as `AdaptiveAveragePooling1D`; one number or a pair.

    >>> AdaptiveAveragePooling2D((2, 3))(np.ones((1, 7, 7, 4))).shape
    (1, 2, 3, 4)
    """

    rank = 2


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest numbers of a given number of windows that share a line out evenly.

    Arguments: as `AdaptiveAveragePooling1D`.

    >>> AdaptiveMaxPooling1D(2)(np.array([[[1.0], [5.0], [3.0]]])).numpy()[0, :, 0].tolist()
    [5.0, 5.0]
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest numbers of a given number of windows that share an image out evenly.

    Arguments: as `AdaptiveAveragePooling2D`.

    >>> AdaptiveMaxPooling2D(2)(np.ones((1, 7, 7, 4))).shape
    (1, 2, 2, 4)
    """

    rank = 2
