"""History: loss and metrics of every epoch, and what they say in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from glassnet.errors import ArgumentError, did_you_mean
from glassnet.training.callback import Callback
from glassnet.training.environment import environment
from glassnet.training.progress import number, sparkline

__all__ = ["History"]

_NOTICEABLE = 0.01
"""Share of a value by which it must change to be called a change."""


class History(Callback):
    """What `fit` returns: `history.history["loss"]` is a list with one number per epoch.

    `environment` tells under which versions, BLAS kernel and thread count the numbers arose.

    >>> history = History()
    >>> for epoch, loss in enumerate([0.9, 0.5, 0.4]):
    ...     history.on_epoch_end(epoch, {"loss": loss})
    >>> history.history, history.sparkline("loss")
    ({'loss': [0.9, 0.5, 0.4]}, '█▂▁')
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.environment: dict[str, str] = {}
        self._epochs_of: dict[str, list[int]] = {}  # validation_freq leaves epochs out

    def on_train_begin(self, logs: Any = None) -> None:
        """Start an empty record."""
        self.history, self.epoch, self._epochs_of = {}, [], {}
        self.environment = environment()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add one epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs_of.setdefault(name, []).append(epoch)

    def get_state(self) -> dict[str, Any]:
        """The record so far."""
        return {"history": self.history, "epoch": self.epoch, "epochs_of": self._epochs_of}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with an earlier record."""
        self.history, self.epoch, self._epochs_of = state["history"], state["epoch"], state["epochs_of"]

    # ------------------------------------------------------------ in words
    def sparkline(self, name: str = "loss") -> str:
        """The curve of a metric as one line of block characters, at most 40."""
        if name not in self.history:
            known = ", ".join(self.history) or "nothing yet"
            fix = did_you_mean(name, self.history)
            raise ArgumentError("History.sparkline: no such metric", expected=known, received=repr(name), fix=fix)
        return sparkline(self.history[name])

    def describe(self) -> str:
        """Trend, best epoch, where overfitting starts and the final numbers, in one paragraph.

        >>> history = History()
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.4]):
        ...     history.on_epoch_end(epoch, {"loss": loss})
        >>> history.describe()
        '3 epochs. loss fell from 0.9000 to 0.4000 and was still falling at the end. It was best after epoch 3.'
        """
        if not self.epoch:
            return "No epoch has been trained."
        count = len(self.epoch)
        sentences = [f"{count} epoch{'s' if count > 1 else ''}."]
        if "loss" in self.history:
            sentences += [f"loss {_trend(self.history['loss'], self._epochs_of['loss'])}.", *self._best()]
        others = [f"{name} {number(values[-1])}" for name, values in self.history.items() if name != "loss"]
        if others:
            sentences.append(f"At the end: {', '.join([*self._final_loss(), *others])}.")
        return " ".join(sentences)

    def _final_loss(self) -> list[str]:
        return [f"loss {number(self.history['loss'][-1])}"] if "loss" in self.history else []

    def _best(self) -> list[str]:
        """Where the loss that counts was lowest, and what came after."""
        watched = "val_loss" if "val_loss" in self.history else "loss"
        values, epochs = self.history[watched], self._epochs_of[watched]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return []
        best = values.index(min(finite))
        if watched == "loss":
            return [f"It was best after epoch {epochs[best] + 1}."]
        return [f"val_loss was best, {number(values[best])}, after epoch {epochs[best] + 1}{self._after(best)}."]

    def _after(self, best: int) -> str:
        """What validation loss and training loss did after the best epoch."""
        values, start = self.history["val_loss"], self._epochs_of["val_loss"][best]
        since = [loss for epoch, loss in zip(self._epochs_of["loss"], self.history["loss"]) if epoch >= start]
        rise = (values[-1] - values[best]) / max(abs(values[best]), 1e-12)
        if best == len(values) - 1:
            return ", the last"
        if not math.isfinite(rise):
            return f", and is {number(values[-1])} now"
        if rise <= _NOTICEABLE:
            return ", and has hardly changed since"
        if since[-1] < since[0]:
            return f", and has risen by {rise:.0%} since while loss went on falling: overfitting starts there"
        return f", and has risen by {rise:.0%} since, as loss has"


def _trend(values: Sequence[float], epochs: Sequence[int]) -> str:
    """How a loss went from its first to its last value."""
    broken = next((epoch for value, epoch in zip(values, epochs) if not math.isfinite(value)), None)
    if broken is not None:
        return f"stopped being a finite number in epoch {broken + 1} (a smaller learning rate may help)"
    first, last = values[0], values[-1]
    if len(values) == 1:
        return f"was {number(last)}"
    if abs(last - first) <= _NOTICEABLE * abs(first):
        return f"stayed at about {number(last)}"
    if last > first:
        return f"rose from {number(first)} to {number(last)}"
    return f"fell from {number(first)} to {number(last)}{_manner(values)}{_ending(values)}"


def _manner(values: Sequence[float]) -> str:
    """Whether it fell steadily."""
    rises = sum(b > a for a, b in pairwise(values))
    often = rises > (len(values) - 1) / 4
    return f", with {rises} rise{'s' if rises > 1 else ''} on the way," if often else ""


def _ending(values: Sequence[float]) -> str:
    """Whether the last quarter of the epochs still brought a noticeable part of the way."""
    before = values[-1 - max(len(values) // 4, 1)]
    share = (before - values[-1]) / (values[0] - values[-1])
    if share > _NOTICEABLE:
        return " and was still falling at the end"
    return " and rose again at the end" if share < -_NOTICEABLE else " and was level at the end"
