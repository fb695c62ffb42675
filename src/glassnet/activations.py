"""Activation functions by name: what `activation="relu"` means. The mathematics stands in `ops/activation.py`."""

from __future__ import annotations

from typing import Any

from glassnet.ops import activation as _family
from glassnet.ops.activation import *
from glassnet.registry import Registry

__all__ = ["deserialize", "get", "linear", "serialize", *_family.__all__]


def linear(x: Any) -> Any:
    """No activation: the input itself."""
    return x


class _Function:
    """Stands for "any function" as the base of the registry."""


_registry: Registry[Any] = Registry("activation", _Function, functions=True)
_registry.add(linear=linear, **{name: getattr(_family, name) for name in _family.__all__})


def get(identifier: Any) -> Any:
    """An activation function from its name, a function, a layer or None (no activation).

    >>> get("relu").__name__
    'relu'
    """
    return linear if identifier is None else _registry.get(identifier)


def serialize(activation: Any) -> Any:
    """The name of an activation function."""
    return _registry.serialize(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An activation function from its name."""
    return _registry.deserialize(config, custom_objects)
