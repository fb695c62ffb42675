"""Indexing: contract table."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.ops.indexing import AddAlongAxis, OneHot, TakeAlongAxis, TopK
from helpers.contract import Case, contract_test

PICKS = np.array([[0, 2, 2], [1, 0, 3]])


def added(x: np.ndarray, i: np.ndarray) -> np.ndarray:
    y = np.zeros((2, 4))
    for row, column in np.ndindex(i.shape):
        y[row, i[row, column]] += x[row, column]
    return y


def sorted_by_hand(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.array([sorted(range(len(row)), key=lambda j: -row[j])[:2] for row in x])
    return np.array([[row[j] for j in js] for row, js in zip(x, order, strict=True)]), order


test_contract = contract_test(
    [
        Case(TakeAlongAxis(1), (2, 4), PICKS),
        Case(AddAlongAxis(4, 1), (2, 3), PICKS, oracle=added),
        Case(OneHot(4, "float32"), PICKS),
        Case(TopK(2), (3, 5), oracle=sorted_by_hand),
    ]
)


def test_top_k_of_more_than_there_is() -> None:
    with pytest.raises(ArgumentError, match="k is larger than the last axis"):
        ops.top_k(ops.cast([1, 2], "float32"), 3)
