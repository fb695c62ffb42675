"""Recurrences: contract table, then sequences worked by hand, PyTorch's form of the gates, masks and error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import DTypeError, ShapeError
from glassnet.ops.recurrent import Gru, Lstm, SimpleRnn

from helpers.contract import Case, contract_test

ALL = np.ones((2, 4), bool)
HOLES = np.array([[True, True, False, False], [False, True, False, True]])
NOBODY = np.zeros((2, 4), bool)


def inputs(sums: int, states: int = 1, mask: Any = ALL, bias: Any = None, steps: int = 4) -> list[Any]:
    """Shapes for 2 samples, 3 inputs and 5 units."""
    return [(2, steps, 3), (3, 5 * sums), (5, 5 * sums), bias or (5 * sums,), *[(2, 5)] * states, mask]


def row(op: Any, sums: int, states: int = 1, **more: Any) -> list[Case]:
    """An op with every kind of mask, a single step, and no samples."""
    one = inputs(sums, states, ALL[:, :1], more.get("bias"), steps=1)
    none = [(0, 4, 3), *inputs(sums, states, bias=more.get("bias"))[1:4], *[(0, 5)] * states, np.ones((0, 4), bool)]
    return [
        Case(op, *inputs(sums, states, **more), empty=none),
        Case(op, *inputs(sums, states, HOLES, **more), label="mask"),
        Case(op, *inputs(sums, states, NOBODY, **more), label="nothing counts"),
        Case(op, *one, label="one step"),
    ]


test_contract = contract_test(
    [
        *row(SimpleRnn(), 1),
        *row(Lstm(), 4, states=2),
        *row(Gru(reset_after=True), 3, bias=(2, 15)),
        *row(Gru(reset_after=False), 3),
    ]
)


def test_a_simple_recurrence_by_hand() -> None:
    # h1 = tanh(1 · 1) and h2 = tanh(0 · 1 + h1 · 2); the first step's slope passes through both
    h1, h2 = np.tanh(1.0), np.tanh(2 * np.tanh(1.0))
    x, W, U = np.array([[[1.0], [0.0]]]), np.array([[1.0]]), np.array([[2.0]])
    y, h = ops.simple_rnn(x, W, U)
    np.testing.assert_allclose(y[0, :, 0], [h1, h2], rtol=1e-15)
    np.testing.assert_array_equal(h, y[:, -1])
    found = gn.grad(lambda x, W, U: ops.simple_rnn(x, W, U)[1].sum(), argnums=(0, 1, 2))(x, W, U)
    z2 = 1 - h2**2
    z1 = z2 * 2 * (1 - h1**2)
    np.testing.assert_allclose(found[0].numpy()[0, :, 0], [z1, z2], rtol=1e-14)
    np.testing.assert_allclose([found[1].item(), found[2].item()], [z1 * 1 + z2 * 0, z2 * h1], rtol=1e-14)


def test_an_open_forget_gate_keeps_the_gradient_a_closed_one_drops_it() -> None:
    x, U = np.zeros((1, 50, 1)), np.zeros((1, 4))
    for forget, expected in ((40.0, 1.0), (-40.0, 0.0)):
        b = np.array([0.0, forget, 0.0, 0.0])
        carry = gn.grad(lambda c, b=b: ops.lstm(x, U, U, b, c0=c)[2].sum())(np.zeros((1, 1)))
        np.testing.assert_allclose(carry.numpy(), [[expected]], atol=1e-15)


def test_a_gru_with_a_full_update_gate_never_changes() -> None:
    rng = np.random.default_rng(0)
    x, h, b = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 5)), np.zeros((2, 15))
    b[0, :5] = 1e3
    y, last = ops.gru(x, rng.normal(size=(3, 15)), rng.normal(size=(5, 15)), b, h)
    np.testing.assert_allclose(last, h, rtol=1e-14)
    np.testing.assert_allclose(y, np.repeat(h[:, None], 4, axis=1), rtol=1e-14)


@pytest.mark.parametrize("run", [ops.simple_rnn, ops.lstm, ops.gru])
def test_padding_changes_nothing_and_gets_no_gradient(run: Any) -> None:
    sums, rng = {"simple_rnn": 1, "lstm": 4, "gru": 3}[run.__name__], np.random.default_rng(0)
    x, W, U = rng.normal(size=(2, 4, 3)), rng.normal(size=(3, 5 * sums)), rng.normal(size=(5, 5 * sums))
    right, left = np.array([[1, 1, 1, 0]] * 2, bool), np.array([[0, 1, 1, 1]] * 2, bool)
    alone = run(x[:, :3], W, U)
    padded, shifted = run(x, W, U, mask=right), run(np.roll(x, 1, axis=1), W, U, mask=left)
    for bare, after, before in zip(alone[1:], padded[1:], shifted[1:], strict=True):
        np.testing.assert_allclose(after, bare, rtol=1e-14)
        np.testing.assert_allclose(before, bare, rtol=1e-14)
    np.testing.assert_allclose(padded[0][:, 3], alone[0][:, 2], rtol=1e-14)
    slope = gn.grad(lambda x: (run(x, W, U, mask=right)[0] ** 2).sum())(x).numpy()
    assert not slope[:, 3].any()
    assert slope[:, :3].all()


def test_far_inputs_saturate_without_a_warning() -> None:
    x, W = np.full((1, 3, 1), 1e4, "float32"), np.ones((1, 4), "float32")
    y, _, c = ops.lstm(x, W, W)
    np.testing.assert_allclose(c, [[3.0]])
    np.testing.assert_allclose(ops.lstm(-x, W, W)[0], 0.0)
    assert y.dtype == np.float32


def test_steps_of_integers_and_masks_of_numbers_are_taken() -> None:
    W = np.ones((1, 1))
    y, _ = ops.simple_rnn(np.array([[[1], [2]]]), W, W, mask=np.array([[1, 0]]))
    np.testing.assert_allclose(y[0, :, 0], np.tanh(1.0))


X, W4, U4 = np.zeros((2, 4, 3)), np.zeros((3, 8)), np.zeros((2, 8))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.lstm(X[0], W4, U4), r"lstm: x is not a sequence\n  expected: \(N, T, I\)"),
        (lambda: ops.lstm(X[:, :0], W4, U4), "with at least one step"),
        (lambda: ops.lstm(X, W4[:2], U4), r"lstm: W does not fit x \(2, 4, 3\) and 2 units\n  expected: \(3, 8\)"),
        (lambda: ops.gru(X, W4, U4), r"gru: W does not fit .*\n  expected: \(3, 6\)"),
        (lambda: ops.lstm(X, W4, U4, np.zeros(6)), r"lstm: b does not fit .*\n  expected: \(8,\)"),
        (lambda: ops.gru(X, W4[:, :6], U4[:, :6], np.zeros(6)), r"gru: b does not fit .*\n  expected: \(2, 6\)"),
        (lambda: ops.lstm(X, W4, U4, c0=np.zeros((3, 2))), r"lstm: c0 does not fit .*\n  expected: \(2, 2\)"),
        (lambda: ops.lstm(X, W4, U4, mask=np.ones((2, 3))), r"lstm: mask does not fit .*\n  expected: \(2, 4\)"),
    ],
)
def test_what_does_not_fit_is_named(call: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call()


def test_weights_of_another_float_type_are_refused() -> None:
    with pytest.raises(DTypeError, match="lstm: two different float types"):
        ops.lstm(gn.Tensor(X.astype("float32")), W4, U4)
