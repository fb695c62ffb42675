"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Tensor
from glassnet.errors import ArgumentError, GraphError
from glassnet.layers import registry
from glassnet.layers.base import Layer, LayerCall
from glassnet.layers.brick import as_layer
from glassnet.layers.core import InputLayer
from glassnet.layers.masking import with_masks
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
        self._results: list[Any] = []
        """The symbolic input and what each layer makes of it; empty while the input shape is not known."""
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
                raise GraphError(
                    f"{self}: an Input can only be the first layer", expected="Input, then the other layers",
                    received=f"an Input after {self._stack[-1] if self._stack else self._entrance}",
                    fix="move it to the beginning, or leave it out: the first data show the shape",
                )  # fmt: skip
            self._enter(layer)
            return
        layer = Sequential(layer) if isinstance(layer, (list, tuple)) else as_layer(layer)
        if any(layer is other for other in self._stack):
            raise GraphError(
                f"{self}: {layer} is already in the stack",
                fix="make a second layer, or use this one twice in a functional Model",
            )
        if any(layer.name == other.name for other in self._stack):
            raise GraphError(
                f"{self}: two layers are called {layer.name!r}", expected="a name of its own for each layer",
                received=f"{layer} after {', '.join(other.name for other in self._stack)}",
                fix=f"name='{layer.name}_2', or no name: then glassnet numbers them",
            )  # fmt: skip
        entrance = None if self._stack or self._entrance is not None else _entrance_of(layer)
        if entrance is not None:
            self._enter(entrance)
        results = [*self._results, _applied(layer, self._results[-1])] if self._results else []
        self._change([*self._stack, layer], results)

    def pop(self) -> Layer:
        """Remove and return the last layer."""
        if not self._stack:
            raise GraphError(f"{self}: there is no layer to remove", received="an empty stack", fix="add one first")
        removed = self._stack[-1]
        self._change(self._stack[:-1], self._results[:-1])
        return removed

    def _enter(self, entrance: InputLayer) -> None:
        self._entrance, self._results = entrance, [entrance.output()]

    def _change(self, stack: list[Layer], results: list[Any]) -> None:
        self._stack, self._results = stack, results
        self.built = bool(stack and results)  # where the input shape is known all weights exist at once
        self._steps, self._known.variables = {}, None  # traced steps and variables of the old stack

    def _ends(self) -> tuple[Any, Any] | None:
        return (self._results[0], self._results[-1]) if self._results else None

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._stack)

    @property
    def output_names(self) -> list[str] | None:
        """The name of the last layer."""
        return [self._stack[-1].name] if self._stack else None

    def build(self, input_shape: Any = None) -> None:
        """Fix the input shape (with the batch axis first) and create all weights."""
        if not self._stack:
            raise GraphError(
                f"{self} has no layers yet", expected="at least one layer", received="an empty stack",
                fix="model.add(gn.layers.Dense(10))",
            )  # fmt: skip
        if self._entrance is None:
            if input_shape is None:
                raise ArgumentError(
                    f"{self}: build needs the shape of the input", expected="a shape with the batch axis first",
                    received=input_shape, fix="model.build((None, 784))",
                )  # fmt: skip
            entrance = InputLayer(input_shape[1:])
            results: list[Any] = [entrance.output()]
            for layer in self._stack:
                results.append(_applied(layer, results[-1]))
            self._entrance, self._results = entrance, results
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The output of the last layer."""
        inputs = with_masks(inputs, mask)
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
    ends = layer._ends() if isinstance(layer, Model) else None
    return InputLayer(ends[0].shape[1:], dtype=ends[0].dtype) if ends and isinstance(ends[0], Tensor) else None


def _applied(layer: Layer, tensor: Any) -> Any:
    """What a layer makes of a symbolic tensor, linked to it as in a functional model; its weights are made on the way."""
    layer.compute_output_spec(tensor)  # inside a model that is being called: weights get its path
    around, STATE.layers = STATE.layers, []
    try:
        return layer(tensor)
    finally:
        STATE.layers = around
