"""Losses of whole structures: the overlap of regions, the reading of a sequence."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import epsilon
from glassnet.errors import ShapeError
from glassnet.losses.loss import LossFunctionWrapper, same_shape


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 Σ t p / (Σ t + Σ p): 0 where the predicted region covers the true one exactly, 1 where they do not meet.

    Arguments:
        axis: the axes of one region, such as (1, 2, 3) for images; None takes the whole batch as one region.

    Source: Milletari, Navab and Ahmadi (2016), V-Net, section 3 (there with squares below).

    >>> float(dice([[1.0, 1.0, 0.0, 0.0]], [[1.0, 0.0, 1.0, 0.0]]))
    0.5
    """
    y_true, y_pred = same_shape(y_true, y_pred, "dice")
    both = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1 - 2 * ops.sum(y_true * y_pred, axis=axis) / (both + epsilon())


class Dice(LossFunctionWrapper):
    """How badly a predicted region covers the true one, whatever the size of the region: for segmentation.

    Arguments:
        axis: the axes of one region, such as (1, 2, 3) for images; None takes the whole batch as one region.

    >>> float(Dice(axis=-1)([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]))
    0.25
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "dice", axis: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-ln of the probability that the frames spell the target, over all ways to stretch it; see `ops.ctc_loss`.

    Arguments:
        y_true: labels from 1, shape (batch, L), filled up with 0, which is the blank.
        y_pred: logits, shape (batch, T, K), with the blank as class 0; T at least as long as the target.

    >>> ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]]).numpy().round(4)  # 3 of 4 paths spell "1": 1_, _1, 11
    array([0.2877], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim != 2 or y_pred.ndim != 3:
        raise ShapeError(
            "ctc: targets and predictions do not fit", expected="labels (batch, length) and logits (batch, frames, classes)",
            received=f"labels {y_true.shape}, predictions {y_pred.shape}",
            fix="shorter targets are filled up with 0, which is the blank",
        )  # fmt: skip
    lengths = ops.sum(ops.cast(y_true != 0, "int64"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, lengths, ops.full_like(lengths, y_pred.shape[1]))


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification: a sequence of labels without word of when each of them occurs.

    >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: Any = None) -> None:
        super().__init__(ctc, reduction, name, dtype)
