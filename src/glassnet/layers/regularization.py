"""Regularization layers: noise during training and nothing at inference, and a penalty on what passes through."""

from __future__ import annotations

import math
from typing import Any

from glassnet import ops, random, regularizers
from glassnet.autograd.op import feed
from glassnet.errors import ArgumentError
from glassnet.layers.base import InputSpec, Layer
from glassnet.ops.convolution import require_channels_last
from glassnet.seeds import as_generator

__all__ = [
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D",
    "SpatialDropout2D",
]  # fmt: skip


def _share(rate: Any, who: str) -> float:
    if not 0 <= rate < 1:
        fix = f"rate={rate / 100} drops {rate} %" if 1 < rate < 100 else "rate=0.5 drops half"
        raise ArgumentError(f"{who}: rate must be in [0, 1)", received=f"rate={rate}", fix=fix)
    return float(rate)


def _noise_shape(given: Any, inputs: Any, who: str) -> tuple[Any, ...]:
    """One size per axis: 1 where the noise is shared, None for the input's own size."""
    sizes = tuple(given or (None,) * inputs.ndim)
    if len(sizes) != inputs.ndim:
        raise ArgumentError(
            f"{who}: noise_shape needs one size per axis", expected=f"{inputs.ndim} sizes for {inputs.shape}",
            received=sizes,
        )  # fmt: skip
    return sizes


