"""The folder in which a run is kept: `model.glassnet`, `run.json`, `history.csv`. Never overwritten."""

from __future__ import annotations

import json
import os
import platform
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli import sources
from glassnet.cli.render import as_json
from glassnet.cli.sources import Source, Task, without_folders
from glassnet.errors import ArgumentError, DataError, SavingError
from glassnet.models.files import load_model, read_extras
from glassnet.saving.archive import read_config
from glassnet.saving.atomic import atomic_write
from glassnet.version import __version__

MODEL, RECORD, HISTORY, BACKUP = "model.glassnet", "run.json", "history.csv", "backup"
_MOST_NAMED = 5


def new_folder(out: str | None, name: str) -> Path:
    """A folder of its own for a new run: runs/digits, runs/digits-2, ..."""
    wanted = Path(out) if out else Path("runs") / name
    folder, number = wanted, 1
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not folder.is_dir():
                raise ArgumentError("--out must be a folder", received=f"{folder}, a file") from None
        if not any(folder.iterdir()):
            return folder
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")


def discard(folder: Path) -> None:
    """Remove the folder of a run of which no epoch has come to its end."""
    if not (folder / HISTORY).exists():
        (folder / RECORD).unlink(missing_ok=True)
        folder.rmdir()


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write `run.json`: the command's settings, results and versions."""
    versions = {"glassnet": __version__, "numpy": np.__version__, "python": platform.python_version()}
    text = as_json({**record, "versions": versions, "machine": platform.machine()}, indent=2)
    with atomic_write(folder / RECORD) as file:
        file.write(text.encode())


def read_record(folder: Path) -> dict[str, Any]:
    """Read `run.json`."""
    file = folder / RECORD
    if not file.is_file():
        raise DataError(f"there is no run in {folder}", expected=f"a folder with {RECORD}", fix=_runs_here())
    try:
        record = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is broken", received=str(error), fix="train anew") from None
    if not isinstance(record, dict):
        raise DataError(f"{file} is broken", expected="a JSON object", fix="train anew")
    return record


@dataclass
class Run:
    """A run that was kept: the model, and what it was trained on."""

    name: str
    model: Any
    task: Task
    folder: Path

    def source(self, data: str | None = None) -> Source:
        """The data of the run, loaded anew."""
        found = sources.load_again(self._options(), data)
        if replace(found.task, options=self.task.options) != self.task:
            raise DataError(
                f"{self.name}: the data have changed since the run", expected=f"{self.task.name} as it was",
                fix="train anew",
            )  # fmt: skip
        return found

    def _options(self) -> dict[str, Any]:
        """The options of the task, with the folder or the file as it was, where the record of the run is at hand."""
        kept = read_record(self.folder).get("data") if (self.folder / RECORD).is_file() else None
        if isinstance(kept, dict) and "name" in kept and without_folders(kept) == self.task.options:
            return kept
        return self.task.options


def model_path(run: str) -> Path:
    """The model file of a run's folder, or the file itself."""
    path = Path(run)
    file = path / MODEL if path.is_dir() else path
    if file.is_file():
        return file
    if (path / RECORD).is_file():
        raise DataError(
            f"the run in {path} was interrupted before its model was kept",
            fix=f"glassnet train --resume {quoted(run)}",
        )  # fmt: skip
    raise DataError(
        f"there is no run {run!r}", expected=f"a folder with {MODEL}, or a .glassnet file", fix=_runs_here()
    )


def _runs_here() -> str:
    folders = [file.parent for file in Path("runs").glob(f"*/{RECORD}")] if Path("runs").is_dir() else []
    newest = sorted(folders, key=lambda folder: (folder / RECORD).stat().st_mtime, reverse=True)
    named = ", ".join(folder.as_posix() for folder in newest[:_MOST_NAMED])
    more = f" and {len(newest) - _MOST_NAMED} more" if len(newest) > _MOST_NAMED else ""
    return f"runs here: {named}{more}" if newest else "glassnet train digits"


def load_model_of(run: str) -> Any:
    """The model of a run."""
    return load_model(model_path(run))


def load(run: str) -> Run:
    """Read a run."""
    file = model_path(run)
    extras = read_extras(read_config(file))
    try:
        task = Task(**extras)
    except TypeError:
        raise SavingError(
            f"model file '{file}' does not say on which data it was trained",
            expected="a model that `glassnet train` has kept", fix="load it in Python: gn.models.load_model",
        ) from None  # fmt: skip
    return Run(run, load_model(file), task, file.parent)


def quoted(text: str) -> str:
    """A path as it is typed in a shell.

    >>> quoted("runs/digits")
    'runs/digits'
    """
    if os.name == "posix":
        return shlex.quote(text)
    return f'"{text}"' if " " in text else text
