"""One piece of memory, the arena, for values that do not all live at once."""

from __future__ import annotations

from collections.abc import Iterable

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest register."""


def arena(sizes: dict[int, int], lives: dict[int, tuple[int, int]]) -> tuple[dict[int, int], int]:
    """Offsets such that values whose lives overlap do not share bytes; the largest are placed first.

    Arguments:
        sizes: bytes per value.
        lives: the first and the last group of the step that touch it.

    >>> arena({1: 64, 2: 64, 3: 128}, {1: (0, 1), 2: (2, 3), 3: (1, 2)})
    ({3: 0, 1: 128, 2: 128}, 192)
    """
    offsets: dict[int, int] = {}
    for value in sorted(sizes, key=lambda v: -sizes[v]):
        taken = sorted((offsets[v], offsets[v] + sizes[v]) for v in offsets if _overlap(lives[v], lives[value]))
        offsets[value] = _first_gap(taken, sizes[value])
    return offsets, max((offsets[v] + sizes[v] for v in offsets), default=0)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


def _first_gap(taken: Iterable[tuple[int, int]], size: int) -> int:
    start = 0
    for low, high in taken:
        if start + size <= low:
            break
        start = max(start, padded(high))
    return start


def padded(size: int) -> int:
    """Bytes up to the place where something else may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT
