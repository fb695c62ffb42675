"""Recurrent layers: contract table against loops, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ShapeError
from glassnet.layers import SimpleRNN

from helpers.layer_contract import LayerCase, contract_test


def states(x: Any, W: Any, U: Any, b: Any = 0.0, f: Any = np.tanh) -> Any:
    """h after every step, sample by sample, as the formula says."""
    found = np.zeros((*x.shape[:2], W.shape[1]))
    for n in range(x.shape[0]):
        h = np.zeros(W.shape[1])
        for t in range(x.shape[1]):
            h = found[n, t] = f(x[n, t] @ W + h @ U + b)
    return found


THREE = {"kernel": (3, 2), "recurrent_kernel": (2, 2), "bias": (2,)}

test_contract = contract_test(
    [
        LayerCase(SimpleRNN, {"units": 2}, (4, 5, 3), oracle=lambda *a: states(*a)[:, -1], weights=THREE),
        LayerCase(SimpleRNN, {"units": 2, "return_sequences": True}, (4, 5, 3), oracle=states, weights=THREE),
        LayerCase(
            SimpleRNN, {"units": 2, "use_bias": False, "activation": "sigmoid"}, (4, 2, 3),
            oracle=lambda *a: states(*a, f=lambda z: 1 / (1 + np.exp(-z)))[:, -1],
            weights={"kernel": (3, 2), "recurrent_kernel": (2, 2)},
        ),
    ]
)  # fmt: skip


def test_the_same_weights_serve_any_number_of_steps() -> None:
    layer = SimpleRNN(2, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(1, 7, 3)).astype("float32")
    np.testing.assert_allclose(layer(x).numpy()[:, :4], layer(x[:, :4]).numpy(), rtol=1e-6)


def test_the_state_does_not_explode_through_an_orthogonal_kernel() -> None:
    layer = SimpleRNN(4)
    layer(np.ones((1, 2, 3)))
    U = layer.recurrent_kernel.numpy()
    np.testing.assert_allclose(U @ U.T, np.eye(4), atol=1e-6)


@pytest.mark.parametrize("x", [gn.Input((None, 3)), np.ones((2, 0, 3))])
def test_the_number_of_steps_must_be_known(x: Any) -> None:
    with pytest.raises(ShapeError, match=r"SimpleRNN 'r': the number of time steps must be known and not 0"):
        SimpleRNN(2, name="r")(x)


def test_a_sequence_has_three_axes() -> None:
    with pytest.raises(ShapeError, match=r"SimpleRNN 'r': .*wrong shape\n  expected: \(batch, any, any\)"):
        SimpleRNN(2, name="r")(np.ones((2, 3)))
