"""Activations by name, and the settings that `activations` has beyond `ops`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import glassnet as gn
from glassnet import activations
from glassnet.errors import ArgumentError, SavingError

X = np.array([-9.0, -2.5, -0.5, 0.25, 0.75, 1.5, 3.5, 6.5, 9.0])


def relu_by_cases(x: float, negative_slope: float, max_value: float | None, threshold: float) -> float:
    if max_value is not None and x >= max_value:
        return max_value
    return x if x > threshold else negative_slope * (x - threshold)


@pytest.mark.parametrize(
    ("negative_slope", "max_value", "threshold"),
    [(0.0, None, 0.0), (0.3, None, 0.0), (0.0, 6.0, 0.0), (0.0, None, 1.0), (0.3, None, 1.0), (0.3, 6.0, 1.0)],
)
def test_relu_bends_as_its_settings_say(negative_slope: float, max_value: float | None, threshold: float) -> None:
    found = activations.relu(X, negative_slope, max_value, threshold)
    expected = [relu_by_cases(x, negative_slope, max_value, threshold) for x in X]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    slopes = [1.0 if threshold < x < (max_value or np.inf) else negative_slope if x <= threshold else 0.0 for x in X]
    slope = gn.grad(lambda t: activations.relu(t, negative_slope, max_value, threshold).sum())(X)
    np.testing.assert_allclose(slope.numpy(), slopes, rtol=1e-14)


def test_gelu_is_exact_unless_asked_for_the_approximation() -> None:
    np.testing.assert_allclose(activations.gelu(X), X * special.ndtr(X), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(activations.gelu(X, approximate=True), gn.ops.gelu(X))


def test_exponential_and_linear() -> None:
    np.testing.assert_array_equal(activations.exponential(X), np.exp(X))
    assert activations.linear(X) is X


@pytest.mark.parametrize("name", sorted({*activations.__all__} - {"deserialize", "get", "serialize"}))
def test_every_function_is_found_by_its_name_and_named_again(name: str) -> None:
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.deserialize(activations.serialize(function)) is function


def test_none_is_linear_and_own_functions_are_taken() -> None:
    def double(x: Any) -> Any:
        return 2 * x

    assert activations.get(None) is activations.linear
    assert activations.get(double) is double
    with pytest.raises(SavingError, match="the activation 'double' cannot be saved"):
        activations.serialize(double)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'sigmoid'"):
        activations.get("sigmod")
