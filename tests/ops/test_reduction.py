"""Reductions: contract table, then ties, zeros, infinities and error texts."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.ops.reduction import Argmax, Argmin, BroadcastTo, Logsumexp, Max, Mean, Min, Sum, SumTo

from helpers.contract import Case, contract_test

KEPT = {"keepdims": True}

test_contract = contract_test(
    [
        Case(Sum((1,)), (3, 4), empty=[(0, 3)]),
        Case(Sum((0, 2)), (2, 3, 4), empty=[(0, 3, 2)]),
        Case(Sum((0, 1)), (3, 4), label="all axes"),
        Case(Sum(()), (3, 4), label="no axis"),
        Case(Sum((1,), True), (3, 4), oracle=lambda x: x @ np.ones((4, 1))),
        Case(SumTo((3, 1)), (2, 3, 4), oracle=lambda x: np.einsum("abc->b", x)[:, None], empty=[(0, 3, 4)]),
        Case(SumTo(()), (2, 3), oracle=lambda x: np.einsum("ab->", x)),
        Case(BroadcastTo((2, 3, 4)), (3, 1), oracle=lambda x: np.stack([np.hstack([x] * 4)] * 2)),
        Case(BroadcastTo((2, 3)), (), oracle=lambda x: np.full((2, 3), x)),
        Case(Mean((1,)), (3, 4), empty=[(0, 3)]),
        Case(Mean((0, 1)), (3, 4), label="all axes"),
        Case(Mean((0, 2), True), (2, 3, 4), oracle=lambda x: np.einsum("abc->b", x)[None, :, None] / 8),
        Case(Max((1,)), (3, 4), empty=[(0, 3)]),
        Case(Max((0, 2)), (2, 3, 4)),
        Case(Max((0, 1)), (3, 4), label="all axes"),
        Case(Max((1,), True), (3, 4), oracle=lambda x: np.sort(x, axis=1)[:, -1:]),
        Case(Min((1,)), (3, 4), empty=[(0, 3)]),
        Case(Min((0,), True), (3, 4), oracle=lambda x: np.sort(x, axis=0)[:1]),
        Case(Argmax(1), (3, 4), empty=[(0, 3)]),
        Case(Argmin(0), (3, 4)),
        Case(Logsumexp((1,)), (3, 4), empty=[(0, 3)]),
        Case(Logsumexp((0, 1)), (3, 4)),
        Case(Logsumexp((1,), True), (3, 4), oracle=lambda x: np.log(np.exp(x) @ np.ones((4, 1)))),
    ]
)
