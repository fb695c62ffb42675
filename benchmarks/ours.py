"""glassnet's side of every comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import glassnet as gn
from benchmarks.workloads import (
    LSTM,
    Array,
    Conv,
    Decoder,
    Dense,
    Flatten,
    GlobalAverage,
    MaxPool,
    Residual,
    Runner,
    Workload,
    stepwise,
)  # fmt: skip
from glassnet.lab.text import decoder

L = gn.layers
Add = Callable[[Any], Any]
"""Notes a layer, so that its weights have their place in the list, and returns it."""


def _residual(brick: Residual, x: Any, add: Add) -> Any:
    same: dict[str, Any] = {"padding": "same", "use_bias": False}
    inner = add(L.Conv2D(brick.filters, 3, **same))(x)
    inner = L.Activation("relu")(add(L.BatchNormalization(momentum=0.9, epsilon=1e-5))(inner))
    inner = add(L.Conv2D(brick.filters, 3, **same))(inner)
    inner = add(L.BatchNormalization(momentum=0.9, epsilon=1e-5))(inner)
    if x.shape[-1] != brick.filters:
        x = add(L.Conv2D(brick.filters, 1, **same))(x)
    return L.Activation("relu")(L.Add()([x, inner]))


BRICKS: dict[type, Callable[[Any, Any, Add], Any]] = {
    Dense: lambda b, x, add: add(L.Dense(b.units, b.activation))(x),
    Conv: lambda b, x, add: add(L.Conv2D(b.filters, b.size, padding=b.padding, activation=b.activation))(x),
    MaxPool: lambda b, x, add: L.MaxPooling2D(b.size)(x),
    Flatten: lambda b, x, add: L.Flatten()(x),
    Residual: _residual,
    GlobalAverage: lambda b, x, add: L.GlobalAveragePooling2D()(x),
    LSTM: lambda b, x, add: add(L.LSTM(b.units))(x),
}


def network(workload: Workload, weights: Sequence[Array] | None = None) -> tuple[Any, list[Any]]:
    """The model, and its variables in the order of the bricks."""
    first = workload.bricks[0]
    if isinstance(first, Decoder):
        (context,) = workload.input_shape
        model = decoder(first.characters, context, first.width, first.blocks, first.heads)
        variables = list(model.trainable_variables)
    else:
        layers: list[Any] = []

        def add(layer: Any) -> Any:
            layers.append(layer)
            return layer

        inputs = x = gn.Input(workload.input_shape)
        for brick in workload.bricks:
            x = BRICKS[type(brick)](brick, x, add)
        model = gn.Model(inputs, x)
        variables = [variable for layer in layers for variable in layer.trainable_variables]
    for variable, array in zip(variables, weights or [], strict=weights is not None):
        variable.assign(array)
    return model, variables


def initial_weights(workload: Workload) -> list[Array]:
    """The weights that all contenders begin with."""
    gn.utils.set_random_seed(0)
    return [variable.numpy().copy() for variable in network(workload)[1]]


def _optimizer(workload: Workload) -> Any:
    if workload.optimizer == "adam":  # the libraries put epsilon into different places: make it too small to matter
        return gn.optimizers.Adam(workload.rate, epsilon=1e-12)
    return gn.optimizers.SGD(workload.rate, momentum=0.9 if workload.optimizer == "momentum" else 0.0)


def _loss(workload: Workload) -> Any:
    if workload.loss == "mse":
        return gn.losses.MeanSquaredError()
    return gn.losses.SparseCategoricalCrossentropy(from_logits=True)


def _update(workload: Workload, weights: Sequence[Array]) -> Callable[[Any, Any], Any]:
    """Forward, loss, backward, update."""
    model, _ = network(workload, weights)
    loss_of, optimizer, variables = _loss(workload), _optimizer(workload), model.trainable_variables
    optimizer.build(variables)

    def update(x: Any, y: Any) -> Any:
        for variable in variables:
            variable.zero_grad()
        loss = loss_of(y, model(x, training=True))
        loss.backward()
        optimizer.apply([v.grad for v in variables], variables)
        return loss

    return update


def _reports(*steps: Any) -> Callable[[], dict[str, Any]]:
    """What the compiler says of its plans."""
    return lambda: {"report": "\n".join(c.plan.report() for step in steps for c in step._compiled.values())}


def steps(workload: Workload, weights: Sequence[Array], jit: bool = True, executor: str = "numpy") -> Runner:
    """The own loop, one call per step."""
    gn.config.set_executor(executor)
    update = _update(workload, weights)
    run = gn.jit(update) if jit else update
    runner = stepwise(workload, lambda x, y: float(run(x, y)), lambda a: a)
    return Runner(runner.advance, _reports(run)) if executor == "llvm" else runner


def scan(workload: Workload, weights: Sequence[Array], tile: int = 2) -> Runner:
    """The own loop, many steps per call."""
    gn.config.set_executor("llvm")
    gn.config.set_convolution_tile(tile)
    step, (x, y) = gn.jit(_update(workload, weights)), workload.data()
    rows = np.arange(len(x)).reshape(workload.batches, workload.batch)

    def advance(count: int) -> Any:
        return step.scan(np.resize(rows, (count, workload.batch)), x, y).numpy()

    return Runner(advance, _reports(step))


def fit(workload: Workload, weights: Sequence[Array]) -> Runner:
    """Epochs of the public `model.fit`, rows in their order, so that losses can be compared."""
    gn.config.set_executor("llvm")
    (model, _), (x, y) = network(workload, weights), workload.data()
    model.compile(_optimizer(workload), _loss(workload))

    def advance(count: int) -> list[float]:
        options = {"batch_size": workload.batch, "epochs": count, "shuffle": False, "verbose": 0}
        return list(map(float, model.fit(x, y, **options).history["loss"]))

    return Runner(advance)


def bare_epochs(workload: Workload, weights: Sequence[Array]) -> Runner:
    """The steps of an epoch without `fit` around them."""
    run = scan(workload, weights)
    return Runner(lambda count: [float(np.mean(run.advance(workload.batches))) for _ in range(count)], run.facts)


def predict(workload: Workload, weights: Sequence[Array], public: bool) -> Runner:
    """Forward passes: by `predict_on_batch`, or by the compiled model itself."""
    gn.config.set_executor("llvm")
    model, (x, _) = network(workload, weights)[0], workload.data()
    compiled = gn.jit(lambda batch: model(batch, training=False))

    def once() -> Any:
        return model.predict_on_batch(x) if public else compiled(x).numpy()

    return Runner(lambda count: [float(once()[0, 0]) for _ in range(count)], _reports(compiled))
