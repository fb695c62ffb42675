"""A network of dense layers as units and edges, with its real weights and biases."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError
from glassnet.layers.core import Dense
from glassnet.plot.sheet import finished, grouped, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array

_WIDEST, _THINNEST = 4.0, 0.35
_FEW_EDGES = 9
"""So many edges between two columns still have room for their numbers."""


@dataclass(frozen=True)
class Column:
    """One column of units: which of them are drawn, and where."""

    count: int
    shown: Array
    heights: Array

    @classmethod
    def of(cls, count: int, most: int) -> Column:
        """All units, or the first and the last with a gap for an ellipsis."""
        if count <= most:
            return cls(count, np.arange(count), (count - 1) / 2 - np.arange(count))
        top = most // 2
        shown = np.concatenate([np.arange(top), np.arange(count - (most - 1 - top), count)])
        places = np.delete(np.arange(most), top)
        return cls(count, shown, (most - 1) / 2 - places)


def network(
    model: Any, max_units: int = 9, input_names: Sequence[str] | None = None, class_names: Sequence[str] | None = None,
    ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The units of a dense network: edges as wide as the root of their weight, dashed below zero, biases in numbers.

    Arguments:
        max_units: of a longer layer the first and last are drawn, with … between them; at least 3.
        input_names, class_names: for the inputs and the outputs.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3, "tanh"), gn.layers.Dense(1)])
    >>> gn.plot.network(model).alt_text[:58]
    'Network of 2 inputs, 3 units (dense) and 1 unit (dense_1):'
    """
    dense = [layer for layer in getattr(model, "layers", []) if isinstance(layer, Dense)]
    if not dense or not all(layer.built for layer in dense):
        raise GraphError(
            f"plot.network: {model} has no weights to draw" if dense else "plot.network draws Dense layers",
            expected="a built model with at least one Dense layer",
            fix="begin with an Input, or call the model once" if dense else "plot.weights(layer) draws other layers",
        )
    if max_units < 3:
        raise ArgumentError("plot.network: max_units must be at least 3", received=max_units)
    kernels = [layer.kernel.numpy() for layer in dense]
    _check_chain(dense, kernels)
    columns = [Column.of(len(kernels[0]), max_units), *[Column.of(kernel.shape[1], max_units) for kernel in kernels]]
    tallest = max(min(column.count, max_units) for column in columns)
    with sheet(ax, theme, (1.9 * len(columns) + 0.9, 0.66 * tallest + 1.25)) as (ax, colours):
        strongest = max(float(np.abs(kernel).max()) for kernel in kernels) or 1.0
        for k, kernel in enumerate(kernels):
            _edges(ax, colours, kernel, k, columns[k], columns[k + 1], strongest)
        _units(ax, colours, columns[0], 0, input_names, None, "x")
        for k, layer in enumerate(dense, 1):
            last = k == len(dense)
            bias = None if layer.bias is None else layer.bias.numpy()
            _units(ax, colours, columns[k], k, class_names if last else None, bias, "")
        _captions(ax, colours, model, dense, columns, tallest)
        ax.set(xlim=(-0.45, len(columns) - 0.45), ylim=(-tallest / 2 - 0.1, tallest / 2 + 0.55))
        ax.set_axis_off()
        _legend(ax, colours, strongest)
        titled(ax, colours, f"{model.name}: {grouped(model.count_params())} weights and biases")
        return finished(ax, _in_words(dense, kernels, columns))


def _check_chain(dense: Sequence[Dense], kernels: Sequence[Array]) -> None:
    for before, after, layer in zip(kernels, kernels[1:], dense[1:]):
        if before.shape[1] != len(after):
            raise GraphError(
                f"plot.network draws one chain of Dense layers, and {layer} does not continue it",
                expected=f"{before.shape[1]} inputs", received=f"{len(after)} inputs",
                fix="plot.weights(layer) draws each layer by itself",
            )  # fmt: skip


