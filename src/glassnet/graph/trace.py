"""Tracing: run a step once on Specs and write down every operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.autograd.functional import map_structure
from glassnet.autograd.op import Op
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.autograd.variable import Variable
from glassnet.errors import GraphError, ShapeError
from glassnet.graph.ir import Call, Feed, Graph, Role, Value
from glassnet.typing import DType, Shape


class Tracer:
    """Collects the graph while a step runs on Specs. A Spec object stands for one value: its identity is its name."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.calls: list[Call] = []
        self.inputs: list[int] = []
        self.feeds: list[Feed] = []
        self.constants: list[tuple[Any, int]] = []
        self.variables: dict[Variable, tuple[int, Tensor]] = {}
        self.assigned: dict[Variable, Tensor] = {}
        self.gradients: dict[Variable, Any] = {}
        """What variables had collected before the trace: a step neither sees nor changes it."""
        self._ids: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps Specs and constants, so that no id() is used twice

    def new(self, role: Role, shape: Shape, dtype: DType, name: str = "") -> Spec:
        """A fresh value and the Spec that stands for it."""
        spec = Spec(tuple(shape), dtype)
        self.number(spec, role, name)
        return spec

    def number(self, data: Any, role: Role, name: str = "") -> int:
        """Give an array or Spec its number in the graph."""
        number = len(self.values)
        self.values.append(Value(number, role, Spec.of(data), name))
        self._ids[id(data)] = number
        self._alive.append(data)
        return number

    def id_of(self, data: Any) -> int:
        """The number of a value; an array seen for the first time is a constant of the step."""
        known = self._ids.get(id(data))
        if known is not None:
            return known
        if type(data) is Spec:
            raise GraphError(
                f"a symbolic value {data!r} from outside entered the trace",
                fix="do not keep tensors of one trace for the next; a vjp may read only the values that `saves` names",
            )
        number = self.number(data, "constant")
        self.constants.append((np.array(data), number))
        return number

    # ------------------------------------------------------------ called by the engine
    def record(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """One run of an operation."""
        numbers = tuple(self.id_of(x) for x in inputs)
        outs = tuple(self.number(y, "result") for y in results)
        self.calls.append(Call(op, numbers, outs, STATE.phase, "/".join(STATE.layers)))

    def feed(
        self, make: Callable[[], Any], shape: Shape, dtype: DType, many: Callable[[int], Any] | None = None
    ) -> Tensor:
        """A value that Python makes before each replay."""
        spec = self.new("feed", shape, dtype)
        self.feeds.append(Feed(self.id_of(spec), make, many))
        return wrap(spec, None)

    def read(self, variable: Variable) -> Tensor:
        """What stands for a variable: its last assignment in this step, else its content at the beginning."""
        if variable in self.assigned:
            return self.assigned[variable]
        if variable not in self.variables:
            spec = self.new("variable", variable.array.shape, variable.array.dtype, variable.path)
            self.variables[variable] = (self.id_of(spec), wrap(spec, variable.leaf))
            self.gradients[variable] = variable.leaf.grad
            variable.zero_grad()
        return self.variables[variable][1]

    def assign(self, variable: Variable, value: Any) -> None:
        """Note the new content of a variable; it becomes an output of the plan."""
        tensor = as_tensor(value)
        if tuple(tensor.shape) != variable.array.shape:
            raise ShapeError(
                f"{variable.path}: assign needs the variable's own shape",
                expected=variable.array.shape,
                received=tuple(tensor.shape),
            )
        if tensor.dtype != variable.array.dtype:
            tensor = F.cast(tensor, variable.array.dtype)
        self.read(variable)  # known to the plan even if the step only writes it
        self.assigned[variable] = wrap(tensor.data, variable.leaf)

    # ------------------------------------------------------------ result
    def graph(self, outputs: list[Tensor]) -> Graph:
        """Everything that was collected, immutable."""
        numbers = tuple(self.id_of(t.data) for t in outputs)
        assigns = tuple((v, self.id_of(t.data)) for v, t in self.assigned.items())
        return Graph(
            tuple(self.values), tuple(self.calls), tuple(self.inputs), numbers,
            tuple((v, i) for v, (i, _) in self.variables.items()), tuple(self.feeds), tuple(self.constants), assigns,
        )  # fmt: skip


def is_array(x: Any) -> bool:
    """Whether an argument of a step is data; anything else is a static setting."""
    return isinstance(x, (np.ndarray, np.generic, Tensor))


def trace(function: Callable[..., Any], *arguments: Any) -> tuple[Graph, Any]:
    """The Graph of `function(*arguments)` and the structure of its result, with Specs in place of tensors.

    Arrays and Tensors among the arguments (also inside lists, tuples and dictionaries) become inputs; everything else
    is passed as it is.

    >>> import glassnet as gn
    >>> graph, _ = trace(lambda x: gn.ops.relu(x), np.zeros((2, 3), "float32"))
    >>> print(graph)
    graph(%0)
      forward:
        %1 = relu() %0 -> float32[2, 3]
      return %1
    """
    if STATE.tracer is not None:
        raise GraphError("a trace is running already: a step cannot be traced inside another")
    tracer = Tracer()

    def as_input(x: Any) -> Any:
        if not is_array(x):
            return x
        spec = tracer.new("input", tuple(x.shape), np.dtype(x.dtype))
        tracer.inputs.append(tracer.id_of(spec))
        return wrap(spec, None)

    symbolic = map_structure(as_input, list(arguments))
    outputs: list[Tensor] = []
    hooks, STATE.hooks = STATE.hooks, ()
    STATE.tracer = tracer
    try:
        result = function(*symbolic)
        map_structure(lambda x: outputs.append(x) if isinstance(x, Tensor) else None, result)
        return tracer.graph(outputs), result
    finally:
        STATE.tracer, STATE.hooks = None, hooks
        for variable, gradient in tracer.gradients.items():
            variable.leaf.grad = gradient  # symbolic gradients mean nothing outside
