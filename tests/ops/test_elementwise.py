"""Element-wise arithmetic: contract table."""

from __future__ import annotations

from glassnet.ops.elementwise import (
    Abs,
    Add,
    Clip,
    Divide,
    Exp,
    Identity,
    Log,
    Maximum,
    Minimum,
    Multiply,
    Negative,
    Power,
    Sign,
    Sqrt,
    Square,
    Subtract,
)

from helpers.contract import Case, contract_test

BINARY = [Add(), Subtract(), Multiply(), Divide(), Power(), Maximum(), Minimum()]
UNARY = [Negative(), Square(), Sign(), Abs(), Exp(), Log(), Sqrt(), Identity(), Clip(-1.0, 1.0)]

test_contract = contract_test(
    [
        *[Case(op, (3, 4), (3, 4)) for op in BINARY],
        *[Case(op, (2, 1, 4), (3, 1), label="broadcast") for op in BINARY],
        *[Case(op, (3, 4)) for op in UNARY],
    ]
)
