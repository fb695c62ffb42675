"""grad, value_and_grad, vjp, jacobian, hessian and hvp against hand-worked results and differences."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, config, ops
from glassnet.autograd.functional import map_structure
from glassnet.errors import ArgumentError, GradientError, ShapeError

Pair = namedtuple("Pair", "a b")


def plain(structure: Any) -> Any:
    """Nested lists and numbers in place of tensors."""
    return map_structure(lambda t: t.numpy().tolist(), structure)


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
    g += 10.0 / f
    return g


def test_the_expression_of_micrograds_readme():
    a, b = Tensor(np.float64(-4), requires_grad=True), Tensor(np.float64(2), requires_grad=True)
    g = micrograd(a, b)
    g.backward()
    assert [round(t.item(), 4) for t in (g, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]
    value, slopes = gn.value_and_grad(micrograd, argnums=(0, 1))(a.detach(), b.detach())
    assert [value.item(), *plain(slopes)] == [g.item(), a.grad.item(), b.grad.item()]


def smooth(x: Any) -> Any:
    """Some function of three numbers with a full Hessian."""
    return (ops.tanh(np.linspace(-1.0, 1.0, 12).reshape(4, 3) @ x) ** 2.0).sum() + ops.exp(x[0] * x[1]) * x[2]


def differences(function: Any, x: Any, h: float = 1e-5) -> Any:
    """Derivatives by central differences, the input's axis last."""
    steps = h * np.eye(x.size)
    return np.stack([(function(x + d).numpy() - function(x - d).numpy()) / (2 * h) for d in steps], axis=-1)


def test_first_and_second_derivatives_equal_differences():
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(gn.grad(smooth)(x), differences(lambda x: smooth(Tensor(x)), x), rtol=1e-7)
    second = gn.hessian(smooth)(x).numpy()
    np.testing.assert_allclose(second, differences(gn.grad(smooth), x), rtol=1e-6)
    np.testing.assert_allclose(gn.hvp(smooth, (x,), (v,))[0], second @ v, rtol=1e-12)
    np.testing.assert_allclose(gn.jacobian(gn.grad(smooth))(x), second, rtol=1e-12)


def test_derivatives_of_every_order():
    def function(x: Any) -> Any:
        return x**4.0

    for slope in [4 * 27.0, 12 * 9.0, 24 * 3.0, 24.0, 0.0]:
        function = gn.grad(function)
        assert function(np.float64(3.0)).item() == slope


def test_a_jacobian_has_output_axes_before_input_axes():
    found = gn.jacobian(lambda x: ops.sum(x * x, axis=1))([[0, 1, 2], [3, 4, 5]])
    assert plain(found) == [[[0, 2, 4], [0, 0, 0]], [[0, 0, 0], [6, 8, 10]]]
    assert plain(gn.jacobian(lambda a, b: a * b, argnums=1)([1.0, 2.0], [3.0, 4.0])) == [[1, 0], [0, 2]]
    assert gn.jacobian(lambda x: x * x)(np.zeros(0)).shape == (0, 0)


def test_argnums_aux_and_keywords():
    both = gn.value_and_grad(lambda a, b, *, c: (a * a * b * c, "seen"), argnums=(0, -1), has_aux=True)
    (value, aux), slopes = both(3.0, 5.0, c=2.0)
    assert (value.item(), aux, plain(slopes)) == (90, "seen", (60, 18))
    slope, aux = gn.grad(lambda a: (a * a, "seen"), has_aux=True)(3.0)
    assert (slope.item(), aux) == (6, "seen")


X12 = np.array([1.0, 2.0])
PYTREES: list[tuple[Any, Any, Any]] = [
    (lambda p: p["w"] * p["w"] + p["b"], {"w": 3.0, "b": 1.0}, {"w": 6, "b": 1}),
    (lambda p: p[0] * p[1][0], (2.0, (5.0,)), (5, (2,))),
    (lambda p: (p[0] * p[1]["x"]).sum(), [X12, {"x": X12 + 2}], [[3, 4], {"x": [1, 2]}]),
    (lambda p: p.a * p.b, Pair(2.0, 3.0), Pair(3, 2)),
    (lambda p: (p * p).sum(), [[1, 2], [3, 4]], [[2, 4], [6, 8]]),
    (lambda p: p["used"] * 2, {"used": 1.0, "unused": [1.0, 2.0]}, {"used": 2, "unused": [0, 0]}),
]


@pytest.mark.parametrize(("function", "argument", "expected"), PYTREES)
def test_a_gradient_has_the_structure_of_its_argument(function: Any, argument: Any, expected: Any):
    found = plain(gn.grad(function)(argument))
    assert (found, type(found)) == (expected, type(expected))


def test_integers_become_the_default_float(monkeypatch: pytest.MonkeyPatch):
    assert gn.grad(lambda x: x * x)(3).dtype == "float32"
    monkeypatch.setattr(config, "_floatx", np.dtype("float64"))
    assert gn.grad(lambda x: x * x)(3).dtype == "float64"


def test_vjp_maps_cotangents_of_results_to_cotangents_of_arguments():
    matrix = np.arange(6.0).reshape(2, 3)
    result, pull = gn.vjp(lambda x, s: {"y": matrix @ x, "z": x * s}, np.ones(3), np.float64(2.0))
    assert plain(result) == {"y": [3, 12], "z": [2, 2, 2]}
    assert plain(pull({"y": [1.0, 10.0], "z": [0, 0, 100]})) == ([30, 41, 252], 100)
    with pytest.raises(ArgumentError, match=r"one cotangent per result is needed\n.*2\n.*1"):
        pull({"y": [1.0, 10.0]})


def test_a_vjp_can_itself_be_differentiated():
    slope = gn.grad(lambda x: gn.vjp(lambda z: z**3.0, x)[1](1.0)[0] * x)  # of 3 x³
    assert slope(np.float64(2.0)).item() == 9 * 4
    _, pull = gn.vjp(lambda x: x**3.0, np.array([1.0, 2.0]))
    _, forward = gn.vjp(lambda u: pull(u)[0], np.zeros(2))  # the vjp of a vjp is the directional derivative
    assert plain(forward([1.0, 10.0])) == ([3, 120],)


def test_gradients_through_closures_over_variables_can_be_differentiated_again():
    w, x = gn.Variable([1.0, 2.0]), np.array([3.0, 5.0], "float32")
    slope = gn.grad(lambda x: (w * x * x).sum())(x)  # 2 w x
    (slope * slope).sum().backward()  # 4 w² x², so 8 w x²
    assert plain(w.grad) == [72, 400]
    w.zero_grad()
    slope = gn.grad(lambda w: (w**3.0).sum())(w)  # a Variable as the argument: 3 w²
    slope.sum().backward()
    assert (plain(slope), plain(w.grad)) == ([3, 12], [6, 12])


def test_gradients_are_recorded_only_where_something_else_could_be_differentiated():
    w = gn.Variable([1.0, 2.0])
    assert not gn.grad(lambda x: (x * x).sum())([3.0, 5.0]).requires_grad
    with gn.no_grad():
        assert not gn.grad(lambda x: (w * x).sum())([3.0, 5.0]).requires_grad


ERRORS: list[tuple[Any, Any, str]] = [
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
