"""Optimizers: how gradients become new weights. The formulas, as ops: `ops/optimization.py`."""

from __future__ import annotations

from typing import Any

from glassnet.optimizers import schedules
from glassnet.optimizers.adaptive import Adagrad, Adam, AdamW, RMSprop
from glassnet.optimizers.optimizer import Optimizer
from glassnet.optimizers.sgd import SGD
from glassnet.registry import Registry

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize"]

_registry: Registry[Optimizer] = Registry("optimizer", Optimizer)
_registry.add(SGD, Adagrad, Adam, AdamW=AdamW, adamw=AdamW, RMSprop=RMSprop, rmsprop=RMSprop)


def get(identifier: Any) -> Any:
    """An optimizer from a name, a config or an instance.

    >>> type(get("rmsprop")).__name__
    'RMSprop'
    """
    return _registry.get(identifier)


def serialize(optimizer: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An optimizer from its description."""
    return _registry.deserialize(config, custom_objects)
