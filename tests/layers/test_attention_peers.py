"""Attention, EinsumDense and Embedding give Keras's outputs and gradients; a committed script made the numbers once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

from helpers.contract import close

STORED = np.load(Path(__file__).parents[1] / "golden" / "peers" / "attention.npz")
CASES = list(enumerate(json.loads(str(STORED["cases"]))))
PEERS = {
    name: STORED["numbers"][start : start + math.prod(shape)].reshape(shape)
    for name, (start, shape) in json.loads(str(STORED["places"])).items()
}


def given(number: int, letter: str) -> list[Any]:
    """The arrays of one kind of a case, in order."""
    keys = [f"{number}/{letter}{position}" for position in range(20)]
    return [PEERS[key] for key in keys if key in PEERS]


def with_masks(settings: dict[str, Any]) -> dict[str, Any]:
    found = dict(settings)
    for key in {"mask", "value_mask", "attention_mask"} & set(settings):
        found[key] = [np.array(m, bool) for m in found[key]] if key == "mask" else np.array(found[key], bool)
    return found


@pytest.mark.parametrize(("number", "case"), CASES, ids=[f"{n}-{case[0]}" for n, case in CASES])
def test_outputs_and_every_gradient_are_those_of_keras(number: int, case: list[Any]) -> None:
    name, arguments, shapes, settings = case
    layer = getattr(gn.layers, name)(**arguments, dtype="float64")
    inputs = [gn.Tensor(x, requires_grad=True) for x in given(number, "x")]
    call = [inputs] if isinstance(shapes[0][0], list) else inputs
    layer(*call)
    layer.set_weights(given(number, "w"))
    found = layer(*call, **with_masks(settings))
    outputs = found if isinstance(found, tuple) else (found,)
    for y, expected in zip(outputs, given(number, "y"), strict=True):
        close(y.numpy(), expected, f"{name}: output")
    sum((y * c).sum() for y, c in zip(outputs, given(number, "c"), strict=True)).backward()
    for position, x in enumerate(inputs):
        close(x.grad.numpy(), PEERS[f"{number}/x{position}_bar"], f"{name}: gradient of input {position}")
    for position, weight in enumerate(layer.weights):
        close(weight.grad.numpy(), PEERS[f"{number}/w{position}_bar"], f"{name}: gradient of {weight.path}")


def test_the_gradient_of_an_embedding_is_that_of_keras() -> None:
    layer = gn.layers.Embedding(6, 3, weights=PEERS["table"], dtype="float64")
    (layer(PEERS["ids"].astype(int)) * PEERS["cotangent"]).sum().backward()
    close(layer.embeddings.grad.numpy(), PEERS["table_bar"], "gradient of the table")
