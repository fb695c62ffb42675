"""The training steps that are compared: same data, same initial weights, same optimizer, in both libraries.

Every contender is a function `make(workload) -> (step, losses)`: `step()` trains on the next batch and returns its loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Step = Callable[[], float]


@dataclass(frozen=True)
class Workload:
    """One training step of a dense network."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    activation: str
    loss: str
    optimizer: str
    rate: float
    floor: float
    """The least ratio PyTorch time / our time that is aimed at, before any compilation."""

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Initial kernels and biases, equal for all contenders."""
        rng = np.random.default_rng(0)
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        return [((rng.normal(size=(i, o)) / np.sqrt(i)).astype("float32"), np.zeros(o, "float32")) for i, o in pairs]

    def batches(self, count: int = 16) -> list[tuple[np.ndarray, np.ndarray]]:
        """Some batches that a contender cycles through."""
        rng = np.random.default_rng(1)
        found = []
        for _ in range(count):
            x = rng.random((self.batch, self.sizes[0]), dtype="float32")
            if self.loss == "crossentropy":
                y: Any = rng.integers(0, self.sizes[-1], self.batch)
            else:
                y = rng.random((self.batch, self.sizes[-1]), dtype="float32")
            found.append((x, y))
        return found


WORKLOADS = {
    w.name: w
    for w in [
        Workload("XOR 2-3-1, batch 1, SGD", (2, 3, 1), 1, "tanh", "mse", "sgd", 0.1, 1.5),
        Workload("784-20-10, batch 1, SGD", (784, 20, 10), 1, "sigmoid", "mse", "sgd", 0.01, 1.5),
        Workload("784-30-10, batch 10, SGD", (784, 30, 10), 10, "sigmoid", "mse", "sgd", 0.1, 1.5),
        Workload("784-128-10, batch 128, Adam", (784, 128, 10), 128, "relu", "crossentropy", "adam", 0.001, 0.9),
        Workload(
            "784-512-512-10, batch 128, Adam", (784, 512, 512, 10), 128, "relu", "crossentropy", "adam", 0.001, 0.9
        ),
    ]
}


def glassnet_model(workload: Workload) -> Any:
    """Our network with the common weights."""
    import glassnet as gn

    stack: list[Any] = [gn.Input((workload.sizes[0],))]
    last = len(workload.sizes) - 2
    for number, units in enumerate(workload.sizes[1:]):
        softmax_follows = number == last and workload.loss == "crossentropy"
        stack.append(gn.layers.Dense(units, None if softmax_follows else workload.activation))
    model = gn.Sequential(stack)
    model.set_weights([array for pair in workload.weights() for array in pair])
    return model


def glassnet_step(workload: Workload, replay: bool, executor: str = "numpy") -> Step:
    """Our own training loop: forward, loss, backward, update."""
    import glassnet as gn

    gn.config.set_executor(executor)

    model = glassnet_model(workload)
    losses = {
        "mse": gn.losses.MeanSquaredError(),
        "crossentropy": gn.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    loss_of = losses[workload.loss]
    # the two libraries put epsilon into different places: make it too small to matter
    make = {"sgd": gn.optimizers.SGD, "adam": lambda rate: gn.optimizers.Adam(rate, epsilon=1e-12)}[workload.optimizer]
    optimizer = make(workload.rate)
    variables = model.trainable_variables
    optimizer.build(variables)

    def update(x: Any, y: Any) -> Any:
        for variable in variables:
            variable.zero_grad()
        loss = loss_of(y, model(x))
        loss.backward()
        optimizer.apply([v.grad for v in variables], variables)
        return loss

    run = gn.jit(update) if replay else update
    return _cycled(workload, lambda x, y: float(run(x, y)))


def torch_step(workload: Workload, fused: bool) -> Step:
    """PyTorch's usual loop: zero_grad, forward, loss, backward, step."""
    import torch

    stack: list[Any] = []
    last = len(workload.sizes) - 2
    for number, (w, b) in enumerate(workload.weights()):
        layer = torch.nn.Linear(*w.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
        stack.append(layer)
        if not (number == last and workload.loss == "crossentropy"):
            stack.append(
                {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}[workload.activation]()
            )
    model = torch.nn.Sequential(*stack)
    options = {"fused": True} if fused else {}
    if workload.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(model.parameters(), lr=workload.rate, eps=1e-12, **options)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=workload.rate, **options)
    loss_of = torch.nn.functional.mse_loss if workload.loss == "mse" else torch.nn.functional.cross_entropy

    def update(x: Any, y: Any) -> float:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return _cycled(workload, update, torch.from_numpy)


def _cycled(workload: Workload, update: Callable[[Any, Any], float], convert: Any = lambda a: a) -> Step:
    """A step that goes through the batches again and again."""
    batches = [(convert(x), convert(y)) for x, y in workload.batches()]
    position = 0

    def step() -> float:
        nonlocal position
        x, y = batches[position % len(batches)]
        position += 1
        return update(x, y)

    return step


CONTENDERS: dict[str, Callable[[Workload], Step]] = {
    "glassnet eager": lambda w: glassnet_step(w, replay=False),
    "glassnet replay": lambda w: glassnet_step(w, replay=True),
    "glassnet compiled": lambda w: glassnet_step(w, replay=True, executor="llvm"),
    "torch": lambda w: torch_step(w, fused=False),
    "torch fused": lambda w: torch_step(w, fused=True),
}
