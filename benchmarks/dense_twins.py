"""Others that train dense networks: scikit-learn, tinygrad, and a loop written by hand for Numba."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.workloads import Array, Dense, Runner, Workload, stepwise


def scikit_learn(workload: Workload, weights: Sequence[Array]) -> Runner:
    """`MLPClassifier.partial_fit`, one batch per call."""
    from sklearn.neural_network import MLPClassifier

    sizes = tuple(len(bias) for bias in weights[1::2])
    model = MLPClassifier(
        sizes[:-1], solver="adam", alpha=0.0, learning_rate_init=workload.rate, batch_size=workload.batch, epsilon=1e-12,
        shuffle=False,
    )  # fmt: skip
    x, y = workload.data()
    model.partial_fit(x[: workload.batch], y[: workload.batch], classes=np.arange(sizes[-1]))
    model.coefs_, model.intercepts_ = ([w.copy() for w in weights[first::2]] for first in (0, 1))
    del model._optimizer  # its moments; the next call makes new ones

    def update(x: Array, y: Array) -> float:
        model.partial_fit(x, y)
        return float(model.loss_)

    return stepwise(workload, update, lambda a: a)


def tinygrad(workload: Workload, weights: Sequence[Array]) -> Runner:
    """A step under TinyJit."""
    from tinygrad import Context, Tensor, TinyJit
    from tinygrad.nn.optim import SGD, Adam

    parameters = [Tensor(w.copy()).realize() for w in weights]
    make: Any = SGD if workload.optimizer == "sgd" else lambda p, lr: Adam(p, lr, eps=1e-12)
    optimizer = make(parameters, lr=workload.rate)
    activations = [
        getattr(Tensor, brick.activation or "contiguous") for brick in workload.bricks if isinstance(brick, Dense)
    ]

    @TinyJit
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        for w, b, activation in zip(parameters[::2], parameters[1::2], activations):
            x = activation(x @ w + b)
        loss = ((x - y) ** 2).mean() if workload.loss == "mse" else x.sparse_categorical_crossentropy(y)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def update(x: Any, y: Any) -> float:
        with Context(TRAINING=1):
            return float(step(x, y).item())

    return stepwise(workload, update, lambda a: Tensor(a).realize())


def numba_loop(workload: Workload, weights: Sequence[Array]) -> Runner:
    """One hidden layer, quadratic loss, SGD: loops as one writes them for speed, many steps per call."""
    from numba import njit

    first = workload.bricks[0]
    if isinstance(first, Dense) and first.activation == "tanh":
        squash = njit(inline="always")(lambda z: math.tanh(z))
        slope = njit(inline="always")(lambda a: 1 - a * a)
    else:
        squash = njit(inline="always")(lambda z: np.float32(1) / (np.float32(1) + math.exp(-z)))
        slope = njit(inline="always")(lambda a: a * (1 - a))
    rate, batch = np.float32(workload.rate), workload.batch

    @njit(fastmath=True)
    def train(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any, losses: Any, first: int) -> None:
        inputs, hidden = w1.shape
        outputs = w2.shape[1]
        a1, d1 = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
        a2, d2 = np.empty((batch, outputs), np.float32), np.empty((batch, outputs), np.float32)
        scale = np.float32(2.0 / (batch * outputs))
        for step in range(len(losses)):
            row = (first + step) * batch % len(x)
            total = np.float32(0)
            for n in range(batch):
                for h in range(hidden):
                    a1[n, h] = b1[h]
                for i in range(inputs):
                    value = x[row + n, i]
                    for h in range(hidden):
                        a1[n, h] += value * w1[i, h]
                for h in range(hidden):
                    a1[n, h] = squash(a1[n, h])
                for o in range(outputs):
                    z = b2[o]
                    for h in range(hidden):
                        z += a1[n, h] * w2[h, o]
                    a2[n, o] = squash(z)
                    error = a2[n, o] - y[row + n, o]
                    total += error * error
                    d2[n, o] = scale * error * slope(a2[n, o])
                for h in range(hidden):
                    d = np.float32(0)
                    for o in range(outputs):
                        d += d2[n, o] * w2[h, o]
                    d1[n, h] = d * slope(a1[n, h])
            for n in range(batch):
                for o in range(outputs):
                    b2[o] -= rate * d2[n, o]
                    for h in range(hidden):
                        w2[h, o] -= rate * a1[n, h] * d2[n, o]
                for h in range(hidden):
                    b1[h] -= rate * d1[n, h]
                for i in range(inputs):
                    step_size = rate * x[row + n, i]
                    for h in range(hidden):
                        w1[i, h] -= step_size * d1[n, h]
            losses[step] = total / (batch * outputs)

    arrays, (x, y), done = [w.copy() for w in weights], workload.data(), 0

    def advance(count: int) -> Array:
        nonlocal done
        losses = np.empty(count, np.float32)
        train(*arrays, x, y, losses, done)
        done += count
        return losses

    return Runner(advance)
