"""BackupAndRestore: a training that is killed goes on after the last whole epoch, as if nothing had happened."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import saving
from glassnet.errors import ArgumentError, GraphError, SavingError
from glassnet.training.callback import Callback
from glassnet.training.environment import environment
from glassnet.typing import Array

__all__ = ["BackupAndRestore"]

_ARRAY, _NUMBER = "__array__", "__number__"
Content = tuple[dict[str, Any], dict[str, Array]]


class BackupAndRestore(Callback):
    """Backs up the whole training after every epoch; the next `fit` with the same folder goes on from there.

    Weights, optimizer, random generators, History and what the other callbacks remember (`get_state`) are kept, so a
    training that was killed and resumed ends with the same bits as one that was not, given the same data, machine and
    BLAS settings. What a generator of batches has used up is not kept.

    Arguments:
        save_freq: "epoch", the only place from which going on is exact.
        double_checkpoint: keep the backup before the last one too, and fall back on it if the last cannot be read.
        delete_checkpoint: remove the backup when training is complete; otherwise a further `fit` trains only what is
            missing up to its `epochs`.
    """

    runs_last = True

    def __init__(
        self, backup_dir: str | Path, save_freq: str = "epoch", double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:  # fmt: skip
        if save_freq != "epoch":
            raise ArgumentError("BackupAndRestore: save_freq", expected="'epoch'", received=repr(save_freq))
        folder = Path(backup_dir)
        self.path, self.previous_path = folder / "backup.glassnet", folder / "previous.glassnet"
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint

    # ------------------------------------------------------------ events
    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the backup, if there is one."""
        for layer in self.model.flatten_layers():
            if getattr(layer, "updates_itself", False):
                raise ArgumentError(
                    f"BackupAndRestore: {layer} updates itself, and its weights are not to be seen from outside",
                    fix="give the brick backward(output_gradient), which leaves the update to the optimizer",
                )
        self.initial_epoch = 0
        content = self._read()
        if content is not None:
            self._restore(*content)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up, unless Ctrl-C has cut the epoch short."""
        if self._interrupted():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self.path.exists():
            os.replace(self.path, self.previous_path)
        saving.write_archive(self.path, *self._content(epoch + 1))

    def on_train_end(self, logs: Any = None) -> None:
        """Remove the backup of a complete training."""
        if self.delete_checkpoint and not self._interrupted():
            self.path.unlink(missing_ok=True)
            self.previous_path.unlink(missing_ok=True)

    def _interrupted(self) -> bool:
        return bool(getattr(self.model, "interrupted", False))

    # ------------------------------------------------------------ writing
    def _content(self, next_epoch: int) -> Content:
        arrays = _numbered("weights", self.model.get_weights())
        arrays |= _numbered("optimizer", list(self.model.optimizer.state().values()))
        config = {
            "kind": "backup",
            "epoch": next_epoch,
            "stopped": bool(self.model.stop_training),
            "environment": environment(),
            "input_shape": self._input_shape(),
            "generators": [generator.state for generator in self.model.state_generators.values()],
            "callbacks": {name: pack(c.get_state(), f"callbacks/{name}", arrays) for name, c in self._others().items()},
        }
        return config, arrays

    def _input_shape(self) -> list[int | None] | None:
        try:
            shape = self.model.input_shape
        except GraphError:
            return None
        return list(shape) if isinstance(shape, tuple) else None

    def _others(self) -> dict[str, Callback]:
        """The callbacks that remember something, by class name and number."""
        seen: Counter[str] = Counter()
        found: dict[str, Callback] = {}
        for callback in self.peers:
            name = type(callback).__name__
            found[f"{name} {seen[name]}"] = callback
            seen[name] += 1
        return {name: callback for name, callback in found.items() if callback.get_state()}

    # ------------------------------------------------------------ reading
    def _read(self) -> Content | None:
        paths = [path for path in (self.path, self.previous_path) if path.exists()]
        for path in paths:
            try:
                config, arrays = saving.read_archive(path)
                if config.get("kind") != "backup":
                    raise SavingError(f"{path} is not a backup of a training", received=repr(config.get("kind")))
                return config, arrays
            except SavingError as error:
                if path == paths[-1]:
                    raise
                warnings.warn(f"going back one more epoch: {error.one_line()}", stacklevel=2)
        return None

    def _restore(self, config: dict[str, Any], arrays: dict[str, Array]) -> None:
        self._build(config["input_shape"])
        model, others = self.model, self._others()
        weights, slots = _listed("weights", arrays), _listed("optimizer", arrays)
        state, generators = model.optimizer.state(), list(model.state_generators.values())
        self._check("weights", [v.array for v in model.variables], weights)
        self._check("optimizer slots", list(state.values()), slots)
        self._check("random generators", generators, config["generators"])
        model.set_weights(weights)
        model.optimizer.load_state(dict(zip(state, slots)))
        for generator, saved in zip(generators, config["generators"]):
            generator.state = saved
        _warn_of_differences("callbacks", dict.fromkeys(config["callbacks"], "there"), dict.fromkeys(others, "there"))
        _warn_of_differences("environment", config["environment"], environment())
        for name, callback in others.items():
            if name in config["callbacks"]:
                callback.set_state(unpack(config["callbacks"][name], arrays))
        self.initial_epoch = self.params["epochs"] if config["stopped"] else config["epoch"]
        if self.params.get("verbose"):
            self.say(f"going on after epoch {config['epoch']}, from {self.path.parent}")

    def _build(self, input_shape: Any) -> None:
        if not self.model.built:
            if input_shape is None:
                raise GraphError(
                    f"BackupAndRestore: {self.model} has no weights yet into which the backup could be read",
                    fix="call the model once on data before fit, or start it with gn.Input",
                )
            self.model.build(tuple(input_shape))
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)

    def _check(self, what: str, own: list[Any], saved: list[Any]) -> None:
        """Positions count, not names: in a notebook the same model made anew has other automatic names."""
        expected, received = _layout(own), _layout(saved)
        if expected != received:
            raise SavingError(
                f"BackupAndRestore: the backup in {self.path.parent} belongs to another model: its {what} do not fit",
                expected=expected, received=received, fix="use the model of that training, or another backup_dir",
            )  # fmt: skip


def _layout(items: list[Any]) -> str:
    arrays = [f"{item.dtype}{list(item.shape)}" for item in items if isinstance(item, np.ndarray)]
    return f"{len(items)}: {', '.join(arrays)}" if arrays else str(len(items))


def _numbered(what: str, arrays: list[Array]) -> dict[str, Array]:
    return {f"{what}/{number}": array for number, array in enumerate(arrays)}


def _listed(what: str, arrays: dict[str, Array]) -> list[Array]:
    count = sum(name.startswith(f"{what}/") for name in arrays)
    return [arrays[f"{what}/{number}"] for number in range(count)]


def _warn_of_differences(what: str, then: dict[str, str], now: dict[str, str]) -> None:
    changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if changed:
        texts = [f"{name}: {then.get(name, 'absent')}, now {now.get(name, 'absent')}" for name in changed]
        warnings.warn(
            f"resuming under another {what}, so the result will differ from a training without a break: "
            + "; ".join(texts),
            stacklevel=2,
        )


# ------------------------------------------------------------ states as JSON and arrays
def pack(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """A callback's state as JSON values; arrays and numbers that JSON lacks (infinity, NaN) go into `arrays`.

    >>> arrays = {}
    >>> pack({"best": float("inf"), "wait": 2}, "callbacks/a", arrays), arrays
    ({'best': {'__number__': 'inf'}, 'wait': 2}, {})
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        name = f"{path}/{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    if isinstance(value, dict):
        return {str(key): pack(part, path, arrays) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(part, path, arrays) for part in value]
    return value


def unpack(value: Any, arrays: dict[str, Array]) -> Any:
    """The opposite of `pack`.

    >>> unpack({"best": {"__number__": "inf"}, "wait": 2}, {})
    {'best': inf, 'wait': 2}
    """
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        if value.keys() == {_NUMBER}:
            return float(value[_NUMBER])
        return {key: unpack(part, arrays) for key, part in value.items()}
    return [unpack(part, arrays) for part in value] if isinstance(value, list) else value
