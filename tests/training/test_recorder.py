"""Recorder: the first snapshot is the model before training, the last the final model, the others log-spaced."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.callbacks import EarlyStopping, LambdaCallback, Recorder
from glassnet.errors import ArgumentError, GraphError
from glassnet.training.recorder import log_spaced


def small_model() -> Any:
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3, "tanh"), gn.layers.Dense(1)])
    model.compile(gn.optimizers.SGD(0.1), "mse")
    return model


def run(recorder: Recorder, steps: int) -> list[int]:
    """The steps recorded of a run of so many, without any training."""
    recorder.set_model(SimpleNamespace(built=True, get_weights=lambda: [np.zeros(1, np.float32)]))
    recorder.on_train_begin()
    for _ in range(steps):
        recorder.on_train_batch_end(0, {"loss": 0.5})
    recorder.on_train_end({"loss": 0.5})
    return [snapshot.step for snapshot in recorder.snapshots]


X, Y = gn.datasets.toy.xor()


@pytest.mark.parametrize("dtype", [None, "float16"])
def test_the_first_is_the_model_before_training_and_the_last_the_final_model_exactly(dtype: str | None) -> None:
    model, recorder = small_model(), Recorder(frames=5, dtype=dtype)
    before = model.get_weights()
    model.fit(X, Y, epochs=30, batch_size=2, verbose=0, callbacks=[recorder])
    first, last = recorder.snapshots[0], recorder.snapshots[-1]
    assert (first.step, first.epoch, last.step, last.epoch) == (0, 0, 60, 30)
    for found, wanted in zip([*first.weights, *last.weights], [*before, *model.get_weights()]):
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted)
    assert {w.dtype for w in recorder.snapshots[2].weights} == {np.dtype(dtype or "float32")}


def test_every_snapshot_is_the_model_after_its_step() -> None:
    model, seen = small_model(), {}
    remember = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.update({len(seen) + 1: model.get_weights()}))
    recorder = Recorder(frames=12)
    history = model.fit(X, Y, epochs=50, verbose=0, callbacks=[remember, recorder])
    for snapshot in recorder.snapshots[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(snapshot.weights, seen[snapshot.step]))
        assert snapshot.epoch == snapshot.step  # one step per epoch
        assert snapshot.loss == history.history["loss"][snapshot.epoch - 1]


@pytest.mark.parametrize(("frames", "steps"), [(60, 59), (60, 100), (60, 5000), (2, 1), (5, 200_000), (300, 12_345)])
def test_so_many_snapshots_as_asked_for_lie_evenly_on_a_logarithmic_axis(frames: int, steps: int) -> None:
    found = run(Recorder(frames), steps)
    assert len(found) == frames
    assert (found[0], found[-1]) == (0, steps)
    gaps = np.diff(found)
    assert (gaps[:-2] <= 2 * gaps[1:-1]).all()
    even = np.diff(np.log1p(found))[:-1][gaps[:-1] > 20]  # each is chosen from a set that is twice as dense
    assert even.max(initial=0) <= 2 * even.min(initial=np.inf)


def test_a_short_run_has_one_snapshot_per_step() -> None:
    assert run(Recorder(60), 3) == [0, 1, 2, 3]
    assert run(Recorder(60), 0) == [0]


def test_memory_is_bounded_although_the_length_is_unknown() -> None:
    recorder = Recorder(frames=20)
    run(recorder, 1_000_000)
    assert len(recorder._kept) < 5 * 20


def test_weights_that_another_callback_brings_back_are_the_final_ones() -> None:
    model, recorder = small_model(), Recorder()
    stop = EarlyStopping("loss", patience=2, mode="max", restore_best_weights=True)  # the first epoch is the best
    model.fit(X, Y, epochs=10, verbose=0, callbacks=[recorder, stop])
    assert stop.stopped_epoch is not None
    assert all(np.array_equal(a, b) for a, b in zip(recorder.snapshots[-1].weights, model.get_weights()))


def test_a_second_training_is_recorded_anew() -> None:
    model, recorder = small_model(), Recorder()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[recorder])
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder])
    assert [snapshot.step for snapshot in recorder.snapshots] == [0, 1, 2]


def test_log_spaced_takes_each_step_once() -> None:
    steps = [0, *range(1, 40), *range(40, 2000, 7)]
    chosen = log_spaced(steps, 33)
    assert len(set(chosen)) == 33
    assert chosen == sorted(chosen)
    assert (steps[chosen[0]], steps[chosen[-1]]) == (steps[0], steps[-1])


def test_misuse_is_explained() -> None:
    with pytest.raises(ArgumentError, match="at least 2: the first and the last"):
        Recorder(frames=1)
    with pytest.raises(ArgumentError, match="None or 'float16'"):
        Recorder(dtype="int8")
    lazy = gn.Sequential([gn.layers.Dense(1)])
    lazy.compile("sgd", "mse")
    with pytest.raises(GraphError, match=r"(?s)no weights before its first batch.*gn.Input"):
        lazy.fit(X, Y, verbose=0, callbacks=[Recorder()])
