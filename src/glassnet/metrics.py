"""Metrics: numbers that are watched but not trained on. Each sums up in float64 Variables until it is reset."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.functional import no_grad
from glassnet.autograd.tensor import as_tensor
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError
from glassnet.layers.base import automatic_name
from glassnet.registry import Registry, snake_case

__all__ = ["Mean", "Metric", "SparseCategoricalAccuracy", "deserialize", "get", "serialize",
           "sparse_categorical_accuracy"]  # fmt: skip


class Metric:
    """Base of all metrics. A subclass makes its state in `__init__` and defines `update_state` and `result`."""

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name, self.dtype = name or automatic_name(snake_case(type(self).__name__)), dtype
        self.variables: list[Variable] = []

    def add_variable(self, shape: Any = (), initializer: Any = 0.0, name: str | None = None) -> Variable:
        """A float64 Variable of the metric's state; `reset_state` brings it back to its first content, zeros."""
        name = name or f"state_{len(self.variables)}"
        variable = Variable(np.full(shape, initializer, "float64"), trainable=False, name=name, path=f"{self.name}/{name}")
        self.variables.append(variable)
        return variable

    add_weight = add_variable

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the state."""
        raise ArgumentError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        """The metric of everything since the last reset, a scalar Tensor."""
        raise ArgumentError(f"{type(self).__name__} must define result")

    def reset_state(self) -> None:
        """Forget everything."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the result so far."""
        with no_grad():
            self.update_state(*args, **kwargs)
            return self.result()

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from `get_config`."""
        return cls(**config)


class Mean(Metric):
    """Weighted mean of the values it is given.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> float(mean.result())
    2.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, shape (batch, ...), each with its weight."""
        values = ops.cast(as_tensor(values), "float64")
        if sample_weight is None:
            self.total.assign_add(ops.sum(values))
            self.count.assign_add(float(values.size))
            return
        weights = ops.cast(as_tensor(sample_weight), "float64")
        while len(weights.shape) < len(values.shape):
            weights = ops.expand_dims(weights, -1)
        weights = ops.broadcast_to(weights, values.shape)
        self.total.assign_add(ops.sum(values * weights))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Any:
        """The mean; 0 before anything was added."""
        return self.total / ops.maximum(self.count, 1e-12)


class MeanMetricWrapper(Mean):
    """The mean of a function (y_true, y_pred) -> one value per sample."""

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **settings: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self._fn, self._settings = fn, settings

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        super().update_state(self._fn(as_tensor(y_true), as_tensor(y_pred), **self._settings), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, **self._settings}


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands at the integer label.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]]).numpy()
    array([1., 0.], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return ops.cast(ops.equal(ops.argmax(y_pred, axis=-1), ops.cast(y_true, "int64")), "float32")


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest prediction stands at the integer label."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


_registry: Registry[Metric] = Registry("metric", Metric, functions=True)
_registry.add(Mean, SparseCategoricalAccuracy)


def get(identifier: Any) -> Any:
    """A metric from a name, a config, an instance or a function of (y_true, y_pred)."""
    return _registry.get(identifier)


def serialize(metric: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A metric from its description."""
    return _registry.deserialize(config, custom_objects)
