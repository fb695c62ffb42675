"""One command line in this process, and a few small runs that the tests of the other commands share."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from glassnet.cli.app import run


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and error."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts in a folder of its own, at 80 columns, without a data folder or a cache."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command line: `cli("train", "xor")`."""

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return call


def write_csv(path: Path, header: str, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", "utf-8")
    return path


def houses(path: Path, count: int = 120) -> Path:
    """A regression in large units, with text, and gaps in two columns."""
    rng = np.random.default_rng(1)
    size, town = rng.normal(100, 20, count), rng.choice(["Ulm", "Köln"], count)
    price = 2000 * size + 50_000 * (town == "Köln")
    rows = [(f"{s:.1f}" if i % 9 else "", t if i % 7 else "?", f"{p:.0f}") for i, (s, t, p) in enumerate(zip(size, town, price))]
    return write_csv(path, "size,town,price", rows)


def inside_or_outside(path: Path, count: int = 100) -> Path:
    """A classification with two inputs and class names."""
    points = np.random.default_rng(2).normal(0, 1, (count, 2))
    return write_csv(path, "a,b,where", [(f"{a:.3f}", f"{b:.3f}", "in" if a * a + b * b < 1 else "out") for a, b in points])


def write_mnist(folder: Path, count: int = 40) -> Path:
    """The four files of a very small MNIST: class k is a bright row."""
    (folder / "mnist").mkdir(parents=True)
    for part, size in (("train", count), ("t10k", 20)):
        labels = (np.arange(size) % 10).astype(np.uint8)
        images = np.zeros((size, 28, 28), np.uint8)
        images[np.arange(size), 2 * labels + 4, 4:24] = 255
        for name, array in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / "mnist" / name).write_bytes(gzip.compress(header + array.tobytes()))
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of finished runs by name; read only."""
    folder = tmp_path_factory.mktemp("kept")
    data = {"houses": houses(folder / "my houses.csv"), "plane": inside_or_outside(folder / "plane.csv")}
    write_mnist(folder / "data")
    commands = {
        "digits": ["digits", "--epochs", "3"],
        "xor": ["xor"],
        "houses": [data["houses"], "--label", "price"],
        "plane": [data["plane"], "--label", "where", "--epochs", "20"],
        "mnist": ["mnist", "--data", folder / "data", "--epochs", "2", "--layers", "8"],
    }
    for name, command in commands.items():
        with contextlib.redirect_stdout(io.StringIO()):
            code = run(["train", *map(str, command), "--out", str(folder / f"the {name} run"), "--json"])
        assert code == 0, name
    return {name: folder / f"the {name} run" for name in commands}
