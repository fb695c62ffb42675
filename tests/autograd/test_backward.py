"""The reverse sweep: each node once, sums that corrupt nothing, any depth, and errors for wrong derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.op import Op, apply
from glassnet.errors import GradientError, ShapeError


def leaf(*values: float) -> Tensor:
    return Tensor(np.array(values), requires_grad=True)


class SinCos(Op):
    """Two outputs; the cotangent of one that is not used is None."""

    rule = "s = sin(x); c = cos(x)"
    outputs = saves = ("s", "c")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sin(x), xp.cos(x)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        terms = [sign * g_i * y_i for sign, g_i, y_i in ((1, g[0], y[1]), (-1, g[1], y[0])) if g_i is not None]
        return sum(terms[1:], terms[0])


class ScaledSquare(Op):
    """(x w)², fused: p = x w is a residual, so its vjp cannot be differentiated and `compose` has to be."""

    residuals = ("p",)
    saves = ("x", "w", "p")
    order = 1

    def shapes(self, x: Any, w: Any) -> Any:
        return x.shape, x.shape

    def forward(self, xp: Any, x: Any, w: Any) -> Any:
        return (x * w) ** 2, x * w

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, needed: Any) -> Any:
        return 2 * y[1] * w * g, 2 * y[1] * x * g

    def compose(self, F: Any, x: Any, w: Any) -> Any:
        return F.square(x * w)


def test_diamonds_add_their_branches_and_visit_each_node_once():
    x = leaf(2.0)
    y = x * x
    (y * 3 + y * y).backward([1.0])
    assert x.grad.item() == (3 + 2 * 4) * 2 * 2
    x = y = leaf(2.0)
    for _ in range(60):  # 2⁶⁰ paths
        y = y + y
    y.backward([1.0])
    assert x.grad.item() == 2.0**60


def test_a_chain_of_20000_nodes_needs_no_recursion():
    x = y = leaf(1.0)
    for _ in range(20_000):
        y = -y
    y.backward([1.0])
    del y
    assert x.grad.item() == 1.0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_accumulation_never_writes_into_what_others_hold(order: tuple[int, ...]):
    """p + q hands one array to both sides; p then collects twice more, in place."""
    x, q, seed = leaf(1.0, 1.0), leaf(5.0, 5.0), np.array([1.0, 1.0])
    p = x * 1.0
    terms = [p + q, p * 2.0, p * 3.0]
    a, b, c = (terms[i] for i in order)
    (a + b + c).backward(seed)
    assert (x.grad.numpy().tolist(), q.grad.numpy().tolist(), seed.tolist()) == ([6, 6], [1, 1], [1, 1])


def test_gradients_collect_over_calls_and_one_handed_out_stays():
    x = leaf(3.0)
    y = x * x
    y.backward([1.0])
    first = x.grad
    y.backward([1.0])
    (x * 2).backward([1.0])
    assert (first.item(), x.grad.item()) == (6.0, 14.0)
    x.zero_grad()
    assert x.grad is None


def test_the_cotangent_is_checked_and_cast():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match=r"needs a cotangent\n.*\n.*shape \(2,\)\n.*loss\.mean"):
        (x * x).backward()
    with pytest.raises(ShapeError, match=r"the cotangent has the wrong shape\n.*\(2,\)\n.*\(3,\)"):
        (x * x).backward([1.0, 1.0, 1.0])
    (x * x).backward([1, 10])
    assert (x.grad.numpy().tolist(), x.grad.dtype) == ([2, 40], "float64")


def test_nothing_is_recorded_where_it_was_switched_off():
    x = leaf(3.0)
    with gn.no_grad():
        untaped = x * x
    for y in (untaped, (x * x).detach(), ops.stop_gradient(x * x)):
        with pytest.raises(GradientError, match=r"no recorded operation created\n.*requires_grad=True"):
            y.backward([1.0])
        x.zero_grad()
        (x * y).backward([1.0])
        assert (x.grad.item(), y.item(), y.requires_grad) == (9, 9, False)  # not 27


def test_create_graph_makes_gradients_differentiable():
    x = leaf(2.0)
    (x**3.0).backward([1.0], create_graph=True)
    slope = x.grad
    x.zero_grad()
    slope.backward([1.0])
    assert (slope.item(), x.grad.item()) == (12.0, 12.0)


def test_a_fused_op_is_differentiated_twice_through_its_composition():
    x, w = np.array([2.0, -1.0]), np.array([3.0, 0.5])
    found = gn.hessian(lambda x: apply(ScaledSquare(), x, w).sum())(x)
    np.testing.assert_allclose(found, np.diag(2 * w * w), rtol=1e-12)
    mixed = gn.grad(lambda w: gn.grad(lambda x: apply(ScaledSquare(), x, w).sum())(x).sum())(w)
    np.testing.assert_allclose(mixed, 4 * x * w, rtol=1e-12)


S, C = np.sin(0.7), np.cos(0.7)
USED: dict[str, tuple[Any, float]] = {
    "first": (lambda s, c: s * s, 2 * S * C),
    "second": (lambda s, c: c * 3, -3 * S),
    "both": (lambda s, c: s * s * c, 2 * S * C * C - S**3),
}


@pytest.mark.parametrize("used", USED)
def test_outputs_may_stay_unused(used: str):
    function, slope = USED[used]
    found = gn.grad(lambda x: function(*apply(SinCos(), x)))(np.array(0.7))
    np.testing.assert_allclose(found, slope, rtol=1e-12)


def test_second_derivatives_through_two_outputs():
    found = gn.hessian(lambda x: USED["both"][0](*apply(SinCos(), x)))(np.array(0.7))
    np.testing.assert_allclose(found, 2 * C**3 - 7 * S * S * C, rtol=1e-12)


class Wrong(Op):
    """1 x, with a mistake in its vjp."""

    saves = ("x",)
    mistake: str

    def shapes(self, x: Any) -> Any:
        return x.shape

    def forward(self, xp: Any, x: Any) -> Any:
        return 1 * x

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        return {"count": (g, g), "shape": g.sum(axis=0), "dtype": g.astype("float32")}[self.mistake]


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        ("count", r"wrong: vjp must return one cotangent per input\n.*1\n.*2"),
        ("shape", r"wrong: its vjp returned a cotangent .*\n.*shape \(2, 3\), .*\n.*shape \(3,\)"),
        ("dtype", r"wrong: its vjp returned a cotangent .*\n.*dtype float64\n.*dtype float32"),
    ],
)
def test_a_wrong_vjp_is_an_error(mistake: str, text: str):
    y = apply(Wrong(mistake), Tensor(np.ones((2, 3)), requires_grad=True))
    with pytest.raises(GradientError, match=text):
        y.sum().backward()
