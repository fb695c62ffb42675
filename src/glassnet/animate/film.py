"""One picture per snapshot of a training, with the loss so far below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.layout_engine import ConstrainedLayoutEngine

from glassnet.animate.animation import Animation
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, ShapeError
from glassnet.plot.sheet import Figure, dress, grouped
from glassnet.plot.theme import Theme, theme_named
from glassnet.training.recorder import Recorder, Snapshot
from glassnet.typing import Array

SIZE, DPI = (6.6, 5.4), 100

Draw = Callable[[Axes, int], Any]
"""Draws the model as it is into the axes; the second argument is the number of the snapshot."""


def filmed(who: str, recorder: Recorder, model: Any, draw: Draw, theme: str, fps: float) -> Animation:
    """The film of a training: the model takes the weights of each snapshot in turn and has its own again at the end."""
    snapshots, colours = recorded(who, recorder, model), theme_named(theme)
    frames: list[Array] = []
    places = None
    with unchanged(model):
        for number, snapshot in enumerate(snapshots):
            take(model, snapshot)
            with rc_context(colours.rc):
                figure = Figure(
                    figsize=SIZE, dpi=DPI, layout=ConstrainedLayoutEngine(h_pad=0.09), facecolor=colours.page
                )
                stage, strip = figure.subplots(2, height_ratios=[8, 1])
                draw(stage, number)
                _timeline(strip, colours, snapshots, number)
                figure.suptitle(_moment(snapshot), fontsize=9, color=colours.dim)
                places = _laid_out(figure, places)
                frames.append(rendered(figure))
    steps = f"{len(frames)} moments of a training of {snapshots[-1].step} steps"
    return Animation(frames, fps, f"{steps}. At the end: {figure.alt_text}")


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Afterwards the model has the weights that it has now."""
    before = model.get_weights()
    try:
        yield
    finally:
        model.set_weights(before)


def recorded(who: str, recorder: Recorder, model: Any) -> list[Snapshot]:
    """The snapshots of a recorder, if they are of this model."""
    snapshots = recorder.snapshots
    if not snapshots:
        raise ArgumentError(
            f"{who}: the recorder is empty", expected="snapshots of a training",
            fix="model.fit(..., callbacks=[recorder])",
        )  # fmt: skip
    wanted, found = [w.shape for w in model.get_weights()], [w.shape for w in snapshots[0].weights]
    if wanted != found:
        raise ShapeError(f"{who}: the recorder followed another model", expected=wanted, received=found)
    return snapshots


def take(model: Any, snapshot: Snapshot) -> None:
    """Give a model the weights of a moment."""
    own = model.get_weights()
    model.set_weights([weights.astype(old.dtype) for weights, old in zip(snapshot.weights, own)])


def rendered(figure: Figure) -> Array:
    """The pixels of a figure."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _laid_out(figure: Figure, places: list[Any] | None) -> list[Any]:
    """Where all axes stand: as the first frame found it best, so that nothing jumps."""
    if places is None:
        figure.draw_without_rendering()
        places = [ax.get_position() for ax in figure.axes]
    figure.set_layout_engine("none")
    for ax, place in zip(figure.axes, places):
        ax.set_position(place)
    figure.suptitle(figure.get_suptitle(), x=places[0].x0, ha="left", fontsize=9)
    return places


def _moment(snapshot: Snapshot) -> str:
    if snapshot.step == 0:
        return "before training"
    loss = "" if np.isnan(snapshot.loss) else f" · loss {format_number(snapshot.loss, 3)}"
    return f"step {grouped(snapshot.step)} · epoch {snapshot.epoch}{loss}"


def _timeline(ax: Axes, colours: Theme, snapshots: list[Snapshot], now: int) -> None:
    """The loss over the logarithm of the step: thin for what is to come, and a dot for now."""
    dress(ax, colours)
    steps = np.log1p([snapshot.step for snapshot in snapshots])
    losses = np.array([snapshot.loss for snapshot in snapshots])
    ax.plot(steps, losses, color=colours.line, lw=1.2)
    ax.plot(steps[: now + 1], losses[: now + 1], color=colours.text, lw=1.6)
    ax.axvline(steps[now], color=colours.text, lw=0.8)
    if np.isfinite(losses[now]):
        ax.plot(steps[now], losses[now], "o", ms=4.5, color=colours.text, clip_on=False)
    last = snapshots[-1].step
    marks = [0, *[10**k for k in range(12) if 10**k <= last]]
    ax.set_xticks(np.log1p(marks), [grouped(mark) for mark in marks])
    ax.set(xlim=(0, steps[-1] or 1.0), xlabel="step", ylabel="loss")
    ax.locator_params(axis="y", nbins=2)
    ax.margins(y=0.12)
