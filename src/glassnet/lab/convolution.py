"""A convolutional network: The Independent Code's zeros and ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.initializers import RandomNormal
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Activation, Dense, Flatten, Input, Layer
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.typing import Array
from glassnet.utils import set_random_seed, to_categorical

# ---------------------------------------------------------------- IC4: zeros and ones


class UntiedConv2D(Layer):
    """The lesson's convolution: a bias of its own for every pixel of the output, not one per filter."""

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size

    def build(self, input_shape: Any) -> None:
        """A kernel as in Conv2D; a bias as large as the output."""
        _, height, width, channels = input_shape
        size, normal = self.kernel_size, RandomNormal(stddev=1.0)
        self.kernel = self.add_weight((size, size, channels, self.filters), normal, name="kernel")
        self.bias = self.add_weight((height - size + 1, width - size + 1, self.filters), normal, name="bias")

    def call(self, inputs: Any) -> Any:
        """The convolution with its bias."""
        return ops.conv(inputs, self.kernel.value, bias=self.bias.value)


def images_of(rows: Array) -> Array:
    """Rows of pixels as images (N, size, size, 1)."""
    size = int(np.sqrt(rows.shape[1]))
    return rows.reshape(-1, size, size, 1)


def only_zeros_and_ones(rows: Array, labels: Array, most: int | None) -> tuple[Array, Array]:
    """The first `most` images of each of the two digits."""
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:most] for digit in (0, 1)])
    return images_of(rows[chosen]), labels[chosen]


def untied_network(shape: Any) -> Sequential:
    """The lesson's network, sigmoids throughout, all first weights N(0, 1)."""
    normal = RandomNormal(stddev=1.0)
    dense = [Dense(n, "sigmoid", kernel_initializer=normal, bias_initializer=normal) for n in (100, 2)]
    return Sequential([Input(shape), UntiedConv2D(5, 3), Activation("sigmoid"), Flatten(), *dense])


def zero_or_one(seed: int, quick: bool) -> dict[str, Any]:
    """100 images per digit, one at a time; the accuracy on every zero and one of the test images."""
    set_random_seed(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    (x, y), (x_test, y_test) = only_zeros_and_ones(x, y, 100), only_zeros_and_ones(x_test, y_test, None)
    model, epochs = untied_network(x.shape[1:]), 2 if quick else 20
    model.compile(SGD(0.1), loss="binary_crossentropy")
    model.fit(x, to_categorical(y, 2), batch_size=1, epochs=epochs, verbose=0)
    return {
        "settings": {
            "network": "Conv 5@3x3 with a bias per pixel, 3380-100-2, sigmoid, N(0, 1)", "loss": "binary_crossentropy",
            "optimizer": "SGD(0.1)", "batch_size": 1, "epochs": epochs, "train": len(x), "test": len(x_test),
        },
        "obtained": {
            "params": untied_network((28, 28, 1)).count_params(),
            "test_accuracy": percent_right(model.predict(x_test, batch_size=500), y_test),
        },
    }  # fmt: skip


ROWS = {
    Row("IC4", "The Independent Code, Convolutional neural network from scratch", "no number",
        "params == 341727, test_accuracy >= 99"): zero_or_one,
}  # fmt: skip
