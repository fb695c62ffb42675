"""What manim scenes are made of: text, tiles of numbers in the frame of their role, arrows. No TeX is needed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.animate.scenes.engine import mn
from glassnet.plot.sheet import limit_of
from glassnet.plot.theme import Theme
from glassnet.plot.tile import as_picture, look_of, scale_of, short
from glassnet.typing import Array

_SHARP, _PER_LINE = 96, 3000
"""Text is made so large and then scaled down, as small type is spaced unevenly; long text smaller, or it is broken."""


@dataclass(frozen=True)
class Tile:
    """Numbers in their frame."""

    group: Any
    """All of it, to be moved or faded."""
    frame: Any
    slot: Any
    """The square that it has room in; never seen."""
    cells: tuple[int, int]
    """Rows and columns as drawn."""

    def outline(self, flat: int, colour: str) -> Any:
        """A box around the number of that place in the order of reading; around all where it is one."""
        rows, columns = self.cells
        width, height = self.frame.width / columns, self.frame.height / rows
        row, column = divmod(flat, columns)
        corner = self.frame.get_corner(mn.UL)
        box = mn.Rectangle(width=width, height=height, color=colour, stroke_width=5)
        return box.move_to(corner + np.array([(column + 0.5) * width, -(row + 0.5) * height, 0.0]))


def write(text: str, size: float, colour: str, bold: bool = False, most: float = 13.4) -> Any:
    """Text of a font size, made smaller where it is wider than `most` units."""
    sharp = min(_SHARP, _PER_LINE / max(len(text), 1))
    made = mn.Text(
        text, font="Sans", font_size=sharp, color=colour, weight=mn.BOLD if bold else mn.NORMAL,
        disable_ligatures=True, warn_missing_font=False,
    )  # fmt: skip
    made.scale(size / sharp)
    return made.scale_to_fit_width(most) if made.width > most else made


def paragraph(text: str, size: float, colour: str, wide: int = 92) -> Any:
    """Lines of text, one below the other."""
    lines = [write(line, size, colour) for line in textwrap.wrap(text, wide)]
    return mn.VGroup(*lines).arrange(mn.DOWN, buff=0.13)


def tile(
    colours: Theme, array: Array, centre: Array, side: float, kind: str, role: str, limit: float | None = None
) -> Tile:
    """An array as one number, bars, cells with numbers or a picture.

    Arguments:
        kind: of a scale, see `glassnet.plot.tile.scale_of`.
        role: "param", "act", "input", "loss" or "grad".
    """
    picture = np.atleast_2d(array) if role == "param" else as_picture(array)
    limit = limit_of(picture) if limit is None else limit
    rows, columns = picture.shape
    look = look_of(picture)
    if role == "param" and look in ("digits", "bars"):
        look = "cells" if columns <= 4 else "picture"
    width, height = _fitted(rows, columns, side) if look == "picture" else (side, side)
    height = 0.3 * side if role == "param" and rows == 1 else height
    draw = {"digits": _digits, "bars": _bars, "cells": _cells, "picture": _picture}[look]
    inside = draw(colours, picture, width, height, kind, limit)
    frame = _frame(colours, role, width, height)
    group = mn.Group(inside, frame).shift(np.asarray(centre))
    slot = mn.Square(side, stroke_opacity=0).move_to(centre)
    return Tile(group, frame[0], slot, (columns, 1) if look == "bars" else (rows, columns))


def _fitted(rows: int, columns: int, side: float) -> tuple[float, float]:
    """Width and height of a picture with square cells; a very narrow one is widened."""
    cell = side / max(rows, columns)
    return max(columns * cell, 0.3 * side), max(rows * cell, 0.3 * side)


def _digits(colours: Theme, picture: Array, width: float, height: float, kind: str, limit: float) -> Any:
    value = float(picture[0, 0])
    text = ("+" if value > 0 and kind == "gradient" else "") + short(value)
    colour = colours.gradient_colour(value) if kind == "gradient" else colours.text
    return mn.Group(write(text, 15 * width + 7, colour, bold=True, most=0.9 * width))


def _bars(colours: Theme, picture: Array, width: float, height: float, kind: str, limit: float) -> Any:
    """A bar per unit from the line of zero, unit 0 on top; the units of up to ten are numbered."""
    values = np.where(np.isfinite(picture[0]), picture[0], 0.0)
    named = 0.2 * width if len(values) <= 10 else 0.05 * width
    least, most = min(values.min(), 0.0), max(values.max(), 0.0)
    per = (width - named - 0.06 * width) / ((most - least) or 1.0)
    zero, step = named - least * per - width / 2, 0.94 * height / len(values)
    colour = colours.gradient_colour if kind == "gradient" else colours.sign_colour
    parts = [mn.Line([zero, -height / 2, 0], [zero, height / 2, 0], color=colours.line, stroke_width=1.5)]
    for k, value in enumerate(values):
        y = 0.47 * height - (k + 0.5) * step
        bar = mn.Rectangle(
            width=max(abs(value) * per, 0.004),
            height=0.74 * step,
            stroke_width=0,
            fill_opacity=1,
            fill_color=colour(value),
        )
        parts.append(bar.move_to([zero + value * per / 2, y, 0]))
        if len(values) <= 10:
            parts.append(write(str(k), min(70 * step, 16), colours.dim).move_to([0.1 * width - width / 2, y, 0]))
    return mn.Group(*parts)


def _cells(colours: Theme, picture: Array, width: float, height: float, kind: str, limit: float) -> Any:
    """A coloured cell per number, with the number in it."""
    colour_map, norm = scale_of(colours, kind, limit)
    rows, columns = picture.shape
    wide, tall = width / columns, height / rows
    ink = [colours.page if abs(value) > 0.55 * limit else colours.text for value in picture.flat]
    texts = [short(value, room=6 if wide > 0.7 else 5) for value in picture.flat]
    numbers = [write(text, min(45 * tall, 22), colour) for text, colour in zip(texts, ink)]
    widest = max(number.width for number in numbers)
    parts = []
    for number, ((row, column), value) in zip(numbers, np.ndenumerate(picture)):
        place = np.array([(column + 0.5) * wide - width / 2, height / 2 - (row + 0.5) * tall, 0.0])
        fill = (
            mn.ManimColor.from_rgb(colour_map(norm(value))[:3]) if np.isfinite(value) else mn.ManimColor(colours.page)
        )
        cell = mn.Rectangle(width=wide, height=tall, stroke_width=0.5, stroke_color=colours.line).move_to(place)
        number.scale(min(1.0, 0.88 * wide / widest)).move_to(place)
        parts += [cell.set_fill(fill, opacity=1), number]
    return mn.VGroup(*parts)


def _picture(colours: Theme, picture: Array, width: float, height: float, kind: str, limit: float) -> Any:
    colour_map, norm = scale_of(colours, kind, limit)
    return mn.Group(raster(np.asarray(colour_map(norm(picture)))[..., :3], width, height))


def raster(colour: Array, width: float, height: float) -> Any:
    """A picture of colours from 0 to 1, (rows, columns, 3), as one shape per shade: sharp at every size."""
    rows, columns = colour.shape[:2]
    shades, found = np.unique(np.round(63 * colour).reshape(-1, 3), axis=0, return_inverse=True)
    shade_of = found.reshape(rows, columns)
    scale = np.array([width / columns, -height / rows, 0.0])
    parts = []
    for k, shade in enumerate(shades):
        steps = np.diff(np.pad(shade_of == k, ((0, 0), (1, 1))).astype(int), axis=1)  # runs of one shade in a row
        (row, first), (_, end) = np.nonzero(steps == 1), np.nonzero(steps == -1)
        x, y = np.stack([first, end, end, first, first], 1), np.stack([row, row, row + 1, row + 1, row], 1)
        corners = np.stack([x - columns / 2, y - rows / 2, 0 * x], axis=-1) * scale
        begin, way = corners[:, :-1, None], np.diff(corners, axis=1)[:, :, None]
        part = mn.VMobject(stroke_width=0.7)  # a stroke of the same shade closes the seams between cells
        part.set_points((begin + way * (np.arange(4) / 3)[:, None]).reshape(-1, 3))
        parts.append(part.set_color(mn.ManimColor.from_rgb(tuple(shade / 63))).set_fill(opacity=1))
    return mn.VGroup(*parts)


def _frame(colours: Theme, role: str, width: float, height: float) -> Any:
    """Double for a parameter, single for a value, grey for an input, dashed with a tab for a gradient."""
    ink = colours.line if role == "input" else colours.text
    solid = mn.Rectangle(width=width, height=height, color=ink, stroke_width=2)
    if role == "param":
        return mn.VGroup(solid, mn.Rectangle(width=width + 0.1, height=height + 0.1, color=ink, stroke_width=1))
    if role != "grad":
        return mn.VGroup(solid)
    dashed = mn.DashedVMobject(solid.copy(), num_dashes=round(10 * (width + height)), dashed_ratio=0.6)
    solid.set_stroke(opacity=0)
    sign = write("∂", 17, colours.text)
    plate = mn.Rectangle(width=0.24, height=0.28, color=colours.text, stroke_width=1)
    plate.set_fill(colours.page, opacity=1)
    tab = mn.VGroup(plate, sign.move_to(plate)).next_to(solid.get_corner(mn.UL), mn.UR, buff=0)
    return mn.VGroup(solid, dashed, tab)


def arrow(begin: Array, end: Array, colours: Theme, dashed: bool = False) -> Any:
    """From one tile to the next."""
    way = (end - begin) / np.linalg.norm(end - begin)
    line: Any = mn.DashedLine if dashed else mn.Line
    made = line(begin + 0.1 * way, end - 0.1 * way, color=colours.dim, stroke_width=3)
    return made.add_tip(tip_length=0.16, tip_width=0.16)
