r"""Pooling: one number for every window of the image, channel by channel.

Letters as in convolution: tap u of output pixel p meets image cell h = s p + u - p₀. A border of a maximum counts as minus
infinity and a border of a mean is left out of it, so padding never invents a number.

A window's sum is linear in the image, and so is its maximum once it is known which cell won. Each of these maps has a
transpose, which sends a cotangent back to the cells it came from: `WindowSum` and `WindowSpread`, `WinningCells` and
`MaxUnpooling` are two such pairs, and each is the other's vjp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.convolution import (
    blocks_of,
    borders,
    checked_padding,
    output_sizes,
    per_axis,
    require_channels_last,
    taps_of,
)
from glassnet.typing import DType, Shape

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]

Sizes = tuple[int, ...]


class _Pooling(Op):
    """Windows over the spatial axes of an image (N, ..., C)."""

    kind = "opaque"
    promotes = False

    pool_size: Sizes
    strides: Sizes
    padding: str | tuple[tuple[int, int], ...] = "valid"

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.pool_size)

    @property
    def window(self) -> dict[str, Any]:
        """The attributes that say which cells meet."""
        return {name: getattr(self, name) for name in ("pool_size", "strides", "padding")}

    def border(self, image: Shape) -> tuple[Any, ...]:
        """Cells outside an image of this size before and after each axis."""
        return borders(self.padding, image, self.pool_size, self.strides, (1,) * self.rank)

    def pooled(self, x: Any) -> tuple[Any, ...]:
        """The shape of one number per window of x."""
        ones = (1,) * self.rank
        pixels = output_sizes(self.name, x.shape[1:-1], self.pool_size, self.strides, self.padding, ones)
        return (x.shape[0], *pixels, x.shape[-1])

    def taps(self, image: Sizes, pixels: Sizes) -> list[Any]:
        """Every tap's image cells and the pixels that meet them there."""
        border = self.border(image)
        return [
            meeting[1:] for meeting in taps_of(image, pixels, self.pool_size, self.strides, border, (1,) * self.rank)
        ]

    def dtypes(self, x: Spec, *winner: Spec) -> tuple[DType, ...]:
        return (x.dtype,)

    # ---------------------------------------------------------------- parts of the rules
    @property
    def bounds(self) -> str:
        """The letters of the taps with how far they run: u<2,v<2."""
        return ",".join(f"{u}<{size}" for u, size in zip("uvz", self.pool_size))

    @property
    def pixels(self) -> str:
        """The letters of the pixels: p,q."""
        return ",".join("pqr"[: self.rank])

    def cells(self, image: Shape, taps: Sequence[str]) -> str:
        """The image cell that a tap of pixel p meets: 2*p+u,2*q+v."""
        found = []
        for s, p, u, (before, _) in zip(self.strides, "pqr", taps, self.border(image)):
            found.append(f"{f'{s}*' if s > 1 else ''}{p}+{u}" + (f"-{before}" if before else ""))
        return ",".join(found)

    def sources(self, image: Shape) -> tuple[str, str]:
        """The pixel that meets cell h at tap u, and a factor that is 0 where there is none."""
        places, guards = [], ""
        for s, h, u, (before, _) in zip(self.strides, "hij", "uvz", self.border(image)):
            place = f"{h}+{before}-{u}" if before else f"{h}-{u}"
            places.append(place if s == 1 else f"floor(({place})/{s})")
            guards += "" if s == 1 else f"*[({place})%{s}==0]"
        return ",".join(places), guards


# ---------------------------------------------------------------- the largest cell


