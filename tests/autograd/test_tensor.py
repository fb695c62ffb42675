"""Tensor: operators, dtype rules, immutability, what a symbolic tensor refuses, and what is copied."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.op import apply
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, DataError, DTypeError, GraphError
from glassnet.ops.activation import Elu

OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne"]
A = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
B = np.array([[2.0, 2.0], [0.5, 3.0]], "float32")


def values(*tensors: Any) -> list[Any]:
    return [t.numpy().tolist() for t in tensors]


def close(found: Any, expected: Any) -> None:
    assert type(found) is Tensor
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", [*OPERATORS, "matmul"])
@pytest.mark.parametrize("wrap", [(Tensor, Tensor), (Tensor, np.array), (np.array, Tensor), (gn.Variable, Tensor)])
def test_operators_work_with_a_tensor_on_either_side(name: str, wrap: Any):
    apply = getattr(operator, name)
    close(apply(wrap[0](A), wrap[1](B)), apply(A, B))


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("number", [2, 2.0, np.float32(2)])
def test_operators_take_numbers_on_either_side(name: str, number: Any):
    apply = getattr(operator, name)
    close(apply(Tensor(A), number), apply(A, number))
    close(apply(number, Tensor(A)), apply(number, A))


def test_unary_operators_and_methods_equal_numpy():
    x, p, q = Tensor(A - 2), Tensor([True, True, False]), Tensor([True, False, False])
    for found, expected in [(-x, 2 - A), (+x, A - 2), (abs(x), abs(A - 2)), (x.T, A.T - 2), (x.mean(0), A.mean(0) - 2)]:
        close(found, expected)
    assert values(p & q, p | q, p ^ q, ~p) == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert x.reshape(4).shape == x.reshape((4,)).shape == x.reshape(-1).shape == (4,)
    assert (x.ndim, x.size, len(x), x.sum().item(), int(x[1, 1]), [10, 20][Tensor(1)]) == (2, 4, 2, 2.0, 2, 20)


DTYPES = [
    (Tensor(np.ones(2, "float32")), 2.5, "float32"), (Tensor(np.ones(2, "float64")), 2.5, "float64"),
    (Tensor([1, 2]), 3, "int64"), (Tensor([1, 2]), 0.5, "float32"), (Tensor([True, False]), True, "bool"),
    (Tensor([True, False]), 2, "int64"), (Tensor(np.array([1, 2], "uint8")), 2, "uint8"),
    (Tensor([1, 2]), Tensor(np.ones(2, "float32")), "float32"), (Tensor([True, False]), Tensor([1.0, 2.0]), "float32"),
    (Tensor([1, 2]), Tensor(np.ones(2, "float64")), "float64"), (np.array([1, 2]), Tensor([1.0, 2.0]), "float32"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "dtype"), DTYPES)
def test_python_numbers_are_weak_and_floats_win_over_integers(a: Any, b: Any, dtype: str):
    assert (a + b).dtype == (b + a).dtype == dtype


def test_a_numpy_number_as_attribute_of_an_operation_is_weak_too():
    assert apply(Elu(np.float64(0.5)), Tensor(-np.ones(2, "float32"))).dtype == "float32"


def test_two_float_types_are_refused():
    with pytest.raises(DTypeError, match=r"add: two different float types\n.*\n.*float32, float64\n.*astype\('float32"):
        Tensor(np.ones(2, "float32")) + Tensor(np.ones(2, "float64"))


def test_a_tensor_cannot_be_changed():
    x = before = Tensor([1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"cannot be changed in place\n.*x\[...\] = value\n.*slice_update"):
        x[0] = 5.0
    x += 1
    assert values(before, x) == [[1, 2], [2, 3]]


def test_numpy_functions_refuse_a_tensor_instead_of_losing_the_tape():
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.exp(Tensor([1.0], requires_grad=True))


def test_iteration_goes_over_the_first_axis_and_keeps_the_tape():
    x = Tensor(A, requires_grad=True)
    first, second = x
    (first * 10 + second).sum().backward()
    assert values(x.grad) == [[[10, 10], [1, 1]]]
    with pytest.raises(DTypeError, match="without axes"):
        iter(Tensor(1.0))


@pytest.mark.parametrize("what", [bool, float, int, np.asarray, Tensor.numpy, Tensor.item, operator.index])
def test_a_symbolic_tensor_has_no_number_and_names_the_line_that_asked(what: Any):
    x = Tensor(Spec((None, 3), np.dtype("float32")))
    assert (x.is_symbolic, repr(x.sum(axis=0))) == (True, "Tensor(Spec((3,), float32))")
    with pytest.raises(GraphError, match=r"asked at .*test_tensor\.py:\d+: while .*\n.*gn\.ops\.where"):
        what(x)


@pytest.mark.parametrize("dump", [pickle.dumps, copy.copy, copy.deepcopy])
def test_pickling_is_refused(dump: Any):
    with pytest.raises(ArgumentError, match=r"cannot be pickled\n.*tensor\.numpy\(\)"):
        dump(Tensor([1.0]))


def test_a_list_of_tensors_is_stacked_and_keeps_the_tape():
    x, w = Tensor([1.0, 2.0, 3.0], requires_grad=True), gn.Variable(2.0)
    y = ops.square([x[0] * 2, x[2], w])
    y.sum().backward()
    assert values(y, x.grad, w.grad) == [[4, 9, 4], [8, 0, 6], 4]


def test_arrays_of_the_caller_are_copied_in_and_out():
    array, seed = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    x, w = Tensor(array, requires_grad=True), gn.Variable(array)
    y = x * x + w
    array[:] = 7
    y.backward(seed)
    seed[:] = 7
    x.numpy()[:] = np.asarray(x)[:] = w.numpy()[:] = np.asarray(w)[:] = x.grad.numpy()[:] = 9
    assert values(x, w, x.grad, w.grad) == [[1, 2], [1, 2], [2, 4], [1, 1]]


REFUSED = [
    (["cat", "dog"], DTypeError, r"strings cannot become a tensor\n.*\n.*\n.*class names into indices"),
    ([[1, 2], [3]], DataError, "rows of unequal length"),
    ([1j], DTypeError, "complex numbers"),
    ([None], DTypeError, "Python objects"),
    (np.array(["2020"], "M8[Y]"), DTypeError, "dates"),
]


@pytest.mark.parametrize(("data", "error", "text"), REFUSED)
def test_what_cannot_be_a_tensor_is_named(data: Any, error: Any, text: str):
    with pytest.raises(error, match=text):
        Tensor(data)


def test_only_floats_have_gradients():
    with pytest.raises(DTypeError, match=r"floating type have a gradient\n.*int64"):
        Tensor([1, 2], requires_grad=True)


def test_the_printed_form_shows_values_dtype_and_tracking():
    assert repr(Tensor([1.0, 2.5], requires_grad=True)) == "Tensor([1. , 2.5], dtype=float32, requires_grad=True)"
    assert repr(Tensor([[1, 2], [3, 4]])) == "Tensor([[1, 2],\n        [3, 4]], dtype=int64)"
