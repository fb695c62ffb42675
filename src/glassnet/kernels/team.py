"""The thread team: a few threads that take their shares of a compiled step.

A step has many short parts with a barrier between them, and a part may take less time than waking a thread does. So
workers stay in machine code: they spin for the next step, then give their turns to other processes, and only after a
while return to Python and sleep. Shares depend on the plan and the number of threads alone, so results repeat bit for
bit.

The threads share a control block of counters that only grow:

    GENERATION  steps so far; a worker that sees a new one runs the DRIVER on the TABLE
    ARRIVED     how often a thread came to a barrier; BASE is its value before the step
    SLEEPERS    workers that have gone to sleep and must be woken by Python
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import threading
from typing import Any

import numpy as np
from llvmlite import ir

from glassnet.kernels.cache import compiled
from glassnet.kernels.llvm import I8, I32, I64, POINTER, VOID, Library, Module, external, machine
from glassnet.kernels.loops import number

GENERATION, DRIVER, TABLE, ARRIVED, BASE, SLEEPERS, STOP = range(7)
_FIELDS, _LINE = 7, 64
DRIVER_ARGUMENTS = (POINTER, POINTER, I64)
"""A driver takes its table of pointers, the control block, and the number of the thread that runs it."""
_SPINS = 512
"""Looks before a waiting thread begins to give its turn to others."""
_PATIENCE = 4000
"""Looks before an idle worker goes to sleep: a few milliseconds."""
_NAP = 0.05
"""Seconds of sleep between two looks."""


def thread_limit() -> int:
    """How many threads may work: the processors of this process, or fewer where OMP_NUM_THREADS says so."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(asked))) if asked.isdigit() else available


# ---------------------------------------------------------------- instructions


def field(builder: Any, control: Any, name: int) -> Any:
    """The address of a counter; each has a cache line of its own."""
    return builder.gep(control, [I64(name * _LINE)], source_etype=I8)


def _read(builder: Any, address: Any) -> Any:
    return builder.load_atomic(address, "seq_cst", 8, typ=I64)


def _put(builder: Any, value: Any, address: Any) -> None:
    builder._insert(ir.instructions.StoreAtomicInstr(builder.block, value, address, "seq_cst", 8))


def wait_until(builder: Any, address: Any, least: Any, patience: int = 0) -> Any:
    """Look until a counter has reached `least`, or `patience` is at its end; returns whether it was reached."""
    give_turn = external(builder, "sched_yield", I32, [])
    with builder.goto_entry_block():
        looks = builder.alloca(I64)
    builder.store(I64(0), looks)
    look, spin, give, after = (builder.append_basic_block(name) for name in ("look", "spin", "give", "after"))
    builder.branch(look)
    builder.position_at_end(look)
    reached = builder.icmp_signed(">=", _read(builder, address), number(least))
    count = builder.load(looks, typ=I64)
    impatient = builder.icmp_signed(">", count, I64(patience if patience else 2**62))
    builder.cbranch(builder.or_(reached, impatient), after, spin)
    builder.position_at_end(spin)
    if machine().triple.startswith("x86"):  # tells the processor that this is a waiting loop
        builder.call(external(builder, "llvm.x86.sse2.pause", VOID, []), [])
    builder.store(builder.add(count, I64(1)), looks)
    builder.cbranch(builder.icmp_signed(">", count, I64(_SPINS)), give, look)
    builder.position_at_end(give)
    builder.call(give_turn, [])
    builder.branch(look)
    builder.position_at_end(after)
    return reached


def arrive(builder: Any, control: Any) -> None:
    """Count the thread as come to a barrier."""
    builder.atomic_rmw("add", field(builder, control, ARRIVED), I64(1), "seq_cst")


def wait_for(builder: Any, control: Any, arrivals: Any) -> None:
    """Wait until threads have come to barriers so many times."""
    wait_until(builder, field(builder, control, ARRIVED), arrivals)


def meet(builder: Any, control: Any, arrivals: Any) -> None:
    """A barrier: the thread has come, and waits until so many have. All barriers of a module are one function."""
    function = builder.module.globals.get("meet")
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(VOID, [POINTER, I64]), "meet")
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        arrive(inside, function.args[0])
        wait_for(inside, *function.args)
        inside.ret_void()
    builder.call(function, [control, arrivals])


class _Driver(ir.instructions.CastInstr):  # type: ignore[misc]  # llvmlite has no types
    """A driver at an address that is known when the step runs."""

    function_type = ir.FunctionType(VOID, DRIVER_ARGUMENTS)


def _run_driver(builder: Any, control: Any, thread: Any) -> None:
    address = builder.load(field(builder, control, DRIVER), typ=I64)
    driver = _Driver(builder.block, "inttoptr", address, POINTER)
    builder._insert(driver)
    table = builder.load(field(builder, control, TABLE), typ=POINTER)
    builder.call(driver, [table, control, thread])


@functools.cache
def _library() -> Library:
    return compiled("the thread team", _write)


