"""The tables of README.md and the page of benchmarks from stored results; a test compares README's with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import tables  # noqa: E402  # the repository's own folder has to be on the path first

BEGIN, END = "<!-- numbers:begin -->", "<!-- numbers:end -->"

ROWS = {
    "digits": ("8x8 digits, `glassnet train digits`", "stratified", "%"),
    "GC1": ("MNIST 784-128-128-10, Adam with falling rate, 10 epochs", "test_accuracy", "%"),
    "GC2": ("the same on Fashion-MNIST", "test_accuracy", "%"),
    "BA1": ("MNIST 784-20-10 sigmoid, one sample at a time, 3 epochs (training accuracy)", "train_accuracy", "%"),
    "N1": ("MNIST 784-30-10 sigmoid, quadratic cost, 30 epochs", "test_accuracy", "%"),
    "N4": ("MNIST 784-10, no hidden layer", "test_accuracy", "%"),
    "IC1": ("XOR 2-3-1 tanh, share of 20 seeds that learn it", "solved", "%"),
    "TB1": ("parameters of 784-16-16-10", "params", ""),
}


def lab_table() -> list[str]:
    """Reported and obtained; the mean over the seeds."""
    lines = ["| | reported | obtained | seeds |", "|---|---|---|---|"]
    for name, (what, key, unit) in ROWS.items():
        path = ROOT / "results" / "lab" / f"{name}.json"
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        value = record["obtained"][key]
        text = f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
        lines.append(f"| {what} | {record['reported']} | {text} {unit}".rstrip() + f" | {len(record['seeds'])} |")
    return lines


def command_table() -> list[str]:
    """What the command line itself obtains, one line per command."""
    lines = ["| one command | test accuracy, mean of 3 seeds |", "|---|---|"]
    for name in ("mnist", "fashion_mnist"):
        stored = json.loads((ROOT / "results" / "command" / f"{name}.json").read_text("utf-8"))
        accuracies = [100 * run["results"]["accuracy"] for run in stored["runs"]]
        mean = sum(accuracies) / len(accuracies)
        lines.append(f"| `{stored['command']}` | {mean:.2f} % ({min(accuracies):.2f} to {max(accuracies):.2f}) |")
    return lines


def rendered(text: str) -> str:
    """README's text with its tables renewed."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return "\n".join([before + BEGIN, *lab_table(), "", *command_table(), "", *tables.readme(), END]) + after


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text("utf-8")), encoding="utf-8")
    (ROOT / "docs" / "benchmarks.md").write_text(tables.page(), encoding="utf-8")
