"""Films of a training, from what a Recorder kept: the figures of `glassnet.plot`, moment by moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from glassnet import plot
from glassnet.animate.animation import Animation
from glassnet.animate.film import filmed, recorded, take, unchanged
from glassnet.autograd.worked import format_number
from glassnet.errors import GraphError, ShapeError
from glassnet.models.model import Model
from glassnet.plot.judgement import judged, names_for
from glassnet.plot.landscape import draw_contours, draw_path, loss_slice
from glassnet.plot.plane import (
    bent_grid,
    checked_samples,
    chosen_layer,
    class_map,
    paint_classes,
    scatter_classes,
    window,
)
from glassnet.plot.sheet import finished, grouped, limit_of, scale_bar, titled
from glassnet.plot.theme import theme_named
from glassnet.training.recorder import Recorder


def boundary(
    recorder: Recorder, model: Any, x: Any, y: Any, class_names: Sequence[str] | None = None, theme: str = "light",
    fps: float = 12.0,
) -> Animation:  # fmt: skip
    """How training moved the boundary between the classes of a model with two inputs.

    Arguments:
        x: (N, 2).
        y: class indices (N,) or one-hot rows (N, K).

    >>> import glassnet as gn
    >>> x, y = gn.datasets.toy.xor()
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(4, "tanh"), gn.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> recorder = gn.callbacks.Recorder(frames=3)
    >>> _ = model.fit(x, y, epochs=20, verbose=0, callbacks=[recorder])
    >>> boundary(recorder, model, x, y)
    Animation(3 frames of 660 x 540, 1.66 s)
    """

    def draw(ax: Axes, number: int) -> None:
        plot.boundary(model, x, y, class_names, ax=ax, theme=theme)

    return filmed("animate.boundary", recorder, model, draw, theme, fps)


def hidden_plane(
    recorder: Recorder, model: Any, x: Any, y: Any, layer: Any = None, class_names: Sequence[str] | None = None,
    theme: str = "light", fps: float = 12.0,
) -> Animation:  # fmt: skip
    """How training bent the plane of two inputs into the plane of two hidden units, until a straight line could part it.

    Arguments:
        x: (N, 2).
        y: class indices (N,) or one-hot rows (N, K).
        layer: with two units; name, index or the layer itself. By default the first such one.

    >>> import glassnet as gn
    >>> x, y = gn.datasets.toy.xor()
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> _ = model.fit(x, y, verbose=0, callbacks=[recorder := gn.callbacks.Recorder(frames=2)])
    >>> len(hidden_plane(recorder, model, x, y))
    2
    """
    who, colours = "animate.hidden_plane", theme_named(theme)
    x, truth = checked_samples(x, y, who)
    chosen = chosen_layer(model, layer)
    if x.shape[1:] != (2,) or tuple(chosen.output.shape[1:]) != (2,):
        raise ShapeError(
            "animate.hidden_plane: two inputs, and two hidden units", expected="x (N, 2) and a layer of 2 units",
            received=f"x {x.shape}, {chosen} with outputs {tuple(chosen.output.shape)}",
        )  # fmt: skip
    front, back = Model(model.inputs, chosen.output), Model(chosen.output, model.output)
    grids, places = [], []
    with unchanged(model):
        for snapshot in recorded(who, recorder, model):
            take(model, snapshot)
            grids.append(bent_grid(front, *window(x)))
            places.append(np.asarray(front.predict(x)))
    low, high = window(np.concatenate([points for grid in grids for points in grid]))

    def draw(ax: Axes, number: int) -> None:
        said, _ = judged(np.asarray(model.predict(x)), who)
        paint_classes(ax, colours, class_map(back, low, high), low, high)
        ax.add_collection(LineCollection(grids[number], colors=colours.text, linewidths=0.6, alpha=0.4))
        scatter_classes(ax, colours, places[number], truth, said, names_for(int(truth.max()) + 1, class_names, who))
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set(xlabel=f"unit 0 of {chosen.name}", ylabel=f"unit 1 of {chosen.name}")
        right = f"{(said == truth).sum()} of {len(x)} right"
        titled(ax, colours, right, "grid: the input plane as this layer bends it · line: two classes are equal")
        finished(ax, f"The plane of {chosen.name}: {right}.")

    return filmed(who, recorder, model, draw, theme, fps)


def weights(
    recorder: Recorder, model: Any, layer: Any = None, image_shape: tuple[int, int] | None = None,
    theme: str = "light", fps: float = 12.0,
) -> Animation:  # fmt: skip
    """How the weights of a layer took shape, on one scale for the whole training.

    Arguments:
        layer: name, index or the layer itself; by default the first with a kernel.
        image_shape: (H, W) of the inputs; by default a square, and where I is none, the whole kernel as one matrix.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.eye(4), np.eye(4, 3), verbose=0, callbacks=[recorder := gn.callbacks.Recorder(frames=2)])
    >>> len(weights(recorder, model))
    2
    """
    who = "animate.weights"
    chosen = layer_with_kernel(model, layer)
    limit = 0.0
    with unchanged(model):
        for snapshot in recorded(who, recorder, model):
            take(model, snapshot)
            limit = max(limit, limit_of(chosen.kernel.numpy()))

    def draw(ax: Axes, number: int) -> None:
        plot.weights(chosen, image_shape, limit=limit, ax=ax, theme=theme)

    return filmed(who, recorder, model, draw, theme, fps)


def landscape(
    recorder: Recorder, model: Any, x: Any, y: Any, n: int = 41, theme: str = "light", fps: float = 12.0
) -> Animation:
    """How training went downhill, on a slice of the loss through the two directions in which it moved most.

    Arguments:
        n: evaluations per side, an odd number; the middle one is the model at the end of its training.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2)])
    >>> model.compile("adam", "mse")
    >>> recorder = gn.callbacks.Recorder(frames=3)
    >>> _ = model.fit(np.eye(2), np.ones((2, 2)), epochs=4, verbose=0, callbacks=[recorder])
    >>> len(landscape(recorder, model, np.eye(2), np.ones((2, 2)), n=5))
    3
    """
    who, colours, count = "animate.landscape", theme_named(theme), grouped(n * n)
    snapshots = recorded(who, recorder, model)
    with unchanged(model):
        take(model, snapshots[-1])
        found = loss_slice(model, x, y, [snapshot.weights for snapshot in snapshots], n)
    path = np.asarray(found.path)

    def draw(ax: Axes, number: int) -> None:
        drawn = draw_contours(ax, colours, found)
        draw_path(ax, colours, path[: number + 1])
        ax.plot(*path[number], "o", ms=9, mfc=colours.above, mec="#FFFFFF", mew=1.4, zorder=6)
        ax.set(xlabel="first main direction of the path", ylabel="second main direction of the path")
        note = f"training never sees this map · it holds {found.share:.0%} of the path"
        titled(ax, colours, f"Slice of the loss, {count} evaluations", note)
        scale_bar(ax, colours, drawn, "loss")
        low, high = format_number(found.losses.min(), 3), format_number(np.nanmax(found.losses), 3)
        finished(ax, f"The path of training over a slice of the loss, which goes from {low} to {high}.")

    return filmed(who, recorder, model, draw, theme, fps)


def layer_with_kernel(model: Any, layer: Any) -> Any:
    """The layer that is meant by its name, index or itself; by default the first with a kernel."""
    if isinstance(layer, str):
        return model.get_layer(name=layer)
    if isinstance(layer, int):
        return model.get_layer(index=layer)
    if layer is not None:
        return layer
    found = [own for own in model.layers if getattr(own, "kernel", None) is not None]
    if not found:
        raise GraphError(f"animate.weights: {model} has no layer with a kernel", expected="a model with a Dense layer")
    return found[0]
