"""Stored results: a row measured with several seeds, one JSON file each, and the page that shows them all."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.lab import find, recipes
from glassnet.training.environment import environment

INTRODUCTION = """# The lab: reported and obtained

What the lessons claim, run again with this library, as close to their settings as they are known. Obtained is the mean
over the seeds, with the smallest and largest in brackets; accuracies are percent of the test images unless named
otherwise. Nothing is chosen by the test images: where a run stays below what was reported, that is what stands here.

`python -m glassnet.lab` lists the rows, `python -m glassnet.lab run N7` runs one and stores its numbers in
`results/lab`, `python -m glassnet.lab --render` writes this page from them. *Stale* marks a result that is older than
its experiment.
"""


def measure(id: str, seeds: int, quick: bool = False) -> dict[str, Any]:
    """Run a row with the seeds 0, 1, ...; returns the record that is stored."""
    if seeds < 1:
        raise ArgumentError("lab: at least one seed is needed", received=f"seeds={seeds}")
    row, recipe = find(id)
    runs, figure = [], dict[str, Any]()
    for seed in range(seeds):
        started = time.perf_counter()
        found = recipe(seed, quick)
        runs.append({"seed": seed, "seconds": round(time.perf_counter() - started, 2), "obtained": found["obtained"]})
        figure = figure or found.get("figure", {})
    obtained = average([single["obtained"] for single in runs])
    return {
        "id": row.id, "source": row.source, "reported": row.reported, "criterion": row.criterion, "obtained": obtained,
        "holds": row.holds(obtained), "quick": quick, "settings": found["settings"], "seeds": list(range(seeds)),
        "runs": runs, "versions": {"python": platform.python_version(), **environment()},
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "files": file_hashes(id), "figure": figure,
    }  # fmt: skip


def average(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of every number; what all runs agree in stays as it is, and of texts the first is kept.

    >>> average([{"params": 13, "accuracy": 90.0}, {"params": 13, "accuracy": 91.0}])
    {'params': 13, 'accuracy': 90.5}
    """
    return {name: _mean([run[name] for run in runs]) for name in runs[0]}


def _mean(values: list[Any]) -> Any:
    if isinstance(values[0], str) or all(value == values[0] for value in values):
        return values[0]
    return float(np.mean(values))


def file_hashes(id: str) -> dict[str, str]:
    """SHA-256 of the experiment's file by its name, with the same line ends on every system."""
    path = Path(inspect.getfile(find(id)[1]))
    return {path.name: hashlib.sha256(path.read_text("utf-8").encode()).hexdigest()}


def is_stale(record: dict[str, Any]) -> bool:
    """Whether the experiment has changed since."""
    return bool(record["files"] != file_hashes(record["id"]))


def store(record: dict[str, Any], folder: Path) -> Path:
    """Write a record as folder/ID.json, and what its figure is drawn from as folder/ID.figure.json."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['id']}.json"
    judged = {name: part for name, part in record.items() if name != "figure"}
    path.write_text(json.dumps(judged, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    if record["figure"]:
        text = json.dumps(record["figure"], separators=(",", ":"))
        path.with_suffix(".figure.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return path


def figure_data(id: str, folder: Path) -> dict[str, Any]:
    """The curves and images from which a stored row's figure is drawn: lists, of the run with seed 0."""
    data: dict[str, Any] = json.loads((folder / f"{id}.figure.json").read_text("utf-8"))
    return data


def stored(folder: Path) -> list[dict[str, Any]]:
    """All records of a folder, in the order of the rows."""
    paths = [folder / f"{id}.json" for id in recipes()]
    return [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]


# ---------------------------------------------------------------- as a page


def page(records: Iterable[dict[str, Any]]) -> str:
    """The records as Markdown: a table, then the pictures."""
    table = ["| row | source | reported | criterion | obtained | holds | seeds | s per run |", "|" + "---|" * 8]
    pictures = []
    for record in records:
        table.append("| " + " | ".join(_cells(record)) + " |")
        if "text" in record["obtained"]:
            pictures += [f"## {record['id']}", "", "```text", record["obtained"]["text"], "```", ""]
    return "\n".join([INTRODUCTION, *table, "", *pictures]).rstrip() + "\n"


def _cells(record: dict[str, Any]) -> list[str]:
    values = {name: value for name, value in record["obtained"].items() if not isinstance(value, str)}
    obtained = "<br>".join(f"{name} {_with_range(name, value, record)}" for name, value in values.items())
    holds = ("yes" if record["holds"] else "**no**") + (" (*stale*)" if is_stale(record) else "")
    seconds = float(np.mean([run["seconds"] for run in record["runs"]]))
    criterion = record["criterion"].replace(", ", "<br>")
    return [
        record["id"], record["source"], record["reported"], criterion, obtained, holds, str(len(record["seeds"])),
        f"{seconds:.1f}",
    ]  # fmt: skip


def _with_range(name: str, value: Any, record: dict[str, Any]) -> str:
    found = [run["obtained"][name] for run in record["runs"]]
    if min(found) == max(found):
        return number(value, decimals=4)  # the same in every run: nothing random is in it
    return f"{number(value)} ({number(min(found))} to {number(max(found))})"


def number(value: Any, decimals: int = 2) -> str:
    """A number as in the table.

    Arguments:
        decimals: of numbers from 1 on; smaller ones have four.

    >>> number(True), number(15910), number(97.42333), number(0.0116), number(1.2345e-15)
    ('yes', '15,910', '97.42', '0.0116', '1.2e-15')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}"
    if 0 < abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:.{4 if abs(value) < 1 else decimals}f}"
