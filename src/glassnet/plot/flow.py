"""Flow: one training step as a strip, values from left to right and below them the gradients from right to left."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassnet.autograd.worked import format_number
from glassnet.explain.trace import Trace
from glassnet.plot.sheet import finished, grouped, limit_of, points_wide, sheet, titled
from glassnet.plot.stages import Stage, stages_of, subscripted
from glassnet.plot.theme import Theme
from glassnet.plot.tile import Extent, as_picture, draw_frame, draw_picture, look_of, short
from glassnet.typing import Array

_PITCH, _VALUE, _GRADIENT = 1.66, 1.1, 0.84
"""In inches: from tile to tile, and the sides of a tile of values and of one of gradients."""
_SHELF, _FLOOR, _TOP = 1.62, 2.08, 3.5
"""Where the shelf of gradients ends, where the tiles of values stand, and where all ends."""
_FEW = 4
"""So many true answers are written out, and so many rows of numbers in larger type."""


def flow(trace: Trace, ax: Axes | None = None, theme: str = "light") -> Any:
    """A recorded training step: what each layer makes of the input, the loss, and the gradients on their way back.

    Arguments:
        trace: what `gn.trace(model, x, y)` returns. Of more than 8 samples, or of images, the first is shown.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)], name="line")
    >>> gn.plot.flow(gn.trace(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse")).alt_text[:45]
    'One training step of line: x (1×2), ŷ (1×1), '
    """
    stages = stages_of(trace, "plot.flow")
    width = _PITCH * len(stages)
    with sheet(ax, theme, (width + 0.2, _TOP + 0.62)) as (ax, colours):
        point = min(points_wide(ax) / (72 * (width + 0.2)), 1.0)
        strip = _Strip(ax, colours, point, _truth(trace))
        ax.add_patch(Rectangle((0, 0), width, _SHELF, fc=colours.text, alpha=0.04, lw=0))
        ax.text(
            0.08, _SHELF - 0.07, "∂  gradient: by how much the loss rises per unit of each number", va="top",
            fontsize=strip.size(8), color=colours.dim,
        )  # fmt: skip
        for k, stage in enumerate(stages):
            strip.value(stage, k)
            strip.gradient(stage, k)
        strip.arrows(stages)
        ax.set(xlim=(-0.03, width + 0.03), ylim=(-0.03, _TOP))
        ax.set_aspect("equal", anchor="NW")
        ax.set_axis_off()
        before, after = (format_number(trace.facts[name]) for name in ("loss_before", "loss_after"))
        title = f"One training step of {trace.facts['model']}: loss {before}, after it {after}"
        titled(ax, colours, title, _note(trace, stages, colours))
        return finished(ax, _in_words(trace, stages))


class _Strip:
    """Draws stages into their places."""

    def __init__(self, ax: Axes, colours: Theme, point: float, truth: str) -> None:
        self.ax, self.colours, self.point, self.truth = ax, colours, point, truth

    def size(self, points: float) -> float:
        """A font size, in proportion to the tiles."""
        return max(points * self.point, 3.0)

    def value(self, stage: Stage, k: int) -> None:
        """The numbers of a stage, its name above, symbol and shape below."""
        middle = _PITCH * (k + 0.5)
        extent = (middle - _VALUE / 2, middle + _VALUE / 2, _FLOOR, _FLOOR + _VALUE)
        slot = extent
        extent = _fitted(slot, as_picture(stage.value)) if stage.role == "input" and stage.value.ndim > 2 else slot
        scale = self._numbers(stage, stage.value, extent, stage.kind) or (self.truth if stage.role == "loss" else "")
        draw_frame(self.ax, extent, stage.role, self.colours.line if stage.role == "input" else self.colours.text, 1.0)
        self.ax.text(
            middle, slot[3] + 0.1, stage.title, ha="center", fontsize=self.size(9.5), fontweight="bold",
            color=self.colours.text,
        )  # fmt: skip
        shape = "×".join(map(str, stage.shape))
        under = f"{stage.symbol}  {shape}".strip()
        self.ax.text(
            middle, _FLOOR - 0.09, under, ha="center", va="top", fontsize=self.size(8.5), color=self.colours.text
        )
        self.ax.text(middle, _FLOOR - 0.27, scale, ha="center", va="top", fontsize=self.size(7), color=self.colours.dim)

    def gradient(self, stage: Stage, k: int) -> None:
        """The gradient of a stage on the shelf, in a dashed frame with a tab."""
        if stage.gradient is None:
            return
        middle, low = _PITCH * (k + 0.5), 0.36
        extent = (middle - _GRADIENT / 2, middle + _GRADIENT / 2, low, low + _GRADIENT)
        scale = self._numbers(stage, stage.gradient, extent, "gradient")
        draw_frame(self.ax, extent, "grad", self.colours.text, 1.0)
        self.ax.text(
            extent[0] + 0.02, extent[3] + 0.02, "∂", va="bottom", fontsize=self.size(8), color=self.colours.text,
            bbox={"facecolor": self.colours.page, "edgecolor": self.colours.text, "lw": 0.6, "pad": 1.2},
        )  # fmt: skip
        self.ax.text(
            middle, low - 0.07, f"∂L/∂{stage.symbol}" + (f"  {scale}" if scale else ""), ha="center", va="top",
            fontsize=self.size(8), color=self.colours.dim,
        )  # fmt: skip

    def arrows(self, stages: list[Stage]) -> None:
        """From tile to tile, with the weights on the way; back past the stages whose gradient no step needs."""
        for k, stage in enumerate(stages[1:], 1):
            y = _FLOOR + _VALUE / 2
            self._arrow(_PITCH * (k - 0.5) + _VALUE / 2, _PITCH * (k + 0.5) - _VALUE / 2, y)
            names = "\n".join(subscripted(weights.symbol) for weights in stage.weights)
            self.ax.text(
                _PITCH * k, y + 0.07, names, ha="center", fontsize=self.size(7.5), linespacing=1.05,
                color=self.colours.text,
            )  # fmt: skip
        known = [k for k, stage in enumerate(stages) if stage.gradient is not None]
        for left, right in itertools.pairwise(known):
            begin, end = _PITCH * (right + 0.5) - _GRADIENT / 2, _PITCH * (left + 0.5) + _GRADIENT / 2
            self._arrow(begin, end, 0.36 + _GRADIENT / 2, dashed=True)

    def _arrow(self, begin: float, end: float, y: float, dashed: bool = False) -> None:
        gap = 0.07 if end > begin else -0.07
        line = {"arrowstyle": "-|>", "color": self.colours.dim, "lw": 1.1, "shrinkA": 0, "shrinkB": 0,
                "mutation_scale": 9, "linestyle": (0, (3, 2)) if dashed else "-"}  # fmt: skip
        self.ax.annotate("", (end - gap, y), (begin + gap, y), arrowprops=line)

    def _numbers(self, stage: Stage, array: Array, extent: Extent, kind: str) -> str:
        """One number in digits, a few as cells, those of one sample as bars, others as a picture. Returns the scale."""
        picture, limit = as_picture(array), limit_of(array)
        look = look_of(picture)
        if look == "digits":
            self._digits(float(array.ravel()[0]), extent, kind)
            return ""
        if look == "bars":
            self._bars(picture[0], extent, kind, stage.is_probability and kind == "value")
            return f"longest {format_number(limit, 2)}"
        rows, columns = picture.shape
        room = 66 * (extent[1] - extent[0]) / columns / 4
        numbers = self.size(min(8.5 if rows <= _FEW else 7, room)) if look == "cells" else 0.0
        draw_picture(self.ax, self.colours, picture, extent, limit, kind, numbers)
        return "" if numbers else f"{'0 to ' if kind == 'image' else '±'}{format_number(limit, 2)}"

    def _digits(self, value: float, extent: Extent, kind: str) -> None:
        left, right, low, high = extent
        text = f"{value:+.3g}".replace("-", "−") if kind == "gradient" else format_number(value)
        colour = self.colours.gradient_colour(value) if kind == "gradient" else self.colours.text
        self.ax.text(
            (left + right) / 2, (low + high) / 2, text, ha="center", va="center", fontweight="bold",
            fontsize=self.size(12 if kind != "gradient" else 11), color=colour,
        )  # fmt: skip

    def _bars(self, values: Array, extent: Extent, kind: str, plain: bool) -> None:
        """A bar per unit from the line of zero, unit 0 on top: to the right above 0, to the left below."""
        left, right, low, high = extent
        finite = np.where(np.isfinite(values), values, 0.0)
        named = 0.17 if len(values) <= 10 else 0.04
        least, most = min(finite.min(), 0.0), max(finite.max(), 0.0)
        per = (right - left - named - 0.06) / ((most - least) or 1.0)
        zero, step = left + named - least * per, (high - low - 0.08) / len(values)
        colour = self.colours.gradient_colour if kind == "gradient" else self.colours.sign_colour
        for k, value in enumerate(finite):
            y = high - 0.04 - (k + 0.5) * step
            begin = zero + min(value, 0.0) * per
            look: dict[str, Any] = {"fc": self.colours.text if plain else colour(value), "lw": 0}
            if not np.isfinite(values[k]):
                begin, value, look = (
                    left + named,
                    (right - left - named) / per,
                    {"fill": False, "hatch": "////", "lw": 0},
                )
            elif value < 0 and self.colours.in_grey:
                look = {"fc": self.colours.page, "ec": self.colours.text, "lw": 0.5}
            self.ax.add_patch(Rectangle((begin, y - 0.38 * step), abs(value) * per, 0.76 * step, zorder=3, **look))
            if named > 0.1:
                self.ax.text(
                    left + 0.04, y, str(k), va="center", fontsize=self.size(min(7, 60 * step)), color=self.colours.dim
                )
        self.ax.plot([zero, zero], [low, high], color=self.colours.line, lw=0.8, zorder=2)


def _fitted(slot: Extent, picture: Array) -> Extent:
    """The largest place in a slot with square cells."""
    left, right, low, high = slot
    cell = (right - left) / max(picture.shape)
    height, width = (cells * cell / 2 for cells in picture.shape)
    x, y = (left + right) / 2, (low + high) / 2
    return x - width, x + width, y - height, y + height


def _truth(trace: Trace) -> str:
    """The true answers, where there are few."""
    answers = next(t.array for t in trace.tensors if t.role == "target")
    return f"y: {' '.join(map(short, answers.ravel()))}" if answers.size <= _FEW else ""


def _note(trace: Trace, stages: list[Stage], colours: Theme) -> str:
    samples = trace.facts["samples"]
    whole = stages[0].value.shape == stages[0].shape
    told = ("a row per sample" if samples > 1 else "") if whole else f"shown: the first of {grouped(samples)} samples"
    signs = (
        "below 0: a minus sign, or a hollow bar" if colours.in_grey
        else "value: blue above 0, orange below · gradient: purple raises the loss, green lowers it"
    )  # fmt: skip
    return " · ".join(filter(None, [told, signs]))


def _in_words(trace: Trace, stages: list[Stage]) -> str:
    parts = [f"{s.symbol} ({'×'.join(map(str, s.shape))})" for s in stages[:-1]]
    before, after = (format_number(trace.facts[name]) for name in ("loss_before", "loss_after"))
    gradients = [
        f"∂L/∂{s.symbol} up to {format_number(np.abs(s.gradient).max(), 3)}"
        for s in reversed(stages[:-1])
        if s.gradient is not None
    ]
    told = f"One training step of {trace.facts['model']}: {', '.join(parts)}, loss {before}"
    return f"{told}; back: {', '.join(gradients) or 'no gradients'}; loss after the update {after}."
