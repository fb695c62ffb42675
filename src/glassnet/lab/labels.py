"""Zhang et al., as 3Blue1Brown tells it: a network learns labels that mean nothing, only more slowly."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.callbacks import LambdaCallback
from glassnet.lab.data import flat_images, percent_right, rounded
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.optimizers.schedules import PolynomialDecay
from glassnet.typing import Array
from glassnet.utils import set_random_seed

SOURCE = "3Blue1Brown, on Zhang et al., Understanding deep learning requires rethinking generalization"
IMAGES, UNITS, BATCH, RATE = 10_000, 512, 128, 0.1
EPOCHS, QUICK_EPOCHS = 100, 100
MISLABELLED = 0.2


def training_labels(y: Array, rng: np.random.Generator) -> dict[str, Array]:
    """The four ways to name the same images.

    "renamed" is wrong for every image, but consistently: all 3s are called 4. "partial" gives one image in five a wrong
    name drawn for it alone, "random" draws a name for each image.
    """
    wrong = (y + rng.integers(1, 10, len(y))) % 10
    return {
        "true": y,
        "renamed": (y + 1) % 10,
        "partial": np.where(rng.random(len(y)) < MISLABELLED, wrong, y),
        "random": rng.integers(0, 10, len(y)),
    }


def train(x: Array, labels: Array, seed: int, epochs: int, watched: Array) -> tuple[Sequential, dict[str, Any], Array]:
    """The network, its history, and what it answers to the watched images after every epoch."""
    set_random_seed(seed)
    model = Sequential([Input((x.shape[1],)), Dense(UNITS, "relu"), Dense(10, "softmax")])
    falling = PolynomialDecay(RATE, epochs * -(-len(x) // BATCH), 0.0)
    model.compile(SGD(falling, momentum=0.9), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    answers: list[Array] = []
    watch = LambdaCallback(
        on_epoch_end=lambda epoch, logs: answers.append(model.predict(watched, batch_size=1000).argmax(axis=1))
    )
    history = model.fit(x, labels, batch_size=BATCH, epochs=epochs, callbacks=[watch], verbose=0).history
    return model, history, np.stack(answers)


def epochs_until(losses: list[float], bound: float) -> int:
    """How many epochs it takes until the loss is below the bound; all of them, if it never is.

    >>> epochs_until([2.0, 0.9, 0.3], 1.0)
    2
    """
    below = np.flatnonzero(np.array(losses) < bound)
    return int(below[0]) + 1 if len(below) else len(losses)


def straightness(losses: list[float]) -> float:
    """How near the curve is to a straight line: the squared correlation of loss and epoch, at most 1."""
    return float(np.corrcoef(np.arange(len(losses)), losses)[0, 1] ** 2)


def true_and_random(seed: int, quick: bool) -> dict[str, Any]:
    """The same network, images and steps, with four sets of labels.

    The test images keep their true names, except for "renamed", where they are renamed, too.
    """
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    x, y = x[:IMAGES], y[:IMAGES]
    named = training_labels(y, np.random.default_rng(seed))
    mislabelled = np.flatnonzero(named["partial"] != y)
    obtained, curves, answers = {}, {}, {}
    for name, labels in named.items():
        model, curves[name], answers[name] = train(x, labels, seed, QUICK_EPOCHS if quick else EPOCHS, x[mislabelled])
        outputs = model.predict(x_test, batch_size=1000)
        expected = (y_test + 1) % 10 if name == "renamed" else y_test
        obtained[f"{name}_train"] = percent_right(model.predict(x, batch_size=1000), labels)
        obtained[f"{name}_test"] = percent_right(outputs, expected)
    given, true = (100 * (answers["partial"] == of[mislabelled]).mean(axis=1) for of in (named["partial"], y))
    until_half = {name: epochs_until(history["loss"], np.log(10) / 2) for name, history in curves.items()}
    slow = slice(until_half["random"] + 1)
    return {
        "settings": {
            "network": "784-512-10 relu, softmax", "loss": "sparse_categorical_crossentropy", "train": len(x),
            "optimizer": f"SGD, momentum 0.9, rate falling evenly from {RATE} to 0", "batch_size": BATCH,
            "epochs": len(given), "mislabelled_in_partial": MISLABELLED,
        },
        "obtained": {
            **obtained,
            "renamed_minus_true": obtained["renamed_test"] - obtained["true_test"],
            "true_epochs_to_half": until_half["true"],
            "random_epochs_to_half": until_half["random"],
            "random_straightness": straightness(curves["random"]["loss"][slow]),
            "true_straightness": straightness(curves["true"]["loss"][slow]),
            "mislabelled_seen_through": float(true.max()),
            "mislabelled_memorised": float(given[-1]),
        },
        "figure": {
            "loss": {name: rounded(history["loss"], 4) for name, history in curves.items()},
            "accuracy": {name: rounded(100 * np.array(h["accuracy"]), 2) for name, h in curves.items()},
            "mislabelled": {"true_name": rounded(true, 2), "given_name": rounded(given, 2)},
        },
    }  # fmt: skip


ROWS = {
    Row("TB7", SOURCE, "random labels are learned as well as true ones, but the loss falls slowly, almost in a line",
        "true_train >= 99, random_train >= 99, random_test >= 8.5, random_test <= 11.5, renamed_minus_true >= -0.5, "
        "renamed_minus_true <= 0.5"): true_and_random,
}  # fmt: skip
