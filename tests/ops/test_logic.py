"""Comparisons, logic and choosing: contract table, special values, dtypes of `where`."""

from __future__ import annotations

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import wrap
from glassnet.errors import ArgumentError, DTypeError
from glassnet.ops.logic import Equal, Greater, GreaterEqual, LogicalAnd, LogicalOr, Where

from helpers.contract import Case, contract_test

MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
INTEGERS = np.array([[1, 2, 3], [3, 2, 1]])
NUMBERS = np.array([0.0, 0.5, 0.0, -2.0])
COMPARISONS = [Greater(), GreaterEqual(), Equal()]

test_contract = contract_test(
    [
        *[Case(op, (3, 4), (4,)) for op in COMPARISONS],
        *[Case(op, INTEGERS, np.array([3, 2, 1])) for op in COMPARISONS],
        *[Case(op, MASK, MASK[0], empty=[(0, 3), (0, 3)]) for op in (LogicalAnd(), LogicalOr())],
        *[Case(op, NUMBERS, NUMBERS[::-1], label="numbers") for op in (LogicalAnd(), LogicalOr())],
        Case(Where(), MASK, (3, 4), (3, 4), empty=[np.zeros((0, 3), bool), (0, 3), (1, 3)]),
        Case(Where(), MASK, (4,), (3, 1), label="broadcast"),
    ]
)

SPECIAL = np.array([-math.inf, -1.0, 0.0, 1.0, math.inf, math.nan])


@pytest.mark.parametrize(
    "name", ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or",
             "logical_xor"]
)  # fmt: skip
def test_every_pair_of_special_values_compares_as_in_numpy(name):
    a, b = SPECIAL[:, None], SPECIAL
    np.testing.assert_array_equal(getattr(ops, name)(a, b), getattr(np, name)(a, b))
    np.testing.assert_array_equal(getattr(ops, name)(gn.Tensor(a), b).numpy(), getattr(np, name)(a, b))


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "logical_not"])
def test_special_values_are_told_apart_as_in_numpy(name):
    for x in (SPECIAL, SPECIAL.astype("float32"), np.array([0, 3]), np.array([True, False])):
        np.testing.assert_array_equal(getattr(ops, name)(x), getattr(np, name)(x))


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose_agrees_with_numpy(equal_nan):
    values = np.concatenate([SPECIAL, [1 + 1e-6, 1 + 1e-4, 1e-9]])
    a, b = values[:, None], values
    np.testing.assert_array_equal(ops.isclose(a, b, equal_nan=equal_nan), np.isclose(a, b, equal_nan=equal_nan))
    np.testing.assert_array_equal(ops.isclose(a, b, rtol=1e-3, atol=0.0), np.isclose(a, b, rtol=1e-3, atol=0.0))


def test_allclose_needs_every_cell():
    x = np.array([1.0, 2.0])
    assert bool(ops.allclose(x, x + 1e-9))
    assert not bool(ops.allclose(x, x + np.array([0.0, 1e-3])))


# ---------------------------------------------------------------- where


@pytest.mark.parametrize("tensor", [np.asarray, gn.Tensor], ids=["array", "Tensor"])
def test_where_gives_python_numbers_the_dtype_of_the_other_branch(tensor):
    c, x = tensor(np.array([True, False])), tensor(np.array([1.0, 2.0], "float32"))
    assert ops.where(c, x, 0.0).dtype == np.float32
    assert ops.where(c, 0, x).dtype == np.float32
    assert ops.where(c, 1.0, 0).dtype == np.float32
    assert ops.where(c, 1, 0).dtype == np.int64
    assert ops.where(c, True, False).dtype == bool
    assert ops.where(c, np.array([1, 2], "int32"), 0).dtype == np.int32
    assert ops.where(c, np.array([1, 2]), 0.5).dtype == np.float32
    assert ops.where(c, np.array([True, False]), 7).dtype == np.int64
    assert ops.where(c, np.float64(1.0), np.ones(2)).dtype == np.float64


def test_where_refuses_two_float_types():
    with pytest.raises(DTypeError, match="where: two different float types"):
        ops.where(np.array([True]), np.ones(1, "float32"), np.ones(1, "float64"))


def test_where_needs_both_branches():
    with pytest.raises(ArgumentError, match="a branch is missing"):
        ops.where(np.array([True]))


def test_where_takes_numbers_as_conditions():
    np.testing.assert_array_equal(ops.where(np.array([0.0, 2.0, math.nan]), 1, -1), [-1, 1, 1])
    assert isinstance(ops.where([True, False], 1.0, 2.0), gn.Tensor)


def test_where_keeps_an_infinite_cotangent_on_its_own_side():
    a, b = gn.Tensor([1.0, 1.0], requires_grad=True), gn.Tensor([1.0, 1.0], requires_grad=True)
    ops.where(np.array([True, False]), a, b).backward(np.array([math.inf, 1.0]))
    np.testing.assert_array_equal(a.grad.numpy(), [math.inf, 0.0])
    np.testing.assert_array_equal(b.grad.numpy(), [0.0, 1.0])


def test_a_harmless_input_before_the_branch_gives_a_finite_gradient():
    x = gn.Tensor([0.0, 2.0], requires_grad=True)
    ops.log(ops.where(x > 0, x, 1)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.5])


def test_where_with_numbers_replays_and_knows_its_shape_without_numbers():
    ramp = gn.jit(lambda x: ops.where(x > 0, x, 0.0))
    for x in ([1.0, -1.0], [-3.0, 3.0]):
        np.testing.assert_array_equal(ramp(np.array(x, "float32")).numpy(), np.maximum(x, 0).astype("float32"))
    x = wrap(Spec((None, 3), np.dtype("float32")), None)
    assert ops.where(x > 0, x, 0.0).data == x.data
