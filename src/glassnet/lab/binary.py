"""A network whose weights are single bits: a binary multilayer perceptron on MNIST, and the size of its file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Activation, BatchNormalization, BinaryDense, Input
from glassnet.models import Sequential, load_model, save_packed
from glassnet.optimizers import Adam
from glassnet.optimizers.schedules import PolynomialDecay
from glassnet.utils import set_random_seed

HIDDEN, BATCH, RATE, EPOCHS = 768, 128, 1e-3, 6


def network(pixels: int) -> Sequential:
    """Two hidden layers; every sum of signed inputs is normalized before the activation."""
    return Sequential([
        Input((pixels,)),
        BinaryDense(HIDDEN, use_bias=False), BatchNormalization(), Activation("relu"),
        BinaryDense(HIDDEN, use_bias=False), BatchNormalization(), Activation("relu"),
        BinaryDense(10, use_bias=False), BatchNormalization(), Activation("softmax"),
    ])  # fmt: skip


def file_sizes(model: Sequential) -> tuple[Sequential, int, int]:
    """The model read back from its packed file, and the bytes of that file and of one with float32 weights."""
    with tempfile.TemporaryDirectory() as folder:
        packed, floats = Path(folder, "packed.glassnet"), Path(folder, "floats.glassnet")
        save_packed(model, packed)
        model.save_weights(floats)
        return load_model(packed), packed.stat().st_size, floats.stat().st_size


def binary_mlp(seed: int, quick: bool) -> dict[str, Any]:
    """Train the latent weights, pack their signs, and judge what comes back from the file.

    Width and epochs were chosen on the last 10,000 training images; the test images are looked at once, here.
    """
    set_random_seed(seed)
    epochs = 1 if quick else EPOCHS
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    model = network(x.shape[1])
    steps = epochs * -(-len(x) // BATCH)
    model.compile(Adam(PolynomialDecay(RATE, steps, 0.0)), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0).history
    read, packed, floats = file_sizes(model)
    outputs = read.predict(x_test, batch_size=1000)
    return {
        "settings": {
            "network": "784-768-768-10, weights -1 and +1, batch normalization, relu, softmax",
            "loss": "sparse_categorical_crossentropy", "optimizer": f"Adam, rate falling evenly from {RATE} to 0",
            "batch_size": BATCH, "epochs": epochs, "train": len(x),
        },
        "obtained": {
            "params": network(784).count_params(),
            "train_accuracy": 100 * history["accuracy"][-1],
            "test_accuracy": percent_right(outputs, y_test),
            "packed_bytes": packed, "float32_bytes": floats, "times_smaller": floats / packed,
            "same_predictions": bool(np.array_equal(outputs, model.predict(x_test, batch_size=1000))),
        },
    }  # fmt: skip


ROWS = {
    Row("BN1", "The Independent Code, viewers", "asked for: a binary network",
        "test_accuracy >= 97.0, times_smaller >= 25, same_predictions == 1"): binary_mlp,
}  # fmt: skip