class MaxPooling(_Pooling):
    r"""The largest number of every window: y[n,p,c] = max over taps u of x[n, s p + u - p₀, c].

    1. Only the largest cell of a window moves y, with factor 1: x̄[h] gets ȳ[p] from every window p that h wins.
    2. Of equal cells the first wins: the residual `winner` keeps its tap, counted row by row.

    Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 9.3.
    """

    formula = r"y_{p,c} = \max_u\, x_{s p + u - p_0,\,c}"
    gradient = r"\bar x_{h,c} = \sum_p \bar y_{p,c}\,[h \text{ wins window } p]"
    residuals = ("winner",)
    saves = ("x", "winner")
    dtype = "float"
    order = 1

    def rule_for(self, x: Spec) -> str:
        return f"y[n,{self.pixels},c] = max_{{{self.bounds}}} x[n,{self.cells(x.shape[1:-1], 'uvz')},c]"

    def shapes(self, x: Spec) -> Any:
        return self.pooled(x), self.pooled(x)

    def dtypes(self, x: Spec, *winner: Spec) -> Any:
        return x.dtype, "uint8" if math.prod(self.pool_size) < 256 else "int32"

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        shape = self.pooled(x)
        y, winner = (xp.empty(shape, x.dtype), xp.empty(shape, self.dtypes(x)[1])) if out is None else out
        y[...], winner[...] = -xp.inf, 0
        taps = self.taps(x.shape[1:-1], shape[1:-1])
        for block in blocks_of(len(x), math.prod(x.shape[1:])):  # blocks stay in the cache from tap to tap
            image, best, tap_of_best = x[block], y[block], winner[block]
            for number, (cells, pixels) in enumerate(taps):
                found, largest, taken = image[cells], best[pixels], tap_of_best[pixels]
                xp.maximum(taken, (found > largest) * taken.dtype.type(number), out=taken)
                xp.maximum(largest, found, out=largest)
        return y, winner

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return (apply(MaxUnpooling(**self.window, size=x.shape[1:-1]), g, y[1]),)

    def compose(self, F: Any, x: Any) -> Any:
        windows = _stacked_windows(F, self, x)
        return F.squeeze(F.take_along_axis(windows, F.argmax(windows, axis=0, keepdims=True), axis=0), 0)


def _stacked_windows(F: Any, op: _Pooling, x: Any) -> Any:
    """All taps as a leading axis: what each of them reads at every pixel, minus infinity outside the image."""
    image, (_, *pixels, _) = x.shape[1:-1], op.pooled(x)
    border = op.border(image)
    framed = F.pad(x, ((0, 0), *border, (0, 0)), constant_values=-math.inf) if any(map(any, border)) else x
    large = tuple(n + sum(b) for n, b in zip(image, border))
    inside = ((0, 0),) * op.rank
    taps = taps_of(large, tuple(pixels), op.pool_size, op.strides, inside, (1,) * op.rank)
    return F.stack([framed[cells] for _, cells, _ in taps], axis=0)


class MaxUnpooling(_Pooling):
    r"""Sends every window's number to the cell that won it: y[n,h,c] = Σ over windows p of x[n,p,c] [h wins p].

    1. x[n,p,c] enters one cell, the winner's, with factor 1: x̄[n,p,c] = ȳ at the winner of p.
    """

    formula = r"y_{h,c} = \sum_p x_{p,c}\,[h \text{ wins window } p]"
    gradient = r"\bar x_{p,c} = \bar y_{\text{winner of } p,\,c}"
    saves = ("winner",)

    size: Shape = ()
    """Spatial size of the result."""

    def rule_for(self, x: Spec, winner: Spec) -> str:
        pixel, guards = self.sources(self.size)
        image, number = ",".join("hij"[: self.rank]), "u"
        for u, size in zip("vz", self.pool_size[1:]):
            number = f"({number})*{size}+{u}" if len(number) > 1 else f"{number}*{size}+{u}"
        term = f"x[n,{pixel},c]*[winner[n,{pixel},c]=={number}]{guards}"
        return f"y[n,{image},c] = sum_{{{self.bounds}}} {term}"

    def shapes(self, x: Spec, winner: Spec) -> Any:
        return (x.shape[0], *self.size, x.shape[-1])

    def forward(self, xp: Any, x: Any, winner: Any, out: Any = None) -> Any:
        y = xp.empty((len(x), *self.size, x.shape[-1]), x.dtype) if out is None else out
        y[...] = 0
        taps = self.taps(y.shape[1:-1], x.shape[1:-1])
        for block in blocks_of(len(x), math.prod(y.shape[1:])):
            image, sent, won = y[block], x[block], winner[block]
            for number, (cells, pixels) in enumerate(taps):
                image[cells] += sent[pixels] * (won[pixels] == number)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, winner: Any, needed: tuple[bool, ...]) -> Any:
        return apply(WinningCells(**self.window), g, winner), None


