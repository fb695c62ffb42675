r"""Losses: one number that says how wrong the predictions are.

A loss has two parts, and both are visible: a function that gives one value per sample, and the reduction over the
batch. The default averages: L = 1/n Σₙ ℓₙ, and that 1/n is a factor of every gradient. Letters: y predictions,
t targets, p probabilities, K outputs of a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.ops.activation import Softmax
from glassnet.ops.loss import logits_behind
from glassnet.ops.shape import normalize_axis
from glassnet.registry import Registry, snake_case

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "Hinge", "Huber", "KLDivergence", "Loss", "MeanAbsoluteError",
    "MeanSquaredError", "SparseCategoricalCrossentropy", "binary_crossentropy", "categorical_crossentropy",
    "deserialize", "get", "hinge", "huber", "kl_divergence", "mean_absolute_error", "mean_squared_error", "serialize",
    "sparse_categorical_crossentropy",
]  # fmt: skip

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


# ---------------------------------------------------------------- from values per sample to one number


class Loss:
    """Base of all losses. A subclass defines `call(y_true, y_pred)`: one value per sample.

    Arguments:
        reduction: "sum_over_batch_size" (or "mean": the sum over the samples divided by their number), "sum",
            "mean_with_sample_weight" (divided by the sum of the weights), or "none".
        dtype: the float type to compute in; that of the predictions by default.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(
                f"{type(self).__name__}: unknown reduction",
                expected=", ".join(map(str, REDUCTIONS)),
                received=repr(reduction),
            )
        self.name, self.reduction, self.dtype = name or snake_case(type(self).__name__), reduction, dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per sample."""
        raise ArgumentError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Arguments:
            sample_weight: a factor per sample, shape (batch,), or per value of `call`.
        """
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        if self.dtype is not None and y_pred.dtype != self.dtype:
            y_pred = ops.cast(y_pred, self.dtype)
        y_true = in_float_type_of(y_pred, y_true)
        values = self.call(y_true, y_pred)
        return reduce_values(values, sample_weight, self.reduction, self.name, self.counted(y_true, values))

    def counted(self, y_true: Any, values: Any) -> Any:
        """1 where a value belongs to the mean and 0 elsewhere, or None: all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "reduction": self.reduction} | ({"dtype": self.dtype} if self.dtype else {})

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from `get_config`."""
        return cls(**config)


def in_float_type_of(y_pred: Any, y_true: Any) -> Any:
    """Float targets in the float type of the predictions (NumPy's are float64 unless told otherwise); labels stay."""
    y_true = as_tensor(y_true)
    differ = y_true.dtype != y_pred.dtype and y_true.dtype.kind == y_pred.dtype.kind == "f"
    return ops.cast(y_true, y_pred.dtype) if differ else y_true


def reduce_values(values: Any, sample_weight: Any, reduction: str | None, who: str, counted: Any = None) -> Any:
    """Weight the per-sample values and bring them to one number.

    Arguments:
        counted: 1 for the values that belong to a mean, 0 for others, which are 0 themselves; all by default.
    """
    weights = None if sample_weight is None else _weights_like(values, sample_weight, who)
    if weights is not None:
        values = values * weights
    if reduction in (None, "none"):
        return values
    weighted_mean = reduction == "mean_with_sample_weight" and weights is not None
    if reduction != "sum" and counted is None and not weighted_mean and values.size:
        return ops.mean(values)
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if weighted_mean:
        counted = weights if counted is None else weights * counted
        whole = ops.sum(ops.broadcast_to(counted, values.shape))
        return ops.where(whole == 0, 0.0, total / ops.where(whole == 0, 1.0, whole))
    if counted is not None:
        return total / ops.maximum(ops.sum(counted), 1.0)
    return total


def _weights_like(values: Any, sample_weight: Any, who: str) -> Any:
    """Weights as floats of the values' rank: (batch,) and (batch, 1) both mean one weight per sample."""
    weights = ops.cast(as_tensor(sample_weight), values.dtype)
    while weights.ndim > values.ndim and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    while 0 < weights.ndim < values.ndim:
        weights = ops.expand_dims(weights, -1)
    if weights.ndim > values.ndim or any(w not in (1, v) for w, v in zip(weights.shape, values.shape)):
        raise ShapeError(
            f"{who}: sample_weight does not fit",
            expected=f"one weight per sample, shape {tuple(values.shape[:1])}",
            received=tuple(as_tensor(sample_weight).shape),
            fix=None if values.ndim else "predictions (batch,) count as one sample; give them a last axis: (batch, 1)",
        )
    return weights


class LossFunctionWrapper(Loss):
    """A loss made of a function (y_true, y_pred) -> one value per sample."""

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None = "sum_over_batch_size", name: str | None = None,
        dtype: Any = None, **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn, self.settings = fn, settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per sample."""
        return self.fn(y_true, y_pred, **self.settings)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), **self.settings}


# ---------------------------------------------------------------- one value per sample


def same_shape(y_true: Any, y_pred: Any, who: str) -> tuple[Any, Any]:
    """Targets as floats of the predictions' shape; (batch,) and (batch, 1) are taken as the same."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.shape == y_pred.shape:
        return ops.cast(y_true, y_pred.dtype), y_pred
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1)
    elif y_pred.ndim == y_true.ndim - 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if y_true.shape != y_pred.shape:
        fix = None
        if y_pred.ndim > 2 and y_true.shape != y_pred.shape[:-1]:
            fix = _FLATTEN
        elif y_true.ndim == y_pred.ndim - 1:
            fix = "integer labels belong to sparse_categorical_crossentropy, or one-hot them with to_categorical"
        elif y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[0] == y_pred.shape[0]:
            fix = f"the last layer needs {y_true.shape[-1]} units"
        raise ShapeError(
            f"{who}: targets and predictions do not fit",
            expected=f"targets of shape {y_pred.shape}",
            received=y_true.shape,
            fix=fix,
        )
    return ops.cast(y_true, y_pred.dtype), y_pred


_FLATTEN = "the predictions still have the axes of an image or table: add Flatten() before the first Dense"


def check_targets(loss: Any, y_true: Any) -> None:
    """Raise where a whole array of targets holds values that this loss cannot mean."""
    function = getattr(loss, "fn", loss)
    if function is binary_crossentropy and y_true.size and not (y_true.min() >= 0 and y_true.max() <= 1):
        raise DataError(
            "binary_crossentropy: a target is out of range", expected="0 and 1, or probabilities between",
            received=f"values from {y_true.min()} to {y_true.max()}",
            fix="number two classes 0 and 1; more classes need one unit each, softmax and sparse_categorical_crossentropy",
        )  # fmt: skip
    if function is sparse_categorical_crossentropy and y_true.dtype.kind == "f" and (y_true % 1).any():
        raise DataError(
            "sparse_categorical_crossentropy: a label is not a whole number", expected="class numbers from 0",
            received=y_true[y_true % 1 != 0][0], fix="numbers to be met as closely as possible need mean_squared_error",
        )  # fmt: skip


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (y - t)².

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([2.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_squared_error")
    return ops.squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of |y - t|.

    >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([1.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.abs(y_pred - y_true), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of e²/2 for errors |e| ≤ δ, and δ (|e| - δ/2) beyond, where the slope stays ±δ.

    >>> huber([[0.0, 0.0]], [[0.5, 3.0]]).numpy()  # (0.125 + 2.5) / 2
    array([1.3125], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "huber")
    if not delta > 0:
        raise ArgumentError("huber: delta must be positive", received=f"delta={delta}")
    size = ops.abs(y_pred - y_true)
    near = ops.minimum(size, delta)  # e (e - e/2) up to δ, δ (e - δ/2) beyond: no large square
    return ops.mean(near * (size - 0.5 * near), axis=-1)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of max(1 - t y, 0): 0 for scores on the right side with a margin of 1.

    Arguments:
        y_true: -1 or 1. Where a batch holds only 0 and 1, its 0 are taken as -1.
        y_pred: scores of any size, not probabilities.

    >>> hinge([[1.0, -1.0]], [[0.25, -3.0]]).numpy()
    array([0.375], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "hinge")
    binary = ops.all(ops.logical_or(y_true == 0, y_true == 1))
    sign = ops.where(binary, 2 * y_true - 1, y_true)
    return ops.mean(ops.maximum(1 - sign * y_pred, 0), axis=-1)


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


def _smoothed(y_true: Any, label_smoothing: float, classes: int, who: str) -> Any:
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
    y_true = _smoothed(y_true, label_smoothing, 2, "binary_crossentropy")
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


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
    y_true = _smoothed(y_true, label_smoothing, classes, "categorical_crossentropy")
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


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
    _check_scores(y_true, y_pred, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    ignored = y_true == ignore_class
    values = ops.sparse_categorical_crossentropy(ops.where(ignored, 0, y_true), y_pred, from_logits, axis)
    return ops.where(ops.reshape(ignored, values.shape), 0.0, values)


def _check_scores(y_true: Any, y_pred: Any, axis: int) -> None:
    """Two mistakes that the op cannot tell from a wrong shape: no class to choose from, and a forgotten Flatten."""
    if y_pred.ndim and y_pred.shape[normalize_axis(axis, y_pred.ndim, "sparse_categorical_crossentropy")] == 1:
        raise ShapeError(
            "sparse_categorical_crossentropy: with one class the loss is always 0",
            expected="predictions (batch, classes) for at least two classes",
            received=f"predictions {y_pred.shape}",
            fix="two classes and one unit: sigmoid and binary_crossentropy",
        )
    labels = y_true.shape[:-1] if y_true.ndim > 1 and y_true.shape[-1] == 1 else y_true.shape
    if y_pred.ndim > 2 and y_pred.ndim > len(labels) + 1:
        raise ShapeError(
            "sparse_categorical_crossentropy: labels and predictions do not fit",
            expected="one row of class scores per label: predictions (batch, classes)",
            received=f"labels {y_true.shape}, predictions {y_pred.shape}",
            fix=_FLATTEN,
        )


# ---------------------------------------------------------------- the same as classes


class MeanSquaredError(LossFunctionWrapper):
    """Mean of (y - t)² over outputs, then over the batch: 1/n Σₙ 1/K Σₖ (y - t)².

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of |y - t| over outputs, then over the batch: a large error counts no more than its size.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 4.0]]))
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """Squared error near the target, absolute error beyond.

    Arguments:
        delta: the size of error where the one passes into the other.

    >>> float(Huber()([[0.0]], [[3.0]]))
    2.5
    """

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(huber, reduction, name, dtype, delta=delta)


class Hinge(LossFunctionWrapper):
    """The loss of support vector machines: scores must lie on the side of the label, -1 or 1, with a margin of 1.

    >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [-3.0]]))
    0.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """Divergence of predicted from wanted distributions; its gradient is that of cross-entropy.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


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


_registry: Registry[Loss] = Registry("loss", Loss, functions=True)
_registry.add(
    BinaryCrossentropy, CategoricalCrossentropy, Hinge, Huber, KLDivergence, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
)  # fmt: skip
_registry.add(  # a lower-case name is the function, as in Keras
    binary_crossentropy=binary_crossentropy, categorical_crossentropy=categorical_crossentropy, hinge=hinge,
    huber=huber, kl_divergence=kl_divergence, mean_absolute_error=mean_absolute_error,
    mean_squared_error=mean_squared_error, sparse_categorical_crossentropy=sparse_categorical_crossentropy,
    bce=binary_crossentropy, BCE=binary_crossentropy, kld=kl_divergence, KLD=kl_divergence, mae=mean_absolute_error,
    MAE=mean_absolute_error, mse=mean_squared_error, MSE=mean_squared_error,
)  # fmt: skip


def get(identifier: Any) -> Any:
    """A loss from a name, a config, an instance or a function of (y_true, y_pred).

    >>> get("mse") is mean_squared_error
    True
    """
    return _registry.get(identifier)


def serialize(loss: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A loss from its name or description."""
    return _registry.deserialize(name, custom_objects)
