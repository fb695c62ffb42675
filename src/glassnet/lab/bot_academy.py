"""Bot Academy: digits with one hidden layer of 20 sigmoid units, one image at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from glassnet import losses, ops
from glassnet.autograd.functional import grad
from glassnet.errors import ShapeError
from glassnet.explain import show_prediction
from glassnet.initializers import RandomUniform
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.utils import set_random_seed, to_categorical

SOURCE = "Bot Academy, Neural Networks from scratch in Python"
EPOCHS, RATE, BATCH = 3, 0.01, 32


def network(pixels: int) -> Sequential:
    """The lesson's network: weights from U(-0.5, 0.5), biases 0."""
    uniform = RandomUniform(-0.5, 0.5)
    return Sequential([
        Input((pixels,)),
        Dense(20, "sigmoid", kernel_initializer=uniform),
        Dense(10, "sigmoid", kernel_initializer=uniform),
    ])  # fmt: skip


@dataclass
class Training:
    """A trained network, its history in percent, and how long it took."""

    model: Sequential
    losses: list[float]
    train_accuracy: float
    val_accuracy: float
    test_accuracy: float
    seconds: float


def train(seed: int, quick: bool, batch_size: int = 1, validation_split: float = 0.0) -> Training:
    """Three passes over the training images in their order.

    The lesson descends the cross-entropy summed over the ten outputs. This library's is their mean, and averages over
    the batch, so the same step needs 10 times the rate, and a batch of n the n-fold (the linear scaling rule).
    """
    set_random_seed(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    model = network(x.shape[1])
    model.compile(SGD(RATE * 10 * batch_size), loss="binary_crossentropy", metrics=["categorical_accuracy"])
    started = time.perf_counter()
    history = model.fit(
        x, to_categorical(y, 10), batch_size=batch_size, epochs=EPOCHS, shuffle=False,
        validation_split=validation_split, validation_batch_size=1000, verbose=0,
    ).history  # fmt: skip
    seconds = time.perf_counter() - started
    final = {name: 100 * values[-1] for name, values in history.items()}
    right = percent_right(model.predict(x_test, batch_size=1000), y_test)
    validation = final.get("val_categorical_accuracy", float("nan"))
    return Training(model, history["loss"], final["categorical_accuracy"], validation, right, seconds)


def settings(batch_size: int) -> dict[str, Any]:
    """What is the same in every training."""
    return {
        "network": "784-20-10 sigmoid, weights U(-0.5, 0.5)", "loss": "binary_crossentropy", "epochs": EPOCHS,
        "optimizer": f"SGD({RATE * 10 * batch_size:g})", "batch_size": batch_size, "shuffle": False,
    }  # fmt: skip


def online_and_batches(seed: int, quick: bool) -> dict[str, Any]:
    """The lesson's loop over single images, and the same in batches."""
    online, batches = train(seed, quick), train(seed, quick, BATCH)
    return {
        "settings": {"online": settings(1), "batches": settings(BATCH)},
        "obtained": {
            "params": network(784).count_params(),
            "train_accuracy": online.train_accuracy,
            "test_accuracy": online.test_accuracy,
            "online_seconds": online.seconds,
            "batch_train_accuracy": batches.train_accuracy,
            "batch_test_accuracy": batches.test_accuracy,
            "batch_seconds": batches.seconds,
            "batch_minus_online": batches.test_accuracy - online.test_accuracy,
            "speedup": online.seconds / batches.seconds,
        },
    }


def mean_loss_per_epoch(seed: int, quick: bool) -> dict[str, Any]:
    """The average error of every epoch, which should decrease."""
    curve = train(seed, quick).losses
    rises = sum(later >= earlier for earlier, later in pairwise(curve))
    named = {f"loss_{epoch}": loss for epoch, loss in enumerate(curve, 1)}
    return {"settings": settings(1), "obtained": {**named, "epochs": len(curve), "rises": rises}}


def held_out_images(seed: int, quick: bool) -> dict[str, Any]:
    """Train on 50,000, look at the other 10,000 of the training images: one argument of fit."""
    found = train(seed, quick, validation_split=1 / 6)
    return {
        "settings": {**settings(1), "validation_split": "1/6"},
        "obtained": {
            "train_accuracy": found.train_accuracy,
            "val_accuracy": found.val_accuracy,
            "gap": abs(found.train_accuracy - found.val_accuracy),
        },
    }


def gradients_of_the_trick(seed: int, quick: bool) -> dict[str, Any]:
    """delta_o = o - l is the gradient of the cross-entropy, not of the squared error that the lesson prints."""
    rng = np.random.default_rng(seed)
    z, label = rng.normal(size=10), np.eye(10)[rng.integers(10)]
    o = 1 / (1 + np.exp(-z))
    cross_entropy = grad(lambda z: 10 * losses.binary_crossentropy(label, ops.sigmoid(z)))(z)
    squared_error = grad(lambda z: losses.mean_squared_error(label, ops.sigmoid(z)))(z)
    return {
        "settings": {"outputs": 10, "dtype": "float64"},
        "obtained": {
            "cross_entropy_difference": float(np.abs(cross_entropy.numpy() - (o - label)).max()),
            "squared_error_difference": float(np.abs(squared_error.numpy() - 2 / 10 * (o - label) * o * (1 - o)).max()),
        },
    }


def error_for_a_single_image(seed: int, quick: bool) -> dict[str, Any]:
    """No column vectors: an image without the batch axis is refused, and the message says what to write."""
    message = ""
    try:
        network(784)(np.zeros(784, "float32"))
    except ShapeError as error:
        message = str(error)
    return {
        "settings": {"input": "(784,)"},
        "obtained": {
            "names_the_shape": "expected: (batch, 784)" in message,
            "offers_the_fix": "x[None]" in message,
            "message": message,
        },
    }


def prediction_as_text(seed: int, quick: bool) -> dict[str, Any]:
    """A picture, the predicted class and all ten outputs, without a display."""
    model = train(seed, quick, BATCH).model
    _, (x_test, y_test) = flat_images("mnist", quick)
    shown = show_prediction(model, x_test[0])
    return {
        "settings": {**settings(BATCH), "image": "the first test image"},
        "obtained": {
            "picture_lines": len(shown.picture.splitlines()),
            "classes": len(shown.probabilities),
            "class": int(shown.label),
            "truth": int(y_test[0]),
            "text": shown.text,
        },
    }


ROWS = {
    Row("BA1", SOURCE, "about 93-94 % running training accuracy after 3 epochs",
        "params == 15910, train_accuracy >= 93.0, speedup >= 20, batch_minus_online >= -0.25"): online_and_batches,
    Row("BA2", SOURCE, "delta_o = o - l; the printed error is the squared one",
        "cross_entropy_difference <= 1e-12, squared_error_difference <= 1e-12"): gradients_of_the_trick,
    Row("BA3", SOURCE, "print the average error to see that it decreases",
        "epochs == 3, rises == 0"): mean_loss_per_epoch,
    Row("BA4", SOURCE, "train on 50,000, test on 10,000: the accuracy should not change that much",
        "gap <= 1.0"): held_out_images,
    Row("BA5", SOURCE, "img.shape += (1,) confuses people",
        "names_the_shape == 1, offers_the_fix == 1"): error_for_a_single_image,
    Row("BA6", SOURCE, "enter a number: the picture and the prediction are shown",
        "picture_lines >= 1, classes == 10"): prediction_as_text,
}  # fmt: skip
