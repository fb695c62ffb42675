"""Buffers of a replay: large results lie in one arena, made once, and take turns in it.

Without them every step takes new memory for each of its results and gives it back, and the operating system has to clear
it each time. What `forward` writes into it gets as `out`; the arena is planned as that of compiled steps is (`memory.py`):

    first run    without buffers; it shows how the results lie, and which ones share memory. BLAS and sums add in the order
                 of memory, so for the eager bits a buffer has to be laid out as the array that `forward` makes itself: a
                 sum of transposed matrices lies transposed too
    second run   makes the arena: a plan that runs once, or not at all, takes no memory
    lives        from the call that makes a result to the last one that reads it, or a view of it
    in place     a result may take over the memory of an input that `Op.inplace` names and nobody reads afterwards
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
LARGE = 2**16
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
        self._graph, self._steps = graph, steps
        self._calls = graph.calls[: len(steps)]
        self._writers = [
            time for time, call in enumerate(self._calls)
            if any(_bytes(graph, number) >= LARGE for number in call.results) and _takes_out(call.op)
        ]  # fmt: skip
        self._given = (*graph.inputs, *[number for _, number in graph.variables])
        self._given_strides: list[tuple[int, ...]] = []
        self._layouts: dict[int, Layout] = {}
        self._views: set[int] = set()
        self._into_arena: list[Step] | None = None

    def steps(self, slots: list[Any]) -> list[Step]:
        """The steps for what lies in the slots of inputs and variables."""
        if not self._writers:
            return self._steps
        strides = [slots[number].strides for number in self._given]
        if self._into_arena is None:
            if self._calls[-1].results[0] not in self._layouts:  # no run has come to its end yet
                self._given_strides = strides
                return [
                    (functools.partial(self._watch, call), *step[1:]) for call, step in zip(self._calls, self._steps)
                ]
            self._into_arena = self._with_buffers()
        return self._into_arena if strides == self._given_strides else self._steps

    def _watch(self, call: Call, xp: Any, *arrays: Any) -> Any:
        """`forward`; notes how the results lie."""
        found = call.op.forward(xp, *arrays)
        for number, array in zip(call.results, found if isinstance(found, tuple) else (found,)):
            self._layouts[number] = Layout(array.shape, array.dtype, array.strides)
            if call.op.kind == "view" or any(np.may_share_memory(array, other) for other in arrays):
                self._views.add(number)
        return found

    def _with_buffers(self) -> list[Step]:
        """The steps, of which some write into the arena."""
        steps, memories = list(self._steps), _memories(self._graph, self._views)
        fresh = {memory for number in self._graph.outputs for memory in memories[number]}
        for call in self._calls:
            if not _is_ours(call.op):  # may keep what it reads
                fresh.update(*[memories[number] for number in call.inputs])
        places = Places(self._graph, memories, self._layouts)
        writers = [
            time for time in self._writers
            if all(self._layouts[number].is_dense and number not in fresh for number in self._calls[time].results)
        ]  # fmt: skip
        for time in writers:
            places.add(time)
        arrays = places.arrays()
        for time in writers:
            forward, inputs, results, single, last_used = steps[time]
            out = arrays[results[0]] if single else tuple([arrays[number] for number in results])
            steps[time] = (functools.partial(forward, out=out), inputs, results, single, last_used)
        return steps


class Places:
    """Where in the arena results lie.

    Arguments:
        memories: in the memory of which results each value lies.
    """

    def __init__(self, graph: Graph, memories: list[set[int]], layouts: dict[int, Layout]) -> None:
        self._graph, self._memories, self._layouts = graph, memories, layouts
        self._last_read = _last_read(graph, memories)
        self._homes: dict[int, int] = {}
        """The first result that had a result's place."""
        self._lives: dict[int, tuple[int, int]] = {}

    def add(self, time: int) -> None:
        """Give the results of a call places; in the order of the calls."""
        call = self._graph.calls[time]
        over = self._taken_over(time, call)
        for number in call.results:
            home = self._homes[number] = number if over is None else over
            first, _ = self._lives.get(home, (time, time))
            self._lives[home] = first, max(time, self._last_read.get(number, time))

    def arrays(self) -> dict[int, Array]:
        """The memory of every result that has a place, laid out as NumPy would."""
        offsets, size = arena({home: self._layouts[home].size for home in self._lives}, self._lives)
        raw = np.empty(size + ALIGNMENT, np.uint8)
        memory, found = raw[-raw.ctypes.data % ALIGNMENT :], dict[int, Array]()
        for number, home in self._homes.items():
            shape, dtype, strides = self._layouts[number]
            found[number] = np.ndarray(shape, dtype, memory, offsets[home], strides)
        return found

    def _taken_over(self, time: int, call: Call) -> int | None:
        """The place of the input that the only result may be written over: nothing else there is read by then."""
        if len(call.results) > 1 or not call.op.inplace:
            return None
        position = call.op.inputs.index(call.op.inplace[call.op.results[0]])
        source, others = call.inputs[position], (*call.inputs[:position], *call.inputs[position + 1 :])
        home = self._homes.get(source)
        if home is None or self._lives[home][1] > time or self._layouts[source] != self._layouts[call.results[0]]:
            return None
        read_too = {self._homes.get(memory) for number in others for memory in self._memories[number]}
        return None if home in read_too else home


def _memories(graph: Graph, views: set[int]) -> list[set[int]]:
    """In the memory of which results each value lies: its own, or those that a view may show."""
    found: list[set[int]] = [set() for _ in graph.values]
    for call in graph.calls:
        for number in call.results:
            found[number] = set().union(*[found[i] for i in call.inputs]) if number in views else {number}
    return found


def _last_read(graph: Graph, memories: list[set[int]]) -> dict[int, int]:
    """The last call that reads a result or a view of it."""
    found: dict[int, int] = {}
    for time, call in enumerate(graph.calls):
        for number in call.inputs:
            found.update(dict.fromkeys(memories[number], time))
    for _, number in graph.assigns:  # copied when all calls are done
        found.update(dict.fromkeys(memories[number], len(graph.calls)))
    return found


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
