"""Element-wise arithmetic: contract table."""

from __future__ import annotations

from glassnet.ops.elementwise import Add, Greater, Identity, Multiply, Tanh

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Add(), (3, 4), (3, 4)),
        Case(Add(), (2, 1, 4), (3, 1), label="broadcast"),
        Case(Multiply(), (3, 4), (3, 4)),
        Case(Multiply(), (2, 1, 4), (3, 1), label="broadcast"),
        Case(Greater(), (3, 4), (4,)),
        Case(Identity(), (3, 4)),
        Case(Tanh(), (3, 4)),
    ]
)
