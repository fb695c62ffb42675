"""What a traced function says: for which calls it has plans, why it was traced again, and who runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.graph import executor

L = gn.layers


@pytest.fixture(autouse=True)
def numpy_runs() -> Iterator[None]:
    gn.config.set_executor("numpy")
    yield
    gn.config.set_executor("auto")


def reasons(report: str) -> list[str]:
    """Why each plan was traced."""
    return [line.strip().removeprefix("because ") for line in report.splitlines() if line.startswith("  because")]


def zeros(*shape: int, dtype: str = "float32") -> Any:
    return np.zeros(shape, dtype)


def test_every_trace_has_its_reason() -> None:
    scaled = gn.jit(lambda x, factor, parts: x["a"] * factor + parts[0])
    for x, factor, parts in [
        (zeros(2), 2, [zeros(2)]), (zeros(3), 2, [zeros(3)]), (zeros(3), 2.0, [zeros(3)]),
        (zeros(3), 2, [zeros(3), "more"]), (zeros(3), 2, (zeros(3),)), (zeros(3), 2, [zeros(3, dtype="int64")]),
    ]:  # fmt: skip
        scaled({"a": x}, factor, parts)
    assert reasons(scaled.report()) == [
        "it is the first call",
        "x['a'] was float32[2], is float32[3]; parts[0] was float32[2], is float32[3]",
        "factor was 2, is 2.0",
        "parts[1] was not there, is 'more'",
        "the arguments are nested in another way",
        "parts[0] was float32[3], is int64[3]",
    ]
    lines = scaled.report().splitlines()
    assert lines[:2] == ["executor: numpy", "traces: 6; plans kept: 6 of at most 16"]
    assert lines[2].startswith("plan 0: traced for x['a'] float32[2], factor 2, parts[0] float32[2], executor")


def test_a_call_is_compared_with_the_one_that_it_is_most_like() -> None:
    f = gn.jit(lambda *data: data[0] * data[1])
    for shape, factor in [((2,), 1), ((3,), 5), ((2,), 2)]:
        f(zeros(*shape), factor)
    assert reasons(f.report())[2] == "data[1] was 1, is 2"


def test_a_layer_that_is_frozen_is_named() -> None:
    v = gn.Variable([3.0, 4.0], name="v")
    f = gn.jit(lambda x: v * x)
    for trainable in (True, False):
        v.trainable = trainable
        f(zeros(2))
    assert reasons(f.report()) == ["v is frozen now"]


def test_a_change_of_executor_or_of_the_training_flag_is_a_reason() -> None:
    dropout, x = L.Dropout(0.5), zeros(4)
    inner = gn.jit(lambda x: dropout(x))
    outer = L.Lambda(lambda x, training=None: inner(x))
    outer(x, training=False)
    outer(x, training=True)
    gn.config.set_executor("auto")
    outer(x, training=True)
    assert reasons(inner.report())[1:] == ["training was False, is True", "executor was numpy, is auto"]


def test_a_function_without_a_signature_numbers_its_arguments() -> None:
    def twice(x: Any) -> Any:
        return x + x

    twice.__signature__ = "none"  # type: ignore[attr-defined]  # as with some functions written in C
    assert "traced for argument[0] float32[2], executor numpy" in traced_once(gn.jit(twice)).report()


def traced_once(function: Any) -> Any:
    function(zeros(2))
    return function


def test_it_says_how_many_steps_are_missing_before_compiling_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    gn.config.set_executor("auto")
    monkeypatch.setattr(executor, "why_not_compiled", lambda: "")
    monkeypatch.setattr(executor, "steps_worth_compiling", lambda graph: 1500)
    report = traced_once(gn.jit(lambda x: x + 1.0)).report()
    assert report.endswith("\n  NumPy runs 1 operations: compiling pays after 1,500 steps, 1 are done")


def test_it_says_why_nothing_is_compiled_here(monkeypatch: pytest.MonkeyPatch) -> None:
    gn.config.set_executor("auto")
    monkeypatch.setattr(executor, "why_not_compiled", lambda: "llvmlite is not installed")
    report = traced_once(gn.jit(lambda x: x + 1.0)).report()
    assert report.startswith("executor: auto, which compiles nothing: llvmlite is not installed\n")
    assert report.endswith("\n  NumPy runs 1 operations")


def test_a_compiled_plan_is_told_with_its_proof_and_a_refused_one_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    plans = pytest.importorskip("glassnet.kernels.plan", reason="the compiler is the optional extra `fast`")
    monkeypatch.setenv("GLASSNET_HOME", str(tmp_path))
    gn.config.set_executor("llvm")
    double = gn.jit(lambda x: x * 2.0)
    assert "compiled; a first step gave NumPy's numbers\n  1 operations" in traced_once(double).report()
    assert "multiply[i] = input0[i] * 2" in double.report()
    monkeypatch.setattr(plans.CompiledPlan, "run", lambda self, *arrays, fed=None: [zeros(3) + 1])
    with pytest.warns(UserWarning, match="output 0 is wrong"):
        double(zeros(3))
    assert double.report().endswith(
        "NumPy runs 1 operations: compiled kernels are off: in the first step output 0 is wrong"
    )


def test_a_model_reports_the_steps_that_it_has_run() -> None:
    model = gn.Sequential([gn.Input((3,)), L.Dense(2)])
    model.compile("sgd", "mse")
    assert model.step_report() == "no train step has run"
    model.fit(zeros(6, 3), zeros(6, 2), batch_size=4, verbose=0)
    assert reasons(model.step_report()) == [
        "it is the first call",
        "data[0] was float32[4, 3], is float32[2, 3]; data[1] was float32[4, 2], is float32[2, 2]",
    ]
    model.compile("sgd", "mse", run_eagerly=True)
    model.predict(zeros(4, 3))
    assert model.step_report("predict") == "eager: as compile asked"


def test_a_model_with_code_of_its_own_says_why_its_steps_are_eager(capsys: pytest.CaptureFixture[str]) -> None:
    model = gn.Sequential([gn.Input((3,)), L.Lambda(lambda x: x, name="mine"), L.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(zeros(4, 3), zeros(4, 2), verbose=0)
    assert capsys.readouterr().out.startswith("eager: Lambda 'mine' is your code")
    assert model.step_report() == "eager: Lambda 'mine' is your code"
