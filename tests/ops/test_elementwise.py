"""Element-wise arithmetic: contract table, hand-worked cases, traps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.ops.elementwise import (
    Abs,
    Add,
    Clip,
    Divide,
    Floor,
    FloorDivide,
    Identity,
    Maximum,
    Minimum,
    Mod,
    Multiply,
    Negative,
    Power,
    Round,
    Sign,
    Square,
    Subtract,
)

from helpers.contract import Case, contract_test

BINARY = [Add(), Subtract(), Multiply(), Divide(), FloorDivide(), Mod(), Power(), Maximum(), Minimum()]
UNARY = [Negative(), Square(), Sign(), Abs(), Floor(), Round(), Identity(), Clip(-1.0, 1.0)]
SIGNED = np.array([4.3, -4.3, 4.3, -4.3]), np.array([2.0, 2.0, -2.0, -2.0])

test_contract = contract_test(
    [
        *[Case(op, (3, 4), (3, 4)) for op in BINARY],
        *[Case(op, (2, 1, 4), (3, 1), label="broadcast") for op in BINARY],
        *[Case(op, (2,), (), label="scalar", empty=[(0,), ()]) for op in BINARY],
        *[Case(op, *SIGNED, label="signs") for op in (FloorDivide(), Mod(), Maximum(), Minimum(), Divide())],
        Case(FloorDivide(), np.array([7, -7, 6]), np.array([2, 2, -3])),
        *[Case(op, (3, 4)) for op in UNARY],
    ]
)


def slope(function, *at):
    """Gradients of the sum of a function with respect to each of its arguments, in float64."""
    tensors = [gn.Tensor(np.asarray(x, "float64"), requires_grad=True) for x in at]
    function(*tensors).sum().backward()
    found = [t.grad.numpy() for t in tensors]
    return found[0] if len(found) == 1 else found


# ---------------------------------------------------------------- power


def test_power_with_exponent_2_is_a_square():
    x = gn.Tensor([3.0], requires_grad=True)
    assert isinstance(ops.power(x, 2).creator.op, Square)
    assert isinstance((x**2.0).creator.op, Square)


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3, 0.0), (0.5, math.inf)])
def test_power_has_the_right_slope_at_base_zero(exponent, expected):
    np.testing.assert_array_equal(slope(lambda x: x**exponent, [0.0]), [expected])


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 0.0), (1.0, 0.0), (2.0, 2.0), (3.0, 0.0)])
def test_power_has_the_right_curvature_at_base_zero(exponent, expected):
    curvature = gn.grad(lambda x: gn.grad(lambda z: ops.power(z, gn.Tensor(exponent)).sum())(x).sum())
    np.testing.assert_array_equal(curvature(gn.Tensor([0.0])).numpy(), [expected])


def test_power_has_a_slope_in_the_exponent_for_positive_bases_only():
    np.testing.assert_allclose(slope(ops.power, [-2.0, 0.0, 2.0], [3.0, 3.0, 3.0])[1], [0.0, 0.0, 8 * math.log(2)])


def test_power_of_a_negative_base_keeps_its_sign():
    np.testing.assert_array_equal(ops.power(np.array([-2.0, -2.0]), 3), [-8.0, -8.0])
    np.testing.assert_array_equal(slope(lambda x: x**3, [-2.0]), [12.0])


def test_a_negative_exponent_turns_integers_into_floats():
    np.testing.assert_array_equal((gn.Tensor([2, 4]) ** -1).numpy(), np.array([0.5, 0.25], "float32"))


def test_a_number_to_the_power_of_a_tensor_is_an_exponential():
    np.testing.assert_allclose(slope(lambda x: 2**x, [3.0]), [8 * math.log(2)])


# ---------------------------------------------------------------- maximum, minimum, clip, abs


@pytest.mark.parametrize("function", [ops.maximum, ops.minimum])
def test_a_tie_shares_the_gradient_in_halves(function):
    np.testing.assert_array_equal(slope(function, [1.0], [1.0]), [[0.5], [0.5]])
    np.testing.assert_array_equal(slope(lambda x: function(x, x), [1.0]), [1.0])


def test_the_winner_takes_the_gradient():
    np.testing.assert_array_equal(slope(ops.maximum, [1.0, 3.0], [2.0, 2.0]), [[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(slope(ops.minimum, [1.0, 3.0], [2.0, 2.0]), [[1.0, 0.0], [0.0, 1.0]])


def test_clip_keeps_the_gradient_inside_and_at_the_limits():
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    np.testing.assert_array_equal(slope(lambda x: ops.clip(x, -1.0, 1.0), x), [0.0, 1.0, 1.0, 1.0, 0.0])


def test_clip_takes_arrays_as_limits():
    limits = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    np.testing.assert_array_equal(ops.clip(np.array([-5.0, 5.0]), *limits), [0.0, 2.0])


def test_clip_of_integers_keeps_them_unless_a_limit_is_a_float():
    assert ops.clip(gn.Tensor([1, 9]), 0, 5).dtype == np.int64
    limited = ops.clip(gn.Tensor([1, 9]), 0, 5.5)
    np.testing.assert_array_equal(limited.numpy(), np.array([1.0, 5.5], "float32"))


def test_clip_refuses_limits_in_the_wrong_order():
    with pytest.raises(ArgumentError, match="lower limit lies above"):
        ops.clip(np.ones(2), 1.0, -1.0)


@pytest.mark.parametrize(
    "function", [ops.square, ops.abs, ops.sign, ops.floor, ops.round, lambda x: ops.clip(x, -1, 1),
                 lambda x: ops.maximum(x, 0), lambda x: ops.minimum(0, x), lambda x: ops.mod(x, 2)]
)  # fmt: skip
def test_nan_stays_nan(function):
    assert np.isnan(function(np.array([math.nan]))).all()


def test_abs_has_slope_zero_at_its_kink():
    np.testing.assert_array_equal(slope(ops.abs, [-2.0, 0.0, 2.0]), [-1.0, 0.0, 1.0])


# ---------------------------------------------------------------- division and rounding


def test_division_by_zero_is_silent_forward_and_backward():
    a, b = gn.Tensor([1.0, -1.0, 0.0], requires_grad=True), gn.Tensor([0.0, 0.0, 0.0])
    y = a / b
    np.testing.assert_array_equal(y.numpy(), [math.inf, -math.inf, math.nan])
    y.backward(np.ones(3))
    np.testing.assert_array_equal(a.grad.numpy(), [math.inf] * 3)


def test_integers_divide_to_the_default_float_type():
    assert (gn.Tensor([1, 2]) / 2).dtype == np.float32
    np.testing.assert_array_equal(ops.reciprocal(np.array([2, 4])), np.array([0.5, 0.25], "float32"))


@pytest.mark.parametrize("a", [7, -7, 7.5, -7.5])
@pytest.mark.parametrize("b", [2, -2])
def test_mod_and_floor_divide_are_those_of_python(a, b):
    x = np.array([a])
    assert (ops.mod(x, b)[0], ops.floor_divide(x, b)[0]) == (a % b, a // b)


def test_integer_division_by_zero_is_silent():
    np.testing.assert_array_equal(ops.floor_divide(np.array([1]), 0), [0])


def test_halves_round_to_even_and_digits_count_from_the_point():
    np.testing.assert_array_equal(ops.round(np.array([0.5, 1.5, -2.5])), [0.0, 2.0, -2.0])
    np.testing.assert_allclose(ops.round(np.array([1.255, -1.234]), 1), [1.3, -1.2])
    np.testing.assert_array_equal(ops.round(np.array([1251.0, -49.0]), -2), [1300.0, 0.0])


def test_ceil_is_the_floor_from_above():
    x = np.array([-1.5, -1.0, 0.2, 3.0])
    np.testing.assert_array_equal(ops.ceil(x), np.ceil(x))


# ---------------------------------------------------------------- dtypes


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "floor_divide", "mod", "maximum", "minimum", "power"])
def test_integers_stay_integers(name):
    a, b = np.array([7, -7, 6]), np.array([2, 3, 1])
    found = getattr(ops, name)(gn.Tensor(a), gn.Tensor(b))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found.numpy(), getattr(np, name)(a, b))


@pytest.mark.parametrize("name", ["negative", "square", "sign", "abs", "round"])
def test_one_integer_stays_an_integer(name):
    x = np.array([3, -4, 0])
    found = getattr(ops, name)(gn.Tensor(x))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found.numpy(), getattr(np, name)(x))


def test_cast_and_its_gradient_change_the_dtype_only():
    x = gn.Tensor([1.7, -1.7], requires_grad=True)
    y = ops.cast(x, "float64")
    y.backward(np.array([0.5, 2.0]))
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(x.grad.numpy(), [0.5, 2.0])
    np.testing.assert_array_equal(ops.cast(x, "int32").numpy(), [1, -1])


@pytest.mark.parametrize(
    "function", [ops.add, ops.subtract, ops.multiply, ops.divide, ops.floor_divide, ops.mod, ops.power, ops.maximum,
                 ops.minimum]
)  # fmt: skip
def test_python_numbers_keep_float32(function):
    x = np.array([1.5, 2.5], "float32")
    for arguments in [(x, 3.0), (3.0, x), (gn.Tensor(x), 3), (3, gn.Tensor(x))]:
        assert function(*arguments).dtype == np.float32


def test_extreme_inputs_stay_silent():
    x = np.array([0.0, 1e4, -1e4, math.inf, -math.inf], "float32")
    for function, oracle in [(ops.square, np.square), (ops.sign, np.sign), (ops.abs, np.abs), (ops.floor, np.floor)]:
        np.testing.assert_array_equal(function(x), oracle(x))
    np.testing.assert_array_equal(ops.reciprocal(x), np.array([math.inf, 1e-4, -1e-4, 0.0, -0.0], "float32"))
    np.testing.assert_array_equal(ops.clip(x, -1.0, 1.0), [0.0, 1.0, -1.0, 1.0, -1.0])
    np.testing.assert_array_equal(ops.power(x, 20.0), [0.0] + [math.inf] * 4)
