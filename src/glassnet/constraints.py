"""Constraints: what a weight is brought back to after each update."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = ["Constraint", "MaxNorm", "deserialize", "get", "max_norm", "serialize"]


class Constraint:
    """Base: `__call__(w)` returns the constrained weight."""

    def __call__(self, w: Any) -> Any:
        """The weight as it should be."""
        raise ArgumentError(f"{type(self).__name__} must define __call__(self, w)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A constraint from `get_config`."""
        return cls(**config)


class MaxNorm(Constraint):
    """Scales a unit's incoming weights down to length `max_value` where they are longer.

    Arguments:
        axis: the axis (or axes) along which the length is taken; 0 for a Dense kernel.

    Source: Srivastava et al. (2014), Dropout, section 5.1.

    >>> MaxNorm(1.0)([[3.0, 0.3], [4.0, 0.4]]).numpy().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: int | list[int] = 0) -> None:
        if not max_value > 0:
            raise ArgumentError("MaxNorm: max_value must be positive", received=f"max_value={max_value}")
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        """The weight with no unit longer than `max_value`."""
        norms = ops.sqrt(ops.sum(ops.square(w), axis=self.axis, keepdims=True))
        return w * (self.max_value / ops.maximum(norms, self.max_value))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


max_norm = MaxNorm

_registry = Registry("constraint", Constraint, functions=True)
_registry.add(MaxNorm)


def get(identifier: Any) -> Any:
    """A constraint from a name, a config, an instance or a function."""
    return _registry.get(identifier)


def serialize(constraint: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A constraint from its description."""
    return _registry.deserialize(config, custom_objects)
