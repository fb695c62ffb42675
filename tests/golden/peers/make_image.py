"""Image functions of Keras (PyTorch backend) with their gradients, and its augmentation layers for given transformations."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import torch

FILE = Path(__file__).with_name("image.npz")
IMAGES = (3, 5, 6, 2)
MODES = ("constant", "nearest", "reflect", "mirror", "wrap")

CASES = [
    *[("map_coordinates", {"order": order, "fill_mode": mode}) for order in (1, 0) for mode in MODES],
    ("map_coordinates", {"order": 1, "fill_mode": "constant", "fill_value": 2.5}),
    *[("affine_transform", {"fill_mode": mode}) for mode in MODES[:3]],
    ("affine_transform", {"fill_mode": "wrap", "interpolation": "nearest"}),
    ("affine_transform", {"fill_mode": "constant", "fill_value": -1.5}),
    ("resize", {"size": (7, 4)}),
    ("resize", {"size": (10, 13)}),
    ("resize", {"size": (3, 2), "antialias": True}),
    ("resize", {"size": (7, 4), "interpolation": "nearest"}),
    ("resize", {"size": (4, 4), "crop_to_aspect_ratio": True}),
    ("resize", {"size": (5, 2), "pad_to_aspect_ratio": True, "fill_value": 0.5}),
    ("gaussian_blur", {"data_format": "channels_last"}),
    ("gaussian_blur", {"kernel_size": (5, 5), "sigma": (0.75, 2.0), "data_format": "channels_last"}),
    ("extract_patches", {"size": 2}),
    ("extract_patches", {"size": (3, 2), "strides": (1, 2), "padding": "same"}),
    ("extract_patches", {"size": (2, 2), "strides": 1, "dilation_rate": 2}),
    ("crop_images", {"top_cropping": 1, "bottom_cropping": 2, "left_cropping": 0, "target_width": 3}),
    ("pad_images", {"target_height": 9, "bottom_padding": 1, "left_padding": 2, "right_padding": 0}),
]  # fmt: skip


def functions(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Inputs, outputs and the gradient of the images for a random cotangent."""
    arrays = {}
    for number, (name, arguments) in enumerate(CASES):
        x = rng.normal(size=IMAGES[1:3] if name == "map_coordinates" else IMAGES)
        places = []
        if name == "map_coordinates":
            places = [np.stack([rng.uniform(-4, 9, (4, 5)), rng.uniform(-4, 9, (4, 5))])]
        elif name == "affine_transform":
            places = [
                np.pad(np.tile([1, 0, 0, 0, 1, 0], (3, 1)) + rng.normal(0, [0.3, 0.3, 2] * 2, (3, 6)), ((0, 0), (0, 2)))
            ]
        images = torch.tensor(x, requires_grad=True)
        y = getattr(keras.ops.image, name)(images, *[torch.tensor(p) for p in places], **arguments)
        w = rng.normal(size=tuple(y.shape))
        (y * torch.tensor(w)).sum().backward()
        arrays |= {
            f"{number}/x": x,
            f"{number}/y": y.detach().numpy(),
            f"{number}/w": w,
            f"{number}/g": images.grad.numpy(),
        }
        arrays |= {f"{number}/at": p for p in places}
    return arrays


LAYERS = [
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.3}),
    ("RandomRotation", {"factor": 0.3, "fill_mode": "constant", "fill_value": 0.25}),
    ("RandomZoom", {"height_factor": 0.4, "width_factor": (-0.3, 0.1)}),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.2, "interpolation": "nearest"}),
    ("RandomBrightness", {"factor": 0.4, "value_range": (0, 1)}),
    ("RandomContrast", {"factor": (0.4, 0.6), "value_range": (0, 1)}),
]


def layers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the layers make of images, with the numbers that they drew."""
    arrays = {}
    for number, (name, arguments) in enumerate(LAYERS):
        layer = getattr(keras.layers, name)(**arguments, seed=number)
        x = rng.uniform(size=IMAGES)
        drawn = layer.get_random_transformation(x, training=True)
        arrays[f"{name}/x"] = x
        arrays[f"{name}/y"] = np.asarray(layer.transform_images(torch.tensor(x), drawn, training=True))
        for key, value in drawn.items():
            if isinstance(value, torch.Tensor):
                arrays[f"{name}/{key}"] = value.numpy()
    x = rng.uniform(size=(2, 7, 5, 3))
    gray = keras.ops.image.rgb_to_grayscale(torch.tensor(x))
    crop = keras.layers.CenterCrop(4, 2)(torch.tensor(x))
    small = keras.layers.CenterCrop(8, 4)(torch.tensor(x))
    return arrays | {
        "rgb/x": x,
        "rgb/gray": np.asarray(gray),
        "rgb/crop": np.asarray(crop),
        "rgb/small": np.asarray(small),
    }


def main() -> None:
    """Compute everything in float64 and write the file."""
    keras.config.set_floatx("float64")
    rng = np.random.default_rng(0)
    arrays = functions(rng) | layers(rng)
    ends = np.cumsum([0, *[a.size for a in arrays.values()]])
    places = {name: (int(start), a.shape) for (name, a), start in zip(arrays.items(), ends)}
    numbers = np.concatenate([np.ravel(a) for a in arrays.values()])
    named = {"cases": CASES, "layers": LAYERS, "places": places}
    np.savez_compressed(FILE, numbers=numbers, **{name: json.dumps(value) for name, value in named.items()})


if __name__ == "__main__":
    main()
