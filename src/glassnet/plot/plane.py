"""Planes: what a model says everywhere between its samples, and how a hidden layer bends that plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.models.model import Model
from glassnet.plot.judgement import as_classes, judged, names_for
from glassnet.plot.layers import joined_layers
from glassnet.plot.sheet import finished, sheet, titled
from glassnet.plot.theme import MARKERS, Theme
from glassnet.typing import Array

_CELLS = 240
_SIZE = (5.4, 4.4)


def boundary(
    model: Any, x: Any, y: Any, class_names: Sequence[str] | None = None, ax: Axes | None = None, theme: str = "light"
) -> Any:
    """The class that a model with two inputs says everywhere, deeper where it is surer, and the samples.

    Arguments:
        x: (N, 2).
        y: class indices (N,) or one-hot rows (N, K).
        class_names: 0, 1, 2, ... by default.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x[:, :1])])
    >>> gn.plot.boundary(model, [[0.0, 0.0], [1.0, 0.0]], [0, 1]).alt_text
    'Decision boundary of a model with two inputs among 2 samples of 2 classes: 2 right (100%).'
    """
    x, truth = checked_samples(x, y, "plot.boundary")
    if x.shape[1] != 2:
        raise ShapeError(
            "plot.boundary: a plane needs two inputs", expected="x of shape (N, 2)", received=x.shape,
            fix="plot.hidden_plane shows two units of a hidden layer for any input",
        )  # fmt: skip
    said, _ = judged(np.asarray(model.predict(x, verbose=0)), "plot.boundary")
    low, high = window(x)
    maps = class_map(model, low, high)
    names = names_for(max(maps.shape[-1], truth.max() + 1), class_names, "plot.boundary")
    with sheet(ax, theme, _SIZE) as (ax, colours):
        paint_classes(ax, colours, maps, low, high)
        scatter_classes(ax, colours, x, truth, said, names)
        ax.set(xlabel="x₀", ylabel="x₁")
        right = int((said == truth).sum())
        titled(ax, colours, f"{right} of {len(x)} right", " · ".join(_notes(said, truth)))
        told = f"among {len(x)} samples of {len(names)} classes: {right} right ({right / len(x):.0%})"
        return finished(ax, f"Decision boundary of a model with two inputs {told}.")


def hidden_plane(
    model: Any, x: Any, y: Any, layer: Any = None, class_names: Sequence[str] | None = None, ax: Axes | None = None,
    theme: str = "light",
) -> Any:  # fmt: skip
    """Where the samples lie in the space of two hidden units, and how the plane of two inputs is bent into it.

    Arguments:
        x: samples of any shape; for two inputs their square grid is drawn as the layer bends it.
        y: class indices (N,) or one-hot rows (N, K).
        layer: name, index or the layer itself; by default the first with two units. Of more units the first two.

    >>> import glassnet as gn
    >>> x, y = gn.datasets.toy.xor()
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1, "sigmoid")])
    >>> gn.plot.hidden_plane(model, x, y).axes[0].get_xlabel()
    'unit 0 of dense'
    """
    x, truth = checked_samples(x, y, "plot.hidden_plane")
    said, _ = judged(np.asarray(model.predict(x, verbose=0)), "plot.hidden_plane")
    chosen = chosen_layer(model, layer)
    front = Model(model.inputs, chosen.output)
    hidden = front.predict(x, verbose=0)
    if hidden.ndim != 2 or hidden.shape[1] < 2:
        raise ShapeError(
            f"plot.hidden_plane: {chosen} has no two units", expected="outputs (N, units), units >= 2",
            received=hidden.shape,
        )  # fmt: skip
    grid = bent_grid(front, *window(x)) if x.ndim == 2 and x.shape[1] == 2 else None
    low, high = window(hidden[:, :2] if grid is None else np.concatenate([*grid, hidden])[:, :2])
    count, whole = int(truth.max() + 1), hidden.shape[1] == 2 and chosen is not model.layers[-1]
    names = names_for(max(count, said.max() + 1), class_names, "plot.hidden_plane")
    with sheet(ax, theme, _SIZE) as (ax, colours):
        if whole:
            paint_classes(ax, colours, class_map(Model(chosen.output, model.output), low, high), low, high)
        if grid is not None:
            lines = LineCollection([line[:, :2] for line in grid], colors=colours.text, linewidths=0.5, alpha=0.35)
            ax.add_collection(lines)
        scatter_classes(ax, colours, hidden[:, :2], truth, said, names)
        ax.locator_params(nbins=6)
        ax.set(xlabel=f"unit 0 of {chosen.name}", ylabel=f"unit 1 of {chosen.name}")
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        notes = [] if hidden.shape[1] == 2 else [f"the first 2 of {hidden.shape[1]} units"]
        notes += ["grid: the input plane as this layer bends it"] if grid is not None else []
        titled(ax, colours, f"The plane of {chosen.name}", " · ".join([*notes, *_notes(said, truth, painted=whole)]))
        told = f"{len(x)} samples of {len(names)} classes, {int((said == truth).sum())} of them right"
        return finished(ax, f"Hidden plane of the first two units of {chosen.name}: {told}.")


def class_map(model: Any, low: Array, high: Array, cells: int = _CELLS) -> Array:
    """How strongly a model with two inputs says each class in every cell of a window: (cells, cells, K), rows upwards.

    Outputs that are no probabilities count as 1 for the largest. A single output is that of class 1.
    """
    across, up = (np.linspace(low[k], high[k], 2 * cells + 1)[1::2] for k in (0, 1))
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(np.float32)
    outputs = np.asarray(model.predict(points, batch_size=8192, verbose=0), float)
    if outputs.ndim != 2:
        raise ShapeError("plot: not a classifier", expected="outputs (N, K)", received=outputs.shape)
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs]).clip(0, 1)
    elif outputs.min() < 0 or not np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        outputs = np.eye(outputs.shape[1])[outputs.argmax(axis=1)]
    return outputs.reshape(cells, cells, -1)


def bent_grid(front: Any, low: Array, high: Array, lines: int = 17, points: int = 120) -> list[Array]:
    """What a hidden layer makes of the straight grid lines of the input plane: one array (points, units) per line."""
    found = []
    for axis in (0, 1):
        run = np.linspace(low[axis], high[axis], points)
        for fixed in np.linspace(low[1 - axis], high[1 - axis], lines):
            line = np.full((points, 2), fixed, np.float32)
            line[:, axis] = run
            found.append(np.asarray(front.predict(line, batch_size=None, verbose=0)))
    return found


def window(x: Array) -> tuple[Array, Array]:
    """The smallest window that holds all points, and a margin of an eighth."""
    low, high = x.min(axis=0).astype(float), x.max(axis=0).astype(float)
    margin = np.where(high > low, (high - low) / 8, 0.5)
    return low - margin, high + margin


def checked_samples(x: Any, y: Any, who: str) -> tuple[Array, Array]:
    """Samples in float32 and the number of each one's class, of which there are equally many."""
    x, truth = np.asarray(x, np.float32), as_classes(y, f"{who}: y")
    if x.ndim < 2 or len(x) != len(truth) or not len(x):
        raise ShapeError(f"{who}: one class per sample", expected="x (N, ...), y (N,)", received=(x.shape, truth.shape))
    return x, truth


