"""Counting loops, and the cutting of an extent into registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glassnet.kernels.llvm import I64


def number(value: Any) -> Any:
    """A Python integer as a constant; anything else is a value already."""
    return I64(value) if isinstance(value, int) else value


@contextmanager
def loop(builder: Any, start: Any, stop: Any, step: int = 1) -> Iterator[Any]:
    """`for i in range(start, stop, step)`: what is written inside is the body.

    The counter lives in memory here; LLVM's first pass moves it into a register.
    """
    with builder.goto_entry_block():
        counter = builder.alloca(I64)
    builder.store(number(start), counter)
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    i = builder.load(counter, typ=I64)
    builder.cbranch(builder.icmp_signed("<", i, number(stop)), body, after)
    builder.position_at_end(body)
    yield i
    builder.store(builder.add(i, I64(step), flags=["nsw"]), counter)
    builder.branch(head)
    builder.position_at_end(after)


def pieces(extent: int, width: int) -> list[tuple[int, int]]:
    """(start, lanes) that cover an extent: full registers, then powers of two, so that no lane is masked.

    >>> pieces(30, 8)
    [(0, 8), (8, 8), (16, 8), (24, 4), (28, 2)]
    """
    found = [(start, width) for start in range(0, extent - width + 1, width)]
    start = len(found) * width
    while start < extent:
        lanes = 1 << ((extent - start).bit_length() - 1)
        found.append((start, lanes))
        start += lanes
    return found


def with_spare_lanes(extent: int, width: int) -> list[tuple[int, int, int]]:
    """(start, lanes, spare ones among them) that cover an extent: full registers, then one with room for what is left.

    >>> with_spare_lanes(30, 8)
    [(0, 8, 0), (8, 8, 0), (16, 8, 0), (24, 8, 2)]
    """
    found = [(start, width, 0) for start in range(0, extent - width + 1, width)]
    left = extent % width
    if left:
        lanes = 1 << (left - 1).bit_length()
        found.append((extent - left, lanes, lanes - left))
    return found
