"""Variable: changed by assign only, and no gradient flows through values that were overwritten since."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, Variable, ops
from glassnet.errors import GradientError, ShapeError


def line(offset: int) -> str:
    """`file:line` of a line near the caller's, as a pattern."""
    frame = inspect.stack()[1]
    return re.escape(f"{frame.filename}:{frame.lineno + offset}")


def test_assign_writes_in_place_and_raises_the_version():
    w = Variable([1.0, 2.0])
    array, versions = w.array, [w.version]
    for assign, value in [(w.assign, [3, 4]), (w.assign_add, [1, 1]), (w.assign_sub, Variable([2.0, 2.0]))]:
        assign(value)
        versions.append(w.version)
    assert w.array is array
    assert (w.numpy().tolist(), w.dtype, versions) == ([2, 3], "float32", sorted(set(versions)))


def test_assign_of_a_view_of_itself_is_safe():
    w = Variable([[1.0, 2.0], [3.0, 4.0]])
    w.assign(w.value.T)
    assert w.numpy().tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("value", [[1.0], 1.0, [[1.0, 2.0]]])
def test_assign_needs_the_same_shape(value: Any):
    w = Variable([1.0, 2.0], name="w")
    with pytest.raises(ShapeError, match=r"w: assign needs the variable's own shape\n.*\(2,\)\n.*received"):
        w.assign(value)
    assert w.version == 0


def frozen(w: Variable) -> Variable:
    w.trainable = False
    return w


def untaped(w: Variable) -> Tensor:
    with gn.no_grad():
        return w.value.T


USES: dict[str, Any] = {
    "directly": lambda x, w: x * w,
    "in a product": lambda x, w: x @ w,
    "in a fused op": lambda x, w: ops.linear(x, w, [0.0, 0.0]),
    "through a transposed view": lambda x, w: x @ w.T,
    "through a reshaped view": lambda x, w: x * w.reshape(4).reshape(2, 2),
    "through a row": lambda x, w: x * w[0],
    "as a frozen variable": lambda x, w: frozen(w) * x,
}


@pytest.mark.parametrize("use", USES)
def test_backward_through_an_overwritten_value_names_both_lines(use: str):
    x, w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
    y = USES[use](x, w).sum()
    w.assign_add(w)
    text = rf"w has been changed since it was used\n.*\n.*test_variable\.py:\d+, changed at {line(-1)}\n"
    with pytest.raises(GradientError, match=text):
        y.backward()


@pytest.mark.parametrize("view", [lambda w: w.value.detach().T, untaped, lambda w: frozen(w).T])
def test_untracked_views_are_watched_too(view: Any):
    x, w = Tensor([[1.0], [1.0]], requires_grad=True), Variable([[1.0, 2.0]])
    y = (x * view(w)).sum()
    w.assign([[5.0, 5.0]])
    with pytest.raises(GradientError, match="changed since"):
        y.backward()


def test_an_overwritten_value_that_no_gradient_reads_does_no_harm():
    x, w = Tensor([1.0, 2.0], requires_grad=True), Variable([1.0, 2.0])
    y = (x * 3 + w).sum()
    w.assign([5.0, 5.0])
    y.backward()
    (x * w).sum().backward()  # a new forward reads the new values
    assert (x.grad.numpy().tolist(), w.grad.numpy().tolist()) == ([8, 8], [2, 3])


def test_trainable_decides_about_the_gradient_and_integers_never_have_one():
    w, n = Variable([1.0, 2.0]), Variable(np.array([1, 2]))
    assert not (frozen(w) * 2).requires_grad
    w.trainable = True
    (w * n).sum().backward()
    assert (w.grad.numpy().tolist(), n.grad) == ([1, 2], None)
    w.zero_grad()
    assert w.grad is None


def test_never_trainable_variables_stay_frozen_when_their_layer_is_unfrozen():
    layer = gn.layers.BatchNormalization()
    layer.build((None, 3))
    for trainable, count in [(False, 0), (True, 2)] * 2:
        layer.trainable = trainable
        assert sum(v.trainable for v in layer.variables) == count


def test_a_variable_is_read_like_a_tensor():
    w = Variable([[1.0, 2.0]], name="w")
    assert (w.shape, w.ndim, w.size, len(w), w[0, 1].item()) == ((1, 2), 2, 2, 1, 2.0)
    assert (float(Variable(2.5)), int(Variable(3)), np.asarray(w).tolist()) == (2.5, 3, [[1, 2]])
    assert repr(w) == "<Variable w shape=(1, 2) dtype=float32 trainable=True>"
    assert Variable(np.zeros(2)).dtype == Variable([0.0], dtype="float64").dtype == "float64"


def test_an_array_times_a_variable_is_recorded():
    assert isinstance(np.ones(2, "float32") * Variable([1.0, 2.0]), Tensor)


@pytest.mark.parametrize("call", [lambda w: [t.item() for t in w], lambda w: [bool(w[:1]), bool(Variable([0.0]))]])
def test_truth_and_iteration_are_those_of_the_tensor(call: Any):
    assert call(Variable([1.0, 0.0])) == [1, 0]
