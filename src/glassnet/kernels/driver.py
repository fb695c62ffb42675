"""The driver of a step: which kernel runs when, on which threads, and where they wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import I64
from glassnet.kernels.team import arrive, wait_for_all

_WORTH_SHARING = 40_000
"""Multiplications or the like: about what one thread does while two meet at a barrier a few times."""


def drive(builder: Any, kernels: Sequence[Kernel], pointer: Callable[[int], Any], threads: int) -> None:
    """Write the calls of all kernels. Those that are not worth sharing run on the first thread."""
    _, control, thread = builder.function.args
    shared = [is_shared(kernel, threads) for kernel in kernels]
    for kernel in kernels:
        for memory in kernel.memories:
            pointer(memory)  # read before any branch
    barriers = 0
    for position, kernel in enumerate(kernels):
        if position and (shared[position] or shared[position - 1]):
            barriers += 1
            arrive(builder, control)
            wait_for_all(builder, control, barriers, threads)
        pointers = [pointer(memory) for memory in kernel.memories]
        if shared[position]:
            first, last = (_part(builder, kernel.units, thread, plus, threads) for plus in (0, 1))
            builder.call(kernel.function, [*pointers, first, last])
        else:
            with builder.if_then(builder.icmp_signed("==", thread, I64(0))):
                builder.call(kernel.function, [*pointers, I64(0), I64(kernel.units)])
    if any(shared):  # the first thread returns when all have finished
        arrive(builder, control)
        with builder.if_then(builder.icmp_signed("==", thread, I64(0))):
            wait_for_all(builder, control, barriers + 1, threads)
    builder.ret_void()


def is_shared(kernel: Kernel, threads: int) -> bool:
    """Whether several threads take parts of a kernel."""
    return threads > 1 and kernel.units >= threads and kernel.work >= _WORTH_SHARING


def _part(builder: Any, units: int, thread: Any, plus: int, threads: int) -> Any:
    """Where a thread's share begins, or the next one's."""
    ahead = builder.add(thread, I64(plus))
    return builder.sdiv(builder.mul(ahead, I64(units)), I64(threads))
