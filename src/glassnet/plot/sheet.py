"""The sheet that a figure is drawn on: its size, colours, titles and scales, its description and its files."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import figure as mpl_figure
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from glassnet.errors import ArgumentError
from glassnet.plot.theme import Theme, theme_named
from glassnet.typing import Array

DPI = 200
_MANY = 200
_METADATA = {
    ".png": ("Title", "Description"),
    ".svg": ("Title", "Description"),
    ".pdf": ("Title", "Subject"),
}
"""Under which two names a format keeps the first sentence and the whole description."""
_NO_DATE = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""The same figure is the same file."""


class Figure(mpl_figure.Figure):
    """A matplotlib figure with a description in words, shown by notebooks and written into every file.

    >>> import glassnet as gn
    >>> figure = gn.plot.curves({"loss": [1.0, 0.5]})
    >>> figure.alt_text
    'Training curves over 2 epochs: loss from 1 to 0.5.'
    >>> figure.save("curves.svg")
    """

    alt_text: str = ""

    def save(self, path: str | Path) -> None:
        """Write a .svg, .pdf or .png file that carries the description."""
        suffix = Path(path).suffix.lower()
        if suffix not in _METADATA:
            raise ArgumentError(
                "Figure.save: the name of the file says its format", expected=", ".join(_METADATA), received=str(path)
            )
        title, whole = _METADATA[suffix]
        metadata = {title: self.alt_text.split(":")[0], whole: self.alt_text, **_NO_DATE[suffix]}
        settings: Any = {"svg.hashsalt": "glassnet", "pdf.fonttype": 42}
        with rc_context(settings):
            self.savefig(path, dpi=DPI, metadata=metadata)

    def _repr_html_(self) -> str:
        """The picture in a notebook, with its description for those who cannot see it."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        width = round(96 * self.get_figwidth())
        image = base64.b64encode(buffer.getvalue()).decode()
        return f'<img width="{width}" alt="{html.escape(self.alt_text)}" src="data:image/png;base64,{image}">'


@contextmanager
def sheet(ax: Axes | None, theme: str, size: tuple[float, float]) -> Iterator[tuple[Axes, Theme]]:
    """The axes to draw on, in the theme's colours: the given ones, or those of a new figure of `size` inches."""
    colours = theme_named(theme)
    with rc_context(colours.rc):
        if ax is None:
            ax = Figure(figsize=size, layout="constrained", facecolor=colours.page).add_subplot()
        elif not isinstance(ax, Axes):
            raise ArgumentError(
                "plot: ax", expected="one matplotlib Axes", received=type(ax).__name__, fix="ax=figure.add_subplot()"
            )
        dress(ax, colours)
        yield ax, colours


def dress(ax: Axes, colours: Theme) -> None:
    """Give axes that were made elsewhere the theme's colours too."""
    ax.set_facecolor(colours.page)
    for side, spine in ax.spines.items():
        spine.set_color(colours.line)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(color=colours.line, labelcolor=colours.dim, labelsize=8)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_color(colours.dim)


def finished(ax: Axes, alt_text: str) -> Any:
    """The whole figure, with a sentence that says what was drawn; that of earlier drawings stays before it."""
    whole: Any = ax.get_figure(root=True)
    whole.alt_text = " ".join(filter(None, [getattr(whole, "alt_text", ""), alt_text]))
    return whole


def panels(ax: Axes, colours: Theme, rows: int, columns: int = 1, widths: Sequence[float] | None = None) -> list[Axes]:
    """Several axes in the place of one, row by row; that one moves above them and holds the title."""
    place = ax.get_subplotspec()
    if place is None:
        raise ArgumentError(
            "plot: this figure needs room for several axes", expected="axes from figure.subplots or add_subplot",
            received="axes without a place in a grid",
        )  # fmt: skip
    ax.set_axis_off()
    grid = place.subgridspec(rows + 1, columns, width_ratios=widths, height_ratios=[1e-3, *[1.0] * rows])
    ax.set_subplotspec(grid[0, :])
    figure: Any = ax.figure
    made = [figure.add_subplot(grid[row + 1, column]) for row in range(rows) for column in range(columns)]
    for panel in made:
        dress(panel, colours)
    return made


