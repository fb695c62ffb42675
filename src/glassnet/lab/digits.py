"""The main job: `glassnet train digits` on the built-in 8x8 digits, on both splits."""

from __future__ import annotations

import time
from typing import Any

from glassnet.datasets import digits
from glassnet.lab.data import percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Dropout, Flatten, Input, Rescaling
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.optimizers.schedules import InverseTimeDecay
from glassnet.utils import set_random_seed

ROW = Row(
    "digits", "glassnet, the main job", "at least 97.0 % on a stratified split, under 5 seconds of training",
    "stratified >= 97.0, train_seconds < 5",
)  # fmt: skip
EPOCHS, BATCH, RATE, DECAY = 40, 32, 3e-3, 4e-3


def network() -> Sequential:
    """What `glassnet train digits` builds; a test holds the two together."""
    model = Sequential([
        Input((8, 8)),
        Rescaling(1 / 16),
        Flatten(),
        Dense(128, "relu", kernel_initializer="he_normal"),
        Dropout(0.2),
        Dense(64, "relu", kernel_initializer="he_normal"),
        Dropout(0.2),
        Dense(10, "softmax"),
    ])  # fmt: skip
    rate = InverseTimeDecay(RATE, decay_steps=1, decay_rate=DECAY)
    model.compile(Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(split: str, seed: int, epochs: int) -> tuple[float, float]:
    """Test accuracy in percent, and the seconds of training. The seed decides the stratified split, too."""
    set_random_seed(seed)
    (x, y), (x_test, y_test) = digits.load_data(split, seed=seed)
    model = network()
    started = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=epochs, validation_split=0.1, verbose=0)
    seconds = time.perf_counter() - started
    return percent_right(model.predict(x_test), y_test), seconds


def run(seed: int, quick: bool) -> dict[str, Any]:
    """The stratified split tests on hands that were learned, the file order on new ones."""
    epochs = 2 if quick else EPOCHS
    (stratified, seconds), (file_order, _) = (train(split, seed, epochs) for split in ("stratified", "file_order"))
    return {
        "settings": {
            "network": "64-128-64-10 relu, dropout 0.2, softmax, he_normal", "loss": "sparse_categorical_crossentropy",
            "optimizer": f"Adam, rate {RATE} / (1 + {DECAY} step)", "batch_size": BATCH, "epochs": epochs,
            "validation_split": 0.1,
        },
        "obtained": {"stratified": stratified, "file_order": file_order, "train_seconds": seconds},
    }  # fmt: skip
