"""Fused losses: contract table, then cases worked by hand and logits where naive formulas break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import glassnet as gn
from glassnet import ops
from glassnet.errors import ShapeError
from glassnet.ops.loss import CtcLoss, SigmoidCrossentropy, SoftmaxCrossentropy, SparseSoftmaxCrossentropy, SquaredError

from helpers.contract import Case, contract_test

LABELS = np.array([0, 2, 1, 2, 0])
TARGETS = np.array([[1, 2, 2], [3, 0, 0], [1, 3, 9]])  # what stands behind the end of a target does not count
NO_SEQUENCES = [(0, 6, 4), np.zeros((0, 3), int), np.zeros(0, int), np.zeros(0, int)]

test_contract = contract_test(
    [
        Case(SquaredError(), (5, 3), (5, 3), empty=[(0, 3), (0, 3)]),
        Case(SquaredError(), (2, 2, 3), (2, 2, 3), label="steps"),
        Case(SparseSoftmaxCrossentropy(), (5, 3), LABELS, empty=[(0, 3), np.zeros(0, "int64")]),
        Case(SparseSoftmaxCrossentropy(), (2, 2, 3), np.array([[0, 1], [2, 2]]), label="steps"),
        Case(SparseSoftmaxCrossentropy(), (3,), np.array(1), label="one sample"),
        Case(SparseSoftmaxCrossentropy(), (4, 1), np.zeros(4, "int32"), label="one class"),
        Case(SoftmaxCrossentropy(), (5, 3), (5, 3), empty=[(0, 3), (0, 3)]),
        Case(SoftmaxCrossentropy(), (2, 2, 3), (2, 2, 3), label="steps"),
        Case(SoftmaxCrossentropy(), (3,), (3,), label="one sample"),
        Case(SigmoidCrossentropy(), (3, 4), (3, 4)),
        Case(SigmoidCrossentropy(), (3, 4), (3, 1), label="broadcast"),
        Case(CtcLoss(), (3, 6, 4), TARGETS, np.array([3, 1, 2]), np.array([6, 2, 5]), empty=NO_SEQUENCES),
        Case(
            CtcLoss(3),
            (2, 5, 4),
            np.array([[0, 0], [2, 1]]),
            np.array([2, 0]),
            np.array([5, 4]),
            label="last class blank",
        ),
        Case(CtcLoss(), (2, 3, 2), np.ones((2, 1), int), np.ones(2, int), np.array([1, 3]), label="one label"),
        Case(CtcLoss(), (1, 1, 2), np.zeros((1, 0), int), np.zeros(1, int), np.ones(1, int), label="nothing to spell"),
    ]
)


def gradient(function: Any, *arguments: Any) -> list[Any]:
    """Gradients of the sum of all results, for every argument."""
    found = gn.grad(lambda *a: function(*a).sum(), argnums=tuple(range(len(arguments))))(*arguments)
    return [g.numpy() for g in found]


def test_squared_error_by_hand() -> None:
    # errors 1 and -3: (1 + 9) / 2 = 5, slopes 2/2 * 1 and 2/2 * -3
    t, p = np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    np.testing.assert_array_equal(ops.squared_error(t, p), [5.0])
    by_target, by_output = gradient(ops.squared_error, t, p)
    np.testing.assert_array_equal(by_output, [[1.0, -3.0]])
    np.testing.assert_array_equal(by_target, [[-1.0, 3.0]])


def test_sparse_crossentropy_by_hand() -> None:
    # softmax(ln 1, ln 2, ln 5) = 1/8, 2/8, 5/8; the true class has 2/8, so the loss is ln 4
    z = np.log([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(ops.sparse_softmax_crossentropy(z, np.array([1])), [np.log(4)], rtol=1e-14)
    slope = gradient(lambda z: ops.sparse_softmax_crossentropy(z, np.array([1])), z)[0]
    np.testing.assert_allclose(slope, [[1 / 8, 2 / 8 - 1, 5 / 8]], rtol=1e-14)


def test_dense_crossentropy_of_soft_targets_by_hand() -> None:
    # probabilities 1/8, 2/8, 5/8 against targets 1/2, 1/2, 0: (ln 8 + ln 4) / 2 = 2.5 ln 2
    z, t = np.log([[1.0, 2.0, 5.0]]), np.array([[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(ops.softmax_crossentropy(z, t), [2.5 * np.log(2)], rtol=1e-14)
    slope, target_slope = gradient(ops.softmax_crossentropy, z, t)
    np.testing.assert_allclose(slope, [[1 / 8 - 1 / 2, 2 / 8 - 1 / 2, 5 / 8]], rtol=1e-14)
    np.testing.assert_allclose(target_slope, np.log([[8, 4, 8 / 5]]), rtol=1e-14)


def test_sigmoid_crossentropy_has_the_gradient_output_minus_label() -> None:
    z = np.random.default_rng(0).normal(size=(4, 10)) * 5
    label = np.eye(10)[[3, 1, 4, 1]]
    np.testing.assert_allclose(gradient(lambda z: ops.sigmoid_crossentropy(z, label), z)[0], special.expit(z) - label,
                               rtol=1e-12, atol=1e-12)  # fmt: skip


def test_sigmoid_crossentropy_equals_its_definition_in_probabilities() -> None:
    z, t = np.linspace(-5, 5, 11), np.linspace(0, 1, 11)
    p = special.expit(z)
    np.testing.assert_allclose(ops.sigmoid_crossentropy(z, t), -t * np.log(p) - (1 - t) * np.log(1 - p), rtol=1e-12)


FAR = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_logits_cost_their_distance(dtype: str) -> None:
    z, label = FAR.astype(dtype), np.array([1, 1])
    wanted = np.eye(3, dtype=dtype)[label]
    expected = [2e4, np.log(2)]  # exact: the gap to the largest logit, or two equal ones
    np.testing.assert_allclose(ops.sparse_softmax_crossentropy(z, label), expected, rtol=1e-7)
    np.testing.assert_allclose(ops.softmax_crossentropy(z, wanted), expected, rtol=1e-7)
    np.testing.assert_allclose(ops.sigmoid_crossentropy(z, wanted), [[1e4, 1e4, np.log(2)], [0, 0, 1e4]], rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_logits_have_the_gradient_predicted_minus_wanted(dtype: str) -> None:
    z, label = FAR.astype(dtype), np.array([1, 1])
    wanted = np.eye(3, dtype=dtype)[label]
    minus = np.array([[1, -1, 0], [0, -0.5, 0.5]])
    np.testing.assert_array_equal(gradient(lambda z: ops.sparse_softmax_crossentropy(z, label), z)[0], minus)
    by_logits, by_targets = gradient(ops.softmax_crossentropy, z, wanted)
    np.testing.assert_array_equal(by_logits, minus)
    np.testing.assert_allclose(by_targets[0], [0, 2e4, 1e4])
    by_logits, by_targets = gradient(ops.sigmoid_crossentropy, z, wanted)
    np.testing.assert_array_equal(by_logits, [[1, -1, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(by_targets, -z)


def test_dense_targets_that_are_one_hot_give_the_sparse_loss() -> None:
    z = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(
        ops.softmax_crossentropy(z, np.eye(3)[LABELS]), ops.sparse_softmax_crossentropy(z, LABELS), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.squared_error([[1.0, 2.0]], [1.0, 2.0]), "squared_error: the shapes differ"),
        (lambda: ops.sparse_softmax_crossentropy([[1.0, 2.0]], [[0, 1]]), "one-hot labels belong to categorical"),
        (lambda: ops.sparse_softmax_crossentropy([[1.0, 2.0]], [0, 1]), r"labels \(2,\), predictions \(1, 2\)"),
        (lambda: ops.softmax_crossentropy([[1.0, 2.0]], [1]), "integer labels belong to sparse_softmax_crossentropy"),
        (lambda: ops.softmax_crossentropy([[1.0, 2.0]], [[1.0, 0.0, 0.0]]), r"expected: targets of shape \(1, 2\)"),
        (lambda: ops.ctc_loss([[1]], [[1.0, 2.0]], [1], [1]), r"targets \(1, 1\), logits \(1, 2\), lengths \(1,\) and"),
        (lambda: ops.ctc_loss([[1]], [[[1.0, 2.0]]], [1, 1], [1]), r"lengths \(2,\) and \(1,\)"),
    ],
)
def test_targets_that_do_not_fit_are_named(call: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call()
