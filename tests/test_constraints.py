"""MaxNorm: lengths after it, what it leaves alone, and its place after the update."""

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
    with pytest.raises(ArgumentError, match=r"Constraint must define __call__\(self, w\)"):
        con.Constraint()(W)