class WinningCells(_Pooling):
    r"""Reads every window's winning cell: y[n,p,c] = x at the winner of window p.

    1. A cell enters the windows it wins with factor 1: x̄ sends ȳ[p] to the winner of p.
    """

    formula = r"y_{p,c} = x_{\text{winner of } p,\,c}"
    gradient = r"\bar x_{h,c} = \sum_p \bar y_{p,c}\,[h \text{ wins window } p]"
    saves = ("winner",)

    def rule_for(self, x: Spec, winner: Spec) -> str:
        won, taps = f"winner[n,{self.pixels},c]", []
        for axis, size in enumerate(self.pool_size):
            inner = math.prod(self.pool_size[axis + 1 :])
            tap = f"floor({won}/{inner})" if inner > 1 else won
            taps.append(f"{tap}%{size}" if axis else tap)
        return f"y[n,{self.pixels},c] = x[n,{self.cells(x.shape[1:-1], taps)},c]"

    def shapes(self, x: Spec, winner: Spec) -> Any:
        return winner.shape

    def forward(self, xp: Any, x: Any, winner: Any, out: Any = None) -> Any:
        y = xp.empty(winner.shape, x.dtype) if out is None else out
        for number, (cells, pixels) in enumerate(self.taps(x.shape[1:-1], winner.shape[1:-1])):
            xp.copyto(y[pixels], x[cells], where=winner[pixels] == number)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, winner: Any, needed: tuple[bool, ...]) -> Any:
        return apply(MaxUnpooling(**self.window, size=x.shape[1:-1]), g, winner), None


# ---------------------------------------------------------------- sums


class WindowSum(_Pooling):
    r"""The sum of every window: y[n,p,c] = Σ over taps u of x[n, s p + u - p₀, c]; outside the image x is 0.

    1. A cell enters every window that has a tap on it with factor 1: x̄[h] = Σ of ȳ[p] over the windows p that contain h.
    """

    formula = r"y_{p,c} = \sum_u x_{s p + u - p_0,\,c}"
    gradient = r"\bar x_{h,c} = \sum_{p:\, h \in \text{window } p} \bar y_{p,c}"
    dtype = "float"

    def rule_for(self, x: Spec) -> str:
        return f"y[n,{self.pixels},c] = sum_{{{self.bounds}}} x[n,{self.cells(x.shape[1:-1], 'uvz')},c]"

    def shapes(self, x: Spec) -> Any:
        return self.pooled(x)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        shape = self.pooled(x)
        y = xp.empty(shape, x.dtype) if out is None else out
        y[...] = 0
        for cells, pixels in self.taps(x.shape[1:-1], shape[1:-1]):
            y[pixels] += x[cells]
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return (apply(WindowSpread(**self.window, size=x.shape[1:-1]), g),)


class WindowSpread(_Pooling):
    r"""Adds every window's number to all of its cells: y[n,h,c] = Σ of x[n,p,c] over the windows p that contain h.

    1. x[n,p,c] enters every cell of its window with factor 1: x̄[p] is the sum of ȳ over window p.
    """

    formula = r"y_{h,c} = \sum_{p:\, h \in \text{window } p} x_{p,c}"
    gradient = r"\bar x_{p,c} = \sum_u \bar y_{s p + u - p_0,\,c}"

    size: Shape = ()
    """Spatial size of the result."""

    def rule_for(self, x: Spec) -> str:
        pixel, guards = self.sources(self.size)
        return f"y[n,{','.join('hij'[: self.rank])},c] = sum_{{{self.bounds}}} x[n,{pixel},c]{guards}"

    def shapes(self, x: Spec) -> Any:
        return (x.shape[0], *self.size, x.shape[-1])

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.empty((len(x), *self.size, x.shape[-1]), x.dtype) if out is None else out
        y[...] = 0
        for cells, pixels in self.taps(y.shape[1:-1], x.shape[1:-1]):
            y[cells] += x[pixels]
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return (apply(WindowSum(**self.window), g),)


