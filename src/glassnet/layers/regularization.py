"""Regularization layers: noise during training, nothing at inference."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.op import feed
from glassnet.errors import ArgumentError
from glassnet.layers.base import Layer
from glassnet.seeds import as_generator

__all__ = ["Dropout"]


class Dropout(Layer):
    """Sets a random share of the inputs to 0 during training and scales the rest up; does nothing at inference.

    Arguments:
        rate: the share, 0 <= rate < 1.
        noise_shape: shape of the mask where it is to be shared along axes (size 1 there).
        seed: an integer for a repeatable mask sequence.

    >>> Dropout(0.5)(np.ones((1, 3))).numpy().tolist()
    [[1.0, 1.0, 1.0]]
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ArgumentError(f"{self}: rate must be in [0, 1)", received=f"rate={rate}")
        self.rate, self.noise_shape = float(rate), noise_shape
        self.seed_generator = as_generator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        given = self.noise_shape or (None,) * inputs.ndim
        shape = tuple(own if size is None else size for size, own in zip(given, inputs.shape))
        u = feed(lambda: self.seed_generator.uniform(shape, self.dtype), shape, self.dtype)
        return ops.apply_dropout(inputs, u, self.rate)