def _write(module: Module) -> None:
    """`lead` starts a step and takes the first thread's share, `work` is where the others live, `rise` ends a sleep."""
    lead, builder = module.function("lead", [POINTER, I64, I64])
    control, driver, table = lead.args
    _put(builder, _read(builder, field(builder, control, ARRIVED)), field(builder, control, BASE))
    builder.store(driver, field(builder, control, DRIVER))
    builder.store(table, field(builder, control, TABLE))
    builder.atomic_rmw("add", field(builder, control, GENERATION), I64(1), "seq_cst")
    _run_driver(builder, control, I64(0))
    builder.ret_void()

    rise, builder = module.function("rise", [POINTER])
    builder.atomic_rmw("sub", field(builder, rise.args[0], SLEEPERS), I64(1), "seq_cst")
    builder.ret_void()
    _write_work(module)


def _write_work(module: Module) -> None:
    """`work(control, thread, done)`: run every step after the `done` first ones, until none comes for a while."""
    work, builder = module.function("work", [POINTER, I64, POINTER])
    control, thread, done = work.args
    again, step, idle, leave = (builder.append_basic_block(name) for name in ("again", "step", "idle", "leave"))
    builder.branch(again)
    builder.position_at_end(again)
    following = builder.add(builder.load(done, typ=I64), I64(1))
    came = wait_until(builder, field(builder, control, GENERATION), following, _PATIENCE)
    builder.cbranch(came, step, idle)

    builder.position_at_end(step)
    builder.store(following, done)
    stop = builder.icmp_signed("!=", _read(builder, field(builder, control, STOP)), I64(0))
    with builder.if_then(stop, likely=False):
        builder.ret_void()
    _run_driver(builder, control, thread)
    builder.branch(again)

    builder.position_at_end(idle)  # announce it first, then look once more: a step that comes now sees a sleeper
    builder.atomic_rmw("add", field(builder, control, SLEEPERS), I64(1), "seq_cst")
    came = builder.icmp_signed(">=", _read(builder, field(builder, control, GENERATION)), following)
    with builder.if_then(came, likely=False):
        builder.atomic_rmw("sub", field(builder, control, SLEEPERS), I64(1), "seq_cst")
        builder.branch(step)
    builder.branch(leave)
    builder.position_at_end(leave)
    builder.ret_void()


# ---------------------------------------------------------------- the team


class Team:
    """Threads that run drivers together; the one that calls `run` is the first of them."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._block = np.zeros((_FIELDS + 1) * _LINE, np.uint8)
        self._control = self._block.ctypes.data + (-self._block.ctypes.data % _LINE)
        self._fields = [ctypes.c_int64.from_address(self._control + k * _LINE) for k in range(_FIELDS)]
        self._last_code: Library | None = None
        self._alarm, self._turn = threading.Semaphore(0), threading.Lock()
        whole, address = ctypes.c_int64, ctypes.c_void_p
        self._code = _library()  # held: another thread may have made one at the same time, and only one of them is kept
        self._lead = self._code.function("lead", address, whole, whole)
        self._work = self._code.function("work", address, whole, address)
        self._rise = self._code.function("rise", address)
        self._workers = [threading.Thread(target=self._serve, args=(k,), daemon=True) for k in range(1, threads)]
        for worker in self._workers:
            worker.start()
        atexit.register(self.stop)

    def run(self, driver: int, table: int, code: Library) -> None:
        """Run the driver at an address of this code, with its table at another, on all threads.

        The step is one call, which no interruption from the keyboard can leave half done. A slow worker may be inside
        the code still when the call returns, behind the last barrier; it has left when the next step is done.
        """
        with self._turn:
            asleep = self._fields[SLEEPERS].value
            if asleep:
                self._alarm.release(asleep)
            self._lead(self._control, driver, table)
            self._last_code = code

    def stop(self) -> None:
        """Let the workers go."""
        if any(worker.is_alive() for worker in self._workers):
            self._fields[STOP].value = 1
            self._fields[GENERATION].value += 1
            self._alarm.release(self.threads)
            for worker in self._workers:
                worker.join()

    def _serve(self, thread: int) -> None:
        """A worker: in machine code while steps come, asleep while none does."""
        done, generation, stop = ctypes.c_int64(0), self._fields[GENERATION], self._fields[STOP]
        while not stop.value:
            self._work(self._control, thread, ctypes.addressof(done))
            while not stop.value and not self._alarm.acquire(timeout=_NAP) and generation.value == done.value:
                pass  # a step that came while this thread lay down rang no alarm
            self._rise(self._control)


_teams: dict[int, Team] = {}
_making = threading.Lock()


def team(threads: int) -> Team:
    """The team of this process with so many threads; a forked child makes its own: threads do not survive a fork."""
    with _making:  # two teams would be right too, but one is enough
        if threads not in _teams:
            _teams[threads] = Team(threads)
        return _teams[threads]


def _start_anew() -> None:
    """In a forked child: no teams, and a lock that nobody holds."""
    global _making
    _making = threading.Lock()
    _teams.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
