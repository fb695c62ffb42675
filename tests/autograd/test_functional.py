"""grad, value_and_grad, vjp, jacobian, hessian and hvp against hand-worked results and differences."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, config, ops
from glassnet.errors import ArgumentError, GradientError, ShapeError

Pair = namedtuple("Pair", "a b")


def plain(structure: Any) -> Any:
    """Nested lists and numbers in place of tensors."""
    return gn.autograd.functional.map_structure(lambda t: t.numpy().tolist(), structure)


def micrograd(a: Any, b: Any) -> Any:
    """The expression of micrograd's README."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + ops.relu(b + a)
    d += 3 * d + ops.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def test_the_expression_of_micrograds_readme():
    a, b = Tensor(np.float64(-4), requires_grad=True), Tensor(np.float64(2), requires_grad=True)
    g = micrograd(a, b)
    g.backward()
    assert [round(t.item(), 4) for t in (g, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]
    value, slopes = gn.value_and_grad(micrograd, argnums=(0, 1))(a.detach(), b.detach())
    assert [value.item(), *plain(slopes)] == [g.item(), a.grad.item(), b.grad.item()]


def smooth(x: Any) -> Any:
    """Some function of a vector with a full Hessian."""
    w = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    return (ops.tanh(w @ x) ** 2.0).sum() + ops.exp(x[0] * x[1]) * x[2]


def differences(function: Any, x: Any, h: float = 1e-5) -> Any:
    """Derivatives by central differences, the input's axis last."""
    return np.stack([(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(x.size)], axis=-1)


def test_first_and_second_derivatives_equal_differences():
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 0.5])
    first = gn.grad(smooth)(x).numpy()
    np.testing.assert_allclose(first, differences(lambda x: smooth(Tensor(x)).item(), x), rtol=1e-7)
    second = gn.hessian(smooth)(x).numpy()
    np.testing.assert_allclose(second, differences(lambda x: gn.grad(smooth)(x).numpy(), x), rtol=1e-6)
    np.testing.assert_allclose(gn.hvp(smooth, (x,), (v,))[0].numpy(), second @ v, rtol=1e-12)
    np.testing.assert_allclose(gn.jacobian(gn.grad(smooth))(x).numpy(), second, rtol=1e-12)


def test_derivatives_of_every_order():
    function, expected = (lambda x: x**4.0), [4 * 8.0, 12 * 4.0, 24 * 2.0, 24.0, 0.0]
    for slope in expected:
        function = gn.grad(function)
        assert function(np.float64(2.0)).item() == slope


def test_jacobian_has_output_axes_before_input_axes():
    x = np.arange(6.0).reshape(2, 3)
    found = gn.jacobian(lambda x: ops.sum(x * x, axis=1))(x).numpy()
    expected = np.zeros((2, 2, 3))
    expected[0, 0], expected[1, 1] = 2 * x
    np.testing.assert_array_equal(found, expected)
    assert gn.jacobian(lambda a, b: a * b, argnums=1)([1.0, 2.0], [3.0, 4.0]).numpy().tolist() == [[1, 0], [0, 2]]
    assert gn.jacobian(lambda x: x * x)(np.zeros(0)).shape == (0, 0)


def test_argnums_aux_and_keywords():
    def function(a: Any, b: Any, *, c: float) -> Any:
        return a * a * b * c, "seen"

    both = gn.value_and_grad(function, argnums=(0, -1), has_aux=True)
    assert plain(gn.grad(function, has_aux=True)(3.0, 5.0, c=2.0)[0]) == 60
    (value, aux), slopes = both(3.0, 5.0, c=2.0)
    assert (value.item(), aux, plain(slopes)) == (90, "seen", (60, 18))


