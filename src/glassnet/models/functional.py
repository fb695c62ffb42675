"""Functional: a graph of layers, read off the tensors that were built with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassnet.autograd.functional import map_structure
from glassnet.autograd.op import Op
from glassnet.autograd.tensor import Output, SymbolicNode, Tensor
from glassnet.errors import GraphError, ShapeError
from glassnet.layers import registry
from glassnet.layers.base import Layer, LayerCall, tensors_in
from glassnet.layers.core import InputLayer, Operation
from glassnet.models.model import Model


@dataclass(frozen=True)
class Ref:
    """Stands for a tensor of the graph inside the arguments of a call."""

    key: int


@dataclass(frozen=True)
class Call:
    """One application of a layer."""

    layer: Layer
    arguments: Any
    keywords: dict[str, Any]
    outputs: tuple[int, ...]


class Functional(Model):
    """A model from symbolic inputs to symbolic outputs; made by `Model(inputs, outputs)`.

    A layer that is applied twice is shared: it has one set of weights, and its gradients add up.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self.inputs, self.outputs = inputs, outputs
        starts, ends = tensors_in(inputs), tensors_in(outputs)
        for tensor in [*starts, *ends]:
            if not tensor.is_symbolic:
                raise GraphError("Model(inputs, outputs): only symbolic tensors can be connected", fix="start from gn.Input")
        self._calls = _read_calls(starts, ends)
        self._start_keys = [id(t.data) for t in starts]
        entrances = [t.creator.layer for t in starts if isinstance(t.creator, LayerCall)]
        self._input_names = [layer.name for layer in entrances]
        self._layers = entrances + [call.layer for call in self._calls]
        names: dict[str, Layer] = {}
        for layer in self._layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise GraphError(f"{self}: two layers are called {layer.name!r}", fix="give each layer its own name")
        self.built = True
        if not trainable:
            self.trainable = False

    @property
    def layers(self) -> list[Layer]:
        """All layers, inputs first, each once."""
        return list({id(layer): layer for layer in self._layers}.values())

    def call(self, inputs: Any) -> Any:
        """Run the layers in order."""
        values: dict[int, Any] = dict(zip(self._start_keys, self._in_order(inputs)))

        def known(x: Any) -> Any:
            return values[x.key] if isinstance(x, Ref) else x

        for call in self._calls:
            arguments = map_structure(known, call.arguments)
            result = call.layer(*arguments, **map_structure(known, call.keywords))
            for key, tensor in zip(call.outputs, tensors_in(result)):
                values[key] = tensor
        return map_structure(lambda t: values[id(t.data)], self.outputs)

    def _in_order(self, inputs: Any) -> list[Any]:
        if isinstance(inputs, dict) and not isinstance(self.inputs, dict):
            inputs = [inputs[name] for name in self._input_names]
        elif isinstance(inputs, dict):
            inputs = {name: inputs[name] for name in self.inputs}
        given = tensors_in(inputs)
        starts = tensors_in(self.inputs)
        if len(given) != len(starts):
            raise ShapeError(
                f"{self}: wrong number of inputs", expected=f"{len(starts)} ({', '.join(self._input_names)})",
                received=len(given),
            )  # fmt: skip
        for tensor, start, name in zip(given, starts, self._input_names):
            wrong = any(a is not None and b is not None and a != b for a, b in zip(tensor.shape, start.shape))
            if len(tensor.shape) != len(start.shape) or wrong:
                raise ShapeError(
                    f"{self}: input {name!r} has the wrong shape", expected=start.shape, received=tuple(tensor.shape)
                )
        return given

    # ------------------------------------------------------------ config
    def get_config(self) -> dict[str, Any]:
        """Layers, calls, inputs and outputs by name."""
        numbers = {key: n for n, key in enumerate([*self._start_keys, *(k for c in self._calls for k in c.outputs)])}

        def plain(x: Any) -> Any:
            return {"tensor": numbers[x.key]} if isinstance(x, Ref) else x

        return {
            "name": self.name,
            "layers": [registry.serialize(layer) for layer in self.layers],
            "calls": [
                {
                    "layer": call.layer.name,
                    "arguments": map_structure(plain, list(call.arguments)),
                    "keywords": map_structure(plain, call.keywords),
                }
                for call in self._calls
            ],
            "inputs": map_structure(lambda t: {"tensor": numbers[id(t.data)]}, self.inputs),
            "input_layers": self._input_names,
            "outputs": map_structure(lambda t: {"tensor": numbers[id(t.data)]}, self.outputs),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A model from `get_config`, with new weights."""
        layers = {layer.name: layer for layer in map(registry.deserialize, config["layers"])}
        tensors: list[Tensor] = [layers[name].output() for name in config["input_layers"]]

        def restore(x: Any) -> Any:
            if isinstance(x, dict) and set(x) == {"tensor"}:
                return tensors[x["tensor"]]
            if isinstance(x, dict):
                return {key: restore(part) for key, part in x.items()}
            return [restore(part) for part in x] if isinstance(x, list) else x

        for call in config["calls"]:
            result = layers[call["layer"]](*restore(call["arguments"]), **restore(call["keywords"]))
            tensors += tensors_in(result)
        return cls(restore(config["inputs"]), restore(config["outputs"]), name=config["name"])


def _read_calls(starts: list[Tensor], ends: list[Tensor]) -> list[Call]:
    """All layer calls between the inputs and the outputs, in an order in which they can run."""
    known = {id(t.data) for t in starts}
    calls: list[Call] = []
    stack = list(reversed(ends))
    entered: set[int] = set()
    while stack:
        tensor = stack[-1]
        if id(tensor.data) in known:
            stack.pop()
            continue
        node, sources = _source(tensor)
        open_sources = [t for t in sources if id(t.data) not in known and t.is_symbolic]
        if open_sources and id(node) not in entered:
            entered.add(id(node))
            stack.extend(reversed(open_sources))
            continue
        if open_sources:
            raise GraphError("Model(inputs, outputs): the graph has a cycle")
        call = _call_of(node)
        calls.append(call)
        known.update(call.outputs)
    return calls


def _source(tensor: Tensor) -> tuple[SymbolicNode, tuple[Tensor, ...]]:
    node = tensor.creator
    if isinstance(node, Output) and node.parents[0] is not None:
        node = node.parents[0]
    if node is None or (isinstance(node, LayerCall) and isinstance(node.layer, InputLayer)):
        name = f" {node.layer.name!r}" if isinstance(node, LayerCall) else ""
        raise GraphError(
            f"Model(inputs, outputs): the outputs depend on a tensor that is not among the inputs:{name} {tensor!r}",
            fix="add it to inputs",
        )
    return node, node.sources


def _call_of(node: SymbolicNode) -> Call:
    def ref(x: Any) -> Any:
        return Ref(id(x.data)) if isinstance(x, Tensor) and x.is_symbolic else x

    if isinstance(node, LayerCall):
        keys = tuple(id(t.data) for t in node.outputs)
        return Call(node.layer, map_structure(ref, node.arguments), map_structure(ref, node.keywords), keys)
    op: Op = node.op
    results = node.symbols
    layer = Operation(op, constants=[None if t.is_symbolic else t.numpy() for t in node.sources])
    arguments = ([Ref(id(t.data)) for t in node.sources if t.is_symbolic],)
    return Call(layer, arguments, {}, tuple(id(r) for r in results[: len(op.outputs)]))
