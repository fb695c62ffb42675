"""3Blue1Brown: the network with two hidden layers of 16 that the series is drawn around."""

from __future__ import annotations

from typing import Any

from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.models import Sequential

ROW = Row(
    "TB1", "3Blue1Brown, Gradient descent, how neural networks learn",
    "13,002 parameters: 12,960 weights and 42 biases",
    "params == 13002, weights == 12960, biases == 42, summary_tells == 1",
)  # fmt: skip


def run(seed: int, quick: bool) -> dict[str, Any]:
    """Count the parameters."""
    model = Sequential([Input((784,)), Dense(16, "sigmoid"), Dense(16, "sigmoid"), Dense(10, "sigmoid")])
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return {
        "settings": {"network": "784-16-16-10 sigmoid"},
        "obtained": {
            "params": model.count_params(),
            "weights": sum(v.size for v in model.trainable_variables if v.name == "kernel"),
            "biases": sum(v.size for v in model.trainable_variables if v.name == "bias"),
            "summary_tells": "13,002 parameters: 12,960 weights + 42 biases" in "\n".join(lines),
        },
    }
