"""Keras's side: its `fit`. The backend is what KERAS_BACKEND says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from benchmarks.workloads import Array, Conv, Dense, Flatten, MaxPool, Runner, Workload

L = keras.layers
BRICKS: dict[type, Callable[[Any], Any]] = {
    Dense: lambda b: L.Dense(b.units, b.activation),
    Conv: lambda b: L.Conv2D(b.filters, b.size, padding=b.padding, activation=b.activation),
    MaxPool: lambda b: L.MaxPooling2D(b.size),
    Flatten: lambda b: L.Flatten(),
}


def fit(workload: Workload, weights: Sequence[Array]) -> Runner:
    """Epochs of `model.fit`."""
    model = keras.Sequential([keras.Input(workload.input_shape), *[BRICKS[type(b)](b) for b in workload.bricks]])
    model.set_weights(weights)
    optimizer = keras.optimizers.SGD if workload.optimizer == "sgd" else keras.optimizers.Adam
    options = {} if workload.optimizer == "sgd" else {"epsilon": 1e-12}
    loss = "mse" if workload.loss == "mse" else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(workload.rate, **options), loss)
    x, y = workload.data()

    def advance(count: int) -> list[float]:
        options = {"batch_size": workload.batch, "epochs": count, "shuffle": False, "verbose": 0}
        return list(map(float, model.fit(x, y, **options).history["loss"]))

    return Runner(advance)
