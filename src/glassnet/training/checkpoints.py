"""ModelCheckpoint: saves the model, or its weights, while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassnet.errors import ArgumentError
from glassnet.training.callback import Callback
from glassnet.training.compiled import as_float
from glassnet.training.monitor import Monitor
from glassnet.training.progress import number

__all__ = ["ModelCheckpoint"]

_WEIGHTS, _MODEL = ".weights.glassnet", ".glassnet"


class ModelCheckpoint(Callback):
    """Saves the model after every epoch, or every so many steps. A kill leaves the old or the new file, whole.

    Arguments:
        filepath: ends in `.glassnet`, with `save_weights_only` in `.weights.glassnet`; may hold the epoch, counted
            from 1, and metrics: "{epoch:02d}-{val_loss:.2f}.glassnet".
        save_best_only: save only when `monitor` has improved.
        mode: "min", "max", or "auto" to judge by the metric's name.
        save_freq: "epoch", or a number of training steps.
        initial_value_threshold: with `save_best_only`, what the first saved value must beat.

    >>> ModelCheckpoint("best.glassnet", monitor="val_accuracy", save_best_only=True).monitor
    'val_accuracy'
    """

    takes_tensors = True

    def __init__(
        self, filepath: str | Path, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
        save_weights_only: bool = False, mode: str = "auto", save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        ending = _WEIGHTS if save_weights_only else _MODEL
        if not str(filepath).endswith(ending) or (not save_weights_only and str(filepath).endswith(_WEIGHTS)):
            raise ArgumentError(
                "ModelCheckpoint: filepath has the wrong ending", expected=f"...{ending}", received=str(filepath),
                fix="the ending goes with save_weights_only",
            )  # fmt: skip
        if save_freq != "epoch" and (isinstance(save_freq, (bool, str)) or not save_freq >= 1):
            expected = "'epoch' or a number of steps"
            raise ArgumentError("ModelCheckpoint: save_freq", expected=expected, received=repr(save_freq))
        if initial_value_threshold is not None and not save_best_only:
            fix = "pass save_best_only=True"
            raise ArgumentError("ModelCheckpoint: initial_value_threshold has no effect", fix=fix)
        self._watched = Monitor("ModelCheckpoint", monitor, mode) if save_best_only else None
        self.filepath, self.monitor, self.verbose, self.save_freq = str(filepath), monitor, verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best: float | None = initial_value_threshold
        """The best value so far; it outlives a `fit`."""
        self._epoch = self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after every `save_freq` steps."""
        if self.save_freq == "epoch":
            return
        self._steps += 1
        if self._steps >= int(self.save_freq):
            self._steps = 0
            numbers = {name: as_float(value) for name, value in (logs or {}).items()}
            self._save(self._epoch, numbers, {"batch": batch + 1})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, logs or {}, {})

    def on_train_end(self, logs: Any = None) -> None:
        """Say so if there was nothing to watch."""
        if self._watched is not None:
            self._watched.warn_if_never_found()

    def _save(self, epoch: int, logs: dict[str, Any], place: dict[str, int]) -> None:
        why = ""
        if self._watched is not None:
            current = self._watched.read(logs)
            if current is None:
                return
            before = self._watched.worst if self.best is None else self.best
            if not self._watched.is_better(current, than=before):
                return
            self.best = current
            why = f"{self.monitor} improved from {number(before)} to {number(current)}, "
        path = self._path(epoch, logs, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            self.say(f"ModelCheckpoint in epoch {epoch + 1}: {why}saved {path}")

    def _path(self, epoch: int, logs: dict[str, Any], place: dict[str, int]) -> Path:
        known = {"epoch": epoch + 1, **place, **logs}
        try:
            return Path(self.filepath.format(**known))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ArgumentError(
                "ModelCheckpoint: filepath cannot be filled in", expected=f"only {{{'}, {'.join(known)}}}",
                received=f"{self.filepath} ({error})",
            ) from None  # fmt: skip

    def get_state(self) -> dict[str, Any]:
        """Best value and steps since the last file."""
        return {"best": self.best, "steps": self._steps}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self._steps = state["best"], state["steps"]