@pytest.mark.parametrize(
    ("function", "argument", "expected"),
    [
        (lambda p: p["w"] * p["w"] + p["b"], {"w": 3.0, "b": 1.0}, {"w": 6, "b": 1}),
        (lambda p: p[0] * p[1][0], (2.0, (5.0,)), (5, (2,))),
        (lambda p: (p[0] * p[1]["x"]).sum(), [np.array([1.0, 2.0]), {"x": np.array([3.0, 4.0])}], [[3, 4], {"x": [1, 2]}]),
        (lambda p: p.a * p.b, Pair(2.0, 3.0), Pair(3, 2)),
        (lambda p: (p * p).sum(), [[1, 2], [3, 4]], [[2, 4], [6, 8]]),
        (lambda p: p["used"] * 2, {"used": 1.0, "unused": [1.0, 2.0]}, {"used": 2, "unused": [0, 0]}),
    ],
)
def test_a_gradient_has_the_structure_of_its_argument(function: Any, argument: Any, expected: Any):
    found = plain(gn.grad(function)(argument))
    assert found == expected and type(found) is type(expected)


def test_integers_become_the_default_float():
    assert gn.grad(lambda x: x * x)(3).dtype == "float32"
    config.set_floatx("float64")
    try:
        assert gn.grad(lambda x: x * x)(3).dtype == "float64"
    finally:
        config.set_floatx("float32")


def test_vjp_maps_cotangents_of_results_to_cotangents_of_arguments():
    M = np.arange(6.0).reshape(2, 3)
    result, pull = gn.vjp(lambda x, s: {"y": M @ x, "z": x * s}, np.ones(3), np.float64(2.0))
    assert plain(result) == {"y": [3, 12], "z": [2, 2, 2]}
    assert plain(pull({"y": [1.0, 10.0], "z": [0, 0, 100]})) == ([30, 41, 252], 100)
    with pytest.raises(ArgumentError, match=r"one cotangent per result is needed\n.*2\n.*1"):
        pull({"y": [1.0, 10.0]})


def test_a_vjp_can_itself_be_differentiated():
    cube = lambda x: x**3.0  # noqa: E731  # one line says it
    assert gn.grad(lambda x: gn.vjp(cube, x)[1](1.0)[0] * x)(np.float64(2.0)).item() == 9 * 4  # (3 x³)' = 9 x²
    pull = gn.vjp(cube, np.array([1.0, 2.0]))[1]
    directional = gn.vjp(lambda u: pull(u)[0], np.zeros(2))[1]  # the vjp of a vjp is the forward derivative
    assert plain(directional([1.0, 10.0])) == ([3, 120],)


def test_gradients_through_closures_over_variables_can_be_differentiated_again():
    w, x = gn.Variable([1.0, 2.0]), np.array([3.0, 5.0], "float32")
    slope = gn.grad(lambda x: (w * x * x).sum())(x)  # 2 w x
    (slope * slope).sum().backward()  # 4 w² x², so 8 w x²
    assert w.grad.numpy().tolist() == [72, 400]
    w.zero_grad()
    slope = gn.grad(lambda w: (w**3.0).sum())(w)  # a Variable as the argument: 3 w²
    slope.sum().backward()
    assert (plain(slope), plain(w.grad)) == ([3, 12], [6, 12])
    with gn.no_grad():
        assert not gn.grad(lambda x: (w * x).sum())(x).requires_grad
    assert not gn.grad(lambda x: (x * x).sum())(x).requires_grad  # nothing else to differentiate through


ERRORS = [
    (lambda: gn.grad(lambda x: x, argnums=1)(1.0), ArgumentError, r"points past the arguments\n.*0\.\.0\n.*1"),
    (lambda: gn.grad(lambda x: x * x)([1.0, 2.0]), GradientError, r"returns a scalar tensor\n.*\(2,\)\n.*gn\.jacobian"),
    (lambda: gn.grad(lambda x: 3.0)(1.0), GradientError, r"returns a scalar tensor\n.*float"),
    (lambda: gn.jacobian(lambda x: (x, x))([1.0]), GradientError, r"one tensor to one tensor\n.*Tensor to tuple"),
    (lambda: gn.hvp(smooth, (np.ones(3),), ([1.0],)), ShapeError, r"wrong shape\n.*\(3,\)\n.*\(1,\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_errors_say_what_was_expected(call: Any, error: Any, text: str):
    with pytest.raises(error, match=text):
        call()
