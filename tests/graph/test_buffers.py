"""Buffers: results take turns in one arena, and nobody can tell from the numbers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassnet import Variable, ops
from glassnet.autograd.op import Op, apply
from glassnet.graph import ExecutionPlan, trace
from glassnet.graph.executor import ProvedPlan
from glassnet.ops.activation import Tanh

X = np.random.default_rng(0).normal(size=(6, 8)).astype("float32")


def runs(function: Callable[..., Any], count: int = 3) -> None:
    """Run a step as often; from the second time on it writes into the arena."""
    plan = ExecutionPlan(trace(function, X)[0])
    for _ in range(count):
        plan.run(X)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `tanh` got to write into, call by call."""
    found: list[Any] = []
    forward = Tanh.forward

    def watched(self: Tanh, xp: Any, x: Any, out: Any = None) -> Any:
        found.append(out)
        return forward(self, xp, x, out)

    monkeypatch.setattr(Tanh, "forward", watched)
    return found


def one_after_the_other(x: Any) -> Any:
    first = ops.sum(ops.tanh(x))
    return first + ops.sum(ops.tanh(2 * x))


def at_once(x: Any) -> Any:
    first = ops.tanh(x)
    return ops.sum(first * ops.tanh(2 * x))


def seen_through_a_view(x: Any) -> Any:
    first = ops.tanh(x).T[1:]
    return ops.sum(first * ops.tanh(2 * x).T[1:])


def seen_through_two_views(x: Any) -> Any:
    first = ops.reshape(ops.tanh(x)[::2], (24,))
    return ops.sum(ops.tanh(2 * x)) + first.sum()


CONTENT = Variable(np.zeros_like(X), trainable=False)


def assigned_at_the_end(x: Any) -> Any:
    CONTENT.assign(ops.tanh(x))
    return ops.sum(ops.tanh(2 * x))


@pytest.mark.parametrize(
    ("function", "shared"),
    [(one_after_the_other, True), (at_once, False), (seen_through_a_view, False), (seen_through_two_views, False),
     (assigned_at_the_end, False)],
)  # fmt: skip
def test_results_share_memory_exactly_where_they_do_not_live_at_once(function: Any, shared: bool, written: list[Any]):
    runs(function, 2)
    assert written[:2] == [None, None], "the first run shows how results lie"
    assert np.shares_memory(*written[2:]) == shared


def test_a_result_is_written_over_an_input_that_nobody_reads_again(written: list[Any]):
    runs(lambda x: ops.sum(ops.tanh(ops.tanh(x))))
    assert written[2] is not None
    assert written[2].ctypes.data == written[3].ctypes.data
    written.clear()
    runs(lambda x: ops.sum(ops.tanh(y := ops.tanh(x)) * y))
    assert not np.shares_memory(*written[2:4])
    written.clear()
    runs(lambda x: ops.sum(ops.tanh(ops.tanh(x)[:1])))  # of another shape: it would move under its reader
    assert not np.shares_memory(*written[2:4])


def test_an_input_that_is_read_twice_is_not_written_over(monkeypatch: pytest.MonkeyPatch):
    found = []
    forward = ops.elementwise.Subtract.forward
    monkeypatch.setattr(
        ops.elementwise.Subtract, "forward",
        lambda self, xp, a, b, out=None: (found.append((a, b, out)), forward(self, xp, a, b, out))[1],
    )  # fmt: skip
    runs(lambda x: ops.sum((y := ops.tanh(x @ x.T)) - y.T), 2)
    a, _, out = found[1]
    assert out is not None
    assert not np.shares_memory(a, out)


def heads(x: Any) -> Any:
    return ops.transpose(ops.reshape(x, (6, 2, 4)), (1, 0, 2))


