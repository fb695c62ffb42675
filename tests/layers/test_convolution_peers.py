"""Convolution and pooling layers give Keras's outputs and gradients; the numbers were made once by a committed script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

from helpers.contract import close

PEERS = np.load(Path(__file__).parents[1] / "golden" / "peers" / "convolution.npz")
CASES = list(enumerate(json.loads(str(PEERS["cases"]))))


@pytest.mark.parametrize(("number", "case"), CASES, ids=[f"{n}-{case[0]}" for n, case in CASES])
def test_output_and_every_gradient_are_those_of_keras(number: int, case: list[Any]) -> None:
    name, arguments, shape = case
    known = {key.split("/")[1]: PEERS[key] for key in PEERS.files if key.startswith(f"{number}/")}
    layer = getattr(gn.layers, name)(**arguments, dtype="float64")
    x = gn.Tensor(known["x"], requires_grad=True)
    layer(x)
    layer.set_weights([known[f"w{position}"] for position in range(len(layer.weights))])
    y = layer(x)
    float32_there = 1e-6 if name.startswith("GlobalAverage") else None  # Keras's mean computes in float32
    close(y.numpy(), known["y"], f"{name}: output", float32_there)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *known["y"].shape[1:])
    gradients = gn.grad(lambda x, *_: (layer(x) * known["cotangent"]).sum())(x)
    close(gradients.numpy(), known["x_bar"], f"{name}: gradient of the input", float32_there)
    (layer(x) * known["cotangent"]).sum().backward()
    for position, weight in enumerate(layer.weights):
        close(weight.grad.numpy(), known[f"w{position}_bar"], f"{name}: gradient of {weight.name}")
