"""Exponentials, logarithms, roots, circle functions and erf: contract table, accuracy, traps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.ops.functions import Arcsin, Arctan2, Cos, Cosh, Erf, Exp, Expm1, Log, Log1p, Logaddexp, Sin, Sinh, Sqrt

from helpers.contract import Case, contract_test

UNARY = [Exp(), Expm1(), Log(), Log1p(), Sqrt(), Sin(), Cos(), Arcsin(), Sinh(), Cosh(), Erf()]

test_contract = contract_test(
    [
        *[Case(op, (3, 4)) for op in UNARY],
        *[Case(op, (3, 4), (3, 4)) for op in (Arctan2(), Logaddexp())],
        *[Case(op, (2, 1, 4), (3, 1), label="broadcast") for op in (Arctan2(), Logaddexp())],
        Case(Arctan2(), np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0]), label="quadrants"),
        Case(Arctan2(), np.array([2.0]), np.array([0.0]), label="straight up"),
    ]
)

COMPOSED = [  # function, NumPy's, derivative, interval
    (ops.tan, np.tan, lambda x: 1 / np.cos(x) ** 2, (-1.4, 1.4)),
    (ops.arctan, np.arctan, lambda x: 1 / (1 + x**2), (-50, 50)),
    (ops.arcsin, np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), (-0.999, 0.999)),
    (ops.arccos, np.arccos, lambda x: -1 / np.sqrt((1 - x) * (1 + x)), (-0.999, 0.999)),
    (ops.log2, np.log2, lambda x: 1 / (x * math.log(2)), (0.01, 100)),
    (ops.log10, np.log10, lambda x: 1 / (x * math.log(10)), (0.01, 100)),
    (ops.rsqrt, lambda x: 1 / np.sqrt(x), lambda x: -0.5 / x**1.5, (0.01, 100)),
]


@pytest.mark.parametrize(
    ("function", "oracle", "derivative", "interval"), COMPOSED, ids=[f[0].__name__ for f in COMPOSED]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_composed_functions_agree_with_numpy_and_their_derivative(function, oracle, derivative, interval, dtype):
    x = np.linspace(*interval, 401).astype(dtype)
    leaf = gn.Tensor(x, requires_grad=True)
    y = function(leaf)
    y.sum().backward()
    assert y.dtype == leaf.grad.dtype == dtype
    wide, epsilon = x.astype("float64"), np.finfo(dtype).eps
    np.testing.assert_allclose(y.numpy(), oracle(wide), rtol=8 * epsilon, atol=2 * epsilon)
    np.testing.assert_allclose(leaf.grad.numpy(), derivative(wide), rtol=16 * epsilon)


@pytest.mark.parametrize(
    ("function", "oracle"),
    [(ops.exp, np.exp), (ops.expm1, np.expm1), (ops.log, np.log), (ops.log1p, np.log1p), (ops.sqrt, np.sqrt),
     (ops.sin, np.sin), (ops.cos, np.cos), (ops.sinh, np.sinh), (ops.cosh, np.cosh), (ops.arctan, np.arctan),
     (ops.arcsin, np.arcsin), (ops.arccos, np.arccos), (ops.tan, np.tan)],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_inputs_are_silent_forward_and_backward(function, oracle, dtype):
    x = np.array([0.0, 1.0, -1.0, 1e4, -1e4, math.inf, -math.inf, math.nan], dtype)
    with np.errstate(all="ignore"):
        expected = oracle(x)
    leaf = gn.Tensor(x, requires_grad=True)
    y = function(leaf)
    y.backward(np.ones(8))
    np.testing.assert_allclose(y.numpy(), expected, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


def test_integers_become_the_default_float_type():
    for function in (ops.exp, ops.log, ops.sqrt, ops.sin, ops.erf, ops.arctan, ops.log2, ops.rsqrt, ops.arcsin):
        for one in (np.array([1]), gn.Tensor([1]), [1]):
            assert function(one).dtype == np.float32
    np.testing.assert_array_equal(ops.sqrt(np.array([4, 9])), [2.0, 3.0])


def test_scalars_without_axes_work():
    for function in (ops.exp, ops.log, ops.sqrt, ops.sin, ops.erf, ops.arctan, ops.tan, ops.logaddexp):
        count = 2 if function is ops.logaddexp else 1
        x = [gn.Tensor(0.5, requires_grad=True) for _ in range(count)]
        y = function(*x)
        y.backward()
        assert y.shape == x[0].grad.shape == ()


def test_expm1_and_log1p_keep_the_digits_of_small_numbers():
    x = np.array([1e-20, -1e-12])
    np.testing.assert_array_equal(ops.expm1(x), [math.expm1(v) for v in x])
    np.testing.assert_array_equal(ops.log1p(x), [math.log1p(v) for v in x])


def test_the_slope_of_a_root_at_zero_is_infinite():
    x = gn.Tensor([0.0], requires_grad=True)
    ops.sqrt(x).sum().backward()
    assert x.grad.numpy() == math.inf


def test_the_origin_has_no_angle_and_gets_no_gradient():
    a, b = gn.Tensor([0.0], requires_grad=True), gn.Tensor([0.0], requires_grad=True)
    ops.arctan2(a, b).sum().backward()
    assert (float(a.grad.item()), float(b.grad.item())) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(1e4, 0.0, 1e4), (-1e4, -1e4, math.log(2) - 1e4), (-math.inf, 3.0, 3.0), (-math.inf, -math.inf, -math.inf)],
)
def test_logaddexp_neither_overflows_nor_loses_the_smaller_side(a, b, expected):
    np.testing.assert_allclose(ops.logaddexp(np.array([a]), np.array([b])), [expected], rtol=1e-15)


# ---------------------------------------------------------------- erf

POINTS = np.concatenate([np.linspace(-7, 7, 20_001), np.logspace(-300, 0, 301), [0.46875, 4.0, 6.0, 5.9, 1e4]])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-7), ("float64", 1e-15)])
def test_erf_agrees_with_the_c_library(dtype, tolerance):
    x = POINTS.astype(dtype)
    expected = np.array([math.erf(v) for v in x.tolist()])
    y = ops.erf(x)
    assert y.dtype == dtype
    normal = np.abs(expected) > np.finfo(dtype).tiny
    assert np.max(np.abs(y[normal] / expected[normal] - 1)) <= tolerance


def test_erf_at_special_values():
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan])
    for dtype in ("float32", "float64"):
        y = ops.erf(x.astype(dtype))
        np.testing.assert_array_equal(y, np.array([0.0, -0.0, 1.0, -1.0, math.nan], dtype))
        np.testing.assert_array_equal(np.signbit(y[:2]), [False, True])


def test_erf_never_leaves_its_range_and_never_falls():
    for dtype in ("float32", "float64"):
        y = ops.erf(np.linspace(-7, 7, 100_001).astype(dtype))
        assert np.abs(y).max() == 1.0
        assert np.diff(y).min() >= -np.finfo(dtype).eps  # a rounding step at most


def test_erf_keeps_shape_and_order_of_cells():
    x = np.asfortranarray(np.linspace(-3, 3, 30_000).reshape(100, 300))
    np.testing.assert_allclose(ops.erf(x), np.vectorize(math.erf)(x), rtol=1e-14)


def test_the_slope_of_erf_is_the_bell_curve():
    x = gn.Tensor(np.array([0.0, 1.0, 1e200]), requires_grad=True)
    ops.erf(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [2 / math.sqrt(math.pi), 2 / math.sqrt(math.pi) / math.e, 0.0])
