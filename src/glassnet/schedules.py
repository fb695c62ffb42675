"""Schedules: the learning rate as a function of the number of steps taken. Evaluated by Python before each step."""

from __future__ import annotations

from typing import Any

from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = ["ExponentialDecay", "LearningRateSchedule", "deserialize", "serialize"]


class LearningRateSchedule:
    """Base: `__call__(step)` returns the learning rate of the step with that number, counted from 0."""

    def __call__(self, step: Any) -> Any:
        raise ArgumentError(f"{type(self).__name__} must define __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A schedule from `get_config`."""
        return cls(**config)


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
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        progress = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate**progress

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate, "staircase": self.staircase, "name": self.name,
        }  # fmt: skip


_registry = Registry("learning rate schedule", LearningRateSchedule, functions=True)
_registry.add(ExponentialDecay)


def serialize(learning_rate_schedule: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A schedule from its description."""
    return _registry.deserialize(config, custom_objects)
