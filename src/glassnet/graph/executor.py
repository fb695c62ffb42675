"""Who runs a graph: NumPy, or compiled kernels that have proved themselves on the first step.

    executor   compiled
    "numpy"    never
    "llvm"     before the first step
    "auto"     once the steps that are run, or known to come, take longer with NumPy than compiling does

"auto" goes by the graph and by the number of steps, never by the clock: the same program gives the same bits each time.
It compiles where the kernels have been tested: on Linux with an x86-64 processor that has AVX2, if llvmlite is there.

If loss, outputs or any variable of the first compiled step disagree with NumPy's, or if the graph cannot be compiled,
NumPy goes on and one notice says so: training is never wrong, only slower.
"""

from __future__ import annotations

import functools
import gc
import platform
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from glassnet import config
from glassnet.autograd.op import flat_size
from glassnet.errors import MissingDependency
from glassnet.graph.ir import Call, Graph
from glassnet.graph.plan import ExecutionPlan, one_by_one
from glassnet.graph.proof import wrong_in_first_step
from glassnet.typing import Array

_SECONDS_TO_COMPILE = 0.02
"""Per operation of the graph."""
_OPERATIONS_OF_A_RECURRENCE = 6
"""As how many it counts: however long the sequence is, three of its steps are written out, and most of it is shared."""
_SECONDS_OF_A_CALL, _SECONDS_OF_A_NUMBER, _SECONDS_OF_A_PRODUCT = 4e-6, 1e-9, 5e-11
"""What NumPy takes for an operation, for each number that it reads or writes, and for each product in a sum of them."""
_SECONDS_OF_A_STEP = 3e-6
"""And for each sum that a unit of a recurrent cell has, in every step of its walk through time."""
_PATIENCE = 0.5
"""Seconds of compiling after which a notice says what is going on."""


def plan_for(graph: Graph) -> ExecutionPlan | ProvedPlan:
    """The plan that `gn.config.executor()` asks for."""
    if config.executor() == "numpy" or (config.executor() == "auto" and why_not_compiled()):
        return ExecutionPlan(graph)
    return ProvedPlan(graph, 0 if config.executor() == "llvm" else steps_worth_compiling(graph))


@functools.cache
def why_not_compiled() -> str:
    """Why "auto" compiles nothing here; empty where it does."""
    if not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "AMD64"):
        return f"kernels were not tested on {platform.system()} {platform.machine()}"
    try:
        from glassnet.kernels.llvm import machine

        lanes = machine().lanes
    except ModuleNotFoundError:
        return "llvmlite is not installed"
    except Exception as problem:  # too old, or broken: whatever it is, NumPy goes on
        warnings.warn(f"steps are not compiled: {problem}", stacklevel=2)
        return str(problem)
    return "" if lanes > 4 else "the processor has no AVX2"


def in_words() -> str:
    """The executor, and what keeps "auto" from compiling."""
    why = why_not_compiled() if config.executor() == "auto" else ""
    return config.executor() + (f", which compiles nothing: {why}" if why else "")


def steps_worth_compiling(graph: Graph) -> int:
    """After how many steps NumPy has taken about as long as compiling takes."""
    seconds = sum(map(functools.partial(_seconds_with_numpy, graph), graph.calls))
    operations = sum(_OPERATIONS_OF_A_RECURRENCE if _is_recurrence(call) else 1 for call in graph.calls)
    return int(_SECONDS_TO_COMPILE * operations / seconds) if graph.calls else 0


def _is_recurrence(call: Call) -> bool:
    """Whether it walks through time, forward or backward: it has weights of the state before, and a mask."""
    return {"U", "mask"} <= {*call.op.input_names(len(call.inputs))}


