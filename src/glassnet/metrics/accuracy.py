"""The accuracy family: how often predictions are right.

Each comes as a function, 1 or 0 per sample, and as a class, the mean of it. The classes count the truth values
themselves, which saves a conversion in every step.
"""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import floatx
from glassnet.errors import ArgumentError, ShapeError
from glassnet.losses import same_shape
from glassnet.metrics.reduction import MeanMetricWrapper

# ---------------------------------------------------------------- right or wrong, as booleans


def _equal(y_true: Any, y_pred: Any) -> Any:
    return ops.equal(*same_shape(y_true, y_pred, "accuracy"))


def _binary_matches(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    y_true, y_pred = same_shape(y_true, y_pred, "binary_accuracy")
    return ops.equal(y_true, ops.cast(y_pred > threshold, y_true.dtype))


def _categorical_matches(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = same_shape(y_true, y_pred, "categorical_accuracy")
    return ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))


def _sparse_matches(y_true: Any, y_pred: Any) -> Any:
    return ops.equal(ops.argmax(y_pred, axis=-1), _labels(y_true, y_pred, "sparse_categorical_accuracy"))


def _top_k_matches(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    y_true, y_pred = same_shape(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(ops.argmax(y_true, axis=-1), y_pred, k)


def _sparse_top_k_matches(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    y_true = _labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if not from_sorted_ids:
        return _in_top_k(ops.cast(y_true, "int64"), y_pred, k)
    best = ops.cast(y_pred[..., :k], "int64")
    return ops.any(ops.equal(best, ops.expand_dims(ops.cast(y_true, "int64"), -1)), axis=-1)


def _in_top_k(labels: Any, scores: Any, k: int) -> Any:
    """Whether fewer than k classes score higher than the true one; never where its score is NaN."""
    if k < 1:
        raise ArgumentError("top-k accuracy: k must be at least 1", received=f"k={k}")
    own = ops.take_along_axis(scores, ops.expand_dims(labels, -1), axis=-1)
    not_higher = ops.sum(scores <= own, axis=-1)
    return not_higher > max(scores.shape[-1] - k, 0)


def _labels(y_true: Any, y_pred: Any, who: str) -> Any:
    """Integer labels of shape (batch, ...) for scores of shape (batch, ..., K); (batch, 1) is taken as (batch,)."""
    if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if tuple(y_true.shape) != tuple(y_pred.shape[:-1]):
        one_hot = tuple(y_true.shape) == tuple(y_pred.shape)
        raise ShapeError(
            f"{who}: labels and predictions do not fit", expected=f"labels of shape {tuple(y_pred.shape[:-1])}",
            received=tuple(y_true.shape), fix="one-hot labels belong to categorical_accuracy" if one_hot else None,
        )  # fmt: skip
    return y_true


# ---------------------------------------------------------------- functions


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """The share of outputs per sample that lie on the right side of the threshold.

    >>> binary_accuracy([[1], [1], [0]], [[0.98], [0.2], [0.1]]).numpy()
    array([1., 0., 1.], dtype=float32)
    """
    return _share(_binary_matches(as_tensor(y_true), as_tensor(y_pred), threshold))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands at the 1 of the one-hot target.

    >>> categorical_accuracy([[0, 1], [0, 1]], [[0.2, 0.8], [0.7, 0.3]]).numpy()
    array([1., 0.], dtype=float32)
    """
    return ops.cast(_categorical_matches(as_tensor(y_true), as_tensor(y_pred)), floatx())


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands at the integer label.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]]).numpy()
    array([1., 0.], dtype=float32)
    """
    return ops.cast(_sparse_matches(as_tensor(y_true), as_tensor(y_pred)), floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where fewer than k classes are predicted higher than the 1 of the one-hot target.

    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.6, 0.3]], k=2).numpy()
    array([1.], dtype=float32)
    """
    return ops.cast(_top_k_matches(as_tensor(y_true), as_tensor(y_pred), k), floatx())


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where fewer than k classes are predicted higher than the integer label.

    Arguments:
        from_sorted_ids: `y_pred` holds no scores but class numbers, the likeliest first.

    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], k=2).numpy()
    array([1., 0.], dtype=float32)
    """
    return ops.cast(_sparse_top_k_matches(as_tensor(y_true), as_tensor(y_pred), k, from_sorted_ids), floatx())


def _share(matches: Any) -> Any:
    """Matches per sample: the mean over the outputs where a sample has an axis of them."""
    matches = ops.cast(matches, floatx())
    return ops.mean(matches, axis=-1) if matches.ndim > 1 else matches


# ---------------------------------------------------------------- classes


class Accuracy(MeanMetricWrapper):
    """Share of predictions that equal their targets.

    >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(_equal, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Share of outputs on the right side of the threshold, for targets 0 and 1.

    >>> float(BinaryAccuracy()([1, 1, 0, 0], [0.98, 1.0, 0.0, 0.6]))
    0.75
    """

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(_binary_matches, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest prediction stands at the 1 of the one-hot target.

    >>> float(CategoricalAccuracy()([[0, 1], [0, 1]], [[0.2, 0.8], [0.7, 0.3]]))
    0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(_categorical_matches, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest prediction stands at the integer label.

    >>> float(SparseCategoricalAccuracy()([1, 1], [[0.2, 0.8], [0.7, 0.3]]))
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(_sparse_matches, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose one-hot target is among the k largest predictions.

    >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
    0.5
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(_top_k_matches, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose integer label is among the k largest predictions.

    Arguments:
        from_sorted_ids: predictions are no scores but class numbers, the likeliest first.

    >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
    0.5
    """

    def __init__(
        self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(_sparse_top_k_matches, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
