r"""The base of all losses, and the reduction from values per sample to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.masking import mask_of
from glassnet.registry import snake_case

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


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

        Where the predictions carry a mask only what it lets through counts: a mean is over these values alone.
        """
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        mask = mask_of(y_pred)
        if self.dtype is not None and y_pred.dtype != self.dtype:
            y_pred = ops.cast(y_pred, self.dtype)
        y_true = in_float_type_of(y_pred, y_true)
        values = self.call(y_true, y_pred)
        counted = self.counted(y_true, values)
        if mask is not None:
            values, counted = masked_values(values, mask, counted, self.name)
        return reduce_values(values, sample_weight, self.reduction, self.name, counted)

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
    weights = None if sample_weight is None else weights_like(values, sample_weight, who)
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


def masked_values(values: Any, mask: Any, counted: Any, who: str) -> tuple[Any, Any]:
    """The values with 0 where the mask is False, and which of them count."""
    kept = ops.broadcast_to(weights_like(values, mask, f"{who} with a mask"), values.shape)
    return values * kept, kept if counted is None else kept * counted


def weights_like(values: Any, sample_weight: Any, who: str) -> Any:
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
            fix=None
            if values.ndim
            else "predictions (batch,) count as one sample; give them a last axis: (batch, 1). Dice needs its axis",
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


FLATTEN = "the predictions still have the axes of an image or table: add Flatten() before the first Dense"


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
            fix = FLATTEN
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