# ---------------------------------------------------------------- public functions


def _window(who: str, x: Any, pool_size: Any, strides: Any, padding: Any, data_format: str | None) -> dict[str, Any]:
    """The checked arguments of a pooling of x; its spatial axes are all but the first and the last."""
    require_channels_last(data_format, who)
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ShapeError(
            f"{who}: wrong number of axes", expected="(N, T, C), (N, H, W, C) or (N, D, H, W, C)", received=tuple(x.shape),
            fix="add the missing channel axis: x[..., None]" if rank == 0 else None,
        )  # fmt: skip
    size = per_axis(pool_size, rank, f"{who}: pool_size")
    steps = size if strides is None else per_axis(strides, rank, f"{who}: strides")
    return {"pool_size": size, "strides": steps, "padding": checked_padding(padding, rank, who)}


def max_pool(
    inputs: Any, pool_size: int | Sequence[int], strides: int | Sequence[int] | None = None, padding: Any = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The largest number of every window, channel by channel.

    Arguments:
        inputs: shape (N, ..., C), channels last.
        strides: cells from one window to the next; the pool size by default.
        padding: "valid", or "same" (n / stride windows, rounded up); cells outside never win.

    >>> max_pool(np.array([[[1.0], [5.0], [2.0], [3.0]]]), 2)[0, :, 0]
    array([5., 3.])
    """
    x = operand(inputs)
    return apply(MaxPooling(**_window("max_pool", x, pool_size, strides, padding, data_format)), x)


def average_pool(
    inputs: Any, pool_size: int | Sequence[int], strides: int | Sequence[int] | None = None, padding: Any = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The mean of every window, channel by channel; cells outside the image are not counted.

    Arguments: as `max_pool`.

    >>> average_pool(np.array([[[1.0], [5.0], [2.0], [4.0]]]), 2)[0, :, 0]
    array([3., 3.])
    """
    x = operand(inputs)
    window = _window("average_pool", x, pool_size, strides, padding, data_format)
    total = apply(WindowSum(**window), x)
    if window["padding"] == "valid":
        return total / math.prod(window["pool_size"])
    return total / apply(WindowSum(**window), F.ones_like(x[:1, ..., :1]))


def adaptive_average_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Any:
    """Means of windows that share an image out evenly: part i of m of n cells runs from ⌊i n/m⌋ to ⌈(i+1) n/m⌉.

    >>> adaptive_average_pool(np.array([[[1.0], [5.0], [3.0]]]), 2)[0, :, 0]
    array([3., 4.])
    """
    return _adaptive("adaptive_average_pool", inputs, output_size, data_format, F.mean)


def adaptive_max_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Any:
    """The largest numbers of windows that share an image out evenly, as in `adaptive_average_pool`.

    >>> adaptive_max_pool(np.array([[[1.0], [5.0], [3.0]]]), 2)[0, :, 0]
    array([5., 5.])
    """
    return _adaptive("adaptive_max_pool", inputs, output_size, data_format, F.max)


def _adaptive(who: str, inputs: Any, output_size: Any, data_format: str | None, reduce: Callable[..., Any]) -> Any:
    y = operand(inputs)
    _window(who, y, 1, None, "valid", data_format)
    for axis, parts in enumerate(per_axis(output_size, len(y.shape) - 2, f"{who}: output_size"), start=1):
        size = y.shape[axis]
        if size is None:
            raise ArgumentError(f"{who}: the size of the image must be known", expected="known sizes", received=y.shape)
        cuts = [slice(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]
        before = (slice(None),) * axis
        y = F.stack([reduce(y[(*before, cut)], axis=axis) for cut in cuts], axis=axis)
    return y
