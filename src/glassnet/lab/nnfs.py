"""Neural Networks from Scratch in Python (Kinsley and Kukieła): a spiral told apart, a sine fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.datasets import toy
from glassnet.lab.data import percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.optimizers.schedules import InverseTimeDecay
from glassnet.utils import set_random_seed

SOURCE = "Kinsley and Kukieła, Neural Networks from Scratch in Python"


def spiral(seed: int, quick: bool) -> dict[str, Any]:
    """Chapter 10: 300 points in three arms, 2-64-3, Adam on the whole batch."""
    set_random_seed(seed)
    x, y = toy.spiral(300, seed=seed)
    epochs = 50 if quick else 10_000
    model = Sequential([Input((2,)), Dense(64, "relu"), Dense(3, "softmax")])
    model.compile(Adam(InverseTimeDecay(0.05, 1, 5e-7)), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=None, epochs=epochs, verbose=0)
    return {
        "settings": {
            "network": "2-64-3 relu, softmax", "optimizer": "Adam(0.05, decay 5e-7)", "batch": "all 300 points",
            "epochs": epochs,
        },
        "obtained": {"train_accuracy": percent_right(model.predict(x), y)},
    }  # fmt: skip


def sine(seed: int, quick: bool) -> dict[str, Any]:
    """Chapter 17: one period of the sine, 1-64-64-1, squared error."""
    set_random_seed(seed)
    x, y = toy.sine()
    epochs = 50 if quick else 10_000
    model = Sequential([Input((1,)), Dense(64, "relu"), Dense(64, "relu"), Dense(1)])
    model.compile(Adam(InverseTimeDecay(0.005, 1, 1e-3)), loss="mse")
    model.fit(x, y, batch_size=None, epochs=epochs, verbose=0)
    return {
        "settings": {
            "network": "1-64-64-1 relu, linear", "optimizer": "Adam(0.005, decay 1e-3)", "batch": "all 1,000 points",
            "epochs": epochs,
        },
        "obtained": {"rmse": float(np.sqrt(np.mean((model.predict(x) - y) ** 2)))},
    }  # fmt: skip


ROWS = {
    Row("NF1", SOURCE, "spiral, chapter 10", "train_accuracy >= 95"): spiral,
    Row("NF2", SOURCE, "sine, chapter 17", "rmse <= 0.05"): sine,
}
