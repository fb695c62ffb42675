r"""Reading images at places between their pixels, and sending numbers back to the pixels that they were read from.

A place is given in pixels, rows first: (0, 0) is the centre of the first pixel. Reading is `LinearSampling`; its
transpose `LinearSplatting` is its gradient. What they are for stands in `image`.
"""

from __future__ import annotations

import math
from typing import Any

from glassnet.autograd.op import Op, apply
from glassnet.autograd.spec import Spec
from glassnet.errors import ShapeError
from glassnet.ops.convolution import blocks_of
from glassnet.typing import Shape

FILL_MODES = ("constant", "nearest", "reflect", "mirror", "wrap")


class _Resampling(Op):
    """What reading and its transpose share: which pixels a place meets, and with which weights.

    Outside of the image stands, for a row a b c d:

    | fill_mode | left | right |
    |---|---|---|
    | constant | 0 0 0 | 0 0 0 |
    | nearest | a a a | d d d |
    | reflect | c b a | d c b |
    | mirror | d c b | c b a |
    | wrap | b c d | a b c |
    """

    kind = "opaque"

    linear: bool = True
    """Whether the pixels beside the place are blended, or the nearest one is taken."""
    fill_mode: str = "constant"

    def folded(self, xp: Any, t: Any, n: int) -> Any:
        """Places along an axis of n pixels as places inside of it, or at most one pixel beside it; in place."""
        if self.fill_mode == "constant":
            return xp.clip(t, -1, n, out=t)
        if self.fill_mode == "wrap":
            t -= n * xp.floor(t * (1 / n))
            return t
        if self.fill_mode != "nearest":  # a triangle wave: 0 at the first pixel's outer edge, or at its centre
            period, edge = (2 * n, 0.5) if self.fill_mode == "reflect" else (max(2 * (n - 1), 1), 0.0)
            t += edge
            t *= 1 / period
            t -= xp.rint(t)
            xp.abs(t, out=t)
            t *= period
            t -= edge
        return xp.clip(t, 0, n - 1, out=t)

    def met(self, xp: Any, at: Any, sizes: Any) -> Any:
        """Of every place the first pixel that it meets, counted in the framed image, and the weights of the next ones."""
        first, rest, steps = 0, [], self.steps(sizes)
        for axis, (n, step) in enumerate(zip(sizes, steps)):
            t = self.folded(xp, xp.array(at[:, axis]), n)
            if not self.linear:
                t += 0.5
            low = xp.floor(t)
            t -= low
            rest.append(t)
            first = first + step * low.astype("int32")
        image = math.prod(_framed(sizes)) * xp.arange(len(at)) + sum(steps)
        return first + image[:, None], rest, steps

    def steps(self, sizes: Any) -> list[int]:
        """How many pixels of the framed image lie between neighbours, axis by axis."""
        large = _framed(sizes)
        return [math.prod(large[axis + 1 :]) for axis in range(len(large))]

    def weights(self, sizes: Any) -> str:
        """For the rule: the weight of pixel h,w,... at place p."""
        return "*".join(
            _weight(self.linear, self.fill_mode, f"at[n,{axis},p]", letter, n)
            for axis, (letter, n) in enumerate(zip("hwd", sizes))
        )

    def slopes(self, F: Any, x: Any, g: Any, at: Any) -> Any:
        """The gradient of <g, x read at the places> in the places: between two pixels x is a straight line."""
        rows = [at[:, axis] for axis in range(at.shape[1])]
        read = LinearSampling(True, self.fill_mode)
        found = []
        for axis, row in enumerate(rows):
            low = F.floor(row)
            ends = [F.stack([*rows[:axis], end, *rows[axis + 1 :]], axis=1) for end in (low, low + 1)]
            rise = apply(read, x, ends[1]) - apply(read, x, ends[0])
            found.append((g * rise).sum(axis=-1))
        return F.stack(found, axis=1)


def _framed(sizes: Any) -> list[int]:
    """Sizes with the frame: one pixel before, two after."""
    return [n + 3 for n in sizes]


def _inside(sizes: Any) -> tuple[slice, ...]:
    """The image in its frame."""
    return (slice(None), *[slice(1, n + 1) for n in sizes])


