"""The data that commands name: built-in digits, MNIST files, toy sets, CSV files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import datasets
from glassnet.errors import ArgumentError, did_you_mean
from glassnet.typing import Array

IMAGES = ("digits", "mnist", "fashion_mnist")
TOYS = ("xor", "moons", "circles", "spiral", "blobs")


@dataclass
class Source:
    """Data for one task, split into training and test."""

    name: str
    kind: str
    """"image", "toy" or "table"."""
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    class_names: list[str] | None
    """None where a number is predicted."""
    max_value: float = 1.0
    schema: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """What `load` needs to find the same data again."""

    @property
    def outputs(self) -> int:
        """Units of the last layer."""
        return len(self.class_names) if self.class_names else 1


def load(name: str, *, data: str | None = None, label: str | None = None, split: str = "stratified", seed: int = 0) -> Source:
    """The data of that name.

    Arguments:
        data: a folder with the standard files, for mnist and fashion_mnist.
        label: the column to predict, for CSV files.
        split: for digits, "stratified" or "file_order".
        seed: of the random split of digits and CSV files.
    """
    if name in IMAGES:
        return _images(name, data, split, seed)
    if name in TOYS:
        return _toy(name)
    if name.lower().endswith((".csv", ".tsv", ".txt")) or Path(name).is_file():
        return _table(name, label, seed)
    known = [*IMAGES, *TOYS]
    raise ArgumentError(
        f"there is no data set {name!r}", expected=f"{', '.join(known)}, or a CSV file", fix=did_you_mean(name, known)
    )


def _images(name: str, data: str | None, split: str, seed: int) -> Source:
    info = datasets.DATASETS[name]
    if name == "digits":
        (x_train, y_train), (x_test, y_test) = datasets.digits.load_data(split, seed=seed)
    else:
        (x_train, y_train), (x_test, y_test) = getattr(datasets, name).load_data(data_dir=data)
    names = list(info.class_names or map(str, range(10)))
    options = {"name": name, "split": split, "seed": seed} if name == "digits" else {"name": name}
    return Source(name, "image", x_train, y_train, x_test, y_test, names, float(info.max_value), options=options)


def _toy(name: str) -> Source:
    x, y = getattr(datasets.toy, name)()
    y = np.asarray(y).reshape(-1).astype("int64")
    names = [str(c) for c in np.unique(y)]
    cut = len(x) if name == "xor" else int(0.8 * len(x))
    order = np.arange(len(x)) if name == "xor" else np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    test = slice(0, len(x)) if name == "xor" else slice(cut, len(x))
    return Source(name, "toy", x[:cut], y[:cut], x[test], y[test], names, options={"name": name})


def _table(path: str, label: str | None, seed: int) -> Source:
    if label is None:
        raise ArgumentError(f"{path}: which column is to be predicted?", fix="--label COLUMN")
    table = datasets.load_csv(path, label, missing="mean")
    order = np.random.default_rng(seed).permutation(len(table.x))
    cut = int(round(0.8 * len(order)))
    if cut in (0, len(order)):
        raise ArgumentError(f"{path}: too few rows to split", expected="at least 3", received=len(order))
    first, last = order[:cut], order[cut:]
    names = table.schema.class_names
    y = table.y if names is not None else np.asarray(table.y, "float32").reshape(-1, 1)
    options = {"name": str(Path(path).resolve()), "label": label, "seed": seed}
    return Source(
        Path(path).stem, "table", table.x[first], y[first], table.x[last], y[last],
        None if names is None else list(names), schema=table.schema.to_config(), options=options,
    )  # fmt: skip


def prepared_image(path: str, shape: tuple[int, int], max_value: float) -> tuple[Array, list[str]]:
    """An image file as the model expects it, and what was done to it in words."""
    image = datasets.read_image(path)
    done = [f"read {image.shape[1]}x{image.shape[0]}"]
    if image.ndim == 3:
        image, done = image.mean(axis=-1), [*done, "made grey"]
    grey = image.astype(float) / 255
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if border.mean() > 0.5:
        grey, done = 1 - grey, [*done, "inverted, because the background is light"]
    if grey.shape != shape:
        grey, done = _resized(grey, shape), [*done, f"resized to {shape[1]}x{shape[0]}"]
    return grey * max_value, done


def _resized(image: Array, shape: tuple[int, int]) -> Array:
    """Area-averaged resizing: every new pixel is the mean of the old area it covers."""
    for axis, size in enumerate(shape):
        old = image.shape[axis]
        edges = np.linspace(0, old, size + 1)
        total = np.concatenate([np.zeros_like(image.take([0], axis)), np.cumsum(image, axis)], axis)
        whole = np.minimum(np.floor(edges).astype(int), old)
        rest = edges - whole
        column = [1] * image.ndim
        column[axis] = -1
        following = np.take(image, np.minimum(whole, old - 1), axis)
        at = np.take(total, whole, axis) + rest.reshape(column) * following
        image = np.diff(at, axis=axis) / (old / size)
    return image
