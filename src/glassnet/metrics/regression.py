"""Errors of numbers, and how predictions go along with their targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, ShapeError
from glassnet.metrics.metric import Metric
from glassnet.metrics.reduction import Average, MeanMetricWrapper, ratio


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


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of 100 |y_true - y_pred| / |y_true|: the error in percent of the target.

    >>> float(MeanAbsolutePercentageError()([[2.0, 8.0]], [[3.0, 6.0]]))
    37.5
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of (ln(1 + y_true) - ln(1 + y_pred))².

    >>> round(float(MeanSquaredLogarithmicError()([[0.0, 99.0]], [[1.0, 199.0]])), 4)
    0.4805
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """Mean of ln cosh(y_pred - y_true): about half a squared error near 0, an absolute error beyond.

    >>> round(float(LogCoshError()([[0.0]], [[100.0]])), 4)
    99.3069
    """

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class Poisson(MeanMetricWrapper):
    """Mean of y_pred - y_true ln(y_pred), for counts.

    >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
    1.0
    """

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between y_true and y_pred: 1 for equal directions. (The loss has the opposite sign.)

    >>> round(float(CosineSimilarity()([[3.0, 4.0]], [[6.0, 8.0]])), 4)
    1.0
    """

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(_cosine, name, dtype, axis=axis)


def _spread(y_true: Any, y_pred: Any, axis: int, who: str) -> tuple[Any, Any, Any, Any]:
    """Covariance and both variances along an axis, and the difference of the means."""
    y_true, y_pred = losses.same_shape(y_true, y_pred, who)
    means = ops.mean(y_true, axis, keepdims=True), ops.mean(y_pred, axis, keepdims=True)
    t, y = y_true - means[0], y_pred - means[1]
    gap = ops.squeeze(means[0] - means[1], axis)
    return ops.mean(t * y, axis), ops.mean(t * t, axis), ops.mean(y * y, axis), gap


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Covariance over both standard deviations along `axis`, from -1 to 1: how well one is a straight line of the other.

    >>> pearson_correlation([[1.0, 2.0, 3.0]], [[10.0, 30.0, 50.0]]).numpy().round(4)
    array([1.], dtype=float32)
    """
    covariance, of_true, of_pred, _ = _spread(y_true, y_pred, axis, "pearson_correlation")
    return ratio(covariance, ops.sqrt(of_true * of_pred))


class PearsonCorrelation(MeanMetricWrapper):
    """Mean Pearson correlation of the samples, each along `axis`; 0 where one of the two does not vary.

    >>> round(float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[10.0, 30.0, 50.0]])), 4)
    1.0
    """

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 covariance / (both variances + (difference of the means)²) along `axis`: 1 only where both are equal.

    Source: Lin (1989), A concordance correlation coefficient to evaluate reproducibility.

    >>> concordance_correlation([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]]).numpy().round(4)  # 4/3 / (4/3 + 1)
    array([0.5714], dtype=float32)
    """
    covariance, of_true, of_pred, gap = _spread(y_true, y_pred, axis, "concordance_correlation")
    return ratio(2 * covariance, of_true + of_pred + ops.square(gap))


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean concordance of the samples, each along `axis`: correlation that also asks for equal scale and position.

    >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
    0.5714
    """

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


_AGGREGATIONS = ("uniform_average", "variance_weighted_average", None)


class R2Score(Metric):
    """1 - (squared errors) / (squared distances of the targets from their mean): 1 is exact, 0 is the mean for all.

    Arguments:
        class_aggregation: the mean over several outputs, "uniform_average" or "variance_weighted_average"; None: each.
        num_regressors: p inputs of a regression give the adjusted score 1 - (1 - R²) (n - 1) / (n - p - 1), with n
            targets, where n > p + 1.

    >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]]))
    0.5
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype or "float64", name)
        if class_aggregation not in _AGGREGATIONS:
            raise ArgumentError(
                "R2Score: unknown class_aggregation", expected=", ".join(map(str, _AGGREGATIONS)),
                received=repr(class_aggregation),
            )  # fmt: skip
        if num_regressors < 0:
            raise ArgumentError("R2Score: num_regressors cannot be negative", received=num_regressors)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def _make_state(self, outputs: int) -> None:
        self.num_samples = self.add_weight(name="num_samples")
        self.squared_sum = self.add_weight((outputs,), name="squared_sum")
        self.sum = self.add_weight((outputs,), name="sum")
        self.total_mse = self.add_weight((outputs,), name="residual")
        self.count = self.add_weight((outputs,), name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_true, y_pred = losses.same_shape(y_true, y_pred, self.name)
        if y_pred.ndim == 1:
            y_true, y_pred = ops.expand_dims(y_true, -1), ops.expand_dims(y_pred, -1)
        if y_pred.ndim != 2:
            raise ShapeError("R2Score: one row per sample", expected="(batch, outputs)", received=y_pred.shape)
        if not self.variables:
            self._make_state(y_pred.shape[1])
        t, y = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        w = losses.reduce_values(ops.ones_like(t), sample_weight, "none", self.name)
        self.sum.assign_add(ops.sum(t * w, axis=0))
        self.squared_sum.assign_add(ops.sum(t * t * w, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(t - y) * w, axis=0))
        self.count.assign_add(ops.sum(w, axis=0))
        self.num_samples.assign_add(float(t.size))

    def result(self) -> Any:
        """The score; 0 where the targets do not vary."""
        if not self.variables:
            return as_tensor(np.zeros((), self.dtype))
        total = self.squared_sum - ratio(ops.square(self.sum), self.count.value)
        score = ops.where(total == 0, 0.0, 1 - ratio(self.total_mse, total))
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation is not None:
            score = ratio(ops.sum(total * score), ops.sum(total))
        if not self.num_regressors:
            return score
        left = self.num_samples - self.num_regressors - 1
        return ops.where(left > 0, 1 - (1 - score) * (self.num_samples - 1) / ops.maximum(left, 1.0), score)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
