"""Image files, Pillow's images and arrays, each made from the other, by their Keras names.

Files and images need Pillow, which comes with the extra `plot`; it is imported when it is used. PNG and PGM files are read
without it by `datasets.read_image`.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from glassnet.config import floatx
from glassnet.errors import ArgumentError, MissingDependency, ShapeError, did_you_mean
from glassnet.typing import Array

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Array:
    """An image of Pillow, or an array, as an array (H, W, C) of floats; the numbers stay what they are.

    >>> img_to_array(np.array([[0, 255]], "uint8")).tolist()
    [[[0.0], [255.0]]]
    """
    _check_channels_last(data_format, "img_to_array")
    x = np.asarray(img, dtype or floatx())
    if x.ndim not in (2, 3):
        raise ShapeError("img_to_array: it takes one image", expected="(H, W) or (H, W, C)", received=x.shape)
    return x[..., None] if x.ndim == 2 else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (H, W, C) of 1, 3 or 4 channels as an image of Pillow.

    Arguments:
        scale: stretch the numbers to 0..255; False cuts off their fractions.

    >>> array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    _check_channels_last(data_format, "array_to_img")
    x = np.asarray(x, dtype or floatx())
    if x.ndim != 3 or x.shape[2] not in _MODE_OF_CHANNELS:
        raise ShapeError(
            "array_to_img: it takes one image", expected="(H, W, C) with 1, 3 or 4 channels", received=x.shape,
            fix="a grey image has one channel: x[..., None]" if x.ndim == 2 else None,
        )  # fmt: skip
    if scale:
        x = x - x.min(initial=np.inf)
        x = x * (255 / (x.max(initial=0) or 1))
    if x.size and not (x.min() >= 0 and x.max() < 256):
        raise ArgumentError(
            "array_to_img: a number is no brightness", expected="0 to 255", received=f"{x.min()} to {x.max()}",
            fix="scale=True stretches them",
        )  # fmt: skip
    return _pillow().fromarray(x.astype("uint8").squeeze(2) if x.shape[2] == 1 else x.astype("uint8"))


def load_img(
    path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:  # fmt: skip
    """An image file as an image of Pillow.

    Arguments:
        path: a path, or an open binary file.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (H, W) to resize to, with `interpolation`: "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: cut the middle out in the ratio of `target_size`, in place of stretching.
    """
    _check_choice(color_mode, tuple(_MODES), "color_mode")
    _check_choice(interpolation, _INTERPOLATIONS, "interpolation")
    pillow = _pillow()
    with pillow.open(path) as file:
        image = file.convert(_MODES[color_mode])
    if target_size is None:
        return image
    height, width = target_size
    box = _middle(image.size, width, height) if keep_aspect_ratio else None
    return image.resize((width, height), pillow.Resampling[interpolation.upper()], box=box)


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array (H, W, C) as an image file.

    Arguments:
        path: a path, whose suffix names the format, or an open binary file.
        file_format: "png", "jpeg", ...; the one that the suffix names by default.
        scale: as in `array_to_img`.
        kwargs: of Pillow's `Image.save`.

    >>> import io
    >>> save_img(file := io.BytesIO(), np.ones((4, 6, 3)), file_format="png")
    >>> load_img(file, target_size=(2, 2)).size
    (2, 2)
    """
    image = array_to_img(x, data_format, scale)
    image.save(path, format="jpeg" if file_format == "jpg" else file_format, **kwargs)


def _middle(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The largest part of an image in the ratio width : height, around its centre: left, top, right, bottom."""
    wide, high = min(size[0], size[1] * width // height), min(size[1], size[0] * height // width)
    left, top = (size[0] - wide) // 2, (size[1] - high) // 2
    return left, top, left + wide, top + high


def _check_channels_last(data_format: str | None, who: str) -> None:
    if data_format not in (None, "channels_last"):
        raise ArgumentError(
            f"{who}: unknown data_format", expected="channels_last: an image is (H, W, C)", received=repr(data_format),
            fix="move the channels to the end: np.moveaxis(x, 0, -1)",
        )  # fmt: skip


def _check_choice(value: str, known: tuple[str, ...], argument: str) -> None:
    if value not in known:
        raise ArgumentError(
            f"load_img: unknown {argument}", expected=", ".join(known), received=repr(value),
            fix=did_you_mean(str(value), known),
        )  # fmt: skip


def _pillow() -> Any:
    """The module PIL.Image."""
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise MissingDependency(
            "Pillow reads and writes images, and is not installed", expected="the extra `plot`",
            fix="pip install pillow",
        ) from None  # fmt: skip
