"""Reductions: contract table, NumPy twins of the compositions, then ties, zeros, infinities and error texts."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.reduction import (
    Argmax,
    Argmin,
    BroadcastTo,
    Cumsum,
    Logsumexp,
    Max,
    Mean,
    Min,
    Sum,
    SumTo,
)

from helpers.contract import Case, contract_test

TIED = np.array([[2.0, 1.0, 2.0], [0.5, 0.5, 0.5]])

test_contract = contract_test(
    [
        Case(Sum((1,)), (3, 4), empty=[(0, 3)]),
        Case(Sum((0, 2)), (2, 3, 4), empty=[(0, 3, 2)]),
        Case(Sum((0, 1)), (3, 4), label="all axes"),
        Case(Sum(()), (3, 4), label="no axis"),
        Case(Sum((1,), True), (3, 4), oracle=lambda x: x @ np.ones((4, 1))),
        Case(SumTo((3, 1)), (2, 3, 4), oracle=lambda x: np.einsum("abc->b", x)[:, None], empty=[(0, 3, 4)]),
        Case(SumTo(()), (2, 3), oracle=lambda x: np.einsum("ab->", x)),
        Case(BroadcastTo((2, 3, 4)), (3, 1), oracle=lambda x: np.stack([np.hstack([x] * 4)] * 2)),
        Case(BroadcastTo((2, 3)), (), oracle=lambda x: np.full((2, 3), x)),
        Case(Mean((1,)), (3, 4), empty=[(0, 3)]),
        Case(Mean((0, 1)), (3, 4), label="all axes"),
        Case(Mean((0, 2), True), (2, 3, 4), oracle=lambda x: np.einsum("abc->b", x)[None, :, None] / 8),
        Case(Max((1,)), (3, 4), empty=[(0, 3)]),
        Case(Max((0, 2)), (2, 3, 4)),
        Case(Max((0, 1)), (3, 4), label="all axes"),
        Case(Max((1,), True), (3, 4), oracle=lambda x: np.sort(x, axis=1)[:, -1:]),
        Case(Min((1,)), (3, 4), empty=[(0, 3)]),
        Case(Min((0,), True), (3, 4), oracle=lambda x: np.sort(x, axis=0)[:1]),
        Case(Argmax(1), (3, 4), empty=[(0, 3)]),
        Case(Argmin(0), (3, 4)),
        Case(Cumsum(1), (3, 4), empty=[(0, 3)]),
        Case(Cumsum(0), (3, 2, 2)),
        Case(Logsumexp((1,)), (3, 4), empty=[(0, 3)]),
        Case(Logsumexp((0, 1)), (3, 4)),
        Case(Logsumexp((1,), True), (3, 4), oracle=lambda x: np.log(np.exp(x) @ np.ones((4, 1)))),
    ]
)

REDUCING = ["sum", "mean", "max", "min", "prod", "var", "std", "any", "all", "amax", "amin"]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), [2, 1], ()])
@pytest.mark.parametrize("name", REDUCING)
def test_axes_and_keepdims_mean_what_they_mean_in_numpy(name, axis, keepdims):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) * (np.arange(4) > 0)
    expected = getattr(np, name)(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    for given in (x, Tensor(x)):
        got = np.asarray(getattr(ops, name)(given, axis, keepdims))
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions_mean_what_they_mean_in_numpy(name, axis, keepdims):
    x = np.random.default_rng(0).integers(0, 3, (2, 3, 4))  # with ties
    got = getattr(ops, name)(x, axis, keepdims)
    np.testing.assert_array_equal(got, getattr(np, name)(x, axis=axis, keepdims=keepdims))
    assert np.asarray(got).dtype == np.int64


def test_cumsum_and_count_nonzero_mean_what_they_mean_in_numpy():
    x = np.array([[1.0, 0.0], [2.0, np.nan]])
    np.testing.assert_array_equal(ops.cumsum(x), np.cumsum(x))
    np.testing.assert_array_equal(ops.cumsum(x, -1), np.cumsum(x, -1))
    np.testing.assert_array_equal(ops.count_nonzero(x, 0), [2, 1])
    assert ops.cumsum(np.array([True, True])).tolist() == [1, 2]
    assert ops.cumsum(np.array([1, 2]), dtype="float32").dtype == np.float32


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), None), ((2, 3), 0), ((3,), 1), ((2,), -2), (None, 1)])
def test_average_means_what_it_means_in_numpy(shape, axis):
    x = np.random.default_rng(0).normal(size=(2, 3))
    weights = None if shape is None else np.random.default_rng(1).uniform(1, 2, shape)
    np.testing.assert_allclose(ops.average(x, axis, weights), np.average(x, axis, weights))


@pytest.mark.parametrize(("shape", "axis"), [((3,), 0), ((3,), None), ((2, 1), 1)])
def test_weights_that_do_not_fit_are_refused(shape, axis):
    with pytest.raises(ShapeError, match=r"average: the weights do not fit\n.*\n  received: shape \(.*axis="):
        ops.average(np.ones((2, 3)), axis, np.ones(shape))


# ---------------------------------------------------------------- whole numbers


@pytest.mark.parametrize("name", ["sum", "prod"])
@pytest.mark.parametrize(("dtype", "wide"), [("bool", "int64"), ("int8", "int64"), ("uint8", "uint64")])
def test_whole_numbers_are_combined_in_64_bits(name, dtype, wide):
    x = np.array([1, 1, 1] if dtype == "bool" else [100, 100, 2], dtype)
    for result in (getattr(ops, name)(x), getattr(ops, name)(Tensor(x)).numpy()):
        assert result == getattr(np, name)(x.astype("int64"))
        assert result.dtype == wide


def test_the_mean_of_whole_numbers_is_a_float():
    assert ops.mean(np.array([1, 2], "uint8")) == 1.5
    assert ops.mean(Tensor([1, 2])).dtype == np.float32
    assert ops.var(np.array([1, 2])).dtype == np.float32


def test_prod_takes_a_dtype():
    assert ops.prod(np.array([2, 3], "int8"), dtype="float32").dtype == np.float32


# ---------------------------------------------------------------- gradients at special points


def gradient(function, x):
    return gn.grad(lambda t: ops.sum(function(t)))(Tensor(np.asarray(x, "float64"))).numpy()


@pytest.mark.parametrize(("function", "first"), [(ops.max, [0.5, 0, 0.5]), (ops.min, [0, 1, 0])])
def test_tied_cells_share_the_cotangent_evenly(function, first):
    np.testing.assert_allclose(gradient(lambda x: function(x, axis=1), TIED), [first, [1 / 3] * 3])


@pytest.mark.parametrize("function", [ops.max, ops.min])
def test_extremes_propagate_nan_and_their_gradient_is_shared_by_the_line(function):
    x = np.array([[1.0, np.nan], [1.0, 2.0]])
    assert np.isnan(function(x, axis=1)).tolist() == [True, False]
    np.testing.assert_array_equal(gradient(lambda x: function(x, axis=1), x)[0], [0.5, 0.5])


@pytest.mark.parametrize(
    ("x", "expected"),
    [([2, 3, 4], [12, 8, 6]), ([0, 3, 4], [12, 0, 0]), ([0, 3, 0], [0, 0, 0]), ([5], [1]), ([1, 2, 3, 4, 5], None)],
)
def test_the_gradient_of_prod_is_the_product_of_the_others_also_with_zeros(x, expected):
    others = [np.prod(np.delete(np.float64(x), i)) for i in range(len(x))]
    np.testing.assert_allclose(gradient(ops.prod, x), others if expected is None else expected)


def test_the_second_derivative_of_prod_is_right_at_a_zero():
    # y = a b c: d²y/da db = c, and so on
    hessian = gn.hessian(ops.prod)(Tensor(np.array([0.0, 3.0, 4.0])))
    np.testing.assert_allclose(hessian.numpy(), [[0, 4, 3], [4, 0, 0], [3, 0, 0]])


@pytest.mark.parametrize("function", [ops.var, ops.std, lambda x: ops.prod(x, 0), lambda x: ops.logsumexp(x, 1)])
def test_compositions_have_right_first_and_second_derivatives(function):
    check_gradients(function, np.random.default_rng(0).normal(size=(3, 4)), order=2)


def test_std_of_equal_cells_is_0_with_gradient_0():
    assert ops.std(np.full(3, 7.0)) == 0
    np.testing.assert_array_equal(gradient(ops.std, np.full(3, 7.0)), [0, 0, 0])


# ---------------------------------------------------------------- traps


def test_logsumexp_neither_overflows_nor_underflows():
    x = np.array([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4], [3e38, -3e38]], "float32")
    two = np.float32(np.log(2))
    np.testing.assert_allclose(ops.logsumexp(x, 1), [1e4 + two, -1e4 + two, 1e4, 3e38], rtol=1e-7)


def test_logsumexp_of_infinities_and_nan():
    inf = np.inf
    x = np.array([[-inf, -inf], [-inf, 2.0], [inf, 1.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(ops.logsumexp(x, 1), [-inf, 2.0, inf, np.nan])
    slopes = gradient(lambda x: ops.logsumexp(x, 1), x[:2])
    np.testing.assert_array_equal(slopes, [[0, 0], [0, 1]])
    assert ops.logsumexp(np.zeros((2, 0)), 1).tolist() == [-inf, -inf]


def test_nan_counts_as_not_zero_and_as_the_largest():
    x = np.array([0.0, np.nan, 1.0])
    assert ops.any(x[:2])
    assert ops.all(x[1:])
    assert ops.argmax(x) == 1


def test_no_cells_have_a_sum_a_product_and_a_truth_value():
    none = np.zeros((2, 0))
    assert ops.sum(none, 1).tolist() == [0, 0]
    assert ops.prod(none, 1).tolist() == [1, 1]
    assert ops.any(none, 1).tolist() == [False, False]
    assert ops.all(none, 1).tolist() == [True, True]


@pytest.mark.parametrize("name", ["mean", "max", "min"])
def test_no_cells_have_no_mean_and_no_extreme(name):
    with pytest.raises(ShapeError, match=rf"{name}: there are no cells to reduce\n.*\n  received: shape \(2, 0\)"):
        getattr(ops, name)(np.zeros((2, 0)), axis=1)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_no_cells_have_no_position(name):
    with pytest.raises(ShapeError, match=f"{name}: there are no cells to reduce"):
        getattr(ops, name)(np.zeros((2, 0)), axis=1)


def test_initial_bounds_an_extreme_and_defines_it_for_no_cells():
    x = np.array([[1.0, 5.0], [3.0, 4.0]])
    np.testing.assert_array_equal(ops.max(x, 1, initial=4.5), np.max(x, 1, initial=4.5))
    np.testing.assert_array_equal(ops.min(x, 1, initial=2.0), np.min(x, 1, initial=2.0))
    np.testing.assert_array_equal(ops.max(np.zeros((2, 0)), 1, True, initial=-1.0), [[-1.0], [-1.0]])


# ---------------------------------------------------------------- shapes


def test_a_mean_over_an_unknown_batch_divides_by_the_size_that_comes():
    y = ops.mean(Tensor(Spec((None, 3), np.dtype("float32"))), axis=0)
    assert y.shape == (3,)
    np.testing.assert_array_equal(y.creator.op.forward(np, np.ones((5, 3))), [1, 1, 1])


def test_broadcast_to_keeps_an_unknown_size():
    y = ops.broadcast_to(Tensor(Spec((None, 1), np.dtype("float32"))), (None, 4))
    assert y.shape == (None, 4)
    assert y.creator.op.forward(np, np.ones((5, 1))).shape == (5, 4)


def test_broadcast_to_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"broadcast_to: the array cannot be repeated to this shape\n(.*\n)*.*\(3,\)"):
        ops.broadcast_to(Tensor(np.zeros(3)), (2, 4))
    with pytest.raises(ShapeError, match="broadcast_to: the array cannot"):
        ops.broadcast_to(Tensor(np.zeros((2, 3))), (3,))
    with pytest.raises(ShapeError, match="broadcast_to: a new axis needs a known size"):
        ops.broadcast_to(np.zeros(3), (None, 3))


def test_the_product_over_an_unknown_size_is_refused():
    with pytest.raises(ShapeError, match="prod: the size of axis 0 is not known yet"):
        ops.prod(Tensor(Spec((None, 3), np.dtype("float32"))), axis=0)


def test_an_axis_that_does_not_exist_or_is_named_twice_is_refused():
    with pytest.raises(ArgumentError, match=r"mean: axis does not exist\n  expected: -2..1\n  received: axis=2"):
        ops.mean(np.zeros((2, 3)), axis=2)
    with pytest.raises(ArgumentError, match=r"sum: an axis is named twice\n  received: axis=\(0, -2\)"):
        ops.sum(np.zeros((2, 3)), axis=(0, -2))
    with pytest.raises(ArgumentError, match="argmax: axis does not exist\n  expected: no axis"):
        ops.argmax(np.float64(1.0), axis=0)
