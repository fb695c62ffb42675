"""Who runs a graph: "auto" compiles when there are enough steps, counted and not timed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.graph import executor, trace
from glassnet.graph.plan import ExecutionPlan

X = np.ones((4, 3), "float32")


class Kernels:
    """Stands for a compiled plan: runs NumPy's, and remembers that it was made."""

    made = 0
    can_scan = True
    proof = SimpleNamespace(is_kept=False)

    def __init__(self, graph: Any) -> None:
        type(self).made += 1
        self.plan = ExecutionPlan(graph)
        self.run, self.scan = self.plan.run, self.plan.scan

    def accepts(self, *arrays: Any, rows: Any = None) -> bool:
        return True

    def prove(self) -> None:
        pass


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> type[Kernels]:
    module = pytest.importorskip("glassnet.kernels.plan", reason="the compiler is the optional extra `fast`")
    monkeypatch.setattr(Kernels, "made", 0)
    monkeypatch.setattr(module, "CompiledPlan", Kernels)
    monkeypatch.setattr(executor, "why_not_compiled", lambda: "")
    monkeypatch.setattr(executor, "steps_worth_compiling", lambda graph: 10)
    return Kernels


def test_single_steps_are_compiled_when_there_were_enough(kernels: type[Kernels]) -> None:
    double = gn.jit(lambda x: x * 2.0)
    for _ in range(10):
        double(X)
    assert kernels.made == 0
    double(X)
    assert kernels.made == 1
    np.testing.assert_array_equal(double(X).numpy(), X * 2)


@pytest.mark.parametrize(("patience", "notice"), [(0.0, "compiling the step ...\n"), (60.0, "")])
def test_a_compilation_that_takes_longer_than_a_moment_is_announced(
    patience: float, notice: str, kernels: type[Kernels], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made = kernels.__init__
    monkeypatch.setattr(executor, "_PATIENCE", patience)
    monkeypatch.setattr(kernels, "__init__", lambda self, graph: (time.sleep(0.3), made(self, graph))[1])
    gn.jit(lambda x: x * 2.0).scan(np.zeros((11, 2), int), X)
    assert capsys.readouterr().err == notice


def test_steps_that_are_known_to_come_are_compiled_before_the_first(kernels: type[Kernels]) -> None:
    double = gn.jit(lambda x: x * 2.0)
    double.scan(np.zeros((10, 2), int), X)
    assert kernels.made == 0
    gn.jit(lambda x: x * 2.0).scan(np.zeros((11, 2), int), X)
    assert kernels.made == 1


@pytest.mark.parametrize(("epochs", "made"), [(5, 0), (6, 1)])
def test_fit_counts_the_steps_of_all_epochs(kernels: type[Kernels], epochs: int, made: int) -> None:
    model = gn.Sequential([gn.Input((3,)), gn.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=2, epochs=epochs, verbose=0)
    assert kernels.made == made


def test_larger_steps_are_worth_compiling_sooner() -> None:
    def worth(size: int) -> int:
        graph, _ = trace(lambda x: gn.ops.tanh(x @ x), np.ones((size, size), "float32"))
        return executor.steps_worth_compiling(graph)

    assert worth(2) > worth(256) > worth(1024)
    assert 1000 < worth(2) < 10_000  # 40 ms of compiling, some 8 us a step
    assert worth(1024) < 3


def test_a_recurrence_costs_numpy_calls_in_every_step_but_compiling_only_once() -> None:
    def worth(steps: int) -> int:
        x, W, U = (np.ones(shape, "float32") for shape in ((1, steps, 1), (1, 4), (1, 4)))
        graph, _ = trace(lambda x: gn.ops.lstm(x, W, U)[0], x)
        return executor.steps_worth_compiling(graph)

    assert 9 < worth(10) / worth(100) < 11
    assert 500 < worth(10) < 2000  # 0.12 s of compiling, some 0.12 ms a step


@pytest.mark.parametrize(
    ("system", "processor", "words"),
    [("darwin", "x86_64", "not tested on"), ("linux", "aarch64", "not tested on"), ("win32", "AMD64", "not tested on")],
)
def test_where_kernels_were_not_tested_they_are_off_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, system: str, processor: str, words: str
) -> None:
    monkeypatch.setattr(executor.sys, "platform", system)
    monkeypatch.setattr(executor.platform, "machine", lambda: processor)
    assert words in executor.why_not_compiled.__wrapped__()
