"""The folder in which a run is kept: `model.glassnet`, `run.json`, `history.csv`. Never overwritten."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli import sources
from glassnet.errors import DataError
from glassnet.models.files import load_model
from glassnet.saving.archive import read_config
from glassnet.saving.atomic import atomic_write
from glassnet.version import __version__

MODEL, RECORD, HISTORY, BACKUP = "model.glassnet", "run.json", "history.csv", "backup"


def new_folder(out: str | None, name: str) -> Path:
    """A folder of its own for a new run: runs/digits, runs/digits-2, ..."""
    wanted = Path(out) if out else Path("runs") / name
    folder, number = wanted, 1
    while folder.exists() and any(folder.iterdir()):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write `run.json`: the command's settings, results and versions."""
    versions = {"glassnet": __version__, "numpy": np.__version__, "python": platform.python_version()}
    text = json.dumps({**record, "versions": versions, "machine": platform.machine()}, indent=2, sort_keys=True)
    with atomic_write(folder / RECORD) as file:
        file.write(text.encode())


@dataclass
class Run:
    """A run that was kept: the model, and what it was trained on."""

    folder: Path
    model: Any
    extras: dict[str, Any]

    def source(self, data: str | None = None) -> sources.Source:
        """The data of the run, loaded anew."""
        options = dict(self.extras["data"])
        return sources.load(options.pop("name"), data=data, **options)


def model_path(run: str) -> Path:
    """The model file of a run's folder, or the file itself."""
    path = Path(run)
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        near = sorted(str(p.parent) for p in Path("runs").glob(f"*/{MODEL}")) if Path("runs").is_dir() else []
        raise DataError(
            f"there is no run {run!r}", expected=f"a folder with {MODEL}, or a .glassnet file",
            fix=f"runs here: {', '.join(near)}" if near else "glassnet train digits",
        )  # fmt: skip
    return file


def load(run: str) -> Run:
    """Read a run."""
    file = model_path(run)
    extras = read_config(file).get("extras") or {}
    return Run(file.parent, load_model(file), extras)
