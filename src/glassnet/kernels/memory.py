"""How values lie in memory: in a piece of their own, or as a view of another value's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.autograd.spec import Spec
from glassnet.typing import DType


@dataclass(frozen=True)
class Place:
    """A value in memory: which piece of memory (the value that owns it), from which byte, and how it is laid out."""

    memory: int
    shape: tuple[int, ...]
    dtype: DType
    strides: tuple[int, ...]
    offset: int = 0
    advance: int = 0
    """Bytes by which it begins further on in every round of a repetition."""

    @property
    def base(self) -> tuple[int, int, int]:
        """Where its first number stands."""
        return self.memory, self.offset, self.advance

    @property
    def size(self) -> int:
        """Bytes that a contiguous value takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def is_contiguous(self) -> bool:
        """Whether the last axis is innermost, without gaps."""
        return self.strides == _contiguous_strides(self.shape, self.dtype)


@dataclass(frozen=True)
class Part:
    """A part of a value: where in it, in NumPy's notation, and how far it moves along each axis from round to round."""

    whole: int
    index: tuple[Any, ...]
    moves: tuple[int, ...]


def contiguous(value: int, spec: Spec) -> Place:
    """A value in memory of its own, the last axis innermost."""
    shape = tuple(int(extent or 0) for extent in spec.shape)
    return Place(value, shape, spec.dtype, _contiguous_strides(shape, spec.dtype))


def _contiguous_strides(shape: tuple[int, ...], dtype: DType) -> tuple[int, ...]:
    strides, step = [], dtype.itemsize
    for extent in reversed(shape):
        strides.append(step)
        step *= max(extent, 1)
    return tuple(reversed(strides))


def laid_out_like(place: Place, view: Callable[[Any], Any]) -> Place | None:
    """Where a view of a value lies in the memory of that value; None if it has to be copied.

    NumPy answers: `view` runs on an array laid out in the same way, whose content nobody reads.
    """
    reach = [(size - 1) * stride for size, stride in zip(place.shape, place.strides)]
    before = -sum(step for step in reach if step < 0)  # a reversed axis begins at its end
    buffer = np.empty(max(before + sum(step for step in reach if step > 0) + place.dtype.itemsize, 1), np.uint8)
    stand_in: np.ndarray = np.ndarray(place.shape, place.dtype, buffer, before, place.strides)
    result = view(stand_in)
    if not np.may_share_memory(result, buffer):
        return None
    shift = result.__array_interface__["data"][0] - buffer.__array_interface__["data"][0] - before
    return replace(place, shape=result.shape, strides=result.strides, offset=place.offset + shift)


def axes_of_view(view: Place, whole: Place) -> list[int | None] | None:
    """Which axis of a view each axis of the whole is; None for an axis of one cell. None if it is no mere exchange of axes.

    >>> whole = contiguous(0, Spec((2, 1, 3), np.dtype("float32")))
    >>> axes_of_view(laid_out_like(whole, lambda array: array.reshape(2, 3).T), whole)
    [1, None, 0]
    """
    axes = [view.strides.index(s) if n > 1 and s in view.strides else None for n, s in zip(whole.shape, whole.strides)]
    found = [None if axis is None else view.shape[axis] for axis in axes]
    same_cells = view.offset == whole.offset and math.prod(view.shape) == math.prod(whole.shape)
    return axes if same_cells and found == [n if n > 1 else None for n in whole.shape] else None
