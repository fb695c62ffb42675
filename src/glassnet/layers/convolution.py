"""Convolutional layers: a small kernel of weights moves over a line, an image or a volume."""

from __future__ import annotations

from typing import Any, ClassVar

from glassnet import activations, ops
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.core import add_named_weight, keep_weight_options, looked_up, positive_integer
from glassnet.ops.convolution import checked_padding, per_axis, require_channels_last, spread
from glassnet.typing import Shape

__all__ = [
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Convolution1D", "Convolution1DTranspose",
    "Convolution2D", "Convolution2DTranspose", "Convolution3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D",
    "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D",
]  # fmt: skip


class ImageSpec(InputSpec):
    """What a layer over lines, images or volumes accepts; a missing axis is most often that of the channels."""

    def check(self, shape: Shape, who: str) -> None:
        if self.ndim is not None and len(shape) == self.ndim - 1:
            named = {3: "(batch, steps, channels)", 4: "(batch, height, width, channels)"}
            raise ShapeError(
                f"{who}: an axis is missing", expected=named.get(self.ndim, "(batch, depth, height, width, channels)"),
                received=shape, fix="the channel axis: x[..., None]; for a single sample the batch axis: x[None]",
            )  # fmt: skip
        super().check(shape, who)


class _Convolving(Layer):
    """What all convolutional layers share: where the kernel goes, activation and bias."""

    rank: ClassVar[int]
    bias: Variable | None

    def __init__(
        self, kernel_size: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any, activation: Any,
        use_bias: bool, bias_options: tuple[Any, Any, Any], **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        self.kernel_size = per_axis(kernel_size, self.rank, f"{self}: kernel_size")
        self.strides = per_axis(strides, self.rank, f"{self}: strides")
        self.dilation_rate = per_axis(dilation_rate, self.rank, f"{self}: dilation_rate")
        self.causal = self.rank == 1 and padding == "causal"
        before = spread(self.kernel_size[0], self.dilation_rate[0]) - 1
        self.padding = ((before, 0),) if self.causal else checked_padding(padding, self.rank, str(self))
        self.activation = looked_up(activations, activation, f"{self}: activation")
        self.use_bias = use_bias
        keep_weight_options(self, "bias", *bias_options)
        self.input_spec = ImageSpec(ndim=self.rank + 2)

    def know_channels(self, input_shape: Any) -> int:
        """The number of input channels, fixed from now on."""
        self.input_spec = ImageSpec(ndim=self.rank + 2, axes={-1: input_shape[-1]})
        if input_shape[-1] is None:
            raise ShapeError(f"{self}: the number of channels must be known", received=tuple(input_shape))
        return int(input_shape[-1])

    @property
    def reach(self) -> dict[str, Any]:
        """Arguments of the convolution."""
        return {"strides": self.strides, "padding": self.padding, "dilation_rate": self.dilation_rate}

    def with_bias(self, y: Any) -> Any:
        """f(y + b)."""
        return self.activation(y if self.bias is None else y + self.bias)


class _Conv(_Convolving):
    formula = "y = f(x ⋆ W + b)"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = 1, groups: int = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = positive_integer(filters, f"{self}: filters")
        self.groups = positive_integer(groups, f"{self}: groups")
        if self.filters % self.groups:
            raise ArgumentError(
                f"{self}: the groups do not divide the filters", expected=f"a multiple of {self.groups} filters",
                received=f"filters={self.filters}, groups={self.groups}",
            )  # fmt: skip
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self.know_channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"{self}: the groups do not divide the input channels", expected=f"a multiple of {self.groups} channels",
                received=tuple(input_shape),
            )  # fmt: skip
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = add_named_weight(self, "kernel", shape)
        self.bias = add_named_weight(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        bias = None if self.bias is None else self.bias.value
        return self.activation(ops.conv(inputs, self.kernel.value, **self.reach, bias=bias))


class Conv1D(_Conv):
    r"""Convolution over a line: y[t,o] = f(Σ over taps u and channels c of x[s t + d u - p₀, c] W[u,c,o] + b[o]).

    Arguments:
        filters: O, the number of output channels.
        kernel_size: cells of the kernel.
        strides: s, cells from one output to the next.
        padding: "valid", "same" (zeros around the line, so that stride 1 keeps its length) or "causal" (zeros before it
            only, so that no output sees a later input).
        dilation_rate: d, cells from one tap to the next.
        groups: parts of the channels that do not see each other.
        activation: f, a name or a function; none by default.
        *_initializer, *_regularizer, *_constraint: first values, penalties and bounds of the weights.

    Weights: kernel W (kernel_size, C / groups, O), bias b (O,). Input (N, T, C), output (N, T', O) with
    T' = ⌊(T + borders - d (kernel_size - 1) - 1) / s⌋ + 1. The derivation stands at `ops.convolution.Convolution`.

    >>> Conv1D(4, 3, padding="causal")(np.ones((2, 10, 1))).shape
    (2, 10, 4)
    """

    rank = 1


Convolution1D = Conv1D


class Conv2D(_Conv):
    r"""Convolution over images: y[p,q,o] = f(Σ over taps u v and channels c of x[s p + d u, s q + d v, c] W[u,v,c,o] + b[o]).

    Every filter looks for the same small pattern at every place, so a network needs far fewer weights than a dense one.

    Arguments: as `Conv1D`; sizes are one number or a pair (rows, columns), and there is no causal padding.

    Weights: kernel W (rows, columns, C / groups, O), bias b (O,). Input (N, H, W, C), channels last; output (N, H', W', O).
    Source: LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.

    >>> Conv2D(32, 3, activation="relu")(np.ones((2, 28, 28, 1))).shape
    (2, 26, 26, 32)
    """

    rank = 2


Convolution2D = Conv2D


class Conv3D(_Conv):
    """Convolution over volumes or films.

    Arguments: as `Conv1D`; sizes are one number or three.

    Weights: kernel (depth, rows, columns, C / groups, O), bias (O,). Input (N, D, H, W, C), output (N, D', H', W', O).

    >>> Conv3D(4, 2)(np.ones((1, 3, 5, 5, 2))).shape
    (1, 2, 4, 4, 4)
    """

    rank = 3


Convolution3D = Conv3D


class _ConvTranspose(_Convolving):
    formula = "y = f(x ⋆ᵀ W + b)"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
        data_format: str | None = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        if self.causal:
            raise ArgumentError(f"{self}: unknown padding", expected="'valid' or 'same'", received=repr(padding))
        self.filters = positive_integer(filters, f"{self}: filters")
        self.output_padding = output_padding
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, self.filters, self.know_channels(input_shape))
        self.kernel = add_named_weight(self, "kernel", shape)
        self.bias = add_named_weight(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.with_bias(
            ops.conv_transpose(inputs, self.kernel.value, **self.reach, output_padding=self.output_padding)
        )


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over a line: every cell puts a copy of the kernel, times its value, onto a longer line.

    Arguments: as `Conv1D`, without groups; `output_padding` adds cells to the length.

    Weights: kernel (kernel_size, O, C), bias (O,). Input (N, T, C), output (N, T', O): T' = T s with padding "same".

    >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 1))).shape
    (2, 10, 4)
    """

    rank = 1


Convolution1DTranspose = Conv1DTranspose


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images: the way from a small image to a larger one, in decoders and generators.

    Arguments: as `Conv1DTranspose`; sizes are one number or a pair.

    Weights: kernel (rows, columns, O, C), bias (O,). Input (N, H, W, C), output (N, H', W', O). Source: Dumoulin and Visin
    (2016), A guide to convolution arithmetic for deep learning, chapter 4.

    >>> Conv2DTranspose(1, 3, strides=2, padding="same")(np.ones((2, 7, 7, 8))).shape
    (2, 14, 14, 1)
    """

    rank = 2


