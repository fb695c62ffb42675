"""Regularization layers: noise during training, nothing at inference. Dropout and GaussianNoise."""

from __future__ import annotations

from typing import Any

from glassnet import random
from glassnet.autograd.op import feed
from glassnet.errors import ArgumentError
from glassnet.layers.base import Layer
from glassnet.seeds import as_generator

__all__ = ["Dropout", "GaussianNoise"]


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

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            fix = f"rate={rate / 100} drops {rate} %" if 1 < rate < 100 else "rate=0.5 drops half"
            raise ArgumentError(f"{self}: rate must be in [0, 1)", received=f"rate={rate}", fix=fix)
        self.rate, self.noise_shape = float(rate), None if noise_shape is None else tuple(noise_shape)
        self.seed_generator = as_generator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        given = self.noise_shape or (None,) * inputs.ndim
        if len(given) != inputs.ndim:
            raise ArgumentError(
                f"{self}: noise_shape needs one size per axis", expected=f"{inputs.ndim} sizes for {inputs.shape}",
                received=given,
            )  # fmt: skip
        return random.dropout(inputs, self.rate, given, self.seed_generator)


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
