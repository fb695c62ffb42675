"""Constraints: what a weight is brought back to after each update."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.config import epsilon
from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "WeightClip", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip


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
        norms = _norms(w, self.axis)
        return w * (self.max_value / ops.maximum(norms, self.max_value))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


class MinMaxNorm(Constraint):
    """Scales a unit's incoming weights towards a length between `min_value` and `max_value`.

    Arguments:
        rate: 1 enforces the length; less goes that share of the way in each step.
        axis: the axis (or axes) along which the length is taken; 0 for a Dense kernel.

    >>> MinMaxNorm(0.5, 1.0)([[3.0, 0.03], [4.0, 0.04]]).numpy().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | list[int] = 0
    ) -> None:
        if not 0 <= min_value <= max_value:
            received = f"min_value={min_value}, max_value={max_value}"
            raise ArgumentError("MinMaxNorm: lengths need 0 <= min_value <= max_value", received=received)
        if not 0 <= rate <= 1:
            raise ArgumentError("MinMaxNorm: rate must be in [0, 1]", received=f"rate={rate}")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        """The weight with every unit's length between the two; a unit of zeros stays."""
        norms = _norms(w, self.axis)
        wanted = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / ops.maximum(norms, epsilon()))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class UnitNorm(Constraint):
    """Scales a unit's incoming weights to length 1.

    Arguments:
        axis: the axis (or axes) along which the length is taken; 0 for a Dense kernel.

    >>> UnitNorm()([[3.0], [4.0]]).numpy().round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(self, axis: int | list[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """The weight with units of length 1; a unit of zeros stays."""
        return w / ops.maximum(_norms(w, self.axis), epsilon())

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to 0.

    >>> NonNeg()([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        """The weight without negative cells."""
        return ops.maximum(w, 0)


class WeightClip(Constraint):
    """Brings every weight back to between -`clip_value` and `clip_value`, as the latent weights of binary layers need.

    >>> WeightClip()([-3.0, 0.5]).numpy()
    array([-1. ,  0.5], dtype=float32)
    """

    def __init__(self, clip_value: float = 1.0) -> None:
        if not clip_value > 0:
            raise ArgumentError("WeightClip: clip_value must be positive", received=f"clip_value={clip_value}")
        self.clip_value = clip_value

    def __call__(self, w: Any) -> Any:
        """The weight with no cell beyond the bounds."""
        return ops.clip(w, -self.clip_value, self.clip_value)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"clip_value": self.clip_value}


def _norms(w: Any, axis: int | list[int]) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_registry = Registry("constraint", Constraint, functions=True)
_registry.add(MaxNorm, MinMaxNorm, NonNeg, UnitNorm, WeightClip)


def get(identifier: Any) -> Any:
    """A constraint from a name, a config, an instance or a function."""
    return _registry.get(identifier)


def serialize(constraint: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A constraint from its description."""
    return _registry.deserialize(config, custom_objects)