def chosen_layer(model: Any, layer: Any) -> Any:
    """The layer that is meant; the first with two units by default."""
    layers = joined_layers(model)
    if isinstance(layer, (str, int)):
        return model.get_layer(name=layer) if isinstance(layer, str) else model.get_layer(index=layer)
    if layer is not None:
        if not any(layer is own for own in layers):
            raise GraphError(f"plot.hidden_plane: {layer} is no layer of {model}", fix="layer=model.layers[0]")
        return layer
    found = [own for own in layers[:-1] if tuple(own.output.shape[1:]) == (2,)]
    if not found:
        raise ArgumentError(
            "plot.hidden_plane: no hidden layer has two units", expected="the name or index of a layer",
            received="layer=None", fix=f"layer={layers[0].name!r} shows its first two units",
        )  # fmt: skip
    return found[0]


def paint_classes(ax: Axes, colours: Theme, maps: Array, low: Array, high: Array) -> None:
    """The predicted class as a tint, and lines where two classes are equal."""
    count, extent = maps.shape[-1], (low[0], high[0], low[1], high[1])
    ax.imshow(tinted(colours, maps), extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    across, up = (np.linspace(low[k], high[k], 2 * len(maps) + 1)[1::2] for k in (0, 1))
    for k in range(count if count > 2 else 1):
        lead = maps[..., k] - np.delete(maps, k, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            ax.contour(across, up, lead, levels=[0], colors=[colours.text], linewidths=1.0)


def tinted(colours: Theme, maps: Array) -> Array:
    """The colour of every cell of a class map, deeper where the model is surer: (cells, cells, 3), from 0 to 1."""
    count = maps.shape[-1]
    said, strength = maps.argmax(axis=-1), maps.max(axis=-1)
    sure = ((strength - 1 / count) / (1 - 1 / count)).clip(0, 1)[..., None] * (0.8 if colours.in_grey else 0.55)
    tints = np.array([to_rgb(colours.class_colour(k)) for k in range(count)])
    return np.asarray(np.asarray(to_rgb(colours.page)) * (1 - sure) + tints[said] * sure)


def scatter_classes(ax: Axes, colours: Theme, x: Array, truth: Array, said: Array, names: Sequence[str]) -> None:
    """The samples by class, those that are judged wrongly in a ring."""
    size = float(np.clip(2500 / len(x), 12, 90))
    for k in range(truth.max() + 1):
        of_class = x[truth == k]
        ax.scatter(
            of_class[:, 0], of_class[:, 1], s=size, marker=MARKERS[k % len(MARKERS)], label=names[k],
            color=colours.class_colour(k), edgecolors=colours.text, linewidths=0.7, zorder=3,
        )  # fmt: skip
    wrong = x[truth != said]
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": colours.text, "linewidths": 1.0}
    ax.scatter(wrong[:, 0], wrong[:, 1], s=3.2 * size, zorder=4, **ring)
    legend: Any = ax.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), title="class", labelcolor=colours.text, handletextpad=0.2,
        borderaxespad=0.0, alignment="left",
    )  # fmt: skip
    legend.get_title().set(color=colours.dim, fontsize=8)
    for handle in legend.legend_handles:
        handle.set_sizes([42])


def _notes(said: Array, truth: Array, painted: bool = True) -> list[str]:
    tint = ["tint: predicted class, deeper where surer", "line: two classes are equal"] if painted else []
    return tint + (["ringed: judged wrongly"] if (said != truth).any() else [])
