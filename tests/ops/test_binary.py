"""The sign with a gradient that goes straight through: contract table without the claim that it is a derivative."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.ops.binary import Binarize

from helpers.contract import Case, claims_for, gradient_equals_differences, second_order_equals_differences

CASES = [
    Case(Binarize(), (3, 4)),
    Case(Binarize(), (2, 1, 3)),
    Case(Binarize(), np.array([-1e30, -0.0, 0.0, 1e-30, np.inf])),
]
NOT_CLAIMED = {gradient_equals_differences, second_order_equals_differences}
"""The true derivative is 0 nearly everywhere; the estimator is another thing by design."""

PAIRS = [(case, claim) for case in CASES for claim in claims_for(case) if claim not in NOT_CLAIMED]


@pytest.mark.parametrize(("case", "claim"), PAIRS)
def test_contract(case, claim) -> None:
    claim(case)


def test_zero_is_positive_and_nan_stays() -> None:
    np.testing.assert_array_equal(ops.binarize(np.array([-2.0, -0.0, 0.0, 0.1, np.nan])), [-1, 1, 1, 1, np.nan])


def test_the_gradient_is_that_of_clipping() -> None:
    x = np.array([-1.5, -1.0, -0.25, 0.0, 0.75, 1.0, 1.25])
    step, clip = (gn.Tensor(x, requires_grad=True) for _ in range(2))
    g = np.arange(1.0, 8.0)
    ops.binarize(step).backward(g)
    np.testing.assert_array_equal(step.grad.numpy(), g * (np.abs(x) <= 1))
    ops.clip(clip, -1, 1).backward(g)
    inner = np.abs(x) != 1  # where clip has a kink
    np.testing.assert_array_equal(step.grad.numpy()[inner], clip.grad.numpy()[inner])


def test_integers_become_floats() -> None:
    assert ops.binarize(np.array([-3, 0, 2])).dtype.kind == "f"
