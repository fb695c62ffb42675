"""3Blue1Brown: the network answers noise with confidence; how it learns to say "none of these"."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.lab import three_blue
from glassnet.lab.data import flat_images, percent_right, rounded
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.optimizers.schedules import PolynomialDecay
from glassnet.typing import Array
from glassnet.utils import set_random_seed, to_categorical

BATCH, RATE, EPOCHS, QUICK_EPOCHS = 64, 3e-3, 10, 150
NOISE_PER_DIGIT, TESTED = 0.1, 1000
GIVEN_UP = 1.5
"""Points of validation accuracy that the confidence threshold may cost."""


def train(x: Array, targets: Array, seed: int, epochs: int) -> Sequential:
    """Two hidden layers of 16; softmax outputs, so that the largest one is a confidence."""
    set_random_seed(seed)
    units = targets.shape[1]
    model = Sequential([
        Input((x.shape[1],)), Dense(16, "sigmoid"), Dense(16, "sigmoid"), Dense(units, "softmax"),
    ])  # fmt: skip
    steps = epochs * -(-len(x) // BATCH)
    model.compile(Adam(PolynomialDecay(RATE, steps, 0.0)), loss="categorical_crossentropy")
    model.fit(x, targets, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def threshold(outputs: Array, labels: Array) -> float:
    """The confidence below which an answer is refused: as high as GIVEN_UP points of accuracy allow."""
    right = outputs.argmax(axis=1) == labels
    return float(np.sort(outputs[right].max(axis=1))[int(GIVEN_UP / 100 * len(labels))])


def judged(outputs: dict[str, Array], labels: Array, least: float) -> dict[str, float]:
    """Percent right of the digits when unsure answers are refused, and percent of each kind of noise refused.

    Arguments:
        outputs: of "digits", "noise" and "shuffled" images; the eleventh class, where there is one, refuses.
        least: the confidence that an answer needs.
    """
    answers = {kind: np.where(p.max(axis=1) < least, 10, p.argmax(axis=1)) for kind, p in outputs.items()}
    return {
        "digits_right": float(100 * np.mean(answers["digits"] == labels)),
        "noise_refused": float(100 * np.mean(answers["noise"] == 10)),
        "shuffled_refused": float(100 * np.mean(answers["shuffled"] == 10)),
    }


def none_of_these(seed: int, quick: bool) -> dict[str, Any]:
    """Three ways to refuse: by confidence, by an eleventh class, and by noise whose ten targets are all equal.

    The networks that learn from noise see every pixel drawn evenly from 0 to 1. Digits with their pixels shuffled are
    a noise that none of them has seen.
    """
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    fitted, epochs = len(x) - len(x) // 6, QUICK_EPOCHS if quick else EPOCHS
    x_val, y_val, x, y = x[fitted:], y[fitted:], x[:fitted], y[:fitted]
    seen = rng.random((int(NOISE_PER_DIGIT * fitted), x.shape[1]), dtype="float32")
    noise = rng.random((TESTED, x.shape[1]), dtype="float32")
    images = {"digits": x_test, "noise": noise, "shuffled": rng.permuted(x_test[:TESTED], axis=1)}

    both = np.concatenate([x, seen])
    eleventh = to_categorical(np.concatenate([y, np.full(len(seen), 10)]), 11)
    equal = np.concatenate([to_categorical(y, 10), np.full((len(seen), 10), 0.1)]).astype("float32")
    models = {
        "plain": train(x, to_categorical(y, 10), seed, epochs),
        "extra_class": train(both, eleventh, seed, epochs),
        "equal_targets": train(both, equal, seed, epochs),
    }
    outputs = {
        name: {kind: model.predict(rows, batch_size=1000) for kind, rows in images.items()}
        for name, model in models.items()
    }
    least = {name: threshold(models[name].predict(x_val), y_val) for name in ("plain", "equal_targets")}
    found = {name: judged(outputs[name], y_test, least.get(name, 0.0)) for name in models}
    before = percent_right(outputs["plain"]["digits"], y_test)
    obtained = {"test_accuracy": before, "noise_confidence": float(outputs["plain"]["noise"].max(axis=1).mean())}
    for name, numbers in found.items():
        obtained[f"{name}_costs"] = before - numbers["digits_right"]
        obtained[f"{name}_noise_refused"] = numbers["noise_refused"]
        obtained[f"{name}_shuffled_refused"] = numbers["shuffled_refused"]
    return {
        "settings": {
            "network": "784-16-16-10 sigmoid, softmax", "loss": "categorical_crossentropy",
            "optimizer": f"Adam, rate falling evenly from {RATE} to 0", "batch_size": BATCH, "epochs": epochs,
            "train": fitted, "noise_in_training": len(seen), "noise_images": TESTED,
            "threshold": f"chosen on {len(x_val)} validation images at {GIVEN_UP} points of their accuracy",
        },
        "obtained": obtained,
        "figure": figure(outputs, least, noise),
    }  # fmt: skip


def figure(outputs: dict[str, dict[str, Array]], least: dict[str, float], noise: Array) -> dict[str, Any]:
    """How confident each network is of a digit, percent of the images in 20 bins from 0 to 1, and six noise images."""
    edges = np.linspace(0, 1, 21)

    def bins(p: Array) -> list[float]:
        counts, _ = np.histogram(p[:, :10].max(axis=1), edges)
        return rounded(100 * counts / len(p), 2)

    plain = outputs["plain"]["noise"][:6]
    return {
        "edges": rounded(edges, 2),
        "confidence": {name: {kind: bins(p) for kind, p in kinds.items()} for name, kinds in outputs.items()},
        "threshold": {name: round(value, 4) for name, value in least.items()},
        "images": rounded(noise[:6], 2),
        "answers": plain.argmax(axis=1).tolist(),
        "answer_confidence": rounded(plain.max(axis=1), 3),
    }


ROWS = {
    Row("TB4", three_blue.ROW.source, "noise is answered with a confident digit; no number",
        "noise_confidence > 0.5, extra_class_costs <= 2, extra_class_noise_refused >= 95, equal_targets_costs <= 2, "
        "equal_targets_noise_refused >= 95"): none_of_these,
}  # fmt: skip
