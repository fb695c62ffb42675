"""Optimizers: how gradients become new weights. The formulas, as ops: `ops/optimization.py`."""

from __future__ import annotations

from typing import Any

from glassnet.optimizers import schedules
from glassnet.optimizers.adaptive import Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, RMSprop
from glassnet.optimizers.lbfgs import LBFGS
from glassnet.optimizers.optimizer import Optimizer
from glassnet.optimizers.sgd import SGD
from glassnet.registry import Registry

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Nadam", "Optimizer", "RMSprop", "deserialize",
    "get", "schedules", "serialize",
]  # fmt: skip

_registry: Registry[Optimizer] = Registry("optimizer", Optimizer)
_registry.add(
    LBFGS, SGD, Adadelta, Adagrad, Adam, Adamax, Lion, Nadam, AdamW=AdamW, adamw=AdamW, RMSprop=RMSprop, rmsprop=RMSprop,
)  # fmt: skip


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
