r"""Convolution, its transpose and the gradient of its kernel: one sum of products, seen from three sides.

Letters: N samples, P Q output pixels, H I image pixels, U V taps of the kernel, C input and O output channels. With
stride s, dilation d and a border of p cells before the image, tap u of output pixel p reads image pixel h = s p + d u - p₀.
Everything here follows from one trilinear form. For an image x, a kernel w and an output y let

    S(x, w, y) = Σ x[n, s p + d u - p₀, c] w[u, c, o] y[n, p, o]      over all letters.

S is linear in each of the three. Its derivative by y is the convolution of x with w; its derivative by x is the transposed
convolution of y with w; its derivative by w is the kernel's gradient. So the cotangents of each of the three operations are
the other two: with ȳ the cotangent of y = conv(x, w), x̄ = ∂S(x, w, ȳ)/∂x and w̄ = ∂S(x, w, ȳ)/∂w, and nothing else has to
be derived. Source: Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning, chapters 2 and 4.

Groups split the channels into G equal parts that do not see each other: one more letter k that all three arrays share.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Shape

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]

Sizes = tuple[int, ...]
Padding = str | tuple[tuple[int, int], ...]

_TILE = 1 << 20
"""Cells of the buffer into which the windows of some images are copied: 4 MB, about the size of a cache."""
_SHORT_RUN = 16
"""Neighbouring cells of a window's row below which windows are copied tap by tap instead of pixel by pixel."""


# ---------------------------------------------------------------- where taps lie


def spread(size: int, dilation: int) -> int:
    """How many cells a dilated kernel of this size spans."""
    return (size - 1) * dilation + 1


