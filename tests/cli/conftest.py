"""One command line in this process, and small finished runs that the tests of the other commands share."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from cli.samples import Cli, Ended, houses, plane, write_mnist

import glassnet as gn
from glassnet.cli.app import run
from glassnet.layers.base import clear_session


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts in a folder of its own, at 80 columns, without a data folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", str(Path(gn.__file__).parents[1]))
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command line: `cli("train", "xor")`."""

    def call(*arguments: object) -> Ended:
        clear_session()  # a command starts in a process of its own, and counts its names from the beginning
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of finished runs by name; read only."""
    folder = tmp_path_factory.mktemp("kept")
    commands = {
        "digits": ["digits", "--epochs", "3"],
        "xor": ["xor"],
        "houses": [houses(folder / "my häuser.csv"), "--label", "price"],
        "plane": [plane(folder / "plane.csv"), "--label", "where", "--epochs", "20"],
        "mnist": ["mnist", "--data", write_mnist(folder / "data"), "--epochs", "2", "--layers", "8"],
    }
    found = {name: folder / f"the {name} run" for name in commands}
    for name, command in commands.items():
        with contextlib.redirect_stdout(io.StringIO()):
            assert run(["train", *map(str, command), "--out", str(found[name]), "--json"]) == 0, name
    return found
