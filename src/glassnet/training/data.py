"""Batches: arrays, generators and sequences as an iterator of (x, y, sample_weight). All about data is here.

| source | shuffled | length |
|---|---|---|
| arrays (nested in lists, tuples, dictionaries) | every epoch, by a seeded generator | known |
| a `Sequence` (PyDataset): `len()` and `[index]` give batches | order of batches, every epoch | known |
| a generator or any iterable of batches | no | `steps_per_epoch`, or until it ends |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from glassnet.autograd.functional import map_structure
from glassnet.autograd.tensor import Tensor, to_array
from glassnet.errors import ArgumentError, DataError, GlassnetError
from glassnet.seeds import SeedGenerator
from glassnet.typing import Array

Batch = tuple[Any, Any, Any]


class Sequence:
    """Base for data that is made batch by batch; subclasses define `__len__` and `__getitem__` (one batch)."""

    def __len__(self) -> int:
        raise _undefined(self, "__len__(self)", "the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise _undefined(self, "__getitem__(self, index)", "one batch, a tuple (x, y)")

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


def _undefined(sequence: Sequence, method: str, what: str) -> ArgumentError:
    name = type(sequence).__name__
    return ArgumentError(
        f"{name} is not a complete Sequence", expected=f"{method}: {what}", received="no such method",
        fix=f"define it in {name}, or give fit a generator function's result",
    )  # fmt: skip


def unpack_x_y_sample_weight(data: Any) -> Batch:
    """`x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)` as three values.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ArgumentError(
            "a batch must be x, (x, y) or (x, y, sample_weight)", received=f"a tuple of {len(data)}",
            fix="several inputs go into a list or a dictionary: ([x1, x2], y)",
        )  # fmt: skip
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The opposite of `unpack_x_y_sample_weight`."""
    if sample_weight is not None:
        return x, y, sample_weight
    return x if y is None else (x, y)


def as_arrays(structure: Any, what: str) -> Any:
    """Lists of numbers and tensors as arrays with at least one axis."""

    def convert(x: Any) -> Any:
        if x is None:
            return None
        try:
            array = x.numpy() if isinstance(x, Tensor) else np.asarray(to_array(x))
        except DataError:
            raise _unequal_rows(x, what) from None
        except GlassnetError as error:
            error.where = what
            raise
        if array.ndim == 0:
            raise DataError(
                f"{what} is a single number", expected="an array with one row per sample", received=array,
                fix="one sample of one feature is [[3.0]]",
            )  # fmt: skip
        return array

    if isinstance(structure, (list, tuple)) and not _is_structure(structure):
        return convert(list(structure))
    return map_structure(convert, structure)


def _unequal_rows(rows: Any, what: str) -> DataError:
    lengths = sorted({len(row) if isinstance(row, (list, tuple)) else 1 for row in rows})
    return DataError(
        f"{what} has rows of unequal length", expected="as many values in every row",
        received=f"rows of {', '.join(map(str, lengths))} values" if len(lengths) > 1 else "lists of unequal length inside",
        fix="pad or cut the rows to one length",
    )  # fmt: skip


def _is_structure(items: Any) -> bool:
    """A list of arrays is several inputs; a list of numbers (or of lists of numbers) is one array."""
    return any(isinstance(item, (np.ndarray, Tensor, dict)) for item in items)


def arrays_in(structure: Any) -> list[Array]:
    """All arrays of a nested structure."""
    found: list[Array] = []
    map_structure(lambda x: found.append(x) if x is not None else None, structure)
    return found


def count_samples(parts: Batch, who: str) -> int:
    """The common length of all arrays along their first axis."""
    arrays = arrays_in(parts)
    lengths = {len(array) for array in arrays}
    if len(lengths) == 1 and lengths != {0}:
        return lengths.pop()
    names = ("x", "y", "sample_weight")
    received = ", ".join(f"{name} {a.shape}" for name, part in zip(names, parts) for a in arrays_in(part))
    if len(lengths) > 1:
        raise DataError(
            f"{who}: x, y and sample_weight have different numbers of samples", expected="the same first axis",
            received=received, fix="cut, filter and shuffle them together",
        )  # fmt: skip
    raise DataError(
        f"{who}: there are no samples", expected="at least one row", received=received or "no array",
        fix="look at what made x: a filter, a slice or a file may have left nothing",
    )  # fmt: skip


def check_finite(structure: Any, what: str) -> None:
    """NaN or infinity in the data is an error here, not a mystery later."""
    for array in arrays_in(structure):
        if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype="float64")):
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                place = tuple(int(i) for i in bad[0])
                raise DataError(
                    f"{what} contains NaN or infinity", expected="finite numbers",
                    received=f"{array[place]} at index {place} ({len(bad)} in all)",
                    fix="remove or replace these rows, for example with np.nan_to_num",
                )  # fmt: skip


class ArrayBatches:
    """Batches of arrays in memory. Only the rows of one batch are copied at a time."""

    def __init__(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool, generator: SeedGenerator, who: str
    ) -> None:  # fmt: skip
        given = {"x": x, "y": y, "sample_weight": sample_weight}
        self.parts: Batch = tuple([as_arrays(part, f"{who}: {name}") for name, part in given.items()])
        self.samples = count_samples(self.parts, who)
        for part, what in zip(self.parts, given):
            check_finite(part, f"{who}: {what}")
        self.batch_size = self.samples if batch_size is None else batch_size
        self.shuffle, self.generator = shuffle, generator
        self.steps: int | None = math.ceil(self.samples / self.batch_size)

    def first(self) -> Batch:
        """The first samples, as many as a batch has."""
        return tuple([_picked(part, slice(0, self.batch_size)) for part in self.parts])

    def order(self) -> Array:
        """The samples in the order of the next epoch."""
        return self.generator.permutation(self.samples) if self.shuffle else np.arange(self.samples)

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch."""
        order = self.order() if self.shuffle else None
        for start in range(0, self.samples, self.batch_size):
            rows = slice(start, start + self.batch_size) if order is None else order[start : start + self.batch_size]
            yield tuple([_picked(part, rows) for part in self.parts])


