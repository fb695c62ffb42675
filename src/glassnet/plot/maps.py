"""Networks on images: the filters of a convolution as pictures, and the maps that a layer makes of an image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers.base import Layer
from glassnet.plot.layers import layer_outputs
from glassnet.plot.sheet import finished, framed, limit_of, points_wide, scale_bar, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.plot.tile import draw_picture
from glassnet.typing import Array

_MOST = 64
_GAP = 0.12
"""Between pictures, as a share of their width."""


def kernels(
    source: Any, channel: int = 0, limit: float | None = None, ax: Axes | None = None, theme: str = "light"
) -> Any:
    """The filters of a convolution as pictures on one scale: what each looks for in one channel of its input.

    Arguments:
        source: a layer with a kernel (KH, KW, C, O), or such an array; the first 64 filters are drawn.
        channel: which of the C input channels.
        limit: where the scale ends; by default where nearly all weights of the layer do.

    >>> import glassnet as gn
    >>> gn.plot.kernels(np.eye(3).reshape(3, 3, 1, 1)).alt_text
    'Kernel: 1 filter of 3 x 3 weights, from 0 to 1.'
    """
    name, kernel, bias = _read_kernel(source)
    height, width, channels, filters = kernel.shape
    if not -channels <= channel < channels:
        raise ArgumentError(
            "plot.kernels: there is no such channel", expected=f"0 to {channels - 1}", received=f"channel={channel}"
        )
    if limit is not None and not 0 < limit < math.inf:
        raise ArgumentError("plot.kernels: limit", expected="a number above 0", received=limit)
    labels = [str(k) if bias is None else f"{k}: b {bias[k]:+.3f}".replace("-", "−") for k in range(filters)]
    seen = f" through channel {channel % channels} of {channels}" if channels > 1 else ""
    what = f"{name}: {_count(filters, 'filter')} of {height} x {width} weights{seen}"
    note = "b: bias" if bias is not None else ""
    pictures = np.moveaxis(kernel[:, :, channel], -1, 0)
    return _side_by_side(pictures, labels, limit or limit_of(kernel), (what, note, "weight"), ax, theme)


def feature_maps(model: Any, x: Any, layer: Any = None, ax: Axes | None = None, theme: str = "light") -> Any:
    """What a layer makes of one image: a picture per channel, all on one scale.

    Arguments:
        x: one image (H, W, C), or a batch of one.
        layer: name, index or the layer itself, with outputs (H, W, C); by default the first. 64 channels are drawn.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4, 4, 1)), gn.layers.Conv2D(2, 3, kernel_initializer="ones", name="conv")])
    >>> gn.plot.feature_maps(model, np.ones((4, 4, 1))).alt_text
    'Maps of conv: 2 channels of 2 x 2 pixels, from 9 to 9.'
    """
    x = np.asarray(x, np.float32)
    x = x[None] if x.ndim == 3 else x
    if x.ndim != 4 or len(x) != 1:
        raise ArgumentError(
            "plot.feature_maps: x is one image", expected="shape (H, W, C)", received=f"shape {x.shape}",
            fix="add the channel axis: x[..., None]" if x.ndim == 2 else "x[:1]",
        )  # fmt: skip
    found = {name: values for name, values in layer_outputs(model, x).items() if values.ndim == 4}
    name = _chosen(model, layer, found)
    maps = np.moveaxis(found[name][0], -1, 0)
    count, height, width = maps.shape
    what = f"Maps of {name}: {_count(count, 'channel')} of {height} x {width} pixels"
    return _side_by_side(maps, list(map(str, range(count))), limit_of(maps), (what, "", "activation"), ax, theme)


def _chosen(model: Any, layer: Any, found: dict[str, Array]) -> str:
    """The name of the layer that is meant, among those with images."""
    if isinstance(layer, int):
        layer = model.get_layer(index=layer)
    wanted = next(iter(found), None) if layer is None else getattr(layer, "name", layer)
    if wanted not in found:
        raise GraphError(
            f"plot.feature_maps: {'no layer' if layer is None else repr(wanted)} gives images",
            expected=f"one of {', '.join(found)}" if found else "a layer with outputs (H, W, C), such as Conv2D",
        )
    return str(wanted)


def _read_kernel(source: Any) -> tuple[str, Array, Array | None]:
    """Name, kernel and bias."""
    if isinstance(source, Layer):
        weight, bias = (getattr(source, part, None) for part in ("kernel", "bias"))
        if weight is None or weight.ndim != 4:
            raise GraphError(
                f"plot.kernels: {source} has no kernel of images", expected="a built Conv2D, with weights (KH, KW, C, O)",
                received="no kernel" if weight is None else f"a kernel {weight.shape}",
            )  # fmt: skip
        return f"Kernel of {source}", weight.numpy(), None if bias is None else bias.numpy()
    kernel = np.asarray(source)
    if kernel.ndim != 4 or not kernel.size or kernel.dtype.kind not in "fiu":
        raise ShapeError(
            "plot.kernels: the array is not a kernel", expected="numbers of shape (KH, KW, C, O)", received=kernel.shape
        )
    return "Kernel", kernel, None


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


def _side_by_side(
    pictures: Array, labels: list[str], limit: float, told: tuple[str, str, str], ax: Axes | None, theme: str
) -> Any:
    """Pictures (K, H, W) with their labels; `told`: what they are, a note, and what a number is."""
    what, note, number = told
    count, (height, width) = min(len(pictures), _MOST), pictures.shape[1:]
    columns = min(count, math.ceil(math.sqrt(1.7 * count * height / width)))
    rows = math.ceil(count / columns)
    across, down = (1 + _GAP) * width, height + 0.26 * width
    tile = float(np.clip(11 / columns, 0.62, 1.5))
    size = (max(columns * tile, 4.2) + 1.0, rows * tile * down / across + 0.9)
    with sheet(ax, theme, size) as (ax, colours):
        for k in range(count):
            _draw_tile(ax, colours, pictures[k], labels[k], (k % columns * across, -(k // columns) * down), limit)
        point = points_wide(ax) / columns
        for text in ax.texts:
            text.set_fontsize(float(np.clip(point / 8.5, 4.5, 8)))
        ax.set(xlim=(-0.02 * width, columns * across), ylim=(-(rows - 1) * down - height, 0.26 * width))
        ax.set_aspect("equal", anchor="NW")
        ax.set_axis_off()
        more = f"the first {count} of {len(pictures)}" if count < len(pictures) else ""
        titled(ax, colours, what, " · ".join(filter(None, [note, more])))
        scale_bar(ax, colours, ax.images[-1], number, signed=True, largest=float(np.abs(pictures).max()), height=0.8)
        low, high = (format_number(end, 3) for end in (pictures.min(), pictures.max()))
        return finished(ax, f"{what}, from {low} to {high}.")


def _draw_tile(ax: Axes, colours: Theme, picture: Array, label: str, corner: tuple[float, float], limit: float) -> None:
    """One picture, its label and its frame; `corner` is top left."""
    (x, y), (height, width) = corner, picture.shape
    draw_picture(ax, colours, picture, (x, x + width, y - height, y), limit, "value")
    framed(ax, colours, x, y - height, width, height)
    ax.text(x, y + 0.03 * width, label, color=colours.dim, va="bottom")
