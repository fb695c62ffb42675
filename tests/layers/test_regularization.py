"""Regularization layers: contract table, the noise itself, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)

from helpers.layer_contract import LayerCase, contract_test

test_contract = contract_test(
    [
        LayerCase(Dropout, {"rate": 0.4, "seed": 3}, (4, 5), oracle=lambda x: x),
        LayerCase(Dropout, {"rate": 0.5, "noise_shape": (None, 1, 5)}, (4, 3, 5), oracle=lambda x: x),
        LayerCase(Dropout, {"rate": 0.0}, (4, 5), oracle=lambda x: x),
        LayerCase(GaussianNoise, {"stddev": 0.3}, (4, 5), oracle=lambda x: x),
        LayerCase(GaussianNoise, {"stddev": 0.0}, (4, 5), oracle=lambda x: x),
        LayerCase(SpatialDropout1D, {"rate": 0.4, "seed": 1}, (4, 3, 5), oracle=lambda x: x),
        LayerCase(SpatialDropout2D, {"rate": 0.4}, (2, 3, 3, 5), oracle=lambda x: x),
        LayerCase(GaussianDropout, {"rate": 0.3}, (4, 5), oracle=lambda x: x),
        LayerCase(AlphaDropout, {"rate": 0.3, "noise_shape": (None, 1)}, (4, 5), oracle=lambda x: x),
        LayerCase(ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (4, 5), oracle=lambda x: x),
    ]
)


def test_dropout_scales_the_survivors_so_that_the_mean_stays() -> None:
    y = Dropout(0.25, seed=0)(np.ones((400, 500)), training=True).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    deviation = np.sqrt(0.25 / 0.75 / y.size)  # of the mean of y, each cell having variance rate / (1 - rate)
    assert abs(y.mean() - 1) < 4 * deviation


def test_dropout_lets_the_gradient_through_where_the_input_went_through() -> None:
    x = gn.Tensor(np.ones((3, 40)), requires_grad=True)
    y = Dropout(0.5, seed=1)(x.astype("float32"), training=True)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_dropout_shares_its_mask_along_axes_of_size_1() -> None:
    y = Dropout(0.5, noise_shape=(None, 1, None), seed=2)(np.ones((8, 7, 6)), training=True).numpy()
    assert (y == y[:, :1]).all()
    assert len(np.unique(y[:, 0])) == 2


def test_gaussian_noise_has_the_standard_deviation_it_was_given() -> None:
    noise = GaussianNoise(0.5, seed=0)(np.zeros((300, 300)), training=True).numpy()
    assert abs(noise.mean()) < 4 * 0.5 / 300
    assert abs(noise.std() / 0.5 - 1) < 4 / np.sqrt(2 * noise.size)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(SpatialDropout1D(0.5, seed=0), (6, 7, 9)), (SpatialDropout2D(0.5, seed=0), (6, 2, 4, 9))],
)
def test_spatial_dropout_drops_a_feature_at_all_positions_of_a_sample(layer: Any, shape: tuple[int, ...]) -> None:
    y = layer(np.ones(shape), training=True).numpy().reshape(6, -1, 9)
    assert (y == y[:, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert len(np.unique(y[:, 0], axis=0)) == 6  # another choice for each sample


def test_gaussian_dropout_has_the_mean_and_variance_of_dropouts_factor() -> None:
    y = GaussianDropout(0.2, seed=0)(np.ones((300, 300)), training=True).numpy()
    assert abs(y.mean() - 1) < 4 * 0.5 / 300  # standard deviation √(0.2 / 0.8) = 0.5
    assert abs(y.std() / 0.5 - 1) < 4 / np.sqrt(2 * y.size)


def test_alpha_dropout_keeps_mean_0_and_variance_1() -> None:
    x = np.random.default_rng(0).normal(size=(400, 400))
    x = (x - x.mean()) / x.std()
    y = AlphaDropout(0.3, seed=0)(x, training=True).numpy()
    assert abs(y.mean()) < 4 / 400
    assert abs(y.var() - 1) < 0.02
    share = np.unique(y, return_counts=True)[1].max() / y.size  # all dropped cells have one and the same value
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / y.size)


def test_activity_regularization_adds_its_penalty_per_sample() -> None:
    layer = ActivityRegularization(l1=1.0, l2=10.0)
    layer(np.array([[1.0, -2.0], [3.0, 0.0]]))
    (penalty,) = layer.losses
    np.testing.assert_allclose(float(penalty), (1.0 * 6 + 10.0 * 14) / 2)


@pytest.mark.parametrize("cls", [Dropout, GaussianNoise, GaussianDropout, AlphaDropout])
def test_a_seed_repeats_the_sequence_and_each_step_draws_anew(cls: Any) -> None:
    x = np.ones((4, 50), "float32")
    first, again, other = cls(0.5, seed=5), cls(0.5, seed=5), cls(0.5, seed=6)
    a, b = first(x, training=True).numpy(), first(x, training=True).numpy()
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(again(x, training=True).numpy(), a)
    assert not np.array_equal(other(x, training=True).numpy(), a)


def test_a_replayed_step_draws_anew_each_time() -> None:
    layer = Dropout(0.5)
    step = gn.jit(lambda x: layer(x, training=True))
    x = np.ones((4, 50), "float32")
    assert not np.array_equal(step(x).numpy(), step(x).numpy())
    assert step.traces == 1


@pytest.mark.parametrize("cls", [GaussianDropout, AlphaDropout, SpatialDropout1D])
def test_every_kind_of_dropout_refuses_a_rate_of_1(cls: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"{cls.__name__} 'd': rate must be in \[0, 1\)"):
        cls(1.0, name="d")


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_refuses_a_rate_outside_of_0_to_1(rate: float) -> None:
    with pytest.raises(ArgumentError, match=r"Dropout 'd': rate must be in \[0, 1\)\n  received: rate="):
        Dropout(rate, name="d")


def test_dropout_refuses_a_noise_shape_of_another_rank() -> None:
    with pytest.raises(ArgumentError, match=r"noise_shape needs one size per axis\n  expected: 2 sizes for \(4, 5\)"):
        Dropout(0.5, noise_shape=(5,))(np.ones((4, 5)), training=True)


def test_gaussian_noise_refuses_a_negative_deviation() -> None:
    with pytest.raises(ArgumentError, match="GaussianNoise 'g': stddev cannot be negative"):
        GaussianNoise(-1.0, name="g")