def _seconds_with_numpy(graph: Graph, call: Call) -> float:
    sizes = [flat_size(graph.values[number].spec.shape) for number in (*call.inputs, *call.results)]
    seconds = _SECONDS_OF_A_CALL + _SECONDS_OF_A_NUMBER * sum(sizes)
    if call.op.kind == "contraction" and len(sizes) > 2:  # (N, I) times (I, O): N·I · I·O · N·O is (N·I·O)²
        a, b, result = sizes[0], sizes[1], sizes[len(call.inputs)]
        seconds += _SECONDS_OF_A_PRODUCT * (a * b * result) ** 0.5
    if _is_recurrence(call):
        values = dict(zip(call.op.input_names(len(call.inputs)), call.inputs))
        units, sums, _, steps = (n or 0 for name in ("U", "mask") for n in graph.values[values[name]].spec.shape)
        seconds += _SECONDS_OF_A_STEP * steps * (sums // max(units, 1))
    return seconds


def compiler(who: str) -> Callable[[Graph], Any]:
    """What makes a compiled plan of a graph.

    Arguments:
        who: asks for it; is told what is missing where llvmlite is.
    """
    try:
        from glassnet.kernels.plan import CompiledPlan
    except ImportError as problem:
        raise MissingDependency(
            f"{who} needs llvmlite", received=str(problem), fix="pip install 'glassnet[fast]'"
        ) from problem
    return CompiledPlan


class ProvedPlan:
    """NumPy's plan, and in its place the compiled one as soon as that is worth it and its first step was right."""

    def __init__(self, graph: Graph, patience: int) -> None:
        self.graph = graph
        self._reference = ExecutionPlan(graph)
        self._compiled: Any = None
        self._steps, self._patience = 0, patience
        self.is_proved = self.is_refused = False
        self._why_refused = ""
        if not patience:
            self._compile()

    def expect(self, steps: int) -> None:
        """Be told of steps to come; compiles if these are worth it."""
        if self._steps + steps > self._patience and self._compiled is None and not self.is_refused:
            self._compile()

    def run(self, *arrays: Any) -> list[Any]:
        """One step; the first compiled one is run by both, unless an earlier program has done that."""
        self.expect(1)
        self._steps += 1
        if self._compiled is None or not self._compiled.accepts(*arrays):
            return self._reference.run(*arrays)
        if self.is_proved:
            return list(self._compiled.run(*arrays))
        fed = self.graph.fed()
        wrong = wrong_in_first_step(self._reference, self._compiled, arrays, fed)
        self.is_proved = not wrong
        if self.is_proved:
            self._compiled.prove()
            self._reference = ExecutionPlan(self.graph)  # as long as NumPy is not needed, without its buffers
        else:
            self._refuse(f"compiled kernels are off: in the first step {wrong[0]} is wrong")
        return list((self._compiled or self._reference).run(*arrays, fed=fed))

    def scan(self, rows: Array, *arrays: Any) -> list[Any]:
        """A step on the rows `rows[k]` of whole arrays for every k; outputs have an axis of steps in front."""
        plan = self._compiled
        if self.is_proved and plan.can_scan and plan.accepts(*arrays, rows=rows):
            return list(plan.scan(rows, *arrays))
        return one_by_one(self, rows, arrays)

    def report(self) -> str:
        """Who runs the steps, and the compiled plan if there is one."""
        if self._compiled is None:
            soon = f"compiling pays after {self._patience:,} steps, {self._steps:,} are done"
            return f"{self._reference.report()}: {self._why_refused if self.is_refused else soon}"
        proof = "a first step gave NumPy's numbers" if self.is_proved else "no step has been run yet"
        return f"compiled; {proof}\n{self._compiled.report()}"

    def _compile(self) -> None:
        self._reference = ExecutionPlan(self.graph)
        make_plan = compiler("the executor 'llvm'")
        try:
            with _notice_when_long(), _without_collecting():
                self._compiled = make_plan(self.graph)
            self.is_proved = self._compiled.proof.is_kept
        except Exception as problem:  # whatever a compiler may stumble over must not stop a training
            self._refuse(f"the step could not be compiled ({problem!r})")

    def _refuse(self, why: str) -> None:
        warnings.warn(f"{why}; NumPy goes on", stacklevel=2)
        self._compiled, self.is_proved, self.is_refused, self._why_refused = None, False, True, why


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Let no search for garbage interrupt a compiler, whose many objects stay until it is done: a fifth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _notice_when_long() -> Iterator[None]:
    """Say what is going on where it takes longer than a moment."""
    notice = threading.Timer(_PATIENCE, lambda: print("compiling the step ...", file=sys.stderr, flush=True))
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
