"""Sums and means over everything since the last reset, in float64, so that a million small numbers still add up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.layers.masking import mask_of
from glassnet.metrics.metric import Metric, deserialize, serialize

_SMALLEST = sys.float_info.min
"""In place of a count of 0: 0 / 2e-308 is 0. This costs one operation, `ratio` two, and every step of `fit` pays."""


def ratio(a: Any, b: Any) -> Any:
    """The quotient a / b, and 0 where both are 0."""
    return a / ops.where(b == 0, 1.0, b)


def weighted_sum(values: Any, sample_weight: Any, metric: Metric) -> tuple[Any, Any]:
    """Σ w·x over all values, and Σ w.

    Arguments:
        sample_weight: one weight per sample or per value; None: all are 1. 0 counts as if the sample were not there.
    """
    values = ops.cast(as_tensor(values), metric.dtype)
    if sample_weight is None or isinstance(sample_weight, (int, float)):
        total, count = ops.sum(values) if values.ndim else values, float(values.size)
        return (total, count) if sample_weight is None else (total * sample_weight, count * sample_weight)
    ones = ops.ones_like(values)
    total = losses.reduce_values(values, sample_weight, "sum", metric.name)
    return total, losses.reduce_values(ones, sample_weight, "sum", metric.name)


class Sum(Metric):
    """Weighted sum of the values it is given.

    >>> total = Sum()
    >>> total.update_state([1.0, 3.0])
    >>> float(total.result())
    4.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype or "float64", name)
        self.total = self.add_weight(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, shape (batch, ...), each with its weight."""
        self.total.assign_add(weighted_sum(values, sample_weight, self)[0])

    def result(self) -> Any:
        """The sum."""
        return self.total.value


class Average(Metric):
    """Base of all means: a weighted total, and the sum of the weights, which must not be negative."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype or "float64", name)
        self.total = self.add_weight(name="total")
        self.count = self.add_weight(name="count")

    def add(self, values: Any, sample_weight: Any) -> None:
        """Add values, shape (batch, ...), each with its weight."""
        total, count = weighted_sum(values, sample_weight, self)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Any:
        """The mean; 0 before there are values."""
        return self.total / ops.maximum(self.count, _SMALLEST)


class Mean(Average):
    """Weighted mean of the values it is given; 0 before there are any.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0], sample_weight=[3.0, 1.0])
    >>> float(mean.result())
    1.5
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, shape (batch, ...), each with its weight."""
        self.add(values, sample_weight)


class MeanMetricWrapper(Average):
    """The mean of a function (y_true, y_pred) -> one value per sample.

    Arguments:
        kwargs: further arguments of `fn`.

    >>> miss = MeanMetricWrapper(lambda y_true, y_pred: ops.abs(y_true - y_pred), name="miss")
    >>> float(miss([1.0, 2.0], [1.5, 4.0]))
    1.25
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self._fn, self._settings = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; where the predictions carry a mask only what it lets through counts."""
        values, mask = self._fn(as_tensor(y_true), as_tensor(y_pred), **self._settings), mask_of(y_pred)
        if mask is not None:
            kept = ops.cast(mask, values.dtype)
            weighted = sample_weight is not None
            sample_weight = kept * losses.weights_like(kept, sample_weight, self.name) if weighted else kept
        self.add(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        fn = {"fn": serialize(self._fn)} if type(self) is MeanMetricWrapper else {}
        return {**fn, **super().get_config(), **self._settings}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from `get_config`."""
        if "fn" not in config:
            return cls(**config)
        found = deserialize(config["fn"])
        return cls(**{**config, "fn": found._fn if isinstance(found, MeanMetricWrapper) else found})
