"""Sums and means over everything since the last reset. The state is float64: a million small numbers add up exactly enough."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.metrics.metric import Metric, deserialize, serialize


_SMALLEST = sys.float_info.min
"""In place of a count of 0: 0 / 2e-308 is 0. One operation instead of the two of `ratio`, in every step of every `fit`."""


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where both are 0."""
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
    return tuple(losses.reduce_values(x, sample_weight, "sum", metric.name) for x in (values, ones))  # type: ignore[return-value]  # two


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


class Mean(Metric):
    """Weighted mean of the values it is given; 0 before there are any. Weights must not sum to less than 0.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0], sample_weight=[3.0, 1.0])
    >>> float(mean.result())
    1.5
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype or "float64", name)
        self.total = self.add_weight(name="total")
        self.count = self.add_weight(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, shape (batch, ...), each with its weight."""
        total, count = weighted_sum(values, sample_weight, self)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Any:
        """The mean."""
        return self.total / ops.maximum(self.count, _SMALLEST)


class MeanMetricWrapper(Mean):
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
        """Add a batch."""
        super().update_state(self._fn(as_tensor(y_true), as_tensor(y_pred), **self._settings), sample_weight)

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
