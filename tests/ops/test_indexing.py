"""Indexing: contract table, every kind of key against NumPy, out-of-range indices, error texts."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, DTypeError, GraphError, ShapeError
from glassnet.ops.indexing import AddAlongAxis, AddAt, Argsort, FlatIndex, OneHot, Take, TakeAlongAxis, TopK

from helpers.contract import Case, contract_test

PICKS = np.array([[0, 2, 2], [1, 0, 3]])
NEGATIVE = np.array([[0, -2, 2], [-1, 0, 3]])
NONE = np.zeros((0, 3), "int64")


def added_lines(x, i):
    y = np.zeros((2, 4))
    for row, column in np.ndindex(i.shape):
        y[row, i[row, column]] += x[row, column]
    return y


def added_slices(x, i):
    y = np.zeros((2, 5, 3))
    for place in np.ndindex(i.shape):
        y[:, i[place]] += x[(slice(None), *place)]
    return y


def by_comparison(x):
    """How many cells of the line come before each cell."""
    rank = np.array([[sum((b, k) < (a, j) for k, b in enumerate(row)) for j, a in enumerate(row)] for row in x])
    order = np.zeros_like(rank)
    for row, column in np.ndindex(rank.shape):
        order[row, rank[row, column]] = column
    return order


def largest_by_hand(x):
    order = np.array([sorted(range(len(row)), key=lambda j: -row[j])[:2] for row in x])
    return np.array([[row[j] for j in js] for row, js in zip(x, order, strict=True)]), order


test_contract = contract_test(
    [
        Case(Take(0), (4, 3), PICKS, empty=[(4, 3), NONE]),
        Case(Take(1), (2, 4, 3), PICKS),
        Case(Take(1), (2, 4), np.array(3), label="a single index"),
        Case(AddAt(5, 1), (2, 2, 3, 3), PICKS, oracle=added_slices),
        Case(AddAt(5, 1), (2, 2, 3, 3), NEGATIVE, oracle=added_slices, label="negative"),
        Case(
            AddAt(4, 0), (3,), np.array([0, 2, 0]), oracle=lambda x, i: np.bincount(i, x, 4), empty=[(0,), NONE[:, 0]]
        ),
        Case(TakeAlongAxis(1), (2, 4), PICKS),
        Case(TakeAlongAxis(0), (4, 3), PICKS),
        Case(AddAlongAxis(4, 1), (2, 3), PICKS, oracle=added_lines, empty=[(0, 3), NONE]),
        Case(AddAlongAxis(4, 0), (3, 2), PICKS.T, oracle=lambda x, i: added_lines(x.T, i.T).T),
        Case(AddAlongAxis(4, 1), (2, 3), NEGATIVE, oracle=added_lines, label="negative"),
        Case(FlatIndex((2, 4)), np.array([[0, 1], [3, 2]]), oracle=lambda i: np.ravel_multi_index(tuple(i), (2, 4))),
        Case(FlatIndex((None, 4)), np.array([[5, -1], [3, -2]]), oracle=lambda i: np.array([23, -2])),
        Case(OneHot(4, "float32"), PICKS),
        Case(Argsort(1), (3, 5), oracle=by_comparison, empty=[(0, 3)]),
        Case(Argsort(1), np.array([[2, 1, 2, 1]]), oracle=by_comparison, label="ties"),
        Case(TopK(2), (3, 5), oracle=largest_by_hand, empty=[(0, 5)]),
    ]
)

# ---------------------------------------------------------------- x[...]

X = np.random.default_rng(0).normal(size=(7, 3, 4, 5))
K, J = np.array([0, 1]), np.array([[2], [-1]])
MASK = X > 0
KEYS = [
    0, -1, (0, 1), (1, 2, 3, 4), np.int64(2), (), ..., None, slice(1, 6, 2), (slice(None, None, -1), 2), (..., 1),
    (None, ..., 0, None), (slice(5, 1, -2), slice(-2, None)), slice(9, 12), K, J, [0, 2], [], (K, J),
    (slice(None), K, K),
    (slice(None), 0, slice(None), K), (slice(None), K, 0), (0, ..., K), (..., K, K), (slice(None), K, None, K),
    (slice(None), K, ..., K, slice(None)), (K, slice(1, 2), None, J), (slice(None), slice(1, None), K), (1, K, J, J),
    np.array(3), np.uint8([1, 2]), MASK, MASK[:, 0, 0, 0], MASK[:, :, 0, 0], (slice(None), MASK[0, :, :, 0]),
    (MASK[:, 0, 0, 0], slice(None), K[:1]), (0, MASK[0]), np.zeros(7, bool),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=[str(i) for i in range(len(KEYS))])
def test_a_key_means_what_it_means_in_numpy(key):
    np.testing.assert_array_equal(ops.get_item(X, key), X[key])
    np.testing.assert_array_equal(Tensor(X)[key].numpy(), X[key])


@pytest.mark.parametrize(
    "key", [1, (slice(None), -1), (K, J), (slice(None), K), (J, 0), (None, ..., slice(None, None, -2))]
)
def test_a_key_has_right_first_and_second_derivatives(key):
    check_gradients(lambda x: (x * x)[key], np.random.default_rng(1).normal(size=(3, 3)), order=2)


def test_a_key_may_hold_tensors_and_variables():
    np.testing.assert_array_equal(Tensor(X)[Tensor(K), gn.Variable(J[:, 0], trainable=False)].numpy(), X[K, J[:, 0]])
    np.testing.assert_array_equal(Tensor(X)[Tensor(MASK)].numpy(), X[MASK])
    assert Tensor(X)[Tensor(1)].shape == (3, 4, 5)


def test_cells_picked_twice_collect_both_cotangents():
    # y = [x0, x2, x2]: the last one counts twice
    slope = gn.grad(lambda x: ops.sum(x[np.array([0, 2, 2])]))(Tensor([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(slope.numpy(), [1, 0, 2])


def test_index_arrays_stay_inputs_of_a_traced_step():
    step = gn.jit(lambda x, i, j: x[i, j])
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    for i, j in [([0, 1], [2, 0]), ([1, 1], [-1, 1])]:
        np.testing.assert_array_equal(np.asarray(step(x, np.array(i), np.array(j))), x[i, j])


def test_an_unknown_batch_can_be_indexed_by_arrays():
    x = Tensor(Spec((None, 4), np.dtype("float32")))
    assert x[K].shape == (2, 4)
    assert x[:, J].shape == (None, 2, 1)
    assert x[K, K].shape == (2,)
    assert x[K, K].creator.sources[0].shape == (None,)


# ---------------------------------------------------------------- functions


@pytest.mark.parametrize(
    ("indices", "axis"), [(PICKS, None), (PICKS, 2), (NEGATIVE, -1), (2, 1), (-1, None), ([[1]], 0)]
)
def test_take_means_what_it_means_in_numpy(indices, axis):
    expected = np.take(X, indices, axis)
    np.testing.assert_array_equal(np.asarray(ops.take(X, indices, axis)), expected)
    np.testing.assert_array_equal(ops.take(Tensor(X), indices, axis).numpy(), expected)


@pytest.mark.parametrize(
    ("shape", "axis"), [((7, 3, 4, 5), 1), ((1, 2, 1, 5), 1), ((7, 1, 1, 6), -1), ((9, 1, 1, 1), 0), ((6,), None)]
)
def test_take_along_axis_broadcasts_as_in_numpy(shape, axis):
    i = np.random.default_rng(0).integers(-3, 3, shape)
    expected = np.take_along_axis(X, i, axis)
    np.testing.assert_array_equal(ops.take_along_axis(X, i, axis), expected)
    np.testing.assert_array_equal(ops.take_along_axis(Tensor(X), i, axis).numpy(), expected)
    if axis is not None:
        wide = np.random.default_rng(0).integers(-1, 1, (7, 3, 4, 5))
        one = X[:1, :, :1, :1]
        if axis == 1:
            np.testing.assert_array_equal(ops.take_along_axis(one, wide, axis), np.take_along_axis(one, wide, axis))


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_sort_and_argsort_mean_what_they_mean_in_numpy(axis):
    x = np.random.default_rng(0).integers(0, 4, (3, 4, 5)).astype("float32")
    x[0, 0, 0] = np.nan
    for given in (x, Tensor(x)):
        np.testing.assert_array_equal(np.asarray(ops.sort(given, axis)), np.sort(x, axis))
        np.testing.assert_array_equal(np.asarray(ops.argsort(given, axis)), np.argsort(x, axis, kind="stable"))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.sort(x, 0), lambda x: ops.slice(x, (0, 1), (2, 2)), lambda x: ops.take(x, PICKS),
        lambda x: ops.slice_update(x, (1, 0), x[:1, :2] * 3), lambda x: ops.scatter(PICKS[:, :, None], x, (4,)),
    ],
)  # fmt: skip
def test_compositions_have_right_first_and_second_derivatives(function):
    check_gradients(lambda x: function(x * x), np.random.default_rng(3).normal(size=(2, 3)), order=2)


def test_slice_update_copies_and_ignores_what_it_replaces():
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(ops.slice_update(x, (0, 1), np.array([[7.0]])), [[1, 7], [3, 4]])
    assert np.isnan(x[0, 1])


@pytest.mark.parametrize(("shape", "k"), [((5,), 1), ((5, 2), 1), ((4, 5), 2)])
def test_scatter_adds_each_value_at_its_position(shape, k):
    rng = np.random.default_rng(0)
    indices = rng.integers(0, 4, (3, 2, k))
    values = rng.normal(size=(3, 2, *shape[k:]))
    expected = np.zeros(shape)
    np.add.at(expected, tuple(np.moveaxis(indices, -1, 0)), values)
    np.testing.assert_allclose(ops.scatter(indices, values, shape), expected)


def test_nonzero_gives_one_array_per_axis():
    x = np.array([[0, 5], [7, 0], [0, np.nan]])
    for a, b in zip(ops.nonzero(x), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [place.numpy().tolist() for place in ops.nonzero(Tensor(x))] == [[0, 1, 2], [1, 0, 1]]


def test_one_hot_puts_its_axis_where_it_is_wanted():
    expected = np.array([[0, 1], [0, 0], [1, 0]])
    np.testing.assert_array_equal(ops.one_hot(np.array([2, 0]), 3, axis=0), expected)
    np.testing.assert_array_equal(ops.one_hot(Tensor([2, 0]), 3, axis=-1).numpy(), expected.T)
    assert not ops.one_hot(np.array([-1, 3]), 3).any()


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "bool"])
def test_top_k_of_any_dtype_keeps_equal_cells_in_order(dtype):
    values, places = ops.top_k(np.array([1, 0, 1, 0, 1]).astype(dtype), 4)
    assert values.dtype == dtype
    assert values.astype(int).tolist() == [1, 1, 1, 0]
    assert places.tolist() == [0, 2, 4, 1]
    assert ops.top_k(np.array([-128, 127], "int8"), 1)[0] == 127


# ---------------------------------------------------------------- errors


def symbolic(*shape, dtype="float32"):
    return Tensor(Spec(shape, np.dtype(dtype)))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.take(X, np.array([0, 7]), 0), r"take: index 7 is out of range .* of size 7\n  expected: -7..6"),
        (lambda: ops.take(X, np.array([0, -8]), 0), "take: index -8 is out of range for an axis of size 7"),
        (lambda: ops.take(np.zeros((0, 2)), np.array([0]), 0), "index 0 is out of range.*size 0\n  expected: no index"),
        (lambda: ops.take_along_axis(X, np.full((7, 3, 4, 1), 5), -1), "index 5 is out of range for an axis of size 5"),
        (lambda: ops.take_along_axis(Tensor(X), PICKS, 1), "must have the same sizes, except along axis 1"),
        (lambda: ops.add_at(np.ones(2), np.array([0, 3]), 3), "add_at: index 3 is out of range for an axis of size 3"),
        (lambda: ops.add_at(Tensor(np.ones(2)), PICKS, 3), "add_at: every slice needs one index"),
        (lambda: ops.scatter(np.array([[1, 4]]), np.ones(1), (2, 3)), "index 4 is out of range for an axis of size 3"),
        (lambda: Tensor(X)[7], r"index 7 is out of range for axis 0 of size 7\n  expected: -7..6\n  received: x\["),
        (lambda: Tensor(X)[:, -4], "index -4 is out of range for axis 1 of size 3"),
        (lambda: Tensor(X)[K, J + 9], r"x\[...\]: index 11 is out of range for an axis of size 3"),
        (lambda: Tensor(X)[K, np.array([0, 1, 2])], r"the index arrays do not broadcast\n  received: \(2,\), \(3,\)"),
        (lambda: Tensor(X)[0, 0, 0, 0, 0], r"more axes are named than there are\n  expected: at most 4"),
        (lambda: Tensor(X)[..., 0, ...], "more axes are named than there are"),
        (lambda: Tensor(X)[MASK[:5]], r"the mask has another shape\n.*\n  received: \(5, 3, 4, 5\)"),
        (lambda: ops.slice(X, (0, 0, 0, 3), (1, 1, 1, 3)), "slice: the block does not lie inside the array"),
        (lambda: ops.slice(X, (0, 0), (1, 1)), "slice: the block does not lie inside the array"),
        (lambda: ops.slice_update(X[0], (0, 0, -1), np.ones((1, 1, 1))), "slice_update: the block does not lie inside"),
        (lambda: ops.top_k(Tensor([1.0, 2.0]), 3), "top_k: k is larger than the last axis\n  expected: k <= 2"),
        (lambda: ops.top_k(Tensor(1.0), 1), "top_k: k is larger than the last axis\n  expected: an array with"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(call, text):
    with pytest.raises((ArgumentError, ShapeError), match=text):
        call()


@pytest.mark.parametrize("key", [1.0, True, np.array([0.5]), "a", (0, np.bool_(False))])
def test_what_cannot_be_an_index_is_refused(key):
    with pytest.raises(DTypeError, match=r"x\[...\]: this cannot be an index"):
        Tensor(X)[key]


@pytest.mark.parametrize("function", [ops.take, ops.add_at, ops.take_along_axis])
def test_indices_that_are_not_whole_numbers_are_refused(function):
    with pytest.raises(DTypeError, match="indices must be whole numbers\n  received: dtype float64"):
        function(np.ones(2), np.array([0.0, 1.0]), *([2] if function is ops.add_at else []))


def test_how_many_cells_a_symbolic_mask_picks_is_not_known():
    with pytest.raises(GraphError, match=r"x\[mask\] of a symbolic tensor: how many cells it picks is not known"):
        symbolic(3)[symbolic(3, dtype="bool")]
    with pytest.raises(GraphError, match=r"nonzero\(x\) of a symbolic tensor"):
        ops.nonzero(symbolic(3))
