"""Schedules against their formulas, written out for single steps; and round trips."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, SavingError
from glassnet.optimizers import schedules as s

# schedule, step, rate by the formula in the docstring
TABLE: list[tuple[Any, int, float]] = [
    (s.ExponentialDecay(0.1, 10, 0.5), 0, 0.1),
    (s.ExponentialDecay(0.1, 10, 0.5), 25, 0.1 * 0.5**2.5),
    (s.ExponentialDecay(0.1, 10, 0.5, staircase=True), 29, 0.025),
    (s.InverseTimeDecay(0.1, 1, 0.25), 0, 0.1),
    (s.InverseTimeDecay(0.02, 1, 1e-5), 1000, 0.02 / 1.01),  # lr / (1 + decay * step), the recipe of nnfs
    (s.InverseTimeDecay(0.1, 4, 0.5), 6, 0.1 / 1.75),
    (s.InverseTimeDecay(0.1, 4, 0.5, staircase=True), 7, 0.1 / 1.5),
    (s.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1]), 0, 1.0),
    (s.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1]), 10, 1.0),  # a boundary belongs to the stretch before it
    (s.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1]), 11, 0.5),
    (s.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1]), 20, 0.5),
    (s.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1]), 21, 0.1),
    (s.PolynomialDecay(0.1, 100, 0.02), 25, 0.08),
    (s.PolynomialDecay(0.1, 100, 0.02, power=2.0), 50, 0.04),
    (s.PolynomialDecay(0.1, 100, 0.02), 500, 0.02),
    (s.PolynomialDecay(0.1, 100, 0.02, cycle=True), 0, 0.1),
    (s.PolynomialDecay(0.1, 100, 0.02, cycle=True), 150, 0.04),  # the second stretch is 200 steps long, 1/4 is left
    (s.CosineDecay(0.1, 100), 0, 0.1),
    (s.CosineDecay(0.1, 100), 25, 0.05 * (1 + math.cos(math.pi / 4))),
    (s.CosineDecay(0.1, 100, alpha=0.2), 100, 0.02),
    (s.CosineDecay(0.1, 100, alpha=0.2), 1000, 0.02),
    (s.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=4), 0, 0.1),
    (s.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=4), 3, 0.4),
    (s.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=4), 4, 0.5),
    (s.CosineDecay(0.1, 100, alpha=0.2, warmup_target=0.5, warmup_steps=4), 54, 0.5 * 0.6),
    (s.CosineDecay(0.1, 100, alpha=0.2, warmup_target=0.5, warmup_steps=4), 104, 0.1),
    (s.CosineDecayRestarts(0.1, 10), 0, 0.1),
    (s.CosineDecayRestarts(0.1, 10), 9, 0.05 * (1 + math.cos(0.9 * math.pi))),
    (s.CosineDecayRestarts(0.1, 10, m_mul=0.5), 10, 0.05),  # the second wave is 20 steps long
    (s.CosineDecayRestarts(0.1, 10, m_mul=0.5), 20, 0.025),
    (s.CosineDecayRestarts(0.1, 10, t_mul=1.0, alpha=0.5), 25, 0.075),
    (s.OneCycleLR(0.5, 100, div_factor=10), 0, 0.05),
    (s.OneCycleLR(0.5, 100, div_factor=10), 29, 0.5),
    (s.OneCycleLR(0.5, 100, div_factor=10), 64, 0.25 + 0.25e-5),
    (s.OneCycleLR(0.5, 100, div_factor=10), 500, 5e-6),
    (s.OneCycleLR(0.5, 10, pct_start=0.0), 0, 0.5),
    (s.OneCycleLR(0.5, 1), 0, 0.5),
    (s.NoamDecay(64, 400), 0, 0.125 / 400**1.5),
    (s.NoamDecay(64, 400), 399, 0.125 / 20),
    (s.NoamDecay(64, 400, 2.0), 1599, 0.25 / 40),
]


@pytest.mark.parametrize(("schedule", "step", "rate"), TABLE, ids=[f"{type(x).__name__}-{n}" for x, n, _ in TABLE])
def test_the_rate_of_a_step_is_that_of_the_formula(schedule: Any, step: int, rate: float) -> None:
    assert schedule(step) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(("schedule", "step", "rate"), TABLE, ids=[f"{type(x).__name__}-{n}" for x, n, _ in TABLE])
def test_a_schedule_survives_a_file(schedule: Any, step: int, rate: float) -> None:
    again = s.deserialize(json.loads(json.dumps(s.serialize(schedule))))
    assert type(again) is type(schedule)
    assert again(step) == schedule(step)


def test_the_step_may_be_a_variable_or_a_tensor() -> None:
    schedule = s.InverseTimeDecay(0.1, 1, 1.0)
    assert schedule(gn.Variable(np.array(4))) == schedule(gn.Tensor(4)) == schedule(4) == pytest.approx(0.02)


@pytest.mark.parametrize("kind", [s.ExponentialDecay, s.InverseTimeDecay])
def test_decay_steps_must_be_positive(kind: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"{kind.__name__}: decay_steps must be positive\n.*decay_steps=0"):
        kind(0.1, 0, 0.5)
    for other in (s.PolynomialDecay, s.CosineDecay):
        with pytest.raises(ArgumentError, match="decay_steps must be positive"):
            other(0.1, -1)


def test_settings_of_waves_and_cycles_must_make_sense() -> None:
    with pytest.raises(ArgumentError, match=r"t_mul must be at least 1\n.*t_mul=0\.5"):
        s.CosineDecayRestarts(0.1, 10, t_mul=0.5)
    with pytest.raises(ArgumentError, match=r"pct_start must be in \[0, 1\]\n.*pct_start=30"):
        s.OneCycleLR(0.1, 10, pct_start=30)
    with pytest.raises(ArgumentError, match="warmup_steps must be positive"):
        s.NoamDecay(64, 0)


def test_boundaries_and_values_must_fit() -> None:
    with pytest.raises(ArgumentError, match=r"one value more than boundaries(.|\n)*3 values\n.*2 values"):
        s.PiecewiseConstantDecay([1, 2], [0.1, 0.2])
    with pytest.raises(ArgumentError, match=r"boundaries must ascend\n.*\[2, 1\]"):
        s.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3])


def test_a_schedule_of_ones_own_needs_a_call_method() -> None:
    with pytest.raises(ArgumentError, match=r"LearningRateSchedule must define __call__\(self, step\)"):
        s.LearningRateSchedule()(0)


def test_a_plain_function_cannot_be_saved_unless_registered() -> None:
    with pytest.raises(SavingError, match=r"the learning rate schedule '<lambda>' cannot be saved"):
        s.serialize(lambda step: 0.1)
    gn.saving.register_keras_serializable("test_schedules")(halving)
    assert s.deserialize(s.serialize(halving)) is halving


def halving(step: int) -> float:
    return float(0.5**step)
