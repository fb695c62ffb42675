"""The network and the training of `glassnet train`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import callbacks, layers, optimizers
from glassnet.cli import runs
from glassnet.cli.render import FEW, WIDTH
from glassnet.cli.sources import Source, Task
from glassnet.errors import ArgumentError
from glassnet.lab.text import decoder, next_character_loss
from glassnet.models import Model, Sequential
from glassnet.optimizers import schedules
from glassnet.seeds import set_random_seed
from glassnet.training.progress import metric_texts, sparkline
from glassnet.typing import Array

_SPARK_WIDTH = 8
_HEADS = 4
_SECONDS_BETWEEN_BACKUPS = 0.5


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
    validation: float = 0.1
    """Share of the training data that is only watched."""
    seed: int = 0

    def __post_init__(self) -> None:
        self.layers = tuple(self.layers)
        checks = {
            "--layers": (min(self.layers, default=1) >= 1, self.layers, "numbers of units such as 128,128"),
            "--dropout": (0 <= self.dropout < 1, self.dropout, "at least 0 and below 1"),
            "--learning-rate": (0 < self.learning_rate < math.inf, self.learning_rate, "a number above 0"),
            "--decay": (0 <= self.decay < math.inf, self.decay, "a number that is not negative"),
            "--epochs": (self.epochs >= 1, self.epochs, "at least 1"),
            "--batch-size": (self.batch_size is None or self.batch_size >= 1, self.batch_size, "at least 1, or 0 for all"),
            "--validation": (0 <= self.validation < 1, self.validation, "at least 0 and below 1"),
        }  # fmt: skip
        for option, (fine, received, expected) in checks.items():
            if not fine:
                raise ArgumentError(f"train: bad {option}", expected=expected, received=received)

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {
        "layers": (128, 64), "dropout": 0.2, "learning_rate": 3e-3, "decay": 4e-3, "epochs": 40, "batch_size": 32,
    },
    "mnist": {"layers": (128, 128), "learning_rate": 2e-3, "decay": 1e-3, "epochs": 10},
    "fashion_mnist": {"layers": (128, 128), "learning_rate": 2e-3, "decay": 1e-3, "epochs": 10},
    "xor": {"layers": (3,), "activation": "tanh", "learning_rate": 0.1, "epochs": 200, "batch_size": None},
    "spiral": {"layers": (64, 64), "learning_rate": 1e-2, "epochs": 60, "batch_size": 32},
    "toy": {"layers": (32, 32), "learning_rate": 1e-2, "epochs": 60, "batch_size": 32},
    "table": {"layers": (64, 32), "learning_rate": 3e-3, "epochs": 60, "batch_size": 32},
    "text": {
        "layers": (128, 128, 128, 128), "activation": "gelu", "optimizer": "adamw", "decay": 1e-3, "epochs": 2,
        "batch_size": 12, "validation": 0.02,
    },
}  # fmt: skip


def settings_for(source: Source, **given: Any) -> Settings:
    """The defaults for this data, with the given options over them."""
    task = source.task
    default = DEFAULTS.get(task.name if task.kind in ("image", "toy") else task.kind, DEFAULTS.get(task.kind, {}))
    if len(source.x_train) < FEW:
        default = default | {"validation": 0.0}
    chosen = {**default, **{name: value for name, value in given.items() if value is not None}}
    return Settings(**chosen | {"batch_size": chosen.get("batch_size", 128) or None})


def build(source: Source, settings: Settings) -> Model:
    """The network: scaling, hidden layers, output; for a text a transformer. Compiled."""
    set_random_seed(settings.seed)
    if source.task.kind == "text":
        return _transformer(source, settings)
    classifies = source.task.class_names is not None
    stack: list[Any] = [layers.Input(source.x_train.shape[1:]), *_scaling(source)]
    for number, units in enumerate(settings.layers, 1):
        start = "he_normal" if settings.activation == "relu" else "glorot_uniform"
        stack.append(layers.Dense(units, settings.activation, kernel_initializer=start, name=f"hidden_{number}"))
        if settings.dropout:
            stack.append(layers.Dropout(settings.dropout, name=f"dropout_{number}"))
    stack.append(layers.Dense(source.task.outputs, "softmax" if classifies else None, name="output"))
    if not classifies:  # the network speaks in standard deviations around the mean, whatever the unit of the column is
        mean, deviation = float(source.y_train.mean()), float(source.y_train.std())
        stack.append(layers.Rescaling(deviation or 1.0, mean, name="unit"))
    model = Sequential(stack, name=_name(source.task))
    model.compile(
        _optimizer(settings),
        "sparse_categorical_crossentropy" if classifies else "mean_squared_error",
        metrics=["accuracy"] if classifies else ["mae"],
    )
    return model


def _transformer(source: Source, settings: Settings) -> Model:
    """One block per hidden layer; all read and write the same stream, so they are equally wide."""
    widths = set(settings.layers)
    if len(widths) != 1 or min(widths) % _HEADS:
        raise ArgumentError(
            "train: bad --layers for a text", expected=f"one width for all blocks, a multiple of {_HEADS} heads",
            received=",".join(map(str, settings.layers)) or 0, fix="--layers 128,128,128,128",
        )  # fmt: skip
    model = decoder(
        source.task.outputs, source.x_train.shape[1], settings.layers[0], len(settings.layers), _HEADS,
        settings.dropout, settings.activation, name=_name(source.task),
    )  # fmt: skip
    model.compile(_optimizer(settings), next_character_loss(), metrics=["accuracy"])
    return model


def _name(task: Task) -> str:
    return task.name if task.name.isidentifier() else "model"


def _scaling(source: Source) -> list[Any]:
    """The layers that bring the inputs to numbers of size 1 in one row."""
    if source.task.kind == "image":
        return [layers.Rescaling(1 / source.task.max_value, name="scale"), layers.Flatten(name="flatten")]
    if source.task.kind == "table":
        scale = layers.Normalization(name="scale")
        scale.adapt(source.x_train)
        return [scale]
    return []


def _optimizer(settings: Settings) -> Any:
    rate: Any = settings.learning_rate
    if settings.decay:
        rate = schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=settings.decay)
    found = optimizers.get(settings.optimizer)
    found.learning_rate = rate
    return found


class ProgressLines(callbacks.ProgbarLogger):
    """The progress of `fit` in at most twenty or so lines, however many epochs there are, each with its sparkline."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the line of every few epochs, and of the last."""
        epochs = self.params["epochs"]
        if (epoch + 1) % math.ceil(epochs / 20) == 0 or epoch + 1 == epochs:
            self._epoch = epoch
            text = "  ".join([self._title(), *metric_texts(logs or {}), ""])
            room = min(max(WIDTH - len(text), 0), _SPARK_WIDTH)
            self._line.write(
                text + sparkline(self._losses(logs), room, self._line.levels) if room > 1 else text.rstrip()
            )


