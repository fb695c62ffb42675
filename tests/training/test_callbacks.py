"""Callbacks: who is called when, and what stopping, rates, checkpoints and tables do on scripted losses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from glassnet.errors import ArgumentError, NonFiniteError
from glassnet.training import callbacks as list_module

X = np.linspace(-1, 1, 8, dtype="float32").reshape(4, 2)
Y = X.sum(axis=1, keepdims=True)


def make_model(rate: Any = 0.1, **settings: Any) -> Any:
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1, kernel_initializer="zeros", name="dense")])
    model.compile(gn.optimizers.SGD(rate), "mse", **settings)
    return model


def play(callback: Callback, losses: list[float], name: str = "val_loss", model: Any = None) -> list[dict[str, Any]]:
    """Run a callback over scripted epochs, as `fit` would, until it asks to stop; returns the logs."""
    listed = CallbackList([callback], model=model or make_model(), epochs=len(losses), steps=1)
    listed.on_train_begin()
    played = []
    for epoch, loss in enumerate(losses):
        listed.on_epoch_begin(epoch)
        played.append({name: loss})
        listed.on_epoch_end(epoch, played[-1])
        if callback.model.stop_training:
            break
    listed.on_train_end()
    return played


# --- who is called when ------------------------------------------------------------------------------------


class Diary(Callback):
    """Notes every event with its number and the names in the logs."""

    def __init__(self) -> None:
        self.events: list[str] = []


def _note(event: str) -> Any:
    def note(self: Diary, *arguments: Any) -> None:
        *numbers, logs = arguments
        self.events.append(" ".join([event[3:], *map(str, numbers), *(logs or {})]))

    return note


for _event in list_module.EVENTS:
    setattr(Diary, _event, _note(_event))


def test_fit_calls_every_event_in_keras_order() -> None:
    diary = Diary()
    make_model().fit(X, Y, batch_size=2, epochs=1, validation_data=(X, Y), callbacks=diary, verbose=0)
    assert diary.events == [
        "train_begin", "epoch_begin 0",
        "train_batch_begin 0", "train_batch_end 0 loss", "train_batch_begin 1", "train_batch_end 1 loss",
        "test_begin", "test_batch_begin 0", "test_batch_end 0 loss", "test_end loss",
        "epoch_end 0 loss val_loss", "train_end loss val_loss",
    ]  # fmt: skip


def test_predict_hands_over_its_outputs() -> None:
    seen = []
    collect = LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append((batch, logs["outputs"].numpy())))
    outputs = make_model().predict(X, batch_size=3, callbacks=[collect])
    assert [batch for batch, _ in seen] == [0, 1]
    np.testing.assert_array_equal(np.concatenate([values for _, values in seen]), outputs)


def test_batches_are_heard_under_their_short_names_too_and_as_plain_numbers() -> None:
    class Short(Callback):
        seen: list[Any] = []

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append((batch, type(logs["loss"])))

    make_model().fit(X, Y, batch_size=2, callbacks=[Short()], verbose=0)
    assert Short.seen == [(0, float), (1, float)]


def test_metrics_of_a_batch_are_not_read_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    monkeypatch.setattr(list_module, "as_float", lambda value: read.append(value) or 0.0)
    CallbackList([History(), EarlyStopping()], epochs=1).on_train_batch_end(0, {"loss": 1.0})
    assert read == []
    CallbackList(LambdaCallback(on_train_batch_end=lambda batch, logs: None)).on_train_batch_end(0, {"loss": 1.0})
    assert read == [1.0]


def test_history_records_what_a_callback_adds_to_the_logs() -> None:
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch * 10))
    history = make_model().fit(X, Y, epochs=2, callbacks=[add], verbose=0)
    assert history.history["extra"] == [0, 10]


def test_a_given_history_progress_or_list_is_used() -> None:
    model, history, logger = make_model(), History(), ProgbarLogger()
    listed = CallbackList(CallbackList([history, logger]), add_history=True, add_progbar=True, model=model)
    assert listed.callbacks == [history, logger]
    assert model.history is history


def test_what_is_not_a_callback_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"not a callback(.|\n)*fix: +write EarlyStopping\(...\)"):
        make_model().fit(X, Y, callbacks=[EarlyStopping], verbose=0)
    with pytest.raises(ArgumentError, match="received: 'adam'"):
        CallbackList("adam")
    with pytest.raises(ArgumentError, match=r"no such event(.|\n)*did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


# --- stopping ----------------------------------------------------------------------------------------------


def test_n17_no_improvement_in_ten_epochs_ends_training() -> None:
    best_at = 7
    losses = [1.0 - 0.01 * epoch for epoch in range(best_at + 1)] + [0.95] * 30
    stopper = EarlyStopping(patience=10)
    assert len(play(stopper, losses)) == best_at + 1 + 10
    assert (stopper.best_epoch, stopper.best, stopper.stopped_epoch) == (best_at, losses[best_at], best_at + 10)


@pytest.mark.parametrize(
    ("settings", "name", "values", "epochs"),
    [
        ({"patience": 0}, "val_loss", [3, 2, 2, 1], 3),
        ({"patience": 2}, "val_loss", [3, 2, 4, 1, 2, 2, 0], 6),
        ({"patience": 2, "min_delta": 0.5}, "val_loss", [3.0, 2.6, 2.51, 0.0], 3),
        ({"patience": 1}, "val_accuracy", [0.1, 0.2, 0.15, 0.3], 3),
        ({"patience": 1, "mode": "max"}, "val_loss", [1, 2, 1.5, 3], 3),
        ({"patience": 2, "start_from_epoch": 3}, "val_loss", [1, 2, 3, 9, 9, 9, 0], 6),
        ({"patience": 2, "baseline": 0.5}, "val_loss", [3, 2, 1.5, 1, 2], 5),
        ({"patience": 2}, "val_loss", [1, math.nan, math.nan, 0], 3),
        ({"patience": 3, "monitor": "loss"}, "loss", [1, 1, 1, 1, 1], 4),
    ],
)
def test_early_stopping_counts_epochs_without_improvement(
    settings: dict[str, Any], name: str, values: list[float], epochs: int
) -> None:
    assert len(play(EarlyStopping(**{"monitor": name, **settings}), values, name)) == epochs


@pytest.mark.parametrize("losses", [[3.0, 1.0, 2.0, 2.0, 2.0], [math.nan] * 5])
def test_the_best_weights_come_back_at_the_end(losses: list[float]) -> None:
    model = make_model()
    change = LambdaCallback(on_epoch_begin=lambda epoch, logs: model.layers[0].kernel.assign([[epoch], [epoch]]))
    stopper = EarlyStopping(patience=3, restore_best_weights=True)
    listed = CallbackList([change, stopper], model=model)
    listed.on_train_begin()
    for epoch, loss in enumerate(losses):
        listed.on_epoch_begin(epoch)
        listed.on_epoch_end(epoch, {"val_loss": loss})
    listed.on_train_end()
    best = losses.index(1.0) if 1.0 in losses else 0
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), np.full((2, 1), best, "float32"))


def test_early_stopping_says_where_it_was_best(capsys: pytest.CaptureFixture[str]) -> None:
    play(EarlyStopping(patience=1, verbose=1), [2.0, 1.0, 3.0])
    assert capsys.readouterr().out == "EarlyStopping after epoch 3: val_loss was best, 1.0000, after epoch 2\n"


def test_a_metric_that_is_not_there_is_an_error_or_at_least_told() -> None:
    with pytest.raises(ArgumentError, match=r"no 'val_acuracy'(.|\n)*expected: loss, val_accuracy(.|\n)*did you mean"):
        EarlyStopping("val_acuracy", mode="max")._watched.read({"loss": 1.0, "val_accuracy": 1.0})
    with pytest.raises(ArgumentError, match=r"more or less of 'mystery' is better(.|\n)*mode='min' or mode='max'"):
        EarlyStopping("mystery")
    with pytest.raises(ArgumentError, match="unknown mode"):
        EarlyStopping(mode="least")
    with pytest.warns(UserWarning, match="EarlyStopping had no effect: there was no 'val_loss'.*monitor='loss'"):
        make_model().fit(X, Y, epochs=2, callbacks=EarlyStopping(), verbose=0)


def test_epochs_without_validation_are_not_counted() -> None:
    stopper = EarlyStopping(patience=1, min_delta=10.0)
    history = make_model().fit(
        X, Y, epochs=9, validation_data=(X, Y), validation_freq=2, callbacks=stopper, verbose=0
    )  # validated after epochs 2 and 4; the second is no improvement by 10
    assert len(history.epoch) == 4


def test_nan_ends_training_at_once_or_raises(capsys: pytest.CaptureFixture[str]) -> None:
    batches: list[int] = []
    count = LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    history = make_model(1e30).fit(X, Y, batch_size=1, epochs=3, callbacks=[count, TerminateOnNaN()], verbose=0)
    assert len(history.epoch) == 1
    assert len(batches) < 4
    assert f"after batch {batches[-1]} of the epoch; training ends" in capsys.readouterr().out
    with pytest.raises(NonFiniteError, match=r"TerminateOnNaN: the loss is (inf|nan)(.|\n)*smaller learning rate"):
        make_model(1e30).fit(X, Y, batch_size=1, epochs=3, callbacks=[TerminateOnNaN(raise_error=True)], verbose=0)
    with pytest.raises(ArgumentError, match="raise_error"):
        TerminateOnNaN("yes")  # type: ignore[arg-type]


# --- learning rates ----------------------------------------------------------------------------------------


def test_n17_the_rate_is_halved_on_every_plateau_until_a_128th() -> None:
    reducer = ReduceLROnPlateau(factor=0.5, patience=10, min_lr=0.5 / 128)
    logs = play(reducer, [1.0] * 120, model=make_model(0.5))
    # epoch 0 sets the best value; each further ten epochs halve the rate, seven times
    expected = [0.5 * 0.5 ** min(max(epoch - 1, 0) // 10, 7) for epoch in range(120)]
    assert [log["learning_rate"] for log in logs] == expected
    assert expected[-1] == 0.5 / 128


def test_after_a_reduction_the_cooldown_does_not_count() -> None:
    logs = play(ReduceLROnPlateau(factor=0.1, patience=2, cooldown=3), [1.0] * 8, model=make_model(1.0))
    #       best, wait 1, wait 2: reduced; cooling 3 2, then counting again from the epoch in which it ends
    assert [round(log["learning_rate"], 9) for log in logs] == [1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01]


def test_a_better_value_starts_the_count_anew_and_a_reduction_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    reducer = ReduceLROnPlateau("val_accuracy", factor=0.5, patience=2, verbose=1)
    logs = play(reducer, [0.5, 0.5, 0.6, 0.6, 0.60005, 0.6], "val_accuracy", make_model(1.0))
    assert [log["learning_rate"] for log in logs] == [1, 1, 1, 1, 1, 0.5]
    assert capsys.readouterr().out == "ReduceLROnPlateau after epoch 5: learning rate 1 becomes 0.5\n"
    with pytest.raises(ArgumentError, match=r"factor must be in \[0, 1\)"):
        ReduceLROnPlateau(factor=1.0)


def test_the_schedule_sets_the_rate_of_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    by_both = make_model(1.0).fit(X, Y, epochs=3, callbacks=LearningRateScheduler(lambda epoch, lr: lr / 2), verbose=0)
    assert by_both.history["learning_rate"] == [0.5, 0.25, 0.125]
    scheduler = LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1), verbose=1)
    assert [log["learning_rate"] for log in play(scheduler, [0, 0])] == [0.1, 0.2]
    assert capsys.readouterr().out.endswith("LearningRateScheduler: epoch 2, learning rate 0.2\n")


def test_a_rate_that_cannot_be_set_is_an_error() -> None:
    decaying = make_model(gn.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    for callback in (LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau("loss")):
        with pytest.raises(ArgumentError, match="already follows a schedule"):
            decaying.fit(X, Y, callbacks=callback, verbose=0)
    with pytest.raises(ArgumentError, match=r"must return a number\n  received: None for epoch 0"):
        make_model().fit(X, Y, callbacks=LearningRateScheduler(lambda epoch: None), verbose=0)  # type: ignore[arg-type,return-value]
    with pytest.raises(ArgumentError, match=r"expected: a function of \(epoch, lr\)\n  received: 0.1"):
        LearningRateScheduler(0.1)  # type: ignore[arg-type]


# --- files -------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_named_after_epoch_and_metrics_and_holds_the_weights(tmp_path: Path) -> None:
    model, kernels = make_model(), []
    remember = LambdaCallback(on_epoch_end=lambda epoch, logs: kernels.append(model.layers[0].kernel.numpy()))
    saver = ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{loss:.3f}.weights.glassnet", save_weights_only=True)
    history = model.fit(X, Y, epochs=2, callbacks=[saver, remember], verbose=0)
    names = [f"{epoch + 1:02d}-{loss:.3f}.weights.glassnet" for epoch, loss in enumerate(history.history["loss"])]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    for name, kernel in zip(names, kernels):
        model.load_weights(tmp_path / "new" / name)
        np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)


def test_only_an_improvement_is_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses = [0.9, 0.5, 0.7, 0.4]
    play(ModelCheckpoint(tmp_path / "{epoch}.glassnet", save_best_only=True, verbose=1), losses)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.glassnet", "2.glassnet", "4.glassnet"]
    assert "epoch 4: val_loss improved from 0.5000 to 0.4000, saved" in capsys.readouterr().out
    threshold = ModelCheckpoint(tmp_path / "t{epoch}.glassnet", save_best_only=True, initial_value_threshold=0.6)
    play(threshold, losses)
    assert sorted(path.name for path in tmp_path.glob("t*")) == ["t2.glassnet", "t4.glassnet"]


def test_a_checkpoint_can_be_saved_every_so_many_steps(tmp_path: Path) -> None:
    saver = ModelCheckpoint(tmp_path / "{epoch}-{batch}.glassnet", save_freq=3)
    make_model().fit(X, Y, batch_size=1, epochs=2, callbacks=saver, verbose=0)  # steps 3 and 6 of eight
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-3.glassnet", "2-2.glassnet"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"filepath": "a.h5"}, r"wrong ending\n  expected: ....glassnet\n  received: a.h5"),
        ({"filepath": "a.glassnet", "save_weights_only": True}, r"expected: ....weights.glassnet"),
        ({"filepath": "a.weights.glassnet"}, "the ending goes with save_weights_only"),
        ({"filepath": "a.glassnet", "save_freq": 0}, r"expected: 'epoch' or a number of steps\n  received: 0"),
        ({"filepath": "a.glassnet", "save_freq": "batch"}, "received: 'batch'"),
        ({"filepath": "a.glassnet", "initial_value_threshold": 1.0}, "no effect(.|\n)*save_best_only=True"),
    ],
)
def test_a_checkpoint_that_cannot_work_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        ModelCheckpoint(**settings)


def test_a_name_that_cannot_be_filled_in_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be filled in\n  expected: only {epoch}, {loss}\n.*'val_loss'"):
        make_model().fit(X, Y, callbacks=ModelCheckpoint(tmp_path / "{val_loss}.glassnet"), verbose=0)


def test_the_table_has_one_row_per_epoch_in_full_precision(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    history = make_model(metrics=["mse"]).fit(X, Y, epochs=2, callbacks=CSVLogger(log), verbose=0).history
    (first, second) = sorted(history)
    rows = [f"{epoch},{history[first][epoch]!r},{history[second][epoch]!r}" for epoch in range(2)]
    assert log.read_text() == "\n".join([f"epoch,{first},{second}", *rows, ""])


def test_a_number_that_comes_late_gets_a_column_and_na_before_it(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    listed = CallbackList(CSVLogger(log, separator=";"))
    for _ in range(2):  # a second training replaces the table
        listed.on_train_begin()
        listed.on_epoch_end(0, {"loss": 0.5})
        listed.on_epoch_end(1, {"loss": 0.25, "val_loss": 1.0})
        listed.on_epoch_end(2, {"loss": 0.125})
    assert log.read_text() == "epoch;loss;val_loss\n0;0.5;NA\n1;0.25;1.0\n2;0.125;NA\n"


def test_a_table_can_be_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    for epoch in range(2):
        listed = CallbackList(CSVLogger(log, append=True))
        listed.on_train_begin()
        listed.on_epoch_end(epoch, {"loss": 0.5})
    assert log.read_text() == "epoch,loss\n0,0.5\n1,0.5\n"
    with pytest.raises(ArgumentError, match="separator must be one character"):
        CSVLogger(log, separator=", ")
