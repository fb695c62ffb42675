"""The driver of a stage: a loop over steps; which kernel runs when, on which threads, and where they wait.

    for step in steps:
        pick the rows of the batch
        kernel, barrier, kernel, ...
        for round in rounds: the kernels of a recurrence's step, on parts of arrays that move on from round to round

A driver finds everything in its table of 64-bit words: the arena, the number of steps, the rows to pick (or 0), then
one address per slot.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import I1, I8, I64, POINTER, VOID, external
from glassnet.kernels.loops import loop
from glassnet.kernels.team import BASE, field, meet

ARENA, STEPS, ROWS, FIRST_SLOT = range(4)
_WORTH_SHARING = 40_000
"""Multiplications or the like: about what one thread does while two meet at a barrier a few times."""


@dataclass(frozen=True)
class Layout:
    """Where a driver finds each piece of memory, by the value that owns it.

    Attributes:
        offsets: bytes from the beginning of the arena.
        slots: words of the table that hold an address.
        advances: bytes from one step to the next, for what every step has an array of its own of.
        picked: of the inputs: bytes of a row, and the place in the arena where the rows of a batch are put together.
        batch: rows of a batch; 0 where the inputs disagree about it.
        rows: bytes of a row, for memory of which every thread has one row of its own.
    """

    offsets: dict[int, int]
    slots: dict[int, int]
    advances: dict[int, int]
    picked: dict[int, tuple[int, int]]
    batch: int
    rows: dict[int, int]


class Driver:
    """The kernels of a stage, and the function of the table, the control block and the number of a thread that calls them."""

    def __init__(self, kernels: Sequence[Kernel], layout: Layout, threads: int) -> None:
        self.kernels, self.layout, self.threads = kernels, layout, threads
        self.shared = [is_shared(kernel, threads) for kernel in kernels]
        self.used = list(dict.fromkeys(memory for kernel in kernels for memory, *_ in kernel.bases))
        self.runs = list(_runs(kernels))
        self.gathers = layout.batch > 1 and any(memory in layout.picked for memory in self.used)

    @property
    def signature(self) -> str:
        """All that its code depends on."""
        kernels = [(kernel.signature, kernel.bases) for kernel in self.kernels]
        return repr((kernels, self.runs, self.layout, self.threads))

    def write(self, builder: Any) -> None:
        """Write it as the body of a function, when its kernels are written."""
        self.builder = builder
        self.table, self.control, self.thread = builder.function.args
        if any(self.shared):  # read before anybody arrives: the next step may begin while a slow thread still leaves
            self.arrivals = self.builder.alloca(I64)
            self.builder.store(self.builder.load(field(self.builder, self.control, BASE), typ=I64), self.arrivals)
        with loop(self.builder, 0, self._word(STEPS)) as step:
            pointers = self._pointers(step)
            if self.gathers:
                self._meet()
            for rounds, run in self.runs:
                with loop(self.builder, 0, rounds) if rounds > 1 else nullcontext(I64(0)) as completed:
                    self._run(run, rounds, pointers, completed)
            self._meet()
        self.builder.ret_void()

    def _run(self, run: list[int], rounds: int, pointers: dict[int, Any], completed: Any) -> None:
        """Kernels one after the other; threads meet between two of which one is shared, between rounds too."""
        for position in run:
            before = {position - 1, run[-1]} if position == run[0] else {position - 1}
            if (position or rounds > 1) and any(self.shared[k] for k in {position, *before}):
                self._meet()
            kernel = self.kernels[position]
            begins = [
                self._plus(self._plus(pointers[memory], offset), self._product(completed, advance) if rounds > 1 else 0)
                for memory, offset, advance in kernel.bases
            ]
            self._call(kernel, self.shared[position], begins)

    # ------------------------------------------------------------ threads
    def _meet(self) -> None:
        """A barrier: nobody goes on before everybody is here."""
        if not any(self.shared):
            return
        arrivals = self.builder.add(self.builder.load(self.arrivals, typ=I64), I64(self.threads))
        self.builder.store(arrivals, self.arrivals)
        meet(self.builder, self.control, arrivals)

    def _call(self, kernel: Kernel, shared: bool, pointers: list[Any]) -> None:
        if shared:
            self.builder.call(kernel.function, [*pointers, *self._share(kernel.units)])
            return
        with self.builder.if_then(self._is_first_thread()):
            self.builder.call(kernel.function, [*pointers, I64(0), I64(kernel.units)])

    def _is_first_thread(self) -> Any:
        return self.builder.icmp_signed("==", self.thread, I64(0))

    def _share(self, units: int) -> tuple[Any, Any]:
        """The first unit of this thread, and the one behind its last."""
        first, last = (
            self.builder.sdiv(self.builder.mul(ahead, I64(units)), I64(self.threads))
            for ahead in (self.thread, self.builder.add(self.thread, I64(1)))
        )
        return first, last

    # ------------------------------------------------------------ memory
    def _word(self, slot: int, kind: Any = I64) -> Any:
        return self.builder.load(self.builder.gep(self.table, [I64(8 * slot)], source_etype=I8), typ=kind)

    def _pointers(self, step: Any) -> dict[int, Any]:
        """Where each piece of memory begins in this step."""
        arena = self._word(ARENA, POINTER)
        found = {}
        for memory in self.used:
            if memory in self.layout.offsets:
                found[memory] = self._plus(arena, self.layout.offsets[memory])
                if memory in self.layout.rows:
                    found[memory] = self._plus(found[memory], self._product(self.thread, self.layout.rows[memory]))
                continue
            found[memory] = self._word(self.layout.slots[memory], POINTER)
            if memory in self.layout.advances:
                found[memory] = self._plus(found[memory], self._product(step, self.layout.advances[memory]))
        inputs = [memory for memory in self.used if memory in self.layout.picked]
        return found | (self._picked(inputs, found, arena, step) if inputs and self.layout.batch else {})

    def _picked(self, inputs: list[int], found: dict[int, Any], arena: Any, step: Any) -> dict[int, Any]:
        """The inputs, put together from their rows where rows are given."""
        with self.builder.goto_entry_block():
            chosen = {memory: self.builder.alloca(POINTER) for memory in inputs}
        for memory in inputs:
            self.builder.store(found[memory], chosen[memory])
        rows = self._word(ROWS)
        with self.builder.if_then(self.builder.icmp_signed("!=", rows, I64(0))):
            of_step = self._plus(self._word(ROWS, POINTER), self._product(step, 8 * self.layout.batch))
            for memory in inputs:
                self.builder.store(self._gathered(memory, found[memory], of_step, arena), chosen[memory])
        return {memory: self.builder.load(chosen[memory], typ=POINTER) for memory in inputs}

    def _gathered(self, memory: int, whole: Any, rows: Any, arena: Any) -> Any:
        """Where the rows of a batch lie side by side: a single row stays where it is."""
        size, offset = self.layout.picked[memory]
        if self.layout.batch == 1:
            return self._plus(whole, self._product(self.builder.load(rows, typ=I64), size))
        copy = external(self.builder, "llvm.memcpy.p0.p0.i64", VOID, [POINTER, POINTER, I64, I1])
        target = self._plus(arena, offset)
        first, last = self._share(self.layout.batch) if any(self.shared) else (I64(0), I64(self.layout.batch))
        with loop(self.builder, first, last) as position:
            row = self.builder.load(self._plus(rows, self._product(position, 8)), typ=I64)
            source = self._plus(whole, self._product(row, size))
            self.builder.call(copy, [self._plus(target, self._product(position, size)), source, I64(size), I1(0)])
        return target

    def _product(self, value: Any, factor: int) -> Any:
        return self.builder.mul(value, I64(factor))

    def _plus(self, pointer: Any, count: Any) -> Any:
        return self.builder.gep(pointer, [I64(count) if isinstance(count, int) else count], source_etype=I8)


def _runs(kernels: Sequence[Kernel]) -> Iterator[tuple[int, list[int]]]:
    """(rounds, kernels by number): those together that are repeated together, all others one by one."""
    for same, run in itertools.groupby(range(len(kernels)), lambda k: kernels[k].group.repetition or k):
        yield 1 if isinstance(same, int) else same.rounds, list(run)


def is_shared(kernel: Kernel, threads: int) -> bool:
    """Whether several threads take parts of a kernel."""
    return threads > 1 and kernel.units >= threads and kernel.work >= _WORTH_SHARING
