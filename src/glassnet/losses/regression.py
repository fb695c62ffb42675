"""Losses of numbers: how far predictions are from their targets."""

from __future__ import annotations

import math
from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.losses.loss import LossFunctionWrapper, same_shape


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (y - t)².

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([2.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_squared_error")
    return ops.squared_error(y_true, y_pred)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of (y - t)² over outputs, then over the batch: 1/n Σₙ 1/K Σₖ (y - t)².

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of |y - t|.

    >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([1.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.abs(y_pred - y_true), axis=-1)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of |y - t| over outputs, then over the batch: a large error counts no more than its size.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 4.0]]))
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of 100 |y - t| / |t|: the error in percent of its target.

    Trap: targets near 0 dominate; the size of a target counts as 1e-7 (`gn.config.epsilon()`) at least.

    >>> mean_absolute_percentage_error([[2.0, 8.0]], [[3.0, 6.0]]).numpy()  # 50 % and 25 %
    array([37.5], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_absolute_percentage_error")
    return 100 * ops.mean(ops.abs(y_pred - y_true) / ops.maximum(ops.abs(y_true), epsilon()), axis=-1)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean error in percent of the target; for targets that are far from 0.

    >>> float(MeanAbsolutePercentageError()([[2.0, 8.0]], [[3.0, 6.0]]))
    37.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (ln(1 + y) - ln(1 + t))²: the factor by which a prediction is off counts.

    Arguments:
        y_true: 0 or more.
        y_pred: values below 0 count as 0, so their gradient is 0; end the model in `relu` or `softplus`.

    >>> mean_squared_logarithmic_error([[0.0, 99.0]], [[1.0, 199.0]]).numpy().round(4)  # (ln 2)² for both
    array([0.4805], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "mean_squared_logarithmic_error")
    difference = ops.log1p(ops.maximum(y_pred, epsilon())) - ops.log1p(ops.maximum(y_true, epsilon()))
    return ops.mean(ops.square(difference), axis=-1)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean squared difference of ln(1 + y) and ln(1 + t), for targets over several orders of magnitude.

    >>> round(float(MeanSquaredLogarithmicError()([[0.0, 99.0]], [[1.0, 199.0]])), 4)
    0.4805
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


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


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of ln cosh e: about e²/2 for small errors e, |e| - ln 2 for large ones; the slope is tanh e.

    cosh e overflows for e > 89 in float32; |e| + ln(1 + (e^(-2|e|) - 1) / 2) is the same number and does not.

    >>> log_cosh([[0.0, 0.0]], [[0.1, 100.0]]).numpy().round(4)
    array([49.6559], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "log_cosh")
    size = ops.abs(y_pred - y_true)
    return ops.mean(size + ops.log1p(0.5 * ops.expm1(-2 * size)), axis=-1)


class LogCosh(LossFunctionWrapper):
    """ln cosh of the error: squared error near the target, absolute error beyond, with a smooth passage.

    >>> round(float(LogCosh()([[0.0]], [[100.0]])), 4)
    99.3069
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of y - t ln y: -ln of the probability of a count t at the rate y, up to a constant in t.

    Arguments:
        y_true: counts, 0 or more.
        y_pred: expected counts, positive; end the model in `exponential` or `softplus`.

    >>> poisson([[2.0]], [[1.0]]).numpy().round(4)
    array([1.], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "poisson")
    return ops.mean(y_pred - y_true * ops.log(y_pred + epsilon()), axis=-1)


class Poisson(LossFunctionWrapper):
    """Loss for counts whose expectation is predicted: how often something happens.

    >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
    1.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between target and prediction: -1 for equal directions, 1 for opposite ones.

    Only directions count; where a vector is 0 the value is 0. (The metric of this name has the opposite sign.)

    >>> cosine_similarity([[3.0, 4.0]], [[6.0, 8.0]]).numpy()
    array([-1.], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "cosine_similarity")
    return -ops.sum(ops.normalize(y_true, axis) * ops.normalize(y_pred, axis), axis=axis)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between targets and predictions along `axis`.

    >>> float(CosineSimilarity()([[2.0, 0.0]], [[-3.0, 0.0]]))
    1.0
    """

    def __init__(
        self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


def gaussian_nll(y_true: Any, y_pred: Any, full: bool = False, epsilon: float = 1e-6) -> Any:
    """Mean over the targets of (ln v + (m - t)² / v) / 2: -ln of the normal density with mean m and variance v at t.

    A model that is unsure says so with a large v, and pays ln v for it. Source: Nix and Weigend (1994), Estimating the
    mean and variance of the target probability distribution, eq. 6; in PyTorch: GaussianNLLLoss.

    Arguments:
        y_true: shape (..., K).
        y_pred: shape (..., 2K): K means, then their K variances, positive (end that half in `softplus`).
        full: add the constant ln(2π) / 2.
        epsilon: the least variance.

    >>> gaussian_nll([[1.0]], [[3.0, 4.0]]).numpy().round(4)  # (ln 4 + 1) / 2
    array([1.1931], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_pred.ndim == 0 or y_pred.shape[-1] % 2:
        raise ShapeError(
            "gaussian_nll: predictions must hold a mean and a variance for each target",
            expected="a last axis of even size: K means, then K variances", received=y_pred.shape,
            fix="the last layer needs twice as many units as there are targets",
        )  # fmt: skip
    mean, variance = ops.split(y_pred, 2, axis=-1)
    y_true, mean = same_shape(y_true, mean, "gaussian_nll")
    variance = ops.maximum(variance, epsilon)
    values = 0.5 * (ops.log(variance) + ops.square(mean - y_true) / variance)
    return ops.mean(values, axis=-1) + (0.5 * math.log(2 * math.pi) if full else 0.0)


class GaussianNLL(LossFunctionWrapper):
    """-ln of the normal density whose mean and variance are predicted: a regression that knows how sure it is.

    Arguments:
        full: add the constant ln(2π) / 2.
        epsilon: the least variance.

    >>> round(float(GaussianNLL()([[1.0]], [[3.0, 4.0]])), 4)
    1.1931
    """

    def __init__(
        self, full: bool = False, epsilon: float = 1e-6, reduction: str | None = "sum_over_batch_size",
        name: str = "gaussian_nll", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(gaussian_nll, reduction, name, dtype, full=full, epsilon=epsilon)


def check_counts(who: str, y_true: Any) -> None:
    """Raise where a whole array of targets holds one below 0, which has no logarithm and is no count."""
    if y_true.size and y_true.min() < 0:
        raise DataError(
            f"{who}: a target is below 0", expected="0 or more", received=y_true.min(),
            fix="targets that were brought to mean 0 need mean_squared_error; leave them as they were measured here",
        )  # fmt: skip
