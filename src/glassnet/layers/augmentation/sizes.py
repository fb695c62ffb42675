"""Images brought to one size, in training and at inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.layers.augmentation.base import ImageLayer, pixels_of
from glassnet.ops.image import centred, resize
from glassnet.ops.shape import known_size


class Resizing(ImageLayer):
    """Brings images to one size, in training and at inference; bytes stay bytes.

    Arguments:
        height, width: size of the result.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut or frame first, so that nothing is distorted.
        fill_mode, fill_value: of the frame: "constant".
        antialias: when shrinking, blend all pixels that a new one covers.

    >>> Resizing(4, 4)(np.ones((2, 8, 6, 3))).shape
    (2, 4, 4, 3)
    """

    formula = "y = A x Bᵀ, shares A of the rows and B of the columns"

    def __init__(
        self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0,
        antialias: bool = False, data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(data_format, **kwargs)
        self.size = pixels_of(height, width, str(self))
        self.how: dict[str, Any] = {
            "interpolation": interpolation, "antialias": antialias, "crop_to_aspect_ratio": crop_to_aspect_ratio,
            "pad_to_aspect_ratio": pad_to_aspect_ratio, "fill_mode": fill_mode, "fill_value": fill_value,
        }  # fmt: skip
        resize(np.zeros((1, 1, 1)), self.size, **self.how)  # refuses what it cannot do before data arrives

    def cast(self, images: Any) -> Any:
        return images

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        return resize(images, self.size, **self.how), labels


class CenterCrop(ImageLayer):
    """Cuts the middle out of images, in training and at inference; smaller images are cut to its shape and resized.

    Arguments:
        height, width: size of the result.

    >>> CenterCrop(1, 2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel().tolist()
    [5.0, 6.0]
    """

    formula = "y = the middle of x"

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.size = pixels_of(height, width, str(self))

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        sizes = [known_size(images, axis, str(self)) for axis in (1, 2)]
        if any(n < own for n, own in zip(sizes, self.size)):
            return resize(images, self.size, crop_to_aspect_ratio=True), labels
        return centred(images, *self.size), labels
