"""Write `optimizers.npz`: weights after each of 20 steps of Keras's optimizers, and of PyTorch's L-BFGS and OneCycleLR.

Run by hand in an environment that has both, from the repository root:

    KERAS_BACKEND=torch python tests/golden/peers/make_optimizers.py
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import torch

STEPS = 20
RNG = np.random.default_rng(0)
START = [RNG.normal(size=(3, 2)), RNG.normal(size=(2,))]
GRADIENTS = [[10.0**i * RNG.normal(size=w.shape) for i, w in enumerate(START)] for _ in range(STEPS)]
KO, S = keras.optimizers, keras.optimizers.schedules
OPTIMIZERS = {
    "Adadelta": lambda: KO.Adadelta(1.0),
    "Adadelta decay": lambda: KO.Adadelta(0.5, rho=0.8, epsilon=1e-3, weight_decay=0.1),
    "Adamax": lambda: KO.Adamax(0.1),
    "Adamax decay": lambda: KO.Adamax(0.1, 0.8, 0.9, 1e-3, weight_decay=0.1),
    "Nadam": lambda: KO.Nadam(0.1),
    "Nadam decay": lambda: KO.Nadam(0.1, 0.8, 0.9, 1e-3, weight_decay=0.1),
    "Lion": lambda: KO.Lion(0.1),
    "Lion decay": lambda: KO.Lion(0.1, 0.8, 0.9, weight_decay=0.1),
    "EMA": lambda: KO.SGD(0.1, 0.5, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=7),
    "accumulation": lambda: KO.Adam(0.1, gradient_accumulation_steps=3, clipnorm=2.0, weight_decay=0.1),
    "schedule": lambda: KO.SGD(S.CosineDecayRestarts(0.5, 3, 1.5, 0.8, 0.1)),
    "excluded": lambda: KO.AdamW(0.1, 0.5),
}
SCHEDULES = {
    "restarts": S.CosineDecayRestarts(0.5, 10),
    "restarts alike": S.CosineDecayRestarts(0.5, 10, t_mul=1.0, m_mul=0.5, alpha=0.1),
    "restarts longer": S.CosineDecayRestarts(0.5, 7, t_mul=1.7, m_mul=0.9),
}


def rosenbrock(w: torch.Tensor) -> torch.Tensor:
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


def main() -> None:
    keras.config.set_floatx("float64")
    values = {f"start{i}": w for i, w in enumerate(START)}
    for i in range(len(START)):
        values[f"gradients{i}"] = np.array([g[i] for g in GRADIENTS])
    for name, make in OPTIMIZERS.items():
        optimizer, variables = (
            make(),
            [keras.Variable(w, name=n) for w, n in zip(START, ("kernel", "bias"), strict=True)],
        )
        if name == "excluded":
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        path = []
        for gradients in GRADIENTS:
            optimizer.apply([torch.tensor(g) for g in gradients], variables)
            path.append([keras.ops.convert_to_numpy(v).copy() for v in variables])
        for i in range(len(START)):
            values[f"{name}/{i}"] = np.array([weights[i] for weights in path])
    for name, schedule in SCHEDULES.items():
        values[f"schedule {name}"] = np.array([float(schedule(step)) for step in range(100)])
    torch_peers(values)
    np.savez_compressed(Path(__file__).with_name("optimizers.npz"), **values)


def torch_peers(values: dict[str, np.ndarray]) -> None:
    """One iteration of L-BFGS per step, as a training loop has it; and the one-cycle schedule."""
    w = torch.tensor([-1.2, 1.0, 0.5, -0.3], dtype=torch.float64, requires_grad=True)
    optimizer, path = torch.optim.LBFGS([w], lr=0.002, max_iter=1, history_size=4), []
    for _ in range(STEPS):

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = rosenbrock(w)
            loss.backward()
            return loss

        optimizer.step(closure)
        path.append(w.detach().numpy().copy())
    values["lbfgs"] = np.array(path)
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    schedule, rates = (
        torch.optim.lr_scheduler.OneCycleLR(sgd, 0.5, 40, pct_start=0.25, div_factor=10.0, final_div_factor=100.0),
        [],
    )
    for _ in range(40):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()
        if len(rates) < 40:
            schedule.step()
    values["schedule one-cycle"] = np.array(rates)


if __name__ == "__main__":
    main()
