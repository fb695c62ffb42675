"""Normalization layers: contract table, training against plain NumPy, running averages, error texts."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import BatchNormalization

from helpers.layer_contract import LayerCase, contract_test

FOUR = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (5,))

test_contract = contract_test(
    [
        LayerCase(
            BatchNormalization, {}, (4, 5), oracle=lambda x, g, b, m, v: g * (x - m) / np.sqrt(v + 1e-3) + b,
            weights=FOUR,
        ),
        LayerCase(
            BatchNormalization, {"axis": 1, "epsilon": 0.1, "momentum": 0.5, "gamma_regularizer": "l2"}, (3, 5, 2),
            oracle=lambda x, g, b, m, v: ((x.transpose(0, 2, 1) - m) * g / np.sqrt(v + 0.1) + b).transpose(0, 2, 1),
            weights=FOUR,
        ),
        LayerCase(
            BatchNormalization, {"center": False, "scale": False}, (4, 5),
            oracle=lambda x, m, v: (x - m) / np.sqrt(v + 1e-3), weights={"moving_mean": (5,), "moving_variance": (5,)},
        ),
    ]
)  # fmt: skip


def test_training_normalizes_by_the_batch_and_moves_the_averages() -> None:
    rng = np.random.default_rng(0)
    layer = BatchNormalization(momentum=0.9, epsilon=0.01, dtype="float64")
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = rng.normal(5.0, 2.0, size=(8, 3))
        y = layer(x, training=True).numpy()
        np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 0.01), rtol=1e-12)
        mean, variance = 0.9 * mean + 0.1 * x.mean(0), 0.9 * variance + 0.1 * x.var(0)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-12)


def test_a_frozen_layer_computes_as_at_inference() -> None:
    layer = BatchNormalization()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x, training=True)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(x, training=True).numpy(), layer(x, training=False).numpy())
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before[2])


def test_running_averages_are_not_trained_after_unfreezing() -> None:
    layer = BatchNormalization()
    layer(np.ones((2, 3)))
    layer.trainable = False
    layer.trainable = True
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]


def test_the_gradient_does_not_flow_into_the_running_averages() -> None:
    layer = BatchNormalization()
    x = gn.Tensor(np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), requires_grad=True)
    layer(x, training=True).sum().backward()
    assert layer.moving_mean.grad is None
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-6)  # the sum of a normalized batch cannot change


def test_axis_must_exist() -> None:
    with pytest.raises(ArgumentError, match=r"BatchNormalization 'bn': axis does not exist\n(.*\n)*  received: axis=2"):
        BatchNormalization(axis=2, name="bn")(np.ones((2, 3)))


def test_other_features_are_refused() -> None:
    layer = BatchNormalization(name="bn")
    layer(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"BatchNormalization 'bn': .*wrong shape\n  expected: \(batch, 3\)"):
        layer(np.ones((2, 4)))
