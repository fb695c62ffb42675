"""What is compared, in words that belong to no library: networks as lists of bricks, their data, their optimizer.

Every library has a twin module that builds these bricks from the same initial weights (`ours`, `torch_twin`, ...). Weights
come as one flat list, in the order in which the bricks are listed: kernels (in, out) or (height, width, in, out), biases,
scales, shifts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Runner:
    """A contender at work."""

    advance: Callable[[int], Any]
    """Do the measured thing so many times more (steps, epochs or predictions); returns a number of each, to compare."""
    facts: Callable[[], dict[str, Any]] = dict
    """What else it can tell: the plan's report, the floating-point operations of a step."""


# ---------------------------------------------------------------- bricks


@dataclass(frozen=True)
class Dense:
    units: int
    activation: str | None = None


@dataclass(frozen=True)
class Conv:
    filters: int
    size: int
    activation: str | None = None
    padding: str = "valid"


@dataclass(frozen=True)
class MaxPool:
    size: int = 2


@dataclass(frozen=True)
class Flatten:
    """Rows, columns, channels: that order."""


@dataclass(frozen=True)
class Residual:
    """3x3 convolution, norm, ReLU, 3x3 convolution, norm; added to the input (by a 1x1 convolution if widths differ)."""

    filters: int


@dataclass(frozen=True)
class GlobalAverage:
    """The mean over all places."""


@dataclass(frozen=True)
class LSTM:
    """The state after the last step."""

    units: int


@dataclass(frozen=True)
class Decoder:
    """A whole GPT: embeddings, blocks that normalize first, norm, logits."""

    characters: int
    width: int
    blocks: int
    heads: int


Brick = Dense | Conv | MaxPool | Flatten | Residual | GlobalAverage | LSTM | Decoder


# ---------------------------------------------------------------- workloads


@dataclass(frozen=True)
class Workload:
    """A network, its batches and its training."""

    name: str
    input_shape: tuple[int, ...]
    bricks: tuple[Brick, ...]
    batch: int
    optimizer: str = "adam"
    """Or "sgd", or "momentum": SGD with momentum 0.9."""
    rate: float = 1e-3
    loss: str = "crossentropy"
    floor: float = 0.0
    """The least ratio PyTorch with its fused optimizer / ours that is aimed at."""
    call_bound: bool = False
    """Whether calls cost more than arithmetic."""
    batches: int = 16
    """Different batches; steps go through them again and again. An epoch of `fit` is all of them."""
    flop: float | None = None
    """Operations of a step, where PyTorch cannot count them."""
    checked: int = 20
    """Steps whose losses are compared: rounding grows faster in deep networks."""

    @property
    def is_image(self) -> bool:
        """Whether the input has rows, columns and channels."""
        return len(self.input_shape) == 3

    @property
    def is_dense(self) -> bool:
        """Whether all bricks are dense layers."""
        return all(isinstance(brick, Dense) for brick in self.bricks)

    def data(self) -> tuple[Array, Array]:
        """All rows and their targets."""
        rng, last, rows = np.random.default_rng(1), self.bricks[-1], self.batch * self.batches
        if isinstance(last, Decoder):
            ids = rng.integers(0, last.characters, (rows, *self.input_shape))
            return ids, np.roll(ids, -1, axis=1)
        x = rng.random((rows, *self.input_shape), dtype="float32")
        assert isinstance(last, Dense)
        if self.loss == "mse":
            return x, rng.random((rows, last.units), dtype="float32")
        return x, rng.integers(0, last.units, rows)

    def batched(self, convert: Callable[[Array], Any] = lambda a: a) -> list[tuple[Any, Any]]:
        """The batches, each as an array of its own."""
        x, y = self.data()
        places = [slice(start, start + self.batch) for start in range(0, len(x), self.batch)]
        return [(convert(x[place].copy()), convert(y[place].copy())) for place in places]


def stepwise(workload: Workload, update: Callable[[Any, Any], float], convert: Callable[[Array], Any]) -> Runner:
    """A training loop that calls `update` on one batch after the other."""
    batches, position = workload.batched(convert), 0

    def advance(count: int) -> list[float]:
        nonlocal position
        losses = []
        for _ in range(count):
            losses.append(update(*batches[position]))
            position = (position + 1) % len(batches)
        return losses

    return Runner(advance)


