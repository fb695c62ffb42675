"""Convolution and pooling layers of Keras: outputs, and the gradients of input and weights, for many settings."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import torch

FILE = Path(__file__).with_name("convolution.npz")
LINE, IMAGE, VOLUME = (2, 9, 4), (2, 7, 6, 4), (1, 4, 5, 3, 2)

CASES = [
    ("Conv1D", {"filters": 3, "kernel_size": 3}, LINE),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 3}, LINE),
    ("Conv1D", {"filters": 4, "kernel_size": 4, "padding": "same", "strides": 2, "groups": 2}, LINE),
    ("Conv2D", {"filters": 3, "kernel_size": (3, 2)}, IMAGE),
    ("Conv2D", {"filters": 2, "kernel_size": 4, "padding": "same"}, IMAGE),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "same", "strides": (2, 3)}, IMAGE),
    ("Conv2D", {"filters": 2, "kernel_size": (2, 3), "dilation_rate": (2, 1), "use_bias": False}, IMAGE),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "padding": "same", "dilation_rate": 2, "activation": "tanh"}, IMAGE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2, "strides": 2}, IMAGE),
    ("Conv2D", {"filters": 4, "kernel_size": 1, "strides": 3}, IMAGE),
    ("Conv3D", {"filters": 2, "kernel_size": (2, 3, 2), "padding": "same", "strides": (1, 2, 1)}, VOLUME),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, LINE),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "padding": "same"}, LINE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (3, 2)}, IMAGE),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 4, "strides": (2, 3), "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, IMAGE),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "valid", "output_padding": 1}, IMAGE),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, LINE),
    ("DepthwiseConv2D", {"kernel_size": 3}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "depth_multiplier": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("SeparableConv1D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}, LINE),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, IMAGE),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, LINE),
    ("MaxPooling2D", {}, IMAGE),
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMAGE),
    ("AveragePooling1D", {"pool_size": 2}, LINE),
    ("AveragePooling2D", {"pool_size": (3, 2), "strides": 2, "padding": "same"}, IMAGE),
    ("GlobalMaxPooling1D", {"keepdims": True}, LINE),
    ("GlobalMaxPooling2D", {}, IMAGE),
    ("GlobalAveragePooling1D", {}, LINE),
    ("GlobalAveragePooling2D", {"keepdims": True}, IMAGE),
    ("AdaptiveAveragePooling1D", {"output_size": 4}, LINE),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 4)}, IMAGE),
    ("AdaptiveMaxPooling1D", {"output_size": 5}, LINE),
    ("AdaptiveMaxPooling2D", {"output_size": (2, 3)}, IMAGE),
]  # fmt: skip


def main() -> None:
    """Compute every case in float64 and write the file."""
    keras.config.set_floatx("float64")
    rng, arrays = np.random.default_rng(0), {}
    for number, (name, arguments, shape) in enumerate(CASES):
        layer = getattr(keras.layers, name)(**arguments)
        x = torch.tensor(rng.normal(size=shape), requires_grad=True)
        layer.build(shape)
        layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
        y = layer(x)
        cotangent = rng.normal(size=tuple(y.shape))
        (y * torch.tensor(cotangent)).sum().backward()
        found = {"x": x.detach(), "y": y.detach(), "cotangent": cotangent, "x_bar": x.grad}
        for position, weight in enumerate(layer.weights):
            found[f"w{position}"], found[f"w{position}_bar"] = weight.value.detach(), weight.value.grad
        arrays |= {f"{number}/{key}": np.asarray(value) for key, value in found.items()}
    np.savez_compressed(FILE, cases=json.dumps(CASES), keras=keras.__version__, torch=torch.__version__, **arrays)


if __name__ == "__main__":
    main()
