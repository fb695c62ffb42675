"""The weights of a layer: one picture per unit on a scale that all share, or one matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize

from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers.base import Layer
from glassnet.plot.sheet import finished, framed, limit_of, minus_ticks, points_wide, scale_bar, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array

_SMALL = 9.0
"""A cell of at least so many points has a minus tick in every theme."""


def weights(
    source: Any, image_shape: tuple[int, int] | None = None, x_train: Any = None, limit: float | None = None,
    ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The weights of each unit as a picture of its inputs, and its bias in numbers.

    Arguments:
        source: a layer with a kernel, or an array (I, O): one row per input, one column per unit.
        image_shape: (H, W) of the inputs; by default a square, and where I is none, the whole kernel as one matrix.
        x_train: the inputs it was trained on; pixels that are 0 in all of them never trained and are hatched.
        limit: where the scale ends, for figures that are compared; by default where nearly all of these weights do.

    >>> import glassnet as gn
    >>> gn.plot.weights(np.eye(4)).alt_text
    'Weights of 4 units as images of 2 x 2 pixels, from 0 to 1.'
    """
    name, kernel, bias = _read(source)
    if limit is not None and not 0 < limit < math.inf:
        raise ArgumentError("plot.weights: limit", expected="a number above 0", received=limit)
    shape = image_shape_of(len(kernel), image_shape)
    untrained = None if x_train is None else _never_trained(x_train, len(kernel))
    if shape is None:
        return _matrix(name, kernel, bias, untrained, limit, ax, theme)
    return _pictures(name, kernel, bias, shape, untrained, limit, ax, theme)


def _read(source: Any) -> tuple[str, Array, Array | None]:
    """Name, kernel and bias."""
    if not isinstance(source, Layer):
        kernel = np.asarray(source)
        if kernel.ndim != 2 or not kernel.size or kernel.dtype.kind not in "fiu":
            raise ShapeError(
                "plot.weights: the array is not a kernel", expected="numbers of shape (I, O)", received=kernel.shape
            )
        return "Weights", kernel, None
    weight: Any = getattr(source, "kernel", None)
    if weight is None:
        holders = [f"{layer.name!r}" for layer in source.sublayers if getattr(layer, "kernel", None) is not None]
        fix = (
            f"choose a layer: model.get_layer({holders[0]})" if holders else "build the model, or choose a Dense layer"
        )
        raise GraphError(f"plot.weights: {source} has no kernel", expected="a layer with weights (I, O)", fix=fix)
    if weight.ndim != 2:
        raise ShapeError(f"plot.weights: the kernel of {source}", expected="shape (I, O)", received=weight.shape)
    bias: Any = getattr(source, "bias", None)
    return str(source), weight.numpy(), None if bias is None else bias.numpy()


def image_shape_of(inputs: int, given: tuple[int, int] | None) -> tuple[int, int] | None:
    """The given (H, W), or a square where there is one; None where the kernel is no picture."""
    if given is None:
        side = math.isqrt(inputs)
        return (side, side) if side * side == inputs and side > 1 else None
    if len(given) != 2 or math.prod(given) != inputs:
        raise ArgumentError(
            "plot.weights: image_shape does not hold the inputs", expected=f"(H, W) with H·W = {inputs}", received=given
        )
    return int(given[0]), int(given[1])


def _never_trained(x_train: Any, inputs: int) -> Array:
    """True for inputs that are 0 in every sample: their gradient has always been 0."""
    x = np.asarray(x_train)
    if x.ndim < 2 or math.prod(x.shape[1:]) != inputs:
        raise ShapeError("plot.weights: x_train", expected=f"N samples of {inputs} values", received=x.shape)
    return np.logical_not(x.reshape(len(x), -1).any(axis=0))


def _pictures(
    name: str, kernel: Array, bias: Array | None, shape: tuple[int, int], untrained: Array | None,
    limit: float | None, ax: Axes | None, theme: str,
) -> Any:  # fmt: skip
    (height, width), units = shape, kernel.shape[1]
    columns = _columns(units, height / width)
    rows = math.ceil(units / columns)
    tile = float(np.clip(11 / columns, 0.62, max(1.15, min(1.9, 4.2 / columns))))
    across, down = 1.12 * width, height + 0.33 * width
    size = (max(columns * tile, 4.2) + 1.0, rows * tile * down / across + 0.9)
    with sheet(ax, theme, size) as (ax, colours):
        limit, point = limit or limit_of(kernel), points_wide(ax) / columns
        norm = Normalize(-limit, limit)
        for unit in range(units):
            row, column = divmod(unit, columns)
            x, y = column * across, row * down
            picture = kernel[:, unit].reshape(shape)
            drawn = ax.imshow(picture, cmap=colours.values, norm=norm, extent=(x, x + width, y + height, y))
            label = str(unit) if bias is None else f"{unit}: b {_bias_text(bias[unit])}"
            ax.text(x, y - 0.03 * width, label, fontsize=np.clip(point / 8.5, 4.5, 8), color=colours.dim, va="bottom")
            framed(ax, colours, x, y, width, height)
            if colours.in_grey or point / across >= _SMALL:
                _minus(ax, colours, picture, (x, y), limit, point / across)
            _cover(ax, colours, picture, None if untrained is None else untrained.reshape(shape), (x, y))
        ax.set(xlim=(-0.02 * width, columns * across - 0.1 * width), ylim=(rows * down - 0.3 * width, -0.3 * width))
        ax.set_aspect("equal", anchor="NW")
        ax.set_axis_off()
        titled(ax, colours, f"{name}: {_units(units)}, as pictures of the inputs", _note(bias, untrained))
        scale_bar(ax, colours, drawn, "weight", signed=True, largest=float(np.abs(kernel).max()), height=0.8)
        what = f"{name} of {_units(units)}" if name == "Weights" else f"Weights of {name}: {_units(units)}"
        return finished(ax, f"{what} as images of {height} x {width} pixels{_in_words(kernel, bias, untrained)}")


