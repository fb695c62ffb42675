r"""Resampling: images made larger by whole factors, and pixels moved between the image plane and the channels.

Images are channels-last: (N, H, W, C). Nothing is computed here; each output cell is one input cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.convolution import require_channels_last
from glassnet.ops.shape import AXES, known_size, reshape, transpose
from glassnet.typing import Shape

__all__ = ["depth_to_space", "space_to_depth", "upsample"]


class Upsample(Op):
    r"""Every cell repeated along the axes between the first and the last: y[n, a, b, c] = x[n, ⌊a/s⌋, ⌊b/t⌋, c].

    1. Each x stands in s t cells of y, with factor 1.
    2. So x̄ is the sum of ȳ over these cells, a block of s rows and t columns.
    """

    formula = r"y_{n,a,b,c} = x_{n,\lfloor a/s \rfloor,\lfloor b/t \rfloor,c}"
    gradient = r"\bar x = \text{the sum of } \bar y \text{ over the block of each } x"
    kind = "opaque"

    times: tuple[int, ...]

    def rule_for(self, x: Spec) -> str:
        letters = AXES[: x.ndim]
        inside = [f"floor({a}/{s})" for a, s in zip(letters[1:-1], self.times)]
        return f"y[{','.join(letters)}] = x[{','.join([letters[0], *inside, letters[-1]])}]"

    def shapes(self, x: Spec) -> Shape:
        inner = [None if n is None else n * s for n, s in zip(x.shape[1:-1], self.times)]
        return (x.shape[0], *inner, x.shape[-1])

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        y = xp.empty(self.shapes(x), x.dtype) if out is None else out
        blocks = y.reshape(self.blocks(x.shape))
        blocks[...] = x[(slice(None), *(slice(None), None) * len(self.times))]
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        inside = tuple(range(2, 2 * len(self.times) + 1, 2))
        return F.sum(F.reshape(g, self.blocks(x.shape)), inside)

    def blocks(self, shape: Any) -> tuple[int, ...]:
        """The shape of y with the repetitions of each cell as an axis of their own."""
        return shape[0], *[n for pair in zip(shape[1:-1], self.times) for n in pair], shape[-1]


def upsample(x: Any, times: int | Sequence[int]) -> Any:
    """Every cell repeated along rows, columns, ...: all axes but the first and the last.

    Arguments:
        times: how often, one number or one for each of these axes.

    >>> upsample(np.array([[[3.0], [4.0]]]), 2)
    array([[[3.],
            [3.],
            [4.],
            [4.]]])
    """
    x = operand(x)
    inner = len(x.shape) - 2
    counts = (times,) * inner if isinstance(times, int) else tuple(times)
    if inner < 1 or len(counts) != inner or min(counts) < 1:
        raise ArgumentError(
            "upsample: one whole number for each axis between the first and the last", received=f"{times=}",
            expected=f"{max(inner, 1)} numbers of at least 1 for shape {tuple(x.shape)}",
        )  # fmt: skip
    return apply(Upsample(counts), x)


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels moved into the image plane: (N, H, W, b b C) becomes (N, b H, b W, C), also called pixel shuffle.

    Arguments:
        block_size: b; each pixel becomes a block of b rows and b columns, whose cells its channels hold row by row.

    >>> depth_to_space(np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), 2)[0, :, :, 0]
    array([[1., 2.],
           [3., 4.]])
    """
    x, b = operand(x), block_size
    N, H, W, C = _image(x, "depth_to_space", block_size, data_format)
    if C % b**2:
        raise ShapeError(
            "depth_to_space: the channels do not fill the blocks", expected=f"a multiple of {b**2} channels", received=C
        )
    blocks = reshape(x, (N, H, W, b, b, C // b**2))
    return reshape(transpose(blocks, (0, 1, 3, 2, 4, 5)), (N, H * b, W * b, C // b**2))


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """The image plane moved into channels: (N, b H, b W, C) becomes (N, H, W, b b C), the inverse of `depth_to_space`.

    Arguments:
        block_size: b; each block of b rows and b columns becomes one pixel.

    >>> space_to_depth(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]), 2)
    array([[[[1., 2., 3., 4.]]]])
    """
    x, b = operand(x), block_size
    N, H, W, C = _image(x, "space_to_depth", block_size, data_format)
    if H % b or W % b:
        raise ShapeError("space_to_depth: the image is not made of whole blocks", expected=f"rows and columns a multiple "
                         f"of {b}", received=f"shape {tuple(x.shape)}")  # fmt: skip
    blocks = reshape(x, (N, H // b, b, W // b, b, C))
    return reshape(transpose(blocks, (0, 1, 3, 2, 4, 5)), (N, H // b, W // b, b**2 * C))


def _image(x: Any, who: str, block_size: int, data_format: str) -> tuple[Any, int, int, int]:
    require_channels_last(data_format, who)
    if len(x.shape) != 4 or not isinstance(block_size, int) or block_size < 1:
        raise ArgumentError(
            f"{who}: it takes images and a block size of at least 1", expected="shape (N, H, W, C)",
            received=f"shape {tuple(x.shape)}, {block_size=}",
        )  # fmt: skip
    return x.shape[0], *[known_size(x, axis, who) for axis in (1, 2, 3)]
