"""From a graph to kernels and drivers, and what is kept of that: the schedule that a plan runs by.

    graph -> stages of fused nests (stages.py) -> places in memory (memory.py) -> kernels (kernel.py) -> drivers (driver.py)

To run a step takes its machine code and the schedule, but no formulas.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from glassnet.autograd.rules import Name
from glassnet.graph.ir import Graph
from glassnet.graph.memory import arena, padded
from glassnet.kernels.driver import FIRST_SLOT, Driver, Layout
from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import Module
from glassnet.kernels.lookups import Lookup
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import value_of
from glassnet.kernels.stages import Program
from glassnet.kernels.team import DRIVER_ARGUMENTS


@dataclass(frozen=True)
class Schedule:
    """How a step runs, in plain numbers.

    Attributes:
        stages: for each the number of the call that NumPy runs; or None, where the driver of that number runs.
        shared: the drivers that a team runs.
        places: of the values that Python looks at: outputs, and what NumPy reads and writes.
        lookups: indices that are looked at before each step.
    """

    stages: list[int | None]
    shared: set[int]
    layout: Layout
    arena_bytes: int
    outputs: list[int]
    places: dict[int, Place]
    lookups: list[Lookup]


class Compilation:
    """The kernels and drivers of a graph, for so many threads."""

    def __init__(self, graph: Graph, threads: int) -> None:
        self.graph, self.threads = graph, threads
        self.program = Program(graph)
        self.stages, self.place = self.program.stages, self.program.place
        self._lay_out()
        self.drivers = {
            number: Driver([Kernel(group, self.place, self.stored) for group in stage.groups], self.layout, self.threads)
            for number, stage in enumerate(self.stages) if stage.groups
        }  # fmt: skip

    # ------------------------------------------------------------ memory
    def stored(self, value: int) -> bool:
        """Whether a computed value has to be in memory."""
        return value in self._in_memory

    def _lay_out(self) -> None:
        """Lives of values, their places in the arena, and the slots of what lies outside.

        What repeated groups read from outside lives through all rounds: the step behind them, which is written out, reads
        it too.
        """
        kept = self.program.kept
        from_memory, lives = set(kept), dict[int, list[int]]()
        moments = [moment for stage in self.stages for moment in stage.moments()]
        for time, (touched, read) in enumerate(moments):
            from_memory |= read | {value for value in touched if self.place(value).memory != value}
            for value in touched:
                lives.setdefault(self.place(value).memory, [time, time])[1] = time
        self._in_memory = from_memory | {self.place(value).memory for value in from_memory}
        outside = {value.id for value in self.graph.values if value.role != "result"} | {*self.program.outputs}
        sizes = {m: self.place(m).size for m in lives if m not in outside and self.stored(m)}
        spans = {memory: (first, last) for memory, (first, last) in lives.items()}
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
    @property
    def kernels(self) -> list[Kernel]:
        """All kernels in the order in which they run."""
        return [kernel for driver in self.drivers.values() for kernel in driver.kernels]

    @functools.cached_property
    def code(self) -> str:
        """All that the machine code depends on, apart from generator, processor and llvmlite."""
        return repr([(number, driver.signature) for number, driver in self.drivers.items()])

    def write(self, module: Module) -> None:
        """All kernels and drivers; kernels that are equal but for their arrays are one function."""
        functions: dict[str, Any] = {}
        for number, driver in self.drivers.items():
            for kernel in driver.kernels:
                if kernel.signature not in functions:
                    functions[kernel.signature] = kernel.write(module, f"kernel_{len(functions)}")
                kernel.function = functions[kernel.signature]
            _, builder = module.function(f"stage_{number}", DRIVER_ARGUMENTS)
            driver.write(builder)

    # ------------------------------------------------------------ what is kept
    def schedule(self) -> Schedule:
        """What it takes to run the machine code."""
        calls = [stage.call for stage in self.stages]
        looked_at = {*self.program.outputs, *(v for call in calls if call for v in (*call.inputs, *call.results))}
        return Schedule(
            [None if call is None else self.graph.calls.index(call) for call in calls],
            {number for number, driver in self.drivers.items() if any(driver.shared)},
            self.layout, self.arena_bytes, self.program.outputs, {value: self.place(value) for value in looked_at},
            sorted(self.program.lookups, key=repr),
        )  # fmt: skip
