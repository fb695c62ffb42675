"""Regularizers: values and slopes by hand, and their way into a model's loss."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import regularizers as reg
from glassnet.errors import ArgumentError

W = np.array([[3.0, -4.0], [0.5, 0.0]])


@pytest.mark.parametrize(
    ("regularizer", "value", "slope"),
    [
        (reg.L1(0.1), 0.1 * np.abs(W).sum(), 0.1 * np.sign(W)),
        (reg.L2(0.1), 0.1 * (W**2).sum(), 0.2 * W),
        (reg.L1L2(0.1, 0.01), 0.1 * np.abs(W).sum() + 0.01 * (W**2).sum(), 0.1 * np.sign(W) + 0.02 * W),
    ],
)
def test_value_and_slope(regularizer: Any, value: float, slope: Any) -> None:
    found, gradient = gn.value_and_grad(regularizer)(W)
    np.testing.assert_allclose(found.numpy(), value, rtol=1e-12)
    np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-12)


def test_without_strengths_there_is_no_penalty() -> None:
    assert float(reg.L1L2()(W)) == 0.0


@pytest.mark.parametrize("jit", [False, True])
def test_a_model_adds_the_penalty_to_its_loss_and_to_its_gradients(jit: bool) -> None:
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 2), "float32")
    layer = gn.layers.Dense(2, kernel_regularizer=reg.L2(0.5), kernel_initializer="ones", use_bias=False)
    model = gn.Sequential([gn.Input((3,)), layer])
    model.compile(gn.optimizers.SGD(0.1), "mse", jit_compile=jit)
    # every output is 3, so the loss is 9 + 0.5 * 6 ones; slopes: 2/2 * 3 by the loss and 2 * 0.5 * 1 by the penalty
    assert model.train_on_batch(x, y) == pytest.approx(12.0)
    np.testing.assert_allclose(layer.kernel.numpy(), 1 - 0.1 * (3 + 1), rtol=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2", "L1", "l1_l2", "L1L2"])
def test_a_regularizer_survives_a_file(name: str) -> None:
    own = reg.get(name)
    again = reg.deserialize(json.loads(json.dumps(reg.serialize(own))))
    assert type(again) is type(own)
    assert again.get_config() == own.get_config()


def test_the_functions_of_keras_are_the_classes() -> None:
    assert (reg.l1, reg.l2, reg.l1_l2) == (reg.L1, reg.L2, reg.L1L2)
    assert (reg.get("l1").l1, reg.get("l2").l2) == (0.01, 0.01)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_strengths_must_be_finite_and_not_negative(strength: float) -> None:
    with pytest.raises(ArgumentError, match=r"L2: l2 must be >= 0\n.*l2="):
        reg.L2(strength)
    with pytest.raises(ArgumentError, match=r"L1: l1 must be >= 0\n.*l1="):
        reg.L1(strength)


def test_a_regularizer_of_ones_own_needs_a_call_method() -> None:
    with pytest.raises(ArgumentError, match=r"Regularizer must define __call__\(self, x\)"):
        reg.Regularizer()(W)
