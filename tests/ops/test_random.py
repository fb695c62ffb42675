"""Random ops: contract table, then what dropout promises."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.ops.random import Dropout

from helpers.contract import Case, contract_test

U = np.linspace(0.02, 0.97, 12).reshape(3, 4)  # keeps a distance from the rate, where the mask jumps

test_contract = contract_test([Case(Dropout(0.3), (3, 4), U), Case(Dropout(0.3), (2, 3, 4), U, label="shared mask")])


def test_dropout_by_hand() -> None:
    # 1/4 is dropped; what stays is scaled by 4/3. At u = rate the cell stays.
    y = ops.apply_dropout(np.array([3.0, 3.0, 3.0]), np.array([0.2, 0.25, 0.9]), 0.25)
    np.testing.assert_allclose(y, [0.0, 4.0, 4.0], rtol=1e-15)


def test_dropout_keeps_the_mean_within_three_standard_deviations() -> None:
    n, rate = 100_000, 0.4
    u = np.random.default_rng(0).random(n)
    spread = np.sqrt(rate / (1 - rate) / n)  # of the mean of n cells that are 0 or 1/(1 - rate)
    assert abs(ops.apply_dropout(np.ones(n), u, rate).mean() - 1) < 3 * spread


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_dropout_refuses_a_rate_that_leaves_nothing_or_is_none(rate: float) -> None:
    with pytest.raises(ArgumentError, match=r"apply_dropout: rate must be in \[0, 1\)"):
        ops.apply_dropout(np.ones(2), np.zeros(2), rate)
