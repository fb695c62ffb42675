"""Confusion matrix and worst mistakes against counts made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, DataError, ShapeError


def fixed(outputs: Any, inputs: int = 4) -> Any:
    """A model that answers sample k (a row whose first number is k) with row k."""
    table = np.asarray(outputs, np.float32)
    pick = gn.layers.Lambda(lambda x: gn.ops.take(table, gn.ops.cast(x[:, 0], "int32"), axis=0))
    return gn.Sequential([gn.Input((inputs,)), pick])


def numbered(count: int) -> np.ndarray:
    x = np.zeros((count, 4), np.float32)
    x[:, 0] = np.arange(count)
    return x


def test_cells_hold_shares_of_the_true_class_and_the_counts_as_text() -> None:
    ax = plot.confusion([0, 0, 0, 1, 2], [0, 0, 1, 1, 0], ["a", "b", "c"]).axes[0]
    wanted = [[2 / 3, 1 / 3, 0], [0, 1, 0], [1, 0, 0]]
    np.testing.assert_allclose(ax.images[0].get_array().filled(0), wanted)
    counts = {text.get_position(): text.get_text() for text in ax.texts if text.get_text().isdigit()}
    assert counts == {(0, 0): "2", (1, 0): "1", (1, 1): "1", (0, 2): "1"}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize("said", [[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [[0.1], [0.8], [0.6]], [0, 1, 1]])
def test_outputs_probabilities_and_indices_give_the_same_matrix(said: Any) -> None:
    figure = plot.confusion([[1, 0], [0, 1], [1, 0]], np.array(said))
    assert figure.alt_text.startswith(
        "Confusion matrix of 3 samples: 2 right (67%). Most frequent mistake: 0 taken for 1"
    )


def test_the_most_confident_mistakes_come_first() -> None:
    outputs = [[0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]]  # truth 0: samples 0 and 2 are wrong
    ax = plot.worst(fixed(outputs), numbered(4), [0, 0, 0, 0], class_names=["cat", "dog"]).axes[0]
    assert [text.get_text() for text in ax.texts][:2] == [
        "is cat, said dog\n#0 · 90% sure", "is cat, said dog\n#2 · 70% sure",
    ]  # fmt: skip
    np.testing.assert_array_equal(ax.images[1].get_array(), [[2, 0], [0, 0]])
    assert len(plot.worst(fixed(outputs), numbered(4), [0, 0, 0, 0], n=1).axes[0].images) == 1


def test_a_model_without_mistakes_is_told_so() -> None:
    figure = plot.worst(fixed([[0.9, 0.1], [0.2, 0.8]]), numbered(2), [0, 1])
    assert figure.alt_text == "No mistake among 2 images."
    assert figure.axes[0].get_title(loc="left") == "No mistake among 2 images"


def test_colour_images_keep_their_colours() -> None:
    model = gn.Sequential([gn.Input((2, 2, 3)), gn.layers.Flatten(), gn.layers.Dense(2, kernel_initializer="zeros")])
    x = np.zeros((1, 2, 2, 3), np.uint8)
    x[0, 0, 0] = (255, 0, 51)
    shown = plot.worst(model, x, [1]).axes[0].images[0].get_array()
    np.testing.assert_allclose(shown[0, 0], [1, 0, 0.2])


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"one prediction per sample\n.*2, at least 1\n.*3"):
        plot.confusion([0, 1], [0, 1, 1])
    with pytest.raises(ArgumentError, match=r"too few class_names\n.*at least 3\n.*2"):
        plot.confusion([0, 2], [0, 1], ["a", "b"])
    with pytest.raises(DataError, match=r"y_true does not hold classes\n.*\n.*-1"):
        plot.confusion([0, -1], [0, 1])
    with pytest.raises(ShapeError, match=r"the samples are not images\n.*\n.*\(1, 3\)"):
        plot.worst(fixed([[0.0, 1.0]], inputs=3), np.zeros((1, 3)), [0])
    with pytest.raises(ShapeError, match=r"one class per image"):
        plot.worst(fixed([[0.0, 1.0]]), numbered(1), [0, 1])
    with pytest.raises(ShapeError, match=r"plot\.worst: not a classifier"):
        plot.worst(gn.Sequential([gn.Input((2, 2)), gn.layers.Activation("relu")]), np.ones((1, 2, 2)), [0])
