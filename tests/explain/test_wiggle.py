"""Wiggling a weight: the losses are those of the network computed by hand, the slope is the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.explain import load_trace, trace
from glassnet.explain.route import strongest_route
from glassnet.explain.wiggle import wiggle

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
Y = np.array([[0], [1], [1], [0]], dtype="float32")


def xor(samples: slice = slice(None)) -> Any:
    gn.utils.set_random_seed(5)
    model = gn.Sequential([gn.layers.Dense(3, "tanh", name="dense"), gn.layers.Dense(1, "sigmoid", name="dense_1")])
    return trace(model, X[samples], Y[samples], loss="binary_crossentropy", optimizer="sgd")


def digits(samples: int = 1, units: int = 24, seed: int = 2) -> Any:
    gn.utils.set_random_seed(seed)
    images, labels = gn.datasets.digits.load_data()[0]
    x = (images[:samples].reshape(samples, -1) / 16).astype("float32")
    layers = [gn.layers.Dense(units, "relu", name="dense"), gn.layers.Dense(10, "softmax", name="dense_1")]
    model = gn.Sequential(layers)
    return trace(model, x, labels[:samples], loss="sparse_categorical_crossentropy", optimizer="sgd")


def loss_by_hand(weights: list[Any]) -> float:
    w1, b1, w2, b2 = weights
    p = 1 / (1 + np.exp(-(np.tanh(X.astype(float) @ w1 + b1) @ w2 + b2)))
    return float(np.mean(-Y * np.log(p) - (1 - Y) * np.log(1 - p)))


def test_every_weight_of_a_small_network_is_wiggled_and_its_losses_are_those_computed_by_hand():
    step = xor()
    names = ["dense/kernel@0", "dense/bias@0", "dense_1/kernel@0", "dense_1/bias@0"]
    curves = wiggle(step)
    assert len(curves) == 13 == len({(curve["tensor"], tuple(curve["cell"])) for curve in curves})
    for curve in curves:
        place = names.index(step.tensors[curve["tensor"]].ref)
        for value, loss in zip(curve["values"], curve["losses"], strict=True):
            weights = [step[name].array.astype(float) for name in names]
            weights[place][tuple(curve["cell"])] = value
            assert loss == pytest.approx(loss_by_hand(weights), rel=1e-6)


def test_the_curve_has_21_values_with_the_weight_itself_in_the_middle():
    step = xor()
    for curve in wiggle(step):
        own = step.tensors[curve["tensor"]].array[tuple(curve["cell"])]
        assert len(curve["values"]) == 21
        assert curve["values"][10] == pytest.approx(own, abs=1e-12)
        assert curve["losses"][10] == pytest.approx(step.facts["loss_before"], rel=1e-6)
        np.testing.assert_allclose(np.diff(curve["values"]), np.diff(curve["values"])[0], rtol=1e-9)


@pytest.mark.parametrize("step", [xor(), xor(slice(1, 2)), digits(), digits(4)], ids=["xor", "one", "digit", "digits"])
def test_the_slope_found_by_trying_is_the_gradient(step):
    curves = wiggle(step)
    assert any(curve["slope"] for curve in curves)
    for curve in curves:
        assert curve["difference"] == pytest.approx(curve["slope"], rel=1e-3, abs=1e-8)


def test_of_a_large_network_the_route_and_the_steepest_weights_are_wiggled():
    step = digits()
    found = {f"{step.tensors[c['tensor']].ref}[{','.join(map(str, c['cell']))}]" for c in wiggle(step)}
    route = {ref for ref in strongest_route(step) if "kernel" in ref}
    assert len(route) == 2
    assert route <= found
    kernel = np.abs(step.tensors[step["dense/kernel@0"].grad].array)
    i, j = np.unravel_index(np.argmax(kernel), kernel.shape)
    assert f"dense/kernel@0[{i},{j}]" in found
    assert 16 <= len(found) <= 18


def test_dropout_keeps_its_random_bits_while_a_weight_is_wiggled():
    gn.utils.set_random_seed(0)
    model = gn.Sequential([gn.layers.Dense(6, activation="relu"), gn.layers.Dropout(0.5), gn.layers.Dense(1)])
    step = trace(model, np.ones((8, 2), "float32"), np.ones((8, 1), "float32"), loss="mse", optimizer="sgd")
    for curve in wiggle(step):
        assert curve["losses"][10] == pytest.approx(step.facts["loss_before"], rel=1e-5)
        assert curve["difference"] == pytest.approx(curve["slope"], rel=1e-3, abs=1e-7)


def test_a_trace_from_a_file_has_no_operations_to_compute_with_and_so_no_curves(tmp_path):
    xor().save(tmp_path / "step.trace")
    assert wiggle(load_trace(tmp_path / "step.trace")) == []


@pytest.mark.parametrize("ref", ["dense/linear[0,0]", "dense/kernel@1[0,0]", "dense/kernel@0", "dense/kernel@0[2,0]"])
def test_what_is_not_one_weight_before_the_update_is_refused(ref):
    with pytest.raises(ArgumentError, match="is not one weight"):
        wiggle(xor(), [ref])
