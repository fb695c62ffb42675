r"""Losses of probabilities: cross-entropy and its relatives. Letters: t targets, p probabilities, k classes."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.losses.loss import FLATTEN, LossFunctionWrapper, same_shape
from glassnet.ops.activation import Softmax
from glassnet.ops.loss import logits_behind
from glassnet.ops.shape import normalize_axis


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Sum over the last axis of t ln(t / p): how far the distribution p is from t, 0 where they are equal.

    >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).numpy().round(4)
    array([0.1438], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "kl_divergence")
    y_true = ops.clip(y_true, epsilon(), 1)
    logits = logits_behind(y_pred, Softmax)
    log_p = ops.log(ops.clip(y_pred, epsilon(), 1)) if logits is None else ops.log_softmax(logits)
    return ops.sum(y_true * (ops.log(y_true) - log_p), axis=-1)


class KLDivergence(LossFunctionWrapper):
    """Divergence of predicted from wanted distributions; its gradient is that of cross-entropy.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


def smoothed(y_true: Any, label_smoothing: float, classes: int, who: str) -> Any:
    """Targets with the share `label_smoothing` spread evenly over all classes."""
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"{who}: label_smoothing must be in [0, 1]", received=f"label_smoothing={label_smoothing}")
    return y_true * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Mean over `axis` of -t ln p - (1 - t) ln(1 - p).

    Arguments:
        y_true: 0 or 1, or anything between.
        y_pred: the probability of 1, or its logit with `from_logits=True`.
        label_smoothing: s turns the targets 0 and 1 into s/2 and 1 - s/2.

    >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "binary_crossentropy")
    y_true = smoothed(y_true, label_smoothing, 2, "binary_crossentropy")
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of yes-or-no outputs, each with a probability of its own.

    Arguments:
        from_logits: predictions are logits, not probabilities.
        label_smoothing: s turns the targets 0 and 1 into s/2 and 1 - s/2.

    >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str = "binary_crossentropy", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-Σₖ tₖ ln pₖ over the classes along `axis`.

    Arguments:
        y_true: one probability per class, usually one-hot.
        y_pred: probabilities (scaled to sum to 1), or logits with `from_logits=True`.
        label_smoothing: the share of each target that is spread evenly over all classes.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "categorical_crossentropy")
    classes = int(y_pred.shape[normalize_axis(axis, y_pred.ndim, "categorical_crossentropy")])
    if classes == 1:
        raise ShapeError(
            "categorical_crossentropy: with one class the loss is always 0",
            received=f"predictions {y_pred.shape}",
            fix="two classes and one unit: sigmoid and binary_crossentropy",
        )
    y_true = smoothed(y_true, label_smoothing, classes, "categorical_crossentropy")
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for one-hot or other target distributions.

    Arguments:
        from_logits: predictions are logits, not probabilities.
        label_smoothing: the share of each target that is spread evenly over all classes.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str = "categorical_crossentropy", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-ln of the predicted probability of the true class, for integer labels.

    Arguments:
        y_true: integers, shape (batch,) or (batch, 1).
        y_pred: shape (batch, K): probabilities (scaled to sum to 1), or logits with `from_logits=True`.
        ignore_class: a label whose samples count nothing.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    check_scores(y_true, y_pred, axis, "sparse_categorical_crossentropy")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    ignored = y_true == ignore_class
    values = ops.sparse_categorical_crossentropy(ops.where(ignored, 0, y_true), y_pred, from_logits, axis)
    return ops.where(ops.reshape(ignored, values.shape), 0.0, values)


