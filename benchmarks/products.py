"""Single kernels against the processor's peak: matrix products, and the three sides of a convolution.

The operands stay where they are; a call of `advance` computes the same product again and again and returns one of its
numbers as often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workloads import Array, Conv, Dense, Runner, Workload

SIDES = ("forward", "image gradient", "kernel gradient")


def _matrices(rows: int, inner: int, columns: int) -> Workload:
    name = f"{rows} x {inner} x {columns}"
    return Workload(name, (inner,), (Dense(columns),), rows, flop=2.0 * rows * inner * columns, checked=1)


def _convolution(batch: int, size: int, channels: int, filters: int, side: str) -> Workload:
    name = f"3x3, {channels} to {filters} channels, {batch} images of {size}x{size}, {side}"
    flop = 2.0 * batch * size**2 * 9 * channels * filters
    return Workload(name, (size, size, channels), (Conv(filters, 3, padding="same"),), batch, flop=flop, checked=1)


PRODUCTS = [
    *[_matrices(*sizes) for sizes in ((128, 128, 128), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048))],
    *[_matrices(*sizes) for sizes in ((128, 784, 512), (2048, 128, 512), (128, 2048, 128))],
    *[
        _convolution(*sizes, side)
        for sizes in ((64, 32, 32, 32), (64, 16, 64, 64), (64, 8, 128, 128))
        for side in SIDES
    ],
]


def _operands(workload: Workload, weights: Sequence[Array]) -> tuple[Array, Array, Array]:
    """The data, the kernel, and what stands for the result's gradient."""
    rng, kernel = np.random.default_rng(1), weights[0]
    x = rng.random((workload.batch, *workload.input_shape), dtype="float32")
    return x, kernel, rng.random((*x.shape[:-1], kernel.shape[-1]), dtype="float32")


def _repeated(once: Callable[[int], Any], value: Callable[[], float]) -> Runner:
    def advance(count: int) -> list[float]:
        once(count)
        return [value()] * count

    return Runner(advance)


def compiled(workload: Workload, weights: Sequence[Array], tile: int = 2) -> Runner:
    """A kernel of glassnet, as often as asked for in one call."""
    import glassnet as gn
    from glassnet.autograd.op import apply
    from glassnet.ops.convolution import Convolution, ConvolutionKernel, ConvolutionTranspose

    gn.config.set_executor("llvm")
    gn.config.set_convolution_tile(tile)
    x, w, g = map(gn.Variable, _operands(workload, weights))
    product = {
        "forward": lambda: apply(Convolution(padding="same"), x, w),
        "image gradient": lambda: apply(ConvolutionTranspose(padding="same", size=x.shape[1:3]), g, w),
        "kernel gradient": lambda: apply(ConvolutionKernel(padding="same", kernel=(3, 3)), x, g),
    }.get(workload.name.rpartition(", ")[2], lambda: gn.ops.matmul(x, w))
    result = gn.Variable(np.zeros(product().shape, "float32"))

    def step(numbers: Any) -> Any:
        result.assign(product())
        return numbers

    run = gn.jit(step)
    return _repeated(
        lambda n: run.scan(np.zeros((n, 1), np.int64), np.zeros((1, 1), "float32")), lambda: result.numpy().flat[0]
    )


def with_numpy(workload: Workload, weights: Sequence[Array]) -> Runner:
    """NumPy's matrix product."""
    x, w, g = _operands(workload, weights)

    def once(count: int) -> None:
        for _ in range(count):
            np.matmul(x, w, out=g)

    return _repeated(once, lambda: g.flat[0])


def with_torch(workload: Workload, weights: Sequence[Array], channels_last: bool = False) -> Runner:
    """PyTorch's product or convolution."""
    import torch

    x, w, g = map(torch.from_numpy, map(np.ascontiguousarray, _operands(workload, weights)))
    product, order = (lambda: torch.mm(x, w)), (0, 1)
    if workload.is_image:
        order, form = (0, 2, 3, 1), torch.channels_last if channels_last else torch.contiguous_format
        x, g = (a.permute(0, 3, 1, 2).contiguous(memory_format=form) for a in (x, g))
        w = w.permute(3, 2, 0, 1).contiguous(memory_format=form)
        product, order = {
            "forward": (lambda: torch.nn.functional.conv2d(x, w, padding=1), (0, 2, 3, 1)),
            "image gradient": (lambda: torch.nn.grad.conv2d_input(x.shape, w, g, padding=1), (0, 2, 3, 1)),
            "kernel gradient": (lambda: torch.nn.grad.conv2d_weight(x, w.shape, g, padding=1), (2, 3, 1, 0)),
        }[workload.name.rpartition(", ")[2]]
    kept: list[Any] = [None]

    def once(count: int) -> None:
        for _ in range(count):
            kept[0] = product()

    return _repeated(once, lambda: float(kept[0].permute(order).flatten()[0]))
