"""Indices that stand in arrays: a compiled step refuses what NumPy refuses, in the same words, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels.plan import CompiledPlan

ops = gn.ops
TABLE = np.arange(12, dtype="float32").reshape(4, 3)
X = np.random.default_rng(0).random((4, 3), "float32")
IDS = np.array([0, 1, 2, 0])


@pytest.fixture(autouse=True)
def llvm() -> Iterator[None]:
    gn.config.set_executor("llvm")
    yield
    gn.config.set_executor("auto")


def labelled(x: Any, i: Any) -> Any:
    return ops.sparse_softmax_crossentropy(x, ops.cast(i, "int64") if i.dtype.kind == "f" else i)


def embedded(x: Any, i: Any) -> Any:
    """Of numbers that are cast twice and turned."""
    rows = ops.cast(ops.cast(ops.expand_dims(i, 1), "float32"), "int32")
    return x + ops.take(TABLE, ops.squeeze(rows, 1), axis=0)


def along(x: Any, i: Any) -> Any:
    return ops.take_along_axis(x, ops.expand_dims(i, 1), axis=1)


def computed(x: Any, i: Any) -> Any:
    return x + ops.take(TABLE, i + 1, axis=0)


def behind_argmax(x: Any, i: Any) -> Any:
    best = ops.argmax(x, axis=1, keepdims=True)
    return ops.take_along_axis(x, best - best + ops.expand_dims(i, 1), axis=1)


def gradient(x: Any, i: Any) -> Any:
    return gn.grad(lambda x: ops.sum(ops.take(x, i, axis=1)))(x)


STEPS: dict[str, tuple[Callable[[Any, Any], Any], str, int]] = {
    "labels": (labelled, "int64", 3),
    "labels below 0": (labelled, "int64", -1),
    "labels of two bytes": (labelled, "int16", 3),
    "labels of a table of decimals": (labelled, "float64", 7),
    "ids of a table of decimals": (embedded, "float64", 50_000_000),
    "one for each row": (along, "int64", 3),
    "sums of indices": (computed, "int64", 3),
    "beside an argmax": (behind_argmax, "int64", 3),
    "into a gradient": (gradient, "int64", 4),
}
"""By what the indices are: a step, their type, and a number that is none of them."""


def counted(step: Callable[[Any, Any], Any]) -> tuple[Any, gn.Variable]:
    """The step, and how often it was run."""
    count = gn.Variable(0.0)

    def counting(x: Any, i: Any) -> Any:
        count.assign(count + 1.0)
        return step(x, i)

    return gn.jit(counting), count


def refusal(executor: str, run: Callable[[Any], Any], step: Callable[[Any, Any], Any], good: Any) -> tuple[str, float]:
    """The words with which a step is refused after two others, and how many steps were counted."""
    gn.config.set_executor(executor)
    compiled, count = counted(step)
    for _ in range(2):
        found = compiled(X, good).numpy()
    np.testing.assert_allclose(found, step(gn.Tensor(X), gn.Tensor(good)).numpy(), rtol=1e-6)
    with pytest.raises((ArgumentError, DataError)) as refused:
        run(compiled)
    return str(refused.value), float(count.numpy())


@pytest.mark.parametrize("many", [False, True], ids=["one step", "many steps"])
@pytest.mark.parametrize("name", STEPS)
def test_an_index_that_is_none_is_refused_in_numpys_words_before_anything_changes(name: str, many: bool) -> None:
    step, dtype, wrong = STEPS[name]
    good = IDS.astype(dtype)
    bad = np.concatenate([good, good])
    bad[6] = wrong

    def run(compiled: Any) -> Any:
        return compiled.scan(np.arange(8).reshape(2, 4), np.concatenate([X, X]), bad) if many else compiled(X, bad[4:])

    assert refusal("llvm", run, step, good) == refusal("numpy", run, step, good)


def test_indices_in_a_variable_are_looked_at_before_each_step() -> None:
    ids = gn.Variable(IDS)
    compiled = gn.jit(lambda x: ops.take(x, ids.value, axis=0))
    compiled(X)
    ids.assign(IDS - 4)
    np.testing.assert_array_equal(compiled(X).numpy(), X[IDS - 4])
    ids.assign(IDS * 10**7)
    with pytest.raises(ArgumentError, match="take: index 10000000 is out of range for an axis of size 4"):
        compiled(X)


def test_indices_in_a_variable_that_the_step_changes_are_left_to_numpy() -> None:
    ids = gn.Variable(IDS)

    def step(x: Any) -> Any:
        found = ops.take(x, ids.value, axis=0)
        ids.assign(ids + 1)
        return found

    compiled = gn.jit(step)
    compiled(X), compiled(X)
    with pytest.raises(ArgumentError, match="take: index 4 is out of range for an axis of size 4"):
        compiled(X)
    assert ids.numpy().max() == 4


KNOWN: dict[str, Callable[[Any], Any]] = {
    "argmax": lambda x: ops.take_along_axis(x, ops.argmax(x, axis=1, keepdims=True), axis=1),
    "argmin as int32": lambda x: ops.take_along_axis(x, ops.cast(ops.argmin(x, axis=0, keepdims=True), "int32"), axis=0),
    "argsort": lambda x: ops.sort(x, axis=1),
    "top_k": lambda x: gn.grad(lambda x: ops.sum(ops.top_k(x, 2)[0]))(x),
    "positions": lambda x: x[np.array([0, 3]), np.array([2, -1])],
    "counted from the end": lambda x: ops.take(x, np.array([-1, 0, -4]), axis=0) + ops.take(x, -2, axis=0),
    "winners": lambda x: gn.grad(lambda x: ops.sum(ops.max_pool(ops.reshape(x, (1, 4, 3)), 2) ** 2))(x),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_indices_that_are_known_to_be_right_are_compiled(name: str) -> None:
    plan = CompiledPlan(trace(KNOWN[name], X)[0], threads=1)
    np.testing.assert_allclose(plan.run(X)[0], KNOWN[name](gn.Tensor(X)).numpy(), rtol=1e-6)
    assert not {stage.call.op.name for stage in plan.compilation.stages if stage.call} - {
        "argsort",
        "top_k",
        "flat_index",
    }


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "uint8", "int32"])
def test_indices_may_be_small_whole_numbers(dtype: str) -> None:
    def step(x: Any, i: Any, j: Any) -> list[Any]:
        return [labelled(x, i), ops.one_hot(i, 300), i < j, *(gradient(x, i), ops.take(x, i, axis=0), i + 1.5)]

    given = X, IDS.astype(dtype), np.array([-1, 0, 1, 2], "int8" if dtype[0] == "u" else dtype)
    plan = CompiledPlan(trace(step, *given)[0], threads=1)
    assert not any(stage.call for stage in plan.compilation.stages)
    for found, y in zip(plan.run(*given), step(*map(gn.Tensor, given)), strict=True):
        np.testing.assert_allclose(found, y.numpy(), rtol=1e-6)


def test_an_op_whose_indices_nobody_knows_runs_alone_with_numpy_and_the_report_says_why() -> None:
    compiled = gn.jit(lambda x, i: computed(x, i) * 2.0)
    compiled(X, IDS)
    assert compiled.report().count("NumPy runs") == 1
    assert "NumPy runs take: its indices are known only while the step runs" in compiled.report()
