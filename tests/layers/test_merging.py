"""Merging layers: contract table, the functions, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import Add, Concatenate

from helpers.layer_contract import LayerCase, contract_test

test_contract = contract_test(
    [
        LayerCase(Add, {}, (4, 5), (4, 5), oracle=lambda a, b: a + b),
        LayerCase(Add, {}, (4, 2, 5), (4, 1, 5), (4, 2, 5), oracle=lambda a, b, c: a + b + c),
        LayerCase(Concatenate, {}, (4, 5), (4, 2), oracle=lambda a, b: np.concatenate([a, b], -1)),
        LayerCase(Concatenate, {"axis": 1}, (4, 1, 3), (4, 2, 3), oracle=lambda a, b: np.concatenate([a, b], 1)),
    ]
)


def test_the_functions_are_the_layers() -> None:
    a, b = gn.Input((2,)), gn.Input((2,))
    assert gn.layers.add([a, b], name="sum").creator.layer.name == "sum"
    assert gn.layers.concatenate([a, b], axis=1).shape == (None, 4)


def test_a_skip_connection_passes_the_gradient_unweakened() -> None:
    x = gn.Tensor(np.ones((1, 3), "float32"), requires_grad=True)
    Add()([x, x * 0.5]).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full((1, 3), 1.5))


@pytest.mark.parametrize(
    ("inputs", "received"), [(np.ones((1, 2)), "a single array"), ([np.ones((1, 2))], "a list of 1")]
)
@pytest.mark.parametrize("layer", [Add(name="m"), Concatenate(name="m")])
def test_a_single_input_cannot_be_merged(layer: Any, inputs: Any, received: str) -> None:
    with pytest.raises(ArgumentError, match=rf"'m' takes a list of at least 2 inputs\n  received: {received}"):
        layer(inputs)


def test_concatenate_names_the_array_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"Concatenate 'join'.*\n.*axis 1\n.*array 1 of shape \(3, 2\)"):
        Concatenate(name="join")([np.ones((4, 5)), np.ones((3, 2))])
