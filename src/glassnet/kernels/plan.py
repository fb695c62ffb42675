"""CompiledPlan: a graph as machine code, with NumPy for what has no kernel.

A driver is a function that calls the kernels one after another, for one step or for many; where an op has no kernel,
the driver ends, NumPy runs the op's own `forward` on the same memory, and the next driver goes on. Where an earlier
program has compiled and proved the graph, its schedule and its machine code are read, and no formula is looked at.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from glassnet import config
from glassnet.graph.ir import Call, Graph
from glassnet.graph.memory import ALIGNMENT
from glassnet.kernels import show
from glassnet.kernels.cache import Proof, compiled
from glassnet.kernels.compilation import Compilation, Schedule
from glassnet.kernels.driver import ARENA, FIRST_SLOT, ROWS, STEPS
from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import Library
from glassnet.kernels.team import team, thread_limit
from glassnet.typing import Array


class CompiledPlan:
    """Replays a graph with compiled kernels. Not thread-safe: a plan owns its memory."""

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph, self.threads = graph, threads or thread_limit()
        meaning = graph.meaning()
        self.proof = Proof(meaning and f"{meaning} {self.threads} {config.convolution_tile()}")
        if self.proof.is_kept:
            self._machine_code: Library = self.proof.library
            self.schedule: Schedule = self.proof.schedule
        else:
            self._machine_code = compiled(self.compilation.code, self.compilation.write)
            self.schedule = self.compilation.schedule()
        self._bind()

    @functools.cached_property
    def compilation(self) -> Compilation:
        """Its kernels as formulas."""
        return Compilation(self.graph, self.threads)

    def prove(self) -> None:
        """Note that the first step gave NumPy's numbers."""
        self.proof.keep(self.compilation.code, self._machine_code, self.schedule)

    # ------------------------------------------------------------ binding to arrays
    def _bind(self) -> None:
        raw = np.zeros(self.schedule.arena_bytes + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self._arena = raw[start : start + self.schedule.arena_bytes + 1]
        self._table = np.zeros(FIRST_SLOT + len(self.schedule.layout.slots), np.int64)
        self._table[ARENA] = self._arena.ctypes.data
        self._run_stages = [self._runner(number) for number in range(len(self.schedule.stages))]
        self._arrays: dict[int, Array] = {}
        for array, number in self.graph.constants:
            self._hold(number, np.asarray(array, order="C"))
        slots = self.schedule.layout.slots
        self._contents = {number: variable for variable, number in self.graph.variables}
        self._variables = [(variable, number) for variable, number in self.graph.variables if number in slots]

    def _runner(self, number: int) -> Callable[[], None]:
        """What runs a stage: NumPy, this thread alone, where nothing is worth sharing, or the team."""
        call = self.schedule.stages[number]
        if call is not None:
            return functools.partial(self._run_with_numpy, self.graph.calls[call])
        name, table = f"stage_{number}", self._table.ctypes.data
        if number not in self.schedule.shared:
            run_alone = self._machine_code.function(name, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
            return lambda: run_alone(table, None, 0)
        code, address = self._machine_code, self._machine_code.address(name)
        return lambda: team(self.threads).run(address, table, code)  # a forked child has a team of its own

    def _hold(self, number: int, array: Array) -> None:
        """Keep an array and its address."""
        self._arrays[number] = array
        if number in self.schedule.layout.slots:
            self._table[self.schedule.layout.slots[number]] = array.__array_interface__["data"][0]

    def _array(self, value: int) -> Array:
        """A value as an array that shows the plan's memory, in a single step."""
        place = self.schedule.places[value]
        if place.memory in self.schedule.layout.offsets:
            start = self.schedule.layout.offsets[place.memory] + place.offset
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
        return self.compilation.kernels

    @property
    def arena_bytes(self) -> int:
        """How much memory of its own it has."""
        return self.schedule.arena_bytes

    def report(self) -> str:
        """The kernels as formulas, what NumPy runs and why, and how much memory the step takes."""
        return "\n".join(show.report(self.compilation))

    def ir(self, number: int) -> str:
        """A kernel as LLVM is given it."""
        return show.intermediate(self.compilation, number)

    def assembly(self, number: int) -> str:
        """A kernel as instructions of this processor."""
        return show.machine_code(self.compilation, number)

    # ------------------------------------------------------------ steps
    def accepts(self, *arrays: Any, rows: Array | None = None) -> bool:
        """Whether every index that stands in the data (in these rows of it) or in a variable lies in the axis it is for."""
        given = dict(zip(self.graph.inputs, arrays))
        for lookup in self.schedule.lookups:
            array = given.get(lookup.source)
            if array is None:
                array = self._contents[lookup.source].array
            elif rows is not None:
                array = array[rows]
            if not lookup.accepts(array):
                return False
        return True

    @property
    def can_scan(self) -> bool:
        """Whether many steps can be one call: NumPy runs nothing in between, and every input has a row per sample."""
        return all(call is None for call in self.schedule.stages) and self.schedule.layout.batch > 0

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
        for number in self.schedule.outputs:
            place = self.schedule.places[number]
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
