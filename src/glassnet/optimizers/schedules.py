"""Schedules: the learning rate as a function of the number of steps taken. Evaluated by Python before each step."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = [
    "CosineDecay", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule", "PiecewiseConstantDecay",
    "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip


class LearningRateSchedule:
    """Base: `__call__(step)` returns the learning rate of the step with that number, counted from 0."""

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        raise ArgumentError(f"{type(self).__name__} must define __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A schedule from `get_config`."""
        return cls(**config)


def _check_positive(who: LearningRateSchedule, **given: float) -> None:
    for name, value in given.items():
        if not value > 0:
            raise ArgumentError(f"{type(who).__name__}: {name} must be positive", received=f"{name}={value}")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    Arguments:
        staircase: decay in jumps, at whole multiples of `decay_steps`.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:  # fmt: skip
        _check_positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        progress = float(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(progress) if self.staircase else progress)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate, "staircase": self.staircase, "name": self.name,
        }  # fmt: skip


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    With `decay_steps=1` it is the classic "learning rate decay" η / (1 + decay · step).

    Arguments:
        staircase: decay in jumps, at whole multiples of `decay_steps`.

    >>> InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.25)(4)
    0.05
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:  # fmt: skip
        _check_positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        progress = float(step) / self.decay_steps
        return self.initial_learning_rate / (
            1 + self.decay_rate * (math.floor(progress) if self.staircase else progress)
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate, "staircase": self.staircase, "name": self.name,
        }  # fmt: skip


class PiecewiseConstantDecay(LearningRateSchedule):
    """One constant rate per stretch of steps: values[0] up to and including step boundaries[0], then values[1], ...

    >>> schedule = PiecewiseConstantDecay(boundaries=[100, 200], values=[0.1, 0.01, 0.001])
    >>> schedule(100), schedule(101), schedule(1000)
    (0.1, 0.01, 0.001)
    """

    def __init__(self, boundaries: Sequence[int], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        who = type(self).__name__
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                f"{who}: one value more than boundaries is needed", expected=f"{len(boundaries) + 1} values",
                received=f"{len(values)} values",
            )  # fmt: skip
        if sorted(boundaries) != list(boundaries):
            raise ArgumentError(f"{who}: boundaries must ascend", received=list(boundaries))
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        return float(self.values[bisect_left(self.boundaries, float(step))])

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """From the initial to the end rate, which then stays: (initial - end) * (1 - step / decay_steps) ** power + end.

    Arguments:
        power: 1 is a straight line.
        cycle: start anew, over a stretch longer by `decay_steps`, each time the end is reached.

    >>> PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(75)
    0.025
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001, power: float = 1.0,
        cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:  # fmt: skip
        _check_positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        passed = float(step) / self.decay_steps
        stretch = max(1, math.ceil(passed)) if self.cycle else 1
        left: float = (1 - min(passed, stretch) / stretch) ** self.power
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate, "power": self.power, "cycle": self.cycle, "name": self.name,
        }  # fmt: skip


class CosineDecay(LearningRateSchedule):
    """Half a cosine wave from the top rate down to `alpha` times it, after a linear warm-up where one is asked for.

    Arguments:
        decay_steps: steps of the decay, the warm-up not counted.
        warmup_target: the top rate; the warm-up rises to it from `initial_learning_rate`. None: no warm-up.

    Source: Loshchilov and Hutter (2017), SGDR, eq. 5; Goyal et al. (2017), Accurate, Large Minibatch SGD, section 2.2.

    >>> CosineDecay(0.1, decay_steps=100)(50)
    0.05
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "CosineDecay",
        warmup_target: float | None = None, warmup_steps: int = 0,
    ) -> None:  # fmt: skip
        _check_positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = (
            initial_learning_rate,
            decay_steps,
            alpha,
            name,
        )
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        passed, top = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if passed < self.warmup_steps:
                return top + (self.warmup_target - top) * passed / self.warmup_steps
            passed, top = passed - self.warmup_steps, self.warmup_target
        wave = 0.5 * (1 + math.cos(math.pi * min(passed / self.decay_steps, 1.0)))
        return top * ((1 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps, "alpha": self.alpha,
            "name": self.name, "warmup_target": self.warmup_target, "warmup_steps": self.warmup_steps,
        }  # fmt: skip


_registry = Registry("learning rate schedule", LearningRateSchedule, functions=True)
_registry.add(CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay)


def serialize(learning_rate_schedule: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A schedule from its description."""
    return _registry.deserialize(config, custom_objects)
