"""`glassnet train`: the data, the network, the progress, the result, where it was kept, what to do next."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli import recipe, runs, sources
from glassnet.cli.render import FEW, WIDTH, percent, say, side_by_side
from glassnet.cli.report import REPORT, write_report
from glassnet.cli.sources import Source
from glassnet.cli.writing import written
from glassnet.datasets import CsvSchema
from glassnet.datasets.text import decode
from glassnet.errors import DataError, GlassnetError
from glassnet.explain.plane import decision_text, scatter_text
from glassnet.models.files import save_model

Tell = Callable[[str], None]


@dataclass
class Job:
    """What `train` is to do."""

    source: Source
    settings: recipe.Settings
    folder: Path | None = None
    """Of the interrupted run that goes on."""


def new_job(name: str, given: dict[str, Any], *, label: str | None, data: str | None) -> Job:
    """A new run, with the options that were given."""
    source = sources.load(name, data=data, label=label, seed=given["seed"] or 0)
    return Job(source, recipe.settings_for(source, **given))


def resumed_job(run: str, data: str | None) -> Job:
    """An interrupted run, with the options of then."""
    folder = Path(run)
    record = runs.read_record(folder)
    if record.get("finished"):
        raise DataError(f"the run in {folder} is finished", fix="train a new one")
    try:
        settings = recipe.Settings(**record["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / runs.RECORD} is broken", received=repr(error), fix="train anew") from None
    return Job(sources.load_again(record.get("data"), data), settings, folder)


def train_command(job: Job, out: str | None, quiet: bool) -> dict[str, Any]:
    """Train, show and keep a run; returns its record."""
    source, settings, tell = job.source, job.settings, _nothing if quiet else say
    model = recipe.build(source, settings)
    folder = job.folder or runs.new_folder(out, source.task.name)  # only now: bad settings leave nothing behind
    _show_data(source, tell)
    tell("")
    model.summary(print_fn=tell)
    tell("")
    record = {"data": source.task.options, "settings": settings.plain(), "finished": False}
    runs.write_record(folder, record)
    try:
        history, seconds = recipe.train(model, source, settings, folder, 0 if quiet else "auto")
    except GlassnetError:
        if job.folder is None:
            runs.discard(folder)
        raise
    result = recipe.score(model, source)
    save_model(model, folder / runs.MODEL, extras=source.task.plain())
    results = result.plain(source.task)
    record |= {"run": folder.as_posix(), "seconds": round(seconds, 3), "results": results}
    if not model.interrupted:
        record["finished"] = True
        if source.task.options["name"] == "digits":
            results["file_order"] = _file_order(settings)
    runs.write_record(folder, record)
    if source.task.kind != "text":
        write_report(folder, model, source, result, record, history)
    if record["finished"]:
        shutil.rmtree(folder / runs.BACKUP, ignore_errors=True)
    tell("")
    tell(textwrap.fill(history.describe(), WIDTH))
    _show_results(result, source, model, record, tell)
    _show_next(folder, source, result, record, history, tell)
    return record


def _nothing(text: str = "") -> None:
    pass


def _file_order(settings: recipe.Settings) -> dict[str, Any] | None:
    """The same recipe on the split in file order, where the test digits come from other writers."""
    source = sources.load("digits", split="file_order")
    model = recipe.build(source, settings)
    recipe.train(model, source, settings, None, 0)
    return None if model.interrupted else recipe.score(model, source).plain(source.task)


# ---------------------------------------------------------------- what is shown


def _show_text(source: Source, tell: Tell) -> None:
    x, tested, names = source.x_train, source.x_test, source.task.class_names or []
    tell(f"{source.task.name}: {x.size:,} characters to learn from, {tested.size:,} to test on, {len(names)} different")
    tell("what is tested on begins:")
    tell(textwrap.indent(decode(tested[:3].reshape(-1), "".join(names)), "  "))


def _show_data(source: Source, tell: Tell) -> None:
    if source.task.kind == "text":
        _show_text(source, tell)
        return
    task, shape = source.task, " x ".join(map(str, source.x_train.shape[1:]))
    tell(f"{task.name}: {len(source.x_train)} samples to learn from, {len(source.x_test)} to test on, each {shape}")
    if task.schema is not None:
        features = CsvSchema.from_config(task.schema).feature_names
        tell(_listed("from", features))
    if task.class_names is None:
        low, high = float(source.y_train.min()), float(source.y_train.max())
        tell(f"to predict: {task.options['label']}, a number from {low:.6g} to {high:.6g}")
    elif task.kind == "image":
        first = [int(np.argmax(source.y_train == c)) for c in range(task.outputs)]
        tell(side_by_side([source.x_train[i] for i in first], [[name] for name in task.class_names]))
    else:
        counts = np.bincount(source.y_train, minlength=task.outputs)
        tell(_listed("classes", [f"{name} ({count})" for name, count in zip(task.class_names, counts)]))
        if source.is_plane:
            tell(scatter_text(source.x_train, source.y_train, class_names=task.class_names))


def _listed(title: str, names: Sequence[str]) -> str:
    return textwrap.shorten(f"{title}: {', '.join(names)}", WIDTH, placeholder=" ...")


def _show_results(result: recipe.Score, source: Source, model: Any, record: dict[str, Any], tell: Tell) -> None:
    tell("")
    tell(f"trained in {record['seconds']:.1f} s")
    if source.task.class_names is None:
        mean = recipe.Score(np.full_like(result.outputs, source.y_train.mean()), source.y_test, 0.0)
        tell(f"test error     {result.error:.4g} (root of the mean square, in units of the column)")
        tell(f"for comparison {mean.error:.4g} for one who always says the mean")
        return
    about = "; 95 % interval" if result.total >= FEW else ""
    tell(f"test accuracy  {percent(result.correct, result.total)}  ({result.correct} of {result.total}{about})")
    other = record["results"].get("file_order")
    if other:
        tell(f"in file order  {percent(other['correct'], other['samples'])}  (test digits from other writers: harder)")
    if source.task.kind == "image":
        _show_mistakes(result, source, tell)
    elif source.task.kind == "text":
        tell(f"test loss      {result.loss:.3f} nats per character ({math.log(source.task.outputs):.3f} for a guess)")
        tell("")
        tell(written(model, source.task, "", length=200, temperature=0.8))
    elif source.is_plane:
        tell("")
        tell(decision_text(model, source.x_train, source.y_train, class_names=source.task.class_names))


def _show_mistakes(result: recipe.Score, source: Source, tell: Tell) -> None:
    names, worst = source.task.class_names, result.worst()
    if not worst or names is None:
        return
    captions = [
        [
            f"is {names[source.y_test[i]]}",
            f"said {names[result.predictions[i]]} {100 * result.outputs[i].max():.0f} %",
            f"sample {i}",
        ]
        for i in worst
    ]
    tell("")
    tell("the most confident mistakes:")
    tell(side_by_side([source.x_test[i] for i in worst], captions))


def _show_next(
    folder: Path, source: Source, result: recipe.Score, record: dict[str, Any], history: Any, tell: Tell
) -> None:
    """Where the run is, and commands to go on with."""
    run, epochs = runs.quoted(folder.as_posix()), record["settings"]["epochs"]
    if source.task.kind == "text":
        commands = [f"sample {run} --length 1000", f"evaluate {run}", "show TransformerDecoder"]
    else:
        sample = next(iter(result.worst(1)), 0) if source.task.class_names else 0
        commands = [
            f"predict {run} --sample {sample}", f"explain {run} --sample {sample}", f"check {run}", "show Dense",
        ]  # fmt: skip
    if source.task.kind == "image":
        commands.insert(2, f"draw {run}")
    tell("")
    if not record["finished"]:
        done = history.epoch[-1] + 1 if history.epoch else 0
        tell(f"interrupted in epoch {done} of {epochs}; the network is kept as it is and can be used")
        commands.insert(0, f"train --resume {run}")
    tell(f"kept in {folder.as_posix()}/")
    if (folder / REPORT).exists():
        tell(f"report: {folder.as_posix()}/{REPORT} (open it in a browser)")
    for number, command in enumerate(commands):
        tell(f"{'' if number else 'next:':<5} glassnet {command}")