Convolution2DTranspose = Conv2DTranspose


class _DepthwiseConv(_Convolving):
    formula = "y[..., c m] = f(x[..., c] ⋆ W[..., c, m] + b)"

    def __init__(
        self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1,
        data_format: str | None = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", depthwise_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = positive_integer(depth_multiplier, f"{self}: depth_multiplier")
        keep_weight_options(self, "kernel", depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self.know_channels(input_shape)
        self.kernel = add_named_weight(self, "kernel", (*self.kernel_size, channels, self.depth_multiplier))
        outputs = channels * self.depth_multiplier
        self.bias = add_named_weight(self, "bias", (outputs,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.with_bias(ops.depthwise_conv(inputs, self.kernel.value, **self.reach))


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of every channel of a line on its own.

    Arguments: as `Conv1D`, without filters and groups; `depth_multiplier` is M, the outputs of each channel.

    Weights: kernel (kernel_size, C, M), bias (C M,). Input (N, T, C), output (N, T', C M).

    >>> DepthwiseConv1D(3)(np.ones((2, 5, 4))).shape
    (2, 3, 4)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of every channel of an image on its own.

    Arguments: as `DepthwiseConv1D`; sizes are one number or a pair.

    Weights: kernel (rows, columns, C, M), bias (C M,). Input (N, H, W, C), output (N, H', W', C M).

    >>> DepthwiseConv2D(3, depth_multiplier=2)(np.ones((2, 5, 5, 4))).shape
    (2, 3, 3, 8)
    """

    rank = 2


class _SeparableConv(_Convolving):
    formula = "y = f((x ⋆ D) P + b)"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = 1, depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
        pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = positive_integer(filters, f"{self}: filters")
        self.depth_multiplier = positive_integer(depth_multiplier, f"{self}: depth_multiplier")
        keep_weight_options(
            self, "depthwise_kernel", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        keep_weight_options(
            self, "pointwise_kernel", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self.know_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = add_named_weight(self, "depthwise_kernel", shape)
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = add_named_weight(self, "pointwise_kernel", shape)
        self.bias = add_named_weight(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.with_bias(
            ops.separable_conv(inputs, self.depthwise_kernel.value, self.pointwise_kernel.value, **self.reach)
        )


class SeparableConv1D(_SeparableConv):
    """Every channel of a line on its own, then a mixture of the channels at every cell.

    Arguments: as `Conv1D`, without groups; `depth_multiplier` is M, the outputs of each channel before the mixture.

    Weights: depthwise_kernel (kernel_size, C, M), pointwise_kernel (1, C M, O), bias (O,).

    >>> SeparableConv1D(4, 3)(np.ones((2, 5, 2))).shape
    (2, 3, 4)
    """

    rank = 1


SeparableConvolution1D = SeparableConv1D


class SeparableConv2D(_SeparableConv):
    """Every channel of an image on its own, then a mixture of the channels at every pixel: k² C + C O weights, not k² C O.

    Arguments: as `SeparableConv1D`; sizes are one number or a pair.

    Weights: depthwise_kernel (rows, columns, C, M), pointwise_kernel (1, 1, C M, O), bias (O,). Source: Chollet (2017),
    Xception: Deep learning with depthwise separable convolutions.

    >>> SeparableConv2D(16, 3)(np.ones((2, 8, 8, 4))).shape
    (2, 6, 6, 16)
    """

    rank = 2


SeparableConvolution2D = SeparableConv2D
