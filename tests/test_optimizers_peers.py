"""Optimizers and schedules give the numbers of Keras and PyTorch in each of 20 steps from the same start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.optimizers import LBFGS, SGD, Adadelta, Adam, Adamax, AdamW, Lion, Nadam, schedules

with np.load(Path(__file__).parent / "golden" / "peers" / "optimizers.npz") as file:
    PEER = dict(file)

OPTIMIZERS: dict[str, Any] = {
    "Adadelta": lambda: Adadelta(1.0),
    "Adadelta decay": lambda: Adadelta(0.5, rho=0.8, epsilon=1e-3, weight_decay=0.1),
    "Adamax": lambda: Adamax(0.1),
    "Adamax decay": lambda: Adamax(0.1, 0.8, 0.9, 1e-3, weight_decay=0.1),
    "Nadam": lambda: Nadam(0.1),
    "Nadam decay": lambda: Nadam(0.1, 0.8, 0.9, 1e-3, weight_decay=0.1),
    "Lion": lambda: Lion(0.1),
    "Lion decay": lambda: Lion(0.1, 0.8, 0.9, weight_decay=0.1),
    "EMA": lambda: SGD(0.1, 0.5, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=7),
    "accumulation": lambda: Adam(0.1, gradient_accumulation_steps=3, clipnorm=2.0, weight_decay=0.1),
    "schedule": lambda: SGD(schedules.CosineDecayRestarts(0.5, 3, 1.5, 0.8, 0.1)),
    "excluded": lambda: AdamW(0.1, 0.5),
}
SCHEDULES = {
    "restarts": schedules.CosineDecayRestarts(0.5, 10),
    "restarts alike": schedules.CosineDecayRestarts(0.5, 10, t_mul=1.0, m_mul=0.5, alpha=0.1),
    "restarts longer": schedules.CosineDecayRestarts(0.5, 7, t_mul=1.7, m_mul=0.9),
    "one-cycle": schedules.OneCycleLR(0.5, 40, 0.25, div_factor=10.0, final_div_factor=100.0),
}


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_move_as_in_keras(name: str, replayed: bool) -> None:
    variables = [gn.Variable(PEER[f"start{i}"], name=n) for i, n in enumerate(("kernel", "bias"))]
    optimizer = OPTIMIZERS[name]()
    if name == "excluded":
        optimizer.exclude_from_weight_decay(var_names=["bias"])

    def step(*gradients: Any) -> None:
        optimizer.apply(list(gradients), variables)

    take = gn.jit(step) if replayed else step
    for t in range(20):
        take(*[PEER[f"gradients{i}"][t] for i in range(2)])
        for i, variable in enumerate(variables):
            np.testing.assert_allclose(
                variable.numpy(), PEER[f"{name}/{i}"][t], rtol=2e-6, atol=1e-7, err_msg=f"step {t}"
            )


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_fall_and_rise_as_in_the_peer(name: str) -> None:
    expected = PEER[f"schedule {name}"]
    np.testing.assert_allclose([SCHEDULES[name](t) for t in range(len(expected))], expected, rtol=1e-6)


def test_lbfgs_takes_the_steps_of_torch() -> None:
    w, optimizer = gn.Variable(np.array([-1.2, 1.0, 0.5, -0.3])), LBFGS(0.002, history_size=4)

    def rosenbrock(w: Any) -> Any:
        return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()

    for expected in PEER["lbfgs"]:
        optimizer.apply([gn.grad(rosenbrock)(w.value)], [w])
        np.testing.assert_allclose(w.numpy(), expected, rtol=1e-9)
