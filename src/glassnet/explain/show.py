"""What a model sees and says, as text: a prediction with its picture, and a surface over two inputs.

Half-block characters hold two pixels above each other, so a picture needs no display and survives a log file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd.functional import no_grad
from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Array

_SIGNS = np.array([" ", "▄", "▀", "█"])
_SHADES = "·░▒▓█"
_BAR = 30
_MOST_PIXELS = 16


@dataclass(frozen=True)
class ShownPrediction:
    """A prediction for one sample; printed, it is the picture with the classes below it."""

    picture: str
    """Empty where the sample is not an image."""
    label: str
    probabilities: dict[str, float]
    """One output of the model per class, the largest first."""

    @property
    def text(self) -> str:
        """The picture, then every class with a bar."""
        width = max(map(len, self.probabilities))
        bars = [f"{name:>{width}} {p:7.1%} {'█' * round(_BAR * p)}".rstrip() for name, p in self.probabilities.items()]
        return "\n".join([*filter(None, [self.picture]), f"predicted: {self.label}", *bars])

    def __str__(self) -> str:
        return self.text


def show_prediction(model: Any, x: Any, class_names: list[str] | None = None) -> ShownPrediction:
    """What a classifier says to one sample, and what the sample looks like.

    Arguments:
        x: one sample, with or without the batch axis; a flat one of H² pixels is shown as an H x H image.
        class_names: 0, 1, 2, ... by default.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3, "softmax", kernel_initializer="zeros")])
    >>> shown = show_prediction(model, np.array([1.0, 0.0, 0.0, 1.0]), ["cat", "dog", "cow"])
    >>> shown.picture, shown.label, round(shown.probabilities["dog"], 3)
    ('▀▄', 'cat', 0.333)
    """
    sample, wanted = np.asarray(x), tuple(model.input_shape[1:])
    if sample.size != math.prod(size or 1 for size in wanted):
        raise ShapeError("show_prediction: x is not one sample", expected=wanted, received=sample.shape)
    outputs = np.ravel(model.predict(sample.reshape(1, *wanted), verbose=0))
    names = class_names or [str(k) for k in range(len(outputs))]
    if len(names) != len(outputs):
        raise ArgumentError(
            "show_prediction: one class name per output", expected=f"{len(outputs)} names", received=len(names)
        )
    order = np.argsort(-outputs, kind="stable")
    image = _as_image(sample)
    picture = "" if image is None else "\n".join(half_blocks(image))
    return ShownPrediction(picture, names[order[0]], {names[k]: float(outputs[k]) for k in order})


def _as_image(sample: Array) -> Array | None:
    """The sample as (H, W) or (H, W, C), or None: it is no image."""
    squeezed = np.squeeze(sample)
    if squeezed.ndim == 1 and math.isqrt(squeezed.size) ** 2 == squeezed.size:
        return squeezed.reshape(math.isqrt(squeezed.size), -1)
    return squeezed if squeezed.ndim in (2, 3) else None


def half_blocks(image: Array, most: int = _MOST_PIXELS) -> list[str]:
    """An image as lines of half-block characters.

    Arguments:
        image: (H, W) or (H, W, C), dark where 0.
        most: pixels per side; larger images are shrunk, each cell the mean of the pixels it covers.

    >>> half_blocks(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    ['▀▄█']
    """
    grey = image.mean(axis=-1) if image.ndim == 3 else image
    factor = math.ceil(max(grey.shape) / most)
    padded = np.pad(grey.astype(float), [(0, -size % factor) for size in grey.shape])
    cells = padded.reshape(len(padded) // factor, factor, -1, factor).mean(axis=(1, 3))
    ink = np.pad(cells > 0.35 * max(cells.max(), 1e-12), [(0, len(cells) % 2), (0, 0)]).astype(int)
    return ["".join(_SIGNS[2 * top + bottom]) for top, bottom in zip(ink[::2], ink[1::2])]


def show_surface(model: Any, low: float = 0.0, high: float = 1.0, size: int = 20) -> str:
    """The output of a model with two inputs and one output, over a square: darker means nearer to 1.

    Arguments:
        low, high: both inputs run from low to high, the first to the right, the second upwards.
        size: cells per side.

    >>> import glassnet as gn
    >>> print(show_surface(gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x[:, :1])]), size=5))
    ·░▒▓█
    ·░▒▓█
    ·░▒▓█
    ·░▒▓█
    ·░▒▓█
    """
    values = surface(model, low, high, size)
    shades = np.clip(np.round(values * (len(_SHADES) - 1)), 0, len(_SHADES) - 1).astype(int)
    return "\n".join("".join(_SHADES[shade] for shade in row) for row in shades[::-1])


def surface(model: Any, low: float = 0.0, high: float = 1.0, size: int = 20) -> Array:
    """The outputs over a square, shape (size, size): row by the second input, column by the first."""
    line = np.linspace(low, high, size)
    first, second = np.meshgrid(line, line)
    with no_grad():
        outputs = model.predict(np.stack([first, second], axis=-1).reshape(-1, 2), batch_size=None, verbose=0)
    if np.size(outputs) != size * size:
        raise ShapeError("show_surface: the model needs one output", expected=(None, 1), received=model.output_shape)
    return np.asarray(outputs).reshape(size, size)
