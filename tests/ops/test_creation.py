"""Constants, conversions and facts about tensors."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import wrap
from glassnet.errors import ArgumentError
from glassnet.ops.creation import FullLike

from helpers.contract import Case, contract_test

test_contract = contract_test(
    [
        Case(FullLike(2.5, "float32"), (3, 4), oracle=lambda x: np.full((3, 4), 2.5)),
        Case(FullLike(0, "int64"), np.array([[1, 2]]), oracle=np.zeros_like, empty=[(0, 2)]),
        Case(FullLike(True, "bool"), (2,), oracle=lambda x: np.array([True, True])),
    ]
)


def same(got, expected):
    """A Tensor with exactly the values and dtype of an array."""
    assert isinstance(got, gn.Tensor)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.numpy(), expected)


@pytest.mark.parametrize("dtype", [None, "float64", "int32", "bool"])
def test_constants_agree_with_numpy(dtype):
    wanted = dtype or "float32"
    same(ops.zeros((2, 3), dtype), np.zeros((2, 3), wanted))
    same(ops.ones(3, dtype), np.ones(3, wanted))
    same(ops.empty((2, 3), dtype), np.zeros((2, 3), wanted))
    same(ops.full((2, 2), 1.0, dtype), np.ones((2, 2), wanted))
    same(ops.eye(2, 4, k=1, dtype=dtype), np.eye(2, 4, 1, wanted))


def test_full_repeats_an_array_and_passes_its_gradient():
    row = gn.Tensor([1.0, 2.0], requires_grad=True)
    y = ops.full((3, 2), row)
    same(y, np.array([[1, 2]] * 3, "float32"))
    y.sum().backward()
    np.testing.assert_array_equal(row.grad.numpy(), [3.0, 3.0])


def test_ranges_of_whole_numbers_are_integers_and_others_floats():
    same(ops.arange(3), np.array([0, 1, 2]))
    same(ops.arange(5, 1, -2), np.array([5, 3]))
    same(ops.arange(0.0, 1.0, 0.25), np.array([0, 0.25, 0.5, 0.75], "float32"))
    same(ops.arange(3, dtype="float64"), np.array([0.0, 1.0, 2.0]))
    same(ops.arange(3, 3), np.zeros(0, "int64"))


def test_a_range_with_step_zero_is_refused():
    with pytest.raises(ArgumentError, match="the step is 0"):
        ops.arange(0, 3, 0)


def test_linspace_agrees_with_numpy():
    same(ops.linspace(-1, 1, 5), np.linspace(-1, 1, 5, dtype="float32"))
    same(ops.linspace(0, 1, 4, endpoint=False, dtype="float64"), np.array([0.0, 0.25, 0.5, 0.75]))
    ends = np.array([0.0, 10.0]), np.array([1.0, 20.0])
    same(ops.linspace(*ends, 3, axis=1), np.linspace(*ends, 3, axis=1, dtype="float32"))
    assert ops.linspace(0, 1, 5, retstep=True)[1] == 0.25
    with pytest.raises(ArgumentError, match="negative number of samples"):
        ops.linspace(0, 1, -1)


def test_like_functions_keep_kind_shape_and_dtype():
    x = np.array([[1.0, 2.0]], "float32")
    for found in (ops.zeros_like(x), ops.empty_like(x), ops.ones_like(x), ops.full_like(x, 3)):
        assert isinstance(found, np.ndarray)
        assert (found.shape, found.dtype) == ((1, 2), np.float32)
    same(ops.ones_like(gn.Tensor(x), "int32"), np.ones((1, 2), "int32"))
    same(ops.full_like(gn.Tensor(x), gn.Tensor([5.0, 6.0])), np.array([[5, 6]], "float32"))
    same(ops.zeros_like([1, 2]), np.zeros(2, "int64"))


def test_like_functions_work_before_the_batch_size_is_known():
    x = wrap(Spec((None, 3), np.dtype("float32")), None)
    assert ops.ones_like(x).data == x.data


@pytest.mark.parametrize("make", [ops.zeros, ops.ones, lambda shape: ops.full(shape, 2.0)])
def test_a_layer_may_make_constants_of_the_size_of_the_batch(make):
    class WithToken(gn.layers.Layer):
        def call(self, inputs):
            return ops.concatenate([make((ops.shape(inputs)[0], 1, 2)), inputs], axis=1)

    x = gn.Input((3, 2))
    model = gn.Model(x, WithToken()(x))
    assert model.output_shape == (None, 4, 2)
    assert model(np.zeros((5, 3, 2))).shape == (5, 4, 2)


def test_conversions_go_both_ways():
    same(ops.convert_to_tensor([1, 2], "float32"), np.array([1, 2], "float32"))
    same(ops.array([1, 2], "float32"), np.array([1, 2], "float32"))
    tensor = gn.Tensor([1.0])
    assert ops.convert_to_tensor(tensor) is tensor
    assert ops.convert_to_tensor(gn.Variable([1.0])).dtype == np.float32
    array = np.array([1.0])
    copied = ops.convert_to_numpy(array)
    copied[0] = 9.0
    assert array[0] == 1.0
    np.testing.assert_array_equal(ops.convert_to_numpy([1, 2]), [1, 2])


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_only_dense_tensors_exist(kind):
    with pytest.raises(ArgumentError, match=f"no {kind} tensors"):
        ops.convert_to_tensor([1], **{kind: True})


def test_a_copy_does_not_follow_the_variable_but_passes_gradients():
    w = gn.Variable([1.0, 2.0])
    before = ops.copy(w)
    before.sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [1.0, 1.0])
    w.assign([5.0, 5.0])
    np.testing.assert_array_equal(before.numpy(), [1.0, 2.0])


def test_stop_gradient_has_the_value_and_no_gradient():
    x = gn.Tensor([3.0], requires_grad=True)
    constant = ops.stop_gradient(x * 2)
    same(constant, np.array([6.0], "float32"))
    assert not constant.requires_grad
    (x * constant).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0])


def test_stop_gradient_is_kept_by_replay():
    step = gn.jit(lambda x: gn.grad(lambda z: (z * ops.stop_gradient(z)).sum())(x))
    for x in ([3.0], [4.0]):
        np.testing.assert_array_equal(step(np.array(x)).numpy(), x)


def test_facts():
    x = gn.Tensor([[1.0, 2.0, 3.0]])
    assert (ops.shape(x), ops.ndim(x), ops.size(x), ops.dtype(x)) == ((1, 3), 2, 3, "float32")
    assert ops.shape(wrap(Spec((None, 3), np.dtype("float32")), None)) == (None, 3)
    assert ops.is_tensor(x)
    assert not ops.is_tensor(np.ones(2))
