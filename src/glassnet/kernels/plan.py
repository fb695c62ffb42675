"""CompiledPlan: a graph as machine code, with NumPy for what has no kernel.

    graph -> nests (nest.py) -> groups (fuse.py) -> places in memory (memory.py) -> kernels (kernel.py) -> one driver

The driver is a function that calls the kernels one after another; where an op has no kernel, the driver ends, NumPy
runs the op's own `forward` on the same memory, and the next driver goes on.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.autograd.rules import Read
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import CLOCK, user_line
from glassnet.autograd.variable import Variable
from glassnet.graph.ir import Call, Graph
from glassnet.kernels.copies import with_contiguous_factors, with_staged_sums
from glassnet.kernels.driver import drive, is_shared
from glassnet.kernels.fuse import Group, fused
from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import I8, I64, POINTER, Library, Module
from glassnet.kernels.memory import ALIGNMENT, Place, arena, contiguous, view
from glassnet.kernels.nest import Lowering, Nest, NotCompiled, is_own_cell, value_of
from glassnet.kernels.team import DRIVER_ARGUMENTS, team, thread_limit
from glassnet.typing import Array


@dataclass
class _Stage:
    """Groups that run as one driver, or one call that NumPy runs."""

    groups: list[Group] = field(default_factory=list)
    call: Call | None = None
    reason: str = ""

    def moments(self) -> list[tuple[set[int], set[int]]]:
        """In order: the values that each group touches, and those that it takes from memory or leaves there."""
        if self.call is not None:
            touched = {*self.call.inputs, *self.call.results}
            return [(touched, touched)]
        return [(group.reads | group.targets, _read_from_memory(group)) for group in self.groups]


def _read_from_memory(group: Group) -> set[int]:
    """What is read from memory: everything but the cells that a nest has in registers."""
    return {value_of(r) for nest in group.nests for r in nest.reads() if value_of(r) not in nest.targets}


class CompiledPlan:
    """Replays a graph with compiled kernels. Not thread-safe: a plan owns its memory."""

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph, self.threads = graph, threads or thread_limit()
        self.specs: list[Spec] = [value.spec for value in graph.values]
        self.places: dict[int, Place] = {}
        self.numbers = {i: array.item() for array, i in graph.constants if not array.ndim}
        self.stages = self._stages()
        self.updated_in_place = dict(self._in_place())
        for result, content in self.updated_in_place.items():
            self.places[result] = self.places[content]
        self._lay_out()
        self._compile()
        self._bind()

    # ------------------------------------------------------------ what runs
    def _stages(self) -> list[_Stage]:
        """The calls as groups of nests, with NumPy's calls between them."""
        lowering, nests, stages = Lowering(self.specs, self.numbers), list[Nest](), list[_Stage]()
        for call in _needed_calls(self.graph):
            if call.op.kind == "view" and self._is_view(call):
                continue
            try:
                own = with_staged_sums(lowering.nests(call), lowering)
                nests += with_contiguous_factors(own, self.place, lowering)
            except NotCompiled as reason:
                stages += [_Stage(fused(nests, self._memory())), _Stage(call=call, reason=str(reason))]
                nests = []
        stages.append(_Stage(fused(nests, self._memory())))
        return [stage for stage in stages if stage.groups or stage.call]

    def _is_view(self, call: Call) -> bool:
        (result,) = call.results
        place = view(call, self.place(call.inputs[0]), self.specs[result])
        if place is not None:
            self.places[result] = place
        return place is not None

    def place(self, value: int) -> Place:
        """Where a value lives; in memory of its own unless something else was said."""
        if value not in self.places:
            self.places[value] = contiguous(value, self.specs[value])
        return self.places[value]

    def _memory(self) -> dict[int, int]:
        return {value: place.memory for value, place in self.places.items()}

    # ------------------------------------------------------------ where it is kept
    def _in_place(self) -> Iterable[tuple[int, int]]:
        """(result, content) of assigned variables that may be overwritten while the step runs: nobody reads on."""
        contents = dict(self.graph.variables)
        taken: set[int] = set()
        for variable, result in self.graph.assigns:
            content = contents[variable]
            if result not in taken and self._may_overwrite(content, result):
                taken.add(result)
                yield result, content

    def _may_overwrite(self, content: int, result: int) -> bool:
        if self.place(result).memory != result or content in self.graph.outputs:
            return False
        written = False
        for stage in self.stages:
            if stage.call is not None:
                if result in stage.call.results or (written and self._touches(stage.call.inputs, content)):
                    return False
                continue
            for group in stage.groups:
                if written and self._touches(group.reads, content):
                    return False
                if result in group.targets:
                    written = True
                    if not all(self._reads_own_cells(nest, content, result) for nest in group.nests):
                        return False
        return written

    def _touches(self, values: Iterable[int], content: int) -> bool:
        return any(self.place(value).memory == content for value in values)

    def _reads_own_cells(self, nest: Nest, content: int, result: int) -> bool:
        reads = [read for read in nest.reads() if self.place(value_of(read)).memory == content]
        rank = len(nest.extents)
        return not reads or (
            result in nest.targets and all(value_of(r) == content and is_own_cell(r, rank) for r in reads)
        )

    def stored(self, value: int) -> bool:
        """Whether a computed value has to be in memory."""
        return value in self._in_memory

    def _lay_out(self) -> None:
        """Lives of values, and their places in the arena."""
        kept = {*self.graph.outputs, *(number for _, number in self.graph.assigns)}
        from_memory, lives = set(kept), dict[int, list[int]]()
        moments = [moment for stage in self.stages for moment in stage.moments()]
        for time, (touched, read) in enumerate(moments):
            from_memory |= read
            for value in touched:
                lives.setdefault(self.place(value).memory, [time, time])[1] = time
        self._in_memory = from_memory | {self.place(value).memory for value in from_memory}
        for value in kept:
            if self.place(value).memory in lives:
                lives[self.place(value).memory][1] = len(moments)
        own = {value.id for value in self.graph.values if value.role != "result"}
        for value in kept:
            if self.place(value).memory in lives:
                lives[self.place(value).memory][1] = len(moments)
        sizes = {m: self.place(m).size for m in lives if m not in own and self.stored(m)}
        self.offsets, self.arena_bytes = arena(sizes, {m: (a, b) for m, (a, b) in lives.items()})
        fixed = [i for i in sorted(own) if i in lives or i in kept]
        self.slots = {memory: slot for slot, memory in enumerate(fixed, start=1)}

    # ------------------------------------------------------------ machine code
    def _compile(self) -> None:
        module = Module()
        self.kernels = 0
        self._alone: set[int] = set()
        for number, stage in enumerate(self.stages):
            if not stage.groups:
                continue
            kernels = []
            for group in stage.groups:
                kernels.append(Kernel(module, f"kernel_{self.kernels}", group, self.place, self.stored))
                self.kernels += 1
            _, builder = module.function(f"stage_{number}", DRIVER_ARGUMENTS)
            drive(builder, kernels, self._pointers(builder), self.threads)
            if not any(is_shared(kernel, self.threads) for kernel in kernels):
                self._alone.add(number)
        self.library: Library = module.compile()
        self._drivers = {n: self._driver(n) for n, stage in enumerate(self.stages) if stage.groups}

    def _driver(self, number: int) -> Callable[[int], None]:
        """What runs a stage on a table: this thread alone, where nothing is worth sharing, or the team."""
        name = f"stage_{number}"
        if number in self._alone:
            alone = self.library.function(name, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
            return lambda table: alone(table, None, 0)
        address, run = self.library.address(name), team(self.threads).run
        return lambda table: run(address, table)

    def _pointers(self, builder: Any) -> Callable[[int], Any]:
        """Where each piece of memory begins, read from the driver's table when it is first needed."""
        table = builder.function.args[0]
        base = builder.load(table, typ=POINTER)

        @functools.cache
        def pointer(memory: int) -> Any:
            if memory in self.offsets:
                return builder.gep(base, [I64(self.offsets[memory])], source_etype=I8)
            slot = builder.gep(table, [I64(8 * self.slots[memory])], source_etype=I8)
            return builder.load(slot, typ=POINTER)

        return pointer

    # ------------------------------------------------------------ binding to arrays
    def _bind(self) -> None:
        raw = np.zeros(self.arena_bytes + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self._arena = raw[start : start + self.arena_bytes + 1]
        self._table = np.zeros(len(self.slots) + 1, np.int64)
        self._table[0] = self._arena.ctypes.data
        self._program = [
            functools.partial(self._run_with_numpy, stage.call) if stage.call
            else functools.partial(self._drivers[number], self._table.ctypes.data)
            for number, stage in enumerate(self.stages)
        ]  # fmt: skip
        self._outputs = [
            (self.array(i) if self.place(i).memory in self.offsets else None, i) for i in self.graph.outputs
        ]
        self._arrays: dict[int, Array] = {}
        self._feeds = [self._own(number) for _, number in self.graph.feeds]
        for array, number in self.graph.constants:
            self._hold(number, np.asarray(array, order="C"))
        self._variables = [(variable, number) for variable, number in self.graph.variables if number in self.slots]
        self._lookups = {lookup for stage in self.stages for group in stage.groups for lookup in self._indices(group)}
        self._assigned = [(v, i) for v, i in self.graph.assigns if self.updated_in_place.get(i) != self._content(v)]

    def _indices(self, group: Group) -> Iterable[tuple[int, int]]:
        """(where indices stand, how large the array is that they index) of all lookups of a group."""
        for nest in group.nests:
            for read in nest.reads():
                for index, size in zip(read.indices, self.place(value_of(read)).shape):
                    if isinstance(index, Read):
                        yield self.place(value_of(index)).memory, size

    def _content(self, variable: Variable) -> int:
        return next(number for known, number in self.graph.variables if known is variable)

    def _own(self, number: int) -> Array:
        place = self.place(number)
        return self._hold(number, np.zeros(place.shape, place.dtype))

    def _hold(self, number: int, array: Array) -> Array:
        """Keep an array and its address."""
        self._arrays[number] = array
        if number in self.slots:
            self._table[self.slots[number]] = array.__array_interface__["data"][0]
        return array

    def array(self, value: int) -> Array:
        """A value as an array that shows the plan's memory."""
        place = self.place(value)
        if place.memory in self.offsets:
            start = self.offsets[place.memory] + place.offset
            return np.ndarray(place.shape, place.dtype, self._arena.data, start, place.strides)
        base = self._arrays[place.memory]
        if place.memory == value or (not place.offset and place.shape == base.shape):
            return base
        return np.lib.stride_tricks.as_strided(
            base.reshape(-1)[place.offset // place.dtype.itemsize :], place.shape, place.strides
        )

    def report(self) -> str:
        """What became kernels, what NumPy runs and why, and how much memory the step takes."""
        groups = sum(len(stage.groups) for stage in self.stages)
        ops = sum(len(nest.assignments) for s in self.stages for group in s.groups for nest in group.nests)
        lines = [f"{ops} assignments in {groups} kernels, {self.arena_bytes:,} bytes of memory of its own"]
        lines += [f"NumPy runs {stage.call.op.name}: {stage.reason}" for stage in self.stages if stage.call]
        return "\n".join(lines)

    # ------------------------------------------------------------ a step
    def accepts(self, *arrays: Any) -> bool:
        """Whether every index that stands in the data lies inside the array it is used on."""
        given = dict(zip(self.graph.inputs, arrays))
        return all(
            number not in given or not given[number].size or (given[number].min() >= 0 and given[number].max() < size)
            for number, size in self._lookups
        )

    def run(self, *arrays: Any, fed: list[Any] | None = None) -> list[Any]:
        """Fill the inputs, run, assign the variables; returns the outputs as arrays."""
        for number, array in zip(self.graph.inputs, arrays, strict=True):
            self._hold(number, np.asarray(array, order="C"))
        for variable, number in self._variables:
            if self._arrays.get(number) is not variable.array:
                self._hold(number, variable.array)
        made = [make() for make, _ in self.graph.feeds] if fed is None else fed
        for array, new in zip(self._feeds, made):
            array[...] = new
        for part in self._program:
            part()
        outputs = [np.array(self.array(i) if view is None else view) for view, i in self._outputs]
        self._assign()
        return outputs

    def _run_with_numpy(self, call: Call) -> None:
        results = call.op.forward(np, *[self.array(i) for i in call.inputs])
        for number, result in zip(call.results, results if isinstance(results, tuple) else (results,)):
            np.copyto(self.array(number), result)

    def _assign(self) -> None:
        now, line = CLOCK.tick(), user_line() if self.graph.assigns else ""
        for variable, number in self._assigned:
            np.copyto(variable.array, self.array(number))
        for variable, _ in self.graph.assigns:
            variable.leaf.changed_at, variable.leaf.changed_line = now, line


def _needed_calls(graph: Graph) -> list[Call]:
    """The calls whose results reach an output or a variable, in order."""
    needed = {*graph.outputs, *(number for _, number in graph.assigns)}
    found = []
    for call in reversed(graph.calls):
        if needed.intersection(call.results):
            needed.update(call.inputs)
            found.append(call)
    return found[::-1]
