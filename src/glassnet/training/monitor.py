"""Monitor: a number in the logs that a callback watches, and which way it gets better."""

from __future__ import annotations

import math
import warnings
from typing import Any

from glassnet.errors import ArgumentError, did_you_mean

__all__ = ["Monitor"]

_LARGER = {
    "acc", "accuracy", "auc", "f1", "iou", "precision", "recall", "r2", "score", "sensitivity", "similarity",
    "specificity", "true",
}  # fmt: skip
_SMALLER = {
    "ce", "crossentropy", "divergence", "entropy", "error", "false", "hinge", "huber", "logcosh", "loss", "mae", "mape",
    "mse", "msle", "perplexity", "poisson", "rmse",
}  # fmt: skip


class Monitor:
    """A number in the logs.

    Arguments:
        who: the callback, for messages.
        name: for example "val_loss".
        mode: "min", "max", or "auto" to judge by the name.
        min_delta: what a change must exceed to be an improvement.

    >>> Monitor("EarlyStopping", "val_accuracy").is_better(0.9, than=0.8)
    True
    """

    def __init__(self, who: str, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"{who}: unknown mode", expected="'auto', 'min' or 'max'", received=repr(mode))
        self.who, self.name = who, name
        self.sign = {"min": -1, "max": 1}.get(mode) or _sign_of(who, name)
        self.min_delta = abs(min_delta)
        self.worst = -self.sign * math.inf
        self._found: bool | None = None  # None: not looked for yet

    def is_better(self, value: float, than: float) -> bool:
        """Whether it improved by more than `min_delta`; NaN never does."""
        return self.sign * value - self.min_delta > self.sign * than

    def read(self, logs: Any) -> float | None:
        """Its value; None for a validation metric in an epoch without validation."""
        logs = logs or {}
        if self.name in logs:
            self._found = True
            return float(logs[self.name])
        if self.name.startswith("val_") and not any(name.startswith("val_") for name in logs):
            self._found = bool(self._found)
            return None
        raise ArgumentError(
            f"{self.who}: there is no {self.name!r} in the logs", expected=", ".join(logs) or "some metric",
            received=f"monitor={self.name!r}", fix=did_you_mean(self.name, logs),
        )  # fmt: skip

    def warn_if_never_found(self) -> None:
        """At the end: a callback that watched for something that never came had no effect."""
        if self._found is False:
            warnings.warn(
                f"{self.who} had no effect: there was no {self.name!r} in any epoch; pass validation_data, or "
                f"monitor={self.name.removeprefix('val_')!r}", stacklevel=2,
            )  # fmt: skip


def _sign_of(who: str, name: str) -> int:
    """1 where more is better, -1 where less is; the last telling word of the name decides: accuracy_loss is a loss."""
    for word in reversed(name.split("_")):
        if word in _LARGER:
            return 1
        if word in _SMALLER:
            return -1
    raise ArgumentError(
        f"{who}: whether more or less of {name!r} is better cannot be told by its name",
        received="mode='auto'", fix="pass mode='min' or mode='max'",
    )  # fmt: skip
