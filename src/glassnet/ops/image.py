r"""Images as functions of a place: moved, bent, resized and blurred.

Images are channels-last, (N, H, W, C) or one (H, W, C). A place is given in pixels, rows first: (0, 0) is the centre of
the first pixel. Everything that moves an image asks backwards: for each pixel of the result, at which place of the
input is it read? Then no pixel of the result is left empty. Reading at a place between pixels is `sampling`'s business.

Resizing and blurring treat rows and columns one after the other: a matrix of shares for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import apply, feed, operand
from glassnet.autograd.operators import F
from glassnet.errors import ArgumentError, ShapeError, did_you_mean
from glassnet.ops.convolution import borders as window_borders
from glassnet.ops.convolution import (
    checked_padding,
    depthwise_conv,
    output_sizes,
    per_axis,
    require_channels_last,
)
from glassnet.ops.sampling import FILL_MODES, LinearSampling
from glassnet.ops.shape import known_size
from glassnet.seeds import SeedGenerator, as_generator
from glassnet.typing import Array

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "gaussian_blur", "map_coordinates",
    "pad_images", "resize", "rgb_to_grayscale",
]  # fmt: skip

# ---------------------------------------------------------------- what the functions share


def as_batch(images: Any, who: str, data_format: str | None = None) -> Any:
    """Images with a batch axis, channels last; a single image becomes a batch of one."""
    require_channels_last(data_format, who)
    x = operand(images)
    if len(x.shape) not in (3, 4):
        raise ShapeError(
            f"{who}: wrong number of axes", expected="(N, H, W, C), or one image (H, W, C)", received=tuple(x.shape),
            fix="add the missing channel axis: x[..., None]" if len(x.shape) == 2 else None,
        )  # fmt: skip
    return x if len(x.shape) == 4 else F.expand_dims(x, 0)


def _like(y: Any, images: Any) -> Any:
    """Computed images in the form in which they came: whole numbers rounded, a single image without a batch axis."""
    given = operand(images)
    if np.dtype(given.dtype).kind in "iu" and np.dtype(y.dtype).kind == "f":
        y = F.cast(F.round(y), given.dtype)
    return F.squeeze(y, 0) if len(given.shape) < len(y.shape) else y


def _as_floats(x: Any) -> Any:
    return x if np.dtype(x.dtype).kind == "f" else F.cast(x, "float32")


def checked_choice(value: Any, known: Sequence[Any], who: str) -> Any:
    """One of the known words."""
    if value not in known:
        raise ArgumentError(
            f"{who} is unknown", expected=", ".join(map(repr, known)), received=repr(value),
            fix=did_you_mean(str(value), [word for word in known if word is not None]),
        )  # fmt: skip
    return value


def sampled(images: Any, at: Any, interpolation: str, fill_mode: str, fill_value: float) -> Any:
    """Float images (N, H, W, C) read at places (N, 2, P): shape (N, P, C)."""
    op = LinearSampling(interpolation == "bilinear", fill_mode)
    if fill_mode != "constant" or not fill_value:
        return apply(op, images, at)
    return apply(op, images - fill_value, at) + fill_value


def grid_of(height: int, width: int, dtype: Any) -> Array:
    """Row, column and 1 of every pixel: shape (3, H W)."""
    rows, columns = np.divmod(np.arange(height * width), width)
    return np.stack([rows, columns, np.ones_like(rows)]).astype(dtype)


# ---------------------------------------------------------------- moving and bending


def affine_transform(
    images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images turned, shifted, scaled, sheared or tilted: pixel (x, y) of the result is read at (x', y').

    x' = (a₀ x + a₁ y + a₂) / k and y' = (b₀ x + b₁ y + b₂) / k, with k = c₀ x + c₁ y + 1; x counts columns.

    Arguments:
        transform: (a₀, a₁, a₂, b₀, b₁, b₂, c₀, c₁), shape (N, 8), or (8,) for all images.
        interpolation: "bilinear" or "nearest".
        fill_mode: what stands outside: "constant" (`fill_value`), "nearest", "reflect" (c b a | a b c), "mirror", "wrap".

    >>> one_left = np.array([1, 0, 1, 0, 1, 0, 0, 0])
    >>> affine_transform(np.array([[[1.0], [2.0], [3.0]]]), one_left)[..., 0]
    array([[2., 3., 0.]])
    """
    checked_choice(interpolation, ("bilinear", "nearest"), "affine_transform: interpolation")
    checked_choice(fill_mode, FILL_MODES, "affine_transform: fill_mode")
    x = _as_floats(as_batch(images, "affine_transform", data_format))
    N, H, W, C = x.shape
    t = F.cast(operand(transform), x.dtype)
    if t.shape[-1:] != (8,) or len(t.shape) > 2 or (len(t.shape) == 2 and t.shape[0] not in (N, None)):
        raise ShapeError(
            "affine_transform: every image needs 8 numbers", expected=f"shape (8,) or ({N}, 8)", received=tuple(t.shape)
        )
    t = t + F.zeros_like(x[:, 0, 0, :1]) if len(t.shape) == 1 else t
    nine = F.concatenate([t, F.ones_like(t[:, :1])], axis=1)
    rows_first = F.reshape(F.take(nine, np.array([4, 3, 5, 1, 0, 2, 7, 6, 8]), axis=1), (-1, 3, 3))
    places = F.matmul(rows_first, grid_of(H, W, x.dtype))
    y = sampled(x, places[:, :2] / places[:, 2:], interpolation, fill_mode, fill_value)
    return _like(F.reshape(y, (-1, H, W, C)), images)


