"""`gn.jit`: trace a step on its first call, then replay its plan; trace again when a guard fails."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import config
from glassnet.autograd.functional import leaves, map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.errors import ArgumentError, GradientError, GraphError
from glassnet.graph.executor import plan_for
from glassnet.graph.ir import Graph
from glassnet.graph.trace import is_array, trace


class _Compiled:
    """One plan with what it was traced for."""

    def __init__(self, graph: Graph, result: Any) -> None:
        self.plan, self.result = plan_for(graph), result
        self.trainable = tuple(variable.trainable for variable, _ in graph.variables)

    def fits(self) -> bool:
        """Whether the same variables are trainable as at tracing time."""
        return self.trainable == tuple([v.trainable for v, _ in self.plan.graph.variables])

    def run(self, arrays: list[Any]) -> Any:
        """Replay, and put the outputs into the structure that the function returns."""
        outputs = iter(self.plan.run(*arrays))
        return map_structure(lambda x: wrap(next(outputs), None) if isinstance(x, Tensor) else x, self.result)


class jit:  # noqa: N801  # used as a decorator, as in JAX
    """A function that is traced on its first call for given shapes and replayed afterwards.

    Arrays and Tensors are inputs; other arguments are static: another value means another trace. Variables are read
    and assigned as in eager execution. The step is traced twice and both graphs must be equal, because a number that
    Python makes anew in each call (a counter, `np.random`) would be frozen; the error names the operation.
    Gradients are taken inside the function: its results are plain values, and `.grad` is not touched by a replay.

    Arguments:
        function: returns Tensors, or structures of them.
        cache_size: plans kept, one per combination of shapes, dtypes and static arguments.

    >>> import glassnet as gn
    >>> double = gn.jit(lambda x: x * 2.0)
    >>> double(np.array([1.0, 2.0]))
    Tensor([2., 4.], dtype=float64)
    """

    def __init__(self, function: Callable[..., Any], cache_size: int = 16) -> None:
        self.function, self.cache_size = function, cache_size
        self._compiled: OrderedDict[Any, _Compiled] = OrderedDict()
        self.traces = 0

    def __call__(self, *arguments: Any) -> Any:
        """Replay the plan for these arguments; the first time, make it."""
        arrays: list[Any] = []
        key = (_key(list(arguments), arrays), STATE.training, config.executor())
        if STATE.tracer is not None or STATE.hooks or any(type(array) is Spec for array in arrays):
            # inside another trace or a model being built it is part of that; and plans carry no hooks
            return self.function(*map_structure(lambda x: as_tensor(x) if is_array(x) else x, list(arguments)))
        compiled = self._compiled.get(key)
        if compiled is None or not compiled.fits():
            compiled = self._compiled[key] = self._trace(arguments)
            if len(self._compiled) > self.cache_size:
                self._compiled.popitem(last=False)
        return compiled.run(arrays)

    def _trace(self, arguments: tuple[Any, ...]) -> _Compiled:
        if STATE.recording and any(isinstance(x, Tensor) and x.requires_grad for x in leaves(arguments)):
            raise GradientError(
                "gn.jit: no gradient can flow out of a compiled function into its arguments",
                received="an argument with requires_grad=True",
                fix="take the gradient inside the function, or pass x.detach()",
            )
        self.traces += 1
        graph, result = trace(self.function, *arguments)
        again, repeated = trace(self.function, *arguments)
        difference = graph.difference(again) or _static_difference(result, repeated)
        if difference is not None:
            raise GraphError(
                "the step is not the same each time it runs, so it cannot be replayed",
                received=difference,
                fix="draw random numbers with gn.random, keep counters in Variables, or run eagerly (run_eagerly=True)",
            )
        return _Compiled(graph, result)


def _static_difference(result: Any, repeated: Any) -> str | None:
    """How results that are not Tensors differ between two traces: a replay returns the same object each time."""
    for mine, theirs in zip(leaves(result), leaves(repeated)):
        if not isinstance(mine, Tensor) and mine is not theirs and not np.array_equal(mine, theirs):
            return f"the result {mine!r} became {theirs!r}"
    return None


def _key(structure: Any, arrays: list[Any]) -> Any:
    """What a plan depends on: shapes and dtypes of the data, and every other argument itself."""
    if isinstance(structure, (list, tuple)):
        return (type(structure), *[_key(part, arrays) for part in structure])
    if isinstance(structure, dict):
        return (dict, *[(name, _key(part, arrays)) for name, part in structure.items()])
    if is_array(structure):
        tensor = as_tensor(structure)
        arrays.append(tensor.data)
        return (tensor.shape, tensor.dtype, tensor.requires_grad and STATE.recording)
    if type(structure).__hash__ is None:
        raise ArgumentError(
            "gn.jit: an argument that is not data must be hashable, because its value selects the plan",
            received=f"a {type(structure).__name__}",
            fix="pass data as arrays, settings as numbers, strings or tuples",
        )
    return (type(structure), structure)
