"""Attention as pictures: how much every step of a sequence looks at every other one, head by head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassnet.autograd.functional import no_grad
from glassnet.errors import ArgumentError, GraphError
from glassnet.explain.recording import record
from glassnet.plot.sheet import finished, framed, points_wide, scale_bar, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array

_GAP = 1.6
"""Between heads, in cells."""
_ACROSS = 4
_LONGEST = 8
"""Letters of a name."""
_NAMED = 40
"""The most steps whose names are written."""


def attention(
    model: Any, x: Any, layer: str | None = None, head: int | None = None, tokens: Sequence[str] | None = None,
    ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The weights of attention on one sequence, a picture per head: queries down, keys across, masked cells hatched.

    Arguments:
        x: one sequence, or a batch of one.
        layer: path of the attention, or the end of it; by default the first one.
        head: only this one; by default all.
        tokens: names of the steps; by default their numbers.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((3, 4)), gn.layers.TransformerDecoder(8, num_heads=2, name="block")])
    >>> gn.plot.attention(model, np.ones((3, 4))).alt_text
    'Weights of block/self_attention: 2 heads, 3 queries on 3 keys, from 0 to 1; masked pairs are hatched.'
    """
    name, weights, allowed = _read_weights(model, x, layer)
    heads, queries, keys = weights.shape
    if head is not None and not -heads <= head < heads:
        raise ArgumentError("plot.attention: there is no such head", expected=f"0 to {heads - 1}", received=head)
    names = None if tokens is None else [str(token) for token in tokens]
    if names is not None and len(names) != max(queries, keys):
        raise ArgumentError(
            "plot.attention: tokens name every step", expected=f"{max(queries, keys)} names", received=len(names)
        )
    shown = list(range(heads)) if head is None else [head % heads]
    labels = [_shortened(name) for name in names or map(str, range(max(queries, keys)))]
    longest = max(map(len, labels))
    above = 1.2 if longest <= 2 else 0.6 * longest + 0.6  # room for the names of the keys
    columns = min(len(shown), _ACROSS)
    rows, cell = -(-len(shown) // columns), float(np.clip(9.5 / (columns * keys), 0.09, 0.34))
    across, down = keys + _GAP, queries + above + 1.8
    size = (max(columns * across * cell, 4.2) + 1.4, rows * down * cell + 0.9)
    with sheet(ax, theme, size) as (ax, colours):
        font = float(np.clip(0.62 * points_wide(ax) / (columns * across), 0, 8))
        for place, number in enumerate(shown):
            left, top = place % columns * across, -(place // columns) * down
            _draw_head(ax, colours, np.ma.masked_where(~allowed[number], weights[number]), (left, top), weights.max())
            ax.text(left, top - queries - 0.3, f"head {number}", color=colours.text, va="top", fontsize=8)
            if font >= 4 and max(queries, keys) <= _NAMED:
                _name_steps(ax, colours, labels, (left, top), (queries, keys), font, place % columns == 0)
        ax.set(
            xlim=(-max(_GAP, 0.6 * longest), columns * across - _GAP + 0.1),
            ylim=(-(rows - 1) * down - queries - 1.4, above),
        )
        ax.set_aspect("equal", anchor="NW")
        ax.set_axis_off()
        many = "1 head" if len(shown) == 1 else f"{len(shown)} heads"
        what = f"Weights of {name}: {many}, {queries} queries on {keys} keys"
        titled(ax, colours, what, "queries down, keys across; every row adds up to 1")
        scale_bar(ax, colours, ax.images[-1], "weight", height=0.8)
        masked = "" if allowed[shown].all() else "; masked pairs are hatched"
        return finished(ax, f"{what}, from 0 to {weights[shown].max():.2g}{masked}.")


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _read_weights(model: Any, x: Any, layer: str | None) -> tuple[str, Array, Array]:
    """Name of the attention, its weights (H, T, S), and which keys every query may look at."""
    x = np.asarray(x)
    x = x[None] if x.ndim == len(model.input_shape) - 1 else x
    if len(x) != 1:
        raise ArgumentError(
            "plot.attention: x is one sequence", expected="a batch of one", received=x.shape, fix="x[:1]"
        )
    with no_grad():
        step = record(lambda: model(x, training=False))
    found = {op.path.removeprefix(f"{model.name}/"): op for op in step.ops if op.name == "attention"}
    name = next((path for path in found if layer is None or f"/{path}".endswith(f"/{layer}")), None)
    if name is None:
        raise GraphError(
            f"plot.attention: {'no layer' if layer is None else repr(layer)} of {model} is attention",
            expected=f"one of {', '.join(found)}"
            if found
            else "a model with MultiHeadAttention or a transformer block",
        )
    op: Any = found[name]
    weights, mask = step.tensors[op.writes[1]].array, step.tensors[op.reads[3]].array
    allowed = op.op.allowed(mask, weights.shape)
    return name, weights[0], np.broadcast_to(True if allowed is None else allowed, weights.shape)[0]


def _draw_head(ax: Axes, colours: Theme, weights: Any, corner: tuple[float, float], limit: float) -> None:
    """The weights of a head with its upper left corner there; where they are masked the hatch below shows."""
    (left, top), (queries, keys) = corner, weights.shape
    ground = Rectangle(
        (left, top - queries), keys, queries, fc=colours.page, ec=colours.line, hatch="//////", lw=0, zorder=1
    )
    ax.add_patch(ground)
    extent = (left, left + keys, top - queries, top)
    ax.imshow(
        weights,
        cmap=colours.magnitude,
        vmin=0,
        vmax=limit,
        extent=extent,
        aspect="auto",
        interpolation="nearest",
        zorder=2,
    )
    framed(ax, colours, left, top - queries, keys, queries)


def _name_steps(
    ax: Axes, colours: Theme, labels: list[str], corner: tuple[float, float], sizes: tuple[int, int], font: float,
    first: bool,
) -> None:  # fmt: skip
    """Names of keys above a head, and beside the first head of a row those of the queries."""
    (left, top), (queries, keys) = corner, sizes
    turned = 90 if max(map(len, labels)) > 2 else 0
    for key in range(keys):
        ax.text(
            left + key + 0.5,
            top + 0.2,
            labels[key],
            color=colours.dim,
            ha="center",
            va="bottom",
            fontsize=font,
            rotation=turned,
        )
    for query in range(queries if first else 0):
        ax.text(left - 0.3, top - query - 0.5, labels[query], color=colours.dim, ha="right", va="center", fontsize=font)
