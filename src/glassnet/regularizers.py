"""Regularizers: a penalty on weights that is added to the loss."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = ["L1", "L1L2", "L2", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "serialize"]


class Regularizer:
    """Base: `__call__(x)` returns a scalar Tensor."""

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        raise ArgumentError(f"{type(self).__name__} must define __call__(self, x)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A regularizer from `get_config`."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x²).

    >>> float(L1L2(l1=0.5, l2=0.25)([3.0, -4.0]))
    9.75
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        for name, value in (("l1", l1), ("l2", l2)):
            if not 0 <= value < float("inf"):
                raise ArgumentError(f"{type(self).__name__}: {name} must be >= 0", received=f"{name}={value}")
        self.l1, self.l2 = float(l1), float(l2)

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        penalty = 0.0
        if self.l1:
            penalty = penalty + self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            penalty = penalty + self.l2 * ops.sum(ops.square(x))
        return penalty

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 * sum(|x|): pulls every weight towards 0 with the same force, and small ones stay near it.

    >>> float(L1(0.5)([3.0, -4.0]))
    3.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum(x²): pulls a weight towards 0 with a force that grows with it, 2 l2 x.

    >>> float(L2(0.5)([3.0, -4.0]))
    12.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"l2": self.l2}


l1, l2, l1_l2 = L1, L2, L1L2

_registry = Registry("regularizer", Regularizer, functions=True)
_registry.add(L1, L2, L1L2, l1_l2=L1L2)


def get(identifier: Any) -> Any:
    """A regularizer from a name, a config, an instance or a function."""
    return _registry.get(identifier)


def serialize(regularizer: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A regularizer from its description."""
    return _registry.deserialize(config, custom_objects)
