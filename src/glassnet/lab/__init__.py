"""The lab: what the lessons claim, run again with this library; reported beside obtained.

Every file is one experiment: rows, and for each the recipe that runs it. `python -m glassnet.lab` lists the rows,
`python -m glassnet.lab run N7` runs one, and the results of all stand in docs/lab.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from glassnet.errors import ArgumentError, did_you_mean
from glassnet.lab.row import Row

__all__ = ["Row", "rows", "run"]

EXPERIMENTS = (
    "bot_academy", "mnist_mlp", "three_blue", "sixteen", "noise", "gradient", "labels", "minima", "xor",
    "independent_code", "autoencoder", "gan", "convolution", "nielsen", "nnfs", "micrograd",
    "names", "shakespeare",
    "reinforcement", "binary", "digits",
)  # fmt: skip

Recipe = Callable[[int, bool], dict[str, Any]]
"""recipe(seed, quick) -> {"settings": ..., "obtained": ..., and where there is one "figure": what it is drawn from};
quick runs take seconds and need no download."""


def recipes() -> dict[str, tuple[Row, Recipe]]:
    """Every row with its recipe, by id."""
    found: dict[str, tuple[Row, Recipe]] = {}
    for name in EXPERIMENTS:
        experiment: Any = importlib.import_module(f"glassnet.lab.{name}")
        table = experiment.ROWS if hasattr(experiment, "ROWS") else {experiment.ROW: experiment.run}
        found |= {row.id: (row, recipe) for row, recipe in table.items()}
    return found


def find(id: str) -> tuple[Row, Recipe]:
    """The row with that id, and its recipe."""
    known = recipes()
    if id not in known:
        raise ArgumentError(
            "lab: there is no such row", expected=", ".join(known), received=repr(id), fix=did_you_mean(id, known)
        )
    return known[id]


def rows() -> list[Row]:
    """All rows.

    >>> [row.id for row in rows() if "Nielsen" in row.source]
    ['N26', 'N1', 'N4', 'N7']
    """
    return [row for row, _ in recipes().values()]


def run(id: str, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Run one row once: its settings, what was obtained, and whether the criterion holds for it.

    Arguments:
        quick: a run of seconds on the built-in digits, to see that the recipe works; its accuracies mean nothing.

    >>> run("N7")["obtained"]["quadratic_near"]
    0.094
    """
    row, recipe = find(id)
    found = recipe(seed, quick)
    return {**found, "holds": row.holds(found["obtained"])}