_SGD: dict[str, Any] = {"optimizer": "sgd", "loss": "mse", "call_bound": True}
_CNN = (Conv(32, 3, "relu"), Conv(64, 3, "relu"), MaxPool(), Flatten(), Dense(128, "relu"), Dense(10))
_LENET = (
    Conv(6, 5, "relu", "same"), MaxPool(), Conv(16, 5, "relu"), MaxPool(), Flatten(),
    Dense(120, "relu"), Dense(84, "relu"), Dense(10),
)  # fmt: skip
_RESIDUAL = (
    Conv(32, 3, "relu", "same"), Residual(32), MaxPool(), Residual(64), MaxPool(), Residual(128), GlobalAverage(), Dense(10)
)  # fmt: skip
_LSTM_FLOP = 3 * 64 * (28 * 2 * (28 + 128) * 4 * 128 + 2 * 128 * 10)

MLP = Workload("784-128-10, batch 128, Adam", (784,), (Dense(128, "relu"), Dense(10)), 128, floor=3.0)
CNN = Workload("Keras MNIST CNN, batch 128", (28, 28, 1), _CNN, 128, floor=2.0, batches=4, checked=8)
_CALL_BOUND = [
    Workload("XOR 2-3-1, batch 1, SGD", (2,), (Dense(3, "tanh"), Dense(1, "tanh")), 1, rate=0.1, floor=100, **_SGD),
    Workload(
        "784-20-10, batch 1, SGD", (784,), (Dense(20, "sigmoid"), Dense(10, "sigmoid")), 1, rate=0.01, floor=20, **_SGD
    ),
    Workload(
        "784-30-10, batch 10, SGD", (784,), (Dense(30, "sigmoid"), Dense(10, "sigmoid")), 10, rate=0.1, floor=12, **_SGD
    ),
]
_COMPUTE_BOUND = [
    MLP,
    Workload(
        "784-512-512-10, batch 128, Adam",
        (784,),
        (Dense(512, "relu"), Dense(512, "relu"), Dense(10)),
        128,
        floor=2.3,
        checked=8,
    ),
    Workload("LeNet, batch 64", (28, 28, 1), _LENET, 64, floor=2.0, checked=8),
    CNN,
    Workload(
        "residual net on 32x32x3, batch 64",
        (32, 32, 3),
        _RESIDUAL,
        64,
        "momentum",
        0.01,
        floor=1.5,
        batches=4,
        checked=4,
    ),
    Workload("LSTM 28x28, 128 units, batch 64", (28, 28), (LSTM(128), Dense(10)), 64, floor=1.3, flop=_LSTM_FLOP),
    Workload("GPT, 4 blocks of 128, batch 16", (128,), (Decoder(65, 128, 4, 4),), 16, floor=2.0, batches=4, checked=8),
]
STEPS = _CALL_BOUND + _COMPUTE_BOUND
"""One training step."""
EPOCHS = [
    *[replace(w, batches=4096 // w.batch, checked=1) for w in _CALL_BOUND], replace(MLP, batches=469, checked=1),
    replace(CNN, batches=20, checked=1),
]  # fmt: skip
"""One epoch of `fit`."""
PREDICTIONS = [
    replace(w, name=f"{w.name.partition(',')[0]}, batch {batch}", batch=batch, batches=1, checked=1)
    for w in (MLP, CNN)
    for batch in (1, 256)
]
"""One forward pass."""


def _dense(name: str, width: int = 128, depth: int = 1, batch: int = 128, batches: int = 16) -> Workload:
    """A classifier with so many hidden layers."""
    hidden = (Dense(width, "relu"),) * depth
    return replace(MLP, name=name, bricks=(*hidden, Dense(10)), batch=batch, batches=batches, floor=0.0, checked=2)


SCALING = [
    *[_dense(f"batch {size}", batch=size) for size in (1, 4, 16, 64, 256, 1024)],
    *[_dense(f"width {units}", width=units) for units in (32, 64, 128, 256, 512, 1024)],
    *[_dense(f"depth {layers}", depth=layers) for layers in (1, 2, 4, 8, 16)],
    *[_dense(f"rows {128 * batches}", batches=batches) for batches in (2, 16, 128, 469)],
]
"""What a step costs where one number of 784-128-10 changes."""
