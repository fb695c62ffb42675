"""What the layers of images share: what they take, their random numbers, and the checks of their arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.op import feed
from glassnet.autograd.state import STATE
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import Layer, tensors_in
from glassnet.ops.convolution import require_channels_last
from glassnet.ops.image import as_batch
from glassnet.seeds import as_generator
from glassnet.typing import Array

Range = tuple[float, float]


def factor_range(value: Any, who: str, low: float = -1.0, high: float = 1.0, fix: str | None = None) -> Range:
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


def checked_values(value_range: Any, who: str) -> Range:
    """(smallest, largest) value of a pixel."""
    if len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ArgumentError(f"{who}: value_range must be (smallest, largest)", received=repr(value_range))
    return float(value_range[0]), float(value_range[1])


def pixels_of(height: Any, width: Any, who: str) -> tuple[int, int]:
    """A size in pixels."""
    for name, size in (("height", height), ("width", width)):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ArgumentError(f"{who}: {name} must be a number of pixels", expected="1 or more", received=repr(size))
    return int(height), int(width)


class ImageLayer(Layer, ABC):
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

    @abstractmethod
    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        """Images (N, H, W, C) and labels as they come out."""


class RandomImageLayer(ImageLayer):
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

    def uniform(self, count: int, bounds: Range) -> Array:
        """One number per image; call it where `feed` asks for numbers."""
        low, high = bounds
        return low + (high - low) * self.seed_generator.uniform(count, "float64")

    def drawn(self, make: Callable[[], Any], *shape: Any, dtype: Any = None) -> Any:
        """A tensor that `make` fills before every step."""
        return feed(make, shape, dtype or self.dtype)


class Augmentation(RandomImageLayer):
    """Changes the images of a training step, and leaves the labels as they are."""

    def changed(self, images: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        return (self.augmented(images), labels) if training else (images, labels)

    @abstractmethod
    def augmented(self, images: Any) -> Any:
        """The images of a training step."""
