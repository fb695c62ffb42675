"""Losses of scores that must stand apart from each other by a margin."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.losses.loss import LossFunctionWrapper, same_shape


def _margins(y_true: Any, y_pred: Any, who: str) -> Any:
    """By how much the margin of 1 is missed: max(1 - t y, 0), with t = -1 or 1."""
    y_true, y_pred = same_shape(y_true, y_pred, who)
    binary = ops.all(ops.logical_or(y_true == 0, y_true == 1))
    return ops.maximum(1 - ops.where(binary, 2 * y_true - 1, y_true) * y_pred, 0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of max(1 - t y, 0): 0 for scores on the right side with a margin of 1.

    Arguments:
        y_true: -1 or 1. Where a batch holds only 0 and 1, its 0 are taken as -1.
        y_pred: scores of any size, not probabilities.

    >>> hinge([[1.0, -1.0]], [[0.25, -3.0]]).numpy()
    array([0.375], dtype=float32)
    """
    return ops.mean(_margins(y_true, y_pred, "hinge"), axis=-1)


class Hinge(LossFunctionWrapper):
    """The loss of support vector machines: scores must lie on the side of the label, -1 or 1, with a margin of 1.

    >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [-3.0]]))
    0.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of max(1 - t y, 0)²: as `hinge`, but a large miss counts more and the slope has no jump.

    Arguments:
        y_true: -1 or 1. Where a batch holds only 0 and 1, its 0 are taken as -1.

    >>> squared_hinge([[1.0, -1.0]], [[0.5, -3.0]]).numpy()
    array([0.125], dtype=float32)
    """
    return ops.mean(ops.square(_margins(y_true, y_pred, "squared_hinge")), axis=-1)


class SquaredHinge(LossFunctionWrapper):
    """The hinge loss with squared misses.

    >>> float(SquaredHinge()([[1.0], [-1.0]], [[0.5], [-3.0]]))
    0.125
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + (largest score of a wrong class) - (score of the true class), 0), for one-hot targets.

    Scores below 0 of wrong classes count as 0, as in Keras: with targets t it is max(1 + maxₖ (1-tₖ) yₖ - Σₖ tₖ yₖ, 0).

    >>> categorical_hinge([[0.0, 1.0, 0.0]], [[0.5, 1.0, 0.25]]).numpy()
    array([0.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "categorical_hinge")
    own, other = ops.sum(y_true * y_pred, axis=-1), ops.max((1 - y_true) * y_pred, axis=-1)
    return ops.maximum(other - own + 1, 0)


class CategoricalHinge(LossFunctionWrapper):
    """The true class must score higher than every other by 1.

    >>> float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.5, 1.0, 0.25]]))
    0.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
