"""The digits that ship: the published counts, the order of the file, and the two ways to split them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import glassnet.datasets
from glassnet.datasets import digits
from glassnet.errors import ArgumentError


def whole(split, **options):
    (x_train, y_train), (x_test, y_test) = digits.load_data(split, **options)
    return np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test]), len(x_train)


def test_digits_have_the_published_size_range_and_class_counts():
    x, y, _ = whole("file_order")
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((1797, 8, 8), np.uint8, (1797,), np.uint8)
    assert (x.min(), x.max()) == (0, 16)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_the_rows_of_the_original_file_in_its_order():
    x, y, _ = whole("file_order")
    assert x[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert y[:20].tolist() == [*range(10), *range(10)]
    rows = np.hstack([x.reshape(-1, 64), y[:, None]])
    attribution = (Path(glassnet.datasets.__file__).parent / "digits.md").read_text(encoding="utf-8")
    assert hashlib.sha256(rows.tobytes()).hexdigest() in attribution


def test_stratified_split_takes_a_fifth_of_every_class():
    _, (_, y_test) = digits.load_data()
    np.testing.assert_array_equal(np.bincount(y_test), [36, 36, 35, 37, 36, 36, 36, 36, 35, 36])


def test_stratified_split_loses_and_repeats_no_digit():
    ordered, _, _ = whole("file_order")
    x, _, _ = whole("stratified")
    assert sorted(image.tobytes() for image in x) == sorted(image.tobytes() for image in ordered)


def test_stratified_split_depends_on_the_seed_alone():
    first, again, other = (digits.load_data(seed=seed)[1][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_file_order_split_tests_on_the_last_digits_of_the_file():
    x, _, _ = whole("file_order")
    (x_train, _), (x_test, _) = digits.load_data("file_order", test_fraction=0.1)
    assert len(x_test) == 180
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"split": "random"}, "unknown split"), ({"test_fraction": 1.0}, "wrong test_fraction")],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        digits.load_data(**arguments)
