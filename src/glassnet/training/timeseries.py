"""Windows of a long series as batches, each with the value that follows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.seeds import as_generator
from glassnet.training.data import Sequence
from glassnet.typing import Array


class WindowBatches(Sequence):
    """Batches of windows that start at the given steps; a window is cut out when its batch is asked for."""

    def __init__(self, data: Array, targets: Array | None, starts: Array, steps: Array, batch_size: int) -> None:
        self.data, self.targets, self.starts, self.steps, self.batch_size = data, targets, starts, steps, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.starts) / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)  # what ends a `for` loop
        starts = self.starts[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.data[starts[:, None] + self.steps]
        return x if self.targets is None else (x, self.targets[starts])


def timeseries_dataset_from_array(
    data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1, sampling_rate: int = 1,
    batch_size: int | None = 128, shuffle: bool = False, seed: Any = None, start_index: int | None = None,
    end_index: int | None = None,
) -> Sequence:  # fmt: skip
    """Batches of windows of a series, for fit, evaluate and predict.

    Arguments:
        data: one row per step.
        targets: targets[i] belongs to the window that starts at step i; None for windows alone.
        sequence_length: steps of a window, every `sampling_rate`-th of the series.
        sequence_stride: steps from one window to the next.
        start_index, end_index: use only the steps from one to before the other.

    >>> batches = timeseries_dataset_from_array(np.arange(6), np.arange(2, 6), sequence_length=2, batch_size=3)
    >>> [x.tolist() for x, y in batches]
    [[[0, 1], [1, 2], [2, 3]], [[3, 4]]]
    """
    whole = {"sequence_length": sequence_length, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, number in whole.items():
        if not isinstance(number, int) or number < 1:
            raise ArgumentError(
                f"timeseries_dataset_from_array: {name} must be a whole number from 1 on", received=repr(number)
            )
    used = slice(start_index, end_index)
    series, follows = np.asarray(data)[used], None if targets is None else np.asarray(targets)[used]
    count = len(series) - (sequence_length - 1) * sampling_rate
    count = count if follows is None else min(count, len(follows))
    if count < 1:
        raise ArgumentError(
            "timeseries_dataset_from_array: the series is shorter than one window",
            expected=f"at least {(sequence_length - 1) * sampling_rate + 1} steps", received=f"{len(series)} steps",
            fix="a smaller sequence_length or sampling_rate",
        )  # fmt: skip
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        starts = starts[as_generator(seed).permutation(len(starts))]
    return WindowBatches(series, follows, starts, np.arange(sequence_length) * sampling_rate, batch_size or len(starts))
