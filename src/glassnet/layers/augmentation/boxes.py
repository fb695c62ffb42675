"""Random rectangles, and what is put into them."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.layers.augmentation.base import Augmentation, RandomImageLayer, checked_values, factor_range
from glassnet.typing import Array


def random_boxes(layer: RandomImageLayer, heights: Array, widths: Array, size: tuple[int, int]) -> Array:
    """Boxes (N, 4) of whole pixels, top, bottom, left, right, for shares of height and width, at random places."""
    sides = []
    for share, n in zip((heights, widths), size):
        start = layer.uniform(len(share), (0, 1)) * (n - share * n)
        sides += [np.ceil(start), np.ceil(start + share * n)]
    return np.stack(sides, axis=1)


def inside(boxes: Any, size: tuple[int, int]) -> Any:
    """Which pixels lie in the boxes: shape (N, H, W, 1)."""
    top, bottom, left, right = [ops.reshape(boxes[:, side], (-1, 1, 1, 1)) for side in range(4)]
    rows, columns = (np.arange(n, dtype=boxes.dtype) for n in size)
    rows, columns = rows.reshape(1, -1, 1, 1), columns.reshape(1, 1, -1, 1)
    return (ops.less_equal(top, rows) & ops.less(rows, bottom)) & (
        ops.less_equal(left, columns) & ops.less(columns, right)
    )


class RandomErasing(Augmentation):
    """Covers a random rectangle of images, in training: the network must not rely on one part alone.

    Arguments:
        factor: the probability that an image is covered, or (lower, upper); one number p stands for (0, p).
        scale: sizes of the rectangle, (lower, upper): the squares of its shares of the height and of the width.
        fill_value: what stands there, a number or one per channel; None is noise.
        value_range: what stands there is brought into it.
        seed: an integer for a repeatable sequence.

    Source: Zhong et al. (2017), Random Erasing Data Augmentation.

    >>> RandomErasing()(np.ones((2, 8, 8, 1))).shape
    (2, 8, 8, 1)
    """

    formula = "y = x outside of a rectangle, training only"

    def __init__(
        self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: Any = None, value_range: Any = (0, 255),
        seed: Any = None, data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor, self.scale = (
            factor_range(factor, f"{self}: factor", 0.0),
            factor_range(scale, f"{self}: scale", 0.0),
        )
        self.fill_value, self.value_range = fill_value, checked_values(value_range, str(self))

    def boxes(self, count: int, size: tuple[int, int]) -> Array:
        """Random boxes (N, 4); empty ones for images that stay whole."""
        covered = self.uniform(count, (0, 1)) < self.uniform(count, self.factor)
        height, width = (np.sqrt(self.uniform(count, self.scale)) for _ in "hw")
        return random_boxes(self, height, width, size) * covered[:, None]

    def augmented(self, images: Any) -> Any:
        N, H, W, C = images.shape
        covered = inside(self.drawn(lambda: self.boxes(N, (H, W)), N, 4), (H, W))
        if self.fill_value is None:
            noise = self.drawn(lambda: self.seed_generator.normal((N, H, W, C), self.dtype), N, H, W, C)
            fill = noise * self.value_range[1]
        else:
            fill = ops.broadcast_to(ops.cast(np.asarray(self.fill_value), self.dtype), (C,))
        return ops.where(covered, ops.clip(fill, *self.value_range), images)
