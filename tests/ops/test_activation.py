"""Activation functions: contract table, then their traps."""

from __future__ import annotations

import numpy as np

from glassnet import ops
from glassnet.ops.activation import Mish, Relu, Softplus

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Relu(), (3, 4)),
        Case(Mish(), (3, 4)),
        Case(Softplus(), (3, 4)),
    ]
)


def test_relu_keeps_nan() -> None:
    np.testing.assert_array_equal(ops.relu(np.array([np.nan, -1.0, 1.0])), [np.nan, 0.0, 1.0])
