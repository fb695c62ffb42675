"""CompiledPlan: a graph as machine code, with NumPy for what has no kernel.

    graph -> stages of fused nests (stages.py) -> places in memory (memory.py) -> kernels (kernel.py) -> drivers (driver.py)

A driver is a function that calls the kernels one after another, for one step or for many; where an op has no kernel,
the driver ends, NumPy runs the op's own `forward` on the same memory, and the next driver goes on.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.autograd.rules import Name, Read
from glassnet.graph.ir import Call, Graph
from glassnet.graph.memory import ALIGNMENT, arena, padded
from glassnet.kernels import show
from glassnet.kernels.cache import Proof, compiled
from glassnet.kernels.driver import ARENA, FIRST_SLOT, ROWS, STEPS, Driver, Layout
from glassnet.kernels.fuse import Group
from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import Module
from glassnet.kernels.nest import Repetition, value_of
from glassnet.kernels.stages import Program
from glassnet.kernels.team import DRIVER_ARGUMENTS, team, thread_limit
from glassnet.typing import Array


class CompiledPlan:
    """Replays a graph with compiled kernels. Not thread-safe: a plan owns its memory."""

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph, self.threads = graph, threads or thread_limit()
        self.program = Program(graph)
        self.stages, self.place = self.program.stages, self.program.place
        self._lay_out()
        self._compile()
        self._bind()

    # ------------------------------------------------------------ memory
    def stored(self, value: int) -> bool:
        """Whether a computed value has to be in memory."""
        return value in self._in_memory

    def _lay_out(self) -> None:
        """Lives of values, their places in the arena, and the slots of what lies outside."""
        kept = self.program.kept
        from_memory, lives = set(kept), dict[int, list[int]]()
        moments = [moment for stage in self.stages for moment in stage.moments()]
        repeated = dict[Repetition, list[int]]()
        for time, (touched, read, repetition) in enumerate(moments):
            from_memory |= read | {value for value in touched if self.place(value).memory != value}
            for value in touched:
                lives.setdefault(self.place(value).memory, [time, time])[1] = time
            if repetition is not None:
                repeated.setdefault(repetition, [time, time])[1] = time
        self._in_memory = from_memory | {self.place(value).memory for value in from_memory}
        outside = {value.id for value in self.graph.values if value.role != "result"} | {*self.program.outputs}
        sizes = {m: self.place(m).size for m in lives if m not in outside and self.stored(m)}
        spans = {memory: _through_all_rounds(first, last, repeated.values()) for memory, (first, last) in lives.items()}
        rows = dict(self._rows_of_threads({m for m in sizes if spans[m][0] == spans[m][1]}))
        sizes |= {memory: row * self.threads for memory, row in rows.items()}
        batch = self._batch()
        buffers = {-1 - memory: memory for memory in self.graph.inputs if batch > 1 and memory in lives}
        for buffer, memory in buffers.items():  # filled before the first kernel
            sizes[buffer], spans[buffer] = self.place(memory).size, (0, lives[memory][1])
        offsets, self.arena_bytes = arena(sizes, spans)
        self.saved_bytes = sum(map(padded, sizes.values())) - padded(self.arena_bytes)
        slots = {m: FIRST_SLOT + k for k, m in enumerate(sorted(m for m in outside if m in lives or m in kept))}
        per_step = [feed.value for feed in self.graph.feeds] + self.program.outputs
        picked = {m: (self.place(m).size // max(batch, 1), offsets.get(-1 - m, 0)) for m in self.graph.inputs}
        self.layout = Layout(offsets, slots, {m: self.place(m).size for m in per_step}, picked, batch, rows)

    def _rows_of_threads(self, candidates: set[int]) -> Iterable[tuple[int, int]]:
        """(memory, bytes of a row) of what one group alone uses, row by row: every thread has memory for one row."""
        for group in (group for stage in self.stages for group in stage.groups if len(group.nests) > 1):
            row = tuple(Name(str(axis)) for axis in range(len(group.shared)))
            touched = [*group.accesses()]
            elsewhere = {self.place(value_of(read)).memory for read in touched if read.indices[: len(row)] != row}
            own = {self.place(value).memory for value in group.targets} & candidates - elsewhere
            for value, place in list(self.program.places.items()):
                if place.memory in own:
                    self.program.places[value] = replace(place, strides=(0,) * len(row) + place.strides[len(row) :])
            yield from ((memory, padded(self.place(memory).size // math.prod(group.shared))) for memory in own)

    def _batch(self) -> int:
        """The rows of all inputs; 0 where they disagree."""
        rows = {(self.place(number).shape or (0,))[0] for number in self.graph.inputs}
        return rows.pop() if len(rows) == 1 else 0

    # ------------------------------------------------------------ machine code
    def _compile(self) -> None:
        self.drivers = {
            number: Driver([Kernel(group, self.place, self.stored) for group in stage.groups], self.layout, self.threads)
            for number, stage in enumerate(self.stages) if stage.groups
        }  # fmt: skip
        code = repr([(number, driver.signature) for number, driver in self.drivers.items()])
        self._machine_code = compiled(code, self._write)
        self.proof = Proof(code, self._machine_code, self.graph.meaning())
        self._run_driver = {number: self._runner(number, driver) for number, driver in self.drivers.items()}

    def _write(self, module: Module) -> None:
        """All kernels and drivers; kernels that are equal but for their arrays are one function."""
        functions: dict[str, Any] = {}
        for number, driver in self.drivers.items():
            for kernel in driver.kernels:
                if kernel.signature not in functions:
                    functions[kernel.signature] = kernel.write(module, f"kernel_{len(functions)}")
                kernel.function = functions[kernel.signature]
            _, builder = module.function(f"stage_{number}", DRIVER_ARGUMENTS)
            driver.write(builder)

    def _runner(self, number: int, driver: Driver) -> Callable[[int], None]:
        """What runs a stage on a table: this thread alone, where nothing is worth sharing, or the team."""
        name = f"stage_{number}"
        if not any(driver.shared):
            run_alone = self._machine_code.function(name, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
            return lambda table: run_alone(table, None, 0)
        code, address = self._machine_code, self._machine_code.address(name)
        return lambda table: team(self.threads).run(address, table, code)  # a forked child has a team of its own

    # ------------------------------------------------------------ binding to arrays
    def _bind(self) -> None:
        raw = np.zeros(self.arena_bytes + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self._arena = raw[start : start + self.arena_bytes + 1]
        self._table = np.zeros(FIRST_SLOT + len(self.layout.slots), np.int64)
        self._table[ARENA] = self._arena.ctypes.data
        self._run_stages = [
            functools.partial(self._run_with_numpy, stage.call) if stage.call
            else functools.partial(self._run_driver[number], self._table.ctypes.data)
            for number, stage in enumerate(self.stages)
        ]  # fmt: skip
        self._arrays: dict[int, Array] = {}
        for array, number in self.graph.constants:
            self._hold(number, np.asarray(array, order="C"))
        slots = self.layout.slots
        self._variables = [(variable, number) for variable, number in self.graph.variables if number in slots]
        self._lookups = {lookup for stage in self.stages for group in stage.groups for lookup in self._indices(group)}

    def _indices(self, group: Group) -> Iterable[tuple[int, int]]:
        """(where indices stand, how large the array is that they index) of all lookups of a group."""
        for nest in group.nests:
            for read in nest.reads():
                for index, size in zip(read.indices, self.place(value_of(read)).shape):
                    if isinstance(index, Read):
                        yield self.place(value_of(index)).memory, size

    def _hold(self, number: int, array: Array) -> None:
        """Keep an array and its address."""
        self._arrays[number] = array
        if number in self.layout.slots:
            self._table[self.layout.slots[number]] = array.__array_interface__["data"][0]

    def _array(self, value: int) -> Array:
        """A value as an array that shows the plan's memory, in a single step."""
        place = self.place(value)
        if place.memory in self.layout.offsets:
            start = self.layout.offsets[place.memory] + place.offset
            return np.ndarray(place.shape, place.dtype, self._arena.data, start, place.strides)
        base = self._arrays[place.memory]
        if place.memory == value or (not place.offset and place.shape == base.shape):
            return base
        return np.lib.stride_tricks.as_strided(
            base.reshape(-1)[place.offset // place.dtype.itemsize :], place.shape, place.strides
        )

    # ------------------------------------------------------------ to be read
    @property
    def kernels(self) -> list[Kernel]:
        """All kernels in the order in which they run."""
        return [kernel for driver in self.drivers.values() for kernel in driver.kernels]

    def report(self) -> str:
        """The kernels as formulas, what NumPy runs and why, and how much memory the step takes."""
        return "\n".join(show.report(self))

    def ir(self, number: int) -> str:
        """A kernel as LLVM is given it."""
        return show.intermediate(self, number)

    def assembly(self, number: int) -> str:
        """A kernel as instructions of this processor."""
        return show.machine_code(self, number)

    # ------------------------------------------------------------ steps
    def accepts(self, *arrays: Any, rows: Array | None = None) -> bool:
        """Whether every index that stands in the data (in these rows of it) lies inside the array it is used on."""
        given = dict(zip(self.graph.inputs, arrays))
        for number, size in self._lookups:
            if number in given and given[number].size:
                indices = given[number] if rows is None else given[number][rows]
                if indices.min() < 0 or indices.max() >= size:
                    return False
        return True

    @property
    def can_scan(self) -> bool:
        """Whether many steps can be one call: NumPy runs nothing in between, and every input has a row per sample."""
        return len(self.drivers) == len(self.stages) and self.layout.batch > 0

    def run(self, *arrays: Any, fed: list[Array] | None = None) -> list[Any]:
        """Fill the inputs, run, assign the variables; returns the outputs as arrays."""
        return [array[0, ...] for array in self._run(arrays, None, 1, fed)]

    def scan(self, rows: Array, *arrays: Any) -> list[Any]:
        """A step on the rows `rows[k]` of whole arrays for every k, in one call; outputs have an axis of steps in front."""
        return self._run(arrays, np.ascontiguousarray(rows, np.int64), len(rows))

    def _run(self, arrays: Iterable[Any], rows: Array | None, steps: int, fed: list[Array] | None = None) -> list[Any]:
        for number, array in zip(self.graph.inputs, arrays, strict=True):
            self._hold(number, np.asarray(array, order="C"))
        for variable, number in self._variables:
            if self._arrays.get(number) is not variable.array:
                self._hold(number, variable.array)
        made = (self.graph.fed(steps) if fed is None else fed) if self.graph.feeds else []
        for feed, array in zip(self.graph.feeds, made):
            self._hold(feed.value, array[0, ...])
        outputs = []
        for number in self.program.outputs:
            place = self.place(number)
            array = np.empty((steps, *place.shape), place.dtype)
            self._hold(number, array[0, ...])
            outputs.append(array)
        self._table[STEPS] = steps
        self._table[ROWS] = 0 if rows is None else rows.ctypes.data
        for run_stage in self._run_stages:
            run_stage()
        self.graph.mark_assigned()
        return outputs

    def _run_with_numpy(self, call: Call) -> None:
        results = call.op.forward(np, *[self._array(i) for i in call.inputs])
        for number, result in zip(call.results, results if isinstance(results, tuple) else (results,)):
            np.copyto(self._array(number), result)


def _through_all_rounds(first: int, last: int, repeated: Iterable[Sequence[int]]) -> tuple[int, int]:
    """The life of a value: what is used outside of repeated groups too stays there from the first round to the last.

    >>> _through_all_rounds(1, 4, [(3, 6)]), _through_all_rounds(4, 5, [(3, 6)])
    ((1, 6), (4, 5))
    """
    for begin, end in repeated:
        if first < begin <= last or first <= end < last:
            first, last = min(first, begin), max(last, end)
    return first, last
