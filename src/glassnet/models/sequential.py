"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glassnet.autograd.tensor import Tensor
from glassnet.errors import ArgumentError, GraphError
from glassnet.layers import registry
from glassnet.layers.base import Layer, LayerCall, symbolic_of
from glassnet.layers.brick import as_layer
from glassnet.layers.core import InputLayer
from glassnet.models.model import Model


class Sequential(Model):
    """A stack of layers.

    Arguments:
        layers: layers, plain lists of layers, hand-written bricks, and an Input at the beginning if the shape is known.

    >>> import glassnet as gn
    >>> model = Sequential([gn.Input((2,)), gn.layers.Dense(3, "tanh"), gn.layers.Dense(1)])
    >>> model.count_params()
    13
    """

    def __init__(self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(name=name, trainable=trainable)
        self._entrance: InputLayer | None = None
        self._stack: list[Layer] = []
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any) -> None:
        """Put a layer on top."""
        if isinstance(layer, Tensor) and isinstance(layer.creator, LayerCall):
            layer = layer.creator.layer
        if isinstance(layer, InputLayer):
            if self._entrance is not None or self._stack:
                raise GraphError(f"{self}: an Input can only be the first layer")
            self._entrance = layer
            return
        layer = Sequential(layer) if isinstance(layer, (list, tuple)) else as_layer(layer)
        if any(layer is other for other in self._stack):
            raise GraphError(
                f"{self}: {layer} is already in the stack", fix="to use a layer twice, write a functional Model"
            )
        if any(layer.name == other.name for other in self._stack):
            raise GraphError(f"{self}: two layers are called {layer.name!r}", fix="give each layer its own name")
        if not self._stack and self._entrance is None and layer.given_input_shape is not None:
            self._entrance = InputLayer(layer.given_input_shape[1:])
        self._stack.append(layer)
        if self._entrance is not None:
            self._extend()

    def pop(self) -> Layer:
        """Remove and return the last layer."""
        if not self._stack:
            raise GraphError(f"{self}: there is no layer to remove")
        removed = self._stack.pop()
        self.__dict__.pop("outputs", None)
        return removed

    def _extend(self) -> None:
        """Build the layer on top, so that its weights and shapes exist at once."""
        below = self.outputs if self.__dict__.get("outputs") is not None else self.inputs
        try:
            spec = self._stack[-1].compute_output_spec(below)
        except Exception:
            self._stack.pop()
            raise
        self.outputs = symbolic_of(spec.shape, spec.dtype)
        self.built = True

    @property
    def inputs(self) -> Any:
        """The symbolic input, or None while the shape is not known."""
        if self._entrance is None:
            return None
        return symbolic_of(self._entrance.batch_shape, self._entrance.input_dtype)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._stack)

    def build(self, input_shape: Any = None) -> None:
        """Fix the input shape (with the batch axis first) and create all weights."""
        if not self._stack:
            raise GraphError(f"{self} has no layers yet", fix="model.add(gn.layers.Dense(10))")
        if self._entrance is None and input_shape is not None:
            self._entrance = InputLayer(tuple(input_shape)[1:])
            tensor: Any = self.inputs
            for layer in self._stack:
                spec = layer.compute_output_spec(tensor)
                tensor = symbolic_of(spec.shape, spec.dtype)
            self.outputs = tensor
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The output of the last layer."""
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def __len__(self) -> int:
        return len(self._stack)

    def __getitem__(self, index: int | slice) -> Any:
        """A layer, or a Sequential of some of the layers, sharing their weights."""
        return Sequential(self._stack[index]) if isinstance(index, slice) else self._stack[index]

    def get_config(self) -> dict[str, Any]:
        """Name, input shape and the configs of all layers."""
        entrance = [] if self._entrance is None else [registry.serialize(self._entrance)]
        return {"name": self.name, "layers": entrance + [registry.serialize(layer) for layer in self._stack]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A model from `get_config`, with new weights."""
        if not isinstance(config.get("layers"), list):
            raise ArgumentError("Sequential: the config has no list of layers", received=repr(config)[:200])
        return cls([registry.deserialize(layer) for layer in config["layers"]], name=config.get("name"))
