"""Two images in one, and their labels in one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.augmentation.base import RandomImageLayer, factor_range
from glassnet.layers.augmentation.boxes import inside, random_boxes
from glassnet.typing import Array


class Mixing(RandomImageLayer):
    """Blends every image of a batch with another one, and their labels with the same share."""

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        if not training:
            return images, labels
        count = images.shape[0]
        if labels is not None and (labels.ndim < 2 and labels.dtype.kind != "f"):
            raise ShapeError(
                f"{self}: labels must be one-hot, so that two of them can be mixed", expected=f"({count}, classes)",
                received=f"{labels.dtype} {tuple(labels.shape)}", fix="gn.utils.to_categorical(labels)",
            )  # fmt: skip
        partner = self.drawn(lambda: self.seed_generator.permutation(count), count, dtype="int64")
        images, share = self.mixed(images, ops.take(images, partner, axis=0))
        if labels is not None:
            own = ops.cast(labels, self.dtype)
            share = ops.reshape(share, (-1, *[1] * (own.ndim - 1)))
            labels = share * own + (1 - share) * ops.take(own, partner, axis=0)
        return images, labels

    @abstractmethod
    def mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        """The mixed images, and each image's own share (N,)."""


class MixUp(Mixing):
    """Blends images and labels in pairs, in training: x λ + x' (1 - λ), with λ from Beta(α, α), one per image.

    Arguments:
        alpha: small: mostly one of the two; 1: every share is equally likely.
        seed: an integer for a repeatable sequence.

    Takes {"images": (N, H, W, C), "labels": (N, classes)} and gives the same back. Source: Zhang et al. (2018), mixup.

    >>> batch = {"images": np.ones((2, 4, 4, 1)), "labels": np.eye(2)}
    >>> MixUp()(batch)["labels"].numpy().sum(axis=1)
    array([1., 1.], dtype=float32)
    """

    formula = "y = λ x + (1 - λ) x', labels too, training only"

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        if not alpha > 0:
            raise ArgumentError(f"{self}: alpha must be positive", received=f"alpha={alpha!r}")
        self.alpha = float(alpha)

    def mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        count = images.shape[0]
        share = self.drawn(lambda: self.seed_generator.generator.beta(self.alpha, self.alpha, count), count)
        wide = ops.reshape(share, (-1, 1, 1, 1))
        return wide * images + (1 - wide) * others, share


class CutMix(Mixing):
    """Pastes a rectangle of another image into every image, in training; labels mix by the areas.

    The share λ of the image itself comes from Beta(α, α); the rectangle has √(1 - λ) of the height and of the width.

    Arguments:
        factor: the largest α, or (lower, upper), from 0 to 1.
        seed: an integer for a repeatable sequence.

    Takes {"images": (N, H, W, C), "labels": (N, classes)} and gives the same back. Source: Yun et al. (2019), CutMix.

    >>> batch = {"images": np.ones((2, 4, 4, 1)), "labels": np.eye(2)}
    >>> CutMix()(batch)["labels"].numpy().sum(axis=1)
    array([1., 1.], dtype=float32)
    """

    formula = "y = x outside and x' inside of a rectangle, labels too, training only"

    def __init__(
        self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor = factor_range(factor, f"{self}: factor", 0.0)

    def boxes(self, count: int, size: tuple[int, int]) -> Array:
        """Random boxes (N, 4)."""
        alpha = self.uniform(count, self.factor) + 1e-6
        side = np.sqrt(1 - self.seed_generator.generator.beta(alpha, alpha))
        return random_boxes(self, side, side, size)

    def mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        N, H, W, _ = images.shape
        boxes = self.drawn(lambda: self.boxes(N, (H, W)), N, 4)
        pasted = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
        return ops.where(inside(boxes, (H, W)), others, images), 1 - pasted / (H * W)
