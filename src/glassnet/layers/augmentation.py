"""Image augmentation and image sizes: every batch is changed at random while training, so that no image comes twice.

Images are channels-last, float or uint8: a batch (N, H, W, C), a single image, or a dictionary with "images" and
"labels". Every image of a batch is changed in its own way. In a model the random layers work in training only; called
by themselves they work, as in Keras, unless `training=False` says otherwise.

Random numbers come through `feed`, drawn from the layer's SeedGenerator before each step: a replayed step draws anew,
and an explained one can be replayed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.op import feed
from glassnet.autograd.state import STATE
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import Layer, tensors_in
from glassnet.ops.convolution import require_channels_last
from glassnet.ops.image import (
    FILL_MODES,
    as_batch,
    centred,
    checked_choice,
    elastic_places,
    grid_of,
    resize,
    sampled,
)
from glassnet.ops.shape import known_size
from glassnet.seeds import as_generator
from glassnet.typing import Array

__all__ = [
    "CenterCrop", "CutMix", "MixUp", "RandomBrightness", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom", "Resizing",
]  # fmt: skip

Range = tuple[float, float]


def _range(value: Any, who: str, low: float = -1.0, high: float = 1.0, fix: str | None = None) -> Range:
    """(lower, upper) of a factor: two numbers as they are; one number f is (-f, f), or (0, f) where none is negative."""
    pair = value if isinstance(value, (tuple, list)) else (max(-abs(value), low), abs(value))
    if len(pair) != 2 or not low <= min(pair) <= max(pair) <= high:
        raise ArgumentError(
            f"{who} is out of range",
            expected=f"a number, or two, from {low:g} to {high:g}",
            received=repr(value),
            fix=fix,
        )
    return float(min(pair)), float(max(pair))


# ---------------------------------------------------------------- what all layers of images share


class ImageLayer(Layer):
    """A layer of images: takes a batch, one image, or a dictionary, and gives back what it took."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))

    def call(self, data: Any, training: bool = False) -> Any:
        given = data if isinstance(data, dict) else {"images": data}
        if "images" not in given or not given.keys() <= {"images", "labels"}:
            raise ArgumentError(
                f"{self}: it takes images, or a dictionary of images and labels", expected='"images" and "labels"',
                received=", ".join(map(repr, given)), fix="leave the others out; boxes and masks cannot be moved along",
            )  # fmt: skip
        in_a_model = len(STATE.layers) > 1 or given["images"].shape[:1] == (None,)
        if in_a_model and given["images"].ndim == 3:  # outside it would be one image
            raise ShapeError(
                f"{self}: the images of a batch have no channel axis", expected="(N, H, W, C)",
                received=given["images"].shape, fix="x[..., None], and Input((H, W, 1))",
            )  # fmt: skip
        batch = self.cast(as_batch(given["images"], str(self)))
        images, labels = self.changed(batch, given.get("labels"), training)
        if given["images"].ndim == 3:
            images = ops.squeeze(images, 0)
        return (
            {**given, "images": images, **({"labels": labels} if "labels" in given else {})}
            if data is given
            else images
        )

    def cast(self, images: Any) -> Any:
        """Bytes become floats."""
        return ops.cast(images, self.dtype)

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        """Images (N, H, W, C) and labels as they come out."""
        raise NotImplementedError


