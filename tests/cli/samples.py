"""What the tests of the command line share: how a command ended, and small data files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and error."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


def write_csv(path: Path, header: str, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", "utf-8")
    return path


def houses(path: Path, count: int = 120) -> Path:
    """A regression in large units, with text, and with gaps in two columns."""
    rng = np.random.default_rng(1)
    sizes, towns = rng.normal(100, 20, count), rng.choice(["Ulm", "Köln"], count)
    prices = 2000 * sizes + 50_000 * (towns == "Köln")
    cells = enumerate(zip(sizes, towns, prices))
    rows = [(f"{s:.1f}" if i % 9 else "", t if i % 7 else "?", f"{p:.0f}") for i, (s, t, p) in cells]
    return write_csv(path, "size,town,price", rows)


def plane(path: Path, count: int = 100) -> Path:
    """A classification with two inputs and class names."""
    points = np.random.default_rng(2).normal(0, 1, (count, 2))
    rows = [(f"{a:.3f}", f"{b:.3f}", "in" if a * a + b * b < 1 else "out") for a, b in points]
    return write_csv(path, "a,b,where", rows)


def write_mnist(folder: Path, count: int = 40) -> Path:
    """The four files of a very small MNIST: of class k a certain row is white."""
    (folder / "mnist").mkdir(parents=True)
    for part, size in (("train", count), ("t10k", 20)):
        labels = (np.arange(size) % 10).astype(np.uint8)
        images = np.zeros((size, 28, 28), np.uint8)
        images[np.arange(size), 2 * labels + 4, 4:24] = 255
        for name, array in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / "mnist" / name).write_bytes(gzip.compress(header + array.tobytes()))
    return folder