def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:  # fmt: skip
    """An array read at places between its cells.

    Arguments:
        inputs: an array with one, two or three axes.
        coordinates: the places, shape (axes, ...): one number per axis of `inputs`.
        order: 1 blends neighbouring cells, 0 takes the nearest one.
        fill_mode: as in `affine_transform`.

    >>> map_coordinates(np.array([[0.0, 10.0], [20.0, 30.0]]), np.array([[0.5], [0.5]]), order=1)
    array([15.])
    """
    x, at = operand(inputs), operand(coordinates)
    checked_choice(fill_mode, FILL_MODES, "map_coordinates: fill_mode")
    if order not in (0, 1):
        raise ArgumentError("map_coordinates: order must be 0 or 1", received=f"order={order!r}")
    axes = len(x.shape)
    if not 1 <= axes <= 3 or len(at.shape) < 2 or at.shape[0] != axes:
        raise ShapeError(
            "map_coordinates: every place needs one number per axis", received=f"inputs {x.shape}, places {at.shape}",
            expected=f"coordinates of shape ({axes}, ...)",
        )  # fmt: skip
    image = F.reshape(_as_floats(x), (1, *x.shape, 1))
    places = F.reshape(F.cast(at, image.dtype), (1, axes, -1))
    y = sampled(image, places, ("nearest", "bilinear")[order], fill_mode, fill_value)
    return _like(F.reshape(y, at.shape[1:]), F.zeros(at.shape[1:], x.dtype))


def elastic_places(
    generator: SeedGenerator, count: int, size: tuple[int, int], alpha: Any, sigma: Any
) -> Array:  # fmt: skip
    """Places (N, 2, H W) that wander smoothly: every pixel's own, plus `alpha` times blurred noise of spread `sigma`.

    Arguments:
        alpha, sigma: in pixels, a number or one per image.
    """
    alpha, sigma = (np.broadcast_to(np.asarray(a, "float32"), count)[:, None, None, None] for a in (alpha, sigma))
    noise = generator.normal((count, 2, *size), "float32") * sigma
    along_rows, along_columns = (_bells(n, np.maximum(sigma, 1e-6)) for n in size)
    moved = alpha * (along_rows @ noise @ along_columns.swapaxes(-1, -2))
    places: Array = grid_of(*size, "float32")[:2] + moved.reshape(count, 2, -1)
    return places