def check_scores(y_true: Any, y_pred: Any, axis: int, who: str) -> None:
    """Two mistakes that the op cannot tell from a wrong shape: no class to choose from, and a forgotten Flatten."""
    if y_pred.ndim and y_pred.shape[normalize_axis(axis, y_pred.ndim, who)] == 1:
        raise ShapeError(
            f"{who}: with one class the loss is always 0",
            expected="predictions (batch, classes) for at least two classes",
            received=f"predictions {y_pred.shape}",
            fix="two classes and one unit: sigmoid and binary_crossentropy",
        )
    labels = y_true.shape[:-1] if y_true.ndim > 1 and y_true.shape[-1] == 1 else y_true.shape
    if y_pred.ndim > 2 and y_pred.ndim > len(labels) + 1:
        raise ShapeError(
            f"{who}: labels and predictions do not fit",
            expected="one row of class scores per label: predictions (batch, classes)",
            received=f"labels {y_true.shape}, predictions {y_pred.shape}",
            fix=FLATTEN,
        )


def check_label_shape(y_true: Any, y_pred: Any, who: str) -> None:
    """Raise unless there is one integer label, or a column of them, for each row of predictions."""
    check_scores(y_true, y_pred, -1, who)
    if y_true.shape not in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
        one_hot = y_true.shape == y_pred.shape
        raise ShapeError(
            f"{who}: labels and predictions do not fit", expected=f"integer labels of shape {y_pred.shape[:-1]}",
            received=y_true.shape, fix="np.argmax(y, axis=-1) makes labels of one-hot rows" if one_hot else None,
        )  # fmt: skip


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for integer labels.

    Arguments:
        from_logits: predictions are logits, not probabilities.
        ignore_class: a label whose samples count nothing, neither in the sum nor in the number of samples.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None, reduction: str | None = "sum_over_batch_size",
        axis: int = -1, name: str = "sparse_categorical_crossentropy", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip

    def counted(self, y_true: Any, values: Any) -> Any:
        """1 where the label is not the ignored class."""
        ignored = self.settings["ignore_class"]
        if ignored is None:
            return None
        return ops.cast(ops.reshape(y_true != ignored, values.shape), values.dtype)


def negative_log_likelihood(y_true: Any, y_pred: Any) -> Any:
    """-ln of the predicted probability of the true class, from logarithms of probabilities; in PyTorch: NLLLoss.

    Arguments:
        y_true: integers, shape (batch,) or (batch, 1).
        y_pred: what `log_softmax` gives, shape (batch, K).

    >>> negative_log_likelihood([1], [[-0.5, -2.0]]).numpy()
    array([2.], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    check_label_shape(y_true, y_pred, "negative_log_likelihood")
    # ln Σ eʸ - y of the class, which refuses labels out of range, without its first part, which is 0 for log_softmax
    return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True) - ops.logsumexp(y_pred, axis=-1)


class NegativeLogLikelihood(LossFunctionWrapper):
    """Cross-entropy of integer labels for models that end in `log_softmax`.

    >>> float(NegativeLogLikelihood()([1, 0], [[-0.5, -2.0], [-1.0, -0.5]]))
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "negative_log_likelihood", dtype: Any = None
    ) -> None:
        super().__init__(negative_log_likelihood, reduction, name, dtype)


def check_probabilities(who: str, y_true: Any) -> None:
    """Raise where a whole array of targets holds a value that is no probability."""
    if y_true.size and not (y_true.min() >= 0 and y_true.max() <= 1):
        raise DataError(
            f"{who}: a target is out of range", expected="0 and 1, or probabilities between",
            received=f"values from {y_true.min()} to {y_true.max()}",
            fix="number two classes 0 and 1; more classes need one unit each, softmax and sparse_categorical_crossentropy",
        )  # fmt: skip


def check_labels(who: str, y_true: Any) -> None:
    """Raise where a whole array of labels holds a fraction."""
    if y_true.dtype.kind == "f" and (y_true % 1).any():
        raise DataError(
            f"{who}: a label is not a whole number", expected="class numbers from 0",
            received=y_true[y_true % 1 != 0][0], fix="numbers to be met as closely as possible need mean_squared_error",
        )  # fmt: skip
