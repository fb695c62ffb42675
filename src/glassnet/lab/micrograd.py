"""micrograd: the expression of its README, a test of any autograd."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.functional import value_and_grad
from glassnet.lab.row import Row

ROW = Row(
    "A1", "micrograd, README", "g = 24.7041, dg/da = 138.8338, dg/db = 645.5773",
    "g == 24.7041, dg_da == 138.8338, dg_db == 645.5773",
)  # fmt: skip


def expression(a: Any, b: Any) -> Any:
    """The README's expression, collected: every line of it that adds to c, d or g is one step here."""
    c = 2 * (a + b) + 1
    c = 2 * c + 1 - a
    d = 3 * (a * b + b**3) + ops.relu(b + a)
    d = 4 * d + ops.relu(b - a)
    f = (c - d) ** 2
    return f / 2 + 10 / f


def run(seed: int, quick: bool) -> dict[str, Any]:
    """Value and both slopes at a = -4, b = 2, to four decimals."""
    g, (da, db) = value_and_grad(expression, argnums=(0, 1))(np.float64(-4), np.float64(2))
    names = {"g": g, "dg_da": da, "dg_db": db}
    return {
        "settings": {"a": -4.0, "b": 2.0, "dtype": "float64"},
        "obtained": {name: round(value.item(), 4) for name, value in names.items()},
    }
