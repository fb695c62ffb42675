"""Reshaping layers: the same cells in another order, repeated, framed or cut; and images made larger.

Sizes along rows and columns are given as Keras does: one number for all axes, one per axis, or for each axis a
pair (before, after). Images are channels-last: (N, H, W, C).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from glassnet import ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.core import positive_integer
from glassnet.ops.convolution import require_channels_last
from glassnet.ops.image import resize
from glassnet.ops.shape import NUMBER, known_size

__all__ = [
    "Cropping1D", "Cropping2D", "Permute", "RepeatVector", "UpSampling1D", "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D",
]  # fmt: skip


class Permute(Layer):
    """The axes of each sample in another order.

    Arguments:
        dims: the order, counted from 1: (2, 1) exchanges the first two axes of a sample.

    >>> Permute((2, 1))(np.ones((5, 3, 4))).shape
    (5, 4, 3)
    """

    formula = "y = x with its axes in another order"

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"{self}: dims names every axis of a sample once", expected="an order of 1, 2, ...", received=f"{dims=}",
                fix="leave out axis 0: the batch stays where it is" if 0 in self.dims else "for example (2, 1)",
            )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Each sample n times in a row: (N, C) becomes (N, n, C), for instance as the input of every step of a decoder.

    Arguments:
        n: how often.

    >>> RepeatVector(2)(np.array([[1.0, 2.0]])).numpy().tolist()
    [[[1.0, 2.0], [1.0, 2.0]]]
    """

    formula = "y[n, t] = x[n]"

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive_integer(n, f"{self}: n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)


# ---------------------------------------------------------------- a frame of zeros, and its removal


def _pairs(given: Any, axes: int, who: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, from one number, one per axis (for a single axis: the pair), or pairs."""
    per_axis: Any = (given,) * axes if isinstance(given, NUMBER) else given
    if axes == 1 and not isinstance(given, NUMBER):
        per_axis = (given,) if np.shape(given) == (2,) else given
    try:
        pairs = [(side, side) if isinstance(side, NUMBER) else (side[0], side[1], *side[2:]) for side in per_axis]
    except (TypeError, IndexError):
        pairs = []
    whole = all(isinstance(n, NUMBER) and n >= 0 for pair in pairs for n in pair)
    if len(pairs) != axes or not whole or any(len(pair) != 2 for pair in pairs):
        one = "a number, or a pair (before, after)" if axes == 1 else f"a number, {axes} numbers, or {axes} pairs"
        raise ArgumentError(
            f"{who}: cells before and after each axis", expected=f"{one}, none negative", received=repr(given),
            fix=f"for example {((1, 2),) * axes if axes > 1 else (1, 2)}",
        )  # fmt: skip
    return tuple([(int(before), int(after)) for before, after in pairs])


class ZeroPadding(Layer):
    """What the ZeroPadding layers share; `axes` is the number of axes that get a frame."""

    formula = "y = x inside a frame of zeros"
    axes: ClassVar[int]

    def __init__(self, padding: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        self.padding = _pairs(padding, self.axes, f"{self}: padding")
        self.input_spec = InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Any) -> Any:
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)))


class ZeroPadding1D(ZeroPadding):
    """Steps of zeros before and after each sequence: (N, T, C) becomes (N, before + T + after, C).

    Arguments:
        padding: the number of steps on both sides, or (before, after).
        data_format: "channels_last", which is the default.

    >>> ZeroPadding1D((1, 0))(np.array([[[3.0], [4.0]]])).numpy().ravel().tolist()
    [0.0, 3.0, 4.0]
    """

    axes = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(ZeroPadding):
    """A frame of zeros around each image: (N, H, W, C) becomes (N, top + H + bottom, left + W + right, C).

    Arguments:
        padding: its width, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last", which is the default.

    >>> ZeroPadding2D(((1, 0), (2, 2)))(np.ones((1, 3, 3, 1))).shape
    (1, 4, 7, 1)
    """

    axes = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class Cropping(Layer):
    """What the Cropping layers share; `axes` is the number of axes that are cut."""

    formula = "y = x without its border"
    axes: ClassVar[int]

    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        self.cropping = _pairs(cropping, self.axes, f"{self}: cropping")
        self.input_spec = InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Any) -> Any:
        for size, (before, after) in zip(inputs.shape[1:], self.cropping):
            if size is not None and before + after >= size:
                raise ShapeError(
                    f"{self}: nothing would be left", expected=f"less than {size} cells cut off an axis of {size}",
                    received=f"cropping={self.cropping} for shape {inputs.shape}", fix="cut less, or pad before",
                )  # fmt: skip
        return inputs[(slice(None), *[slice(before, -after or None) for before, after in self.cropping])]


class Cropping1D(Cropping):
    """Each sequence without its first and last steps: (N, T, C) becomes (N, T - before - after, C).

    Arguments:
        cropping: the number of steps on both sides, or (before, after).

    >>> Cropping1D((1, 0))(np.array([[[3.0], [4.0], [5.0]]])).numpy().ravel().tolist()
    [4.0, 5.0]
    """

    axes = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, None, **kwargs)


class Cropping2D(Cropping):
    """Each image without its border: (N, H, W, C) becomes (N, H - top - bottom, W - left - right, C).

    Arguments:
        cropping: the width of the border, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last", which is the default.

    >>> Cropping2D(((1, 0), (2, 2)))(np.ones((1, 5, 5, 1))).shape
    (1, 4, 1, 1)
    """

    axes = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


# ---------------------------------------------------------------- larger images


class UpSampling(Layer):
    """What the UpSampling layers share: every cell repeated along `axes` axes."""

    formula = "y = x, every cell repeated"
    axes: ClassVar[int]

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(data_format, str(self))
        sizes = (size,) * self.axes if isinstance(size, NUMBER) else tuple(size)
        if len(sizes) != self.axes:
            raise ArgumentError(f"{self}: size", expected=f"a number, or {self.axes} numbers", received=f"{size=}")
        self.size = tuple([positive_integer(n, f"{self}: size") for n in sizes])
        self.input_spec = InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Any) -> Any:
        return ops.upsample(inputs, self.size)


class UpSampling1D(UpSampling):
    """Every step repeated: (N, T, C) becomes (N, size · T, C).

    Arguments:
        size: how often.

    >>> UpSampling1D(2)(np.array([[[3.0], [4.0]]])).numpy().ravel().tolist()
    [3.0, 3.0, 4.0, 4.0]
    """

    axes = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, None, **kwargs)


class UpSampling2D(UpSampling):
    r"""Images made larger by a whole factor: (N, H, W, C) becomes (N, s H, t W, C).

    "nearest" repeats every pixel. "bilinear" draws a straight line between the centres of neighbouring pixels, first
    along the columns, then along the rows: y = A x Bᵀ, where each row of A and B holds the shares of the two nearest
    pixels; beyond the outermost centres the outermost pixel is taken. Its gradient is that of the two matrix products.

    Arguments:
        size: the factor, or (s, t).
        data_format: "channels_last", which is the default.
        interpolation: "nearest" or "bilinear".

    >>> UpSampling2D((1, 2), interpolation="bilinear")(np.array([[[[0.0], [4.0]]]])).numpy().ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    axes = 2

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        if interpolation not in ("nearest", "bilinear"):
            raise ArgumentError(
                f"{self}: unknown interpolation", expected="'nearest' or 'bilinear'", received=repr(interpolation)
            )
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        height, width = [times * known_size(inputs, axis, str(self)) for axis, times in enumerate(self.size, 1)]
        return resize(inputs, (height, width))
