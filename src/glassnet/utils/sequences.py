"""Sequences of different length brought to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import ArgumentError, DataError
from glassnet.typing import Array


def pad_sequences(
    sequences: Any, maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre",
    value: Any = 0.0,
) -> Array:  # fmt: skip
    """Lists of different length as one array (N, maxlen, ...), filled up or cut.

    Arguments:
        maxlen: the common length; that of the longest by default.
        padding, truncating: "pre" fills or cuts at the beginning, "post" at the end.
        value: what is filled in.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ArgumentError(f"pad_sequences: unknown {name}", expected="'pre' or 'post'", received=repr(side))
    if any(not hasattr(row, "__len__") for row in sequences):
        raise DataError(
            "pad_sequences: a sequence is not a list", expected="a list of lists or arrays",
            received=next(row for row in sequences if not hasattr(row, "__len__")), fix="[[1, 2], [3]]",
        )  # fmt: skip
    rows = [np.asarray(row, dtype=dtype) for row in sequences]
    length = max(map(len, rows), default=0) if maxlen is None else maxlen
    inner = next((row.shape[1:] for row in rows if len(row)), ())
    padded = np.full((len(rows), length, *inner), value, dtype=dtype)
    for line, row in zip(padded, rows):
        if len(row) and row.shape[1:] != inner:
            raise DataError("pad_sequences: the steps of sequences differ", expected=inner, received=row.shape[1:])
        kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        start = length - len(kept) if padding == "pre" else 0
        line[start : start + len(kept)] = kept
    return padded
