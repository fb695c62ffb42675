"""Resampling ops: contract table, pixel shuffle by hand, inputs that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet import ops
from glassnet.errors import GlassnetError
from glassnet.ops.resampling import Upsample

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(Upsample((2,)), (4, 3, 2), empty=[(0, 3, 2)]),
        Case(Upsample((2, 3)), (2, 3, 1, 2), empty=[(2, 0, 1, 2)]),
        Case(Upsample((1, 2, 1)), (1, 2, 3, 1, 2)),
    ]
)


def test_depth_to_space_puts_channel_k_at_row_k_over_b_and_column_k_mod_b() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 12))
    y = ops.depth_to_space(x, 2)
    assert y.shape == (2, 6, 10, 3)
    for k in range(12):
        np.testing.assert_array_equal(y[:, k // 3 // 2 :: 2, k // 3 % 2 :: 2, k % 3], x[..., k])
    np.testing.assert_array_equal(ops.space_to_depth(y, 2), x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ops.upsample(x, (2, 2, 2)), r"upsample: one whole number for each axis"),
        (lambda x: ops.upsample(x, 0), r"upsample: .*\n  expected: 2 numbers of at least 1"),
        (lambda x: ops.depth_to_space(x, 2), r"depth_to_space: the channels do not fill the blocks\n.*multiple of 4"),
        (lambda x: ops.space_to_depth(x, 2), r"space_to_depth: the image is not made of whole blocks"),
        (lambda x: ops.depth_to_space(x[0], 2), r"depth_to_space: it takes images"),
        (lambda x: ops.space_to_depth(x, 2, "channels_first"), r"space_to_depth: unknown data_format"),
    ],
)
def test_images_that_do_not_fit_are_named(call: Any, text: str) -> None:
    with pytest.raises(GlassnetError, match=text):
        call(np.ones((1, 3, 4, 3)))
