"""The network and the training of `glassnet train`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import callbacks, layers, optimizers
from glassnet.cli.sources import Source
from glassnet.models import Sequential
from glassnet.optimizers import schedules
from glassnet.seeds import set_random_seed
from glassnet.typing import Array


@dataclass
class Settings:
    """What the options of `train` say."""

    layers: tuple[int, ...]
    activation: str = "relu"
    dropout: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    decay: float = 0.0
    """Learning rate of step s: rate / (1 + decay s)."""
    epochs: int = 10
    batch_size: int | None = 128
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return {**asdict(self), "layers": list(self.layers)}


DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {"layers": (128, 64), "dropout": 0.2, "learning_rate": 3e-3, "decay": 4e-3, "epochs": 40, "batch_size": 32},
    "mnist": {"layers": (128, 128), "decay": 1e-3, "epochs": 10},
    "fashion_mnist": {"layers": (128, 128), "decay": 1e-3, "epochs": 10},
    "xor": {"layers": (3,), "activation": "tanh", "learning_rate": 0.1, "epochs": 200, "batch_size": None},
    "toy": {"layers": (32, 32), "learning_rate": 1e-2, "epochs": 60, "batch_size": 32},
    "table": {"layers": (64, 32), "epochs": 60, "batch_size": 32},
}


def settings_for(source_name: str, kind: str, **given: Any) -> Settings:
    """The defaults for this data, with the given options over them."""
    default = DEFAULTS.get(source_name, DEFAULTS.get(kind, {}))
    return Settings(**{**default, **{key: value for key, value in given.items() if value is not None}})


def build(source: Source, settings: Settings) -> Sequential:
    """The network: scaling, hidden layers, output; compiled."""
    set_random_seed(settings.seed)
    stack: list[Any] = [layers.Input(source.x_train.shape[1:])]
    if source.kind == "image":
        stack += [layers.Rescaling(1 / source.max_value, name="scale"), layers.Flatten(name="flatten")]
    elif source.kind == "table":
        scale = layers.Normalization(name="scale")
        scale.adapt(source.x_train)
        stack.append(scale)
    for number, units in enumerate(settings.layers, 1):
        start = "he_normal" if settings.activation == "relu" else "glorot_uniform"
        stack.append(layers.Dense(units, settings.activation, kernel_initializer=start, name=f"hidden_{number}"))
        if settings.dropout:
            stack.append(layers.Dropout(settings.dropout, name=f"dropout_{number}"))
    classifies = source.class_names is not None
    stack.append(layers.Dense(source.outputs, "softmax" if classifies else None, name="output"))
    model = Sequential(stack, name=source.name if source.name.isidentifier() else "model")
    model.compile(
        _optimizer(settings),
        "sparse_categorical_crossentropy" if classifies else "mean_squared_error",
        metrics=["accuracy"] if classifies else ["mae"],
    )
    return model


def _optimizer(settings: Settings) -> Any:
    rate: Any = settings.learning_rate
    if settings.decay:
        rate = schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=settings.decay)
    found = optimizers.get(settings.optimizer)
    found.learning_rate = rate
    return found


class ProgressLines(callbacks.ProgbarLogger):
    """The progress of `fit` with at most twenty or so lines, however many epochs there are."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the line of every few epochs, and of the last."""
        epochs = self.params["epochs"]
        if (epoch + 1) % math.ceil(epochs / 20) == 0 or epoch + 1 == epochs:
            super().on_epoch_end(epoch, logs)


def train(model: Any, source: Source, settings: Settings, folder: Path | None, verbose: Any, validation: float) -> Any:
    """Fit, with a backup after every epoch where there is a folder; returns (history, seconds)."""
    listed: list[Any] = [ProgressLines()] if verbose else []
    if folder is not None:
        listed.append(callbacks.BackupAndRestore(str(folder / "backup")))
        listed.append(callbacks.CSVLogger(str(folder / "history.csv"), append=(folder / "history.csv").exists()))
    started = time.perf_counter()
    history = model.fit(
        source.x_train, source.y_train, batch_size=settings.batch_size, epochs=settings.epochs, callbacks=listed,
        validation_split=validation, verbose=verbose,
    )  # fmt: skip
    return history, time.perf_counter() - started


@dataclass
class Score:
    """What the test set says. `correct` and `probabilities` are only there for classes."""

    total: int
    loss: float
    correct: int = 0
    predictions: Array | None = None
    probabilities: Array | None = None
    error: float = 0.0
    """Root of the mean squared error, where a number is predicted."""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.total


def score(model: Any, source: Source) -> Score:
    """Evaluate on the test set, once."""
    loss = float(np.atleast_1d(model.evaluate(source.x_test, source.y_test, batch_size=256, verbose=0))[0])
    outputs = model.predict(source.x_test, batch_size=256)
    if source.class_names is None:
        error = float(np.sqrt(np.mean((outputs - source.y_test) ** 2)))
        return Score(len(outputs), loss, error=error, predictions=outputs[:, 0])
    predictions = outputs.argmax(axis=-1)
    return Score(len(outputs), loss, int((predictions == source.y_test).sum()), predictions, outputs)


def worst(result: Score, source: Source, count: int = 5) -> list[int]:
    """Positions of the wrong answers given with the most confidence."""
    assert result.predictions is not None
    assert result.probabilities is not None
    wrong = np.flatnonzero(result.predictions != source.y_test)
    confidence = result.probabilities[wrong].max(axis=-1)
    return [int(i) for i in wrong[np.argsort(-confidence, kind="stable")][:count]]
