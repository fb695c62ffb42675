"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glassnet.autograd.functional import map_structure
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
        self.outputs: Any = None
        """The symbolic output; None while the input shape is not known."""
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
        if not self._stack and self._entrance is None:
            self._entrance = _entrance_of(layer)
        self._change([*self._stack, layer])

    def pop(self) -> Layer:
        """Remove and return the last layer."""
        if not self._stack:
            raise GraphError(f"{self}: there is no layer to remove")
        removed = self._stack[-1]
        self._change(self._stack[:-1])
        return removed

    def _change(self, stack: list[Layer]) -> None:
        """Take over another stack; where the input shape is known its weights and shapes exist at once."""
        outputs = None if self._entrance is None else _passed_through(stack, self.inputs)
        self._stack, self.outputs = stack, outputs
        self.built = self._entrance is not None and bool(stack)
        self._steps, self._known.variables = {}, None  # traced steps and variables of the old stack

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
        if self._entrance is None:
            if input_shape is None:
                raise ArgumentError(f"{self}: build needs the shape of the input", fix="model.build((None, 784))")
            self.outputs = _passed_through(self._stack, symbolic_of((None, *input_shape[1:]), self.dtype))
            self._entrance = InputLayer(input_shape[1:])
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
        if not isinstance(index, slice):
            return self._stack[index]
        kept = self._stack[index]
        from_the_start = self._entrance is not None and kept and kept[0] is self._stack[0]
        return Sequential([self._entrance, *kept] if from_the_start else kept)

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


def _entrance_of(layer: Layer) -> InputLayer | None:
    """The Input that a first layer implies: its `input_shape=`, or the input of a model."""
    if layer.given_input_shape is not None:
        return InputLayer(layer.given_input_shape[1:])
    inputs = getattr(layer, "inputs", None) if isinstance(layer, Model) else None
    return InputLayer(inputs.shape[1:], dtype=inputs.dtype) if isinstance(inputs, Tensor) else None


def _passed_through(stack: list[Layer], tensor: Any) -> Any:
    """The symbolic output of layers one after the other; their weights are made on the way."""
    for layer in stack:
        tensor = map_structure(Tensor, layer.compute_output_spec(tensor))
    return tensor