STEPS: dict[str, Callable[..., Any]] = {
    "what is given out": lambda x: (y := ops.tanh(x), y.T, y[1:3], ops.tanh(y)),
    "sums of transposed results": lambda x: ops.sum(ops.exp(x.T) * 3.0 + x.T, axis=0) * ops.mean(ops.tanh(x.T), axis=0),
    "products of transposed results": lambda x: ops.tanh(x.T) @ ops.exp(x),
    "heads": lambda x: ops.sum((h := heads(ops.tanh(x))) @ ops.transpose(ops.exp(h), (0, 2, 1)), axis=0),
    "a chain": lambda x: ops.sum(ops.exp(-ops.relu(ops.tanh(x) - 0.5) * 2.0) / 3.0),
    "broadcasts": lambda x: ops.sum(ops.tanh(x[:1]) + ops.tanh(x[:, :1]) * ops.exp(x), axis=1),
    "several results": lambda x: ops.max_pool(ops.tanh(ops.reshape(x, (1, 6, 8, 1))), 2) * 2.0,
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_outputs_have_the_bits_of_eager_and_stay_as_they_were(name: str):
    def listed(x: Any) -> list[Any]:
        found = STEPS[name](x)
        return list(found) if isinstance(found, tuple) else [found]

    graph = trace(listed, X)[0]
    plans = [ExecutionPlan(graph), ExecutionPlan(graph)]
    layouts = [X, X + 1, np.asfortranarray(X - 1), np.repeat(X, 2, axis=1)[:, ::2] * 2, X * 3]
    results = [(plan.run(x), listed(x)) for x in layouts for plan in plans]
    for found, expected in results:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


class Keeps(Op):
    """Code that nobody knows, with a memory of its own and a view of it as the result."""

    rule = "y = x"
    differentiable = False
    kept = []

    def forward(self, xp: Any, x: Any) -> Any:
        self.kept.append((x, x.copy()))
        return x[...]


def test_what_an_unknown_op_may_have_kept_is_never_overwritten():
    graph = trace(lambda x: ops.sum(ops.tanh(apply(Keeps(), ops.tanh(x)))), X)[0]
    plan = ExecutionPlan(graph)
    for number in range(4):
        plan.run(X + number)
    assert len({content.tobytes() for _, content in Keeps.kept}) == 4
    for array, content in Keeps.kept:
        np.testing.assert_array_equal(array, content)


def test_a_step_that_was_cut_short_is_shown_again(monkeypatch: pytest.MonkeyPatch, written: list[Any]):
    plan = ExecutionPlan(trace(one_after_the_other, X)[0])
    with monkeypatch.context() as patch:
        patch.setattr(np, "add", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            plan.run(X)
    results = [plan.run(X)[0] for _ in range(2)]
    assert [out is None for out in written] == [True] * 4 + [False] * 2
    assert results[0] == results[1]


def test_the_arena_is_made_for_the_second_run_and_goes_with_the_plan():
    x = np.ones((500, 500))
    graph = trace(lambda x: ops.sum(ops.exp(ops.tanh(x) * 2.0)), x)[0]
    tracemalloc.start()
    plan = ExecutionPlan(graph)
    taken = []
    for _ in range(3):
        plan.run(x)
        taken.append(tracemalloc.get_traced_memory()[0] // x.nbytes)
    del plan
    assert [*taken, tracemalloc.get_traced_memory()[0] // x.nbytes] == [0, 1, 1, 0]
    tracemalloc.stop()


def test_what_numpy_has_taken_is_given_back_when_steps_are_compiled():
    pytest.importorskip("glassnet.kernels.plan", reason="the compiler is the optional extra `fast`")
    x = np.ones((500, 500))
    plan = ProvedPlan(trace(lambda x: ops.sum(ops.exp(ops.tanh(x) * 2.0)), x)[0], patience=2)
    buffers = [tracemalloc.Filter(True, "*/graph/buffers.py")]
    tracemalloc.start()
    taken = []
    for _ in range(4):
        plan.run(x)
        found = tracemalloc.take_snapshot().filter_traces(buffers).statistics("filename")
        taken.append(sum(part.size for part in found) // x.nbytes)
    tracemalloc.stop()
    assert (plan.is_proved, taken) == (True, [0, 1, 0, 0])
