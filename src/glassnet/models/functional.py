"""A graph of layers, read off the symbolic tensors that were built with them: what `Model(inputs, outputs)` runs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from glassnet.autograd.functional import map_structure
from glassnet.autograd.op import Op
from glassnet.autograd.tensor import Leaf, Output, SymbolicNode, Tensor
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers import registry
from glassnet.layers.base import Layer, LayerCall, serialized, tensors_in
from glassnet.layers.core import InputLayer, Operation


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


class LayerGraph:
    """Calls of layers from symbolic inputs to symbolic outputs, in an order in which they can run.

    A layer that is applied twice is shared: it has one set of weights, and its gradients add up.

    Arguments:
        inputs, outputs: symbolic tensors, or lists or dictionaries of them.
        who: the model, for error messages.
    """

    def __init__(self, inputs: Any, outputs: Any, who: str) -> None:
        self.inputs, self.outputs, self.who = inputs, outputs, who
        starts, ends = _symbolic_tensors(inputs, "inputs"), _symbolic_tensors(outputs, "outputs")
        self.starts = starts
        self.calls = _read_calls(starts, ends)
        self.entrances = [_entrance(tensor) for tensor in starts]
        entries = [Call(layer, (), {}, (id(start.data),)) for layer, start in zip(self.entrances, starts)]
        self.layers = _by_depth([*entries, *self.calls], [id(end.data) for end in ends])
        """All layers, each once."""
        names: dict[str, Layer] = {}
        for layer in self.layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise GraphError(
                    f"{who}: two layers are called {layer.name!r}", expected="a name of its own for each layer",
                    received=f"{names[layer.name]} and {layer}", fix="rename one, or leave the name to glassnet",
                )  # fmt: skip

    @functools.cached_property
    def output_names(self) -> list[str]:
        """Keys of a dictionary of outputs, else the names of the layers that make them."""
        if isinstance(self.outputs, dict):
            return list(self.outputs)
        makers = {key: call.layer.name for call in self.calls for key in call.outputs}
        makers |= {id(start.data): layer.name for start, layer in zip(self.starts, self.entrances)}
        return [makers[id(tensor.data)] for tensor in tensors_in(self.outputs)]

    def run(self, inputs: Any) -> Any:
        """The outputs for given inputs."""
        values: dict[int, Any] = dict(zip([id(t.data) for t in self.starts], self._in_order(inputs)))

        def known(x: Any) -> Any:
            return values[x.key] if isinstance(x, Ref) else x

        for call in self.calls:
            arguments = map_structure(known, call.arguments)
            result = call.layer(*arguments, **map_structure(known, call.keywords))
            values.update(zip(call.outputs, tensors_in(result)))
        return map_structure(lambda t: values[id(t.data)], self.outputs)

    def _in_order(self, inputs: Any) -> list[Any]:
        """The given tensors in the order of `starts`; a dictionary goes by the names of the inputs."""
        if isinstance(inputs, dict):
            names = list(self.inputs) if isinstance(self.inputs, dict) else [layer.name for layer in self.entrances]
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ArgumentError(
                    f"{self.who}: inputs are missing", expected=", ".join(names), received=", ".join(inputs),
                    fix=f"add {', '.join(missing)}",
                )  # fmt: skip
            inputs = [inputs[name] for name in names]
        given = tensors_in(inputs)
        if len(given) != len(self.starts):
            names = [layer.name for layer in self.entrances]
            raise ShapeError(
                f"{self.who}: wrong number of inputs", expected=f"{len(names)} ({', '.join(names)})",
                received=len(given), fix="give a list in this order, or a dictionary with these names",
            )  # fmt: skip
        for tensor, start, entrance in zip(given, self.starts, self.entrances):
            wrong = any(a is not None and b is not None and a != b for a, b in zip(tensor.shape, start.shape))
            if len(tensor.shape) != len(start.shape) or wrong:
                raise ShapeError(
                    f"{self.who}: input {entrance.name!r} has the wrong shape", expected=start.shape,
                    received=tuple(tensor.shape), fix=self._order_of_shapes(given) or _batch_axis(tensor, start),
                )  # fmt: skip
        return given

    def _order_of_shapes(self, given: list[Any]) -> str | None:
        """A fix for inputs in the wrong order."""
        wanted, found = ([t.shape[1:] for t in tensors] for tensors in (self.starts, given))
        if wanted == found or sorted(wanted, key=str) != sorted(found, key=str):
            return None
        return f"give them in the order {', '.join(layer.name for layer in self.entrances)}, or in a dictionary by name"

    # ------------------------------------------------------------ config
    def get_config(self) -> dict[str, Any]:
        """Layers, calls, inputs and outputs; a tensor is a number: first the inputs, then the results of the calls."""
        keys = [id(t.data) for t in self.starts] + [key for call in self.calls for key in call.outputs]
        numbers = {key: number for number, key in enumerate(keys)}

        def plain(structure: Any, who: str) -> Any:
            return map_structure(
                lambda x: {"tensor": numbers[x.key]} if isinstance(x, Ref) else serialized(x, who), structure
            )

        return {
            "layers": [registry.serialize(layer) for layer in self.layers],
            "calls": [
                {
                    "layer": call.layer.name,
                    "arguments": plain(list(call.arguments), f"an argument of {call.layer}"),
                    "keywords": plain(call.keywords, f"an argument of {call.layer}"),
                }
                for call in self.calls
            ],
            "inputs": map_structure(lambda t: {"tensor": numbers[id(t.data)]}, self.inputs),
            "input_layers": [layer.name for layer in self.entrances],
            "outputs": map_structure(lambda t: {"tensor": numbers[id(t.data)]}, self.outputs),
        }

    @staticmethod
    def tensors_from_config(config: dict[str, Any]) -> tuple[Any, Any]:
        """Symbolic inputs and outputs, connected by new layers."""
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
        return restore(config["inputs"]), restore(config["outputs"])


def _symbolic_tensors(structure: Any, what: str) -> list[Tensor]:
    found: list[Any] = []
    map_structure(found.append, structure)
    for x in found:
        if not isinstance(x, Tensor) or not x.is_symbolic:
            raise GraphError(
                f"Model(inputs, outputs): {what} must be symbolic tensors", expected="what gn.Input and layers return",
                received=f"{type(x).__name__}{f' of shape {x.shape}' if hasattr(x, 'shape') else ''}",
                fix="start from gn.Input",
            )  # fmt: skip
    return found


def _batch_axis(given: Any, start: Tensor) -> str | None:
    return "add a batch axis: x[None]" if tuple(given.shape) == start.shape[1:] else None


def _entrance(tensor: Tensor) -> InputLayer:
    """The Input that made a tensor; a new one where the model begins in the middle of a larger graph."""
    if isinstance(tensor.creator, LayerCall) and isinstance(tensor.creator.layer, InputLayer):
        return tensor.creator.layer
    return InputLayer(tensor.shape[1:], batch_size=tensor.shape[0], dtype=tensor.dtype)


def _read_calls(starts: list[Tensor], ends: list[Tensor]) -> list[Call]:
    """All calls between the inputs and the outputs: from the ends backwards, each after what it depends on."""
    known = {id(t.data) for t in starts}
    calls: list[Call] = []
    stack = list(reversed(ends))
    while stack:
        if id(stack[-1].data) in known:
            stack.pop()
            continue
        node = _node_of(stack[-1])
        unknown = [t for t in node.sources if t.is_symbolic and id(t.data) not in known]
        if unknown:
            stack.extend(reversed(unknown))
            continue
        call = _call_of(node)
        calls.append(call)
        known.update(call.outputs)
    return calls


def _by_depth(calls: list[Call], ends: list[int]) -> list[Layer]:
    """The layers in Keras's order: the more calls follow on one, the earlier; equals as the way back meets them."""
    makers = {key: call for call in calls for key in call.outputs}

    def sources(call: Call) -> list[Call]:
        found: list[Any] = []
        map_structure(found.append, (call.arguments, call.keywords))
        return [makers[x.key] for x in found if isinstance(x, Ref)]

    depths: dict[Layer, int] = {}
    following: dict[int, int] = {}
    for call in reversed(calls):
        depths[call.layer] = depth = max(following.get(id(call), 0), depths.get(call.layer, 0))
        for source in sources(call):
            following[id(source)] = max(following.get(id(source), 0), depth + 1)

    stack, met = [makers[key] for key in reversed(ends)], set()
    turns: dict[Layer, int] = {}
    while stack:
        call = stack.pop()
        if id(call) not in met:
            met.add(id(call))
            turns.setdefault(call.layer, len(turns))
            stack += reversed(sources(call))
    return sorted(depths, key=lambda layer: (-depths[layer], turns.get(layer, -1)))


