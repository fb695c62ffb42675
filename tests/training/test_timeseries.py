"""Windows of a series: which steps they hold, what belongs to them, training on them, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.utils import timeseries_dataset_from_array as windows_of


def test_windows_and_targets_are_those_of_keras_documentation() -> None:
    # "sequence_stride=3, sampling_rate=2, sequence_length=10: first sequence [0 2 4 ... 18], second [3 5 ... 21]"
    batches = windows_of(np.arange(100), None, sequence_length=10, sampling_rate=2, sequence_stride=3)
    assert len(batches) == 1
    assert batches[0][[0, 1, -1]].tolist() == [list(range(first, first + 20, 2)) for first in (0, 3, 81)]
    data = np.arange(15)
    (x, y) = windows_of(data[:-10], data[10:], sequence_length=3)[0]
    assert x.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert y.tolist() == [10, 11, 12]


def test_a_part_of_the_series_is_used_with_its_targets() -> None:
    x, y = windows_of(np.arange(20), np.arange(20) * 10, 2, start_index=5, end_index=9)[0]
    assert x.tolist() == [[5, 6], [6, 7], [7, 8]]
    assert y.tolist() == [50, 60, 70]


def test_shuffled_windows_are_the_same_windows_and_repeat_with_the_seed() -> None:
    a, b, plain = (windows_of(np.arange(50), None, 3, batch_size=None, shuffle=s, seed=1) for s in (True, True, False))
    np.testing.assert_array_equal(a[0], b[0])
    assert a[0].tolist() != plain[0].tolist()
    assert sorted(a[0].tolist()) == plain[0].tolist()


def test_a_network_learns_to_continue_a_wave() -> None:
    gn.utils.set_random_seed(0)
    wave = np.sin(np.arange(300) / 5).astype("float32")
    batches = windows_of(wave[:-8], wave[8:], sequence_length=8, batch_size=32)
    model = gn.Sequential([gn.layers.Dense(1)])
    model.compile(gn.optimizers.Adam(0.05), "mse")
    losses = model.fit(batches, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 1e-3


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (
            lambda: windows_of(np.arange(5), None, 6),
            "shorter than one window\n  expected: at least 6 steps\n.*: 5 steps",
        ),
        (lambda: windows_of(np.arange(5), None, 2, sampling_rate=0), "sampling_rate must be a whole number from 1 on"),
        (lambda: windows_of(np.arange(5), None, 2.0), "sequence_length must be"),  # type: ignore[arg-type]  # the mistake
    ],
)
def test_impossible_windows_are_refused(run: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        run()