def borders(padding: Padding, sizes: Shape, kernel: Sizes, strides: Sizes, dilation: Sizes) -> tuple[Any, ...]:
    """Cells of zeros (before, after) along each axis; `same` shares them out, the odd one after; None where unknown."""
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    found: list[Any] = []
    for size, k, s, d in zip(sizes, kernel, strides, dilation):
        total = None if size is None else max((-(-size // s) - 1) * s + spread(k, d) - size, 0)
        found.append(None if total is None else (total // 2, total - total // 2))
    return tuple(found)


def output_sizes(
    who: str, sizes: Shape, kernel: Sizes, strides: Sizes, padding: Padding, dilation: Sizes
) -> tuple[int | None, ...]:
    """How often the kernel fits along each axis; a ShapeError where it does not fit once."""
    found: list[int | None] = []
    for axis, border in enumerate(borders(padding, sizes, kernel, strides, dilation)):
        size, span = sizes[axis], spread(kernel[axis], dilation[axis])
        if size is None:
            found.append(None)
            continue
        whole = size + sum(border)
        if size and whole < span:
            raise ShapeError(
                f"{who}: the kernel is larger than the image", expected=f"at most {whole} cells along axis {axis + 1}",
                received=f"kernel size {kernel[axis]}" + (f", {span} with its dilation" if span != kernel[axis] else ""),
                fix='a smaller kernel, or padding="same"',
            )  # fmt: skip
        found.append(max((whole - span) // strides[axis] + 1, 0))
    return tuple(found)


def taps_of(
    image: Sizes, pixels: Sizes, kernel: Sizes, strides: Sizes, border: Any, dilation: Sizes
) -> Iterator[tuple[Sizes, tuple[slice, ...], tuple[slice, ...]]]:
    """For every tap: its place in the kernel, the image cells it meets inside the image, and the pixels it does that for."""
    for tap in itertools.product(*map(range, kernel)):
        cells, outs = [slice(None)], [slice(None)]
        for axis, u in enumerate(tap):
            s, first = strides[axis], u * dilation[axis] - border[axis][0]
            start = max(0, -(first // s))
            stop = min(pixels[axis], (image[axis] - 1 - first) // s + 1)
            stop = max(stop, start)
            outs.append(slice(start, stop))
            cells.append(
                slice(start * s + first, max((stop - 1) * s + first + 1, 0), s) if stop > start else slice(0, 0)
            )
        yield tap, tuple(cells), tuple(outs)


def blocks_of(samples: int, cells: int) -> Iterator[slice]:
    """Slices of the batch whose windows fill one tile."""
    step = max(1, min(samples, _TILE // max(cells, 1)))
    return (slice(start, min(start + step, samples)) for start in range(0, samples, step))


def _windows(xp: Any, x: Any, kernel: Sizes, strides: Sizes, border: Any, dilation: Sizes) -> Any:
    """A view (N, *pixels, *taps, C) of the image with its border of zeros: what every tap of every pixel reads."""
    rank = len(kernel)
    if any(map(any, border)):
        framed = xp.zeros((len(x), *[n + sum(b) for n, b in zip(x.shape[1:], border)], x.shape[-1]), x.dtype)
        framed[(slice(None), *[slice(b[0], b[0] + n) for n, b in zip(x.shape[1:], border)])] = x
        x = framed
    spans = tuple(map(spread, kernel, dilation))
    view = xp.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(1, rank + 1)))
    steps = [slice(None, None, s) for s in strides], [slice(None, None, d) for d in dilation]
    view = view[(slice(None), *steps[0], slice(None), *steps[1])]
    return view.transpose((0, *range(1, rank + 1), *range(rank + 2, 2 * rank + 2), rank + 1))


def _columns(xp: Any, windows: Any, rank: int) -> Any:
    """The windows of a block as one matrix (pixels, taps and channels)."""
    pixels, inside = math.prod(windows.shape[: rank + 1]), math.prod(windows.shape[rank + 1 :])
    if math.prod(windows.shape[-2:]) >= _SHORT_RUN:
        return xp.ascontiguousarray(windows).reshape(pixels, inside)
    axes = (*range(rank + 1, windows.ndim), *range(rank + 1))
    return xp.ascontiguousarray(windows.transpose(axes)).reshape(inside, pixels).T


# ---------------------------------------------------------------- the three operations


class _Convolving(Op):
    """What the three sides of the form share."""

    kind = "contraction"
    dtype = "float"

    strides: Sizes = (1, 1)
    padding: Padding = "valid"
    dilation: Sizes = (1, 1)
    grouped: bool = False
    """Whether the arrays have a group axis: x (N, ..., G, C), w (..., C, G, O), y (N, ..., G, O)."""

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.strides)

    @property
    def reach(self) -> dict[str, Any]:
        """The attributes that say which cells meet."""
        return {name: getattr(self, name) for name in ("strides", "padding", "dilation", "grouped")}

    def border(self, image: Shape, kernel: Sizes) -> tuple[Any, ...]:
        """Zeros around an image of these spatial sizes."""
        return borders(self.padding, image, kernel, self.strides, self.dilation)

    def letters(self) -> tuple[str, str, str, str]:
        """Axes of the pixels, of the image, of the taps, and of the group."""
        return "pqr"[: self.rank], "hij"[: self.rank], "uvz"[: self.rank], "k," if self.grouped else ""

    def meeting(self, border: Any) -> str:
        """The image cell that tap u of pixel p reads, as indices of a rule."""
        pixels, _, taps, _ = self.letters()
        parts = []
        for axis in range(self.rank):
            s, d, before = self.strides[axis], self.dilation[axis], border[axis][0]
            index = f"{f'{s}*' if s > 1 else ''}{pixels[axis]}+{f'{d}*' if d > 1 else ''}{taps[axis]}"
            parts.append(index + (f"-{before}" if before else ""))
        return ",".join(parts)

    def in_groups(self, xp: Any, y: Any, compute: Any, *arrays: Any) -> Any:
        """The result of `compute`, group by group where there are groups."""
        if not self.grouped:
            return compute(xp, y, *arrays)
        for k in range(y.shape[-2]):
            compute(xp, y[..., k, :], *[a[..., k, :] for a in arrays])
        return y


class Convolution(_Convolving):
    r"""Convolution (more exactly cross-correlation): a small kernel of weights moves over the image.

    1. One pixel: y[n,p,o] = Σ over taps u and channels c of x[n, s p + d u - p₀, c] w[u,c,o]; outside the image x is 0.
    2. x[n,h,c] enters every pixel that has a tap on it with factor w: x̄ is the transposed convolution of ȳ with w.
    3. w[u,c,o] enters every pixel of every sample with factor x: w̄ sums x ȳ over samples and pixels.

    Both are derivatives of the form at the top of this file. The windows of some images at a time are copied into one matrix
    (pixels, taps and channels), so that the sum is a matrix product. Source: LeCun et al. (1998), section II.
    """

    formula = r"y_{p,o} = \sum_{u,c} x_{s p + d u - p_0,\,c}\; w_{u,c,o}"
    gradient = (
        r"\bar x = \bar y \star^\top w",
        r"\bar w_{u,c,o} = \sum_{n,p} x_{n,\,s p + d u - p_0,\,c}\; \bar y_{n,p,o}",
    )
    saves = ("x", "w")

    def rule_for(self, x: Spec, w: Spec) -> str:
        pixels, _, taps, group = self.letters()
        meeting = self.meeting(self.border(x.shape[1 : self.rank + 1], _known(w.shape[: self.rank])))
        out, inside = ",".join(pixels), ",".join(taps)
        return f"y[n,{out},{group}o] = sum_{taps}c x[n,{meeting},{group}c]*w[{inside},c,{group}o]"

    def shapes(self, x: Spec, w: Spec) -> Any:
        rank = self.rank
        _check_ranks(self.name, rank, x, w, self.grouped)
        if x.shape[-1] not in (None, w.shape[rank]):
            raise ShapeError(
                f"{self.name}: image and kernel have different channels", expected=f"{w.shape[rank]} channels (last axis)",
                received=f"image {x.shape}, kernel {w.shape}",
                fix="images are channels-last: (N, H, W, C)" if w.shape[rank] in x.shape[1:-1] else None,
            )  # fmt: skip
        sizes = output_sizes(
            self.name, x.shape[1 : rank + 1], _known(w.shape[:rank]), self.strides, self.padding, self.dilation
        )
        return (x.shape[0], *sizes, *w.shape[rank + 1 :])

    def forward(self, xp: Any, x: Any, w: Any, out: Any = None) -> Any:
        rank = self.rank
        pixels = output_sizes(
            self.name, x.shape[1 : rank + 1], w.shape[:rank], self.strides, self.padding, self.dilation
        )
        shape = (len(x), *pixels, *w.shape[rank + 1 :])
        y = xp.empty(shape, x.dtype) if out is None else out
        return self._by_taps(xp, y, x, w) if _is_depthwise(self, w) else self.in_groups(xp, y, self._by_tiles, x, w)

    def _by_tiles(self, xp: Any, y: Any, x: Any, w: Any) -> Any:
        kernel, weights = w.shape[: self.rank], w.reshape(-1, w.shape[-1])
        border = self.border(x.shape[1:-1], kernel)
        windows = _windows(xp, x, kernel, self.strides, border, self.dilation)
        for block in blocks_of(len(x), math.prod(windows.shape[1:])):
            rows = _columns(xp, windows[block], self.rank)
            if y.flags.c_contiguous:
                xp.matmul(rows, weights, out=y[block].reshape(len(rows), -1))
            else:  # one group of several
                y[block] = xp.matmul(rows, weights).reshape(y[block].shape)
        return y

    def _by_taps(self, xp: Any, y: Any, x: Any, w: Any) -> Any:
        y[...] = 0
        kernel, image = w.shape[: self.rank], x.shape[1 : self.rank + 1]
        border = self.border(image, kernel)
        for tap, cells, pixels in taps_of(image, y.shape[1:], kernel, self.strides, border, self.dilation):
            y[pixels] += x[cells] * w[tap][0]
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, needed: tuple[bool, ...]) -> Any:
        image, kernel = x.shape[1 : self.rank + 1], w.shape[: self.rank]
        return (
            apply(ConvolutionTranspose(**self.reach, size=image), g, w) if needed[0] else None,
            apply(ConvolutionKernel(**self.reach, kernel=kernel), x, g) if needed[1] else None,
        )


class ConvolutionTranspose(_Convolving):
    r"""Transposed convolution: every pixel of x puts a copy of the kernel, times its value, onto a larger image.

    1. y is the derivative by the image of the form at the top of this file: y[n,h,c] = Σ x[n,p,o] w[u,c,o] over the pixels
       p and taps u that meet cell h, s p + d u - p₀ = h. Solved for p: (h + p₀ - d u) / s, where that is a whole number.
    2. x̄ = ∂S(ȳ, w, x)/∂x: the convolution of ȳ with w.
    3. w̄ = ∂S(ȳ, w, x)/∂w: the kernel's gradient of image ȳ and output x.

    Cells that leave the image are dropped. Source: Dumoulin and Visin (2016), chapter 4.
    """

    formula = r"y_{h,c} = \sum_{s p + d u - p_0 = h}\;\sum_o x_{p,o}\; w_{u,c,o}"
    gradient = (r"\bar x = \bar y \star w", r"\bar w_{u,c,o} = \sum_{n,p} \bar y_{n,\,s p + d u - p_0,\,c}\; x_{n,p,o}")
    saves = ("x", "w")

    size: Shape = ()
    """Spatial size of the result."""

    def rule_for(self, x: Spec, w: Spec) -> str:
        _, image, taps, group = self.letters()
        border = self.border(self.size, _known(w.shape[: self.rank]))
        places, guards = [], []
        for axis, (h, u) in enumerate(zip(image, taps)):
            s, d, before = self.strides[axis], self.dilation[axis], border[axis][0]
            place = f"{h}+{before}-{d}*{u}"
            places.append(place if s == 1 else f"floor(({place})/{s})")
            guards += [] if s == 1 else [f"*[({place})%{s}==0]"]
        reads = f"x[n,{','.join(places)},{group}o]*w[{','.join(taps)},c,{group}o]"
        return f"y[n,{','.join(image)},{group}c] = sum_{taps}o {reads}{''.join(guards)}"

    def shapes(self, x: Spec, w: Spec) -> Any:
        _check_ranks(self.name, self.rank, x, w, self.grouped)
        if x.shape[-1] not in (None, w.shape[-1]):
            raise ShapeError(
                f"{self.name}: image and kernel have different channels", expected=f"{w.shape[-1]} channels (last axis)",
                received=f"image {x.shape}, kernel {w.shape}",
            )  # fmt: skip
        groups = w.shape[self.rank + 1 : -1]
        return (x.shape[0], *self.size, *groups, w.shape[self.rank])

    def forward(self, xp: Any, x: Any, w: Any, out: Any = None) -> Any:
        y = (
            xp.empty((len(x), *self.size, *w.shape[self.rank + 1 : -1], w.shape[self.rank]), x.dtype)
            if out is None
            else out
        )
        y[...] = 0
        return self._by_taps(xp, y, x, w) if _is_depthwise(self, w) else self.in_groups(xp, y, self._by_tiles, x, w)

    def _meetings(self, x: Any, w: Any) -> list[Any]:
        kernel = w.shape[: self.rank]
        border = self.border(self.size, kernel)
        return list(taps_of(_known(self.size), x.shape[1:], kernel, self.strides, border, self.dilation))

    def _by_tiles(self, xp: Any, y: Any, x: Any, w: Any) -> Any:
        meetings, channels = self._meetings(x, w), w.shape[self.rank]
        for block in blocks_of(len(x), math.prod(x.shape[1:-1]) * (channels + x.shape[-1])):
            rows, part = x[block].reshape(-1, x.shape[-1]), y[block]
            copies = xp.empty((*x[block].shape[:-1], channels), x.dtype)
            for tap, cells, pixels in meetings:
                xp.matmul(rows, w[tap].T, out=copies.reshape(-1, channels))
                part[cells] += copies[pixels]
        return y

    def _by_taps(self, xp: Any, y: Any, x: Any, w: Any) -> Any:
        for tap, cells, pixels in self._meetings(x, w):
            y[cells] += (x[pixels] * w[tap][0]).sum(-1, keepdims=True)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, needed: tuple[bool, ...]) -> Any:
        return (
            apply(Convolution(**self.reach), g, w) if needed[0] else None,
            apply(ConvolutionKernel(**self.reach, kernel=w.shape[: self.rank]), g, x) if needed[1] else None,
        )


class ConvolutionKernel(_Convolving):
    r"""The gradient of a convolution's kernel: how much each tap's image cells and the output's cotangent go together.

    1. y[u,c,o] = Σ over samples and pixels of x[n, s p + d u - p₀, c] delta[n,p,o]: the derivative by the kernel of the form at
       the top of this file.
    2. x̄ = ∂S(x, ȳ, delta)/∂x: the transposed convolution of delta with ȳ.
    3. δ̄ = ∂S(x, ȳ, delta)/∂delta: the convolution of x with ȳ.
    """

    formula = r"y_{u,c,o} = \sum_{n,p} x_{n,\,s p + d u - p_0,\,c}\; \delta_{n,p,o}"
    gradient = (r"\bar x = \delta \star^\top \bar y", r"\bar\delta = x \star \bar y")
    saves = ("x", "delta")

    kernel: Sizes = ()
    """Spatial size of the kernel."""

    def rule_for(self, x: Spec, delta: Spec) -> str:
        pixels, _, taps, group = self.letters()
        meeting = self.meeting(self.border(x.shape[1 : self.rank + 1], self.kernel))
        reads = f"x[n,{meeting},{group}c]*delta[n,{','.join(pixels)},{group}o]"
        return f"y[{','.join(taps)},c,{group}o] = sum_n{pixels} {reads}"

    def shapes(self, x: Spec, delta: Spec) -> Any:
        _check_ranks(self.name, self.rank, x, delta, self.grouped)
        return (*self.kernel, x.shape[-1], *delta.shape[self.rank + 1 :])

    def forward(self, xp: Any, x: Any, delta: Any, out: Any = None) -> Any:
        y = xp.empty((*self.kernel, x.shape[-1], *delta.shape[self.rank + 1 :]), x.dtype) if out is None else out
        y[...] = 0
        return (
            self._by_taps(xp, y, x, delta)
            if _is_depthwise(self, y)
            else self.in_groups(xp, y, self._by_tiles, x, delta)
        )

    def _by_tiles(self, xp: Any, y: Any, x: Any, delta: Any) -> Any:
        border = self.border(x.shape[1:-1], self.kernel)
        windows = _windows(xp, x, self.kernel, self.strides, border, self.dilation)
        for block in blocks_of(len(x), math.prod(windows.shape[1:])):
            rows = _columns(xp, windows[block], self.rank)
            y += (rows.T @ delta[block].reshape(len(rows), -1)).reshape(y.shape)
        return y

    def _by_taps(self, xp: Any, y: Any, x: Any, delta: Any) -> Any:
        image = x.shape[1 : self.rank + 1]
        border, all_but_groups = self.border(image, self.kernel), tuple(range(self.rank + 1))
        for tap, cells, pixels in taps_of(image, delta.shape[1:], self.kernel, self.strides, border, self.dilation):
            y[tap][0] = (x[cells] * delta[pixels]).sum(all_but_groups)
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, delta: Any, needed: tuple[bool, ...]) -> Any:
        image = x.shape[1 : self.rank + 1]
        return (
            apply(ConvolutionTranspose(**self.reach, size=image), delta, g) if needed[0] else None,
            apply(Convolution(**self.reach), x, g) if needed[1] else None,
        )


class BiasedConvolution(Convolution):
    r"""Convolution plus bias in one pass: y[n,p,o] = Σ x[n, s p + d u - p₀, c] w[u,c,o] + b[o].

    1. x̄ and w̄ are those of the convolution.
    2. b[o] enters every pixel of every sample with factor 1: b̄[o] = Σ ȳ[n,p,o] over samples and pixels. An untied bias has
       one number per pixel, b[p,o], and is summed over the samples only.
    """

    formula = r"y_{p,o} = \sum_{u,c} x_{s p + d u - p_0,\,c}\; w_{u,c,o} + b_o"
    gradient = (  # type: ignore[assignment]  # one line more
        *Convolution.gradient,
        r"\bar b_o = \sum_{n,p} \bar y_{n,p,o}",
    )

    def rule_for(self, x: Spec, w: Spec, b: Spec) -> str:  # type: ignore[override]  # one more input
        pixels, _, _, group = self.letters()
        axes = [*pixels, *group.rstrip(","), "o"]
        return f"{super().rule_for(x, w)} + b[{','.join(axes[len(axes) - b.ndim :])}]"

    def shapes(self, x: Spec, w: Spec, b: Spec) -> Any:  # type: ignore[override]  # one more input
        y = super().shapes(x, w)
        if (
            b.ndim == 0
            or b.ndim >= len(y)
            or any(None not in (m, n) and m != n for m, n in zip(b.shape[::-1], y[::-1]))
        ):
            raise ShapeError(
                f"{self.name}: the bias does not fit",
                expected=f"{y[-1:]}, or one number per pixel: {y[1:]}",
                received=b.shape,
            )
        return y

    def forward(self, xp: Any, x: Any, w: Any, b: Any, out: Any = None) -> Any:  # type: ignore[override]  # one more input
        y = super().forward(xp, x, w, out)
        y += b
        return y

    def vjp(  # type: ignore[override]  # one more input
        self, F: Any, g: Any, y: Any, x: Any, w: Any, b: Any, needed: tuple[bool, ...]
    ) -> Any:
        return (*super().vjp(F, g, y, x, w, needed[:2]), F.sum_to(g, b.shape) if needed[2] else None)

    def compose(self, F: Any, x: Any, w: Any, b: Any) -> Any:
        return apply(Convolution(**self.reach), x, w) + b


# ---------------------------------------------------------------- checks


def _known(sizes: Shape) -> Sizes:
    """Sizes of which none is open."""
    return tuple(int(size or 0) for size in sizes)


def _is_depthwise(op: _Convolving, w: Any) -> bool:
    """One input channel per group: a product per tap, no sum over channels."""
    return op.grouped and w.shape[op.rank] == 1


def _check_ranks(who: str, rank: int, x: Spec, w: Spec, grouped: bool) -> None:
    if not x.ndim == w.ndim == rank + 2 + grouped:
        raise ShapeError(
            f"{who}: wrong number of axes", expected=f"{rank + 2} for {rank} spatial axes",
            received=f"shapes {x.shape} and {w.shape}",
            fix="add the missing channel axis: x[..., None]" if x.ndim == rank + 1 else None,
        )  # fmt: skip


def per_axis(value: Any, rank: int, who: str) -> Sizes:
    """One positive whole number for every spatial axis."""
    sizes = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(sizes) != rank or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ArgumentError(
            f"{who}: not a size per axis", expected=f"a positive whole number, or {rank} of them", received=repr(value)
        )
    return sizes


def checked_padding(padding: Any, rank: int, who: str) -> Padding:
    """The padding in lower case, or as pairs (before, after), one per axis."""
    if isinstance(padding, str) and padding.lower() in ("valid", "same"):
        return padding.lower()
    pairs = padding if isinstance(padding, (list, tuple)) else ()
    if len(pairs) != rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ArgumentError(
            f"{who}: unknown padding",
            expected=f"'valid', 'same' or {rank} pairs (before, after)",
            received=repr(padding),
        )
    return tuple((int(before), int(after)) for before, after in pairs)


def require_channels_last(data_format: str | None, who: str) -> None:
    """Images are channels-last here."""
    if data_format not in (None, "channels_last"):
        raise ArgumentError(
            f"{who}: unknown data_format", expected="channels_last: images are (N, H, W, C)", received=repr(data_format),
            fix="move the channels to the end: np.moveaxis(x, 1, -1)",
        )  # fmt: skip


def _reach(who: str, x: Any, strides: Any, padding: Any, dilation_rate: Any, data_format: str | None) -> dict[str, Any]:
    """The checked arguments of a convolution over x; its spatial axes are all but the first and the last."""
    require_channels_last(data_format, who)
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ShapeError(
            f"{who}: wrong number of axes", expected="(N, T, C), (N, H, W, C) or (N, D, H, W, C)", received=tuple(x.shape),
            fix="add the missing channel axis: x[..., None]" if rank == 0 else None,
        )  # fmt: skip
    return {
        "strides": per_axis(strides, rank, f"{who}: strides"),
        "padding": checked_padding(padding, rank, who),
        "dilation": per_axis(dilation_rate, rank, f"{who}: dilation_rate"),
    }


# ---------------------------------------------------------------- public functions


def conv(
    inputs: Any, kernel: Any, strides: int | Sequence[int] = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1, bias: Any = None,
) -> Any:  # fmt: skip
    """Convolution over one, two or three spatial axes.

    Arguments:
        inputs: shape (N, ..., C), channels last.
        kernel: shape (..., C / groups, O); fewer channels than the inputs have mean groups.
        padding: "valid" (no border), "same" (zeros, so that stride 1 keeps the size), or pairs (before, after) per axis.
        bias: shape (O,), or one number per output pixel: (..., O).

    >>> conv(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    x, w = operand(inputs), operand(kernel)
    reach = _reach("conv", x, strides, padding, dilation_rate, data_format)
    channels, part, outputs = x.shape[-1], w.shape[-2], w.shape[-1]
    if channels is None or len(w.shape) != len(x.shape) or channels == part:
        return apply(Convolution(**reach), x, w) if bias is None else apply(BiasedConvolution(**reach), x, w, bias)
    groups = channels // part if part else 0
    if not groups or channels % part or outputs % groups:
        raise ShapeError(
            "conv: the channels cannot be shared out", expected="input channels and outputs that the groups divide",
            received=f"{channels} channels for a kernel of {part}, {outputs} outputs",
            fix=f"for one group a kernel of shape {(*w.shape[:-2], channels, outputs)}",
        )  # fmt: skip
    y = apply(Convolution(**reach, grouped=True), _split(x, groups), w.reshape((*w.shape[:-1], groups, -1)))
    y = y.reshape((*_open(y.shape[:-2]), outputs))
    return y if bias is None else y + bias


def _open(shape: Shape) -> tuple[int, ...]:
    """A shape to reshape to; the batch may be open."""
    return tuple(-1 if size is None else size for size in shape)


def _split(x: Any, groups: int) -> Any:
    """The channels as (groups, channels of a group)."""
    return x.reshape((*_open(x.shape[:-1]), groups, x.shape[-1] // groups))


def depthwise_conv(
    inputs: Any, kernel: Any, strides: int | Sequence[int] = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:  # fmt: skip
    """Convolution of every channel on its own.

    Arguments:
        inputs: shape (N, ..., C).
        kernel: shape (..., C, M); every channel gives M outputs, channel by channel.

    Returns: shape (N, ..., C * M).

    >>> depthwise_conv(np.ones((1, 3, 2)), np.array([[[1.0], [10.0]]]))[0]
    array([[ 1., 10.],
           [ 1., 10.],
           [ 1., 10.]])
    """
    x, w = operand(inputs), operand(kernel)
    _reach("depthwise_conv", x, strides, padding, dilation_rate, data_format)
    if len(w.shape) != len(x.shape) or x.shape[-1] not in (None, w.shape[-2]):
        raise ShapeError(
            "depthwise_conv: the kernel does not fit", expected=f"one kernel per channel: (..., {x.shape[-1]}, M)",
            received=f"kernel {tuple(w.shape)}",
        )  # fmt: skip
    w = w.reshape((*w.shape[:-2], 1, w.shape[-2] * w.shape[-1]))
    return conv(x, w, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: int | Sequence[int] = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: int | Sequence[int] = 1,
) -> Any:  # fmt: skip
    """A convolution of every channel on its own, then a mixture of the channels at every pixel.

    Arguments:
        depthwise_kernel: shape (..., C, M).
        pointwise_kernel: shape (1, ..., C * M, O).

    >>> separable_conv(np.ones((1, 4, 2)), np.ones((3, 2, 1)), np.ones((1, 2, 5))).shape
    (1, 2, 5)
    """
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel)


def conv_transpose(
    inputs: Any, kernel: Any, strides: int | Sequence[int] = 1, padding: Any = "valid",
    output_padding: int | Sequence[int] | None = None, data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:  # fmt: skip
    """Transposed convolution: every pixel puts a copy of the kernel, times its value, onto a larger image.

    Arguments:
        inputs: shape (N, ..., C).
        kernel: shape (..., O, C).
        padding: "valid" keeps every cell that a kernel touches, "same" gives sizes n * stride.
        output_padding: cells added to the size of each axis, instead of the size that `padding` gives.

    >>> conv_transpose(np.array([[[1.0], [2.0]]]), np.array([[[1.0]], [[10.0]]]), strides=2)[0, :, 0]
    array([ 1., 10.,  2., 20.])
    """
    x, w = operand(inputs), operand(kernel)
    reach = _reach("conv_transpose", x, strides, padding, dilation_rate, data_format)
    rank = len(x.shape) - 2
    given = output_padding if isinstance(output_padding, Sequence) else (output_padding,) * rank
    extra: tuple[int | None, ...] = tuple(given)
    placed = [
        _transposed_axis(n, k, s, d, reach["padding"], more, axis)
        for axis, (n, k, s, d, more) in enumerate(
            zip(x.shape[1:-1], w.shape[:rank], reach["strides"], reach["dilation"], extra, strict=True)
        )
    ]
    reach["padding"] = tuple(border for _, border in placed)
    return apply(ConvolutionTranspose(**reach, size=tuple(size for size, _ in placed)), x, w)


def _transposed_axis(
    n: int | None, kernel: int, stride: int, dilation: int, padding: Padding, extra: int | None, axis: int
) -> tuple[int | None, tuple[int, int]]:
    """Size of one axis of a transposed convolution's result, and the border cut off around it."""
    span = spread(kernel, dilation)
    full = None if n is None else (n - 1) * stride + span
    if not isinstance(padding, str):
        return None if full is None else full - sum(padding[axis]) + (extra or 0), padding[axis]
    if extra is None:
        size = None if n is None else n * stride + (max(span - stride, 0) if padding == "valid" else 0)
        cut = max(span - stride, 0) if padding == "same" else 0
    elif not 0 <= extra < stride:
        raise ArgumentError(
            "conv_transpose: output_padding is too large", expected=f"from 0 to {stride - 1}: less than the stride",
            received=extra,
        )  # fmt: skip
    else:
        cut = max(2 * (span // 2) - extra, 0) if padding == "same" else 0
        size = None if full is None else full + extra - (2 * (span // 2) if padding == "same" else 0)
    return size, (cut // 2, cut - cut // 2)
