"""L4, the bricks: one class per layer, one file per family."""

from __future__ import annotations

from typing import Any

from glassnet import activations, constraints, initializers, regularizers
from glassnet.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from glassnet.layers.base import InputSpec, Layer, register_serializer
from glassnet.layers.brick import Brick
from glassnet.layers.core import Activation, Dense, Flatten, Identity, Input, InputLayer, Lambda, Operation, Reshape
from glassnet.layers.merging import Add, Concatenate, add, concatenate
from glassnet.layers.normalization import BatchNormalization
from glassnet.layers.preprocessing import Normalization, Rescaling
from glassnet.layers.recurrent import SimpleRNN
from glassnet.layers.regularization import Dropout, GaussianNoise
from glassnet.registry import Registry

__all__ = [
    "ELU", "Activation", "Add", "BatchNormalization", "Brick", "Concatenate", "Dense", "Dropout", "Flatten",
    "GaussianNoise", "Identity", "Input", "InputLayer", "InputSpec", "Lambda", "Layer", "LeakyReLU", "Normalization",
    "PReLU", "ReLU", "Rescaling", "Reshape", "SimpleRNN", "Softmax", "add", "concatenate", "deserialize", "get",
    "serialize",
]  # fmt: skip

registry: Registry[Layer] = Registry("layer", Layer)
registry.add(
    Activation, Add, BatchNormalization, Concatenate, Dense, Dropout, ELU, Flatten, GaussianNoise, Identity, InputLayer,
    Lambda, LeakyReLU, Normalization, Operation, PReLU, ReLU, Rescaling, Reshape, SimpleRNN, Softmax,
)  # fmt: skip
for _family in (initializers, regularizers, constraints, activations):
    register_serializer(_family._registry)
register_serializer(registry)


def get(identifier: Any) -> Any:
    """A layer from its name, config or itself."""
    return registry.get(identifier)


def serialize(layer: Layer) -> Any:
    """A JSON description: class name and config."""
    return registry.serialize(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A layer from its description."""
    return registry.deserialize(config, custom_objects)
