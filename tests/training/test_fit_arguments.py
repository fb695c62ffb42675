"""Each argument of `fit` and `compile` has its effect: worked by hand on models whose weights are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.layers import Dense, Dropout

TARGETS = np.array([[1.0], [2.0], [2.0]], "float32")


class Watcher(gn.Sequential):
    """Trains nothing and notes which rows it is given."""

    def __init__(self) -> None:
        super().__init__([gn.Input((1,)), Dense(1)])
        self.compile("sgd", "mse", run_eagerly=True)
        self.trained: list[list[float]] = []
        self.tested: list[float] = []

    def train_step(self, data: Any) -> dict[str, Any]:
        self.trained.append(np.asarray(data[0])[:, 0].tolist())
        return {"loss": gn.Tensor(0.0)}

    def test_step(self, data: Any) -> dict[str, Any]:
        self.tested += np.asarray(data[0])[:, 0].tolist()
        return {"loss": gn.Tensor(0.0)}


def watch(samples: int, **arguments: Any) -> Watcher:
    x = np.arange(samples, dtype="float32")[:, None]
    model = Watcher()
    model.fit(x, x, verbose=0, **arguments)
    return model


def first_loss(**arguments: Any) -> float:
    """The loss of predictions 0 for TARGETS, whose squares are 1, 4 and 4."""
    model = gn.Sequential([gn.Input((1,)), Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    return float(model.fit(TARGETS, TARGETS, batch_size=None, verbose=0, **arguments).history["loss"][0])


@pytest.mark.parametrize(
    ("arguments", "loss"),
    [
        ({}, (1 + 4 + 4) / 3),
        ({"sample_weight": np.array([1.0, 2.0, 0.5])}, (1 + 8 + 2) / 3),
        ({"class_weight": {1: 10.0, 2: 1.0}}, (10 + 4 + 4) / 3),
        ({"class_weight": {1: 10.0, 2: 1.0}, "sample_weight": np.array([1.0, 2.0, 0.5])}, (10 + 8 + 2) / 3),
    ],
)
def test_weights_of_classes_and_of_samples_multiply_the_loss(arguments: Any, loss: float) -> None:
    assert first_loss(**arguments) == pytest.approx(loss, rel=1e-6)


def test_without_shuffling_rows_come_in_order_and_the_last_batch_may_be_smaller() -> None:
    assert watch(5, batch_size=2, shuffle=False).trained == [[0, 1], [2, 3], [4]]


def test_shuffling_gives_every_row_once_and_each_epoch_an_order_of_its_own() -> None:
    gn.utils.set_random_seed(0)
    first, second = watch(40, batch_size=40, epochs=2).trained
    assert first != second
    assert sorted(first) == sorted(second) == list(range(40))
    assert list(range(40)) not in (first, second)


def test_validation_split_takes_the_last_rows() -> None:
    model = watch(10, batch_size=8, validation_split=0.2, shuffle=False)
    assert (model.trained, model.tested) == ([[0, 1, 2, 3, 4, 5, 6, 7]], [8, 9])


def test_evaluate_and_validation_run_at_inference() -> None:
    model = gn.Sequential([gn.Input((50,)), Dropout(0.5)])
    model.compile("sgd", "mse")
    x = np.ones((2, 50), "float32")
    assert model.evaluate(x, x, verbose=0) == 0.0
    history = model.fit(x, x, validation_data=(x, x), verbose=0).history
    assert history["val_loss"] == [0.0]
    assert history["loss"][0] > 0


def test_loss_weights_are_factors_of_the_losses_of_the_outputs() -> None:
    x = gn.Input((1,))
    model = gn.Model(x, [Dense(1, kernel_initializer="zeros")(x) for _ in range(2)])
    model.compile("sgd", "mse", loss_weights=[1.0, 10.0])
    loss = model.evaluate(TARGETS, [TARGETS, 2 * TARGETS], batch_size=3, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(3 + 10 * 12)


def test_weight_regularizers_are_part_of_the_loss_of_fit() -> None:
    model = gn.Sequential(
        [gn.Input((2,)), Dense(3, kernel_initializer="ones", kernel_regularizer=gn.regularizers.L2(0.5))]
    )
    model.compile("sgd", "mse")
    history = model.fit(np.zeros((4, 2)), np.zeros((4, 3)), verbose=0).history
    assert history["loss"] == [0.5 * 6]


def test_metrics_of_one_name_are_all_reported() -> None:
    model = gn.Sequential([gn.Input((2,)), Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae", "mae"], weighted_metrics=["mae"])
    x, y, weights = np.array([[1.0, 1.0], [3.0, 3.0]], "float32"), np.zeros((2, 1), "float32"), np.array([1.0, 0.0])
    results = model.evaluate(x, y, sample_weight=weights, return_dict=True, verbose=0)
    assert (results["mae"], results["mae_1"], results["weighted_mae"]) == (4.0, 4.0, 2.0)
