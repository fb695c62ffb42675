"""CallbackList: calls all callbacks in order, and those that do not listen to an event not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet.errors import ArgumentError
from glassnet.training.callback import EVENTS, Callback
from glassnet.training.compiled import as_float
from glassnet.training.history import History
from glassnet.training.progress import ProgbarLogger

__all__ = ["CallbackList"]

Listener = tuple[bool, Callable[..., None]]


class CallbackList:
    """All callbacks of a run as one.

    Arguments:
        callbacks: one callback or a list of them.
        add_history: add a History where there is none, and let it be `model.history`.
        add_progbar: add a ProgbarLogger where there is none.
        **params: what the callbacks find in `self.params`: epochs, steps, verbose.
    """

    initial_epoch = 0
    """Where training starts; above 0 after a callback restored an earlier run."""

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None,
        **params: Any,
    ) -> None:  # fmt: skip
        listed = _listed(callbacks)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in listed):
            listed.append(ProgbarLogger())
        if add_history and not any(isinstance(c, History) for c in listed):
            listed.append(History())  # after the user's, so that it also records what they add to the logs
        self.callbacks = sorted(listed, key=lambda c: c.runs_last)
        if add_history:
            model.history = next(c for c in listed if isinstance(c, History))
        self._listeners = {event: self._listeners_to(event) for event in EVENTS}
        self.set_params(params)
        self.set_model(model)

    def _listeners_to(self, event: str) -> list[Listener]:
        return [(c.takes_tensors, getattr(c, event)) for c in self.callbacks if _listens(c, event)]

    def watches_batches(self, kind: str) -> bool:
        """Whether a callback must hear of every "train", "test" or "predict" batch."""
        events = (f"on_{kind}_batch_begin", f"on_{kind}_batch_end")
        return any(c.every_batch and _listens(c, event) for c in self.callbacks for event in events)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all callbacks the settings of the run, and of each other."""
        for callback in self.callbacks:
            callback.peers = self.callbacks
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all callbacks the model."""
        for callback in self.callbacks:
            callback.set_model(model)

    # ------------------------------------------------------------ events
    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch; a callback may have set where to start."""
        self._call("on_train_begin", logs)
        self.initial_epoch = max([0, *[callback.initial_epoch for callback in self.callbacks]])

    def on_train_end(self, logs: Any = None) -> None:
        """After the last epoch."""
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch."""
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch; a callback may add numbers to the logs."""
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training step."""
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step."""
        self._call_with_numbers("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Before an evaluation."""
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        """After an evaluation."""
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before an evaluation step."""
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After an evaluation step."""
        self._call_with_numbers("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before a prediction."""
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """After a prediction."""
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a prediction step."""
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a prediction step."""
        self._call("on_predict_batch_end", batch, logs)

    on_batch_begin, on_batch_end = on_train_batch_begin, on_train_batch_end

    def _call(self, event: str, *arguments: Any) -> None:
        for _, hear in self._listeners[event]:
            hear(*arguments)

    def _call_with_numbers(self, event: str, batch: int, logs: Any) -> None:
        """Reading a metric costs a microsecond or two, so it is done only when somebody wants the numbers."""
        numbers: dict[str, Any] | None = None
        for takes_tensors, hear in self._listeners[event]:
            if takes_tensors:
                hear(batch, logs)
                continue
            if numbers is None:
                numbers = {name: as_float(value) for name, value in (logs or {}).items()}
            hear(batch, numbers)


def _listed(callbacks: Any) -> list[Callback]:
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    listed = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in listed:
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type) and issubclass(callback, Callback)
            raise ArgumentError(
                "callbacks: this is not a callback", expected="an instance of gn.callbacks.Callback",
                received=repr(callback), fix=f"write {callback.__name__}(...)" if is_class else None,
            )  # fmt: skip
    return listed


def _listens(callback: Callback, event: str) -> bool:
    """Whether a callback overrides an event, or its short name `on_batch_end`."""
    names = [event, event.replace("on_train_batch", "on_batch")]
    return any(name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name) for name in names)
