"""Tiles: some numbers as one small picture in the frame of their role, for strips of a whole training step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Rectangle

from glassnet.autograd.worked import format_number
from glassnet.plot.sheet import minus_ticks
from glassnet.plot.theme import Theme
from glassnet.typing import Array

Extent = tuple[float, float, float, float]
"""Left, right, bottom and top."""


def as_picture(array: Array) -> Array:
    """Any array as rows and columns: of a batch of images the first, channels side by side; one long row as a block.

    >>> as_picture(np.zeros((1, 64))).shape, as_picture(np.zeros((1, 3))).shape, as_picture(np.zeros((2, 4, 5, 3))).shape
    ((8, 8), (1, 3), (4, 15))
    """
    if array.ndim > 3:
        array = np.concatenate(list(np.moveaxis(array.reshape(-1, *array.shape[-3:])[0], -1, 0)), axis=1)
    picture = array[0] if array.ndim == 3 else np.atleast_2d(array)
    if len(picture) > 1 or picture.size <= 16:
        return picture
    rows = next(rows for rows in range(math.isqrt(picture.size), 0, -1) if picture.size % rows == 0)
    return picture.reshape(rows, -1) if picture.size <= 4 * rows * rows else picture


def look_of(picture: Array) -> str:
    """How few numbers are best seen: "digits" (one), "bars" (units of one sample), "cells" with numbers, or "picture"."""
    rows, columns = picture.shape
    if picture.size == 1:
        return "digits"
    if columns <= 4 and rows <= 8:
        return "cells"
    return "bars" if rows == 1 and columns <= 16 else "picture"


def scale_of(colours: Theme, kind: str, limit: float) -> tuple[Colormap, Normalize]:
    """The colours of a "value" or a "gradient" from -limit to limit, or of an "image" from 0 to limit."""
    colour_map = {"value": colours.values, "gradient": colours.gradients, "image": colours.ink}[kind]
    return colour_map, Normalize(0.0 if kind == "image" else -limit, limit)


def draw_picture(
    ax: Axes, colours: Theme, picture: Array, extent: Extent, limit: float, kind: str, numbers: float = 0.0
) -> None:
    """Numbers as a picture; what is not finite is hatched.

    Arguments:
        kind: of a scale, see `scale_of`.
        numbers: the font size of the number in each cell; 0 leaves them out, and in print a minus sign marks signs.
    """
    colour_map, norm = scale_of(colours, kind, limit)
    ax.imshow(picture, cmap=colour_map, norm=norm, extent=extent, aspect="auto", interpolation="nearest", zorder=2)
    left, right, low, high = extent
    wide, tall = (right - left) / picture.shape[1], (high - low) / picture.shape[0]
    row, column = np.nonzero(picture < -0.02 * limit)
    if numbers:
        _write_numbers(ax, colours, picture, extent, limit, numbers)
    elif colours.in_grey and kind != "image":
        x, y = left + (column + 0.5) * wide, high - (row + 0.5) * tall
        minus_ticks(ax, colours, x, y, np.abs(picture[row, column]) / limit, size=0.5 * wide)
    for row, column in np.argwhere(~np.isfinite(picture)):
        corner = (left + column * wide, high - (row + 1) * tall)
        ax.add_patch(Rectangle(corner, wide, tall, fc=colours.page, ec=colours.text, hatch="////", lw=0, zorder=3))


def _write_numbers(ax: Axes, colours: Theme, picture: Array, extent: Extent, limit: float, size: float) -> None:
    """Each number in its cell, in ink that shows on the colour below it."""
    left, right, low, high = extent
    rows, columns = picture.shape
    for (row, column), value in np.ndenumerate(picture):
        x = left + (column + 0.5) * (right - left) / columns
        y = high - (row + 0.5) * (high - low) / rows
        ink = colours.page if abs(value) > 0.55 * limit else colours.text
        ax.text(x, y, short(value), ha="center", va="center", fontsize=size, color=ink, zorder=4)


def short(value: float, room: int = 6) -> str:
    """A number in at most so many characters, 5 or more.

    >>> short(2.0312), short(-0.12345), short(-0.012345), short(-0.12345, room=5), short(-0.00012345)
    ('2.03', '−0.123', '−0.012', '−0.12', '−1e−4')
    """
    texts = (format_number(value, digits) for digits in (3, 2, 1))
    scientific = f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")
    return next((text for text in texts if len(text) <= room and "e" not in text), scientific)


def draw_frame(ax: Axes, extent: Extent, role: str, ink: str, width: float) -> None:
    """Double for a parameter, single for a value, dashed for a gradient."""
    left, right, low, high = extent
    style: Any = (0, (3, 2)) if role == "grad" else "-"
    for gap in (0.0, 0.035) if role == "param" else (0.0,):
        corner, size = (left - gap, low - gap), (right - left + 2 * gap, high - low + 2 * gap)
        ax.add_patch(Rectangle(corner, *size, fill=False, ec=ink, lw=width if gap == 0 else 0.7, ls=style, zorder=4))
