"""Matrix products: contract table, cases worked by hand, einsum and its relatives against NumPy, error texts."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.linalg import Einsum, Linear, Matmul

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Linear(), (5, 3), (3, 2), (2,), empty=[(0, 3), (3, 2), (2,)]),
        Case(Linear(), (1, 1), (1, 1), (1,)),
        Case(Linear(), (2, 4, 3), (3, 2), (2,), label="two leading axes", empty=[(2, 0, 3), (3, 2), (2,)]),
        Case(Linear(), (10, 9, 16), (16, 32), (32,), label="enough numbers for rounding to depend on the order"),
        Case(Linear(), (2, 2, 2, 3), (3, 2), (2,), label="three leading axes", empty=[(2, 2, 2, 0), (0, 2), (2,)]),
        Case(Matmul(), (4, 3), (3, 2), empty=[(0, 3), (3, 2)]),
        Case(Matmul(), (2, 4, 3), (2, 3, 2), label="batched"),
        Case(Matmul(), (2, 4, 3), (3, 2), label="one matrix for all", empty=[(2, 4, 0), (0, 2)]),
        Case(Matmul(), (4, 3), (2, 3, 2), label="all for one matrix"),
        Case(Matmul(), (5, 2, 4, 3), (2, 3, 1), label="broadcast"),
        Case(Einsum("ni,io->no"), (4, 3), (3, 2), empty=[(0, 3), (3, 2)]),
        Case(Einsum("bqhd,bkhd->bhqk"), (2, 3, 2, 4), (2, 5, 2, 4), label="attention"),
        Case(Einsum("ijk,kjl->li"), (2, 3, 4), (4, 3, 2), label="two summed", empty=[(2, 0, 4), (4, 0, 2)]),
        Case(Einsum("ij,ij->ij"), (3, 4), (3, 4)),
        Case(Einsum("ij,ji->i"), (3, 4), (4, 3)),
        Case(Einsum("i,jk->kij"), (2,), (3, 4), label="outer"),
        Case(Einsum("i,i->"), (4,), (4,)),
    ]
)


def test_linear_by_hand() -> None:
    # 1*10 + 2*100 + 0.5 = 210.5;  3*10 + 4*100 + 0.5 = 430.5
    y = ops.linear(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0], [100.0]]), np.array([0.5]))
    np.testing.assert_array_equal(y, [[210.5], [430.5]])


def test_linear_names_the_axis_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"linear: axis i has two sizes\n  expected: size 4\n  received: size 3 in w"):
        ops.linear(ops.cast([[1, 2, 3, 4]], "float32"), np.ones((3, 2), "float32"), np.zeros(2, "float32"))


@pytest.mark.parametrize(
    "x", [np.ones(3), Tensor(np.ones(3)), [1.0, 2.0, 3.0], Tensor(Spec((3,), np.dtype("float32")))]
)
def test_linear_without_a_batch_axis_is_refused(x):
    text = (
        r"linear: x has no batch axis\n  expected: shape \(N, ..., I\)\n  received: shape \(3,\)\n  fix:      x\[None\]"
    )
    with pytest.raises(ShapeError, match=text):
        ops.linear(x, np.ones((3, 2)), np.zeros(2))


@pytest.mark.parametrize(
    ("a", "b"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2))]
)
def test_matmul_takes_a_vector_as_a_row_or_a_column(a, b):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_allclose(np.asarray(ops.matmul(Tensor(x), y)), x @ y)
    check_gradients(ops.matmul, x, y)


# ---------------------------------------------------------------- einsum

EINSUMS = [
    ("ni,io->no", (3, 4), (4, 5)), ("ij,jk", (3, 4), (4, 5)), ("ba,cb", (3, 4), (5, 3)), ("ij->ji", (3, 4)),
    ("ij->", (3, 4)), ("ij -> i", (3, 4)), ("ba", (3, 4)), ("i,j->ij", (3,), (4,)), (",i->i", (), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("ij,jk,kl->lj", (2, 3), (3, 4), (4, 5)), ("ab,cd->ad", (3, 4), (2, 5)),
    ("i,i,i", (4,), (4,), (4,)), ("ij,j,i->ij", (3, 4), (4,), (3,)), ("AB,BC->AC", (3, 4), (4, 5)),
    ("YB,BA->AY", (3, 4), (4, 5)), ("...ij,...jk->...ik", (2, 6, 3, 4), (2, 6, 4, 5)), ("...i->...", (2, 3, 4)),
    ("...ij,jk->...ik", (2, 6, 3, 4), (4, 5)), ("...ij,...jk", (6, 3, 4), (2, 6, 4, 5)), ("i...,i->...", (3, 2), (3,)),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "shapes"), [(e[0], e[1:]) for e in EINSUMS], ids=[e[0] for e in EINSUMS])
def test_einsum_means_what_it_means_in_numpy(subscripts, shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    expected = np.einsum(subscripts, *arrays)
    for given in (arrays, map(Tensor, arrays)):
        got = np.asarray(ops.einsum(subscripts, *given))
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("subscripts", ["ij,jk,kl->li", "ij,kl,km->i"])
def test_a_chain_has_right_first_and_second_derivatives(subscripts):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 2)) for _ in range(3)]
    check_gradients(lambda a, b, c: ops.einsum(subscripts, a, b, c), *arrays, order=2)


def test_einsum_keeps_an_unknown_batch():
    x = Tensor(Spec((None, 4, 3), np.dtype("float32")))
    assert ops.einsum("nti,io->nto", x, np.ones((3, 2), "float32")).shape == (None, 4, 2)


def test_einsum_names_the_letter_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"einsum: axis b has two sizes\n  expected: size 3\n  received: size 4"):
        ops.einsum("ab,bc->ac", Tensor(np.ones((2, 3))), Tensor(np.ones((4, 2))))


@pytest.mark.parametrize(
    ("subscripts", "problem"),
    [
        ("ij->ij", "1 groups of letters for 2 arrays"), ("ijk,jk->i", "array 0 has 2 axes"),
        ("ij,j->i", "array 1 has 2 axes"), ("ii,ij->j", "a letter twice in one group"), ("ij,jk->kk", "a letter twice"),
        ("ij,jk->iz", "a letter in the result that no array has"), ("i1,jk->i", "neither a letter"),
        ("ij,jk->i.", "neither a letter"),
    ],
)  # fmt: skip
def test_subscripts_that_do_not_fit_are_refused(subscripts, problem):
    with pytest.raises(ArgumentError, match=rf"einsum: the subscripts do not fit the arrays\n(.*\n)*.*{problem}"):
        ops.einsum(subscripts, np.ones((2, 2)), np.ones((2, 2)))


# ---------------------------------------------------------------- relatives


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2), ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])), ((2, 3), (3, 2), 1), ((2, 3), (4,), 0),
        ((2, 3), (3, 4), ((-1,), (0,))), ((2, 3), (3, 4), (1, 0)), ((2, 3), (2, 3), 2),
    ],
)  # fmt: skip
def test_tensordot_means_what_it_means_in_numpy(a, b, axes):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)
    expected = np.tensordot(x, y, axes)
    np.testing.assert_allclose(ops.tensordot(x, y, axes), expected)
    np.testing.assert_allclose(ops.tensordot(Tensor(x), y, axes).numpy(), expected)


@pytest.mark.parametrize("axes", [([0, 1], [0]), ([0, 0], [0, 1]), ([0, 1], [0, 0]), 3])
def test_tensordot_needs_pairs_of_axes(axes):
    with pytest.raises(ArgumentError, match="tensordot: "):
        ops.tensordot(np.ones((2, 2)), np.ones((2, 2)), axes)


@pytest.mark.parametrize(
    ("a", "b"), [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 5, 3), (6, 3, 4)), ((3,), (6, 3, 4))]
)
def test_dot_and_outer_mean_what_they_mean_in_numpy(a, b):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_allclose(np.asarray(ops.dot(Tensor(x), y)), np.dot(x, y))
    np.testing.assert_allclose(np.asarray(ops.outer(Tensor(x), y)), np.outer(x, y))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_normalize_makes_lengths_1(order):
    x = np.random.default_rng(0).normal(size=(3, 4)) + 0.1
    y = ops.normalize(x, 0, order)
    np.testing.assert_allclose(np.linalg.norm(y, order, axis=0), 1)
    np.testing.assert_allclose(y / y[0], x / x[0])
    check_gradients(lambda x: ops.normalize(x, 0, order), x, order=2)


def test_normalize_of_huge_tiny_and_zero_vectors():
    x = np.array([[3e30, 4e30], [3e-30, 4e-30], [0, 0]], "float32")
    np.testing.assert_allclose(ops.normalize(x), [[0.6, 0.8], [3e-23, 4e-23], [0, 0]], rtol=1e-5)
    np.testing.assert_allclose(ops.normalize(x[1:], epsilon=1e-30), [[0.6, 0.8], [0, 0]], rtol=1e-5)
    slope = gn.grad(lambda x: ops.sum(ops.normalize(x)))(Tensor(np.zeros((1, 2))))
    np.testing.assert_allclose(slope.numpy(), [[1e7, 1e7]])


@pytest.mark.parametrize("order", [0, -1, 1.5, "fro"])
def test_normalize_refuses_an_order_that_is_no_length(order):
    with pytest.raises(ArgumentError, match="normalize: order is a whole number of at least 1"):
        ops.normalize(np.ones(3), order=order)
