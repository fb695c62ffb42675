"""Normalization and reshaping layers of Keras: outputs, gradients and running statistics; local response of PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import torch
from keras.src import backend
from keras.src.backend.common import dtypes

FILE = Path(__file__).with_name("normalization.npz")
ROWS, LINE, IMAGE = (5, 6), (3, 4, 6), (2, 3, 4, 6)
MASK = [[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]]

CASES = [
    ("BatchNormalization", {}, ROWS, {"training": True}),
    ("BatchNormalization", {"momentum": 0.7, "epsilon": 0.1}, IMAGE, {"training": True}),
    ("BatchNormalization", {"axis": 1, "center": False}, IMAGE, {"training": True}),
    ("BatchNormalization", {"axis": -2, "scale": False}, LINE, {"training": True}),
    ("BatchNormalization", {"momentum": 0.5}, LINE, {"training": True, "mask": MASK}),
    ("BatchNormalization", {}, IMAGE, {"training": False}),
    ("BatchNormalization", {"axis": 1}, IMAGE, {"training": False}),
    ("BatchNormalization", {"trainable": False}, ROWS, {"training": True}),
    ("LayerNormalization", {}, ROWS, {}),
    ("LayerNormalization", {"epsilon": 0.1, "center": False}, LINE, {}),
    ("LayerNormalization", {"axis": [1, 2]}, LINE, {}),
    ("LayerNormalization", {"axis": [1, 3]}, IMAGE, {}),
    ("LayerNormalization", {"scale": False}, IMAGE, {}),
    ("RMSNormalization", {}, LINE, {}),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, LINE, {}),
    ("GroupNormalization", {"groups": 3}, IMAGE, {}),
    ("GroupNormalization", {"groups": 2, "epsilon": 0.1, "scale": False}, ROWS, {}),
    ("GroupNormalization", {"groups": -1}, IMAGE, {}),
    ("GroupNormalization", {"groups": 1, "center": False}, IMAGE, {}),
    ("GroupNormalization", {"groups": 3, "axis": 1}, (2, 6, 4), {}),
    ("UnitNormalization", {}, LINE, {}),
    ("UnitNormalization", {"axis": [1, 2]}, LINE, {}),
    ("UpSampling1D", {"size": 3}, LINE, {}),
    ("UpSampling2D", {"size": [2, 3]}, IMAGE, {}),
    ("UpSampling2D", {"size": [2, 3], "interpolation": "bilinear"}, IMAGE, {}),
    ("UpSampling2D", {"size": [4, 1], "interpolation": "bilinear"}, (1, 1, 2, 3), {}),
    ("ZeroPadding2D", {"padding": [[1, 0], [2, 3]]}, IMAGE, {}),
    ("Cropping2D", {"cropping": [[1, 0], [2, 1]]}, IMAGE, {}),
    ("Permute", {"dims": [3, 1, 2]}, IMAGE, {}),
]
MERGES = [
    ("Add", {}, [(3, 6), LINE]),
    ("Multiply", {}, [LINE, (3, 1, 6), (3, 6)]),
    ("Average", {}, [LINE, LINE]),
    ("Maximum", {}, [LINE, LINE]),
    ("Dot", {"axes": [2, 1]}, [LINE, (3, 6, 2)]),
    ("Dot", {"axes": 1, "normalize": True}, [(3, 6), (3, 6)]),
]


def settings(given: dict) -> dict:
    """The same settings with the mask as a boolean tensor."""
    return {**given, "mask": torch.tensor(MASK, dtype=torch.bool)} if "mask" in given else given


def derivatives(y: torch.Tensor, leaves: list, rng: np.random.Generator) -> list:
    """A random cotangent of y, and what comes back to every leaf."""
    cotangent = rng.normal(size=tuple(y.shape))
    return [cotangent, *torch.autograd.grad((y * torch.tensor(cotangent)).sum(), leaves, allow_unused=True)]


def main() -> None:
    """Compute every case in float64 and write the file."""
    keras.config.set_floatx("float64")
    torch.set_default_device("cpu")
    # Keras brings some products of two float64 arrays to float32; here all is float64
    backend.result_type = dtypes.result_type = lambda *_: "float64"
    rng, arrays = np.random.default_rng(0), {}
    for number, (name, arguments, shape, given) in enumerate(CASES):
        layer = getattr(keras.layers, name)(**arguments)
        x = torch.tensor(rng.normal(size=shape), requires_grad=True)
        layer.build(shape)
        layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.weights])
        weights = layer.get_weights()
        y = layer(x, **settings(given))
        trained = [w.value for w in layer.trainable_weights]
        cotangent, *found = derivatives(y, [x, *trained], rng)
        arrays |= {f"{number}/x": x, f"{number}/y": y, f"{number}/cotangent": cotangent}
        arrays |= {f"{number}/w{i}": w for i, w in enumerate(weights)}
        arrays |= {f"{number}/after{i}": w for i, w in enumerate(layer.get_weights())}
        arrays |= {f"{number}/bar{i}": g for i, g in enumerate(found)}
    for number, (name, arguments, shapes) in enumerate(MERGES):
        inputs = [torch.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]
        y = getattr(keras.layers, name)(**arguments)(inputs)
        cotangent, *found = derivatives(y, inputs, rng)
        arrays |= {f"merge{number}/y": y, f"merge{number}/cotangent": cotangent}
        arrays |= {f"merge{number}/x{i}": x for i, x in enumerate(inputs)}
        arrays |= {f"merge{number}/bar{i}": g for i, g in enumerate(found)}
    x = torch.tensor(rng.normal(size=(2, 7, 3, 3)), requires_grad=True)  # PyTorch: channels first, alpha / size
    y = torch.nn.LocalResponseNorm(size=5, alpha=2.5, beta=0.75, k=2.0)(x)
    cotangent, bar = derivatives(y, [x], rng)
    arrays |= {"response/x": x, "response/y": y, "response/cotangent": cotangent, "response/bar0": bar}
    kept = {k: a.detach().numpy() if torch.is_tensor(a) else np.asarray(a) for k, a in arrays.items()}
    places, start = {}, 0
    for key, array in kept.items():
        places[key] = (start, array.shape)
        start += array.size
    numbers = np.concatenate([array.ravel() for array in kept.values()])
    np.savez_compressed(
        FILE, numbers=numbers, places=json.dumps(places), cases=json.dumps(CASES), merges=json.dumps(MERGES)
    )


if __name__ == "__main__":
    main()
