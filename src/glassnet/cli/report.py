"""The report that `train` leaves in a run's folder, and the explained mistake beside it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from glassnet.cli import recipe, runs
from glassnet.cli.render import percent
from glassnet.cli.sources import Source
from glassnet.datasets import CsvSchema
from glassnet.explain.page import explain, write_page
from glassnet.explain.report import Judgement, report_page
from glassnet.seeds import SeedGenerator

REPORT = "report.html"


def write_report(
    folder: Path, model: Any, source: Source, result: recipe.Score, record: dict[str, Any], history: Any
) -> None:
    """Write `report.html`, and an explain page of the most confident mistake that it links to."""
    task, sample = source.task, next(iter(result.worst(1)), 0) if source.task.class_names else 0
    judgement = Judgement(
        source.x_test, result.targets, result.outputs, task.class_names,
        _image(source), columns=CsvSchema.from_config(task.schema).feature_names if task.schema else _plane(source),
    )  # fmt: skip
    mistaken = bool(result.worst(1)) if task.class_names else False
    words = "The most confident mistake, number by number" if mistaken else "One training step, number by number"
    page = explain_sample(model, source, sample)
    page.save(folder / f"explain-{sample}.html")
    text = report_page(
        model, judgement, history.history, title=_title(task.name, result, bool(task.class_names)),
        facts=_facts(model, result, record), commands=_commands(folder, task, record["settings"]),
        explained=(f"explain-{sample}.html", words), x_train=source.x_train,
    )  # fmt: skip
    write_page(folder / REPORT, text)


def explain_sample(model: Any, source: Source, sample: int) -> Any:
    """One training step on one sample of the test set, as a page; dropout draws the same bits every time."""
    for number, generator in enumerate(model.seed_generators.values()):
        generator.state = SeedGenerator(number).state
    task, rows = source.task, slice(sample, sample + 1)
    columns = CsvSchema.from_config(task.schema).feature_names if task.schema else None
    return explain(
        model, source.x_test[rows], source.y_test[rows], classes=task.class_names, image=_image(source),
        columns=columns, title=f"{task.name}, test sample {sample}",
    )  # fmt: skip


def _image(source: Source) -> tuple[int, int] | None:
    shape = source.x_test.shape
    return (shape[1], shape[2]) if source.task.kind == "image" else None


def _plane(source: Source) -> list[str]:
    return [f"x{i}" for i in range(source.x_test.shape[1])] if source.task.kind == "toy" else []


def _title(name: str, result: recipe.Score, classifies: bool) -> str:
    if classifies:
        return f"{name}: {result.correct} of {result.total} right"
    return f"{name}: off by {result.error:.4g} (root of the mean square)"


def _facts(model: Any, result: recipe.Score, record: dict[str, Any]) -> list[tuple[str, str]]:
    results = record["results"]
    facts = [("test loss", f"{result.loss:.4g}")]
    if "accuracy" in results:
        facts.insert(0, ("test accuracy", percent(result.correct, result.total)))
    if results.get("file_order"):
        other = results["file_order"]
        facts.append(("in file order", percent(other["correct"], other["samples"])))
    epochs = f"{record['settings']['epochs']}" if record["finished"] else "interrupted"
    return [
        *facts, ("parameters", f"{model.count_params():,}"), ("epochs", epochs), ("training", f"{record['seconds']:.1f} s"),
        ("seed", str(record["settings"]["seed"])),
    ]  # fmt: skip


def _commands(folder: Path, task: Any, settings: dict[str, Any]) -> list[str]:
    """The same training again with every setting written out, and what can be done with the run."""
    words = ["glassnet", "train", Path(task.options["name"]).name]
    if task.options.get("label"):
        words += ["--label", task.options["label"]]
    for name, value in settings.items():
        shown = (
            ",".join(map(str, value)) or "0" if isinstance(value, (list, tuple)) else str(0 if value is None else value)
        )
        words += [f"--{name.replace('_', '-')}", shown]
    run = runs.quoted(folder.as_posix())
    return [" ".join(shlex.quote(word) for word in words), f"glassnet evaluate {run}", f"glassnet draw {run}"][
        : 3 if task.kind == "image" else 2
    ]
