"""The loss around the weights of a model: a flat slice through a space of very many dimensions.

The two directions are either random, scaled unit by unit to the length of the weights (Li, Xu, Taylor, Studer and
Goldstein, 2018), or the two in which a recorded path of training moved most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize

from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.plot.sheet import finished, grouped, scale_bar, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array


@dataclass(frozen=True)
class Slice:
    """The loss on a grid in the plane through the present weights."""

    losses: Array
    """(n, n): row by the second direction, column by the first. The middle belongs to the present weights."""
    steps: tuple[Array, Array]
    """How far the columns and the rows lie from the present weights."""
    path: Array | None
    """The recorded weights, projected to the plane: (steps, 2)."""
    share: float
    """How much of the path's movement the plane shows, from 0 to 1."""


def landscape(
    model: Any, x: Any, y: Any, path: Sequence[Any] | None = None, n: int = 41, directions: str | None = None,
    span: float = 1.0, seed: int = 0, ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The loss in a plane through the weights, and the way on which training came there.

    Arguments:
        path: weights recorded during training, each as `model.get_weights()` gives them.
        n: evaluations per side, an odd number; the middle one is the model as it is.
        directions: "path", where it moved most (by default, where there is one), or "random".
        span: how far to go along random directions; 1 is the length of the weights themselves.

    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> gn.plot.landscape(model, np.eye(2), np.ones((2, 1)), n=5).alt_text[:44]
    'Slice of the loss landscape, 25 evaluations,'
    """
    found = loss_slice(model, x, y, path, n, directions, span, seed)
    with sheet(ax, theme, (5.9, 4.7)) as (ax, colours):
        drawn = draw_contours(ax, colours, found)
        if found.path is not None:
            draw_path(ax, colours, found.path)
        ax.plot(0, 0, "X", ms=9, mfc=colours.page, mec=colours.text, mew=1.1, zorder=5)
        kind = "main direction of the path" if directions != "random" and path is not None else "random direction"
        ax.set(xlabel=f"first {kind}", ylabel=f"second {kind}")
        note = f"training never sees this map: it is 2 of {grouped(model.count_params())} dimensions · cross: the weights now"
        note += "" if found.path is None else f" · it holds {found.share:.0%} of the path"
        titled(ax, colours, f"Slice of the loss, {grouped(n * n)} evaluations", note)
        scale_bar(ax, colours, drawn, "loss")
        low, high, middle = found.losses.min(), np.nanmax(found.losses), found.losses[n // 2, n // 2]
        told = f"loss from {format_number(low)} to {format_number(high)}, {format_number(middle)} at the weights now"
        return finished(ax, f"Slice of the loss landscape, {n * n} evaluations, training never sees this map: {told}.")


def loss_slice(
    model: Any, x: Any, y: Any, path: Sequence[Any] | None = None, n: int = 41, directions: str | None = None,
    span: float = 1.0, seed: int = 0,
) -> Slice:  # fmt: skip
    """The numbers behind `landscape`. The model's weights are moved about and put back."""
    if not getattr(model, "compiled", False):
        raise GraphError(
            f"plot.landscape: {model} has no loss yet", expected="a compiled model",
            fix="model.compile(optimizer='adam', loss=...)",
        )  # fmt: skip
    if n < 3 or n % 2 == 0:
        raise ArgumentError("plot.landscape: n must be odd, so that the middle is the model", received=n, fix="n=41")
    directions = directions or ("random" if path is None else "path")
    if directions not in ("random", "path") or (directions == "path" and (path is None or len(path) < 3)):
        raise ArgumentError(
            "plot.landscape: directions", expected="'random', or 'path' with at least 3 recorded weights",
            received=f"{directions!r} with {0 if path is None else len(path)} recorded",
        )  # fmt: skip
    x, y = np.asarray(x), np.asarray(y)
    model.evaluate(x[:1], y[:1], verbose=0)  # builds what is not built yet
    here = _flat(model.get_weights())
    moved = None if path is None else _moves(model, path, here)
    axes = random_axes(model, seed) if directions == "random" else _main_axes(moved)
    at = None if moved is None else moved @ np.linalg.pinv(axes)
    reach = [span, span] if at is None else list(1.25 * np.abs(at).max(axis=0))
    if directions == "random":
        reach = [max(span, r) for r in reach]
    first, second = (np.linspace(-r, r, n) for r in np.maximum(reach, 1e-6))
    losses = _losses(model, x, y, here, axes, first, second)
    share = 1.0 if moved is None or at is None else float(1 - _energy(moved - at @ axes) / max(_energy(moved), 1e-300))
    return Slice(losses, (first, second), at, share)


def _flat(arrays: Sequence[Any]) -> Array:
    return np.concatenate([np.ravel(np.asarray(array, np.float64)) for array in arrays])


def _energy(moves: Array) -> float:
    return float(np.square(moves).sum())


def _moves(model: Any, path: Sequence[Any], here: Array) -> Array:
    """How far each recorded set of weights lies from the present one: (steps, numbers)."""
    flat = [_flat(weights) for weights in path]
    if any(len(weights) != len(here) for weights in flat):
        raise ShapeError(
            "plot.landscape: path does not hold weights of this model", expected=f"{len(here)} numbers per step",
            received=sorted({len(weights) for weights in flat}), fix="append model.get_weights() after every epoch",
        )  # fmt: skip
    return np.stack(flat) - here


def random_axes(model: Any, seed: int) -> Array:
    """Two random directions; every unit's part is as long as its weights, every bias vector's as long as itself."""
    rng, axes = np.random.default_rng(seed), []
    for _ in range(2):
        parts = []
        for variable in model.variables:
            values = np.asarray(variable.numpy(), np.float64)
            part = rng.standard_normal(values.shape)
            parts.append(part * _lengths(values) / np.maximum(_lengths(part), 1e-12) * bool(variable.trainable))
        axes.append(_flat(parts))
    return np.stack(axes)


def _lengths(values: Array) -> Array:
    """The length of each unit's weights; of a bias vector its own."""
    along = tuple(range(values.ndim - 1)) if values.ndim > 1 else None
    return np.asarray(np.sqrt(np.square(values).sum(axis=along, keepdims=True)))


def _main_axes(moved: Any) -> Array:
    """The two unit directions in which the path moved most (principal components about the present weights)."""
    _, sizes, rows = np.linalg.svd(moved, full_matrices=False)
    axes = rows[:2] * np.sign(rows[:2, np.abs(rows[:2]).argmax(axis=1)].diagonal())[:, None]
    if sizes[1] <= 1e-9 * max(sizes[0], 1e-300):
        raise ArgumentError(
            "plot.landscape: the path is a straight line or a point", expected="weights that moved in two directions",
            fix="record more steps, or directions='random'",
        )  # fmt: skip
    return np.asarray(axes)


def _losses(model: Any, x: Array, y: Array, here: Array, axes: Array, first: Array, second: Array) -> Array:
    """The loss at every point of the grid; afterwards the model is as it was."""
    before, shapes = model.get_weights(), [weights.shape for weights in model.get_weights()]
    cuts = np.cumsum([weights.size for weights in before])[:-1]
    losses = np.empty((len(second), len(first)))
    try:
        for row, column in np.ndindex(*losses.shape):
            flat = here + first[column] * axes[0] + second[row] * axes[1]
            parts = [part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes)]
            model.set_weights([part.astype(old.dtype) for part, old in zip(parts, before)])
            with np.errstate(all="ignore"):  # far away the loss may overflow; such cells stay blank
                losses[row, column] = float(model.compute_loss(x=x, y=y, y_pred=model(x, training=False)))
    finally:
        model.set_weights(before)
    return losses


