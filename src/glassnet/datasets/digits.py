"""The 1,797 real 8x8 handwritten digits of UCI, which ship with glassnet (CC BY 4.0, see digits.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.datasets.idx import TrainAndTest
from glassnet.errors import ArgumentError
from glassnet.typing import Array

__all__ = ["load_data"]


def load_data(split: str = "stratified", *, test_fraction: float = 0.2, seed: int = 0) -> TrainAndTest:
    """The digits as (x_train, y_train), (x_test, y_test): uint8 images (N, 8, 8) of 0 to 16, uint8 labels.

    split: "stratified" draws the test digits at random, the same share of every class (`seed` says which);
    "file_order" takes the last `test_fraction` of the file. The file is one sheet of about 130 digits after
    another, each in one hand, so a random split flatters: it tests on hands already learned, the file order
    on new ones.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((1438, 8, 8), (359, 8, 8))
    """
    if not 0 < test_fraction < 1:
        raise ArgumentError("digits.load_data: wrong test_fraction", expected="between 0 and 1", received=test_fraction)
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as data:
        x, y = data["images"], data["labels"]
    if split == "stratified":
        is_test = _stratified(y, test_fraction, seed)
    elif split == "file_order":
        is_test = np.arange(len(y)) >= len(y) - round(test_fraction * len(y))
    else:
        raise ArgumentError(
            "digits.load_data: unknown split", expected="'stratified' or 'file_order'", received=repr(split)
        )
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def _stratified(labels: Array, test_fraction: float, seed: int) -> Array:
    """A mask that is True for the same share of every class, drawn at random."""
    rng, mask = np.random.default_rng(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        mask[members[: round(test_fraction * len(members))]] = True
    return mask
