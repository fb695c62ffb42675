"""Activation layers: contract table, the softmax Jacobian with any loss, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.layers import ELU, LeakyReLU, PReLU, ReLU, Softmax

from helpers.layer_contract import LayerCase, contract_test


def softmax(x: Any, axis: int = -1) -> Any:
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def bent(x: Any) -> Any:
    return np.where(x >= 1.5, 1.5, np.where(x > 0.5, x, 0.25 * (x - 0.5)))


test_contract = contract_test(
    [
        LayerCase(ReLU, {}, (4, 5), oracle=lambda x: np.where(x > 0, x, 0)),
        LayerCase(ReLU, {"max_value": 1.5, "negative_slope": 0.25, "threshold": 0.5}, (8, 5), oracle=bent),
        LayerCase(ReLU, {"threshold": 0.5}, (8, 5), oracle=lambda x: np.where(x > 0.5, x, 0)),
        LayerCase(LeakyReLU, {}, (4, 5), oracle=lambda x: np.where(x > 0, x, 0.3 * x)),
        LayerCase(ELU, {"alpha": 1.5}, (4, 5), oracle=lambda x: np.where(x > 0, x, 1.5 * (np.exp(x) - 1))),
        LayerCase(Softmax, {}, (4, 5), oracle=softmax),
        LayerCase(Softmax, {"axis": 1}, (2, 3, 4), oracle=lambda x: softmax(x, 1)),
        LayerCase(PReLU, {}, (4, 5), oracle=lambda x, a: np.where(x > 0, x, a * x), weights={"alpha": (5,)}),
        LayerCase(
            PReLU, {"shared_axes": [1], "alpha_regularizer": "l2"}, (2, 3, 4),
            oracle=lambda x, a: np.where(x > 0, x, a * x), weights={"alpha": (1, 4)},
        ),
    ]
)  # fmt: skip


def test_softmax_layer_has_the_whole_jacobian_so_that_any_loss_may_follow() -> None:
    x, target = np.array([[0.2, -1.0, 0.7]]), np.array([[0.0, 1.0, 0.0]])
    layer = Softmax(dtype="float64")
    t = gn.Tensor(x, requires_grad=True)
    ((layer(t) - target) ** 2).sum().backward()
    y = softmax(x[0])
    jacobian = np.diag(y) - np.outer(y, y)
    np.testing.assert_allclose(t.grad.numpy()[0], jacobian @ (2 * (y - target[0])), rtol=1e-12)


def test_softmax_layer_and_crossentropy_give_the_fused_gradient() -> None:
    x, target = np.random.default_rng(0).normal(size=(6, 4)), np.eye(4)[[0, 1, 2, 3, 0, 1]]
    logits, direct = gn.Tensor(x, requires_grad=True), gn.Tensor(x, requires_grad=True)
    probabilities = gn.ops.identity(Softmax(dtype="float64")(logits))  # by the Jacobian, not recognised as softmax
    (-(gn.ops.log(probabilities) * target).sum() / 6).backward()
    gn.losses.CategoricalCrossentropy(from_logits=True)(target, direct).backward()
    np.testing.assert_allclose(logits.grad.numpy(), direct.grad.numpy(), atol=1e-10 * np.abs(direct.grad.numpy()).max())


def test_prelu_learns_its_slope() -> None:
    layer = PReLU(dtype="float64")
    layer(np.array([[-2.0, 3.0], [-1.0, -5.0]])).sum().backward()
    np.testing.assert_array_equal(layer.alpha.grad.numpy(), [-3.0, -5.0])  # the negative inputs per feature


def test_prelu_serves_images_of_any_size_where_the_axes_are_shared() -> None:
    layer = PReLU(shared_axes=[1, 2])
    assert layer(np.ones((1, 4, 4, 3))).shape == (1, 4, 4, 3)
    assert layer(np.ones((1, 6, 5, 3))).shape == (1, 6, 5, 3)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: ReLU(max_value=-1.0), r"ReLU '\w+': max_value cannot be negative\n  received: max_value=-1.0"),
        (lambda: ReLU(negative_slope=-1.0), "negative_slope cannot be negative"),
        (lambda: LeakyReLU(-0.1), r"LeakyReLU '\w+': negative_slope cannot be negative"),
        (lambda: ELU(alpha=-1.0), r"ELU '\w+': alpha cannot be negative\n  received: alpha=-1.0"),
        (lambda: Softmax(axis=2)(np.ones((1, 3))), "no axis 2"),
        (lambda: PReLU(shared_axes=[0])(np.ones((1, 3))), r"shared_axes are axes of a sample\n  expected: 1..1"),
    ],
)
def test_bad_settings_are_refused(make: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        make()
