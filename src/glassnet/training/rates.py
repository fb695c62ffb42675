"""Callbacks that change the learning rate: LearningRateScheduler and ReduceLROnPlateau."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError
from glassnet.training.callback import Callback
from glassnet.training.monitor import Monitor

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]


def _settable_rate(who: str, optimizer: Any) -> float:
    """The optimizer's learning rate; an error where a schedule decides it."""
    if not isinstance(optimizer.learning_rate, Variable):
        raise ArgumentError(
            f"{who}: the optimizer's learning rate already follows a schedule", expected="a number",
            fix="compile with a number as learning_rate, or leave this callback out",
        )  # fmt: skip
    return float(optimizer.current_rate())


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch, and notes it in the logs as `learning_rate`.

    Arguments:
        schedule: a function of (epoch, learning rate), or of (epoch), that returns the new rate; epochs count from 0.
        verbose: 1 prints every rate.

    >>> halved = LearningRateScheduler(lambda epoch, lr: lr if epoch < 10 else lr / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise ArgumentError(
                "LearningRateScheduler: schedule", expected="a function of (epoch, lr)", received=repr(schedule)
            )
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Ask the schedule."""
        rate = _settable_rate("LearningRateScheduler", self.model.optimizer)
        new = self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch)
        try:
            new = float(new)
        except (TypeError, ValueError):
            raise ArgumentError(
                "LearningRateScheduler: schedule must return a number", received=f"{new!r} for epoch {epoch}"
            ) from None
        self.model.optimizer.learning_rate = new
        if self.verbose:
            self.say(f"LearningRateScheduler: epoch {epoch + 1}, learning rate {new:g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the rate."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.current_rate()


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    return True


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate once a metric has not improved for `patience` epochs.

    Arguments:
        factor: what the rate is multiplied by, below 1.
        mode: "min", "max", or "auto" to judge by the metric's name.
        min_delta: what a change must exceed to be an improvement.
        cooldown: epochs to wait after a reduction before counting again.
        min_lr: the lowest rate.

    >>> ReduceLROnPlateau(factor=0.5, patience=10, min_lr=0.1 / 128).factor
    0.5
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
        min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        if not 0 <= factor < 1:
            raise ArgumentError("ReduceLROnPlateau: factor must be in [0, 1)", received=f"factor={factor}")
        self._watched = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        self.monitor, self.factor, self.patience, self.verbose = monitor, factor, patience, verbose
        self.min_delta, self.cooldown, self.min_lr = min_delta, cooldown, min_lr
        self._forget()

    def _forget(self) -> None:
        self.best, self.wait, self.cooldown_counter = self._watched.worst, 0, 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget earlier runs."""
        self._forget()

    def on_train_end(self, logs: Any = None) -> None:
        """Say so if there was nothing to watch."""
        self._watched.warn_if_never_found()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare with the best epoch so far, and note the rate."""
        rate = _settable_rate("ReduceLROnPlateau", self.model.optimizer)
        current = self._watched.read(logs)
        if logs is not None:
            logs["learning_rate"] = rate
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._watched.is_better(current, than=self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self._reduce(epoch, rate)

    def _reduce(self, epoch: int, rate: float) -> None:
        new = max(rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            self.say(f"ReduceLROnPlateau after epoch {epoch + 1}: learning rate {rate:g} becomes {new:g}")

    def get_state(self) -> dict[str, Any]:
        """Counters and best value."""
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.wait, self.cooldown_counter = state["best"], state["wait"], state["cooldown_counter"]
