"""The data that commands name: built-in digits, MNIST files, toy sets, CSV files, texts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import datasets
from glassnet.errors import ArgumentError, DataError, did_you_mean
from glassnet.lab.text import windows
from glassnet.typing import Array

IMAGES = ("digits", "mnist", "fashion_mnist")
TOYS = {
    "xor": "the truth table of exclusive or, 4 points",
    "moons": "two half circles that reach into each other, 200 points",
    "circles": "a disc inside a ring, 200 points",
    "spiral": "three arms that wind out from the middle, 600 points",
    "blobs": "three round clouds, 300 points",
}
TEXTS = {
    "names": "32,033 first names, one per line; downloaded at first use",
    "tinyshakespeare": "1.1 million characters of plays; downloaded at first use",
}
DOWNLOADED = ("mnist", "fashion_mnist", *TEXTS)
CONTEXT = 64
"""Characters that a model of a text sees at once."""
_ARGUMENTS: dict[str, dict[str, Any]] = {"spiral": {"samples": 600, "noise": 0.1}}
_TEST_SHARE = 0.2
DATA_VARIABLE = "GLASSNET_DATA"


@dataclass(frozen=True)
class Task:
    """What is to be learned: all that a run must remember of its data. The model file keeps it, without folders."""

    name: str
    kind: str
    """"image", "toy", "table" or "text"."""
    options: dict[str, Any]
    """What `load_again` needs to find the same data again."""
    class_names: list[str] | None
    """None where a number is predicted; of a text its characters."""
    max_value: float = 1.0
    """The brightest pixel."""
    schema: dict[str, Any] | None = None
    """The columns of a CSV file."""
    checksum: str | None = None
    """Of what was read from files."""

    def plain(self) -> dict[str, Any]:
        """As JSON data for the model file, which may be given away: without the folders of this computer."""
        return asdict(self) | {"options": without_folders(self.options)}

    @property
    def outputs(self) -> int:
        """Units of the last layer."""
        return len(self.class_names) if self.class_names else 1


@dataclass
class Source:
    """The data of a task, split into training and test."""

    task: Task
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    @property
    def is_plane(self) -> bool:
        """Whether it can be drawn: two inputs and at most eight classes."""
        return self.x_train.shape[1:] == (2,) and 2 <= self.task.outputs <= 8


def load(
    name: str, *, data: str | None = None, label: str | None = None, split: str = "stratified", seed: int = 0
) -> Source:
    """The data of that name.

    Arguments:
        data: a folder with the standard files, for those that are downloaded otherwise.
        label: the column to predict, for CSV files.
        split: for digits, "stratified" or "file_order".
        seed: of the random split of digits and CSV files.
    """
    if data is not None and name not in DOWNLOADED:
        raise ArgumentError(f"--data is the folder of {', '.join(DOWNLOADED)}; {name} needs none", received=data)
    if label is not None and name in (*IMAGES, *TOYS, *TEXTS):
        raise ArgumentError(f"--label names a column of a CSV file; {name} has none", received=label)
    if name in IMAGES:
        return _images(name, data, split, seed)
    if name in TOYS:
        return _toy(name)
    if name in TEXTS or (name.lower().endswith(".txt") and label is None):
        return _text(name, data)
    if name.lower().endswith((".csv", ".tsv", ".txt")) or Path(name).is_file():
        return _table(name, label, seed)
    known = [*IMAGES, *TOYS, *TEXTS]
    raise ArgumentError(
        f"there is no data set {name!r}", expected=f"{', '.join(known)}, a CSV file, or a text FILE.txt",
        received="a folder" if Path(name).is_dir() else None, fix=did_you_mean(name, known),
    )  # fmt: skip


def without_folders(options: dict[str, Any]) -> dict[str, Any]:
    """The `options` of a task as they are on every computer.

    >>> without_folders({"name": "/home/ada/trees.csv", "label": "height"})
    {'name': 'trees.csv', 'label': 'height'}
    """
    return {k: v for k, v in options.items() if k != "data"} | {"name": Path(str(options["name"])).name}


def load_again(options: Any, data: str | None) -> Source:
    """The data of a run, by the `options` that its task has kept.

    Arguments:
        data: another folder for them; by default GLASSNET_DATA, and without it the folder of then, if it still exists.
    """
    known = {"name", "data", "label", "split", "seed"}
    if not isinstance(options, dict) or "name" not in options or options.keys() - known:
        raise DataError("the run does not say on which data it was trained", received=repr(options), fix="train anew")
    then = options.get("data")
    if data is None and isinstance(then, str) and not os.environ.get(DATA_VARIABLE) and Path(then).is_dir():
        data = then
    return load(**options | {"data": data})


def _images(name: str, data: str | None, split: str, seed: int) -> Source:
    info = datasets.DATASETS[name]
    options: dict[str, Any] = {"name": name}
    if name == "digits":
        options |= {"split": split, "seed": seed}
        (x_train, y_train), (x_test, y_test) = datasets.digits.load_data(split, seed=seed)
    else:
        options |= _folder(data)
        (x_train, y_train), (x_test, y_test) = getattr(datasets, name).load_data(data_dir=data)
    checksum = _checksum(x_train, y_train, x_test, y_test)
    task = Task(name, "image", options, list(info.class_names), float(info.max_value), checksum=checksum)
    return Source(task, x_train, y_train, x_test, y_test)


def _folder(data: str | None) -> dict[str, Any]:
    """The data folder as an option, where there is one."""
    folder = data or os.environ.get(DATA_VARIABLE)
    return {"data": str(Path(folder).expanduser().resolve())} if folder else {}


def _toy(name: str) -> Source:
    x, y = getattr(datasets.toy, name)(**_ARGUMENTS.get(name, {}))
    y = y.reshape(-1).astype("int64")
    task = Task(name, "toy", {"name": name}, [str(label) for label in np.unique(y)])
    if name == "xor":  # all there is of it: nothing to hold back
        return Source(task, x, y, x, y)
    test = round(_TEST_SHARE * len(x))
    return Source(task, x[test:], y[test:], x[:test], y[:test])


def _table(path: str, label: str | None, seed: int) -> Source:
    if label is None:
        raise ArgumentError(f"{path}: which column is to be predicted?", fix="--label COLUMN")
    table = datasets.load_csv(path, label, missing="mean")
    order = np.random.default_rng(seed).permutation(len(table.x))
    test = round(_TEST_SHARE * len(order))
    if test == 0:
        raise DataError(
            f"{path}: too few rows to learn from and be tested on", expected="at least 3", received=len(order)
        )
    names = table.schema.class_names
    if names is not None and len(names) < 2:
        raise DataError(
            f"{path}: column {label!r} has a single value", expected="at least 2 classes", received=names[0]
        )
    options = {"name": str(Path(path).resolve()), "label": label, "seed": seed}
    task = Task(
        Path(path).stem, "table", options, None if names is None else list(names),
        schema=table.schema.to_config(), checksum=_checksum(table.x, table.y),
    )  # fmt: skip
    first, last = order[test:], order[:test]
    return Source(task, table.x[first], table.y[first], table.x[last], table.y[last])


def _text(name: str, data: str | None) -> Source:
    """Pieces of a text, and the same pieces one character later; the last tenth of the text is the test set.

    The pieces to learn from begin anywhere, those to test on lie side by side.
    """
    if name == "names":
        text, options = "\n".join(datasets.names.load_data(data_dir=data)) + "\n", {"name": name} | _folder(data)
    elif name == "tinyshakespeare":
        text, options = datasets.tinyshakespeare.load_data(data_dir=data), {"name": name} | _folder(data)
    else:
        text, options = datasets.text.read_text(name), {"name": str(Path(name).resolve())}
    if len(text) < 20 * CONTEXT:
        raise DataError(
            f"{name}: too short a text to learn from", expected=f"at least {20 * CONTEXT:,} characters",
            received=f"{len(text):,}",
        )  # fmt: skip
    characters = datasets.text.vocabulary(text)
    ids = datasets.text.encode(text, characters)
    train, test = np.split(ids, [int(0.9 * len(ids))])
    starts = np.random.default_rng(0).integers(0, len(train) - CONTEXT, len(train) // CONTEXT)
    x_train, y_train = windows(train, starts, CONTEXT)
    x_test, y_test = windows(test, np.arange(0, len(test) - CONTEXT, CONTEXT), CONTEXT)
    task = Task(Path(name).stem, "text", options, list(characters), checksum=_checksum(ids))
    return Source(task, x_train, y_train, x_test, y_test)


def _checksum(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def prepared_image(path: str, shape: tuple[int, int], max_value: float) -> tuple[Array, list[str]]:
    """An image file as the model expects it, and what was done to it in words."""
    image = datasets.read_image(path)
    done = [f"read {image.shape[1]} x {image.shape[0]}"]
    if image.ndim == 3:
        image, done = image.mean(axis=-1), [*done, "made grey"]
    grey = image.astype(float) / 255
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if border.mean() > 0.5:
        grey, done = 1 - grey, [*done, "inverted, because the background is light"]
    if 0 < grey.max() < 0.5:
        grey, done = grey / grey.max(), [*done, "brightened"]
    if grey.shape[0] * shape[1] != grey.shape[1] * shape[0]:
        grey, done = _squared(grey), [*done, "made square"]
    if grey.shape != shape:
        grey, done = _resized(grey, shape), [*done, f"resized to {shape[1]} x {shape[0]}"]
    return grey * max_value, done


def _squared(image: Array) -> Array:
    """The image in the middle of a black square."""
    missing = [max(image.shape) - size for size in image.shape]
    return np.pad(image, [(size // 2, size - size // 2) for size in missing])


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
