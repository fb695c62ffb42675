"""Brightness and contrast."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.layers.augmentation.base import Augmentation, checked_values, factor_range


class RandomBrightness(Augmentation):
    """Adds a random number to every image, in training: y = clip(x + δ (largest - smallest)).

    Arguments:
        factor: the largest δ, from 0 to 1, or (lower, upper) from -1 to 1.
        value_range: (smallest, largest) value of a pixel; results are brought into it.
        seed: an integer for a repeatable sequence.

    >>> RandomBrightness((0.2, 0.2), value_range=(0, 1))(np.zeros((1, 1, 2, 1))).numpy().ravel().tolist()
    [0.20000000298023224, 0.20000000298023224]
    """

    formula = "y = clip(x + δ), training only"

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.factor, self.value_range = factor_range(factor, f"{self}: factor"), checked_values(value_range, str(self))

    def augmented(self, images: Any) -> Any:
        (low, high), count = self.value_range, images.shape[0]
        delta = self.drawn(lambda: self.uniform(count, self.factor).reshape(-1, 1, 1, 1), count, 1, 1, 1)
        return ops.clip(images + delta * (high - low), low, high)


class RandomContrast(Augmentation):
    """Stretches or squeezes the values of every image around their mean, in training: y = clip((x - μ) f + μ).

    Arguments:
        factor: f lies between 1 - factor and 1 + factor; or (lower, upper): between 1 - lower and 1 + upper.
        value_range: (smallest, largest) value of a pixel; results are brought into it.
        seed: an integer for a repeatable sequence.

    The mean μ is that of each image and channel.

    >>> layer = RandomContrast((0.0, 1.0), value_range=(0, 1))
    >>> layer(np.array([[[[0.5], [0.5]]]])).numpy().ravel().tolist()
    [0.5, 0.5]
    """

    formula = "y = clip((x - μ) f + μ), training only"

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        pair = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        self.factor, self.value_range = (
            factor_range(pair, f"{self}: factor", 0.0),
            checked_values(value_range, str(self)),
        )

    def augmented(self, images: Any) -> Any:
        count, (lower, upper) = images.shape[0], self.factor
        f = self.drawn(lambda: self.uniform(count, (1 - lower, 1 + upper)).reshape(-1, 1, 1, 1), count, 1, 1, 1)
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.clip((images - mean) * f + mean, *self.value_range)
