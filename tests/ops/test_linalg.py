"""Matrix products: contract table, then cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet import ops
from glassnet.errors import ShapeError
from glassnet.ops.linalg import Linear, Matmul

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Linear(), (5, 3), (3, 2), (2,), empty=[(0, 3), (3, 2), (2,)]),
        Case(Linear(), (1, 1), (1, 1), (1,)),
        Case(Linear(), (2, 4, 3), (3, 2), (2,), label="two leading axes"),
        Case(Matmul(), (4, 3), (3, 2), empty=[(0, 3), (3, 2)]),
        Case(Matmul(), (2, 4, 3), (2, 3, 2), label="batched"),
        Case(Matmul(), (5, 2, 4, 3), (2, 3, 1), label="broadcast"),
    ]
)


def test_linear_by_hand() -> None:
    # 1*10 + 2*100 + 0.5 = 210.5;  3*10 + 4*100 + 0.5 = 430.5
    y = ops.linear(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0], [100.0]]), np.array([0.5]))
    np.testing.assert_array_equal(y, [[210.5], [430.5]])


def test_linear_names_the_axis_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"linear: axis i has two sizes\n  expected: size 4\n  received: size 3 in w"):
        ops.linear(ops.cast([[1, 2, 3, 4]], "float32"), np.ones((3, 2), "float32"), np.zeros(2, "float32"))
