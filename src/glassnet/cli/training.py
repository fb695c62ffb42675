"""`glassnet train`: the data, the network, the progress, the result, where it was kept, what to do next."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli import recipe, runs, sources
from glassnet.cli.render import percent, say, side_by_side
from glassnet.errors import DataError
from glassnet.models.files import save_model


def train_command(
    name: str | None, given: dict[str, Any], *, batch_size: int | None, label: str | None, data: str | None,
    out: str | None, resume: str | None, validation: float, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    """Train, show and keep a run; returns its record."""
    tell = (lambda text="": None) if quiet else say
    if resume is not None:
        folder: Path | None = Path(resume)
        record = _unfinished(Path(resume))
        options = dict(record["data"])
        source = sources.load(options.pop("name"), data=data, **options)
        settings = recipe.Settings(**{**record["settings"], "layers": tuple(record["settings"]["layers"])})
        validation = record["validation"]
    else:
        assert name is not None
        if name in ("mnist", "fashion_mnist"):
            tell(f"loading {name}")
        source = sources.load(name, data=data, label=label, seed=int(given["seed"]))
        settings = recipe.settings_for(source.name, source.kind, **given)
        if batch_size is not None:
            settings.batch_size = batch_size or None
        folder = None
    if len(source.x_train) < 20:
        validation = 0.0
    _show_data(source, tell)
    model = recipe.build(source, settings)
    tell()
    if not quiet:
        model.summary(print_fn=tell)
        say()
    folder = folder or runs.new_folder(out, source.name)  # only now: bad settings leave nothing behind
    record = {"data": source.options, "settings": settings.plain(), "validation": validation, "finished": False}
    runs.write_record(folder, record)
    history, seconds = recipe.train(model, source, settings, folder, 0 if quiet else "auto", validation)
    result = recipe.score(model, source)
    extras = {
        "data": source.options, "class_names": source.class_names, "schema": source.schema, "kind": source.kind,
        "max_value": source.max_value,
    }  # fmt: skip
    save_model(model, folder / runs.MODEL, extras=extras)
    record |= {"finished": True, "seconds": round(seconds, 3), "results": _results(result, source), "run": folder.as_posix()}
    if source.name == "digits":
        record["results"]["file_order"] = _file_order(settings)
    runs.write_record(folder, record)
    if not quiet:
        say()
        say(textwrap.fill(history.describe(), 80))
        _show_results(result, source, record, seconds)
        _show_next(folder, source, result)
    return record


def _unfinished(folder: Path) -> dict[str, Any]:
    """The record of an interrupted run."""
    file = folder / runs.RECORD
    if not file.is_file():
        raise DataError(f"there is no run to resume in {folder}", expected=f"a folder with {runs.RECORD}")
    record: dict[str, Any] = json.loads(file.read_text())
    if record.get("finished"):
        raise DataError(f"the run in {folder} is finished", fix="train a new one")
    return record


def _show_data(source: sources.Source, tell: Any) -> None:
    shape = " x ".join(map(str, source.x_train.shape[1:]))
    tell(f"{source.name}: {len(source.x_train)} samples to learn from, {len(source.x_test)} to be tested on, each {shape}")
    if source.kind == "image" and source.class_names:
        first = [int(np.flatnonzero(source.y_train == c)[0]) for c in range(len(source.class_names))]
        tell(side_by_side([source.x_train[i] for i in first], [[name] for name in source.class_names]))
    elif source.class_names:
        counts = np.bincount(source.y_train, minlength=len(source.class_names))
        tell("  classes: " + ", ".join(f"{name} ({count})" for name, count in zip(source.class_names, counts)))


def _results(result: recipe.Score, source: sources.Source) -> dict[str, Any]:
    own: dict[str, Any] = {"loss": result.loss, "samples": result.total}
    return own | ({"accuracy": result.accuracy, "correct": result.correct} if source.class_names else {"rmse": result.error})


def _file_order(settings: recipe.Settings) -> dict[str, Any]:
    """The same recipe on the split in file order, where the test digits come from other writers."""
    source = sources.load("digits", split="file_order")
    model = recipe.build(source, settings)
    recipe.train(model, source, settings, None, 0, 0.1)
    return _results(recipe.score(model, source), source)


def _show_results(result: recipe.Score, source: sources.Source, record: dict[str, Any], seconds: float) -> None:
    say()
    say(f"trained in {seconds:.1f} s")
    if source.class_names is None:
        say(f"test error     {result.error:.4g} (root of the mean square, in units of the column)")
        return
    say(f"test accuracy  {percent(result.correct, result.total)}  ({result.correct} of {result.total}; 95 % interval)")
    other = record["results"].get("file_order")
    if other:
        say(f"in file order  {percent(other['correct'], other['samples'])}  (the test digits come from other writers: harder)")
    mistakes = recipe.worst(result, source)
    if mistakes and source.kind == "image":
        assert result.predictions is not None and result.probabilities is not None
        say()
        say("the most confident mistakes:")
        captions = [
            [
                f"is {source.class_names[source.y_test[i]]}",
                f"said {source.class_names[result.predictions[i]]} {100 * result.probabilities[i].max():.0f} %",
                f"sample {i}",
            ]
            for i in mistakes
        ]
        say(side_by_side([source.x_test[i] for i in mistakes], captions))


def _show_next(folder: Path, source: sources.Source, result: recipe.Score) -> None:
    sample = 0
    if source.class_names is not None:
        sample = next(iter(recipe.worst(result, source, 1)), 0)
    say()
    say(f"kept in {folder.as_posix()}/")
    say(f"next: glassnet predict {folder.as_posix()} --sample {sample}")
    say(f"      glassnet explain {folder.as_posix()} --sample {sample} --text")
    say(f"      glassnet check {folder.as_posix()}")
    say("      glassnet show Dense")
