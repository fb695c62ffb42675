"""The Independent Code: XOR with a 2-3-1 network of tanh units, one sample at a time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from glassnet.explain import show_surface
from glassnet.explain.show import surface
from glassnet.initializers import RandomNormal
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.typing import Array
from glassnet.utils import set_random_seed

SOURCE = "The Independent Code, Neural Network from Scratch"
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
Y = np.array([[0], [1], [1], [0]], "float32")
RATE, CLOSE = 0.1, 0.2


def train(seed: int, epochs: int) -> Sequential:
    """Online gradient descent on the squared error; all weights and biases start from N(0, 1)."""
    set_random_seed(seed)
    normal = RandomNormal(stddev=1.0)
    model = Sequential([
        Input((2,)),
        Dense(3, "tanh", kernel_initializer=normal, bias_initializer=normal),
        Dense(1, "tanh", kernel_initializer=normal, bias_initializer=normal),
    ])  # fmt: skip
    model.compile(SGD(RATE), loss="mse")
    model.fit(X, Y, batch_size=1, epochs=epochs, shuffle=False, verbose=0)
    return model


def error_of(model: Sequential) -> Array:
    """How far each of the four outputs is from its target."""
    return np.asarray(np.abs(model.predict(X) - Y))


def settings(epochs: int) -> dict[str, Any]:
    """What is the same in both rows."""
    return {
        "network": "2-3-1 tanh, N(0, 1)", "loss": "mse", "optimizer": f"SGD({RATE})", "batch_size": 1, "epochs": epochs,
    }  # fmt: skip


def learned(seed: int, quick: bool) -> dict[str, Any]:
    """One training; the share of solved ones is the mean over the seeds."""
    epochs = 100 if quick else 10_000
    started = time.perf_counter()
    model = train(seed, epochs)
    seconds = time.perf_counter() - started
    error = error_of(model)
    loss = float(np.mean(error**2))
    return {
        "settings": settings(epochs),
        "obtained": {
            "params": model.count_params(),
            "loss": loss,
            "corners_right": int((error < CLOSE).sum()),
            "solved": 100.0 * bool(loss < 0.01 and (error < CLOSE).all()),
            "train_seconds": seconds,
        },
    }


def decision_surface(seed: int, quick: bool) -> dict[str, Any]:
    """The output over the unit square; its corners are the four samples.

    A start that stays stuck (IC1 counts them) is thrown away for another.
    """
    epochs, starts = (100, 1) if quick else (10_000, 5)
    for restarts in range(starts):
        model = train(seed + 1000 * restarts, epochs)
        if error_of(model).max() < CLOSE:
            break
    values = surface(model, size=20)
    corners = values[[0, -1, 0, -1], [0, 0, -1, -1]]  # rows go by the second input: (0,0), (0,1), (1,0), (1,1)
    return {
        "settings": {**settings(epochs), "grid": "20 x 20"},
        "obtained": {
            "cells": values.size,
            "corners_right": int((np.abs(corners - Y[:, 0]) < CLOSE).sum()),
            "restarts": restarts,
            "text": show_surface(model, size=20),
        },
    }


ROWS = {
    Row("IC1", SOURCE, "XOR is learned; no numbers",
        "params == 13, solved >= 90, train_seconds < 5"): learned,
    Row("IC2", SOURCE, "a figure of the surface over a 20 x 20 grid",
        "cells == 400, corners_right == 4"): decision_surface,
}  # fmt: skip
