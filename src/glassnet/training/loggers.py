"""CSVLogger: the numbers of every epoch as a table in a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from glassnet.errors import ArgumentError
from glassnet.saving.atomic import atomic_write
from glassnet.training.callback import Callback

__all__ = ["CSVLogger"]

_ABSENT = "NA"


class CSVLogger(Callback):
    """Writes one row per epoch: epoch (from 0) and all numbers of the logs, in full precision.

    A number that is absent in an epoch (validation_freq) reads NA.

    Arguments:
        separator: between the columns.
        append: go on with an existing file instead of replacing it.

    >>> CSVLogger("run.csv", separator=";").separator
    ';'
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        if len(separator) != 1:
            raise ArgumentError("CSVLogger: separator must be one character", received=repr(separator))
        self.filename, self.separator, self.append = Path(filename), separator, append
        self._forget()

    def _forget(self) -> None:
        self._columns: list[str] = []
        self._rows = 0
        self._keep = None if self.append else 0
        """Rows of the file that are good, or None for all."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Start a table, or go on with the one that is there."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a row."""
        row = {"epoch": str(epoch)} | {name: str(value) for name, value in (logs or {}).items()}
        if not row.keys() <= set(self._columns):  # in the first epoch, and at the first validation
            self._rewrite(row)
        with self.filename.open("a", newline="", encoding="utf-8") as file:
            self._writer(file).writerow(row)
        self._rows += 1

    def _rewrite(self, row: dict[str, str]) -> None:
        """Write the good rows anew, with columns for everything in `row` as well."""
        columns, rows = self._table()
        rows = rows[: self._keep]
        columns = columns if rows else ["epoch"]
        self._columns = columns + sorted(row.keys() - set(columns))
        self._rows, self._keep = len(rows), None
        text = io.StringIO(newline="")
        writer = self._writer(text)
        writer.writeheader()
        writer.writerows(rows)
        with atomic_write(self.filename) as file:
            file.write(text.getvalue().encode("utf-8"))

    def _table(self) -> tuple[list[str], list[dict[str, str]]]:
        """Columns and rows of the file as it is."""
        if not self.filename.exists():
            return [], []
        with self.filename.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter=self.separator)
            rows = list(reader)
            return list(reader.fieldnames or []), rows

    def _writer(self, file: Any) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, _ABSENT, "ignore", delimiter=self.separator, lineterminator="\n")

    def get_state(self) -> dict[str, Any]:
        """How many rows are good."""
        return {"rows": self._rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Forget the rows of epochs that are trained again."""
        self._keep = state["rows"]