def _weight(linear: bool, fill_mode: str, place: str, pixel: str, n: int) -> str:
    """The rule's text for the weight of one pixel at a place along one axis of n pixels."""
    period = {"reflect": 2 * n, "mirror": max(2 * (n - 1), 1)}.get(fill_mode, n)
    if fill_mode == "wrap":
        place = f"({place}-{n}*floor({place}/{n}))"
    elif fill_mode == "nearest":
        place = f"min(max({place},0),{n - 1})"
    elif fill_mode == "reflect":
        turn = f"({place}+0.5)/{period}"
        place = f"min(max({period}*abs({turn}-round({turn}))-0.5,0),{n - 1})"
    elif fill_mode == "mirror":
        place = f"{2 * (n - 1)}*abs({place}/{period}-round({place}/{period}))"

    def weight(of: str) -> str:
        return f"max(0,1-abs({of}))" if linear else f"[floor({of}+0.5)==0]"

    if fill_mode == "wrap":  # beyond the last pixel comes the first one
        return f"({weight(f'{place}-{pixel}')}+{weight(f'{place}-{pixel}-{n}')})"
    return weight(f"{place}-{pixel}")


class LinearSampling(_Resampling):
    r"""Images read at places between their pixels: y[n,p,c] = Σ_h Σ_w x[n,h,w,c] k(r-h) k(s-w), k(t) = max(0, 1-|t|).

    (r, s) = at[n,:,p] is a place. Only the two rows and the two columns beside it have a weight that is not 0; with
    fractions u = r - ⌊r⌋ and v = s - ⌊s⌋ it is a blend of four pixels.

    1. x[n,h,w,c] enters y[n,p,c] with factor k(r-h) k(s-w), so x̄ sends ȳ back with these weights: LinearSplatting.
    2. Between two rows y is a straight line in r, so ∂y/∂r = y(⌊r⌋+1, s) - y(⌊r⌋, s): two more readings. The same for s.
    3. r̄[n,p] = Σ_c ȳ[n,p,c] ∂y[n,p,c]/∂r: all channels are read at the same place.

    Without `linear` the nearest pixel is taken and no place has a gradient. Source: Jaderberg et al. (2015), Spatial
    Transformer Networks, eq. 5 to 7.
    """

    formula = r"y_{p,c} = \sum_{h,w} x_{h,w,c}\,k(r_p - h)\,k(s_p - w),\quad k(t) = \max(0, 1 - |t|)"
    gradient = (
        r"\bar x_{h,w,c} = \sum_p \bar y_{p,c}\,k(r_p - h)\,k(s_p - w)",
        r"\bar r_p = \sum_c \bar y_{p,c}\,\bigl(y_c(\lfloor r_p \rfloor + 1, s_p) - y_c(\lfloor r_p \rfloor, s_p)\bigr)",
    )
    saves = ("x", "at")
    dtype = "float"

    def rule_for(self, x: Spec, at: Spec) -> str:
        letters = "hwd"[: x.ndim - 2]
        return f"y[n,p,c] = sum_{letters} x[n,{','.join(letters)},c]*{self.weights(x.shape[1:-1])}"

    def shapes(self, x: Spec, at: Spec) -> Shape:
        fits = at.ndim == 3 and at.shape[1] == x.ndim - 2 and len({x.shape[0], at.shape[0]} - {None}) < 2
        if not fits or 0 in x.shape[1:-1]:
            raise ShapeError(
                f"{self.name}: places do not fit the images", expected="images (N, H, W, C) and places (N, 2, P)",
                received=f"{x.shape} and {at.shape}",
            )  # fmt: skip
        return (x.shape[0], at.shape[2], x.shape[-1])

    def forward(self, xp: Any, x: Any, at: Any, out: Any = None) -> Any:
        y = xp.empty((len(x), at.shape[2], x.shape[-1]), x.dtype) if out is None else out
        for block in blocks_of(len(x), 8 * max(math.prod(x.shape[1:]), at[:1].size)):  # a block stays in the cache
            y[block] = self._read(xp, x[block], at[block])
        return y

    def _read(self, xp: Any, x: Any, at: Any) -> Any:
        sizes, channels = x.shape[1:-1], x.shape[-1]
        frame = xp.zeros((len(x), *_framed(sizes), channels), x.dtype)
        frame[_inside(sizes)] = x
        if self.fill_mode == "wrap":
            for axis, n in enumerate(sizes, 1):
                frame.swapaxes(0, axis)[n + 1] = frame.swapaxes(0, axis)[1]
        first, rest, steps = self.met(xp, at, sizes)
        pixels = frame.reshape(-1, channels) if channels > 1 else frame.reshape(-1)

        def along(axis: int, offset: int) -> Any:
            """The blend over this axis and the later ones, `offset` pixels behind the first."""
            if axis == len(sizes):
                return pixels[offset:].take(first, axis=0)
            y = along(axis + 1, offset)
            if self.linear:
                rise = along(axis + 1, offset + steps[axis])
                rise -= y
                rise *= rest[axis] if channels == 1 else rest[axis][..., None]
                y += rise
            return y

        return along(0, 0).reshape(*at.shape[::2], channels)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, at: Any, needed: tuple[bool, ...]) -> Any:
        return (
            apply(LinearSplatting(self.linear, self.fill_mode, x.shape[1:-1]), g, at) if needed[0] else None,
            self.slopes(F, x, g, at) if needed[1] and self.linear else None,
        )


