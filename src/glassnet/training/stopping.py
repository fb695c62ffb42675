"""Callbacks that end training: EarlyStopping and TerminateOnNaN."""

from __future__ import annotations

import math
from typing import Any

from glassnet.errors import ArgumentError, NonFiniteError
from glassnet.training.callback import Callback
from glassnet.training.compiled import as_float
from glassnet.training.monitor import Monitor
from glassnet.training.progress import number

__all__ = ["EarlyStopping", "TerminateOnNaN"]


class EarlyStopping(Callback):
    """Ends training once a metric has not improved for `patience` epochs.

    Arguments:
        min_delta: what a change must exceed to be an improvement.
        mode: "min", "max", or "auto" to judge by the metric's name.
        baseline: a value that must be beaten as well.
        restore_best_weights: go back to the weights of the best epoch at the end.
        start_from_epoch: epochs before it do not count.

    >>> EarlyStopping(monitor="val_accuracy", patience=3).patience
    3
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
        baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        self._watched = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.monitor, self.min_delta, self.patience, self.verbose = monitor, min_delta, patience, verbose
        self.baseline, self.restore_best_weights = baseline, restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._forget()

    def _forget(self) -> None:
        self.wait = self.best_epoch = 0
        self.stopped_epoch: int | None = None
        """The epoch after which it ended training, counted from 0."""
        self.best = self._watched.worst
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget earlier runs."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare with the best epoch so far."""
        current = self._watched.read(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)  # in case nothing ever counts as an improvement
        self.wait += 1
        if self._watched.is_better(current, than=self.best):
            self.best = current
            self._remember(epoch)
            if self.baseline is None or self._watched.is_better(current, than=self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        """Bring the best weights back."""
        self._watched.warn_if_never_found()
        if self.stopped_epoch is not None and self.verbose:
            best = f"{self.monitor} was best, {number(self.best)}, after epoch {self.best_epoch + 1}"
            self.say(f"EarlyStopping after epoch {self.stopped_epoch + 1}: {best}")
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        """Counters, best value and best weights."""
        return {
            "wait": self.wait, "best": self.best, "best_epoch": self.best_epoch, "stopped_epoch": self.stopped_epoch,
            "best_weights": self.best_weights,
        }  # fmt: skip

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.wait, self.best, self.best_epoch = state["wait"], state["best"], state["best_epoch"]
        self.stopped_epoch, self.best_weights = state["stopped_epoch"], state["best_weights"]


class TerminateOnNaN(Callback):
    """Ends training at the first step whose loss is NaN or infinite.

    Arguments:
        raise_error: raise a NonFiniteError instead of ending quietly.

    >>> TerminateOnNaN(raise_error=True).raise_error
    True
    """

    takes_tensors = True

    def __init__(self, raise_error: bool = False) -> None:
        if not isinstance(raise_error, bool):
            raise ArgumentError("TerminateOnNaN: raise_error", expected="True or False", received=repr(raise_error))
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = as_float((logs or {}).get("loss", 0.0))
        if math.isfinite(loss):
            return
        problem = f"the loss is {loss} after batch {batch} of the epoch"
        if self.raise_error:
            raise NonFiniteError(f"TerminateOnNaN: {problem}", fix="try a smaller learning rate, or clipnorm=1.0")
        self.say(f"TerminateOnNaN: {problem}; training ends")
        self.model.stop_training = True
