"""CSV files as arrays: which columns are numbers, which are categories, how the next file is read alike.

A numeric column becomes one column of x, a categorical one as many as it has categories (one-hot). What was
found is kept in a `CsvSchema`, a plain value that goes into the model file, so that `predict` encodes new
rows as training did.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from glassnet.datasets.csv_table import Cells, Table, read_table
from glassnet.errors import ArgumentError, DataError, did_you_mean
from glassnet.typing import Array

__all__ = ["Column", "CsvData", "CsvSchema", "load_csv"]

Kind: TypeAlias = Literal["numeric", "categorical", "ignored"]
Missing: TypeAlias = Literal["error", "mean"]

_MAX_CATEGORIES = 100
_MAX_INTEGER_CLASSES = 20


@dataclass(frozen=True)
class Column:
    """One column: its kind, its categories in the order of their one-hot columns, the mean to fill in."""

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    mean: float | None = None

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The names of the columns of x that this column becomes."""
        if self.kind == "categorical":
            return tuple(f"{self.name}={category}" for category in self.categories)
        return (self.name,) if self.kind == "numeric" else ()

    def encode(self, cells: Cells) -> Array:
        """The column as float32 (N, width); a missing category is a row of zeros."""
        if self.kind == "numeric":
            return _numbers(cells, self.mean)[:, None]
        one_hot = np.zeros((len(cells.texts), len(self.categories)), np.float32)
        classes = self.class_indices(cells)
        known = np.flatnonzero(classes >= 0)
        one_hot[known, classes[known]] = 1
        return one_hot

    def class_indices(self, cells: Cells) -> Array:
        """The position of each cell among the categories as int32 (N,), -1 where the cell is missing."""
        positions = {category: index for index, category in enumerate(self.categories)}
        for text in cells.known:
            if text not in positions:
                raise DataError(
                    f"{cells.place(text)}: unknown category",
                    expected=_listing(self.categories),
                    received=repr(text),
                    fix=did_you_mean(text, self.categories),
                )
        return np.array([positions.get(text, -1) for text in cells.texts], np.int32)


