"""What is computed again instead of being kept: the same bits, less memory, and never from what has changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.rules import Number
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels import recompute
from glassnet.kernels.plan import CompiledPlan

ops = gn.ops
RNG = np.random.default_rng(0)
X, G = (RNG.standard_normal((24, 30), "float32") for _ in range(2))
W = RNG.standard_normal((30, 50), "float32")


def plans(step: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, *inputs: Any) -> tuple[CompiledPlan, CompiledPlan]:
    """The plan that keeps everything, and the one that computes again what it can."""
    graph, _ = trace(step, *inputs)
    monkeypatch.setattr(recompute, "_SMALL", 1 << 62)
    keeping = CompiledPlan(graph, threads=2)
    monkeypatch.setattr(recompute, "_SMALL", 8)
    return keeping, CompiledPlan(graph, threads=2)


def gelu(x: Any, g: Any, w: Any) -> list[Any]:
    """A layer, and the factors of its derivative, which another kernel asks for."""
    h, behind = x @ w, g @ w
    m = h * 0.7071
    below, bell = 1 + ops.erf(m), 1.128 * ops.exp(-ops.square(m))
    return [(0.5 * h * below) @ ops.transpose(w), behind * below, behind * (0.5 * h) * bell]


def normalized(x: Any, g: Any, w: Any) -> list[Any]:
    """Numbers that a sum over the rows and a sum over the columns ask for again."""
    h = x @ w
    n = (h - ops.mean(h, axis=1, keepdims=True)) / (1.0 + ops.max(h, axis=1, keepdims=True))
    behind = (n * 2.0) @ ops.transpose(w) @ w
    return [ops.sum(behind * n, axis=0), ops.sum(behind * n, axis=1), behind * n]


@pytest.mark.parametrize("step", [gelu, normalized])
def test_what_is_computed_again_has_the_bits_that_were_kept(
    step: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, again = plans(step, monkeypatch, X, G, W)
    assert len(again.schedule.layout.offsets) < len(keeping.schedule.layout.offsets)
    for one, other in zip(keeping.run(X, G, W), again.run(X, G, W), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_with_gelu_keeps_one_array_instead_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    keeping, again = plans(gelu, monkeypatch, X, G, W)
    assert len(keeping.schedule.layout.offsets) - len(again.schedule.layout.offsets) == 2
    assert again.arena_bytes < 0.6 * keeping.arena_bytes


def test_a_weight_is_not_read_again_after_its_update(monkeypatch: pytest.MonkeyPatch) -> None:
    w = gn.Variable(np.ones(30, "float32"), name="w")

    def step(x: Any, g: Any, u: Any) -> Any:
        scaled = x / (x * x + w)
        w.assign(w - 0.5 * ops.sum(scaled, axis=0))
        return (g @ u) @ ops.transpose(u) * scaled

    for plan in plans(step, monkeypatch, X, G, W):
        w.assign(np.full(30, 0.5, "float32"))
        (found,) = plan.run(X, G, W)
        assert "updated in place: w" in plan.report()
        scaled = X / (X * X + np.float32(0.5))
        np.testing.assert_allclose(found, G @ W @ W.T * scaled, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(w.numpy(), 0.5 - 0.5 * scaled.sum(axis=0), rtol=1e-5, atol=1e-5)


def test_what_the_caller_or_numpy_reads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(x: Any, g: Any, w: Any) -> Any:
        given, sorted_ = x / (x * x + 1.0), x / (x * x + 2.0)
        return given, ops.sort(sorted_), (g @ w) @ ops.transpose(w) * given * sorted_

    given, sorted_ = X / (X * X + 1), X / (X * X + 2)
    for plan in plans(step, monkeypatch, X, G, W):
        assert "NumPy runs argsort" in plan.report()
        for got, wanted in zip(plan.run(X, G, W), (given, np.sort(sorted_), G @ W @ W.T * given * sorted_)):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("empty_cache")
def test_a_formula_in_a_wrong_cell_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = recompute._at
    monkeypatch.setattr(recompute, "_SMALL", 8)
    monkeypatch.setattr(recompute, "_at", lambda formula, indices: right(formula, (Number(0), *indices[1:])))
    gn.config.set_executor("llvm")
    try:
        with pytest.warns(UserWarning, match="compiled kernels are off"):
            found = gn.jit(gelu)(X, G, W)
    finally:
        gn.config.set_executor("auto")
    for got, wanted in zip(found, gelu(*map(gn.Tensor, (X, G, W)))):
        np.testing.assert_array_equal(got.numpy(), wanted.numpy())
