"""Pooling: contract table, ties and borders by hand, adaptive windows against plain NumPy, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.pooling import MaxPooling, MaxUnpooling, WindowSpread, WindowSum, WinningCells

from helpers.contract import Case, contract_test

APART = {"pool_size": (2, 2), "strides": (2, 2)}
OVERLAPPING = {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}
LINE = {"pool_size": (2,), "strides": (3,)}
CUBE = {"pool_size": (2, 1, 2), "strides": (1, 2, 1)}


def taps(count: int, *shape: int) -> Any:
    """Which tap won, drawn at random."""
    return lambda rng: rng.integers(0, count, shape).astype("uint8")


def apart(*shape: int) -> Any:
    """Numbers that are far from equal, so that no difference moves the maximum."""
    return lambda rng: rng.permutation(int(np.prod(shape))).reshape(shape) / 7.0


test_contract = contract_test(
    [
        Case(MaxPooling(**APART), apart(2, 4, 5, 3), empty=[(0, 4, 5, 3)]),
        Case(MaxPooling(**OVERLAPPING), apart(2, 5, 4, 2), label="same, overlapping"),
        Case(MaxPooling(**LINE), apart(2, 8, 3), label="cells between the windows"),
        Case(MaxPooling(**CUBE), apart(1, 3, 3, 2, 2)),
        Case(MaxUnpooling(**APART, size=(4, 5)), (2, 2, 2, 3), taps(4, 2, 2, 2, 3)),
        Case(MaxUnpooling(**OVERLAPPING, size=(5, 5)), (2, 3, 5, 1), lambda rng: np.full((2, 3, 5, 1), 2, "uint8")),
        Case(MaxUnpooling(**LINE, size=(8,)), (2, 3, 3), taps(2, 2, 3, 3)),
        Case(MaxUnpooling(**CUBE, size=(3, 3, 2)), (1, 2, 2, 1, 2), taps(4, 1, 2, 2, 1, 2)),
        Case(WinningCells(**APART), (2, 4, 5, 3), taps(4, 2, 2, 2, 3)),
        Case(WinningCells(**LINE), (2, 8, 3), taps(2, 2, 3, 3)),
        Case(WinningCells(**CUBE), (1, 3, 3, 2, 2), taps(4, 1, 2, 2, 1, 2)),
        Case(WindowSum(**APART), (2, 4, 5, 3), empty=[(0, 4, 5, 3)]),
        Case(WindowSum(**OVERLAPPING), (2, 5, 4, 2), label="same, overlapping"),
        Case(WindowSum(**CUBE), (1, 3, 3, 2, 2)),
        Case(WindowSpread(**APART, size=(4, 5)), (2, 2, 2, 3), empty=[(0, 2, 2, 3)]),
        Case(WindowSpread(**OVERLAPPING, size=(5, 4)), (2, 3, 4, 2), label="same, overlapping"),
    ]
)


def test_of_equal_cells_the_first_gets_the_gradient() -> None:
    x = gn.Tensor(np.zeros((1, 2, 2, 1)), requires_grad=True)
    ops.max_pool(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0, :, :, 0], [[1, 0], [0, 0]])


def test_a_cell_that_wins_several_windows_gets_a_gradient_from_each() -> None:
    x = gn.Tensor(np.array([[[1.0], [9.0], [2.0], [3.0]]]), requires_grad=True)
    y = ops.max_pool(x, 3, strides=1, padding="same")
    (y * np.array([[[1.0], [10.0], [100.0], [1000.0]]])).sum().backward()
    np.testing.assert_array_equal(y.numpy()[0, :, 0], [9, 9, 9, 3])
    np.testing.assert_array_equal(x.grad.numpy()[0, :, 0], [0, 111, 0, 1000])


def test_a_border_neither_wins_nor_counts() -> None:
    x = -np.ones((1, 3, 3, 1))
    np.testing.assert_array_equal(ops.max_pool(x, 2, padding="same"), -np.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(ops.average_pool(x, 2, padding="same"), -np.ones((1, 2, 2, 1)))


def test_nan_goes_through() -> None:
    x = np.array([[[1.0], [np.nan], [2.0], [3.0]]])
    np.testing.assert_array_equal(ops.max_pool(x, 2)[0, :, 0], [np.nan, 3])


@pytest.mark.parametrize(("size", "parts"), [(5, 3), (6, 3), (2, 4), (7, 1)])
def test_adaptive_windows_share_the_image_out(size: int, parts: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, size, 3))
    windows = [x[:, int(np.floor(i * size / parts)) : int(np.ceil((i + 1) * size / parts))] for i in range(parts)]
    np.testing.assert_allclose(ops.adaptive_average_pool(x, parts), np.stack([w.mean(1) for w in windows], 1))
    np.testing.assert_array_equal(ops.adaptive_max_pool(x, parts), np.stack([w.max(1) for w in windows], 1))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.max_pool(np.ones((1, 2, 2, 1)), 3),
            ShapeError,
            r"max_pooling: the kernel is larger than the image",
        ),
        (lambda: ops.max_pool(np.ones((4, 4)), 2), ShapeError, r"max_pool: wrong number of axes\n.*\n.*\(4, 4\)"),
        (lambda: ops.max_pool(np.ones((1, 4, 1)), 0), ArgumentError, r"max_pool: pool_size: not a size per axis"),
        (
            lambda: ops.average_pool(np.ones((1, 4, 1)), 2, padding="full"),
            ArgumentError,
            r"average_pool: unknown padding",
        ),
        (lambda: ops.adaptive_max_pool(np.ones((1, 4, 1)), (2, 2)), ArgumentError, r"adaptive_max_pool: output_size"),
    ],
)
def test_error_texts(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