class Augmentation(ImageLayer):
    """A random layer of images: with a generator of its own, at work in training only."""

    def __init__(self, seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.seed_generator = as_generator(seed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        by_itself = not STATE.layers and STATE.training is None
        building = STATE.tracer is None and any(t.is_symbolic for t in tensors_in([*args, *kwargs.values()]))
        if by_itself and not building:
            kwargs.setdefault("training", True)
        return super().__call__(*args, **kwargs)

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        return (self.augmented(images), labels) if training else (images, labels)

    def augmented(self, images: Any) -> Any:
        """The images of a training step."""
        raise NotImplementedError

    def uniform(self, count: int, bounds: Range) -> Array:
        """One number per image; call it where `feed` asks for numbers."""
        low, high = bounds
        return low + (high - low) * self.seed_generator.uniform(count, "float64")

    def drawn(self, make: Callable[[], Any], *shape: Any, dtype: Any = None) -> Any:
        """A tensor that `make` fills before every step."""
        return feed(make, shape, dtype or self.dtype)


# ---------------------------------------------------------------- one matrix per image


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


class AffineAugmentation(Augmentation):
    """Moves images by one random matrix each; a subclass draws the matrices."""

    def __init__(
        self, fill_mode: str, interpolation: str, fill_value: float, seed: Any, data_format: str | None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode = checked_choice(fill_mode, FILL_MODES, f"{self}: fill_mode")
        self.interpolation = checked_choice(interpolation, ("nearest", "bilinear"), f"{self}: interpolation")
        self.fill_value = float(fill_value)

    def matrices(self, count: int, size: tuple[int, int]) -> Array:
        """Random matrices (N, 2, 3)."""
        raise NotImplementedError

    def augmented(self, images: Any) -> Any:
        N, H, W, _ = images.shape
        return self.moved(images, self.drawn(lambda: self.matrices(N, (H, W)), N, 2, 3), (H, W))

    def moved(self, images: Any, matrices: Any, size: tuple[int, int]) -> Any:
        """Images of this size, read at the places that the matrices name."""
        places = ops.matmul(matrices, grid_of(*size, images.dtype))
        y = sampled(images, places, self.interpolation, self.fill_mode, self.fill_value)
        return ops.reshape(y, (-1, *size, images.shape[-1]))


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
        self.height_factor = _range(height_factor, f"{self}: height_factor", fix=share)
        self.width_factor = _range(width_factor, f"{self}: width_factor", fix=share)

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
        self.factor = _range(factor, f"{self}: factor", fix="a share of a full turn: degrees / 360")

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
        self.height_factor = _range(height_factor, f"{self}: height_factor")
        self.width_factor = None if width_factor is None else _range(width_factor, f"{self}: width_factor")

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
        self.x_factor = _range(x_factor, f"{self}: x_factor", 0.0)
        self.y_factor = _range(y_factor, f"{self}: y_factor", 0.0)

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
        self.size = _pixels(height, width, str(self))

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


def _pixels(height: Any, width: Any, who: str) -> tuple[int, int]:
    for name, size in (("height", height), ("width", width)):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ArgumentError(f"{who}: {name} must be a number of pixels", expected="1 or more", received=repr(size))
    return int(height), int(width)


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


class RandomElasticTransform(AffineAugmentation):
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
        self.factor, self.scale = _range(factor, f"{self}: factor", 0.0), _range(scale, f"{self}: scale", 0.0)
        self.value_range = _values(value_range, str(self))

    def places(self, count: int, size: tuple[int, int]) -> Array:
        """Random places (N, 2, H W); those of images that are left alone are their pixels."""
        bent = self.uniform(count, (0, 1)) < self.uniform(count, self.factor)
        scale = self.uniform(count, self.scale)
        return elastic_places(
            self.seed_generator, count, size, bent * 0.1 * scale * max(size), 0.05 * scale * min(size)
        )

    def augmented(self, images: Any) -> Any:
        N, H, W, C = images.shape
        at = self.drawn(lambda: self.places(N, (H, W)), N, 2, H * W)
        y = sampled(images, at, self.interpolation, self.fill_mode, self.fill_value)
        return ops.clip(ops.reshape(y, (-1, H, W, C)), *self.value_range)


# ---------------------------------------------------------------- sizes that are not random


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
        self.size = _pixels(height, width, str(self))
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
        self.size = _pixels(height, width, str(self))

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        sizes = [known_size(images, axis, str(self)) for axis in (1, 2)]
        if any(n < own for n, own in zip(sizes, self.size)):
            return resize(images, self.size, crop_to_aspect_ratio=True), labels
        return centred(images, *self.size), labels


# ---------------------------------------------------------------- brightness, contrast, erasing


def _values(value_range: Any, who: str) -> Range:
    if len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ArgumentError(f"{who}: value_range must be (smallest, largest)", received=repr(value_range))
    return float(value_range[0]), float(value_range[1])


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
        self.factor, self.value_range = _range(factor, f"{self}: factor"), _values(value_range, str(self))

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
        self.factor, self.value_range = _range(pair, f"{self}: factor", 0.0), _values(value_range, str(self))

    def augmented(self, images: Any) -> Any:
        count, (lower, upper) = images.shape[0], self.factor
        f = self.drawn(lambda: self.uniform(count, (1 - lower, 1 + upper)).reshape(-1, 1, 1, 1), count, 1, 1, 1)
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.clip((images - mean) * f + mean, *self.value_range)


def random_boxes(layer: Augmentation, heights: Array, widths: Array, size: tuple[int, int]) -> Array:
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
        self.factor, self.scale = _range(factor, f"{self}: factor", 0.0), _range(scale, f"{self}: scale", 0.0)
        self.fill_value, self.value_range = fill_value, _values(value_range, str(self))

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


# ---------------------------------------------------------------- two images in one


class Mixing(Augmentation):
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

    def mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        """The mixed images, and each image's own share (N,)."""
        raise NotImplementedError


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
        self.factor = _range(factor, f"{self}: factor", 0.0)

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