def _picked(part: Any, rows: Any) -> Any:
    if type(part) is np.ndarray:
        return part[rows]
    return None if part is None else map_structure(lambda a: None if a is None else a[rows], part)


class SequenceBatches:
    """Batches of a Sequence."""

    def __init__(self, sequence: Any, shuffle: bool, generator: SeedGenerator) -> None:
        self.sequence, self.shuffle, self.generator = sequence, shuffle, generator
        self.steps: int | None = len(sequence)

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch."""
        count = len(self.sequence)
        for index in self.generator.permutation(count) if self.shuffle else range(count):
            yield unpack_x_y_sample_weight(self.sequence[int(index)])
        if hasattr(self.sequence, "on_epoch_end"):
            self.sequence.on_epoch_end()


class IterableBatches:
    """Batches of a generator or another iterable."""

    def __init__(self, iterable: Iterable[Any], steps: int | None, who: str) -> None:
        self.steps, self.iterable, self.who = steps, iterable, who
        self._iterator: Iterator[Any] | None = iter(iterable) if iter(iterable) is iterable else None

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch; a generator goes on where the last epoch ended."""
        source = self._iterator if self._iterator is not None else iter(self.iterable)
        count = 0
        for data in source:
            yield unpack_x_y_sample_weight(data)
            count += 1
            if count == self.steps:
                return
        if count == 0:
            raise DataError(
                f"{self.who}: the generator gave no batch", expected="batches for every epoch",
                received=f"a {type(self.iterable).__name__} that is used up",
                fix="let it run for ever and pass steps_per_epoch, or give a Sequence, which starts anew each epoch",
            )  # fmt: skip


def make_batches(
    x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: bool, generator: SeedGenerator,
    steps: int | None, who: str,
) -> Any:  # fmt: skip
    """The right kind of batches for the data."""
    whole = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    if batch_size is not None and (not whole or batch_size < 1):
        raise ArgumentError(
            f"{who}: batch_size must be a positive integer, or None for all at once", received=repr(batch_size),
            fix="batch_size=32",
        )  # fmt: skip
    if x is None:
        raise ArgumentError(
            f"{who}: x is missing", expected="an array, or batches", received="x=None", fix=f"{who}(x, ...)"
        )
    is_iterator = hasattr(x, "__next__") or (hasattr(x, "__iter__") and not hasattr(x, "__len__"))
    is_sequence = isinstance(x, Sequence)
    if (is_iterator or is_sequence) and (y is not None or sample_weight is not None):
        raise ArgumentError(
            f"{who}: a {type(x).__name__} gives batches (x, y) itself", expected="no other data",
            received="y or sample_weight as well", fix="yield (x, y) or (x, y, sample_weight)",
        )  # fmt: skip
    if is_sequence:
        return SequenceBatches(x, shuffle, generator)
    if is_iterator:
        return IterableBatches(x, steps, who)
    return ArrayBatches(x, y, sample_weight, batch_size, shuffle, generator, who)


def split_validation(parts: tuple[Any, Any, Any], fraction: float) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The first samples for training, the last `fraction` of them for validation (before any shuffling)."""
    if not 0 < fraction < 1:
        raise ArgumentError(
            "fit: validation_split must lie between 0 and 1", received=f"validation_split={fraction}",
            fix="0.2 keeps the last 20 % of the samples for validation",
        )  # fmt: skip
    names = ("fit: x", "fit: y", "fit: sample_weight")
    arrays: Batch = tuple([as_arrays(part, name) for part, name in zip(parts, names)])
    samples = count_samples(arrays, "fit")
    cut = int(samples * (1 - fraction))  # rounded as Keras does
    if cut in (0, samples):
        raise DataError(
            "fit: validation_split leaves one side empty", expected="samples for training and for validation",
            received=f"{samples} samples, validation_split={fraction}", fix="pass validation_data=(x, y) instead",
        )  # fmt: skip
    first, last = slice(0, cut), slice(cut, samples)
    return tuple(_picked(a, first) for a in arrays), tuple(_picked(a, last) for a in arrays)


def class_weights(labels: Any, class_weight: dict[int, float], sample_weight: Any) -> Array:
    """A weight per sample from the weight of its class."""
    if isinstance(labels, (dict, type(None))):
        raise ArgumentError(
            "fit: class_weight needs the labels of a single output", expected="an array y",
            received=type(labels).__name__, fix="pass sample_weight",
        )  # fmt: skip
    array = as_arrays(labels, "fit: y")
    classes = array.argmax(axis=-1) if array.ndim > 1 and array.shape[-1] > 1 else array.reshape(len(array)).astype(int)
    missing = sorted(set(np.unique(classes).tolist()) - set(class_weight))
    if missing:
        raise ArgumentError(
            "fit: class_weight lacks classes", expected=f"a weight for every class, also {missing}",
            received=class_weight, fix="1.0 changes nothing",
        )  # fmt: skip
    weights = np.array([class_weight[int(c)] for c in classes], "float32")
    return weights if sample_weight is None else weights * np.asarray(sample_weight, "float32")
