"""Schedules: the learning rate as a function of the number of steps taken. Evaluated by Python before each step."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from glassnet.errors import ArgumentError
from glassnet.registry import Registry

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule", "NoamDecay",
    "OneCycleLR", "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
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


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosine waves one after the other: the rate falls, jumps back up and falls again.

    Arguments:
        first_decay_steps: length of the first wave.
        t_mul: each wave is longer than the last by this factor, 1 or more.
        m_mul: each wave starts at this multiple of the last start.
        alpha: the lowest rate, as a share of the first.

    Source: Loshchilov and Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, eq. 5.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10, m_mul=0.5)
    >>> schedule(5), schedule(10), schedule(20)
    (0.05, 0.05, 0.025)
    """

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
        alpha: float = 0.0, name: str = "SGDRDecay",
    ) -> None:  # fmt: skip
        _check_positive(self, first_decay_steps=first_decay_steps)
        if not t_mul >= 1:
            raise ArgumentError("CosineDecayRestarts: t_mul must be at least 1", received=f"t_mul={t_mul}")
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        waves, passed = divmod(float(step), self.first_decay_steps) if self.t_mul == 1 else (0, float(step))
        length = float(self.first_decay_steps)
        while passed >= length:
            waves, passed, length = waves + 1, passed - length, length * self.t_mul
        wave = 0.5 * self.m_mul**waves * (1 + math.cos(math.pi * passed / length))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul, "m_mul": self.m_mul, "alpha": self.alpha, "name": self.name,
        }  # fmt: skip


class OneCycleLR(LearningRateSchedule):
    """One rise and one long fall, both half cosine waves: from max_lr / div_factor up and down to almost nothing.

    Arguments:
        max_lr: the top rate.
        total_steps: steps of the training; afterwards the last rate stays.
        pct_start: share of the rise.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first one / final_div_factor.

    Source: Smith and Topin (2018), Super-Convergence; names and form are PyTorch's.

    >>> schedule = OneCycleLR(0.5, total_steps=100, div_factor=10.0)
    >>> round(schedule(0), 7), round(schedule(29), 7), round(schedule(99), 7)
    (0.05, 0.5, 5e-06)
    """

    def __init__(
        self, max_lr: float, total_steps: int, pct_start: float = 0.3, div_factor: float = 25.0,
        final_div_factor: float = 1e4, name: str = "OneCycleLR",
    ) -> None:  # fmt: skip
        _check_positive(self, total_steps=total_steps, div_factor=div_factor, final_div_factor=final_div_factor)
        if not 0 <= pct_start <= 1:
            raise ArgumentError("OneCycleLR: pct_start must be in [0, 1]", received=f"pct_start={pct_start}")
        self.max_lr, self.total_steps, self.pct_start = max_lr, total_steps, pct_start
        self.div_factor, self.final_div_factor, self.name = div_factor, final_div_factor, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        passed, top, last = float(step), self.pct_start * self.total_steps - 1, self.total_steps - 1
        first = self.max_lr / self.div_factor
        if passed < top:
            return _cosine(first, self.max_lr, passed / top)
        return _cosine(self.max_lr, first / self.final_div_factor, (passed - max(top, 0)) / max(last - max(top, 0), 1))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "max_lr": self.max_lr, "total_steps": self.total_steps, "pct_start": self.pct_start,
            "div_factor": self.div_factor, "final_div_factor": self.final_div_factor, "name": self.name,
        }  # fmt: skip


def _cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine wave."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


class NoamDecay(LearningRateSchedule):
    """learning_rate / √d_model * min(1/√t, t / warmup_steps ** 1.5), t = step + 1: a straight rise, then a fall like 1/√t.

    The schedule of the first Transformer. Source: Vaswani et al. (2017), Attention Is All You Need, eq. 3.

    Arguments:
        d_model: width of the model.
        learning_rate: a factor.

    >>> schedule = NoamDecay(d_model=100, warmup_steps=4)
    >>> schedule(0), schedule(3), round(schedule(15), 6)
    (0.0125, 0.05, 0.025)
    """

    def __init__(self, d_model: int, warmup_steps: int, learning_rate: float = 1.0, name: str = "NoamDecay") -> None:
        _check_positive(self, d_model=d_model, warmup_steps=warmup_steps)
        self.d_model, self.warmup_steps, self.learning_rate, self.name = d_model, warmup_steps, learning_rate, name

    def __call__(self, step: Any) -> float:
        """The learning rate of a step."""
        t = float(step) + 1
        rise_and_fall: float = min(t**-0.5, t * self.warmup_steps**-1.5)
        return self.learning_rate / math.sqrt(self.d_model) * rise_and_fall

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "d_model": self.d_model, "warmup_steps": self.warmup_steps, "learning_rate": self.learning_rate,
            "name": self.name,
        }  # fmt: skip


_registry = Registry("learning rate schedule", LearningRateSchedule, functions=True)
_registry.add(
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, NoamDecay, OneCycleLR, PiecewiseConstantDecay,
    PolynomialDecay,
)  # fmt: skip


def serialize(learning_rate_schedule: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A schedule from its description."""
    return _registry.deserialize(config, custom_objects)
