"""Colours and what they mean: blue above zero, orange below, the page at zero; purple and green for gradients.

A reader who sees no colours loses nothing: signs are also marked by dashes, ticks or hatches, and classes by shape. In
the theme for print there is no hue at all: the depth of grey is the magnitude, and the marks alone tell the sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.colors import Colormap, LinearSegmentedColormap

from glassnet.errors import ArgumentError, did_you_mean

MARKERS = "os^DvPX*ph"
"""The shape of each class; a marker repeats after ten."""

CLASSES = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#0072B2", "#D55E00", "#B8A900", "#7F7F7F")
"""Okabe and Ito's colours, those first that are least like the blue and orange of signed values."""

GREYS = ("#D9D9D9", "#6E6E6E", "#A6A6A6", "#3C3C3C", "#F0F0F0", "#8A8A8A", "#C0C0C0", "#555555")


@dataclass(frozen=True)
class Theme:
    """One set of colours."""

    name: str
    page: str
    text: str
    dim: str
    line: str
    """Axes, grids and hatches."""
    above: str
    below: str
    """A value above and below zero."""
    rising: str
    falling: str
    """A gradient above zero (raising the number raises the loss) and below."""
    classes: tuple[str, ...]

    @property
    def in_grey(self) -> bool:
        """Whether hue carries nothing, so that every sign needs a mark."""
        return self.name == "print"

    @property
    def values(self) -> Colormap:
        """For signed values."""
        return LinearSegmentedColormap.from_list("values", [self.below, self.page, self.above])

    @property
    def gradients(self) -> Colormap:
        """For gradients."""
        return LinearSegmentedColormap.from_list("gradients", [self.falling, self.page, self.rising])

    @property
    def ink(self) -> Colormap:
        """For images: nothing is the page, full ink the colour of text."""
        return LinearSegmentedColormap.from_list("ink", [self.page, self.text])

    @property
    def magnitude(self) -> Any:
        """For probabilities and other numbers from zero up."""
        return self.ink if self.in_grey else "cividis"

    def class_colour(self, k: int) -> str:
        """The colour of class k."""
        return self.classes[k % len(self.classes)]

    def sign_colour(self, value: float) -> str:
        """The colour of text that is a signed value."""
        return self.text if value == 0 else self.above if value > 0 else self.below

    def gradient_colour(self, gradient: float) -> str:
        """The colour of text that is a gradient."""
        return self.text if gradient == 0 else self.rising if gradient > 0 else self.falling

    @property
    def rc(self) -> Any:
        """The settings of matplotlib while a figure of this theme is drawn."""
        return {
            "font.family": "DejaVu Sans", "font.size": 9.0, "text.color": self.text,
            "axes.facecolor": self.page, "axes.edgecolor": self.line, "axes.labelcolor": self.dim,
            "axes.titlesize": 9.0, "axes.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False,
            "axes.unicode_minus": True, "xtick.color": self.line, "ytick.color": self.line,
            "xtick.labelcolor": self.dim, "ytick.labelcolor": self.dim, "xtick.labelsize": 8.0, "ytick.labelsize": 8.0,
            "legend.frameon": False, "legend.fontsize": 8.5, "lines.solid_capstyle": "round", "hatch.linewidth": 0.6,
        }  # fmt: skip


THEMES = {
    theme.name: theme
    for theme in (
        Theme("light", "#FFFFFF", "#1B1F24", "#57606A", "#B6BDC6", "#0B63A5", "#C2500A", "#6B2C91", "#1B7F3B", CLASSES),
        Theme("dark", "#14171C", "#E6EDF3", "#9DA7B3", "#4A525C", "#5DB4FF", "#FF9B4A", "#C79BEA", "#6CCB7F", CLASSES),
        Theme("print", "#FFFFFF", "#000000", "#3C3C3C", "#A6A6A6", "#1A1A1A", "#1A1A1A", "#1A1A1A", "#1A1A1A", GREYS),
    )
}


def theme_named(name: str) -> Theme:
    """A theme by its name.

    >>> theme_named("dark").page
    '#14171C'
    """
    if name not in THEMES:
        raise ArgumentError(
            "plot: there is no such theme", expected=", ".join(THEMES), received=repr(name),
            fix=did_you_mean(str(name), THEMES),
        )  # fmt: skip
    return THEMES[name]