class Backup(callbacks.BackupAndRestore):
    """A backup after the first epoch that ends half a second after the one before: a small epoch is over sooner."""

    due = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the backup, if there is one."""
        super().on_train_begin(logs)
        self.due = time.perf_counter() + _SECONDS_BETWEEN_BACKUPS

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up, when it is time."""
        if time.perf_counter() >= self.due:
            super().on_epoch_end(epoch, logs)
            self.due = time.perf_counter() + _SECONDS_BETWEEN_BACKUPS


def train(model: Any, source: Source, settings: Settings, folder: Path | None, verbose: Any) -> Any:
    """Fit, with backups where there is a folder; returns (history, seconds)."""
    listed: list[Any] = [ProgressLines()] if verbose else []
    if folder is not None:
        backup = Backup(folder / runs.BACKUP, delete_checkpoint=False)
        history = callbacks.CSVLogger(folder / runs.HISTORY, append=backup.path.exists())
        listed += [backup, history]
    started = time.perf_counter()
    history = model.fit(
        source.x_train, source.y_train, batch_size=settings.batch_size, epochs=settings.epochs, callbacks=listed,
        validation_split=settings.validation, verbose=verbose,
    )  # fmt: skip
    return history, time.perf_counter() - started


@dataclass
class Score:
    """What the test set says."""

    outputs: Array
    targets: Array
    loss: float

    @property
    def total(self) -> int:
        """How many answers there are: one per sample, or one per character."""
        return int(self.targets.size)

    @property
    def error(self) -> float:
        """Root of the mean squared error, where a number is predicted."""
        return float(np.sqrt(np.mean((self.outputs - self.targets) ** 2, dtype=np.float64)))

    @property
    def predictions(self) -> Array:
        """The class with the largest output, in the shape of the targets."""
        return np.asarray(self.outputs.argmax(axis=-1))

    @property
    def correct(self) -> int:
        """How many classes are right."""
        return int((self.predictions == self.targets).sum())

    def worst(self, count: int = 5) -> list[int]:
        """Positions of the wrong answers given with the most confidence."""
        wrong = np.flatnonzero(self.predictions != self.targets)
        confidence = self.outputs[wrong].max(axis=-1)
        return [int(i) for i in wrong[np.argsort(-confidence, kind="stable")][:count]]

    def plain(self, task: Task) -> dict[str, Any]:
        """As JSON data."""
        own = {"accuracy": self.correct / self.total, "correct": self.correct}
        return {"loss": self.loss, "samples": self.total} | (own if task.class_names else {"rmse": self.error})


def score(model: Any, source: Source) -> Score:
    """Evaluate on the test set, once."""
    results = model.evaluate(source.x_test, source.y_test, batch_size=256, verbose=0, return_dict=True)
    outputs = model.predict(source.x_test, batch_size=256)
    return Score(outputs, source.y_test, float(results["loss"]))
