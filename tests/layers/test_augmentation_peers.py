"""Image functions and augmentation layers give the numbers of Keras; a committed script made them once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.layers.augmentation import geometry

from helpers.contract import close

STORED = np.load(Path(__file__).parents[1] / "golden" / "peers" / "image.npz")
CASES = list(enumerate(json.loads(str(STORED["cases"]))))
LAYERS = dict(json.loads(str(STORED["layers"])))
PEERS = {
    name: STORED["numbers"][start : start + math.prod(shape)].reshape(shape)
    for name, (start, shape) in json.loads(str(STORED["places"])).items()
}


@pytest.mark.parametrize(("number", "case"), CASES, ids=[f"{n}-{case[0]}" for n, case in CASES])
def test_functions_and_their_gradients_are_those_of_keras(number: int, case: list[Any]) -> None:
    name, arguments = case
    images = gn.Tensor(PEERS[f"{number}/x"], requires_grad=True)
    places = [PEERS[f"{number}/at"]] if f"{number}/at" in PEERS else []
    y = getattr(gn.ops.image, name)(images, *places, **arguments)
    (y * PEERS[f"{number}/w"]).sum().backward()
    close(y.numpy(), PEERS[f"{number}/y"], "value")
    close(images.grad.numpy(), PEERS[f"{number}/g"], "gradient")


def drawn(name: str, *keys: str) -> list[Any]:
    """What Keras's layer drew, one number per image."""
    return [PEERS[f"{name}/{key}"].reshape(3, -1) for key in keys]


MATRICES = {
    "RandomTranslation": lambda t: geometry.shifts(t[:, 1], t[:, 0]),
    "RandomRotation": lambda angle: geometry.rotations(np.deg2rad(angle[:, 0]), (5, 6)),
    "RandomZoom": lambda rows, columns: geometry.zooms(rows[:, 0], columns[:, 0], (5, 6)),
    "RandomShear": lambda shear: geometry.shears(shear[:, 0], shear[:, 1]),
}
KEYS = {
    "RandomTranslation": ["translations"], "RandomRotation": ["angle"], "RandomZoom": ["height_zoom", "width_zoom"],
    "RandomShear": ["shear_factor"],
}  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
def test_layers_move_images_as_keras_does_for_the_same_random_numbers(name: str) -> None:
    layer = getattr(gn.layers, name)(**LAYERS[name], dtype="float64")
    matrices = MATRICES[name](*drawn(name, *KEYS[name]))
    y = layer.moved(gn.Tensor(PEERS[f"{name}/x"]), matrices, (5, 6))
    close(y.numpy(), PEERS[f"{name}/y"], name, 1e-6)  # Keras's matrices are float32


@pytest.mark.parametrize(("name", "key"), [("RandomBrightness", "rgb_delta"), ("RandomContrast", "contrast_factor")])
def test_brightness_and_contrast_are_those_of_keras(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = getattr(gn.layers, name)(**LAYERS[name], dtype="float64")
    monkeypatch.setattr(layer, "uniform", lambda count, bounds: drawn(name, key)[0][:, 0])
    close(layer(PEERS[f"{name}/x"], training=True).numpy(), PEERS[f"{name}/y"], name, 1e-6)  # Keras's mean is float32


def test_gray_and_the_middle_are_those_of_keras() -> None:
    x = PEERS["rgb/x"]
    close(gn.ops.image.rgb_to_grayscale(x), PEERS["rgb/gray"], "gray", 1e-6)
    close(gn.layers.CenterCrop(4, 2, dtype="float64")(x).numpy(), PEERS["rgb/crop"], "middle")
    close(gn.layers.CenterCrop(8, 4, dtype="float64")(x).numpy(), PEERS["rgb/small"], "of a smaller image")
