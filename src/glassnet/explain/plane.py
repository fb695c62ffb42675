"""The plane of a task with two inputs, as text: where its samples lie, and what a model says everywhere between them.

Every class has one mark. The first input runs to the right, the second upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError, ShapeError
from glassnet.typing import Array

_MARKS = "o+x*#@%&"
_GAP = " " * 4


@dataclass(frozen=True)
class _Window:
    """A part of the plane, cut into cells."""

    low: Array
    high: Array
    columns: int
    rows: int

    @classmethod
    def around(cls, x: Array, columns: int, rows: int) -> _Window:
        """The smallest window that holds all points, and a margin of a twentieth."""
        low, high = x.min(axis=0), x.max(axis=0)
        margin = np.where(high > low, (high - low) / 20, 1.0)
        return cls(low - margin, high + margin, columns, rows)

    def cells_of(self, x: Array) -> Array:
        """The cell of each point, counted in reading order: (N,)."""
        share = (x - self.low) / (self.high - self.low)
        column = np.clip((share[:, 0] * self.columns).astype(int), 0, self.columns - 1)
        row = np.clip(((1 - share[:, 1]) * self.rows).astype(int), 0, self.rows - 1)
        return np.asarray(row * self.columns + column)

    def centres(self) -> Array:
        """The middle of every cell in reading order: float32 (cells, 2)."""
        across = (np.arange(self.columns) + 0.5) / self.columns
        down = 1 - (np.arange(self.rows) + 0.5) / self.rows
        share = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        return np.asarray(self.low + share * (self.high - self.low), np.float32)

    def framed(self, title: str, marks: Array) -> list[str]:
        """The cells' marks in a frame below a title."""
        rule = f"+{'-' * self.columns}+"
        lines = ["".join(row) for row in marks.reshape(self.rows, self.columns)]
        return [f"{title:<{len(rule)}}", rule, *(f"|{line}|" for line in lines), rule]

    def axes(self) -> str:
        """What the window shows of the plane."""
        parts = zip(("to the right", "upwards"), self.low, self.high)
        return "; ".join(f"x[{axis}] {way}, {low:.3g} to {high:.3g}" for axis, (way, low, high) in enumerate(parts))


def scatter_text(
    x: Array, y: Array, columns: int = 24, rows: int = 12, class_names: Sequence[str] | None = None
) -> str:
    """The samples of a classification with two inputs; a cell with several shows the class that is most frequent.

    Arguments:
        x, y: inputs (N, 2) and class indices (N,), at most 8 classes.
        columns, rows: size in cells; a cell is about twice as high as wide.
        class_names: 0, 1, 2, ... by default.

    >>> print(scatter_text(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0]), 6, 2))
    samples
    +------+
    |+    o|
    |o    +|
    +------+
    o 0  + 1
    x[0] to the right, -0.05 to 1.05; x[1] upwards, -0.05 to 1.05
    """
    x, y = _checked(x, y)
    window = _Window.around(x, columns, rows)
    grid = window.framed("samples", _sample_marks(window, x, y))
    return "\n".join([*_trimmed(grid), *_legend(window, y, class_names)])


def decision_text(
    model: Any, x: Array, y: Array, columns: int = 20, rows: int = 10, class_names: Sequence[str] | None = None
) -> str:
    """The samples and, beside them, the class that the model says in the middle of every cell of their plane.

    Arguments:
        model: two inputs; one output per class, or a single one that says class 1 above 0.5.
        x, y: inputs (N, 2) and class indices (N,), at most 8 classes.
        columns, rows: size in cells; a cell is about twice as high as wide.
        class_names: 0, 1, 2, ... by default.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x[:, :1])])
    >>> print(decision_text(model, np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 1, 1]), 6, 3))
    samples     model
    +------+    +------+
    |o    +|    |ooo+++|
    |      |    |ooo+++|
    |o    +|    |ooo+++|
    +------+    +------+
    o 0  + 1
    x[0] to the right, -0.05 to 1.05; x[1] upwards, -0.05 to 1.05
    """
    x, y = _checked(x, y)
    window = _Window.around(x, columns, rows)
    outputs = np.asarray(model.predict(window.centres(), batch_size=None, verbose=0))
    if outputs.ndim != 2 or outputs.shape[1] > len(_MARKS):
        raise ShapeError(
            "decision_text: the model must say one number per class",
            expected=f"outputs (N, 1) to (N, {len(_MARKS)})", received=outputs.shape,
        )  # fmt: skip
    said = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(int)
    left = window.framed("samples", _sample_marks(window, x, y))
    right = window.framed("model", np.array(list(_MARKS))[said])
    beside = [f"{a}{_GAP}{b}" for a, b in zip(left, right)]
    return "\n".join([*_trimmed(beside), *_legend(window, np.append(y, said), class_names)])


def _checked(x: Array, y: Array) -> tuple[Array, Array]:
    x, y = np.asarray(x, float), np.asarray(y).reshape(-1)
    if x.ndim != 2 or x.shape[1] != 2 or len(x) != len(y) or not len(x):
        raise ShapeError(
            "a plane needs two inputs per sample", expected="x (N, 2), y (N,)", received=(x.shape, y.shape)
        )
    if y.dtype.kind not in "iub" or y.min() < 0 or y.max() >= len(_MARKS):
        raise ArgumentError(f"y must hold class indices from 0 to {len(_MARKS) - 1}", received=np.unique(y)[:10])
    return x, y.astype(int)


def _sample_marks(window: _Window, x: Array, y: Array) -> Array:
    """The mark of the most frequent class of every cell, a space where there is no sample."""
    counts = np.zeros((window.columns * window.rows, len(_MARKS)), int)
    np.add.at(counts, (window.cells_of(x), y), 1)
    return np.where(counts.any(axis=1), np.array(list(_MARKS))[counts.argmax(axis=1)], " ")


def _trimmed(lines: list[str]) -> list[str]:
    return [line.rstrip() for line in lines]


def _legend(window: _Window, y: Array, class_names: Sequence[str] | None) -> list[str]:
    names = class_names or [str(k) for k in range(y.max() + 1)]
    return ["  ".join(f"{mark} {name}" for mark, name in zip(_MARKS, names)), window.axes()]
