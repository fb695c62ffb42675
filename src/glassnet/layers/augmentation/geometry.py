"""Images moved, turned, zoomed, slanted, cut, mirrored and bent: every pixel is read at another place."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.layers.augmentation.base import Augmentation, checked_values, factor_range, pixels_of
from glassnet.ops.image import checked_choice, elastic_places, grid_of, resize, sampled
from glassnet.ops.sampling import FILL_MODES
from glassnet.typing import Array


def shifts(down: Array, right: Array) -> Array:
    """Matrices (N, 2, 3) that move images by pixels: (row, column, 1) of the result times M is the place that is read."""
    zero, one = np.zeros_like(down), np.ones_like(down)
    return np.stack([one, zero, -down, zero, one, -right], axis=1).reshape(-1, 2, 3)


def linear_maps(rows: Sequence[Array], columns: Sequence[Array], centre: Sequence[float]) -> Array:
    """Matrices (N, 2, 3) of the linear maps with these rows, around a fixed point."""
    linear = np.stack([np.stack(rows, axis=1), np.stack(columns, axis=1)], axis=1)
    fixed = np.asarray(centre, "float64")
    return np.concatenate([linear, (fixed - linear @ fixed)[..., None]], axis=2)


def rotations(angle: Array, size: Sequence[int]) -> Array:
    """Matrices that turn images by angles in radians, counter-clockwise, around their centre."""
    cos, sin = np.cos(angle), np.sin(angle)
    return linear_maps([cos, sin], [-sin, cos], [(n - 1) / 2 for n in size])


def zooms(rows: Array, columns: Array, size: Sequence[int]) -> Array:
    """Matrices that show a window of `rows` times the height and `columns` times the width, around the centre."""
    zero = np.zeros_like(rows)
    return linear_maps([rows, zero], [zero, columns], [(n - 1) / 2 for n in size])


def shears(x: Array, y: Array) -> Array:
    """Matrices that shift every row by x times its number, and every column by y times its number."""
    one = np.ones_like(x)
    return linear_maps([one, y], [x, one], [0.0, 0.0])


class ReadBetweenPixels(Augmentation):
    """Reads every pixel of the result at another place of the image."""

    def __init__(
        self, fill_mode: str, interpolation: str, fill_value: float, seed: Any, data_format: str | None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode = checked_choice(fill_mode, FILL_MODES, f"{self}: fill_mode")
        self.interpolation = checked_choice(interpolation, ("nearest", "bilinear"), f"{self}: interpolation")
        self.fill_value = float(fill_value)

    def read(self, images: Any, places: Any, size: tuple[int, int]) -> Any:
        """Images of this size, read at the places (N, 2, H W)."""
        y = sampled(images, places, self.interpolation, self.fill_mode, self.fill_value)
        return ops.reshape(y, (-1, *size, images.shape[-1]))


class AffineAugmentation(ReadBetweenPixels):
    """Moves images by one random matrix each; a subclass draws the matrices."""

    @abstractmethod
    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        """Random matrices (N, 2, 3)."""

    def augmented(self, images: Any) -> Any:
        N, H, W, _ = images.shape
        return self.moved(images, self.drawn(lambda: self.matrices(N, (H, W)), N, 2, 3), (H, W))

    def moved(self, images: Any, matrices: Any, size: tuple[int, int]) -> Any:
        """Images of this size, read at the places that the matrices name."""
        return self.read(images, ops.matmul(matrices, grid_of(*size, images.dtype)), size)


class RandomTranslation(AffineAugmentation):
    """Shifts every image by a random share of its height and of its width, in training.

    Arguments:
        height_factor, width_factor: the largest shift as a share, or (lower, upper); positive is down, right.
        fill_mode: what comes in: "reflect" (c b a | a b c), "constant" (`fill_value`), "nearest", "mirror", "wrap".
        interpolation: "bilinear" or "nearest".
        seed: an integer for a repeatable sequence.

    >>> RandomTranslation(0.5, 0.0)(np.ones((2, 4, 4, 1))).shape
    (2, 4, 4, 1)
    """

    formula = "y(r, c) = x(r - h H, c - w W), training only"

    def __init__(
        self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear",
        seed: Any = None, fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        share = "a share of the image: pixels / size"
        self.height_factor = factor_range(height_factor, f"{self}: height_factor", fix=share)
        self.width_factor = factor_range(width_factor, f"{self}: width_factor", fix=share)

    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        down, right = self.uniform(count, self.height_factor), self.uniform(count, self.width_factor)
        return shifts(down * size[0], right * size[1])


class RandomRotation(AffineAugmentation):
    """Turns every image around its centre by a random angle, in training.

    Arguments:
        factor: the largest angle as a share of a full turn, or (lower, upper); positive is counter-clockwise.
        fill_mode, interpolation, seed, fill_value: as in RandomTranslation.

    >>> RandomRotation(0.1)(np.ones((2, 4, 4, 1))).shape
    (2, 4, 4, 1)
    """

    formula = "y = x turned by 2π · factor, training only"

    def __init__(
        self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None,
        fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.factor = factor_range(factor, f"{self}: factor", fix="a share of a full turn: degrees / 360")

    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        return rotations(2 * math.pi * self.uniform(count, self.factor), size)


class RandomZoom(AffineAugmentation):
    """Shows every image from nearer or farther away, in training.

    Arguments:
        height_factor: the largest change of the height shown, as a share, or (lower, upper): 0.2 shows 80 % to 120 %
            of it, so negative numbers zoom in.
        width_factor: of the width; by default the same number, so that nothing is distorted.
        fill_mode, interpolation, seed, fill_value: as in RandomTranslation.

    >>> RandomZoom(0.2)(np.ones((2, 4, 4, 1))).shape
    (2, 4, 4, 1)
    """

    formula = "y = x zoomed by 1 / (1 + factor), training only"

    def __init__(
        self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect", interpolation: str = "bilinear",
        seed: Any = None, fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.height_factor = factor_range(height_factor, f"{self}: height_factor")
        self.width_factor = None if width_factor is None else factor_range(width_factor, f"{self}: width_factor")

    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        rows = 1 + self.uniform(count, self.height_factor)
        columns = rows if self.width_factor is None else 1 + self.uniform(count, self.width_factor)
        return zooms(rows, columns, size)


class RandomShear(AffineAugmentation):
    """Slants every image: row r is shifted by x times r, column c by y times c, in training.

    Arguments:
        x_factor, y_factor: the largest slant, from 0 to 1, or (lower, upper); every image is slanted to a random side.
        interpolation, fill_mode, fill_value, seed: as in RandomTranslation.

    >>> RandomShear(0.2)(np.ones((2, 4, 4, 1))).shape
    (2, 4, 4, 1)
    """

    formula = "y(r, c) = x(r + y c, c + x r), training only"

    def __init__(
        self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
        fill_value: float = 0.0, data_format: str | None = None, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.x_factor = factor_range(x_factor, f"{self}: x_factor", 0.0)
        self.y_factor = factor_range(y_factor, f"{self}: y_factor", 0.0)

    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        side = np.sign(self.uniform(count, (-1.0, 1.0)))
        return shears(side * self.uniform(count, self.x_factor), side * self.uniform(count, self.y_factor))


class RandomCrop(AffineAugmentation):
    """Cuts a window out of every image at a random place, in training; at inference the largest window of its shape.

    Arguments:
        height, width: size of the window. At inference, and for images that are not larger, the middle is cut to the
            window's shape and resized.
        seed: an integer for a repeatable sequence.

    >>> RandomCrop(3, 2)(np.ones((2, 5, 5, 1))).shape
    (2, 3, 2, 1)
    """

    formula = "y = x[top : top + height, left : left + width]"

    def __init__(
        self, height: int, width: int, seed: Any = None, data_format: str | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__("constant", "nearest", 0.0, seed, data_format, **kwargs)
        self.size = pixels_of(height, width, str(self))

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        if training and all(own <= n for own, n in zip(self.size, images.shape[1:3])):
            return self.augmented(images), labels
        return resize(images, self.size, crop_to_aspect_ratio=True), labels

    def augmented(self, images: Any) -> Any:
        count, *sizes = images.shape[:3]
        return self.moved(images, self.drawn(lambda: self.matrices(count, sizes), count, 2, 3), self.size)

    def matrices(self, count: int, size: Any) -> Array:
        top, left = (np.floor(self.uniform(count, (0, n - own + 1))) for n, own in zip(size, self.size))
        return shifts(-top, -left)


class RandomFlip(Augmentation):
    """Mirrors every image or leaves it, each with probability 1/2, in training.

    Arguments:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical", two coins per image.
        seed: an integer for a repeatable sequence.

    >>> RandomFlip("horizontal")(np.ones((2, 4, 4, 1))).shape
    (2, 4, 4, 1)
    """

    formula = "y = x or x mirrored, training only"

    def __init__(
        self, mode: str = "horizontal_and_vertical", seed: Any = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.mode = checked_choice(mode, ("horizontal", "vertical", "horizontal_and_vertical"), f"{self}: mode")

    def augmented(self, images: Any) -> Any:
        count = images.shape[0]
        for axis, name in ((2, "horizontal"), (1, "vertical")):
            if name in self.mode:
                coin = self.drawn(
                    lambda: self.uniform(count, (0, 1)).reshape(-1, 1, 1, 1) < 0.5, count, 1, 1, 1, dtype="bool"
                )
                images = ops.where(coin, ops.flip(images, axis), images)
        return images


class RandomElasticTransform(ReadBetweenPixels):
    """Bends images like rubber, in training: every pixel is read at a place that smooth noise has moved.

    The noise is normal, with deviation σ, blurred by a bell of width σ and multiplied by α, where α = 0.1 scale max(H, W)
    and σ = 0.05 scale min(H, W).

    Arguments:
        factor: the probability that an image is bent, or (lower, upper); one number p stands for (0, p).
        scale: how strongly, from 0 to 1, or (lower, upper); one number s stands for (0, s).
        value_range: results are brought into it.
        interpolation, fill_mode, fill_value, seed: as in RandomTranslation.

    Source: Simard, Steinkraus and Platt (2003), Best Practices for Convolutional Neural Networks, section 2.

    >>> RandomElasticTransform()(np.ones((2, 8, 8, 1))).shape
    (2, 8, 8, 1)
    """

    formula = "y(p) = x(p + α blurred noise), training only"

    def __init__(
        self, factor: Any = 1.0, scale: Any = 1.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
        fill_value: float = 0.0, value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.factor, self.scale = (
            factor_range(factor, f"{self}: factor", 0.0),
            factor_range(scale, f"{self}: scale", 0.0),
        )
        self.value_range = checked_values(value_range, str(self))

    def places(self, count: int, size: tuple[int, int]) -> Array:
        """Random places (N, 2, H W); those of images that are left alone are their pixels."""
        bent = self.uniform(count, (0, 1)) < self.uniform(count, self.factor)
        scale = self.uniform(count, self.scale)
        return elastic_places(
            self.seed_generator, count, size, bent * 0.1 * scale * max(size), 0.05 * scale * min(size)
        )

    def augmented(self, images: Any) -> Any:
        N, H, W, _ = images.shape
        at = self.drawn(lambda: self.places(N, (H, W)), N, 2, H * W)
        return ops.clip(self.read(images, at, (H, W)), *self.value_range)
