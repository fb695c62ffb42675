"""Recurrences as kernels: steps between the first and the last are one run of kernels that the driver repeats."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels import driver
from glassnet.kernels.llvm import I64, Module
from glassnet.kernels.nest import Repetition
from glassnet.kernels.plan import CompiledPlan
from glassnet.kernels.team import DRIVER_ARGUMENTS

L = gn.layers
CELLS = {
    "simple": lambda units: L.SimpleRNN(units, return_sequences=True),
    "lstm": lambda units: L.LSTM(units, return_sequences=True),
    "gru": lambda units: L.GRU(units, return_sequences=True),
    "gru that resets before": lambda units: L.GRU(units, return_sequences=True, reset_after=False),
}


def training(cell: str, steps: int, units: int = 5, samples: int = 4) -> tuple[Callable[..., Any], Any, list[Any]]:
    """A step of two masked layers, its data, and the variables that it changes."""
    gn.utils.set_random_seed(1)
    layers = [L.Masking(0.0), CELLS[cell](units), CELLS[cell](units), L.Dense(2)]
    model = gn.Sequential([gn.Input((steps, 3)), *layers])
    model.compile(gn.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(steps)
    x, y = (rng.standard_normal((samples, steps, k), "float32") for k in (3, 2))
    x[1, steps // 2 :] = 0
    model._prepare((x, y, None))
    return (lambda *data: model.train_step(data)), (x, y), model.trainable_variables


def weights_after(run: Callable[..., Any], data: Any, variables: list[Any], times: int = 3) -> list[np.ndarray]:
    for _ in range(times):
        run(*data)
    return [variable.numpy() for variable in variables]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 9])
def test_sequences_of_any_length_are_trained_as_numpy_trains_them(cell: str, steps: int) -> None:
    step, data, variables = training(cell, steps)
    found = weights_after(CompiledPlan(trace(step, *data)[0]).run, data, variables)
    step, data, variables = training(cell, steps)
    for got, wanted in zip(found, weights_after(step, data, variables), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_longer_sequences_need_no_more_kernels(cell: str) -> None:
    def kernels(steps: int) -> list[str]:
        step, data, _ = training(cell, steps)
        return [kernel.signature for kernel in CompiledPlan(trace(step, *data)[0]).kernels]

    assert len(kernels(4)) == len(kernels(300))


@pytest.mark.parametrize("cell", CELLS)
def test_threads_that_meet_in_every_round_give_the_bits_of_one(cell: str) -> None:
    def weights(threads: int) -> list[np.ndarray]:
        step, data, variables = training(cell, steps=12, units=48, samples=32)
        plan = CompiledPlan(trace(step, *data)[0], threads)
        repeated = [run for rounds, run in plan.compilation.drivers[0].runs if rounds > 1]
        assert threads == 1 or any(plan.compilation.drivers[0].shared[k] for run in repeated for k in run)
        return weights_after(plan.run, data, variables)

    for one, two in zip(weights(1), weights(2), strict=True):
        np.testing.assert_array_equal(one, two)


def test_threads_meet_before_a_round_whose_forerunner_ended_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    meetings, module, repetition = list[Any](), Module(), Repetition(5)
    monkeypatch.setattr(driver, "meet", lambda *arguments: meetings.append(arguments))
    function, inner = module.function("kernel", [I64, I64])
    inner.ret_void()

    def kernel(repetition: Repetition | None, work: int) -> Any:
        group = SimpleNamespace(repetition=repetition)
        return SimpleNamespace(group=group, bases=[], units=8, work=work, function=function)

    kernels = [kernel(None, 1), kernel(repetition, 1), kernel(repetition, 10**6), kernel(None, 1)]
    _, builder = module.function("stage", DRIVER_ARGUMENTS)
    driver.Driver(kernels, driver.Layout({}, {}, {}, {}, 0, {}), threads=2).write(builder)
    assert len(meetings) == 4  # before each kernel but the first one, and at the end


def test_the_report_says_how_often_kernels_run_and_how_their_arrays_move() -> None:
    step, data, _ = training("lstm", 9)
    text = CompiledPlan(trace(step, *data)[0]).report()
    assert "one thread, 7 rounds\n" in text
    assert ".gates[1+round]" in text
    assert ".z_bar[7-round]" in text
