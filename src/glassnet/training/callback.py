"""Callback: what happens around epochs and batches; everything about display and files of a run is done by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassnet.errors import ArgumentError, did_you_mean

__all__ = ["EVENTS", "Callback", "LambdaCallback"]

EVENTS = [
    f"on_{what}_{when}"
    for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    for when in ("begin", "end")
]


class Callback:
    """Base of all callbacks: override the events that you need.

    `self.model` is the model, `self.params` holds epochs, steps and verbose, `self.peers` all callbacks of the run.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: {logs['loss']}")
    >>> Print().on_epoch_end(0, {"loss": 0.5})
    epoch 0: 0.5
    """

    model: Any = None
    params: dict[str, Any] = {}
    peers: Sequence[Callback] = ()
    """All callbacks of the run, in the order in which they are called; set by CallbackList."""
    initial_epoch = 0
    """Where training is to start; a callback that restores an earlier run raises it in `on_train_begin`."""
    runs_last = False
    """Whether it is called after all others, because it keeps what they remember."""
    every_batch = True
    """Whether it must hear of every batch; otherwise steps may run on, and it hears of the last of several."""
    takes_tensors = False
    """Whether it reads the numbers of a batch itself (`as_float`), so that those it does not read cost nothing."""

    def set_model(self, model: Any) -> None:
        """Called once before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training."""
        self.params = params

    # ------------------------------------------------------------ events
    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch; `logs` holds loss and metrics, with `val_` names for validation."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step; `logs` holds the means so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Short name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Short name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After an evaluation step; `logs` holds the means so far."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a prediction step."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a prediction step; `logs["outputs"]` holds what was predicted."""

    # ------------------------------------------------------------ resuming
    def get_state(self) -> dict[str, Any]:
        """What it remembers from epoch to epoch, as numbers, text, arrays, lists and dictionaries of them."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what `get_state` returned in an earlier run; called after `on_train_begin`."""

    # ------------------------------------------------------------ printing
    def say(self, text: str) -> None:
        """Print a line without tearing a progress line that is drawn in place."""
        for peer in self.peers:
            peer.make_room()
        print(text)

    def make_room(self) -> None:
        """Called before another callback prints."""


class LambdaCallback(Callback):
    """A callback from functions.

    Arguments:
        on_epoch_begin, on_epoch_end: functions of (epoch, logs).
        on_train_begin, on_train_end: functions of (logs).
        on_train_batch_begin, on_train_batch_end: functions of (batch, logs).
        **kwargs: functions for further events, for example `on_test_end`.

    >>> LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch)).on_epoch_begin(3, {})
    epoch 3
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Any], Any] | None = None,
        on_epoch_end: Callable[[int, Any], Any] | None = None,
        on_train_begin: Callable[[Any], Any] | None = None,
        on_train_end: Callable[[Any], Any] | None = None,
        on_train_batch_begin: Callable[[int, Any], Any] | None = None,
        on_train_batch_end: Callable[[int, Any], Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        functions: dict[str, Callable[..., Any] | None] = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
            "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for event, function in functions.items():
            if event not in EVENTS:
                fix = did_you_mean(event, EVENTS)
                raise ArgumentError(
                    "LambdaCallback: no such event", expected=", ".join(EVENTS), received=event, fix=fix
                )
            if function is not None:
                setattr(self, event, function)
