"""Convolutional networks: The Independent Code's zeros and ones, and all of MNIST and Fashion-MNIST."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.initializers import RandomNormal
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
    RandomFlip,
    RandomTranslation,
)  # fmt: skip
from glassnet.models import Sequential
from glassnet.optimizers import SGD, Adam
from glassnet.optimizers.schedules import CosineDecay
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


# ---------------------------------------------------------------- N26 and FM1: all ten classes


def shifted_network(size: int) -> Sequential:
    """Two convolutions; every image is seen anew, up to two pixels away from its place."""
    return Sequential([
        Input((size, size, 1)), RandomTranslation(0.08, 0.08, fill_mode="constant"),
        Conv2D(32, 3, activation="relu"), MaxPooling2D(2), Conv2D(64, 3, activation="relu"), MaxPooling2D(2, padding="same"),
        Flatten(), Dropout(0.5), Dense(10, "softmax"),
    ])  # fmt: skip


def normalized_network(size: int) -> Sequential:
    """Three convolutions with batch normalization; every image is also seen mirrored."""
    return Sequential([
        Input((size, size, 1)), RandomFlip("horizontal"),
        Conv2D(32, 3, padding="same", activation="relu"), BatchNormalization(), MaxPooling2D(2), Dropout(0.2),
        Conv2D(64, 3, padding="same", activation="relu"), BatchNormalization(), MaxPooling2D(2), Dropout(0.3),
        Conv2D(128, 3, padding="same", activation="relu"), BatchNormalization(), Flatten(), Dropout(0.4),
        Dense(128, "relu"), Dropout(0.5), Dense(10, "softmax"),
    ])  # fmt: skip


def ten_classes(data: str, network: Any, epochs: int, seed: int, quick: bool) -> dict[str, Any]:
    """Train with Adam, whose rate falls to 0 along a cosine; the test images are looked at once, at the end.

    Network and epochs were chosen on the last 5,000 training images.
    """
    set_random_seed(seed)
    (x, y), (x_test, y_test) = flat_images(data, quick)
    x, x_test, epochs = images_of(x), images_of(x_test), 1 if quick else epochs
    model = network(x.shape[1])
    rate = CosineDecay(0.002, epochs * -(-len(x) // 128))
    model.compile(Adam(rate), "sparse_categorical_crossentropy")
    began = time.perf_counter()
    model.fit(x, y, batch_size=128, epochs=epochs, verbose=0)
    return {
        "settings": {
            "network": " ".join(network.__doc__.split()), "optimizer": "Adam(0.002), cosine decay to 0",
            "batch_size": 128, "epochs": epochs, "train": len(x), "test": len(x_test),
        },
        "obtained": {
            "params": model.count_params(), "seconds": time.perf_counter() - began,
            "test_accuracy": percent_right(model.predict(x_test, batch_size=500), y_test),
        },
    }  # fmt: skip


def shifted_digits(seed: int, quick: bool) -> dict[str, Any]:
    """MNIST, with shifts."""
    return ten_classes("mnist", shifted_network, 9, seed, quick)


def fashion(seed: int, quick: bool) -> dict[str, Any]:
    """Fashion-MNIST."""
    return ten_classes("fashion_mnist", normalized_network, 15, seed, quick)


ROWS = {
    Row("IC4", "The Independent Code, Convolutional neural network from scratch", "no number",
        "params == 341727, test_accuracy >= 99"): zero_or_one,
    Row("N26", "Nielsen, ch. 6, images shifted by a pixel", "99.37", "test_accuracy >= 99.2, seconds <= 300"): shifted_digits,
    Row("FM1", "Xiao, Rasul and Vollgraf (2017), best of their table", "89.7", "test_accuracy >= 91.5"): fashion,
}  # fmt: skip
