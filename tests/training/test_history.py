"""History: the record of a training, and what it says in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.training.history import History


def history_of(**curves: list[float]) -> History:
    history = History()
    for epoch in range(len(curves["loss"])):
        history.on_epoch_end(epoch, {name: values[epoch] for name, values in curves.items() if epoch < len(values)})
    return history


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (
            [0.8, 0.4, 0.2, 0.1],
            "loss fell from 0.8000 to 0.1000 and was still falling at the end. It was best after epoch 4.",
        ),
        ([0.8, 0.1, 0.1, 0.1], "loss fell from 0.8000 to 0.1000 and was level at the end. It was best after epoch 2."),
        ([0.8, 0.2, 0.1, 0.4], "loss fell from 0.8000 to 0.4000, with 1 rise on the way, and rose again at the end."),
        ([0.1, 0.2, 0.4], "loss rose from 0.1000 to 0.4000. It was best after epoch 1."),
        ([0.5, 0.9, 0.501], "loss stayed at about 0.5010."),
        ([0.5], "1 epoch. loss was 0.5000. It was best after epoch 1."),
        (
            [0.5, math.nan, math.nan],
            "loss stopped being a finite number in epoch 2 (a smaller learning rate may help).",
        ),
        ([math.inf], "1 epoch. loss stopped being a finite number in epoch 1 (a smaller learning rate may help)."),
    ],
)
def test_the_trend_of_the_loss_is_told(losses: list[float], expected: str) -> None:
    assert expected in history_of(loss=losses).describe()


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        ([0.9, 0.5, 0.6, 0.7], "0.5000, after epoch 2, and has risen by 40% since while loss went on falling: "
                               "overfitting starts there."),
        ([0.9, 0.5, 0.504, 0.503], "0.5000, after epoch 2, and has hardly changed since."),
        ([0.9, 0.8, 0.7, 0.6], "0.6000, after epoch 4, the last."),
        ([0.9, 0.5, 0.6, math.nan], "0.5000, after epoch 2, and is nan now."),
    ],
)  # fmt: skip
def test_overfitting_starts_where_validation_rises_while_training_falls(validation: list[float], expected: str) -> None:
    text = history_of(loss=[1.0, 0.6, 0.4, 0.2], val_loss=validation).describe()
    assert f"val_loss was best, {expected}" in text


def test_rising_together_is_not_called_overfitting() -> None:
    text = history_of(loss=[1.0, 0.2, 0.4, 0.6], val_loss=[0.9, 0.5, 0.6, 0.7]).describe()
    assert "after epoch 2, and has risen by 40% since, as loss has." in text


def test_epochs_without_validation_are_counted() -> None:
    history = History()
    for epoch, (loss, validated) in enumerate([(0.9, None), (0.8, 0.5), (0.7, None), (0.6, 0.7)]):
        history.on_epoch_end(epoch, {"loss": loss} | ({} if validated is None else {"val_loss": validated}))
    assert "val_loss was best, 0.5000, after epoch 2, and has risen by 40% since" in history.describe()


def test_the_final_numbers_come_last() -> None:
    history = history_of(loss=[0.9, 0.5], accuracy=[0.5, 0.75])
    assert history.describe().endswith("At the end: loss 0.5000, accuracy 0.7500.")
    assert history_of(loss=[]).describe() == "No epoch has been trained."


def test_a_curve_is_drawn_by_its_name() -> None:
    history = history_of(loss=[3.0, 2.0, 1.0], accuracy=[0.0, 0.5, 1.0])
    assert (history.sparkline(), history.sparkline("accuracy")) == ("█▅▁", "▁▅█")
    with pytest.raises(ArgumentError, match=r"expected: loss, accuracy\n.*'acuracy'\n.*did you mean 'accuracy'"):
        history.sparkline("acuracy")


def test_fit_returns_one_number_per_epoch_and_records_the_environment() -> None:
    model = gn.Sequential([gn.Input((1,)), gn.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 1), "float32")
    history = model.fit(x, x, epochs=2, verbose=0, initial_epoch=0)
    assert history is model.history
    assert (history.epoch, len(history.history["loss"])) == ([0, 1], 2)
    assert history.environment["numpy"] == np.__version__
    assert history.environment["glassnet"] == gn.__version__
    model.fit(x, x, epochs=5, initial_epoch=4, verbose=0)
    assert model.history.epoch == [4]