def titled(ax: Axes, colours: Theme, title: str, note: str = "") -> None:
    """A title above the axes, on the left, and a smaller note below it."""
    room = 1.2 * points_wide(ax)
    title, lines = textwrap.fill(title, max(20, round(room / 7))), textwrap.wrap(note, max(30, round(room / 4.5)))
    ax.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=colours.text, pad=7 + 11.5 * len(lines))
    ax.annotate(
        "\n".join(line.removesuffix(" ·") for line in lines), (0, 1), (0, 6), xycoords="axes fraction",
        textcoords="offset points", fontsize=8, color=colours.dim, linespacing=1.25, annotation_clip=False,
    ).set_in_layout(False)  # fmt: skip


def grouped(count: int) -> str:
    """A count with thin spaces between the thousands."""
    return f"{count:,}".replace(",", "\u2009")


def limit_of(values: Array) -> float:
    """Where a scale around zero ends: at the 99.5th percentile of the magnitudes; of few numbers, at the largest."""
    finite = np.abs(values[np.isfinite(values)])
    limit = float(np.percentile(finite, 99.5)) if finite.size >= _MANY else 0.0
    return limit or float(finite.max(initial=0.0)) or 1.0


def scale_bar(
    ax: Axes, colours: Theme, drawn: Any, label: str, signed: bool = False, largest: float = 0.0, height: float = 1.0
) -> None:
    """The legend of a colour scale, at the right.

    Arguments:
        signed: below zero it has ticks where the theme has no hue.
        largest: the largest magnitude that was drawn; the bar has pointed ends where it lies beyond.
        height: of the bar, as a share of the axes.
    """
    beyond = largest > 1.0001 * drawn.norm.vmax
    bar: Any = ax.figure.colorbar(
        drawn, ax=ax, aspect=28 * height, fraction=0.05, pad=0.025, shrink=height, panchor=False,
        extend="both" if beyond else "neither",
    )  # fmt: skip
    bar.outline.set_edgecolor(colours.line)
    bar.ax.tick_params(color=colours.line, labelcolor=colours.dim, labelsize=7.5)
    bar.set_label(label, color=colours.dim, fontsize=8)
    if signed and colours.in_grey:
        below = drawn.norm.vmin * np.linspace(0.15, 0.95, 7)
        minus_ticks(bar.ax, colours, np.full(7, 0.5), below, below / drawn.norm.vmin, size=0.4)


def framed(ax: Axes, colours: Theme, x: float, y: float, width: float, height: float) -> None:
    """A thin frame around a picture among others."""
    across, down = [x, x + width, x + width, x, x], [y, y, y + height, y + height, y]
    ax.plot(across, down, color=colours.line, lw=0.6)


def minus_ticks(
    ax: Axes, colours: Theme, x: Array, y: Array, depth: Array, size: float = 0.45, width: float = 0.7
) -> None:
    """A minus sign in the middle of cells, light where the cell is dark.

    Arguments:
        depth: how dark each cell is, from 0 to 1.
        size: length of the sign, as a share of the cell.
        width: of its line in points, kept between 0.3 and 0.9.
    """
    segments = [((a - size / 2, b), (a + size / 2, b)) for a, b in zip(x, y)]
    ink = np.where((np.asarray(depth) > 0.45)[:, None], to_rgb(colours.page), to_rgb(colours.text))
    lines = LineCollection(segments, colors=list(ink), linewidths=float(np.clip(width, 0.3, 0.9)), capstyle="butt")
    ax.add_collection(lines, autolim=False)


def points_wide(ax: Axes) -> float:
    """How wide the axes are, in points, before the layout gives room to titles and scales."""
    whole: Any = ax.get_figure(root=True)
    return float(ax.get_position(original=True).width * whole.get_figwidth() * 72)
