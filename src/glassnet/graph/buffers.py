"""Buffers of a replay: large results lie in one arena, made once, and take turns in it.

Without them every step takes new memory for each of its results and gives it back, and the operating system has to clear
it each time. What `forward` writes into it gets as `out`; the arena is planned as that of compiled steps is (`memory.py`):

    lives    from the call that makes a result to the last one that reads it, or anything that may be a view of it
    layouts  the first run shows how the results lie: BLAS and sums add in the order of memory, so to give the eager bits
             a result has to lie as the one that `forward` makes itself (a sum of transposed matrices is transposed too)
    arena    made before the second run: a plan that runs once, or not at all, takes no memory
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from glassnet.autograd.op import Op, flat_size
from glassnet.graph.ir import Call, Graph
from glassnet.graph.memory import ALIGNMENT, arena
from glassnet.typing import Array, DType

Step = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...], bool, tuple[int, ...]]
"""`forward`, numbers of its inputs and results, whether it gives one result, and what nothing needs after it."""
_LARGE = 2**16
"""Bytes from which a result gets a buffer. Smaller ones come from memory that NumPy and malloc keep at hand."""


class Layout(NamedTuple):
    """How an array lies in its memory."""

    shape: tuple[int, ...]
    dtype: DType
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def is_dense(self) -> bool:
        """Whether its numbers fill a piece of memory, in whatever order of the axes."""
        reach = sum((extent - 1) * stride for extent, stride in zip(self.shape, self.strides))
        return min(self.strides, default=0) >= 0 and reach + self.dtype.itemsize == self.size


class Buffers:
    """What the steps of a replay write into.

    Arguments:
        steps: without buffers; the graph's calls in order, up to those that write into variables.
    """

    def __init__(self, graph: Graph, steps: list[Step]) -> None:
        self._calls, self._steps = graph.calls[: len(steps)], steps
        self._given = (*graph.inputs, *[number for _, number in graph.variables])
        self._given_strides: list[tuple[int, ...]] = []
        self._lives, self._memories = _lives(graph)
        fresh = {memory for number in graph.outputs for memory in self._memories[number]}
        for call in graph.calls:
            if not _is_ours(call.op):  # may keep what it reads
                fresh.update(*[self._memories[number] for number in call.inputs])
        self._writers = [
            time for time, call in enumerate(self._calls)
            if fresh.isdisjoint(call.results) and _takes_out(call.op)
            and any(_bytes(graph, number) >= _LARGE for number in call.results)
        ]  # fmt: skip
        self._layouts: dict[int, Layout] = {}
        self._into_arena: list[Step] | None = None

    def steps(self, slots: list[Any]) -> list[Step]:
        """The steps for what lies in the slots of inputs and variables."""
        if not self._writers:
            return self._steps
        strides = [slots[number].strides for number in self._given]
        if self._into_arena is None:
            if any(number not in self._layouts for time in self._writers for number in self._calls[time].results):
                self._given_strides = strides
                return self._watched()
            self._into_arena = self._with_buffers()
        return self._into_arena if strides == self._given_strides else self._steps

    def _watched(self) -> list[Step]:
        """The steps without buffers; they note how their results lie."""
        steps = list(self._steps)
        for time in self._writers:
            forward, inputs, results, single, last_used = steps[time]
            watch = functools.partial(self._watch, forward, results)
            steps[time] = (watch, inputs, results, single, last_used)
        return steps

    def _watch(self, forward: Callable[..., Any], results: tuple[int, ...], xp: Any, *arrays: Any) -> Any:
        found = forward(xp, *arrays)
        for number, array in zip(results, found if isinstance(found, tuple) else (found,)):
            self._layouts[number] = Layout(array.shape, array.dtype, array.strides)
        return found

    def _with_buffers(self) -> list[Step]:
        steps = list(self._steps)
        for time, arrays in self._arrays().items():
            forward, inputs, results, single, last_used = steps[time]
            into = functools.partial(forward, out=arrays[0] if single else tuple(arrays))
            steps[time] = (into, inputs, results, single, last_used)
        return steps

    def _arrays(self) -> dict[int, list[Array]]:
        """The buffers of each call that gets some: arrays in the arena."""
        homes: dict[int, int] = {}
        lives: dict[int, tuple[int, int]] = {}
        for time in self._writers:
            call = self._calls[time]
            if all(self._layouts[number].is_dense for number in call.results):
                for number in call.results:
                    home = self._taken_over(call, homes)
                    home = number if home is None or lives[home][1] > time else home
                    homes[number] = home
                    lives[home] = (lives.get(home, (time,))[0], self._lives[number][1])
        offsets, size = arena({home: self._layouts[home].size for home in lives}, lives)
        raw = np.empty(size + ALIGNMENT, np.uint8)
        memory = raw[-raw.ctypes.data % ALIGNMENT :]

        def array(number: int) -> Array:
            shape, dtype, strides = self._layouts[number]
            return np.ndarray(shape, dtype, memory, offsets[homes[number]], strides)

        written = [(time, self._calls[time].results) for time in self._writers]
        return {time: [*map(array, results)] for time, results in written if homes.keys() >= set(results)}

    def _taken_over(self, call: Call, homes: dict[int, int]) -> int | None:
        """The place of the input that the only result of a call may be written over, if that lies in the arena alike."""
        if len(call.results) > 1 or not call.op.inplace:
            return None
        position = call.op.inputs.index(call.op.inplace[call.op.results[0]])
        source, others = call.inputs[position], (*call.inputs[:position], *call.inputs[position + 1 :])
        home = homes.get(source)
        read_too = {homes.get(memory) for number in others for memory in self._memories[number]}
        alike = self._layouts.get(source) == self._layouts[call.results[0]]
        return home if alike and home not in read_too else None


def _lives(graph: Graph) -> tuple[dict[int, tuple[int, int]], list[set[int]]]:
    """First and last call that touch a result; and in the memory of which results each value may lie."""
    memories: list[set[int]] = [set() for _ in graph.values]
    first, last = dict[int, int](), dict[int, int]()
    for time, call in enumerate(graph.calls):
        read = set[int]().union(*[memories[number] for number in call.inputs])
        for number in call.results:
            first[number] = time
            memories[number] = {number} | (read if call.op.kind == "view" or not _takes_out(call.op) else set())
        last.update(dict.fromkeys((*read, *call.results), time))
    for _, number in graph.assigns:  # copied when all calls are done
        last.update(dict.fromkeys(memories[number], len(graph.calls)))
    return {number: (first[number], last[number]) for number in first}, memories


def _bytes(graph: Graph, number: int) -> int:
    spec = graph.values[number].spec
    return flat_size(spec.shape) * spec.dtype.itemsize


def _is_ours(op: Op) -> bool:
    """Whether the code of an op is known: it keeps nothing that it is given."""
    return type(op).__module__.startswith("glassnet.ops.")


def _takes_out(op: Op) -> bool:
    return _is_ours(op) and _has_out(type(op).forward)


@functools.cache
def _has_out(forward: Callable[..., Any]) -> bool:
    return "out" in inspect.signature(forward).parameters
