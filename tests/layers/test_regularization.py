"""Regularization layers: contract table, the noise itself, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.layers import Dropout, GaussianNoise

from helpers.layer_contract import LayerCase, contract_test

test_contract = contract_test(
    [
        LayerCase(Dropout, {"rate": 0.4, "seed": 3}, (4, 5), oracle=lambda x: x),
        LayerCase(Dropout, {"rate": 0.5, "noise_shape": (None, 1, 5)}, (4, 3, 5), oracle=lambda x: x),
        LayerCase(Dropout, {"rate": 0.0}, (4, 5), oracle=lambda x: x),
        LayerCase(GaussianNoise, {"stddev": 0.3}, (4, 5), oracle=lambda x: x),
        LayerCase(GaussianNoise, {"stddev": 0.0}, (4, 5), oracle=lambda x: x),
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


@pytest.mark.parametrize("make", [lambda seed: Dropout(0.5, seed=seed), lambda seed: GaussianNoise(1.0, seed=seed)])
def test_a_seed_repeats_the_sequence_and_each_step_draws_anew(make: Any) -> None:
    x = np.ones((4, 50), "float32")
    first, again, other = make(5), make(5), make(6)
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
