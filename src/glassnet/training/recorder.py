"""Recorder: the weights at moments of a training, close together at its beginning and far apart later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError, GraphError
from glassnet.training.callback import Callback
from glassnet.training.compiled import as_float
from glassnet.typing import Array

__all__ = ["Recorder", "Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """The model at one moment of its training."""

    step: int
    """Updates so far."""
    epoch: int
    """The epoch it was taken in, counted from 1; 0 before training."""
    loss: float
    """The mean over this epoch's steps so far; NaN before training."""
    weights: tuple[Array, ...]
    """As `model.get_weights()` gives them."""


class Recorder(Callback):
    """Keeps the weights before training, at log-spaced steps and at the end; `glassnet.animate` makes films of them.

    Arguments:
        frames: snapshots wanted; a run of fewer steps has one per step.
        dtype: "float16" halves the memory of all but the first and the last; None keeps the weights as they are.

    >>> import glassnet as gn
    >>> x, y = gn.datasets.toy.xor()
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> recorder = Recorder(frames=6)
    >>> _ = model.fit(x, y, epochs=100, verbose=0, callbacks=[recorder])
    >>> [snapshot.step for snapshot in recorder.snapshots]
    [0, 2, 5, 16, 38, 100]
    """

    runs_last, takes_tensors = True, True

    def __init__(self, frames: int = 60, dtype: str | None = None) -> None:
        if frames < 2:
            raise ArgumentError("Recorder: frames", expected="at least 2: the first and the last", received=frames)
        if dtype not in (None, "float16"):
            raise ArgumentError("Recorder: dtype", expected="None or 'float16'", received=repr(dtype))
        self.frames, self.dtype = frames, dtype
        self._step = self._epoch = 0
        self._kept: list[Snapshot] = []

    @property
    def snapshots(self) -> list[Snapshot]:
        """What was recorded: `frames` moments as evenly spaced as can be by the logarithm of the step."""
        return [self._kept[k] for k in log_spaced([snapshot.step for snapshot in self._kept], self.frames)]

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget an earlier run; keep the weights before training."""
        if not self.model.built:
            raise GraphError(
                f"Recorder: {self.model} has no weights before its first batch", expected="a built model",
                fix="begin it with gn.Input(...), or call it once on a batch",
            )  # fmt: skip
        self._step = self._epoch = 0
        self._kept = [self._snapshot(math.nan)]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keep the weights if this step is due.

        The number of steps to come is unknown. A run of T steps needs the distance log T / frames between two snapshots
        on a logarithmic axis; half of that, with the steps so far in the place of T, leaves enough to choose from
        wherever it ends. The surplus grows like log log T: 5 times as many as wanted after a billion steps.
        """
        self._step += 1
        ratio = self._step ** (0.5 / self.frames)
        if self._step <= 2 * self.frames or self._step >= self._kept[-1].step * ratio:
            self._kept.append(self._snapshot(as_float(logs["loss"]), self.dtype))

    def on_train_end(self, logs: Any = None) -> None:
        """Keep the final weights, which another callback may just have brought back."""
        if self._kept[-1].step == self._step:
            self._kept.pop()
        self._kept.append(self._snapshot((logs or {}).get("loss", math.nan)))

    def _snapshot(self, loss: float, dtype: str | None = None) -> Snapshot:
        weights = [w.astype(dtype) if dtype and w.dtype.kind == "f" else w for w in self.model.get_weights()]
        return Snapshot(self._step, self._epoch, loss, tuple(weights))


def log_spaced(steps: list[int], count: int) -> list[int]:
    """Which of rising steps to take: the first, the last, and between them the nearest to an even spacing of log(1 + step).

    >>> log_spaced([0, 1, 2, 3, 4, 5, 6, 7], 4)
    [0, 1, 3, 7]
    """
    if len(steps) <= count:
        return list(range(len(steps)))
    places = np.log1p(steps)
    chosen = [0]
    for number, wanted in enumerate(np.linspace(places[0], places[-1], count)[1:], 1):
        first, end = chosen[-1] + 1, len(steps) - (count - 1 - number)  # enough must be left for the others
        chosen.append(first + int(np.abs(places[first:end] - wanted).argmin()))
    return chosen
