"""What every layer gives out for some samples, and what gradient every weight gets from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from glassnet.autograd.backward import pullback
from glassnet.autograd.functional import no_grad
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError
from glassnet.layers.base import tensors_in
from glassnet.layers.core import InputLayer
from glassnet.models.model import Model
from glassnet.plot.sheet import finished, limit_of, minus_ticks, panels, scale_bar, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array

_MOST_SAMPLES = 24
_MOST_NUMBERS = 12
_BINS = 40
"""An even number: no bar stands on both sides of zero."""


def activations(model: Any, x: Any, ax: Axes | None = None, theme: str = "light") -> Any:
    """The output of every layer: a row per sample, a column per unit, each layer on a scale of its own.

    Arguments:
        x: at most 24 samples.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3, "relu"), gn.layers.Dense(1)])
    >>> gn.plot.activations(model, [[0.0, 0.0]]).alt_text
    'Activations for 1 sample: input (2) from 0 to 0, dense (3) from 0 to 0, dense_1 (1) from 0 to 0.'
    """
    x = np.asarray(x, np.float32)
    if x.ndim < 2 or not 1 <= len(x) <= _MOST_SAMPLES:
        raise ArgumentError(
            "plot.activations: x holds the samples to show", expected=f"1 to {_MOST_SAMPLES} samples, (N, ...)",
            received=f"shape {x.shape}", fix="x[:8]" if x.ndim > 1 else "add a batch axis: x[None]",
        )  # fmt: skip
    found = {f"input ({_sizes(x)})": x}
    found |= {f"{name} ({_sizes(values)})": values for name, values in layer_outputs(model, x).items()}
    rows = {name: values.reshape(len(x), -1) for name, values in found.items()}
    height = float(np.clip(0.26 * len(x), 0.42, 2.2))
    with sheet(ax, theme, (7.2, (height + 0.62) * len(rows) + 0.6)) as (ax, colours):
        for panel, (name, values) in zip(panels(ax, colours, len(rows)), rows.items()):
            _heat(panel, colours, name, values)
        samples = f"{len(x)} sample{'s' if len(x) > 1 else ''}"
        titled(ax, colours, f"Activations for {samples}", "a row per sample, a column per unit")
        ranges = [f"{n} from {format_number(v.min(), 3)} to {format_number(v.max(), 3)}" for n, v in rows.items()]
        return finished(ax, f"Activations for {samples}: {', '.join(ranges)}.")


def layer_outputs(model: Any, x: Any) -> dict[str, Array]:
    """The output of each layer of a Sequential or functional model, by its name."""
    with no_grad():
        model(x[:1], training=False)  # a model without an Input learns its input shape
        layers = joined_layers(model)
        outputs = Model(model.inputs, [layer.output for layer in layers])(x, training=False)
    return {layer.name: tensors_in(output)[0].numpy() for layer, output in zip(layers, outputs)}


def joined_layers(model: Any) -> list[Any]:
    """The layers that compute something, of a model that says how they are joined."""
    layers = [layer for layer in getattr(model, "layers", []) if not isinstance(layer, InputLayer)]
    if not layers or model.inputs is None:
        raise GraphError(
            f"plot: {model} does not say how its layers are joined", expected="a Sequential or a functional model",
            received=f"a {type(model).__name__} with its own call", fix="show a part of it that is one",
        )  # fmt: skip
    return layers


def _sizes(values: Array) -> str:
    return "×".join(map(str, values.shape[1:]))


def _heat(ax: Axes, colours: Theme, name: str, values: Array) -> None:
    samples, units = values.shape
    shares = bool(values.min() >= 0 and units > 1 and np.allclose(values.sum(axis=1), 1, atol=1e-3))
    limit = 1.0 if shares else limit_of(values)
    norm = Normalize(0 if shares else -limit, limit)
    drawn = ax.imshow(
        values, cmap=colours.magnitude if shares else colours.values, norm=norm, aspect="auto",
        extent=(0, units, samples, 0), interpolation="nearest",
    )  # fmt: skip
    depth = np.abs(values) / limit
    if units <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            pale = depth[row, column] > 0.5 if not shares or colours.in_grey else depth[row, column] <= 0.5
            ink = ("#FFFFFF" if shares else colours.page) if pale else ("#1A1A1A" if shares else colours.text)
            text = format_number(value, 3) if not shares else f"{value:.2f}"
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7.5, color=ink)
    elif colours.in_grey:
        row, column = np.nonzero(values < -0.02 * limit)
        minus_ticks(ax, colours, column + 0.5, row + 0.5, depth[row, column])
    if units <= _MOST_NUMBERS:
        ax.set_xticks(np.arange(1, units), minor=True)
        ax.grid(which="minor", axis="x", color=colours.line, lw=0.5)
        ax.set_xticks(np.arange(units) + 0.5, [str(k) for k in range(units)])
    ax.set_yticks(np.arange(1, samples), minor=True)
    ax.grid(which="minor", axis="y", color=colours.line, lw=0.4)
    step = math.ceil(samples / 8)
    ax.set_yticks(np.arange(0, samples, step) + 0.5, [str(k) for k in range(0, samples, step)])
    ax.tick_params(which="both", length=0, labelsize=7.5)
    ax.set_title(f"{name}{' · probabilities' if shares else ''}", loc="left", fontsize=8.5, color=colours.text, pad=3)
    scale_bar(ax, colours, drawn, "", signed=not shares and samples > 1, largest=float(np.abs(values).max()))


def gradients(model: Any, x: Any, y: Any, ax: Axes | None = None, theme: str = "light") -> Any:
    """The gradient of the loss for every array of weights: its norm, and how its numbers are spread.

    A norm that shrinks from the last layer to the first is a vanishing gradient.

    Arguments:
        x, y: the samples over which the loss is averaged.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="unit")])
    >>> model.compile("sgd", "mse")
    >>> gn.plot.gradients(model, np.eye(2), np.zeros((2, 1))).alt_text
    'Gradients of the loss 1: norm 1.414 at unit/kernel.'
    """
    loss, found = weight_gradients(model, x, y)
    norms = {path: float(np.linalg.norm(gradient)) for path, gradient in found.items()}
    with sheet(ax, theme, (7.4, 0.55 * len(found) + 1.5)) as (ax, colours):
        left, right = panels(ax, colours, 1, 2, widths=[1, 1.25])
        _norms(left, colours, norms)
        for row, gradient in enumerate(found.values()):
            _spread(right, colours, gradient.ravel(), row)
        right.set(yticks=[], ylim=(len(found) - 0.35, -0.85), xlim=(-1.05, 1.62), xticks=[0], xticklabels=["0"])
        right.axvline(0, color=colours.line, lw=0.8)
        right.set_xlabel("∂ loss / ∂ weight, each row on its own scale")
        for side in [*left.spines.values(), *right.spines.values()]:  # the frame of everything that is a gradient
            side.set(visible=True, linestyle=(0, (4, 3)))
        titled(ax, colours, f"∂  Gradients of the loss {format_number(loss, 4)}", _sign_note(colours))
        told = ", ".join(f"{format_number(norm)} at {path}" for path, norm in norms.items())
        return finished(ax, f"Gradients of the loss {format_number(loss)}: norm {told}.")


def weight_gradients(model: Any, x: Any, y: Any) -> tuple[float, dict[str, Array]]:
    """The loss on all samples, as `evaluate` computes it, and its gradient for every trainable variable, by path."""
    if not getattr(model, "compiled", False):
        raise GraphError(
            f"plot: {model} has no loss yet", expected="a compiled model",
            fix="model.compile(optimizer='adam', loss=...)",
        )  # fmt: skip
    x, y = np.asarray(x), np.asarray(y)
    model.evaluate(x, y, verbose=0)  # builds what is not built yet, and checks that x and y fit
    loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)
    variables = model.trainable_variables
    found = pullback([loss], [None], [variable.leaf for variable in variables], create_graph=False)
    gradients = {v.path: np.asarray(found.get(v.leaf, np.zeros(v.shape, v.dtype))) for v in variables}
    return float(loss), gradients


def _norms(ax: Axes, colours: Theme, norms: dict[str, float]) -> None:
    values = list(norms.values())
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    ax.barh(range(len(norms)), values, color=colours.dim, height=0.5)
    if positive:
        ax.set_xscale("log")
        ax.set_xlim(min(positive) / 3, max(positive) * 6)
    for row, value in enumerate(values):
        at = value if value in positive else ax.get_xlim()[0]
        ax.annotate(
            format_number(value, 3), (at, row), (4, 0), textcoords="offset points", va="center", fontsize=8,
            color=colours.text,
        )  # fmt: skip
    ax.set_yticks(range(len(norms)), list(norms))
    ax.tick_params(axis="y", length=0, labelcolor=colours.text)
    ax.set_ylim(len(norms) - 0.35, -0.85)
    ax.set_xlabel("norm (logarithmic)")
    ax.minorticks_off()


def _spread(ax: Axes, colours: Theme, values: Array, row: int) -> None:
    """A histogram that stands on the line of its row, between minus and plus the 99.5th percentile."""
    limit = limit_of(values)
    counts, edges = np.histogram(np.clip(values[values != 0] / limit, -1, 1), bins=_BINS, range=(-1, 1))
    heights = 0.8 * counts / max(counts.max(), 1)
    middle = (edges[1:] + edges[:-1]) / 2
    for below in (True, False):
        chosen = (middle < 0) == below
        ax.bar(
            middle[chosen], -heights[chosen], bottom=row + 0.3, width=1.9 / _BINS,
            color=colours.page if below and colours.in_grey else colours.falling if below else colours.rising,
            edgecolor=colours.falling if below and colours.in_grey else "none", linewidth=0.5,
            hatch="/////" if below and colours.in_grey else None,
        )  # fmt: skip
    ax.plot([-1, 1], [row + 0.3, row + 0.3], color=colours.line, lw=0.6)
    zeros = float((values == 0).mean())
    text = f"± {format_number(limit, 2)}" + (f"\n{zeros:.0%} are 0" if zeros else "")
    ax.text(1.06, row + 0.1, text, fontsize=8, color=colours.dim, va="center")


def _sign_note(colours: Theme) -> str:
    above, below = ("solid", "hatched") if colours.in_grey else ("purple", "green")
    return f"{above}: raising the weight raises the loss · {below}: it lowers the loss"
