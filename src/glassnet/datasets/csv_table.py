"""A CSV file as rows of text, every row with its line number, before anything is known about its columns."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassnet.datasets.files import checked_path
from glassnet.errors import DataError

_DELIMITERS = ",;\t"
_MAX_BYTES = 2**30
_MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Cells:
    """One column of text, with what names a cell in an error: source, "line" or "row", and its number."""

    source: str
    column: str
    texts: list[str]
    unit: str
    positions: Sequence[int]

    @cached_property
    def missing(self) -> list[str]:
        """The different texts among the cells that stand for nothing, in order of appearance."""
        return [text for text in dict.fromkeys(self.texts) if text.casefold() in _MISSING]

    @cached_property
    def known(self) -> dict[str, float | None]:
        """The other texts, each with the number it means: every text is parsed once, however often it occurs."""
        return {text: parse_number(text) for text in dict.fromkeys(self.texts) if text not in self.missing}

    def place(self, text: str) -> str:
        """Where the first cell with this text stands, in words."""
        return f"{self.source}, {self.unit} {self.positions[self.texts.index(text)]}, column {self.column!r}"


@dataclass(frozen=True)
class Table:
    """The rows of a file, all of the same length; `lines` says on which line each starts."""

    name: str
    rows: list[list[str]]
    lines: list[int]

    def column(self, index: int, name: str) -> Cells:
        """One column under its name."""
        return Cells(self.name, name, [row[index] for row in self.rows], "line", self.lines)

    def split_header(self) -> tuple[list[str], Table]:
        """The first row as column names, and the rest."""
        names = [name or f"column{index + 1}" for index, name in enumerate(self.rows[0])]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise DataError(
                f"{self.name}: two columns have the same name",
                received=repr(repeated),
                fix="rename one of them",
            )
        return names, Table(self.name, self.rows[1:], self.lines[1:])


def parse_number(text: str) -> float | None:
    """The number that a cell holds, or None when it holds none that float32 can."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= _LARGEST and "_" not in text else None


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a UTF-8 file separated by commas, semicolons or tabs; cells lose the spaces around them."""
    name = str(path)
    text = _decode(checked_path(path, _MAX_BYTES).read_bytes(), name)
    delimiter = max(_DELIMITERS, key=lambda candidate: _first_row_length(text, candidate))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    table, line = Table(name, [], []), 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if cells and cells != [""]:
                table.rows.append(cells)
                table.lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{name}, line {line}: broken quotes", received=str(error)) from error
    _check_lengths(table)
    return table


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: the file is not UTF-8",
            expected="UTF-8 text",
            received=f"byte 0x{data[error.start]:02x} at offset {error.start}",
            fix="save the file again as UTF-8",
        ) from None


def _first_row_length(text: str, delimiter: str) -> int:
    """How many cells the first row has; 0 when it cannot be read, which `read_table` reports."""
    try:
        return len(next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter), ()))
    except csv.Error:
        return 0


def _check_lengths(table: Table) -> None:
    if not table.rows:
        raise DataError(f"{table.name}: the file is empty", expected="a line of column names and at least one row")
    width = len(table.rows[0])
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != width:
            raise DataError(
                f"{table.name}, line {line}: a row of another length",
                expected=f"{width} cells, as in line {table.lines[0]}",
                received=f"{len(row)} cells",
            )
