"""Recurrent layers give the numbers of Keras and PyTorch: outputs, states, and every gradient, in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.functional import leaves
from glassnet.autograd.tensor import Tensor

from helpers.contract import close

FILE = np.load(Path(__file__).parents[1] / "golden" / "peers" / "recurrent.npz")
CASES, MASKS = list(enumerate(json.loads(str(FILE["cases"])))), json.loads(str(FILE["masks"]))


def unpacked() -> dict[str, Any]:
    """The arrays of the file, which lie one after the other, by their names."""
    found, numbers, start = {}, FILE["numbers"], 0
    for name, shape in json.loads(str(FILE["places"])).items():
        end = start + int(np.prod(shape))
        found[name], start = numbers[start:end].reshape(shape), end
    return found


GOLDEN = unpacked()


def made(spec: Any) -> Any:
    """A layer in float64 from its description."""
    if isinstance(spec, list):
        return [made(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    arguments = {key: made(part) for key, part in spec["config"].items()}
    return getattr(gn.layers, spec["class_name"])(**arguments, dtype="float64")


def named(case: tuple[int, Any]) -> str:
    number, row = case
    text = json.dumps({key: part for key, part in row.items() if key != "layer"})
    return f"{number}-{row['layer']['class_name']}-{text}"


def stored(number: int, kind: str) -> list[Any]:
    """The arrays kind0, kind1, ... of a case."""
    found, position = [], 0
    while f"{number}/{kind}{position}" in GOLDEN:
        found.append(GOLDEN[f"{number}/{kind}{position}"])
        position += 1
    return found


@pytest.mark.parametrize("case", CASES, ids=named)
def test_layer_equals_its_peer(case: tuple[int, Any]) -> None:
    number, row = case
    layer, x = made(row["layer"]), Tensor(GOLDEN[f"{number}/x"], requires_grad=True)
    states = [Tensor(state, requires_grad=True) for state in stored(number, "s")]
    given: dict[str, Any] = {"initial_state": states} if states else {}
    if "mask" in row:
        given["mask"] = np.array(MASKS[row["mask"]], bool)
    layer.build(x.shape)
    layer.set_weights(stored(number, "w"))
    for batch in range(1, row.get("batches", 1)):
        layer(GOLDEN[f"{number}/before{batch}"])
    outputs = leaves(layer(x, **given))
    expected = stored(number, "y")
    assert len(outputs) == len(expected)
    for position, (y, wanted) in enumerate(zip(outputs, expected, strict=True)):
        close(y.numpy(), wanted, f"output {position}")
    sum((y * g).sum() for y, g in zip(outputs, stored(number, "g"), strict=True)).backward()
    close(x.grad.numpy(), GOLDEN[f"{number}/x_bar"], "gradient of x")
    for kind, found in (("s", states), ("w", layer.weights)):
        assert len(found) == len(stored(number, kind))
        for position, leaf in enumerate(found):
            close(leaf.grad.numpy(), GOLDEN[f"{number}/{kind}{position}_bar"], f"gradient of {kind}{position}")


def test_the_file_holds_every_kind() -> None:
    kinds = {row["layer"]["class_name"] for _, row in CASES}
    assert kinds == {"SimpleRNN", "LSTM", "GRU", "Bidirectional", "RNN", "TimeDistributed"}
