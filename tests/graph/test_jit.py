"""gn.jit: traced once per kind of call, guarded, bounded, and honest about what it cannot see."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, Variable, ops
from glassnet.autograd.hooks import Timer
from glassnet.errors import ArgumentError, GradientError, GraphError


def ones(*shape: int) -> Any:
    return np.ones(shape, "float32")


def test_one_trace_per_shape_dtype_and_static_value():
    f = gn.jit(lambda x, n: x["a"] * n)
    calls = [(ones(2), 2), (ones(2) * 5, 2), (Tensor(ones(2)), 2), (ones(3), 2), (np.ones(2), 2), (ones(2), 3)]
    for (x, n), traces in zip(calls, [1, 1, 1, 2, 3, 4], strict=True):
        assert (f({"a": x}, n).numpy().tolist(), f.traces) == ((np.asarray(x) * n).tolist(), traces)


def test_equal_numbers_of_different_types_have_plans_of_their_own():
    f = gn.jit(lambda x, n: x * n)
    assert [f(np.array([1, 2]), n).dtype.name for n in (1, 1.0, True)] == ["int64", "float32", "int64"]


def test_a_change_of_what_is_trainable_traces_again():
    w, v = Variable([1.0, 2.0]), Variable([3.0, 4.0])

    @gn.jit
    def slopes(x: Any) -> Any:
        (w * v * x).sum().backward()
        return [p.grad if p.grad is not None else x * 0 for p in (w, v)]

    for trainable, traces in [(True, 1), (False, 2), (False, 2), (True, 3)]:
        v.trainable = trainable
        found = [g.numpy().tolist() for g in slopes(ones(2))]
        assert (found, slopes.traces) == ([[3, 4], [1, 2] if trainable else [0, 0]], traces)


def test_a_layer_called_inside_follows_the_training_flag_outside():
    dropout, x = gn.layers.Dropout(0.5, seed=0), ones(1000)
    inner = gn.jit(lambda x: dropout(x))
    outer = gn.layers.Lambda(lambda x, training=None: inner(x))
    assert [bool((outer(x, training=t).numpy() == 1).all()) for t in (False, True, False)] == [True, False, True]


def test_the_cache_is_bounded_and_what_comes_again_takes_the_place_of_what_was_used_longest_ago():
    f = gn.jit(lambda x: x + 1, cache_size=2)
    sizes = [1, 2, 3, 1, 3, 1, 2, 2]
    traces = [(f(ones(n)).numpy().tolist() == [2] * n, f.traces) for n in sizes]
    assert traces == [(True, count) for count in (1, 2, 2, 2, 3, 3, 3, 4)]
    assert "run eagerly, as their combination had not come before: 2" in f.report()


def test_batches_of_ever_new_sizes_are_not_traced():
    f = gn.jit(lambda x: x * 2)
    for n in range(100):
        assert f(ones(n)).numpy().tolist() == [2] * n
    assert f.traces == f.cache_size


@pytest.mark.parametrize("executor", ["numpy", "llvm"])
def test_a_function_may_be_called_from_several_threads(executor: str) -> None:
    if executor == "llvm":
        pytest.importorskip("llvmlite")
    rng = np.random.default_rng(0)
    w, x = gn.Variable(rng.normal(size=(200, 200))), rng.normal(size=(4, 50, 200))
    gn.config.set_executor(executor)
    f, wrong = gn.jit(lambda x: ops.matmul(ops.tanh(ops.matmul(x, w)), w)), list[int]()
    expected = [f(one).numpy() for one in x]

    def serve(number: int) -> None:
        for _ in range(50):
            wrong.extend([number] if not np.array_equal(f(x[number]).numpy(), expected[number]) else [])

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gn.config.set_executor("auto")
    assert not wrong


def test_assigned_values_keep_the_variables_dtype_and_can_be_differentiated_again():
    def make() -> Any:
        w, n = Variable([1.0, 2.0]), Variable(np.array([1, 2]))

        def step(x: Any) -> Any:
            for _ in range(2):
                w.zero_grad()
                loss = (w * w * x).sum()
                loss.backward()
                w.assign_sub(0.25 * w.grad)
            n.assign(n + 0.75)  # an integer stays one
            w.assign((w * 2).astype("float64"))
            return loss, n.value, w * x

        return step

    eager, replayed = make(), gn.jit(make())
    for _ in range(2):
        for a, b in zip(eager(Tensor(ones(2))), replayed(ones(2)), strict=True):
            assert (a.numpy().tolist(), a.dtype) == (b.numpy().tolist(), b.dtype)


def test_gradients_collected_outside_are_neither_seen_nor_touched():
    w = Variable([1.0, 2.0])
    (w * w).sum().backward()
    step = gn.jit(lambda x: ((w * x).sum().backward(), w.grad)[1])
    assert [step(ones(2)).numpy().tolist() for _ in range(2)] == [[1, 1], [1, 1]]
    assert w.grad.numpy().tolist() == [2, 4]


def test_an_update_by_a_replay_counts_for_backward():
    w, x = Variable([1.0, 2.0]), Tensor([1.0, 1.0], requires_grad=True)
    y = (w * x).sum()
    gn.jit(lambda z: w.assign(z))(ones(2) * 5)
    with pytest.raises(GradientError, match=r"used .*test_jit\.py:\d+, changed at .*test_jit\.py:\d+"):
        y.backward()


def test_inside_another_trace_a_model_or_a_hook_it_runs_as_a_part_of_that():
    w, square = Variable([1.0, 2.0]), gn.jit(lambda x: x * x)
    slope = gn.jit(lambda x: (square(w * x).sum().backward(), w.grad)[1])
    assert slope(ones(2)).numpy().tolist() == [2, 4]
    assert square(gn.Input((3,))).shape == (None, 3)
    with Timer() as timer:
        square(ones(2))
    assert [row.op for row in timer.rows()] == ["multiply"]


A, B = Variable([1.0, 2.0]), Variable([3.0, 4.0])
COUNT = itertools.count()


def assign_in_turn(*values: Any) -> Any:
    first = next(COUNT) % 2
    A.assign(values[first])
    B.assign(values[1 - first])


UNSTABLE: dict[str, tuple[Any, str]] = {
    "a counter": (lambda x: x * next(COUNT), r"the constant %\d+ changed: a number that Python made"),
    "a random array": (lambda x: x + np.random.default_rng().random(2, "float32"), r"the constant %\d+ changed"),
    "a random branch": (lambda x: ops.relu(x) if next(COUNT) % 2 else -x, r"call 0: \w+\(\) of no layer became \w+\("),
    "a growing loop": (lambda x: sum(x for _ in range(next(COUNT))), r"\d+ operations became \d+"),
    "a changing attribute": (lambda x: ops.leaky_relu(x, next(COUNT) / 100), "call 0: leaky_relu"),
    "another variable read": (lambda x: x * (A if next(COUNT) % 2 else B), "other variables were read"),
    "other values assigned": (lambda x: assign_in_turn(x * 2, x * 3), "or the same ones with other values"),
    "a Python result": (lambda x: (x * 2, next(COUNT)), r"the result \d+ became \d+"),
}


@pytest.mark.parametrize("what", UNSTABLE)
def test_what_python_makes_anew_is_refused_instead_of_frozen(what: str):
    function, text = UNSTABLE[what]
    with pytest.raises(GraphError, match=rf"not the same each time it runs.*\n.*received: .*{text}"):
        gn.jit(function)(ones(2))


def test_arguments_that_cannot_be_handled_are_named():
    f, tracked = gn.jit(lambda x, s: x * 2), Tensor(ones(2), requires_grad=True)
    with pytest.raises(ArgumentError, match=r"must be hashable, .*\n.*a set"):
        f(ones(2), {1, 2})
    with pytest.raises(GradientError, match=r"no gradient can flow out of a compiled function.*\n.*\n.*detach"):
        f(tracked, 1)
    with gn.no_grad():
        assert f(tracked, 1).numpy().tolist() == [2, 2]