@dataclass(frozen=True)
class CsvSchema:
    """How the columns of a CSV file become arrays: learned by `load_csv`, applied to later files and rows."""

    columns: tuple[Column, ...]
    label: str
    header: bool
    missing: Missing

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that x is made of."""
        return tuple(column for column in self.columns if column.kind != "ignored" and column.name != self.label)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns of x, such as "age" or "colour=red"."""
        return tuple(name for column in self.features for name in column.encoded_names)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The class that each label index means, or None when the label is a number to regress on."""
        return self._label.categories or None

    @property
    def _label(self) -> Column:
        return next(column for column in self.columns if column.name == self.label)

    def encode(self, rows: Sequence[Mapping[str, object]]) -> Array:
        """The x of rows given as dictionaries from column name to cell: float32 (N, D)."""
        wanted = [column.name for column in self.features]
        for number, row in enumerate(rows):
            if absent := [name for name in wanted if name not in row]:
                raise DataError(
                    f"row {number}: columns are missing",
                    expected=_listing(wanted),
                    received=f"no {_listing(absent)}",
                )
        texts = {name: [str(row[name]).strip() for row in rows] for name in wanted}
        return self._encode({name: Cells("rows", name, texts[name], "row", range(len(rows))) for name in wanted})

    def encode_file(self, path: str | os.PathLike[str]) -> Array:
        """The x of a file with the same columns, in any order if they have names; a label is ignored."""
        return self._encode(self._columns_of(read_table(path), with_label=False))

    def load(self, path: str | os.PathLike[str]) -> CsvData:
        """The x and y of a file with the same columns, as `load_csv` gave them for the first one."""
        cells = self._columns_of(read_table(path), with_label=True)
        return CsvData(self._encode(cells), self._encode_label(cells[self.label]), self)

    def to_config(self) -> dict[str, Any]:
        """The schema as a dictionary of plain JSON values."""
        columns = [asdict(column) | {"categories": list(column.categories)} for column in self.columns]
        return {"columns": columns, "label": self.label, "header": self.header, "missing": self.missing}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> CsvSchema:
        """The schema that `to_config` described."""
        try:
            columns = tuple(
                Column(**column | {"categories": tuple(column["categories"])}) for column in config["columns"]
            )
            return cls(columns, config["label"], config["header"], config["missing"])
        except (KeyError, TypeError) as error:
            raise DataError("the description of the CSV columns is broken", received=repr(error)) from error

    def _columns_of(self, table: Table, *, with_label: bool) -> dict[str, Cells]:
        """The columns that are needed, found by name, or by place in a file without names."""
        names, table = table.split_header() if self.header else (self._names_by_place(table), table)
        wanted = [column.name for column in self.features] + ([self.label] if with_label else [])
        for name in wanted:
            if name not in names:
                raise DataError(
                    f"{table.name}: no column {name!r}",
                    expected=f"the columns {_listing(wanted)}",
                    received=_listing(names),
                    fix=did_you_mean(name, names),
                )
        return {name: table.column(names.index(name), name) for name in wanted}

    def _names_by_place(self, table: Table) -> list[str]:
        names, width = [column.name for column in self.columns], len(table.rows[0])
        if width == len(names) - 1:
            names.remove(self.label)
        if width != len(names):
            expected = f"{len(names) - 1} columns, or {len(names)} with the label"
            raise DataError(f"{table.name}: wrong number of columns", expected=expected, received=width)
        return names

    def _encode(self, cells: Mapping[str, Cells]) -> Array:
        parts = []
        for column in self.features:
            if self.missing == "error":
                _refuse_missing(cells[column.name], "fill it in, or use missing='mean'")
            parts.append(column.encode(cells[column.name]))
        return np.concatenate(parts, axis=1)

    def _encode_label(self, cells: Cells) -> Array:
        _refuse_missing(cells, "remove the row: a row without label teaches nothing")
        label = self._label
        return label.class_indices(cells) if label.kind == "categorical" else label.encode(cells)


@dataclass(frozen=True, eq=False)
class CsvData:
    """What a file holds: x float32 (N, D); y, int32 classes (N,) or float32 targets (N, 1); its schema."""

    x: Array
    y: Array
    schema: CsvSchema


def load_csv(
    path: str | os.PathLike[str],
    label: str,
    *,
    kinds: Mapping[str, Kind] | None = None,
    missing: Missing = "error",
) -> CsvData:
    r"""Read a file separated by commas, semicolons or tabs, and learn its columns from what stands in them.

    label: the column to predict, by its name in the first line; in a file without such a line it is column1,
    column2, ... Text, or integers of at most 20 values, are classes; other numbers are targets to regress on.
    kinds: "numeric", "categorical" or "ignored" by column, where the guess is not wanted. missing: "error", or
    "mean": a missing number becomes its column's mean, a missing category a row of zeros.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "pets.csv")
    ...     _ = path.write_text("age,colour,kind\n3,brown,dog\n1,grey,cat\n")
    ...     data = load_csv(path, label="kind")
    >>> data.x.tolist(), data.y.tolist(), data.schema.class_names
    ([[3.0, 1.0, 0.0], [1.0, 0.0, 1.0]], [1, 0], ('cat', 'dog'))
    """
    if missing not in get_args(Missing):
        raise ArgumentError("load_csv: unknown missing", expected="'error' or 'mean'", received=repr(missing))
    table = read_table(path)
    header = label in table.rows[0]
    if header:
        names, table = table.split_header()
    else:
        names = [f"column{number}" for number in range(1, len(table.rows[0]) + 1)]
    kinds = kinds or {}
    _check_names(table, names, label, kinds)
    cells = {name: table.column(index, name) for index, name in enumerate(names)}
    columns = tuple(_learn(cells[name], kinds.get(name), missing, is_label=name == label) for name in names)
    schema = CsvSchema(columns, label, header, missing)
    if not schema.features:
        raise DataError(f"{table.name}: no column is left to learn from", expected=f"columns beside {label!r}")
    return CsvData(schema._encode(cells), schema._encode_label(cells[label]), schema)


def _check_names(table: Table, names: Sequence[str], label: str, kinds: Mapping[str, Kind]) -> None:
    if label not in names:
        raise DataError(
            f"{table.name}: no column {label!r} for the label",
            expected=f"one of {_listing(table.rows[0])} (or {names[0]} to {names[-1]}, without header line)",
            received=repr(label),
            fix=did_you_mean(label, table.rows[0]),
        )
    if not table.rows:
        raise DataError(f"{table.name}: no rows below the column names", expected="at least one row")
    for name, kind in kinds.items():
        if name not in names or kind not in get_args(Kind) or (name == label and kind == "ignored"):
            raise ArgumentError(
                "load_csv: wrong entry in kinds",
                expected=f"one of {_listing(names)}: one of {_listing(get_args(Kind))} (the label is not ignored)",
                received=f"{name!r}: {kind!r}",
            )


def _learn(cells: Cells, kind: Kind | None, missing: Missing, *, is_label: bool) -> Column:
    """The description of a column from the cells of the first file."""
    kind = kind or (_guess_label_kind(cells) if is_label else _guess_kind(cells))
    if kind == "numeric":
        wants_mean = missing == "mean" and not is_label
        return Column(cells.column, kind, mean=_mean(cells) if wants_mean else None)
    if kind == "ignored":
        return Column(cells.column, kind)
    categories = tuple(sorted(cells.known, key=lambda text: _number_before_text(text, cells.known[text])))
    if len(categories) > _MAX_CATEGORIES and not is_label:
        raise DataError(
            f"{cells.source}, column {cells.column!r}: too many categories",
            expected=f"at most {_MAX_CATEGORIES}",
            received=f"{len(categories)}, such as {_listing(categories[:3])}",
            fix=f"leave it out: kinds={{{cells.column!r}: 'ignored'}}",
        )
    return Column(cells.column, kind, categories)


def _guess_kind(cells: Cells) -> Kind:
    """Numeric when every known text is a number; mostly numbers with some text is taken for a mistake."""
    leave_out = f"kinds={{{cells.column!r}: 'ignored'}}"
    if not cells.known:
        raise DataError(_every_cell_is_missing(cells), fix=f"leave it out: {leave_out}")
    words = [text for text, number in cells.known.items() if number is None]
    if not words:
        return "numeric"
    if 2 * len(words) < len(cells.known):
        raise DataError(
            f"{cells.place(words[0])}: text in a column of numbers",
            expected="a number",
            received=repr(words[0]),
            fix=f"correct the cell, or say what the column is: {leave_out} (or 'categorical')",
        )
    return "categorical"


def _guess_label_kind(cells: Cells) -> Kind:
    """Text and a few integers are classes; other numbers are targets."""
    numbers = set(cells.known.values())
    are_integers = all(number is not None and number.is_integer() for number in numbers)
    if None in numbers or (are_integers and len(numbers) <= _MAX_INTEGER_CLASSES):
        return "categorical"
    return "numeric"


def _number_before_text(text: str, number: float | None) -> tuple[bool, float, str]:
    """A sort key: numbers in their order, then text in its own."""
    return number is None, number or 0.0, text


def _mean(cells: Cells) -> float:
    if not cells.known:
        raise DataError(_every_cell_is_missing(cells), expected="a number to take the mean of")
    numbers = _numbers(cells, np.nan)
    return float(np.nanmean(numbers, dtype=np.float64))


def _numbers(cells: Cells, fill: float | None) -> Array:
    """The cells as float32 (N,), `fill` where one is missing."""
    for text, number in cells.known.items():
        if number is None:
            raise DataError(f"{cells.place(text)}: not a number", expected="a number", received=repr(text))
    numbers = cells.known | dict.fromkeys(cells.missing, fill)
    return np.array([numbers[text] for text in cells.texts], np.float32)


def _refuse_missing(cells: Cells, fix: str) -> None:
    for text in cells.missing:
        raise DataError(f"{cells.place(text)}: the cell is missing", expected="a value", received=repr(text), fix=fix)


def _every_cell_is_missing(cells: Cells) -> str:
    return f"{cells.source}, column {cells.column!r}: every cell is missing"


def _listing(names: Sequence[str]) -> str:
    """The first ten names in quotes."""
    return ", ".join(map(repr, names[:10])) + (f", ... ({len(names)} in all)" if len(names) > 10 else "")
