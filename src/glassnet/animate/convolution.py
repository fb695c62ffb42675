"""A kernel on its way over an image: at every place the numbers that it covers become one pixel of the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassnet.animate.animation import Animation
from glassnet.animate.film import DPI, rendered
from glassnet.autograd.functional import no_grad
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError
from glassnet.explain.recording import record
from glassnet.explain.trace import Trace, TracedOp
from glassnet.ops.convolution import borders, spread
from glassnet.plot.sheet import Figure, dress, limit_of
from glassnet.plot.theme import Theme, theme_named
from glassnet.plot.tile import short
from glassnet.typing import Array

_NAMES = ("convolution", "biased_convolution")
_SIZE = (9.0, 3.7)
_MOST = 60
"""Places at which the kernel stops for a frame."""
_FEW = 5
"""A kernel of at most so many columns has its numbers in its cells."""


@dataclass
class _Scene:
    """One filter of a convolution, seen through one channel of the image."""

    name: str
    image: Array
    kernel: Array
    bias: float
    made: Array
    """The map, before any activation."""
    others: Array
    """What the other channels of the image add to each pixel."""
    corner: list[tuple[int, int, int]]
    """For each axis: stride, cells between taps, and zeros before the image."""

    def first(self, pixel: int, axis: int) -> int:
        """The image cell that the first tap of a pixel meets."""
        stride, _, before = self.corner[axis]
        return stride * pixel - before

    def covered(self, row: int, column: int) -> Array:
        """The image cells under the kernel; zeros outside the image."""
        places = [
            self.first(pixel, axis) + self.corner[axis][1] * np.arange(size)
            for axis, (pixel, size) in enumerate(zip((row, column), self.kernel.shape))
        ]
        inside = [(at >= 0) & (at < size) for at, size in zip(places, self.image.shape)]
        cells = self.image[np.ix_(*[at.clip(0, size - 1) for at, size in zip(places, self.image.shape)])]
        return np.where(np.outer(*inside), cells, 0)


def convolution(
    model: Any, x: Any, layer: Any = None, channel: int = 0, theme: str = "light", fps: float = 8.0
) -> Animation:
    """How a filter of a convolution moves over an image and fills its map, pixel by pixel.

    Arguments:
        x: one image (H, W, C), or a batch of one.
        layer: the convolution, by name or itself; by default the first that the model runs.
        channel: which of its filters. Of several input channels the one is drawn that matters most.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4, 4, 1)), gn.layers.Conv2D(2, 3)])
    >>> convolution(model, np.ones((4, 4, 1)))
    Animation(4 frames of 900 x 370, 3.36 s)
    """
    scene, colours = _scene(model, np.asarray(x, np.float32), layer, channel), theme_named(theme)
    rows, columns = scene.made.shape
    stops = np.unique(np.linspace(0, scene.made.size - 1, min(scene.made.size, _MOST)).round().astype(int))
    with rc_context(colours.rc):
        figure = Figure(figsize=_SIZE, dpi=DPI, facecolor=colours.page)
        move = _stage(figure, colours, scene)
        frames = []
        for stop in stops:
            move(*divmod(int(stop), columns))
            frames.append(rendered(figure))
    height, width = scene.kernel.shape
    told = f"Filter {channel} of {scene.name}, {height} x {width} weights, moves over the image in {len(stops)} steps "
    return Animation(frames, fps, f"{told}and fills its map of {rows} x {columns} pixels.", hold=3.0)


# ---------------------------------------------------------------- what is shown


def _scene(model: Any, x: Array, layer: Any, channel: int) -> _Scene:
    x = x[None] if x.ndim == 3 else x
    if x.ndim != 4 or len(x) != 1:
        raise ArgumentError(
            "animate.convolution: x is one image", expected="shape (H, W, C)", received=f"shape {x.shape}"
        )
    with no_grad():
        trace = record(lambda: model(x, training=False))
    op = _chosen(trace, layer)
    image, kernel, *biases = (trace.tensors[number].array for number in op.reads)
    made = trace.tensors[op.writes[0]].array[0]
    filters = kernel.shape[-1]
    if not 0 <= channel < filters:
        raise ArgumentError(
            "animate.convolution: there is no such filter", expected=f"0 to {filters - 1}",
            received=f"channel={channel}",
        )  # fmt: skip
    bias = float(biases[0][..., channel]) if biases and biases[0].ndim == 1 else 0.0
    shown = int(np.argmax(np.abs(image[0]).sum(axis=(0, 1)) * np.abs(kernel[..., channel]).sum(axis=(0, 1))))
    sizes, taps = image.shape[1:3], kernel.shape[:2]
    reach = {name: op.attributes[name] for name in ("padding", "strides", "dilation")}
    before = borders(reach["padding"], sizes, taps, reach["strides"], reach["dilation"])
    corner = [(s, d, b[0]) for s, d, b in zip(reach["strides"], reach["dilation"], before)]
    made = made[..., channel]
    scene = _Scene(op.path, image[0, ..., shown], kernel[:, :, shown, channel], bias, made, made - bias, corner)
    for row, column in np.ndindex(*made.shape):
        scene.others[row, column] -= (scene.covered(row, column) * scene.kernel).sum()
    return scene


def _chosen(trace: Trace, layer: Any) -> TracedOp:
    """The run of the convolution that is meant."""
    runs = [op for op in trace.ops if op.name in _NAMES and op.inside_of is None and _is_flat(trace, op)]
    wanted = None if layer is None else str(getattr(layer, "name", layer))
    found = [op for op in runs if wanted is None or op.path.split("/")[-1] == wanted]
    if not found:
        raise GraphError(
            f"animate.convolution: {'the model' if wanted is None else repr(wanted)} is no convolution of images",
            expected=f"one of {', '.join(op.path.split('/')[-1] for op in runs)}" if runs else "a model with a Conv2D",
        )
    return found[0]


def _is_flat(trace: Trace, op: TracedOp) -> bool:
    """Whether it is a convolution of images whose channels are in one group."""
    return trace.tensors[op.reads[0]].array.ndim == 4 and not op.attributes["grouped"]


# ---------------------------------------------------------------- how it is drawn


def _stage(figure: Figure, colours: Theme, scene: _Scene) -> Any:
    """Image, kernel and map; the function that is returned moves the kernel to a pixel."""
    wide, high = 0.27, 0.66
    places = [(0.03, 0.12, wide, high), (0.395, 0.2, 0.21, 0.5), (0.70, 0.12, wide, high)]
    image, kernel, made = (figure.add_axes(place) for place in places)
    is_grey = bool((scene.image >= 0).all())
    limit = float(scene.image.max()) or 1.0 if is_grey else limit_of(scene.image)
    colour_map = colours.ink if is_grey else colours.values
    _picture(image, colours, scene.image, colour_map, (0.0 if is_grey else -limit, limit), "image")
    largest = limit_of(scene.kernel)
    _picture(kernel, colours, scene.kernel, colours.values, (-largest, largest), "kernel ⊙ what it covers")
    filled, columns = np.full(scene.made.shape, np.nan, np.float32), scene.made.shape[1]
    largest = limit_of(scene.made)
    drawn = _picture(made, colours, filled, colours.values, (-largest, largest), f"map of {scene.name.split('/')[-1]}")
    window, pixel = _outline(image, colours, scene), _outline(made, colours, scene, is_pixel=True)
    numbers = _numbers(kernel, scene)
    line = figure.text(0.03, 0.945, "", fontsize=10, color=colours.text, va="top")

    def move(row: int, column: int) -> None:
        reached = row * columns + column + 1
        filled.flat[:reached] = scene.made.flat[:reached]
        drawn.set_data(filled)
        window.set_xy((scene.first(column, 1) - 0.5, scene.first(row, 0) - 0.5))
        pixel.set_xy((column - 0.5, row - 0.5))
        covered = scene.covered(row, column)
        for text, weight, cell in zip(numbers, scene.kernel.flat, covered.flat):
            text.set_text(f"{short(float(weight))}\n· {short(float(cell))}")
            text.set_color(colours.page if abs(weight) > 0.7 * limit_of(scene.kernel) else colours.text)
        line.set_text(_told(scene, covered, row, column))

    return move


def _told(scene: _Scene, covered: Array, row: int, column: int) -> str:
    """The sum of a pixel in words and numbers."""
    parts = [f"Σ weight · cell {format_number(float((covered * scene.kernel).sum()), 3)}"]
    if np.abs(scene.others).max() > 1e-4 * np.abs(scene.made).max():
        parts.append(f"other channels {format_number(float(scene.others[row, column]), 3)}")
    if scene.bias:
        parts.append(f"bias {format_number(scene.bias, 3)}")
    return f"pixel ({row}, {column}) = {' + '.join(parts)} = {format_number(float(scene.made[row, column]), 3)}"


def _picture(ax: Axes, colours: Theme, values: Array, colour_map: Any, ends: tuple[float, float], title: str) -> Any:
    dress(ax, colours)
    for spine in ax.spines.values():
        spine.set_visible(True)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=colours.text)
    return ax.imshow(values, cmap=colour_map, vmin=ends[0], vmax=ends[1], interpolation="nearest")


def _outline(ax: Axes, colours: Theme, scene: _Scene, is_pixel: bool = False) -> Rectangle:
    """The frame of the window, or of the pixel that it makes; the axes leave room for windows beyond the image."""
    sizes = [1 if is_pixel else spread(n, d) for n, (_, d, _) in zip(scene.kernel.shape, scene.corner)]
    if not is_pixel:
        rows, columns = scene.made.shape
        ends = [
            (min(scene.first(0, axis), 0) - 0.5, max(scene.first(last - 1, axis) + size, whole) - 0.5)
            for axis, (last, size, whole) in enumerate(zip((rows, columns), sizes, scene.image.shape))
        ]
        ax.set(xlim=ends[1], ylim=ends[0][::-1])
    ink = colours.text if is_pixel else colours.below
    frame = Rectangle((0, 0), sizes[1], sizes[0], fill=False, ec=ink, lw=2.4)
    ax.add_patch(frame)
    return frame


def _numbers(ax: Axes, scene: _Scene) -> list[Any]:
    """A place for the weight and the number that it meets, in each cell of a small kernel."""
    if scene.kernel.shape[1] > _FEW:
        return []
    cells = np.ndindex(*scene.kernel.shape)
    return [ax.text(column, row, "", ha="center", va="center", fontsize=8) for row, column in cells]
