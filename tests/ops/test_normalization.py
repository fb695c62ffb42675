"""Normalization ops: contract table, then statistics by hand, float32 far from 0, and inputs that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import GlassnetError
from glassnet.ops.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm, Standardize

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(LayerNorm(), (4, 5), (5,), (5,), empty=[(0, 5), (5,), (5,)]),
        Case(LayerNorm(epsilon=0.1), (3, 2, 7), (7,), (7,), label="steps"),
        Case(LayerNorm(2), (3, 5, 2), (5, 2), (5, 2), empty=[(0, 5, 2), (5, 2), (5, 2)]),
        Case(LayerNorm(), (1, 3), (3,), (3,), label="one sample"),
        Case(LayerNorm(), (3,), (3,), (3,), label="no batch"),
        Case(RmsNorm(), (4, 5), (5,), empty=[(0, 5), (5,)]),
        Case(RmsNorm(2, epsilon=0.1), (3, 2, 7), (2, 7), label="two axes"),
        Case(BatchNorm(), (6, 5), (5,), (5,)),
        Case(BatchNorm(epsilon=0.1), (3, 2, 3, 2), (2,), (2,), label="images"),
        Case(BatchNorm(), (1, 1, 4, 3), (3,), (3,), label="one image"),
        Case(BatchNorm(), (2, 1), (1,), (1,), label="one feature"),
        Case(GroupNorm(3), (4, 6), (6,), (6,), empty=[(0, 6), (6,), (6,)]),
        Case(GroupNorm(2, epsilon=0.1), (2, 3, 5, 6), (6,), (6,), empty=[(0, 3, 5, 6), (6,), (6,)], label="images"),
        Case(GroupNorm(5), (1, 4, 5), (5,), (5,), label="instance norm"),
        Case(Standardize(), (4, 3), (3,), (3,), (3,), empty=[(0, 3), (3,), (3,), (3,)]),
        Case(Standardize(), (2, 3, 4, 5), (5,), (5,), (5,), label="images"),
        Case(GroupNorm(1), (3, 2, 5), (5,), (5,), label="one group"),
    ]
)


def pulled(function: Any, *inputs: Any) -> list[Any]:
    """The result and the gradients of <result, a fixed random cotangent>."""
    tensors = [gn.Tensor(x, requires_grad=True) for x in inputs]
    y = function(*tensors)
    y.backward(np.random.default_rng(9).normal(size=y.shape).astype(y.dtype))
    return [y.numpy(), *[t.grad.numpy() for t in tensors]]


NORMS = {
    "layer": lambda x, g, b: ops.layer_normalization(x, g, b),
    "batch": lambda x, g, b: ops.batch_norm(x, g, b)[0],
    "group": lambda x, g, b: ops.group_norm(x, 2, g, b),
    "rms": lambda x, g, b: ops.rms_normalization(x, g) + b,
}


@pytest.mark.parametrize("norm", ["layer", "batch", "group"])
def test_a_mean_of_10_000_costs_float32_no_digits(norm: str) -> None:
    rng = np.random.default_rng(0)
    x = (1e4 + rng.normal(size=(37, 6))).astype("float32")  # what float32 can hold of it; the rest is exact
    factors = [rng.uniform(0.5, 1.5, 6).astype("float32") for _ in range(2)]
    exact = pulled(NORMS[norm], *[a.astype("float64") for a in (x, *factors)])
    for got, want in zip(pulled(NORMS[norm], x, *factors), exact, strict=True):
        assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
@pytest.mark.parametrize("norm", list(NORMS))
def test_constant_inputs_have_finite_results_and_gradients(norm: str, value: float, dtype: str) -> None:
    x, gamma, beta = np.full((5, 6), value, dtype), np.full(6, 2.0, dtype), np.full(6, 3.0, dtype)
    y, *gradients = pulled(NORMS[norm], x, gamma, beta)
    assert all(np.isfinite(found).all() for found in gradients)
    if norm != "rms":
        np.testing.assert_allclose(y, 3.0, atol=1e-4)


@pytest.mark.parametrize("norm", ["layer", "batch", "group"])
def test_constant_inputs_without_an_epsilon_are_nan_and_warn_nobody(norm: str) -> None:
    run = {"layer": ops.layer_normalization, "batch": lambda x, **e: ops.batch_norm(x, **e)[0],
           "group": lambda x, **e: ops.group_norm(x, 2, **e)}[norm]  # fmt: skip
    assert np.isnan(run(np.ones((4, 6)), epsilon=0.0)).all()


@pytest.mark.parametrize("norm", ["layer", "batch", "group"])
def test_shifting_and_stretching_the_input_changes_nothing(norm: str) -> None:
    """Which is why the gradient has no part along 1 and, with a small epsilon, none along n."""
    x = np.random.default_rng(3).normal(size=(8, 6))
    gamma, beta = np.random.default_rng(4).normal(size=(2, 6))
    y, slope = pulled(NORMS[norm], x, gamma, beta)[:2]
    np.testing.assert_allclose(pulled(NORMS[norm], x + 7.0, gamma, beta)[0], y, rtol=1e-10, atol=1e-10)
    axis = 1 if norm == "layer" else 0
    sums = slope.sum(axis) if norm != "group" else slope.reshape(8, 2, 3).sum(2)
    np.testing.assert_allclose(sums, 0, atol=1e-12)


def test_one_group_is_layer_norm_and_a_group_per_feature_is_batch_norm_of_one_image() -> None:
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 6))
    whole = ops.layer_normalization(x, axis=(1, 2, 3), epsilon=1e-3)
    np.testing.assert_allclose(ops.group_norm(x, 1), whole, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ops.group_norm(x, 6), ops.batch_norm(x)[0], rtol=1e-10, atol=1e-12)


def test_moments_and_batch_normalization_are_batch_norm_in_two_steps() -> None:
    x = np.random.default_rng(0).normal(size=(7, 5, 3))
    scale, offset = np.random.default_rng(1).normal(size=(2, 5))
    y, mean, variance = ops.batch_norm(x, scale, offset, axis=1, epsilon=0.1)
    np.testing.assert_allclose(np.stack([mean, variance]), np.stack(ops.moments(x, (0, 2))), rtol=1e-12)
    np.testing.assert_allclose(ops.batch_normalization(x, mean, variance, 1, offset, scale, 0.1), y, rtol=1e-10)
    assert ops.moments(x, 1, keepdims=True)[0].shape == (7, 1, 3)


def test_many_rows_of_any_number_give_the_same_as_few() -> None:
    """Rows are taken together in long ones; how many fit together must not matter."""
    rng = np.random.default_rng(0)
    for n, K in ((4096, 3), (4097, 3), (6, 9000), (1, 5)):
        x, gamma, beta = rng.normal(size=(n, K)), rng.normal(size=K), rng.normal(size=K)
        m, v = x.mean(0), x.var(0)
        np.testing.assert_allclose(ops.batch_norm(x, gamma, beta)[0], (x - m) / np.sqrt(v + 1e-3) * gamma + beta,
                                   rtol=1e-8, atol=1e-10)  # fmt: skip
        m, v = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        np.testing.assert_allclose(ops.layer_normalization(x, gamma, beta, epsilon=0.1),
                                   (x - m) / np.sqrt(v + 0.1) * gamma + beta, rtol=1e-8, atol=1e-10)  # fmt: skip


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ops.layer_normalization(x, gamma=np.ones(4)), r"gamma does not fit x of shape \(2, 3\)\n  expected: "
         r"shape \(3,\)\n  received: shape \(4,\)"),
        (lambda x: ops.layer_normalization(x, axis=()), r"layer_normalization: there are no cells to normalize over"),
        (lambda x: ops.rms_normalization(x[:, :0]), r"rms_normalization: there are no cells to normalize over"),
        (lambda x: ops.batch_norm(x[:0]), r"normalization: there are no cells to take a mean of"),
        (lambda x: ops.batch_normalization(x, np.zeros(3), np.ones(2), -1), r"batch_normalization: variance does not fit"),
        (lambda x: ops.group_norm(x, 2), r"group_norm: the features cannot be split.*\n  expected: a divisor of 3"),
        (lambda x: ops.group_norm(x, 1, axis=0), r"group_norm: .*\n  expected: an axis of features: axis 0"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_named(call: Any, text: str) -> None:
    with pytest.raises(GlassnetError, match=text):
        call(np.ones((2, 3)))
