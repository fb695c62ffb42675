"""Callbacks: what happens around epochs and batches. Everything about display and files of a run is here."""

from __future__ import annotations

from typing import Any

from glassnet.training.compiled import as_float
from glassnet.training.history import History
from glassnet.training.progress import ProgbarLogger

__all__ = ["Callback", "CallbackList", "History", "ProgbarLogger"]

_EVENTS = [
    f"on_{what}_{when}"
    for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    for when in ("begin", "end")
]


class Callback:
    """Base: override what you need. `self.model` is the model, `self.params` holds epochs and steps.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs=None): print(epoch, round(logs["loss"], 3))
    """

    model: Any = None
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Called once before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training."""
        self.params = params

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

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step; `logs` holds the means so far."""

    on_batch_begin, on_batch_end = on_train_batch_begin, on_train_batch_end

    def on_test_begin(self, logs: Any = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After an evaluation step."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a prediction step."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a prediction step; `logs["outputs"]` holds what was predicted."""


class CallbackList:
    """Calls all callbacks in order, and those that do not listen to an event not at all."""

    initial_epoch = 0
    """Where training starts; raised by a callback that restores an earlier run."""

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None,
                 **params: Any) -> None:  # fmt: skip
        listed = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in listed):
            listed.append(ProgbarLogger())
        if add_history:
            model.history = next((c for c in listed if isinstance(c, History)), None) or History()
            listed = [model.history, *[c for c in listed if c is not model.history]]
        self.callbacks = listed
        self.listeners = {event: [c for c in listed if _listens(c, event)] for event in _EVENTS}
        for callback in listed:
            callback.set_params(params)
            callback.set_model(model)

    def __getattr__(self, event: str) -> Any:
        if event not in _EVENTS:
            raise AttributeError(event)
        return lambda *arguments: self._call(event, *arguments)

    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch; a callback may set where to start."""
        self._call("on_train_begin", logs)
        self.initial_epoch = max([0, *[getattr(c, "initial_epoch", 0) for c in self.callbacks]])

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training step."""
        if self.listeners["on_train_batch_begin"]:
            self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step; the numbers are only read where somebody wants them."""
        if self.listeners["on_train_batch_end"]:
            self._call("on_train_batch_end", batch, {name: as_float(value) for name, value in (logs or {}).items()})

    def _call(self, event: str, *arguments: Any) -> None:
        for callback in self.listeners[event]:
            getattr(callback, event)(*arguments)


def _listens(callback: Any, event: str) -> bool:
    """Whether a callback overrides an event (or its short name, on_batch_end)."""
    if not hasattr(callback, event):
        return False
    own = getattr(type(callback), event, None)
    return event in vars(callback) or own is not getattr(Callback, event)
