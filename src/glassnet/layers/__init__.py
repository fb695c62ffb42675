"""L4, the bricks: one class per layer, one file per family. Each family file lists its public names in `__all__`."""

from __future__ import annotations

from typing import Any

from glassnet import activations, constraints, initializers, regularizers
from glassnet.layers import (
    activation,
    attention,
    augmentation,
    binary,
    brick,
    convolution,
    core,
    embedding,
    lookup,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    regularization,
    reshaping,
    transformer,
    wrappers,
)
from glassnet.layers.activation import *
from glassnet.layers.attention import *
from glassnet.layers.augmentation import *
from glassnet.layers.base import InputSpec, Layer, register_serializer
from glassnet.layers.binary import *
from glassnet.layers.brick import *
from glassnet.layers.convolution import *
from glassnet.layers.core import *
from glassnet.layers.embedding import *
from glassnet.layers.lookup import *
from glassnet.layers.merging import *
from glassnet.layers.normalization import *
from glassnet.layers.pooling import *
from glassnet.layers.preprocessing import *
from glassnet.layers.recurrent import *
from glassnet.layers.regularization import *
from glassnet.layers.reshaping import *
from glassnet.layers.transformer import *
from glassnet.layers.wrappers import *
from glassnet.registry import Registry

_FAMILIES = (
    core, activation, convolution, pooling, normalization, recurrent, regularization, reshaping, merging, preprocessing,
    brick, wrappers, embedding, attention, transformer, augmentation, lookup, binary,
)  # fmt: skip

__all__ = [
    *[name for family in _FAMILIES for name in family.__all__],
    "InputSpec", "Layer", "deserialize", "get", "serialize",
]  # fmt: skip

registry: Registry[Layer] = Registry("layer", Layer)
for _family in _FAMILIES:
    for _name in _family.__all__:
        _brick = getattr(_family, _name)
        if isinstance(_brick, type) and _brick is not brick.Brick:  # a Brick holds an object that no file can hold
            registry.add(_brick)
for _module in (initializers, regularizers, constraints, activations):
    register_serializer(_module._registry)
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