def _bells(n: int, sigma: Any) -> Any:
    """Shares (..., n, n) that blur a row of n cells with a bell cut off at about three sigma; 0 stands outside."""
    half = 6 * sigma // 2
    taps = np.arange(-half.max(initial=0), half.max(initial=0) + 1, dtype="float32")
    total = (np.exp(-0.5 * (taps / sigma) ** 2) * (abs(taps) <= half)).sum(axis=-1, keepdims=True)
    distance = abs(np.arange(n, dtype="float32")[:, None] - np.arange(n, dtype="float32"))
    return np.exp(-0.5 * (distance / sigma) ** 2) * (distance <= half) / total


def elastic_transform(
    images: Any, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
    fill_value: float = 0.0, seed: Any = None, data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images bent like rubber: every pixel is read at a place that blurred noise has moved.

    Arguments:
        alpha: how far places move; sigma: the width of the blur in pixels, large for slow waves.
        seed: as in `gn.random`. Source: Simard, Steinkraus and Platt (2003), Best Practices for Convolutional Networks.

    >>> elastic_transform(np.ones((2, 8, 8, 1)), alpha=2.0, sigma=2.0).shape
    (2, 8, 8, 1)
    """
    checked_choice(interpolation, ("bilinear", "nearest"), "elastic_transform: interpolation")
    checked_choice(fill_mode, FILL_MODES, "elastic_transform: fill_mode")
    x, generator = _as_floats(as_batch(images, "elastic_transform", data_format)), as_generator(seed)
    N, H, W, C = x.shape
    at = feed(lambda: elastic_places(generator, N, (H, W), alpha, sigma), (N, 2, H * W), x.dtype)
    return _like(F.reshape(sampled(x, at, interpolation, fill_mode, fill_value), (-1, H, W, C)), images)


# ---------------------------------------------------------------- resizing and blurring


def _keys_cubic(t: Any) -> Any:
    inner, outer = ((1.5 * t - 2.5) * t) * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, inner, np.where(t < 2, outer, 0))


def _lanczos(radius: int) -> Callable[[Any], Any]:
    return lambda t: np.where(t < radius, np.sinc(t) * np.sinc(t / radius), 0)


KERNELS: dict[str, Callable[[Any], Any]] = {
    "bilinear": lambda t: np.maximum(0, 1 - t), "bicubic": _keys_cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5),
}  # fmt: skip
"""The weight of a pixel by its distance in pixels."""


def _shares(n: int, target: int, interpolation: str, antialias: bool) -> Array:
    """The matrix (target, n) of the share that each old pixel has in each new one; rows add up to 1."""
    centres = (np.arange(target) + 0.5) * n / target - 0.5
    wide = max(n / target, 1.0) if antialias else 1.0
    weights = KERNELS[interpolation](np.abs(centres[:, None] - np.arange(n)) / wide)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def resize(
    images: Any, size: Sequence[int], interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
    fill_value: float = 0.0, data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images at another size: a matrix of shares for the rows, and one for the columns.

    Arguments:
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: when shrinking, blend all pixels that a new one covers. No effect on "nearest".
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut or frame the image first, so that it is not distorted.

    >>> resize(np.array([[[0.0], [4.0]]]), (1, 4))[..., 0]
    array([[0., 1., 3., 4.]])
    """
    checked_choice(interpolation, ("nearest", *KERNELS), "resize: interpolation")
    checked_choice(fill_mode, ("constant",), "resize: fill_mode")
    height, width = target = per_axis(size, 2, "resize: size")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("resize: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other", fix="give one")
    x = as_batch(images, "resize", data_format)
    H, W = (known_size(x, axis, "resize") for axis in (1, 2))
    if crop_to_aspect_ratio:
        x = centred(x, max(min(H, W * height // width), 1), max(min(W, H * width // height), 1))
    elif pad_to_aspect_ratio:
        x = _framed_to(x, max(H, W * height // width), max(W, H * width // height), fill_value)
    sizes = x.shape[1:3]
    if interpolation == "nearest":
        for axis, (n, new) in enumerate(zip(sizes, target), 1):
            x = F.take(x, np.floor((np.arange(new) + 0.5) * n / new).astype("int64"), axis=axis)
        return F.squeeze(x, 0) if len(operand(images).shape) == 3 else x
    y = _as_floats(x)
    rows, columns = (_shares(n, new, interpolation, antialias).astype(y.dtype) for n, new in zip(sizes, target))
    y = F.matmul(rows, F.reshape(y, (-1, sizes[0], sizes[1] * y.shape[3])))
    y = F.matmul(columns, F.reshape(y, (-1, height, sizes[1], x.shape[3])))
    if np.dtype(x.dtype).kind in "iu" and interpolation != "bilinear":  # the others overshoot at edges
        y = F.clip(y, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return _like(y, images)


def centred(x: Any, height: int, width: int) -> Any:
    """The middle of images."""
    top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
    return x[:, top : top + height, left : left + width]


def _framed_to(x: Any, height: int, width: int, fill_value: float) -> Any:
    """Images in the middle of larger ones."""
    top, left = (height - x.shape[1]) // 2, (width - x.shape[2]) // 2
    frame = ((0, 0), (top, height - x.shape[1] - top), (left, width - x.shape[2] - left), (0, 0))
    return F.pad(x, frame, constant_values=fill_value)


def gaussian_blur(
    images: Any,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Every pixel becomes a mean of its neighbours, weighted with a bell: first along the columns, then along the rows.

    Arguments:
        kernel_size: taps across and down; sigma: the width of the bell across and down, in pixels. 0 stands outside.

    >>> gaussian_blur(np.array([[[0.0], [1.0], [0.0]]]), (3, 1))[0, :, 0].round(3)
    array([0.274, 0.452, 0.274])
    """
    x = _as_floats(as_batch(images, "gaussian_blur", data_format))
    taps = per_axis(kernel_size, 2, "gaussian_blur: kernel_size")
    if len(sigma) != 2 or min(sigma) <= 0:
        raise ArgumentError("gaussian_blur: sigma must be two positive numbers", received=f"sigma={sigma!r}")
    y = x
    for axis, count, spread in zip((1, 0), taps, sigma):
        bell = np.exp(-0.5 * ((np.arange(count) - (count - 1) / 2) / spread) ** 2)
        shape = (1, count, 1, 1) if axis else (count, 1, 1, 1)
        kernel = np.repeat((bell / bell.sum()).reshape(shape), known_size(x, 3, "gaussian_blur"), axis=2)
        y = depthwise_conv(y, kernel.astype(x.dtype), padding="same")
    return _like(y, images)


# ---------------------------------------------------------------- cutting, framing, colours, patches


def _sides(who: str, size: int, before: Any, after: Any, target: Any, names: str, sign: int) -> tuple[int, int]:
    """Pixels before and after a row of `size`, added (sign 1) or cut off (-1); the missing one follows from `target`."""
    given = [before, after, target]
    if given.count(None) == 1:
        change = None if target is None else sign * (target - size)
        before = change - after if before is None else before
        after = change - before if after is None else after
        if min(before, after) >= 0 and (sign > 0 or before + after <= size):
            return before, after
    raise ArgumentError(
        f"{who}: two of {names} must be given, and fit", expected=f"no negative sides for {size} pixels",
        received=f"({', '.join(map(str, given))})",
    )  # fmt: skip


def crop_images(
    images: Any, top_cropping: int | None = None, left_cropping: int | None = None, bottom_cropping: int | None = None,
    right_cropping: int | None = None, target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images without their borders. Of top, bottom and target height two are given, of left, right and width too.

    >>> crop_images(np.ones((2, 5, 6, 1)), top_cropping=1, target_height=2, left_cropping=0, right_cropping=3).shape
    (2, 2, 3, 1)
    """
    x = as_batch(images, "crop_images", data_format)
    H, W = (known_size(x, axis, "crop_images") for axis in (1, 2))
    names = "{0}_cropping, {1}_cropping, target_{2}"
    top, bottom = _sides(
        "crop_images", H, top_cropping, bottom_cropping, target_height, names.format("top", "bottom", "height"), -1
    )
    left, right = _sides(
        "crop_images", W, left_cropping, right_cropping, target_width, names.format("left", "right", "width"), -1
    )
    return _like(x[:, top : H - bottom, left : W - right], images)


def pad_images(
    images: Any, top_padding: int | None = None, left_padding: int | None = None, bottom_padding: int | None = None,
    right_padding: int | None = None, target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images with borders of zeros. Of top, bottom and target height two are given, of left, right and width too.

    >>> pad_images(np.ones((2, 5, 6, 1)), top_padding=1, target_height=9, left_padding=0, right_padding=3).shape
    (2, 9, 9, 1)
    """
    x = as_batch(images, "pad_images", data_format)
    H, W = (known_size(x, axis, "pad_images") for axis in (1, 2))
    names = "{0}_padding, {1}_padding, target_{2}"
    rows = _sides(
        "pad_images", H, top_padding, bottom_padding, target_height, names.format("top", "bottom", "height"), 1
    )
    columns = _sides(
        "pad_images", W, left_padding, right_padding, target_width, names.format("left", "right", "width"), 1
    )
    return _like(F.pad(x, ((0, 0), rows, columns, (0, 0))), images)


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """The brightness of colours, as the eye weighs them: 0.2989 R + 0.587 G + 0.114 B, in one channel.

    >>> rgb_to_grayscale(np.array([[[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]]))[..., 0].round(3)
    array([[1.   , 0.587]])
    """
    x = _as_floats(as_batch(images, "rgb_to_grayscale", data_format))
    if x.shape[-1] != 3:
        raise ShapeError("rgb_to_grayscale: the last axis is not red, green and blue", expected="(N, H, W, 3)",
                         received=tuple(x.shape))  # fmt: skip
    return _like(F.matmul(x, np.array([[0.2989], [0.587], [0.114]], x.dtype)), images)


def extract_patches(
    images: Any, size: int | Sequence[int], strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1, padding: str = "valid", data_format: str | None = None,
) -> Any:  # fmt: skip
    """The windows of images, each laid out as one row of numbers: (N, H, W, C) becomes (N, P, Q, height width C).

    Arguments:
        size: (height, width) of a window.
        strides: pixels from one window to the next; the size by default, so that they do not overlap.
        padding: "valid", or "same", where windows may reach over the border, into zeros.

    >>> extract_patches(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, 0]
    array([[0., 1., 4., 5.],
           [2., 3., 6., 7.]])
    """
    x = as_batch(images, "extract_patches", data_format)
    kernel, dilation = (
        per_axis(size, 2, "extract_patches: size"),
        per_axis(dilation_rate, 2, "extract_patches: dilation_rate"),
    )
    steps = kernel if strides is None else per_axis(strides, 2, "extract_patches: strides")
    sizes = tuple(known_size(x, axis, "extract_patches") for axis in (1, 2, 3))
    how = checked_padding(padding, 2, "extract_patches")
    border = window_borders(how, sizes[:2], kernel, steps, dilation)
    P, Q = (n or 0 for n in output_sizes("extract_patches", sizes[:2], kernel, steps, how, dilation))
    y = F.pad(x, ((0, 0), *border, (0, 0))) if how == "same" else x
    for axis, count in ((1, P), (2, Q)):
        places = np.arange(count)[:, None] * steps[axis - 1] + np.arange(kernel[axis - 1]) * dilation[axis - 1]
        y = F.take(y, places.reshape(-1), axis=axis)
    windows = F.reshape(y, (-1, P, kernel[0], Q, kernel[1], sizes[2]))
    rows = F.reshape(F.transpose(windows, (0, 1, 3, 2, 4, 5)), (-1, P, Q, math.prod(kernel) * sizes[2]))
    return _like(rows, images)
