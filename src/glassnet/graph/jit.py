"""`gn.jit`: trace a step on its first call, then replay its plan; trace again when a guard fails."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassnet import config
from glassnet.autograd.functional import leaves, map_structure
from glassnet.autograd.op import flat_size
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.errors import ArgumentError, GradientError, GraphError
from glassnet.graph.executor import ProvedPlan, in_words, plan_for
from glassnet.graph.ir import Graph
from glassnet.graph.reasons import described, newly_trainable, why_traced
from glassnet.graph.trace import is_array, trace
from glassnet.typing import Array

_PIECE = 0.05
"""Seconds that a piece of `scan` may take: so long may Ctrl-C go unheard."""
_MOST_BYTES = 32 * 2**20
"""Outputs and made values of a piece, at most."""


class _Compiled:
    """One plan with what it was traced for, and why."""

    def __init__(self, graph: Graph, result: Any, call: dict[str, str], reason: str) -> None:
        self.plan, self.result, self.call, self.reason = plan_for(graph), result, call, reason
        self.trainable = tuple(variable.trainable for variable, _ in graph.variables)

    def fits(self) -> bool:
        """Whether the same variables are trainable as at tracing time."""
        return self.trainable == tuple([v.trainable for v, _ in self.plan.graph.variables])

    def run(self, arrays: list[Any]) -> Any:
        """Replay, and put the outputs into the structure that the function returns."""
        return self._structured(self.plan.run(*arrays))

    def scan(self, rows: Array, arrays: list[Any]) -> Any:
        """Replay once per row of `rows`, on those rows of whole arrays."""
        return self._structured(self.plan.scan(rows, *arrays))

    def expect(self, steps: int) -> None:
        """Be told of steps to come."""
        if isinstance(self.plan, ProvedPlan):
            self.plan.expect(steps)

    def report(self) -> str:
        """What it was traced for, and how it runs."""
        call = ", ".join(f"{name} {what}" for name, what in self.call.items())
        return f"traced for {call}\nbecause {self.reason}\n{self.plan.report()}"

    def _structured(self, arrays: list[Any]) -> Any:
        outputs = iter(arrays)
        return map_structure(lambda x: wrap(next(outputs), None) if isinstance(x, Tensor) else x, self.result)

    def bytes_per_step(self) -> int:
        """What a step leaves or needs outside the plan's own memory: outputs, and values that Python makes."""
        graph = self.plan.graph
        specs = [graph.values[number].spec for number in (*graph.outputs, *[feed.value for feed in graph.feeds])]
        return sum(flat_size(spec.shape) * spec.dtype.itemsize for spec in specs)