class Dropout(Layer):
    """Sets a random share of the inputs to 0 during training and scales the rest up; does nothing at inference.

    In training y = x m / (1 - rate), with a mask m of ones and zeros; on average y is x, so inference needs no scaling.

    Arguments:
        rate: the share, 0 <= rate < 1.
        noise_shape: shape of the mask where it is to be shared along axes (size 1 there); None takes a size from x.
        seed: an integer for a repeatable mask sequence.

    Source: Srivastava, Hinton et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from Overfitting.

    >>> Dropout(0.5)(np.ones((1, 3))).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    formula = "y = x m / (1 - rate), training only"
    supports_masking = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.noise_shape = _share(rate, str(self)), None if noise_shape is None else tuple(noise_shape)
        self.seed_generator = as_generator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        given = _noise_shape(self.noise_shape, inputs, str(self))
        return random.dropout(inputs, self.rate, given, self.seed_generator)


class SpatialDropout(Dropout):
    """What the SpatialDropout layers share: one random number for a whole feature of a sample."""

    formula = "y = x m / (1 - rate), m shared by all positions, training only"

    def __init__(self, rate: float, axes: int, seed: Any, **kwargs: Any) -> None:
        super().__init__(rate, (None, *(1,) * axes, None), seed, **kwargs)
        self.input_spec = InputSpec(ndim=axes + 2)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole features of a sequence: what is dropped is 0 at every step.

    Neighbouring steps resemble each other, so a single dropped cell could be read off its neighbours.

    Arguments:
        rate: the share of the features, 0 <= rate < 1.
        seed: an integer for a repeatable sequence.

    Input (N, T, C). Source: Tompson et al. (2015), Efficient Object Localization Using Convolutional Networks.

    >>> SpatialDropout1D(0.5)(np.ones((1, 3, 2))).shape
    (1, 3, 2)
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(rate, 1, seed, **kwargs)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole feature maps of an image: what is dropped is 0 at every pixel.

    Arguments:
        rate: the share of the feature maps, 0 <= rate < 1.
        data_format: "channels_last", which is the default.
        seed: an integer for a repeatable sequence.

    Input (N, H, W, C). Source: Tompson et al. (2015), Efficient Object Localization Using Convolutional Networks.

    >>> SpatialDropout2D(0.5)(np.ones((1, 3, 3, 2))).shape
    (1, 3, 3, 2)
    """

    def __init__(self, rate: float, data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(rate, 2, seed, **kwargs)
        require_channels_last(data_format, str(self))


class GaussianNoise(Layer):
    """Adds normal noise during training: y = x + ε with ε from N(0, stddev²); does nothing at inference.

    The network never sees the same sample twice, so it cannot learn single samples by heart.

    Arguments:
        stddev: standard deviation of the noise, 0 or more.
        seed: an integer for a repeatable sequence.

    >>> GaussianNoise(0.1)(np.ones((1, 3))).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    formula = "y = x + N(0, stddev²), training only"
    supports_masking = True

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not stddev >= 0:
            raise ArgumentError(f"{self}: stddev cannot be negative", received=f"stddev={stddev}")
        self.stddev = float(stddev)
        self.seed_generator = as_generator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        noise = feed(lambda: self.seed_generator.normal(inputs.shape, self.dtype), inputs.shape, self.dtype)
        return inputs + self.stddev * noise


class GaussianDropout(Layer):
    """Multiplies by normal noise during training: y = x ε with ε from N(1, rate / (1 - rate)); nothing at inference.

    The noise has the mean and the variance of dropout's factor m / (1 - rate), but no cell is lost.

    Arguments:
        rate: as in Dropout, 0 <= rate < 1.
        seed: an integer for a repeatable sequence.

    Source: Srivastava, Hinton et al. (2014), Dropout, section 10.

    >>> GaussianDropout(0.5)(np.ones((1, 3))).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    formula = "y = x N(1, rate / (1 - rate)), training only"
    supports_masking = True

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = _share(rate, str(self))
        self.seed_generator = as_generator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.rate == 0 or not training:
            return inputs
        noise = feed(lambda: self.seed_generator.normal(inputs.shape, self.dtype), inputs.shape, self.dtype)
        return inputs * (1 + math.sqrt(self.rate / (1 - self.rate)) * noise)


class AlphaDropout(Dropout):
    r"""Dropout for networks of SELU units: inputs of mean 0 and variance 1 keep both.

    A dropped cell becomes α' = -1.7581, the value that SELU takes far to the left, not 0. Then y = a (x m + α' (1 - m)) + b;
    with q = 1 - rate, the mean α' rate and the variance q + α'² q rate of the bracket give
    a = (q + α'² q rate)^(-1/2) and b = -a α' rate.

    Arguments:
        rate: the share of the cells, 0 <= rate < 1.
        noise_shape: shape of the mask where it is to be shared along axes (size 1 there); None takes a size from x.
        seed: an integer for a repeatable sequence.

    Source: Klambauer et al. (2017), Self-Normalizing Neural Networks, section "New Dropout Technique".

    >>> AlphaDropout(0.5)(np.ones((1, 3))).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    formula = "y = a (x m + α' (1 - m)) + b, training only"

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.rate == 0 or not training:
            return inputs
        given = _noise_shape(self.noise_shape, inputs, str(self))
        shape = tuple([own if size is None else size for size, own in zip(given, inputs.shape)])
        u = feed(lambda: self.seed_generator.uniform(shape, self.dtype), shape, self.dtype)
        q = 1 - self.rate
        a = (q + _SELU_FLOOR**2 * q * self.rate) ** -0.5
        kept = ops.where(ops.greater_equal(u, self.rate), inputs, _SELU_FLOOR)
        return a * kept - a * _SELU_FLOOR * self.rate


_SELU_FLOOR = -1.0507009873554805 * 1.6732632423543772
"""What SELU approaches far to the left: minus its scale times its alpha."""


class ActivityRegularization(Layer):
    """Passes its input on and adds a penalty on it to the loss: l1 Σ|x| + l2 Σx², per sample of the batch.

    Arguments:
        l1, l2: factors of the sum of sizes and of the sum of squares.

    >>> layer = ActivityRegularization(l2=0.5)
    >>> layer(np.array([[1.0, 3.0]])).numpy().tolist(), float(layer.losses[0])
    ([[1.0, 3.0]], 5.0)
    """

    formula = "y = x, with a penalty on x"
    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs
