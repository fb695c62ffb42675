r"""Losses: one number that says how wrong the predictions are.

A loss has two parts, and both are visible: a function that gives one value per sample, and the reduction over the batch.
The default averages: L = 1/n Σₙ ℓₙ, and that 1/n is a factor of every gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.tensor import Node, Tensor, as_tensor, wrap
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.ops.activation import Sigmoid, Softmax
from glassnet.registry import Registry, snake_case

__all__ = ["Loss", "MeanSquaredError", "SparseCategoricalCrossentropy", "deserialize", "get", "mean_squared_error",
           "serialize", "sparse_categorical_crossentropy"]  # fmt: skip

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss:
    """Base of all losses. A subclass defines `call(y_true, y_pred)`: one value per sample.

    Arguments:
        reduction: "sum_over_batch_size" (or "mean": the sum over the samples divided by their number), "sum",
            "mean_with_sample_weight" (divided by the sum of the weights), or "none".
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(
                f"{type(self).__name__}: unknown reduction", expected=", ".join(map(str, REDUCTIONS)), received=repr(reduction)
            )
        self.name, self.reduction, self.dtype = name or snake_case(type(self).__name__), reduction, dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per sample."""
        raise ArgumentError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Arguments:
            sample_weight: a factor per sample, shape (batch,).
        """
        values = self.call(as_tensor(y_true), as_tensor(y_pred))
        return reduce_values(values, sample_weight, self.reduction, self.name)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from `get_config`."""
        return cls(**config)


def reduce_values(values: Any, sample_weight: Any, reduction: str | None, who: str) -> Any:
    """Weight the per-sample values and bring them to one number."""
    weights = None
    if sample_weight is not None:
        weights = ops.cast(as_tensor(sample_weight), values.dtype)
        if weights.shape[:1] != values.shape[:1] and weights.shape not in ((), (1,)):
            raise ShapeError(f"{who}: sample_weight does not fit", expected=f"({values.shape[0]},)", received=weights.shape)
        while len(weights.shape) < len(values.shape):
            weights = ops.expand_dims(weights, -1)
        values = values * weights
    if reduction in (None, "none"):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return total / ops.sum(ops.broadcast_to(weights, values.shape))
    return total * (1.0 / max(values.size, 1))


class LossFunctionWrapper(Loss):
    """A loss made of a function (y_true, y_pred) -> one value per sample."""

    def __init__(self, fn: Callable[..., Any], reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Any = None, **settings: Any) -> None:  # fmt: skip
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn, self.settings = fn, settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per sample."""
        return self.fn(y_true, y_pred, **self.settings)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), **self.settings}


def logits_behind(y_pred: Any, op: type) -> Any:
    """The logits from which a Softmax or Sigmoid made these probabilities, or None.

    A loss on logits is exact where probabilities have long been rounded to 0 or 1, so a model that ends in an activation
    gets the same numbers as one that ends in logits.
    """
    node = y_pred.creator if type(y_pred) is Tensor else None
    if type(node) is not Node or type(node.op) is not op or getattr(node.op, "axis", -1) not in (-1, y_pred.ndim - 1):
        return None
    return wrap(node.inputs[0], node.parents[0])


def same_shape(y_true: Any, y_pred: Any, who: str) -> tuple[Any, Any]:
    """Targets as floats of the predictions' shape; (batch,) and (batch, 1) are taken as the same."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1)
    elif y_pred.ndim == y_true.ndim - 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if y_true.shape != y_pred.shape:
        fix = None
        if y_true.ndim == y_pred.ndim - 1:
            fix = "integer labels belong to sparse_categorical_crossentropy, or one-hot them with to_categorical"
        elif y_true.ndim == y_pred.ndim and y_true.shape[0] == y_pred.shape[0]:
            fix = f"the last layer needs {y_true.shape[-1]} units"
        raise ShapeError(f"{who}: targets and predictions do not fit", expected=f"targets of shape {y_pred.shape}",
                         received=y_true.shape, fix=fix)  # fmt: skip
    return ops.cast(y_true, y_pred.dtype), y_pred


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (y_true - y_pred)².

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([2.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_squared_error")
    error = y_pred - y_true
    return ops.mean(error * error, axis=-1)


def check_labels(labels: Any, classes: int, who: str) -> None:
    """Integer labels must name existing classes."""
    if labels.is_symbolic or labels.size == 0:
        return
    data = np.asarray(labels.data)
    low, high = int(data.min()), int(data.max())
    if low < 0 or high >= classes:
        where = int(np.argmax((data < 0) | (data >= classes)))
        raise DataError(
            f"{who}: a label is out of range", expected=f"integers 0..{classes - 1} ({classes} classes)",
            received=f"{data.reshape(-1)[where]} at position {where} of the batch",
            fix="count labels from 0, or give the last layer one unit per class",
        )  # fmt: skip


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log of the predicted probability of the true class, for integer labels.

    Arguments:
        y_true: integers, shape (batch,) or (batch, 1).
        y_pred: shape (batch, K): probabilities, or logits with `from_logits=True`.
        ignore_class: a label whose samples count nothing.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    who = "sparse_categorical_crossentropy"
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if axis not in (-1, y_pred.ndim - 1):
        raise ArgumentError(f"{who}: classes must be the last axis", expected="axis=-1", received=f"axis={axis}")
    if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if y_true.dtype.kind == "f":
        y_true = ops.cast(y_true, "int64")
    logits = y_pred if from_logits else logits_behind(y_pred, Softmax)
    if logits is None:
        logits = ops.log(ops.clip(y_pred, 1e-7, 1.0))
    known = y_true if ignore_class is None else ops.where(y_true == ignore_class, 0, y_true)
    check_labels(known, int(y_pred.shape[-1]), who)
    values = ops.sparse_softmax_crossentropy(logits, known)
    return values if ignore_class is None else ops.where(y_true == ignore_class, 0.0, values)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of (y_true - y_pred)² over outputs, then over the batch: 1/n Σₙ 1/K Σₖ (t - y)².

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for integer labels.

    Arguments:
        from_logits: predictions are logits, not probabilities.
        ignore_class: a label whose samples count nothing.

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


_registry: Registry[Loss] = Registry("loss", Loss, functions=True)
_registry.add(
    MeanSquaredError, SparseCategoricalCrossentropy, mse=MeanSquaredError, MSE=MeanSquaredError,
)  # fmt: skip


def get(identifier: Any) -> Any:
    """A loss from a name, a config, an instance or a function of (y_true, y_pred)."""
    return _registry.get(identifier)


def serialize(loss: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A loss from its name or description."""
    return _registry.deserialize(name, custom_objects)