class jit:  # noqa: N801  # used as a decorator, as in JAX
    """A function that is traced on its first call for given shapes and replayed afterwards.

    Arrays and Tensors are inputs; other arguments are static: another value means another trace. Variables are read
    and assigned as in eager execution. The step is traced twice and both graphs must be equal, because a number that
    Python makes anew in each call (a counter, `np.random`) would be frozen; the error names the operation.
    Gradients are taken inside the function: its results are plain values, and `.grad` is not touched by a replay.
    Calls from several threads take turns.

    Arguments:
        function: returns Tensors, or structures of them.
        cache_size: plans kept, one per combination of shapes, dtypes and static arguments. Beyond them, a combination is
            traced when it comes a second time; before, the function itself runs.

    >>> import glassnet as gn
    >>> double = gn.jit(lambda x: x * 2.0)
    >>> double(np.array([1.0, 2.0]))
    Tensor([2., 4.], dtype=float64)
    """

    def __init__(self, function: Callable[..., Any], cache_size: int = 16) -> None:
        self.function, self.cache_size = function, cache_size
        self._compiled: OrderedDict[Any, _Compiled] = OrderedDict()
        self._came_once: OrderedDict[Any, bool] = OrderedDict()
        self._lock = threading.RLock()  # a plan owns its memory
        self.traces = self.eager_calls = 0

    def __call__(self, *arguments: Any) -> Any:
        """Replay the plan for these arguments; the first time, make it."""
        arrays: list[Any] = []
        with self._lock:
            compiled = self._plan_for(arguments, arrays)
            if compiled is not None:
                return compiled.run(arrays)
        return self.function(*map_structure(lambda x: as_tensor(x) if is_array(x) else x, list(arguments)))

    def scan(self, rows: Any, *arguments: Any) -> Any:
        """The step on `rows[k]` of all arrays for every k in order: many steps in one call, as with `jax.lax.scan`.

        Arguments:
            rows: (steps, batch) numbers of rows; every array among the arguments has an axis of rows in front.

        Returns: the structure that the function returns; every Tensor has an axis of steps in front.

        >>> import glassnet as gn
        >>> total = gn.Variable(0.0)
        >>> add = gn.jit(lambda x: total.assign(total.value + gn.ops.sum(x)))
        >>> add.scan([[0, 1], [2, 3]], np.array([1, 2, 3, 4], "float32"))
        >>> total.numpy()
        array(10., dtype=float32)
        """
        found = [piece for _, piece in self.pieces(rows, *arguments)]
        parts = [iter([t.numpy() for t in leaves(piece) if isinstance(t, Tensor)]) for piece in found]
        return map_structure(
            lambda x: wrap(np.concatenate([next(part) for part in parts]), None) if isinstance(x, Tensor) else x,
            found[0],
        )

    def pieces(self, rows: Any, *arguments: Any, repeats: int = 1) -> Iterator[tuple[int, Any]]:
        """`scan` in pieces of some 50 ms, so that Python can show progress and hear Ctrl-C between them.

        Yields the number of steps done so far, and the results of the piece.

        Arguments:
            repeats: how often as many steps will be asked for, this time included; it decides whether compiling pays.
        """
        rows, arrays = _checked_rows(rows), list[Any]()
        _key(list(arguments), arrays)
        if any(array.ndim == 0 for array in arrays):
            raise ArgumentError(
                "gn.jit: scan picks rows of every array",
                expected="an axis of rows in front",
                received="a single number",
            )
        arrays = [np.ascontiguousarray(array) for array in arrays]  # rows are picked out of them in every step
        if any(len(rows) and rows.max() >= len(array) for array in arrays):
            raise ArgumentError(
                "gn.jit: scan picks a row that is not there", expected=f"rows below {min(map(len, arrays))}",
                received=int(rows.max()),
            )  # fmt: skip
        first_batch = map_structure(lambda x: as_tensor(x).data[rows[0]] if is_array(x) else x, list(arguments))
        with self._lock:
            compiled = self._plan_for(tuple(first_batch), [], is_scan=True)
            if compiled is None:
                raise GraphError(
                    "gn.jit: scan cannot be part of a trace, nor be watched by hooks", fix="call step by step"
                )
            compiled.expect(repeats * len(rows))
        start, count, most = 0, 1, max(1, _MOST_BYTES // max(compiled.bytes_per_step(), 1))
        while start < len(rows):
            began, own = time.perf_counter(), rows[start : start + count]
            with self._lock:
                results = compiled.scan(own, arrays)
            seconds = time.perf_counter() - began
            start += len(own)
            yield start, results
            count = max(1, min(int(len(own) * _PIECE / seconds), 8 * count, most))

    def _plan_for(self, arguments: tuple[Any, ...], arrays: list[Any], is_scan: bool = False) -> _Compiled | None:
        """The plan for these arguments, traced where there is none; None where the function itself has to run.

        That is so inside another trace (a model being built is one too), under hooks, which plans do not carry, and for
        a single step that is not worth a trace.
        """
        key = (_key(list(arguments), arrays), STATE.training, config.executor(), config.convolution_tile())
        if STATE.tracer is not None or STATE.hooks or any(type(array) is Spec for array in arrays):
            return None
        compiled = self._compiled.get(key)
        if compiled is None and not is_scan and self._came_for_the_first_time(key):
            self.eager_calls += 1
            return None
        if compiled is None or not compiled.fits():
            compiled = self._compiled[key] = self._trace(arguments, compiled)
            if len(self._compiled) > self.cache_size:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return compiled

    def _came_for_the_first_time(self, key: Any) -> bool:
        """Whether a combination is new, beyond those for which there is room: batches of ever new sizes do not come back.

        The one that comes again before `cache_size` others have come takes the place of the plan used longest ago. Source:
        T. Johnson and D. Shasha, 2Q: A Low Overhead High Performance Buffer Management Replacement Algorithm (1994).
        """
        if len(self._compiled) < self.cache_size or self._came_once.pop(key, False):
            return False
        self._came_once[key] = True
        if len(self._came_once) > self.cache_size:
            self._came_once.popitem(last=False)
        return True

    def report(self) -> str:
        """Its plans: for which calls, why each was traced, how it runs; compiled ones with every kernel as formulas.

        >>> import glassnet as gn
        >>> double = gn.jit(lambda x: x * 2.0)
        >>> y = double(np.zeros((4, 3))), double(np.zeros((2, 3)))
        >>> [line.strip() for line in double.report().splitlines() if "because" in line]
        ['because it is the first call', 'because x was float64[4, 3], is float64[2, 3]']
        """
        plans = enumerate(self._compiled.values())
        lines = [
            f"executor: {in_words()}",
            f"traces: {self.traces}; plans kept: {len(self._compiled)} of at most {self.cache_size}",
        ]
        if self.eager_calls:
            lines.append(f"calls run eagerly, as their combination had not come before: {self.eager_calls}")
        lines += [f"plan {number}: {compiled.report()}".replace("\n", "\n  ") for number, compiled in plans]
        return "\n".join(lines)

    def _trace(self, arguments: tuple[Any, ...], stale: _Compiled | None) -> _Compiled:
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
        call = described(self.function, arguments)
        if stale is None:
            reason = why_traced(call, [compiled.call for compiled in self._compiled.values()])
        else:
            reason = newly_trainable([variable for variable, _ in stale.plan.graph.variables], stale.trainable)
        return _Compiled(graph, result, call, reason)


def _checked_rows(rows: Any) -> Array:
    found = np.asarray(rows)
    if found.ndim != 2 or found.dtype.kind not in "iu" or not found.size or found.min() < 0:
        raise ArgumentError(
            "gn.jit: scan needs the rows of every batch", expected="(steps, batch) integers >= 0", received=found
        )
    return found.astype(np.int64, copy=False)


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
