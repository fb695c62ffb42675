"""Helpers of `gn.utils`: one-hot labels, unit vectors, and the public names of other levels."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import utils
from glassnet.errors import DataError, GlassnetError


@pytest.mark.parametrize("labels", [[0, 2, 1], [[0], [2], [1]], np.array([0.0, 2.0, 1.0]), np.uint8([0, 2, 1])])
def test_to_categorical_puts_a_one_at_each_label(labels: Any) -> None:
    np.testing.assert_array_equal(utils.to_categorical(labels), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])


def test_to_categorical_takes_more_classes_than_labels_occur_and_undoes_argmax() -> None:
    rows = utils.to_categorical([1, 0], num_classes=4)
    assert rows.shape == (2, 4)
    np.testing.assert_array_equal(rows.argmax(axis=-1), [1, 0])
    assert utils.to_categorical(np.zeros((2, 3), int), 5).shape == (2, 3, 5)
    assert utils.to_categorical([], 3).shape == (0, 3)
    assert utils.to_categorical([0]).dtype == gn.config.floatx()


@pytest.mark.parametrize("labels", [["cat", "dog"], [0.5, 1.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_to_categorical_refuses_what_is_no_class_number(labels: Any) -> None:
    with pytest.raises(DataError, match=r"labels must be whole numbers(.|\n)*np\.unique"):
        utils.to_categorical(labels)


@pytest.mark.parametrize(("labels", "classes"), [([-1, 0], None), ([0, 3], 3)])
def test_to_categorical_refuses_labels_out_of_range(labels: Any, classes: int | None) -> None:
    with pytest.raises(DataError, match=f"a label is out of range(.|\n)*from {labels[0]} to {labels[1]}"):
        utils.to_categorical(labels, classes)


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_normalize_gives_length_one_and_keeps_the_direction(order: float, axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[:, 1] = x[2] = 0  # a zero vector along either axis
    unit = utils.normalize(x, axis, order)
    lengths = np.linalg.norm(unit, order, axis)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-12)
    np.testing.assert_allclose(unit * np.linalg.norm(x, order, axis, keepdims=True), x, atol=1e-12)


def test_names_of_other_levels_are_the_very_objects() -> None:
    from glassnet.datasets.download import get_file
    from glassnet.training.data import Sequence

    assert utils.Sequence is utils.PyDataset is Sequence
    assert utils.get_file is get_file
    assert utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert all(getattr(utils, name) is not None for name in utils.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'glassnet\.utils' has no attribute 'to_categorial'"):
        utils.to_categorial  # noqa: B018  # the lookup is what is tested


def test_utils_alone_loads_no_data_sets() -> None:
    code = "import sys, glassnet.utils; print('glassnet.datasets' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


# ---------------------------------------------------------------- pad_sequences


def test_sequences_are_filled_up_and_cut_at_the_side_that_is_asked_for() -> None:
    rows = [[1], [2, 3], [4, 5, 6], []]
    assert utils.pad_sequences(rows).tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6], [0, 0, 0]]
    assert utils.pad_sequences(rows, padding="post", value=9).tolist() == [[1, 9, 9], [2, 3, 9], [4, 5, 6], [9, 9, 9]]
    assert utils.pad_sequences(rows, 2).tolist() == [[0, 1], [2, 3], [5, 6], [0, 0]]
    assert utils.pad_sequences(rows, 2, truncating="post").tolist() == [[0, 1], [2, 3], [4, 5], [0, 0]]
    assert utils.pad_sequences([np.ones((2, 3)), np.ones((1, 3))], dtype="float32").shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (lambda: utils.pad_sequences([1, 2]), "a sequence is not a list\n.*\n  received: 1"),
        (lambda: utils.pad_sequences([[1]], padding="left"), "unknown padding\n.*\n  received: 'left'"),
        (lambda: utils.pad_sequences([[1]], truncating="right"), "unknown truncating"),
        (lambda: utils.pad_sequences([np.ones((2, 3)), np.ones((2, 4))]), "the steps of sequences differ"),
    ],
)
def test_what_cannot_be_padded_is_refused(run: Any, problem: str) -> None:
    with pytest.raises(GlassnetError, match=problem):
        run()