def draw_contours(ax: Axes, colours: Theme, found: Slice) -> Any:
    """Filled contours of the loss, by powers of ten where it spans more than a factor of twenty."""
    losses = np.ma.masked_invalid(found.losses)
    low, high = float(losses.min()), float(losses.max())
    logarithmic = low > 0 and high > 20 * low
    high = high if high > low else low + 1.0
    norm = LogNorm(low, high) if logarithmic else Normalize(low, high)
    levels = np.geomspace(low, high, 22) if logarithmic else np.linspace(low, high, 22)
    levels[0], levels[-1] = min(levels[0], low), max(levels[-1], high)
    cmap = "gray" if colours.in_grey else "cividis"
    ax.contourf(*found.steps, losses, levels=levels, cmap=cmap, norm=norm)
    ax.contour(*found.steps, losses, levels=levels[::3], colors=[colours.page], linewidths=0.5, alpha=0.6)
    return ScalarMappable(norm, cmap)


def draw_path(ax: Axes, colours: Theme, path: Array) -> None:
    """The way of training from its first record to its last, on a dark and a light line so that it shows everywhere."""
    ax.plot(*path.T, color="#1A1A1A", lw=3.2, solid_joinstyle="round")
    ax.plot(*path.T, color="#FFFFFF", lw=1.6, solid_joinstyle="round")
    if len(path) <= 80:
        ax.plot(*path.T, "o", ms=3.4, mfc="#FFFFFF", mec="#1A1A1A", mew=0.6)
    ax.annotate(
        "start", path[0], (6, 6), textcoords="offset points", fontsize=8.5, color="#1A1A1A",
        bbox={"facecolor": "#FFFFFF", "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
    )  # fmt: skip
