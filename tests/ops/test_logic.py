"""Comparisons, logic and choosing: contract table."""

from __future__ import annotations

import numpy as np

from glassnet.ops.logic import Equal, Greater, GreaterEqual, LogicalAnd, LogicalOr, Where

from helpers.contract import Case, contract_test

MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
INTEGERS = np.array([[1, 2, 3], [3, 2, 1]])

test_contract = contract_test(
    [
        *[Case(op, (3, 4), (4,)) for op in (Greater(), GreaterEqual(), Equal())],
        *[Case(op, INTEGERS, np.array([3, 2, 1])) for op in (Greater(), GreaterEqual(), Equal())],
        *[Case(op, MASK, MASK[0], empty=[(0, 3), (0, 3)]) for op in (LogicalAnd(), LogicalOr())],
        Case(Where(), MASK, (3, 4), (3, 4)),
        Case(Where(), MASK, (4,), (3, 1), label="broadcast"),
    ]
)
