"""The plane of two inputs as text: every sample in its cell, every cell with the class that the model says there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.explain.plane import decision_text, scatter_text

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def grid(text: str, columns: int, which: int = 0) -> list[str]:
    """The cells inside of a frame."""
    start = which * (columns + 6) + 1
    return [line[start : start + columns] for line in text.splitlines() if line.startswith("|")]


def model_of(function: Any) -> gn.Sequential:
    return gn.Sequential([gn.Input((2,)), gn.layers.Lambda(function)])


def test_the_first_input_runs_to_the_right_and_the_second_upwards() -> None:
    assert grid(scatter_text(CORNERS, [0, 1, 2, 3], 3, 3), 3) == ["+ *", "   ", "o x"]


def test_a_cell_shows_its_most_frequent_class() -> None:
    x = np.array([[0.0, 0.0], [0.01, 0.01], [0.02, 0.0], [1.0, 1.0]])
    assert grid(scatter_text(x, [1, 0, 1, 0], 2, 2), 2) == [" o", "+ "]


def test_every_sample_lies_in_the_cell_that_a_naive_search_finds() -> None:
    rng = np.random.default_rng(0)
    x, columns, rows = rng.normal(0, 3, (50, 2)), 7, 5
    low, high = x.min(0) - np.ptp(x, 0) / 20, x.max(0) + np.ptp(x, 0) / 20
    expected = [[" "] * columns for _ in range(rows)]
    for a, b in x:
        column = next(c for c in range(columns) if a <= low[0] + (c + 1) / columns * (high[0] - low[0]))
        row = next(r for r in range(rows) if b >= high[1] - (r + 1) / rows * (high[1] - low[1]))
        expected[row][column] = "o"
    assert grid(scatter_text(x, np.zeros(50, int), columns, rows), columns) == ["".join(row) for row in expected]


def test_a_model_with_one_output_per_class_is_mapped_by_the_largest() -> None:
    upper = model_of(lambda x: gn.ops.concatenate([1 - x[:, 1:], x[:, 1:], 0 * x[:, :1]], axis=-1))
    text = decision_text(upper, CORNERS, [0, 1, 0, 1], 4, 4)
    assert grid(text, 4, which=1) == ["++++", "++++", "oooo", "oooo"]
    assert grid(text, 4) == ["+  +", "    ", "    ", "o  o"]
    assert "o 0  + 1" in text


def test_a_model_with_a_single_output_says_class_1_above_one_half() -> None:
    right = model_of(lambda x: x[:, :1])
    assert grid(decision_text(right, CORNERS, [0, 0, 1, 1], 4, 2), 4, which=1) == ["oo++", "oo++"]


def test_a_trained_network_is_mapped_right_at_the_four_corners_of_xor() -> None:
    gn.utils.set_random_seed(0)
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(8, "tanh"), gn.layers.Dense(2, "softmax")])
    model.compile(gn.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    model.fit(CORNERS.astype("float32"), np.array([0, 1, 1, 0]), batch_size=None, epochs=100, verbose=0)
    top, *_, bottom = grid(decision_text(model, CORNERS, [0, 1, 1, 0]), 20, which=1)
    assert (top[0], top[-1], bottom[0], bottom[-1]) == ("+", "o", "o", "+")


def test_the_map_is_20_by_10_cells_and_names_its_classes() -> None:
    text = decision_text(model_of(lambda x: x), CORNERS, [0, 1, 1, 0], class_names=["in", "out"])
    cells = grid(text, 20, which=1)
    assert (len(cells), {len(row) for row in cells}) == (10, {20})
    assert text.endswith("o in  + out\nx[0] to the right, -0.05 to 1.05; x[1] upwards, -0.05 to 1.05")


def test_samples_on_one_line_still_have_a_window() -> None:
    assert "x[1] upwards, 2 to 4" in scatter_text(np.array([[0.0, 3.0], [1.0, 3.0]]), [0, 1])


@pytest.mark.parametrize("x", [np.zeros((4, 3)), np.zeros(4), np.zeros((0, 2)), np.zeros((3, 2))])
def test_what_is_no_plane_is_refused(x: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="two inputs per sample"):
        scatter_text(x, np.zeros(0 if not len(x) else 4, int))


@pytest.mark.parametrize("y", [[0, 1, 2, 8], [0, -1, 0, 0], [0.5, 1, 1, 0], list("abcd")])
def test_labels_that_are_no_class_indices_are_refused(y: list[Any]) -> None:
    with pytest.raises(ArgumentError, match="class indices from 0 to 7"):
        scatter_text(CORNERS, y)


def test_a_model_with_too_many_outputs_is_refused() -> None:
    wide = gn.Sequential([gn.Input((2,)), gn.layers.Dense(9)])
    with pytest.raises(ShapeError, match="one number per class"):
        decision_text(wide, CORNERS, [0, 1, 1, 0])
