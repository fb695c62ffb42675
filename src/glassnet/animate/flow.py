"""One training step as a film: values flow from left to right, then gradients from right to left, then weights move."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassnet.animate.animation import Animation
from glassnet.animate.film import DPI, rendered
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError
from glassnet.explain.trace import Trace, TraceStep
from glassnet.plot.sheet import Figure, limit_of
from glassnet.plot.theme import Theme, theme_named
from glassnet.plot.tile import Extent, as_picture, draw_frame, draw_picture
from glassnet.typing import Array

PHASES = ("forward", "loss", "backward", "update")
LANES = ("weights", "values", "∂L/∂ values", "∂L/∂ weights")
_WIDE, _HIGH, _LEFT, _HEAD, _FOOT = 1.95, 1.4, 1.05, 0.35, 1.2
"""In inches: a column, a lane, the names of the lanes, those of the columns, the caption below."""
_TILE = 0.92
"""The largest side of a picture of numbers, in inches."""
_CELL = (0.46, 0.23)
"""Width and height of a cell with its number in it."""
_FEW = 4
"""So many rows and columns have their numbers in their cells."""


@dataclass(frozen=True)
class Tile:
    """Where a tensor is drawn."""

    tensor: int
    column: int
    lane: int
    slot: int = 0
    """0 for a kernel, 1 for the bias below it."""
    appears: int = -1
    """The step that writes it; -1 where it is there from the beginning."""
    replaced: int | None = None
    """The step after which a newer version stands in its place."""


def backprop(trace: Trace, theme: str = "light", fps: float = 0.5) -> Animation:
    """A recorded training step: one frame per step of the trace, each with its words.

    Arguments:
        trace: what `gn.trace(model, x, y)` returns.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1)])
    >>> trace = gn.trace(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse", optimizer="sgd")
    >>> backprop(trace)
    Animation(9 frames of 885 x 715, 20 s)
    """
    if not trace.steps:
        raise ArgumentError(
            "animate.backprop: the trace is empty", expected="a recorded step", fix="gn.trace(model, x, y)"
        )
    colours, columns = theme_named(theme), _columns(trace)
    tiles = list(_tiles(trace, columns))
    frames = []
    with rc_context(colours.rc):
        for now in range(-1, len(trace.steps)):
            size = (_LEFT + _WIDE * len(columns), _HEAD + len(LANES) * _HIGH + _FOOT)
            figure = Figure(figsize=size, dpi=DPI, facecolor=colours.page)
            ax = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(0, size[1]))
            ax.set_axis_off()
            _lanes(ax, colours, columns)
            for tile in tiles:
                if tile.appears <= now and (tile.replaced is None or now < tile.replaced):
                    _draw(ax, colours, trace, tile, now)
            _caption(ax, colours, trace, now)
            frames.append(rendered(figure))
    facts = trace.facts
    losses = f"{format_number(facts['loss_before'])} to {format_number(facts['loss_after'])}"
    told = f"One training step of {facts['model']} in {len(trace.steps)} steps: values from left to right, gradients "
    return Animation(frames, fps, f"{told}from right to left, then the update. The loss goes from {losses}.", hold=4.0)


# ---------------------------------------------------------------- what stands where


def _columns(trace: Trace) -> list[TraceStep | None]:
    """The input, then the steps forward and the loss."""
    return [None, *[step for step in trace.steps if step.phase in ("forward", "loss")]]


def _tiles(trace: Trace, columns: list[TraceStep | None]) -> Iterator[Tile]:
    written = {number: k for k, step in enumerate(trace.steps) for number in step.writes}
    backward = next((k for k, step in enumerate(trace.steps) if step.phase == "backward"), 0)
    tensors = trace.tensors
    newer = {t.name: k for k, t in enumerate(tensors) if t.role == "param" and t.version == 1}
    for column, step in enumerate(columns):
        if step is None:
            yield from (Tile(k, column, 1) for k, t in enumerate(tensors) if t.role == "input" and k not in written)
            continue
        shown = next((k for k in reversed(step.writes) if tensors[k].role == "act"), None)
        if shown is not None:
            yield Tile(shown, column, 1, appears=written[shown])
        downhill = next((k for k in reversed(step.writes) if tensors[k].grad is not None), None)
        if downhill is not None:
            gradient = tensors[downhill].grad
            assert gradient is not None
            yield Tile(gradient, column, 2, appears=written.get(gradient, backward))
        for slot, number in enumerate([k for k in step.reads if tensors[k].role == "param"][:2]):
            after = newer.get(tensors[number].name)
            update = None if after is None else written.get(after)
            yield Tile(number, column, 0, slot, replaced=update)
            if after is not None and update is not None:
                yield Tile(after, column, 0, slot, appears=update)
            gradient = tensors[number].grad
            if gradient is not None:
                yield Tile(gradient, column, 3, slot, appears=written[gradient])


# ---------------------------------------------------------------- drawing


def _lanes(ax: Axes, colours: Theme, columns: list[TraceStep | None]) -> None:
    for lane, name in enumerate(LANES):
        y = _FOOT + (len(LANES) - 1 - lane) * _HIGH
        if name.startswith("∂"):  # the shelf of gradients is a place of its own
            ax.add_patch(Rectangle((0, y), 99, _HIGH, fc=colours.text, alpha=0.035, lw=0))
        ax.text(0.14, y + _HIGH / 2, name, fontsize=9, color=colours.dim, va="center", fontweight="bold")
    for column, step in enumerate(columns):
        name = "input" if step is None else step.title
        middle, top = _LEFT + (column + 0.5) * _WIDE + 0.16, _FOOT + len(LANES) * _HIGH + 0.12
        ax.text(middle, top, name, ha="center", fontsize=10, color=colours.text, fontweight="bold")


def _draw(ax: Axes, colours: Theme, trace: Trace, tile: Tile, now: int) -> None:
    """A picture of the numbers in the frame of its role, thick where this step writes it; its name on the left."""
    tensor, step = trace.tensors[tile.tensor], trace.steps[now] if now >= 0 else None
    numbers = np.asarray(tensor.array, float)
    picture = np.atleast_2d(numbers) if tile.slot else as_picture(numbers)  # a bias stays one row below its kernel
    _, right, low, _ = extent = _place(tile, picture)
    limit = limit_of(picture)
    few = max(picture.shape) <= _FEW
    kind = "gradient" if tensor.role == "grad" else "value"
    draw_picture(ax, colours, picture, extent, limit, kind, numbers=7.5 if few else 0.0)
    if not few:
        scale = f"±{format_number(limit, 2)}"
        ax.text(right + 0.07, low, scale, va="bottom", fontsize=7.5, color=colours.dim)
    written, read = (tile.tensor in touched for touched in _touched(step))
    frame = colours.text if written or read else colours.line
    draw_frame(ax, extent, tensor.role, frame, 2.4 if written else 1.4 if read else 0.7)
    name = tensor.symbol + ("\nnew" if tensor.version == 1 else "")
    ink = colours.text if written or read else colours.dim
    ax.text(extent[0] - 0.1, (low + extent[3]) / 2, name, ha="right", va="center", fontsize=9, color=ink)


def _touched(step: TraceStep | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a step writes and what it reads."""
    return ((), ()) if step is None else (step.writes, step.reads)


def _place(tile: Tile, picture: Array) -> Extent:
    """Where a tile stands; a bias stands below its kernel, unit below unit."""
    rows, columns = picture.shape
    if max(rows, columns) <= _FEW:
        width, height = columns * _CELL[0] * min(1.0, _TILE * 1.3 / (columns * _CELL[0])), rows * _CELL[1]
    else:
        cell = _TILE / max(rows, columns)
        width, height = max(columns * cell, 0.4), max(rows * cell, 0.2)
    middle = _LEFT + (tile.column + 0.5) * _WIDE + 0.16
    y = _FOOT + (len(LANES) - 1 - tile.lane) * _HIGH + (_HIGH - height) / 2
    if tile.lane in (0, 3):
        height = min(height, 0.75)
        y = _FOOT + (len(LANES) - 1 - tile.lane) * _HIGH + (0.5 if tile.slot == 0 else 0.14)
    return middle - width / 2, middle + width / 2, y, y + height


def _caption(ax: Axes, colours: Theme, trace: Trace, now: int) -> None:
    """Where in the step we are, and what happens, in words."""
    width = ax.get_xlim()[1]
    step = None if now < 0 else trace.steps[now]
    part = (width - 0.28) / len(trace.steps)
    for k in range(len(trace.steps)):
        ink = colours.text if k <= now else colours.line
        ax.add_patch(Rectangle((0.14 + k * part, _FOOT - 0.2), part - 0.04, 0.07, fc=ink, lw=0))
    before, after = (format_number(trace.facts[name]) for name in ("loss_before", "loss_after"))
    if step is None:
        head, words = "before", "The weights as they are, and the input."
    else:
        head = f"{now + 1} of {len(trace.steps)} · {step.phase}" + (
            "" if step.title == step.phase else f" · {step.title}"
        )
        words = step.words
        if now == len(trace.steps) - 1:
            words += f" The loss on this batch goes from {before} to {after}."
    ax.text(0.14, _FOOT - 0.3, head, va="top", fontsize=10, fontweight="bold", color=colours.text)
    lines = textwrap.wrap(words, round(width * 13.5))
    ax.text(0.14, _FOOT - 0.54, "\n".join(lines[:3]), va="top", fontsize=9, color=colours.dim, linespacing=1.3)
