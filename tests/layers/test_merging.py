"""Merging layers: contract table, the functions, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract

from helpers.layer_contract import LayerCase, contract_test


def unit(x: Any) -> Any:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


test_contract = contract_test(
    [
        LayerCase(Add, {}, (4, 5), (4, 5), oracle=lambda a, b: a + b),
        LayerCase(Add, {}, (4, 2, 5), (4, 1, 5), (4, 2, 5), oracle=lambda a, b, c: a + b + c),
        LayerCase(Add, {}, (4, 5), (4, 3, 5), oracle=lambda a, b: a[:, None] + b),
        LayerCase(Subtract, {}, (4, 5), (4, 5), oracle=lambda a, b: a - b),
        LayerCase(Multiply, {}, (4, 2, 5), (4, 1, 5), (4, 5), oracle=lambda a, b, c: a * b * c[:, None]),
        LayerCase(Average, {}, (4, 5), (4, 5), (4, 5), oracle=lambda a, b, c: np.mean([a, b, c], 0)),
        LayerCase(Maximum, {}, (4, 5), (4, 5), (4, 1), oracle=lambda a, b, c: np.maximum(np.maximum(a, b), c)),
        LayerCase(Minimum, {}, (4, 5), (4, 5), oracle=np.minimum),
        LayerCase(Dot, {"axes": 1}, (4, 5), (4, 5), oracle=lambda a, b: (a * b).sum(-1, keepdims=True)),
        LayerCase(Dot, {"axes": (2, 1)}, (4, 2, 5), (4, 5, 3), oracle=lambda a, b: a @ b),
        LayerCase(Dot, {"axes": [1, -1]}, (4, 5, 2), (4, 5), oracle=lambda a, b: np.einsum("nki,nk->ni", a, b)),
        LayerCase(
            Dot, {"axes": -1, "normalize": True}, (4, 2, 5), (4, 3, 5),
            oracle=lambda a, b: unit(a) @ unit(b).transpose(0, 2, 1),
        ),
        LayerCase(Concatenate, {}, (4, 5), (4, 2), oracle=lambda a, b: np.concatenate([a, b], -1)),
        LayerCase(Concatenate, {"axis": 1}, (4, 1, 3), (4, 2, 3), oracle=lambda a, b: np.concatenate([a, b], 1)),
    ]
)  # fmt: skip


def test_the_functions_are_the_layers() -> None:
    a, b = gn.Input((2,)), gn.Input((2,))
    assert gn.layers.add([a, b], name="sum").creator.layer.name == "sum"
    assert gn.layers.concatenate([a, b], axis=1).shape == (None, 4)
    x, y = np.array([[1.0, 2.0]]), np.array([[4.0, -2.0]])
    merged = [getattr(gn.layers, name)([x, y]).numpy() for name in ("subtract", "multiply", "average", "dot")]
    np.testing.assert_array_equal(np.concatenate(merged, axis=1), [[-3.0, 4.0, 4.0, -4.0, 2.5, 0.0, 0.0]])
    extremes = [gn.layers.maximum([x, y]).numpy(), gn.layers.minimum([x, y]).numpy()]
    np.testing.assert_array_equal(np.concatenate(extremes), [[4.0, 2.0], [1.0, -2.0]])


def test_a_skip_connection_passes_the_gradient_unweakened() -> None:
    x = gn.Tensor(np.ones((1, 3), "float32"), requires_grad=True)
    Add()([x, x * 0.5]).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full((1, 3), 1.5))


@pytest.mark.parametrize(
    ("inputs", "received"), [(np.ones((1, 2)), "a single array"), ([np.ones((1, 2))], "a list of 1")]
)
@pytest.mark.parametrize("layer", [Add(name="m"), Concatenate(name="m"), Maximum(name="m")])
def test_a_single_input_cannot_be_merged(layer: Any, inputs: Any, received: str) -> None:
    with pytest.raises(ArgumentError, match=rf"'m' takes a list of at least 2 inputs\n  received: {received}"):
        layer(inputs)


def test_concatenate_names_the_array_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"Concatenate 'join'.*\n.*axis 1\n.*array 1 of shape \(3, 2\)"):
        Concatenate(name="join")([np.ones((4, 5)), np.ones((3, 2))])


@pytest.mark.parametrize("layer", [Subtract(name="m"), Dot(axes=1, name="m")])
def test_a_difference_and_a_product_of_vectors_take_two_inputs(layer: Any) -> None:
    with pytest.raises(ArgumentError, match=r"'m' takes a list of 2 inputs\n  received: a list of 3"):
        layer([np.ones((1, 2))] * 3)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [(((4, 5), (4, 3)), "equal sizes, or 1, along every axis"), (((4, 5), (3, 5)), "the same number of samples"),
     (((4, 4), (4, 3, 5)), "equal sizes, or 1, along every axis")],
)  # fmt: skip
def test_shapes_that_cannot_be_merged_are_named(shapes: Any, expected: str) -> None:
    text = rf"Multiply 'm': the shapes cannot be merged\n  expected: {expected}\n  received: \(4, .\), \("
    with pytest.raises(ShapeError, match=text):
        Multiply(name="m")([np.ones(shape) for shape in shapes])


@pytest.mark.parametrize("axes", [None, 1.5, (1, 2, 1), "1"])
def test_dot_wants_one_axis_or_a_pair(axes: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Dot 'd': axes is one axis, or a pair of axes"):
        Dot(axes, name="d")


def test_dot_refuses_the_batch_and_sizes_that_differ() -> None:
    a, b = np.ones((4, 5)), np.ones((4, 3))
    with pytest.raises(ArgumentError, match=r"Dot 'd': axis 0 is the batch"):
        Dot(-2, name="d")([a, b])
    with pytest.raises(ShapeError, match=r"Dot 'd': the summed axes have different sizes\n  expected: 5 along axis 1"):
        Dot(1, name="d")([a, b])
