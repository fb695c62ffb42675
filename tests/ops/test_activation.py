"""Activation functions: contract table, then compositions against NumPy and SciPy, and the traps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import glassnet as gn
from glassnet import ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.activation import Elu, LeakyRelu, LogSoftmax, Mish, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Sigmoid(), (3, 4)),
        Case(Tanh(), (3, 4)),
        Case(Relu(), (3, 4)),
        Case(LeakyRelu(0.2), (3, 4)),
        Case(LeakyRelu(-0.5), (3, 4), label="rising left"),
        Case(Elu(1.0), (3, 4)),
        Case(Elu(0.3), (2, 1, 3)),
        Case(Softplus(), (3, 4)),
        Case(Silu(), (3, 4)),
        Case(Mish(), (3, 4)),
        Case(Softmax(), (3, 4), empty=[(0, 4)]),
        Case(Softmax(), (5,), label="vector"),
        Case(Softmax(), (3, 1), label="one class"),
        Case(Softmax(1), (2, 3, 4), label="middle axis"),
        Case(Softmax(-3), (2, 3, 4), label="first axis"),
        Case(LogSoftmax(), (3, 4), empty=[(0, 4)]),
        Case(LogSoftmax(0), (3, 4), label="first axis"),
    ]
)


def gradient(function: Any, x: Any) -> Any:
    """d/dx of the sum of all results."""
    return gn.grad(lambda t: function(t).sum())(x).numpy()


X = np.linspace(-7.0, 7.0, 29)

# Each oracle is the textbook formula in SciPy or NumPy.
COMPOSED: dict[str, tuple[Any, Any]] = {
    "gelu, exact": (lambda x: ops.gelu(x, approximate=False), lambda x: x * special.ndtr(x)),
    "gelu, tanh": (ops.gelu, lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "selu": (ops.selu, lambda x: np.where(x > 0, 1.0507009873554805 * x, 1.7580993408473768 * np.expm1(x))),
    "log_sigmoid": (ops.log_sigmoid, special.log_expit),
    "softsign": (ops.softsign, lambda x: x / (1 + abs(x))),
    "relu6": (ops.relu6, lambda x: np.clip(x, 0, 6)),
    "hard_sigmoid": (ops.hard_sigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hard_silu": (ops.hard_silu, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "celu": (lambda x: ops.celu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x / 0.5))),
    "hard_tanh": (ops.hard_tanh, lambda x: np.clip(x, -1, 1)),
    "hard_shrink": (lambda x: ops.hard_shrink(x, 0.7), lambda x: np.where(abs(x) > 0.7, x, 0)),
    "soft_shrink": (lambda x: ops.soft_shrink(x, 0.7), lambda x: np.sign(x) * np.maximum(abs(x) - 0.7, 0)),
    "tanh_shrink": (ops.tanh_shrink, lambda x: x - np.tanh(x)),
    "threshold": (lambda x: ops.threshold(x, 0.7, -2.0), lambda x: np.where(x > 0.7, x, -2)),
    "sparse_plus": (ops.sparse_plus, lambda x: np.where(x > 1, x, np.maximum(x + 1, 0) ** 2 / 4)),
    "sparse_sigmoid": (ops.sparse_sigmoid, lambda x: np.clip((x + 1) / 2, 0, 1)),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_function_equals_its_formula_and_keeps_float32(name: str) -> None:
    ours, formula = COMPOSED[name]
    np.testing.assert_allclose(ours(X), formula(X), rtol=1e-12, atol=1e-13)
    assert ours(X.astype("float32")).dtype == np.float32
    if name != "relu6":  # which keeps integers
        assert ours([-1, 2]).dtype == ours(np.array([-1, 2])).dtype == np.float32


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_function_has_the_slope_of_its_formula(name: str) -> None:
    ours, formula = COMPOSED[name]
    x = X + 0.013  # off the corners at 0, 3 and 6
    slope = (formula(x + 1e-5) - formula(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(gradient(ours, x), slope, rtol=1e-8, atol=1e-9)


ELEMENTWISE = [
    ops.sigmoid, ops.tanh, ops.relu, ops.leaky_relu, ops.elu, ops.softplus, ops.silu, ops.mish,
    *(ours for ours, _ in COMPOSED.values()),
]  # fmt: skip


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_inputs_have_finite_values_and_gradients(function: Any, dtype: str) -> None:
    x = np.array([-1e20, -1e4, -100, 100, 1e4, 1e20], dtype)
    assert np.isfinite(function(x)).all()
    assert np.isfinite(gradient(function, x)).all()


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_nan_stays_nan(function: Any) -> None:
    np.testing.assert_array_equal(np.isnan(function(np.array([np.nan, 1.0]))), [True, False])


@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_softmax_of_far_logits_is_finite(function: Any) -> None:
    z = np.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], "float32")
    assert np.isfinite(function(z)).all()
    assert np.isfinite(gradient(lambda t: function(t) * z, z)).all()


def test_softmax_by_hand() -> None:
    # e^ln1 : e^ln2 : e^ln5 = 1 : 2 : 5, so 1/8, 2/8, 5/8
    np.testing.assert_allclose(ops.softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625], rtol=1e-15)


def test_softmax_does_not_see_a_constant_added_to_all_logits() -> None:
    z = np.array([[0.5, -1.0, 3.0]])
    np.testing.assert_allclose(ops.softmax(z + 1000), ops.softmax(z), rtol=1e-12)


def test_log_softmax_keeps_the_digits_of_large_logits() -> None:
    z = np.array([10_000.0, 10_000.0], "float32")  # 1e4 + ln 2 rounded to float32 would be off by 0.0001
    np.testing.assert_allclose(ops.log_softmax(z), -np.log([2.0, 2.0]), rtol=1e-7)


def test_sigmoid_keeps_its_digits_far_to_the_left() -> None:
    x = np.array([-30.0, -80.0], "float32")
    np.testing.assert_allclose(ops.sigmoid(x), np.exp(x.astype(float)), rtol=1e-5)


def test_integers_become_floats() -> None:
    assert ops.sigmoid([0, 1]).dtype == np.float32
    assert ops.softmax(np.array([0, 1])).dtype == np.float32


def test_glu_gates_the_first_half_by_the_second() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    np.testing.assert_allclose(ops.glu(x, axis=1), x[:, :2] * special.expit(x[:, 2:]), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.glu(np.ones((2, 3))), ShapeError, "glu: the axis cannot be split into halves"),
        (lambda: ops.glu(np.ones(4), axis=1), ShapeError, "glu: the axis cannot be split into halves"),
        (lambda: ops.elu([1.0], alpha=-1), ArgumentError, "elu: alpha cannot be negative"),
        (lambda: ops.softmax([1.0], axis=1), ArgumentError, "softmax: there is no axis 1"),
        (lambda: ops.log_softmax([1.0], axis=-2), ArgumentError, "log_softmax: there is no axis -2"),
    ],
)
def test_error_names_the_argument(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