def _units(count: int) -> str:
    return f"{count} unit{'s' if count > 1 else ''}"


def _columns(units: int, steepness: float) -> int:
    """So many pictures side by side that the whole is wider than high and the last row as full as can be."""
    wanted = math.sqrt(1.7 * units * steepness)
    near = range(max(1, math.ceil(0.75 * wanted)), max(1, math.floor(1.4 * wanted)) + 1)
    return min(near, key=lambda columns: (-units % columns, abs(columns - wanted)))


def _matrix(
    name: str, kernel: Array, bias: Array | None, untrained: Array | None, limit: float | None, ax: Axes | None,
    theme: str,
) -> Any:  # fmt: skip
    inputs, units = kernel.shape
    size = float(np.clip(0.5 * units, 3.2, 7.5)) + 1.6, float(np.clip(0.28 * (inputs + 1.4), 1.0, 7.5)) + 1.1
    with sheet(ax, theme, size) as (ax, colours):
        whole = kernel if bias is None else np.vstack([kernel, bias])
        limit = limit or limit_of(whole)
        norm = Normalize(-limit, limit)
        blocks = [(kernel, 0.0)] if bias is None else [(kernel, 0.0), (bias[None], inputs + 0.4)]
        for block, top in blocks:
            extent = (0, units, top + len(block), top)
            drawn = ax.imshow(block, cmap=colours.values, norm=norm, extent=extent, aspect="auto")
            if units <= 16 and inputs <= 32:
                _numbers(ax, colours, block, top, limit)
            elif colours.in_grey:
                _minus(ax, colours, block, (0, top), limit, points_wide(ax) / units)
        _cover(ax, colours, kernel, None if untrained is None else np.tile(untrained[:, None], units), (0, 0))
        ax.set(xlim=(0, units), ylim=(inputs + (1.4 if bias is not None else 0), 0), xlabel="unit", ylabel="input")
        _name_cells(ax, inputs, units, bias is not None)
        titled(ax, colours, f"{name}: {inputs} inputs, {_units(units)}", _note(bias, untrained))
        scale_bar(ax, colours, drawn, "weight", signed=True, largest=float(np.abs(whole).max()))
        what = f"{name} of {_units(units)}" if name == "Weights" else f"Weights of {name}: {_units(units)}"
        return finished(ax, f"{what} with {inputs} inputs as a matrix{_in_words(kernel, bias, untrained)}")


def _minus(ax: Axes, colours: Theme, values: Array, corner: tuple[float, float], limit: float, point: float) -> None:
    """Ticks in the cells, `point` points wide, that are below zero by more than a fiftieth of the scale."""
    row, column = np.nonzero(values < -0.02 * limit)
    depth = np.abs(values[row, column]) / limit
    minus_ticks(ax, colours, corner[0] + column + 0.5, corner[1] + row + 0.5, depth, width=0.12 * point)


def _cover(ax: Axes, colours: Theme, values: Array, untrained: Array | None, corner: tuple[float, float]) -> None:
    """Cells whose numbers mean nothing get the page and a diagonal: grey if never trained, dark if not finite."""
    square, diagonal = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]), np.array([(0, 1), (1, 0)])
    broken = ~np.isfinite(values)
    never = np.zeros_like(broken) if untrained is None else untrained
    for covered, colour in ((never, colours.line), (broken, colours.text)):
        at = (np.argwhere(covered)[:, ::-1] + np.asarray(corner))[:, None]
        ax.add_collection(PolyCollection(list(at + square), facecolors=colours.page, linewidths=0), autolim=False)
        ax.add_collection(LineCollection(list(at + diagonal), colors=colour, linewidths=0.7), autolim=False)


def _numbers(ax: Axes, colours: Theme, values: Array, top: float, limit: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        ink = colours.page if abs(value) > 0.55 * limit else colours.text
        text = f"{value:.2f}".replace("-", "−") if limit >= 0.05 else format_number(value, 2)
        ax.text(column + 0.5, top + row + 0.5, text, ha="center", va="center", fontsize=7, color=ink)


def _name_cells(ax: Axes, inputs: int, units: int, with_bias: bool) -> None:
    across, down = range(0, units, math.ceil(units / 12)), range(0, inputs, math.ceil(inputs / 16))
    ax.set_xticks([k + 0.5 for k in across], [str(k) for k in across])
    places, names = [k + 0.5 for k in down], [str(k) for k in down]
    if with_bias:
        places, names = [*places, inputs + 0.9], [*names, "bias"]
    ax.set_yticks(places, names)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _bias_text(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _note(bias: Array | None, untrained: Array | None) -> str:
    notes = ["b: bias"] if bias is not None else []
    if untrained is not None:
        notes.append(f"hatched: {untrained.sum()} inputs that are 0 in all training data and never trained")
    return " · ".join(notes)


def _in_words(kernel: Array, bias: Array | None, untrained: Array | None) -> str:
    finite = kernel[np.isfinite(kernel)]
    text = f", from {format_number(finite.min(initial=0), 3)} to {format_number(finite.max(initial=0), 3)}"
    text += f"; {kernel.size - finite.size} not finite" if finite.size < kernel.size else ""
    if bias is not None:
        text += f"; biases from {format_number(bias.min(), 3)} to {format_number(bias.max(), 3)}"
    if untrained is not None:
        text += f"; {untrained.sum()} inputs never trained"
    return f"{text}."