def _node_of(tensor: Tensor) -> SymbolicNode:
    """What computed a symbolic tensor."""
    node = tensor.creator
    if isinstance(node, Output):
        node = node.parents[0]
    if not isinstance(node, SymbolicNode) or (isinstance(node, LayerCall) and isinstance(node.layer, InputLayer)):
        name = f": {node.layer.name!r}" if isinstance(node, LayerCall) else ""
        raise GraphError(
            f"Model(inputs, outputs): the outputs depend on a tensor that is not among the inputs{name}",
            expected="every Input in inputs", received=f"also a tensor of shape {tensor.shape}", fix="add it to inputs",
        )  # fmt: skip
    return node


def _call_of(node: SymbolicNode) -> Call:
    def ref(x: Any) -> Any:
        return Ref(id(x.data)) if isinstance(x, Tensor) and x.is_symbolic else x

    if isinstance(node, LayerCall):
        keys = tuple(id(t.data) for t in node.outputs)
        return Call(node.layer, map_structure(ref, node.arguments), map_structure(ref, node.keywords), keys)
    op: Op = node.op
    layer = Operation(op, constants=[None if t.is_symbolic else _constant(op, t) for t in node.sources])
    arguments = ([ref(t) for t in node.sources if t.is_symbolic],)
    return Call(layer, arguments, {}, tuple(id(result) for result in node.symbols[: len(op.outputs)]))


def _constant(op: Op, tensor: Tensor) -> Any:
    """The numbers of an operand that is not part of the graph; a weight among them would never be trained."""
    if isinstance(tensor.creator, Leaf):
        raise GraphError(
            f"Model(inputs, outputs): {op.name} uses a Variable outside of a layer",
            expected="variables that belong to a layer", received=tensor.creator.name,
            fix="write a Layer that holds it and computes with it in call",
        )  # fmt: skip
    return tensor.numpy()
