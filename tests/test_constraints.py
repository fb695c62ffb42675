"""Constraints: lengths after them, what they leave alone, and their place after the update."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import constraints as con
from glassnet.errors import ArgumentError

W = np.random.default_rng(0).normal(size=(5, 4)) * np.array([0.1, 0.4, 1.0, 3.0])


@pytest.mark.parametrize("axis", [0, 1, [0, 1]])
def test_no_length_is_above_the_largest_and_directions_stay(axis: Any) -> None:
    axes = tuple(axis) if isinstance(axis, list) else axis
    before = np.sqrt((W**2).sum(axis=axes, keepdims=True))
    found = con.MaxNorm(1.5, axis=axis)(W)
    np.testing.assert_allclose(found * before, W * np.minimum(before, 1.5), rtol=1e-12)


def test_shorter_weights_keep_their_bits() -> None:
    for dtype in ("float32", "float64"):
        w = (W / 100).astype(dtype)
        np.testing.assert_array_equal(con.MaxNorm(1.0)(w), w)
    np.testing.assert_array_equal(con.MaxNorm(1.0)(np.zeros((2, 2))), np.zeros((2, 2)))


@pytest.mark.parametrize("axis", [0, 1, [0, 1]])
def test_lengths_become_1_or_lie_between_two_numbers(axis: Any) -> None:
    axes = tuple(axis) if isinstance(axis, list) else axis
    before = np.sqrt((W**2).sum(axis=axes, keepdims=True))
    np.testing.assert_allclose(con.UnitNorm(axis)(W), W / before, rtol=1e-12)
    np.testing.assert_allclose(con.MinMaxNorm(0.5, 1.5, axis=axis)(W), W / before * before.clip(0.5, 1.5), rtol=1e-12)
    half = con.MinMaxNorm(0.5, 1.5, rate=0.5, axis=axis)(W)  # half of the way
    np.testing.assert_allclose(half, (W + W / before * before.clip(0.5, 1.5)) / 2, rtol=1e-12)


def test_units_of_zeros_stay_and_negative_weights_go() -> None:
    zeros = np.zeros((3, 2))
    np.testing.assert_array_equal(con.UnitNorm()(zeros), zeros)
    np.testing.assert_array_equal(con.MinMaxNorm(0.5)(zeros), zeros)
    np.testing.assert_array_equal(con.NonNeg()(W), np.where(W > 0, W, 0))


@pytest.mark.parametrize(
    "own", [con.MinMaxNorm(0.25, 2.0, 0.5, [0, 1]), con.UnitNorm(1), con.NonNeg(), con.WeightClip(0.5)]
)
def test_every_constraint_survives_a_file_and_has_a_name(own: Any) -> None:
    again = con.deserialize(json.loads(json.dumps(con.serialize(own))))
    assert type(again) is type(own)
    assert again.get_config() == own.get_config()
    names = {"min_max_norm": con.min_max_norm, "unit_norm": con.unit_norm, "non_neg": con.non_neg}
    assert {type(con.get(name)) for name in names} == set(names.values())


@pytest.mark.parametrize("jit", [False, True])
def test_a_layer_holds_the_constraint_after_every_step(jit: bool) -> None:
    layer = gn.layers.Dense(3, kernel_constraint=con.MaxNorm(0.5), bias_constraint=None)
    model = gn.Sequential([gn.Input((4,)), layer])
    model.compile(gn.optimizers.SGD(5.0), "mse", jit_compile=jit)
    rng = np.random.default_rng(0)
    for _ in range(3):
        model.train_on_batch(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)))
        assert np.linalg.norm(layer.kernel.numpy(), axis=0).max() <= 0.5 * (1 + 1e-6)
    assert np.abs(layer.bias.numpy()).max() > 0.5  # the bias is free


def test_a_constraint_survives_a_file() -> None:
    again = con.deserialize(json.loads(json.dumps(con.serialize(con.MaxNorm(3, axis=[0, 1])))))
    assert again.get_config() == {"max_value": 3, "axis": [0, 1]}
    assert con.get("max_norm").max_value == 2
    assert con.max_norm is con.MaxNorm


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ArgumentError, match=r"MaxNorm: max_value must be positive\n.*max_value=0"):
        con.MaxNorm(0)
    with pytest.raises(ArgumentError, match=r"MinMaxNorm: lengths need 0 <= min_value <= max_value\n.*min_value=2"):
        con.MinMaxNorm(2.0, 1.0)
    with pytest.raises(ArgumentError, match=r"MinMaxNorm: rate must be in \[0, 1\]"):
        con.MinMaxNorm(rate=2.0)
    with pytest.raises(ArgumentError, match=r"Constraint must define __call__\(self, w\)"):
        con.Constraint()(W)
