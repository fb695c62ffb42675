"""Normalization, reshaping and merging give the numbers of Keras and PyTorch; a committed script made them once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

from helpers.contract import close

STORED = np.load(Path(__file__).parents[1] / "golden" / "peers" / "normalization.npz")
CASES = list(enumerate(json.loads(str(STORED["cases"]))))
MERGES = list(enumerate(json.loads(str(STORED["merges"]))))
PEERS = {
    name: STORED["numbers"][start : start + math.prod(shape)].reshape(shape)
    for name, (start, shape) in json.loads(str(STORED["places"])).items()
}


def given(case: str, kind: str) -> list[Any]:
    """The arrays of one kind of a case, in order."""
    keys = [f"{case}/{kind}{position}" for position in range(10)]
    return [PEERS[key] for key in keys if key in PEERS]


@pytest.mark.parametrize(("number", "case"), CASES, ids=[f"{n}-{case[0]}" for n, case in CASES])
def test_output_gradients_and_running_statistics_are_those_of_keras(number: int, case: list[Any]) -> None:
    name, arguments, shape, settings = case
    if "mask" in settings:
        settings = {**settings, "mask": np.array(settings["mask"], bool)}
    layer = getattr(gn.layers, name)(**arguments, dtype="float64")
    layer.build(tuple(shape))
    layer.set_weights(given(str(number), "w"))
    x = gn.Tensor(PEERS[f"{number}/x"], requires_grad=True)
    y = layer(x, **settings)
    (y * PEERS[f"{number}/cotangent"]).sum().backward()
    masked = 1e-6 if "mask" in settings else None  # Keras adds 1e-7 to the number of cells that count
    close(y.numpy(), PEERS[f"{number}/y"], f"{name}: output", masked)
    found = [x.grad, *[v.grad for v in layer.trainable_variables]]
    for position, (got, want) in enumerate(zip(found, given(str(number), "bar"), strict=True)):
        close(got.numpy(), want, f"{name}: gradient {position}", masked)
    for got, want in zip(layer.get_weights(), given(str(number), "after"), strict=True):
        close(got, want, f"{name}: weights after the step", masked)


@pytest.mark.parametrize(("number", "case"), MERGES, ids=[f"{n}-{case[0]}" for n, case in MERGES])
def test_merged_outputs_and_gradients_are_those_of_keras(number: int, case: list[Any]) -> None:
    name, arguments, _ = case
    inputs = [gn.Tensor(x, requires_grad=True) for x in given(f"merge{number}", "x")]
    y = getattr(gn.layers, name)(**arguments, dtype="float64")(inputs)
    (y * PEERS[f"merge{number}/cotangent"]).sum().backward()
    close(y.numpy(), PEERS[f"merge{number}/y"], f"{name}: output")
    for x, want in zip(inputs, given(f"merge{number}", "bar"), strict=True):
        close(x.grad.numpy(), want, f"{name}: gradient")


def test_local_response_is_that_of_pytorch_whose_alpha_is_n_times_ours() -> None:
    x = gn.Tensor(np.moveaxis(PEERS["response/x"], 1, -1), requires_grad=True)
    y = gn.layers.LocalResponseNormalization(n=5, k=2.0, alpha=2.5 / 5, beta=0.75, dtype="float64")(x)
    (y * np.moveaxis(PEERS["response/cotangent"], 1, -1)).sum().backward()
    close(y.numpy(), np.moveaxis(PEERS["response/y"], 1, -1), "output")
    close(x.grad.numpy(), np.moveaxis(PEERS["response/bar0"], 1, -1), "gradient")
