r"""Intersection over union: how well predicted regions cover the true ones.

From the K x K confusion matrix C, C[t, p] the number of cells of class t that are called p, the value of class k is
C[k, k] / (Σₚ C[k, p] + Σₜ C[t, k] - C[k, k]): cells that are and are called k, over cells that are or are called k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, ShapeError
from glassnet.metrics.metric import Metric
from glassnet.metrics.reduction import ratio


class IoU(Metric):
    """Mean intersection over union of some classes; a class that neither occurs nor is called does not count.

    Arguments:
        num_classes: K; cells whose class is not one of 0..K-1 do not count.
        target_class_ids: the classes of the mean.
        ignore_class: cells of this true class do not count.
        sparse_y_true, sparse_y_pred: False where there are K scores, or a one-hot row, along `axis` per cell.

    >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(dtype or "float64", name)
        listed = [int(k) for k in target_class_ids]
        if not listed or min(listed) < 0 or max(listed) >= num_classes:
            raise ArgumentError(
                f"{type(self).__name__}: a target class does not exist", expected=f"some of 0..{num_classes - 1}",
                received=f"target_class_ids={listed}", fix="num_classes counts all classes, the background too",
            )  # fmt: skip
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, listed, ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_weight((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        truth = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        calls = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        if truth.shape == (*calls.shape, 1):
            truth = ops.squeeze(truth, -1)
        if truth.shape != calls.shape:
            raise ShapeError(
                f"{type(self).__name__}: targets and predictions do not fit", expected=f"targets of shape {calls.shape}",
                received=truth.shape, fix="scores of each class need sparse_y_pred=False, one-hot targets sparse_y_true=False",
            )  # fmt: skip
        weights = losses.reduce_values(ops.ones_like(ops.cast(truth, self.dtype)), sample_weight, "none", self.name)
        if self.ignore_class is not None:
            weights = weights * ops.cast(truth != self.ignore_class, self.dtype)
        classes = ops.arange(self.num_classes)
        rows = ops.cast(ops.reshape(truth, (-1, 1)) == classes, self.dtype)
        columns = ops.cast(ops.reshape(calls, (-1, 1)) == classes, self.dtype)
        self.total_cm.assign_add(ops.matmul(ops.transpose(rows * ops.reshape(weights, (-1, 1))), columns))

    def result(self) -> Any:
        """The mean over the target classes."""
        table = self.total_cm.value
        both = ops.sum(table * ops.eye(self.num_classes, dtype=self.dtype), axis=0)
        either = ops.sum(table, axis=0) + ops.sum(table, axis=1) - both
        both, either = (ops.take(x, self.target_class_ids) for x in (both, either))
        return ratio(ops.sum(ratio(both, either)), ops.sum(ops.cast(either > 0, self.dtype)))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(), "num_classes": self.num_classes, "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class, "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred, "axis": self.axis,
        }  # fmt: skip


class MeanIoU(IoU):
    """Mean intersection over union of all classes.

    Arguments:
        num_classes: K; cells whose class is not one of 0..K-1 do not count.
        ignore_class: cells of this true class do not count.
        sparse_y_true, sparse_y_pred: False where there are K scores, or a one-hot row, along `axis` per cell.

    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
        sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["target_class_ids"]
        return config


class BinaryIoU(IoU):
    """Mean intersection over union of the classes 0 and 1, from the probability of class 1.

    Arguments:
        target_class_ids: (1,) judges the foreground alone.
        threshold: a prediction that reaches it is called 1.

    >>> round(float(BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)  # 2/3 and 1/2
    0.5833
    """

    def __init__(
        self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_true, y_pred = losses.same_shape(y_true, y_pred, self.name)
        super().update_state(y_true, ops.cast(y_pred >= self.threshold, y_true.dtype), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {**Metric.get_config(self), **own}