def _edges(ax: Axes, colours: Theme, kernel: Array, k: int, left: Column, right: Column, strongest: float) -> None:
    """All edges between two columns, the weakest first."""
    shown = kernel[np.ix_(left.shown, right.shown)]
    for flat in np.argsort(np.abs(shown), axis=None):
        i, j = divmod(int(flat), shown.shape[1])
        value = float(shown[i, j])
        width = _THINNEST + (_WIDEST - _THINNEST) * np.sqrt(abs(value) / strongest)
        line = [(k, left.heights[i]), (k + 1, right.heights[j])]
        style = (0, (3.2, 1.8)) if value < 0 else "-"
        ax.add_collection(
            LineCollection([line], colors=colours.sign_colour(value), linewidths=width, linestyles=[style], zorder=1,
                           alpha=0.9 if shown.size <= _FEW_EDGES else 0.75)
        )  # fmt: skip
        if shown.size <= _FEW_EDGES:
            at = 0.22
            y = left.heights[i] + at * (right.heights[j] - left.heights[i])
            ax.text(
                k + at, y, format_number(value, 3), fontsize=7.5, color=colours.sign_colour(value), ha="center",
                va="center", zorder=2, bbox={"facecolor": colours.page, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip


def _units(
    ax: Axes, colours: Theme, column: Column, k: int, names: Sequence[str] | None, bias: Array | None, letter: str
) -> None:
    """Circles with the number of the unit, its name or its bias below, and … where units are left out."""
    edge = colours.line if letter else colours.text
    ax.scatter(
        np.full(len(column.shown), k), column.heights, s=330, color=colours.page, edgecolors=edge, linewidths=1.3,
        zorder=3,
    )  # fmt: skip
    for unit, height in zip(column.shown, column.heights):
        ax.text(k, height, f"{letter}{unit}", ha="center", va="center", fontsize=7.5, color=colours.text, zorder=4)
        if bias is not None:
            ax.annotate(
                f"b {format_number(bias[unit], 3)}", (k, height), (0, -10.5), textcoords="offset points", ha="center",
                va="top", fontsize=7, color=colours.sign_colour(bias[unit]), zorder=4,
                bbox={"facecolor": colours.page, "edgecolor": "none", "pad": 0.4},
            )  # fmt: skip
        if names is not None and unit < len(names):
            side = -1 if letter else 1
            ax.annotate(
                str(names[unit]), (k, height), (side * 13, 0), textcoords="offset points", va="center",
                ha="right" if side < 0 else "left", fontsize=8, color=colours.text, annotation_clip=False,
            )  # fmt: skip
    if len(column.shown) < column.count:
        at = next(h for h in column.heights - 1 if not np.isclose(column.heights, h).any())
        ax.text(k, at, "⋮", ha="center", va="center", fontsize=15, color=colours.dim)


def _captions(
    ax: Axes, colours: Theme, model: Any, dense: Sequence[Dense], columns: Sequence[Column], tallest: int
) -> None:
    """Above each column: what it is, and how many units."""
    ax.text(0, tallest / 2 + 0.05, f"input\n{columns[0].count}", ha="center", fontsize=8, color=colours.dim)
    for k, layer in enumerate(dense, 1):
        parts = [layer.name, *_functions_behind(model.layers, layer)]
        text = f"{' · '.join(parts)}\n{columns[k].count}"
        ax.text(k, tallest / 2 + 0.05, text, ha="center", fontsize=8, color=colours.dim)


def _functions_behind(layers: Sequence[Any], dense: Dense) -> list[str]:
    """What happens to the sums of a Dense layer before the next one: its activation, and the layers between."""
    behind = [dense, *itertools.takewhile(lambda own: not isinstance(own, Dense), layers[layers.index(dense) + 1 :])]
    names = [getattr(getattr(own, "activation", None), "__name__", "" if own is dense else own.name) for own in behind]
    return [name for name in names if name not in ("", "linear")]


def _legend(ax: Axes, colours: Theme, strongest: float) -> None:
    label = f"weight above 0 (width: √ of size, widest {format_number(strongest, 3)})"
    handles = [
        Line2D([], [], color=colours.above, lw=2.5, label=label),
        Line2D([], [], color=colours.below, lw=2.5, ls=(0, (2.4, 1.2)), label="below 0"),
    ]
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize=8, labelcolor=colours.dim,
        handlelength=2.6, columnspacing=1.4,
    )  # fmt: skip


def _in_words(dense: Sequence[Dense], kernels: Sequence[Array], columns: Sequence[Column]) -> str:
    parts = [f"{c.count} unit{'s' if c.count > 1 else ''} ({layer.name})" for c, layer in zip(columns[1:], dense)]
    count = columns[0].count
    told = " and ".join([", ".join([f"{count} input{'s' if count > 1 else ''}", *parts[:-1]]), parts[-1]])
    values = np.concatenate([kernel.ravel() for kernel in kernels])
    low, high = format_number(values.min(), 3), format_number(values.max(), 3)
    cut = "; long layers are shortened" if any(len(c.shown) < c.count for c in columns) else ""
    return f"Network of {told}: weights from {low} to {high}{cut}."