class LinearSplatting(_Resampling):
    r"""Numbers sent to the pixels beside their places: y[n,h,w,c] = Σ_p x[n,p,c] k(r-h) k(s-w), k(t) = max(0, 1-|t|).

    1. x[n,p,c] enters y[n,h,w,c] with factor k(r-h) k(s-w), so x̄ reads ȳ at the places: LinearSampling.
    2. <ȳ, y> = <x, ȳ read at the places>, so the places get the gradient of a reading of ȳ, with x in the part of the
       cotangent.
    """

    formula = r"y_{h,w,c} = \sum_p x_{p,c}\,k(r_p - h)\,k(s_p - w)"
    gradient = (
        r"\bar x_{p,c} = \sum_{h,w} \bar y_{h,w,c}\,k(r_p - h)\,k(s_p - w)",
        r"\bar r_p = \sum_c x_{p,c}\,\bigl(\bar y_c(\lfloor r_p \rfloor + 1, s_p) - \bar y_c(\lfloor r_p \rfloor, s_p)\bigr)",
    )
    saves = ("x", "at")

    sizes: tuple[int, ...] = ()
    """Spatial sizes of the result."""

    def rule_for(self, x: Spec, at: Spec) -> str:
        return f"y[n,{','.join('hwd'[: len(self.sizes)])},c] = sum_p x[n,p,c]*{self.weights(self.sizes)}"

    def shapes(self, x: Spec, at: Spec) -> Shape:
        return (x.shape[0], *self.sizes, x.shape[-1])

    def forward(self, xp: Any, x: Any, at: Any) -> Any:
        sizes, channels = self.sizes, x.shape[-1]
        frame = xp.zeros((len(x), *_framed(sizes), channels), x.dtype)
        first, rest, steps = self.met(xp, at, sizes)

        def send(share: Any, axis: int, offset: int) -> None:
            """Split what is left of x along this axis and the later ones, then add it `offset` pixels behind the first."""
            if axis == len(sizes):
                places = (first[..., None] + offset) * channels + xp.arange(channels)
                xp.add.at(frame.reshape(-1), places.reshape(-1), share.reshape(-1))
            elif self.linear:
                beyond = rest[axis][..., None] * share
                send(share - beyond, axis + 1, offset)
                send(beyond, axis + 1, offset + steps[axis])
            else:
                send(share, axis + 1, offset)

        send(x, 0, 0)
        if self.fill_mode == "wrap":
            for axis, n in enumerate(sizes, 1):
                frame.swapaxes(0, axis)[1] += frame.swapaxes(0, axis)[n + 1]
        return frame[_inside(sizes)].copy()

    def vjp(self, F: Any, g: Any, y: Any, x: Any, at: Any, needed: tuple[bool, ...]) -> Any:
        return (
            apply(LinearSampling(self.linear, self.fill_mode), g, at) if needed[0] else None,
            self.slopes(F, g, x, at) if needed[1] and self.linear else None,
        )
