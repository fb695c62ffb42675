"""Errors of numbers, and losses of probabilities watched as metrics."""

from __future__ import annotations

from typing import Any

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.metrics.reduction import Average, MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """Mean of (y_true - y_pred)².

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    2.5
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Average):
    """Root of the mean of (y_true - y_pred)²: the size of an error in the unit of the targets.

    >>> float(RootMeanSquaredError()([[0.0, 2.0]], [[1.0, 9.0]]))  # √((1 + 49) / 2)
    5.0
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_true, y_pred = losses.same_shape(y_true, y_pred, self.name)
        self.add(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root of the mean."""
        return ops.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of |y_true - y_pred|.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 4.0]]))
    1.5
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name: -t ln p - (1 - t) ln(1 - p).

    >>> round(float(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name, for one-hot targets: -ln of the predicted probability of the true class.

    >>> round(float(CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **settings)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name, for integer labels: -ln of the predicted probability of the true class.

    Arguments:
        ignore_class: a label whose samples are left out of the mean.

    >>> round(float(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **settings)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        ignored = self._settings["ignore_class"]
        if ignored is not None:
            y_true = as_tensor(y_true)
            if y_true.ndim == as_tensor(y_pred).ndim:
                y_true = ops.squeeze(y_true, -1)
            counted = ops.cast(y_true != ignored, self.dtype)
            sample_weight = losses.reduce_values(counted, sample_weight, "none", self.name)
        super().update_state(y_true, y_pred, sample_weight)
