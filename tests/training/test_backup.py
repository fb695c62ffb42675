"""BackupAndRestore: a training that was killed and resumed ends with the bytes of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from glassnet.errors import ArgumentError, GraphError, SavingError
from glassnet.saving.archive import write_archive
from glassnet.seeds import set_random_seed
from glassnet.training import backup
from glassnet.training.backup import pack, unpack

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 4)).astype("float32")
Y = (X.sum(axis=1, keepdims=True) > 0).astype("float32")


class KilledError(Exception):
    pass


def make_model(seed: int, with_input: bool = True) -> Any:
    set_random_seed(seed)
    layers = [gn.layers.Dense(8, "tanh"), gn.layers.BatchNormalization(), gn.layers.Dropout(0.5), gn.layers.Dense(1)]
    model = gn.Sequential([gn.Input((4,)), *layers] if with_input else layers)
    model.compile("adam", "mse", metrics=["mse"])
    return model


def kill_in(epoch: int) -> LambdaCallback:
    def kill(current: int, logs: Any) -> None:
        if current == epoch:
            raise KilledError

    return LambdaCallback(on_epoch_begin=kill)


def train(model: Any, callbacks: list[Callback], epochs: int = 10) -> Any:
    """With dropout, shuffling, an uneven last batch and validation."""
    model.fit(X, Y, batch_size=16, epochs=epochs, validation_split=0.2, callbacks=callbacks, verbose=0)
    return model


def everything(model: Any) -> dict[str, Any]:
    """All that a training leaves behind, exact to the byte; names of layers do not count."""
    return {
        "weights": [array.tobytes() for array in model.get_weights()],
        "optimizer": [array.tobytes() for array in model.optimizer.state().values()],
        "history": (model.history.history, model.history.epoch),
        "generators": [generator.state for generator in model.state_generators.values()],
    }


def watchers(folder: Path) -> list[Callback]:
    """Callbacks with counters, all of which act; early stopping in the tenth epoch, with the weights of the first."""
    return [
        ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.02),
        EarlyStopping(patience=9, min_delta=1.0, restore_best_weights=True),
        CSVLogger(folder / "log.csv"),
        ModelCheckpoint(folder / "{epoch}.glassnet", "loss", save_best_only=True, mode="max"),  # the first epoch's
    ]


@pytest.fixture(scope="module")
def unbroken() -> Any:
    return train(make_model(0), [])


def test_ten_epochs_equal_five_and_a_kill_and_five(tmp_path: Path, unbroken: Any) -> None:
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(tmp_path), kill_in(5)])
    resumed = train(make_model(1), [BackupAndRestore(tmp_path)])  # other weights, shuffling and dropout at first
    assert everything(resumed) == everything(unbroken)
    assert resumed.history.epoch == list(range(10))
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_is_resumed_by_another(tmp_path: Path, unbroken: Any) -> None:
    program = (
        "import os, sys; sys.path[:0] = sys.argv[1:3]\n"
        "from test_backup import *\n"
        "die = LambdaCallback(on_epoch_begin=lambda epoch, logs: os._exit(7) if epoch == 5 else None)\n"
        "train(make_model(0), [BackupAndRestore(sys.argv[3]), die])\n"
    )
    source = str(Path(gn.__file__).parents[1])
    command = [sys.executable, "-c", program, source, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(command, check=False, env={**os.environ}).returncode == 7
    assert everything(train(make_model(1), [BackupAndRestore(tmp_path)])) == everything(unbroken)


def test_counters_files_and_learning_rates_of_other_callbacks_go_on(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    expected = train(make_model(0), watchers(whole))
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(broken / "backup"), *watchers(broken), kill_in(5)])
    with (broken / "log.csv").open("a") as log:
        log.write("5,a row of the epoch in which it was killed\n")
    resumed = train(make_model(1), [BackupAndRestore(broken / "backup"), *watchers(broken)])
    assert everything(resumed) == everything(expected)
    assert len(set(expected.history.history["learning_rate"])) > 2
    assert (broken / "log.csv").read_bytes() == (whole / "log.csv").read_bytes()
    assert {path.name for path in broken.iterdir()} == {path.name for path in whole.iterdir()} | {"backup"}


def test_a_run_that_stopped_early_is_not_trained_further(tmp_path: Path) -> None:
    def stopper() -> EarlyStopping:
        return EarlyStopping(monitor="loss", patience=2, min_delta=100.0, restore_best_weights=True)

    expected = train(make_model(0), [stopper()])
    dies_at_the_end = LambdaCallback(on_train_end=lambda logs: kill_in(0).on_epoch_begin(0, {}))
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(tmp_path), dies_at_the_end, stopper()])
    assert everything(train(make_model(1), [BackupAndRestore(tmp_path), stopper()])) == everything(expected)
    assert len(expected.history.epoch) == 3


def test_a_kept_backup_lets_a_longer_fit_train_only_what_is_missing(tmp_path: Path, unbroken: Any) -> None:
    for epochs in (4, 4, 10):
        model = train(make_model(0), [BackupAndRestore(tmp_path, delete_checkpoint=False)], epochs)
        assert len(model.history.epoch) == epochs
    assert everything(model) == everything(unbroken)


def test_a_model_without_weights_yet_is_built_from_the_backup(tmp_path: Path) -> None:
    expected = train(make_model(0, with_input=False), [])
    with pytest.raises(KilledError):
        train(make_model(0, with_input=False), [BackupAndRestore(tmp_path), kill_in(3)])
    assert everything(train(make_model(1, with_input=False), [BackupAndRestore(tmp_path)])) == everything(expected)


def test_an_interrupted_epoch_is_not_backed_up_and_the_backup_stays(tmp_path: Path, unbroken: Any) -> None:
    """What Ctrl-C leaves behind: the trainer sets `interrupted` and ends the epoch early."""
    model = make_model(0)

    def interrupt(batch: int, logs: Any) -> None:
        if len(model.history.epoch) == 4 and batch == 1:
            signal.raise_signal(signal.SIGINT)
            model.interrupted = True

    train(model, [BackupAndRestore(tmp_path), LambdaCallback(on_train_batch_end=interrupt)])
    assert len(model.history.epoch) == 5
    assert everything(train(make_model(1), [BackupAndRestore(tmp_path)])) == everything(unbroken)


def test_the_backup_before_the_last_one_is_used_when_the_last_is_damaged(tmp_path: Path, unbroken: Any) -> None:
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(tmp_path, double_checkpoint=True), kill_in(5)])
    whole = (tmp_path / "backup.glassnet").read_bytes()
    (tmp_path / "backup.glassnet").write_bytes(whole[:-100])
    with pytest.warns(UserWarning, match="going back one more epoch.*damaged or incomplete"):
        resumed = train(make_model(1), [BackupAndRestore(tmp_path, double_checkpoint=True)])
    assert everything(resumed) == everything(unbroken)
    (tmp_path / "backup.glassnet").write_bytes(whole[:-100])
    with pytest.raises(SavingError, match="damaged or incomplete"):
        train(make_model(1), [BackupAndRestore(tmp_path)])


def test_resuming_under_another_environment_or_with_other_callbacks_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(tmp_path), kill_in(1)])
    model, now = make_model(0), backup.environment()
    monkeypatch.setattr(backup, "environment", lambda: {**now, "blas_threads": "99"})
    with (
        pytest.warns(UserWarning, match=rf"another environment.*: blas_threads: {now['blas_threads']}, now 99"),
        pytest.warns(UserWarning, match="another callbacks.*: CSVLogger 0: absent, now there"),
    ):
        model.fit(X, Y, epochs=2, callbacks=[BackupAndRestore(tmp_path), CSVLogger(tmp_path / "a.csv")], verbose=2)
    assert capsys.readouterr().out.startswith(f"going on after epoch 1, from {tmp_path}\n")


def test_a_backup_of_another_model_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(make_model(0), [BackupAndRestore(tmp_path), kill_in(1)])
    other = gn.Sequential([gn.Input((4,)), gn.layers.Dense(1)])
    other.compile("sgd", "mse")
    before = other.get_weights()
    with pytest.raises(SavingError, match=r"another model: its weights do not fit\n  expected: 2: float32\[4, 1\], "):
        train(other, [BackupAndRestore(tmp_path)])
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    plain = make_model(0)
    plain.compile("sgd", "mse")
    with pytest.raises(SavingError, match="its optimizer slots do not fit"):
        train(plain, [BackupAndRestore(tmp_path)])
    write_archive(tmp_path / "backup.glassnet", {"kind": "model"}, {})
    with pytest.raises(SavingError, match="is not a backup of a training"):
        train(plain, [BackupAndRestore(tmp_path)])


def test_what_cannot_be_exact_is_refused(tmp_path: Path) -> None:
    class SelfUpdating:
        def forward(self, x: Any) -> Any:
            return x

        def backward(self, output_gradient: Any, learning_rate: float) -> Any:
            return output_gradient

    class Subclass(gn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = gn.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    with pytest.raises(ArgumentError, match=r"save_freq\n  expected: 'epoch'\n  received: 100"):
        BackupAndRestore(tmp_path, save_freq=100)  # type: ignore[arg-type]
    model = gn.Sequential([gn.Input((4,)), SelfUpdating(), gn.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="updates itself"):
        train(model, [BackupAndRestore(tmp_path)])
    for _ in range(2):
        unbuilt = Subclass()
        unbuilt.compile("sgd", "mse", run_eagerly=True)
        expected = (
            pytest.raises(KilledError) if not list(tmp_path.iterdir()) else pytest.raises(GraphError, match="once")
        )
        with expected:
            train(unbuilt, [BackupAndRestore(tmp_path), kill_in(1)])


def test_states_survive_packing_exactly() -> None:
    state = {
        "best": float("-inf"), "nan": float("nan"), "rate": 0.1, "wait": np.int64(3), "name": None, "on": True,
        "weights": [np.arange(3.0), {"deep": np.float32(0.1)}],
    }  # fmt: skip
    arrays: dict[str, Any] = {}
    packed = pack(state, "callbacks/x", arrays)
    back = unpack(packed, arrays)
    assert np.isnan(back.pop("nan"))
    assert {key: back[key] for key in ("best", "rate", "wait", "name", "on")} == {
        "best": float("-inf"), "rate": 0.1, "wait": 3, "name": None, "on": True,
    }  # fmt: skip
    np.testing.assert_array_equal(back["weights"][0], np.arange(3.0))
    assert back["weights"][1]["deep"] == float(np.float32(0.1))
    assert list(arrays) == ["callbacks/x/0"]
