"""Choromanska et al., as 3Blue1Brown tells it: there are many local minima, and in wide networks all are as good."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from glassnet.lab.data import flat_images, rounded
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.optimizers.schedules import PolynomialDecay
from glassnet.typing import Array
from glassnet.utils import set_random_seed

SOURCE = "3Blue1Brown, on Choromanska et al., The Loss Surfaces of Multilayer Networks"
WIDTHS = (10, 25, 50, 100, 250)
IMAGES, STARTS, BATCH, RATE, EPOCHS = 5000, 100, 100, 0.5, 50

Split = tuple[Array, Array]


def ten_by_ten(x: Array) -> Array:
    """28 x 28 pixels shrunk to 10 x 10, each the mean of 3 x 3; other images as they are."""
    if x.shape[1] != 784:
        return x
    framed = np.pad(x.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
    return np.asarray(framed.reshape(-1, 10, 3, 10, 3).mean(axis=(2, 4), dtype="float32").reshape(-1, 100))


def final_losses(train: Split, test: Split, width: int, seed: int, epochs: int) -> tuple[float, float]:
    """The loss on the training and on the test images that one random start ends with."""
    set_random_seed(seed)
    x, y = train
    model = Sequential([Input((x.shape[1],)), Dense(width, "relu"), Dense(10, "softmax")])
    steps = epochs * -(-len(x) // BATCH)
    model.compile(SGD(PolynomialDecay(RATE, steps, 0.0)), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    on_train, on_test = (float(model.evaluate(*split, batch_size=10_000, verbose=0)) for split in (train, test))
    return on_train, on_test


def many_starts(seed: int, quick: bool) -> dict[str, Any]:
    """Networks of five widths, each from many random starts; the spread is the standard deviation over them."""
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    starts, epochs = (8, 15) if quick else (STARTS, EPOCHS)
    train, test = (ten_by_ten(x[:IMAGES]), y[:IMAGES]), (ten_by_ten(x_test), y_test)
    losses = {
        width: np.array([final_losses(train, test, width, 1000 * seed + k, epochs) for k in range(starts)])
        for width in WIDTHS
    }
    spread = [float(ends[:, 1].std(ddof=1)) for ends in losses.values()]
    correlation = {width: float(np.corrcoef(ends.T)[0, 1]) for width, ends in losses.items()}
    return {
        "settings": {
            "network": "100-width-10 relu, softmax", "widths": list(WIDTHS), "starts": starts, "train": len(x[:IMAGES]),
            "images": "10 x 10, means of 3 x 3 pixels", "loss": "sparse_categorical_crossentropy",
            "optimizer": f"SGD, rate falling evenly from {RATE} to 0", "batch_size": BATCH, "epochs": epochs,
        },
        "obtained": {
            **{f"test_loss_{width}": float(ends[:, 1].mean()) for width, ends in losses.items()},
            **{f"spread_{width}": found for width, found in zip(WIDTHS, spread)},
            "spread_falls": all(wider < narrower for narrower, wider in pairwise(spread)),
            "spread_first_over_last": spread[0] / spread[-1],
            **{f"correlation_{width}": found for width, found in correlation.items()},
            "correlation_falls": correlation[WIDTHS[-1]] < correlation[WIDTHS[0]],
        },
        "figure": {
            "widths": list(WIDTHS),
            "train_loss": [rounded(ends[:, 0], 5) for ends in losses.values()],
            "test_loss": [rounded(ends[:, 1], 5) for ends in losses.values()],
        },
    }  # fmt: skip


ROWS = {
    Row("TB8", SOURCE, "local minima are of roughly equal quality; no number",
        "spread_falls == 1, correlation_falls == 1"): many_starts,
}  # fmt: skip
