"""Metric: the base of everything that is watched but not trained on; and metrics by name."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from glassnet import initializers
from glassnet.autograd.functional import no_grad
from glassnet.autograd.variable import Variable
from glassnet.config import floatx
from glassnet.errors import ArgumentError
from glassnet.layers.base import automatic_name
from glassnet.registry import Registry, snake_case


class Metric:
    """Base of all metrics. A subclass makes its state in `__init__` and defines `update_state` and `result`.

    Arguments:
        dtype: of the state; glassnet's own metrics take float64, yours `gn.config.floatx()`, so that what your ops
            compute can be added to it.

    >>> import glassnet as gn
    >>> class Largest(gn.metrics.Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name=name)
    ...         self.value = self.add_weight(name="value")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.value.assign(gn.ops.maximum(self.value, gn.ops.max(y_pred)))
    ...     def result(self):
    ...         return self.value.value
    >>> largest = Largest()
    >>> largest(None, np.float32([1, 3])), largest(None, np.float32([2]))
    (Tensor(3., dtype=float32), Tensor(3., dtype=float32))
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name, self.dtype = name or automatic_name(snake_case(type(self).__name__)), np.dtype(dtype or floatx())
        self.variables: list[Variable] = []

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, name: str | None = None) -> Variable:
        """A Variable of the metric's state, which `reset_state` sets to zeros."""
        shape, dtype = (shape,) if isinstance(shape, int) else tuple(shape), np.dtype(dtype or self.dtype)
        name = name or f"state_{len(self.variables)}"
        array = initializers.initial_array(
            initializers.get(initializer or "zeros"), shape, dtype, f"{self.name} {name}"
        )
        variable = Variable(array, trainable=False, name=name, path=f"{self.name}/{name}")
        self.variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable`, of a single number by default."""
        return self.add_variable(shape, initializer, dtype, name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the state."""
        raise ArgumentError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        """The metric of everything since the last reset, mostly a scalar Tensor."""
        raise ArgumentError(f"{type(self).__name__} must define result")

    def reset_state(self) -> None:
        """Forget everything."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the result so far."""
        with no_grad():
            self.update_state(*args, **kwargs)
            return self.result()

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "dtype": self.dtype.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from `get_config`."""
        return cls(**config)


REGISTRY: Registry[Metric] = Registry("metric", Metric, functions=True)


def get(identifier: Any) -> Any:
    """A metric from a name, a config, an instance or a function of (y_true, y_pred).

    >>> type(get("mse")).__name__
    'MeanSquaredError'
    """
    return REGISTRY.get(identifier)


def serialize(metric: Any) -> Any:
    """A JSON description."""
    if inspect.isfunction(metric) and metric.__module__.startswith("glassnet.") and metric.__name__ in REGISTRY.classes:
        return metric.__name__  # such as `binary_accuracy`: the name finds the class, which is the mean of the function
    return REGISTRY.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A metric from its description."""
    return REGISTRY.deserialize(config, custom_objects)
