"""Michael Nielsen, Neural Networks and Deep Learning: the first network, no hidden layer, and a single neuron."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.callbacks import LambdaCallback
from glassnet.initializers import Constant, RandomNormal, VarianceScaling
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.utils import set_random_seed, to_categorical

SOURCE = "Nielsen, Neural Networks and Deep Learning"
BATCH, EPOCHS, QUICK_EPOCHS = 10, 30, 3


def network(sizes: list[int], scaled: bool = False) -> Sequential:
    """Sigmoid layers; weights and biases from N(0, 1), or `scaled`: weights from N(0, 1/inputs), as in chapter 3."""
    biases = RandomNormal(stddev=1.0)
    weights = VarianceScaling(1.0, "fan_in", "untruncated_normal") if scaled else biases
    stack = [Dense(n, "sigmoid", kernel_initializer=weights, bias_initializer=biases) for n in sizes[1:]]
    return Sequential([Input((sizes[0],)), *stack])


def train(hidden: list[int], eta: float, seed: int, quick: bool, scaled: bool = False) -> dict[str, Any]:
    """Quadratic cost, 50,000 images to train on and 10,000 to choose the epoch with.

    The book's cost of an image is half the sum of the ten squared errors; this library's is their mean: the rate that
    makes the same step is 10/2 eta.
    """
    set_random_seed(seed)
    epochs = QUICK_EPOCHS if quick else EPOCHS
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    model = network([x.shape[1], *hidden, 10], scaled)
    model.compile(SGD(10 / 2 * eta), loss="mse", metrics=["categorical_accuracy"])
    tested: list[float] = []
    watch = LambdaCallback(
        on_epoch_end=lambda epoch, logs: tested.append(percent_right(model.predict(x_test, batch_size=1000), y_test))
    )
    history = model.fit(
        x, to_categorical(y, 10), batch_size=BATCH, epochs=epochs, validation_split=1 / 6, validation_batch_size=1000,
        callbacks=[watch], verbose=0,
    ).history  # fmt: skip
    best = int(np.argmax(history["val_categorical_accuracy"]))
    sizes = [784, *hidden, 10]
    return {
        "settings": {
            "network": f"{'-'.join(map(str, sizes))} sigmoid", "weights": "N(0, 1/inputs)" if scaled else "N(0, 1)",
            "cost": "quadratic", "eta": eta,
            "batch_size": BATCH, "epochs": epochs, "train": len(x) - int(len(x) / 6), "validation": int(len(x) / 6),
        },
        "obtained": {
            "params": network(sizes).count_params(),
            "first_epoch": tested[0],
            "last_epoch": tested[-1],
            "peak": max(tested),
            "test_accuracy": tested[best],
            "val_accuracy": 100 * history["val_categorical_accuracy"][best],
        },
    }  # fmt: skip


def first_network(seed: int, quick: bool) -> dict[str, Any]:
    """784-30-10; `test_accuracy` is the test accuracy of the epoch that is best on the validation images."""
    return train([30], 3.0, seed, quick)


def no_hidden_layer(seed: int, quick: bool) -> dict[str, Any]:
    """784-10. What can be achieved is left to the reader: from the first network's weights, outputs stay saturated.

    Eta was chosen on the validation images.
    """
    found, unit = train([], 0.3, seed, quick, scaled=True), train([], 3.0, seed, quick)
    beside = {"unit_weights_accuracy": unit["obtained"]["test_accuracy"]}
    return {
        "settings": {"scaled": found["settings"], "unit_weights": unit["settings"]},
        "obtained": {**found["obtained"], **beside},
    }


def single_neuron(seed: int, quick: bool) -> dict[str, Any]:
    """One weight, one bias, one sample: x = 1 is to give 0. Quadratic cost, then cross-entropy."""
    costs = {
        "quadratic": ("mse", 0.15 / 2),  # the book's cost is half the squared error
        "cross_entropy": ("binary_crossentropy", 0.15),
    }
    starts = {"near": (0.6, 0.9), "far": (2.0, 2.0)}
    return {
        "settings": {"eta": 0.15, "epochs": 300, **starts},
        "obtained": {f"{cost}_{start}": neuron(*starts[start], *costs[cost]) for cost in costs for start in starts},
    }


def neuron(weight: float, bias: float, loss: str, rate: float) -> float:
    """The output for x = 1 after 300 steps, to four decimals."""
    model = Sequential([
        Input((1,)),
        Dense(1, "sigmoid", kernel_initializer=Constant(weight), bias_initializer=Constant(bias)),
    ])  # fmt: skip
    model.compile(SGD(rate), loss=loss)
    x, y = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    model.fit(x, y, batch_size=1, epochs=300, verbose=0)
    return round(float(model.predict(x)[0, 0]), 4)


ROWS = {
    Row("N1", f"{SOURCE}, chapter 1", "95.42 % at the best epoch, 91.29 % after the first (one run)",
        "test_accuracy >= 94.9, first_epoch >= 90"): first_network,
    Row("N4", f"{SOURCE}, chapter 1", "an exercise; no number",
        "params == 7850, test_accuracy >= 91"): no_hidden_layer,
    Row("N7", f"{SOURCE}, chapter 3", "quadratic cost: 0.82 falls to 0.09 and 0.98 to 0.20",
        "quadratic_near == 0.0940, quadratic_far == 0.2028, "
        "cross_entropy_near == 0.0116, cross_entropy_far == 0.0120"): single_neuron,
}  # fmt: skip
