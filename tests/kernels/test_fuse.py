"""What shares loops: only what is complete is read, matrices stay in the cache, and each thread has rows of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels import driver
from glassnet.kernels.plan import CompiledPlan

ops = gn.ops
X = np.random.default_rng(0).random((32, 32), "float32")
HEADS = np.random.default_rng(1).standard_normal((3, 6, 20, 4, 16), "float32")


def weights(queries: Any, keys: Any) -> Any:
    """How much every query takes from every key."""
    return ops.softmax(ops.einsum("nqhd,nkhd->nhqk", queries, keys) / 4)


def attention(queries: Any, keys: Any, values: Any) -> list[Any]:
    """The gradients of the sum of squares of the means."""

    def loss(q: Any, k: Any, v: Any) -> Any:
        return ops.sum(ops.einsum("nhqk,nkhd->nqhd", weights(q, k), v) ** 2)

    return list(gn.grad(loss, argnums=(0, 1, 2))(queries, keys, values))


def test_rows_that_are_not_complete_yet_are_not_read() -> None:
    """`a` and `b` are computed row by row; what asks for the columns of `a` must wait, although it shares cells with `b`."""

    def step(x: Any) -> Any:
        a = x * 2.0
        b = a / ops.sum(a, axis=1, keepdims=True)
        return b + ops.transpose(a), b + 1.0

    (found, _), a = CompiledPlan(trace(step, X)[0], threads=1).run(X), 2 * X
    np.testing.assert_allclose(found, a / a.sum(axis=1, keepdims=True) + a.T, rtol=1e-6)


def test_the_matrices_of_attention_are_one_kernel_forward_and_one_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    graph, _ = trace(attention, *HEADS)
    one, two = CompiledPlan(graph, threads=1), CompiledPlan(graph, threads=2)
    assert [kernel.group.shared for kernel in one.kernels if len(kernel.group.nests) > 1] == [(6, 4), (6, 4)]
    for got, same, y in zip(one.run(*HEADS), two.run(*HEADS), attention(*map(gn.Tensor, HEADS)), strict=True):
        np.testing.assert_array_equal(got, same)
        np.testing.assert_allclose(got, y.numpy(), rtol=1e-4, atol=1e-5 * np.max(np.abs(y.numpy())))


def test_each_thread_has_rows_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scores of one sample and head, and their exponentials: 20 x 20 numbers in memory for each thread, not for all."""
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    plan = CompiledPlan(trace(lambda q, k, _: weights(q, k), *HEADS)[0], threads=2)
    plan._arena[:] = 255  # NaN
    plan.run(*HEADS)
    assert sorted(plan.schedule.layout.rows.values())[-2:] == [1600, 1600]
    for memory, size in plan.schedule.layout.rows.items():
        offset = plan.schedule.layout.offsets[memory]
        assert not np.isnan(plan._arena[offset : offset + 2 * size].view("float32").reshape(2, -1)).all(axis=1).any()
