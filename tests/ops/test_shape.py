"""Shape ops: contract table, NumPy twins of the compositions, unknown sizes, error texts."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet import Tensor, ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.op import apply
from glassnet.autograd.spec import Spec
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.joining import Concatenate, Pad
from glassnet.ops.shape import BACKWARD, WHOLE, GetItem, Place, Reshape, Transpose, resolve_shape

from helpers.contract import Case, contract_test

EVERY_SECOND = (1, None, 2)


def placed(x):
    y = np.zeros((4, 5))
    for row in range(2):
        y[1 + 2 * row, 2] = x[0, row]
    return y


def framed(x):
    return np.array([[7.0 if not (1 <= i < 3 and j < 3) else x[i - 1, j] for j in range(5)] for i in range(3)])


def rows_of(x):
    return np.array([x.flat[3 * i : 3 * i + 3] for i in range(4)])


test_contract = contract_test(
    [
        Case(Reshape((4, 3)), (2, 6), oracle=rows_of),
        Case(Reshape((-1, 3)), (2, 6), oracle=rows_of, empty=[(0, 6)]),
        Case(Reshape(()), (1, 1), oracle=lambda x: x[0, 0]),
        Case(Transpose((1, 0)), (3, 4), empty=[(0, 3)]),
        Case(Transpose((2, 0, 1)), (2, 3, 4)),
        Case(GetItem((1, WHOLE)), (3, 4)),
        Case(GetItem((-1, -2)), (3, 4), label="one cell"),
        Case(GetItem((EVERY_SECOND, BACKWARD)), (5, 4), empty=[(0, 4)]),
        Case(GetItem((None, WHOLE, None, (3, 0, -2))), (2, 4)),
        Case(GetItem((0, WHOLE, None)), (1, 4), label="only axes of size 1"),
        Case(GetItem((BACKWARD,)), (4,), label="flip"),
        Case(GetItem(((-1, None, -1),)), (4,), label="flip in other words"),
        Case(Place((4, 5), (None, EVERY_SECOND, 2)), (1, 2), oracle=placed),
        Case(Concatenate(0), (2, 3), (1, 3), (2, 3), empty=[(0, 3), (1, 3), (0, 3)]),
        Case(Concatenate(1), (2, 3), (2, 2)),
        Case(Concatenate(1), (2, 2, 3), label="a single one"),
        Case(Pad(((1, 2), (0, 1))), (2, 3), empty=[(0, 3)]),
        Case(Pad(((1, 0), (0, 2)), 7.0), (2, 3), oracle=framed),
    ]
)

X = np.random.default_rng(0).normal(size=(2, 3, 4))
CALLS = [
    ("reshape", X, (4, -1)), ("reshape", X, -1), ("ravel", X), ("transpose", X), ("transpose", X, (1, -1, 0)),
    ("swapaxes", X, 0, -1), ("moveaxis", X, 0, -1), ("moveaxis", X, (0, 1), (2, 0)), ("moveaxis", X, [2, 0], [0, 1]),
    ("expand_dims", X, 1), ("expand_dims", X, (0, -1)), ("squeeze", X[:1]), ("squeeze", X[:1, :, :1], (0, 2)),
    ("flip", X), ("flip", X, 1), ("flip", X, (0, -1)), ("fliplr", X), ("flipud", X),
    ("repeat", X, 2), ("repeat", X, 3, 1), ("repeat", X, 1, -1), ("repeat", X, [2, 0, 1], 1),
    ("tile", X, 2), ("tile", X, (3, 1, 2)), ("tile", X, (2, 1, 1, 2)),
    ("tile", X[0, 0], 3),
    ("tile", X[0, 0, 0], (2, 2)), ("roll", X, 5), ("roll", X, -1, 1), ("roll", X, 4, 2), ("roll", X, (1, -1), (0, 1)),
    ("roll", X, 1, (0, 1)), ("roll", X[:, :0], 1, 1), ("tril", X), ("tril", X, -1), ("triu", X), ("triu", X, 2),
    ("pad", X, 1), ("pad", X, (1, 2)), ("pad", X, ((0, 1), (2, 0), (0, 0))),
    ("pad", X, ((0, 0), (0, 0), (2, 1)), "reflect"),
    ("pad", X, ((1, 2), (0, 0), (2, 1)), "symmetric"), ("append", X, X[0]), ("append", X, X[:1], 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "rest"), [(c[0], c[1], c[2:]) for c in CALLS])
def test_functions_mean_what_they_mean_in_numpy(name, x, rest):
    expected = getattr(np, name)(x, *rest)
    for given in (x, Tensor(x)):
        np.testing.assert_array_equal(np.asarray(getattr(ops, name)(given, *rest)), expected)


@pytest.mark.parametrize(("how", "axis"), [(2, 0), (3, 1), ([1], -1), ([0, 1, 3, 9], 2), ((2, 1), 1)])
def test_split_means_what_it_means_in_numpy(how, axis):
    got, expected = ops.split(X, how, axis), np.split(X, how, axis)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["hstack", "vstack", "stack", "concatenate"])
@pytest.mark.parametrize("parts", [[X, X], [X[0, 0], X[0, 0]], [X[0], X[1]], X])
def test_joining_means_what_it_means_in_numpy(name, parts):
    for given in (parts, [Tensor(part) for part in parts]):
        np.testing.assert_array_equal(np.asarray(getattr(ops, name)(given)), getattr(np, name)(parts))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_stack_puts_the_new_axis_where_it_is_wanted(axis):
    np.testing.assert_array_equal(ops.stack([X[0], X[1]], axis), np.stack([X[0], X[1]], axis))
    np.testing.assert_array_equal(ops.stack([1.0, 2.0]).numpy(), [1.0, 2.0])


def test_joined_whole_numbers_take_the_float_type_beside_them():
    assert ops.concatenate([np.array([1]), np.array([0.5], "float32")]).dtype == np.float32


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.repeat(x, 2, 1), lambda x: ops.repeat(x, [2, 0, 1], 1), lambda x: ops.tile(x, (2, 3)),
        lambda x: ops.roll(x, 1), lambda x: ops.pad(x, 2, "symmetric"), lambda x: ops.tril(x), lambda x: ops.triu(x),
        lambda x: ops.stack([x, 2 * x], 1), lambda x: ops.split(x, [1], 1)[1], lambda x: ops.flip(x, 1),
    ],
)  # fmt: skip
def test_compositions_have_right_first_and_second_derivatives(function):
    check_gradients(lambda x: function(x * x), np.random.default_rng(0).normal(size=(2, 3)), order=2)


def test_triangles_ignore_nan_outside_of_them():
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(ops.tril(x), [[1, 0], [2, 3]])


# ---------------------------------------------------------------- sizes that are unknown while a model is built


def run_late(function, shape, x):
    """Build with unknown sizes, then run the recorded ops on x."""

    def value(tensor):
        if tensor.creator is None:
            return x if tensor.is_symbolic else tensor.data
        return apply(tensor.creator.op, *map(value, tensor.creator.sources))

    y = function(Tensor(Spec(shape, x.dtype)))
    result = value(y)
    assert len(y.shape) == result.ndim
    assert all(a is None or a == b for a, b in zip(y.shape, result.shape, strict=True))
    return y.shape, result


BATCH, TWO = (None, 3, 4), (None, None, 4)


@pytest.mark.parametrize(
    ("function", "shape", "built", "expected"),
    [
        (lambda x: ops.reshape(x, (-1, 12)), BATCH, (None, 12), X.reshape(2, 12)),
        (lambda x: ops.reshape(x, (None, -1)), BATCH, (None, 12), X.reshape(2, 12)),
        (lambda x: ops.reshape(x, (None, 4, -1)), BATCH, (None, 4, 3), X.reshape(2, 4, 3)),
        (lambda x: ops.reshape(x, (-1, 4)), TWO, (None, 4), X.reshape(6, 4)),
        (lambda x: ops.reshape(x, (6, 4)), BATCH, (6, 4), X.reshape(6, 4)),
        (ops.ravel, BATCH, (None,), X.ravel()),
        (lambda x: ops.expand_dims(x, 1), TWO, (None, 1, None, 4), X[:, None]),
        (lambda x: ops.expand_dims(x, (0, -1)), TWO, (1, None, None, 4, 1), X[None, ..., None]),
        (lambda x: ops.squeeze(ops.expand_dims(x, -1), -1), TWO, TWO, X),
        (lambda x: ops.squeeze(ops.expand_dims(x, np.int64(1))), TWO, TWO, X),
        (lambda x: ops.transpose(x, (1, 0, 2)), TWO, TWO, X.transpose(1, 0, 2)),
        (lambda x: ops.flip(x, 1), TWO, TWO, X[:, ::-1]),
        (ops.fliplr, TWO, TWO, X[:, ::-1]), (ops.flipud, TWO, TWO, X[::-1]),
        (lambda x: x[:, -1], TWO, (None, 4), X[:, -1]),
        (lambda x: x[1:, :2], BATCH, (None, 2, 4), X[1:, :2]),
        (lambda x: ops.split(x, [1], 1)[1], TWO, TWO, X[:, 1:]),
        (lambda x: ops.concatenate([x, x], 1), TWO, TWO, np.concatenate([X, X], 1)),
        (lambda x: ops.concatenate([x, x], 2), TWO, (None, None, 8), np.concatenate([X, X], 2)),
        (lambda x: ops.stack([x, x], 1), BATCH, (None, 2, 3, 4), np.stack([X, X], 1)),
        (lambda x: ops.repeat(x, 2, 1), BATCH, (None, 6, 4), np.repeat(X, 2, 1)),
        (lambda x: ops.repeat(x, 2, 0), BATCH, BATCH, np.repeat(X, 2, 0)),
        (lambda x: ops.tile(x, (1, 2, 2)), BATCH, (None, 6, 8), np.tile(X, (1, 2, 2))),
        (lambda x: ops.tile(x, (2, 1, 1)), BATCH, BATCH, np.tile(X, (2, 1, 1))),
        (lambda x: ops.roll(x, 1, 1), BATCH, BATCH, np.roll(X, 1, 1)),
        (lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0))), BATCH, (None, 5, 4), np.pad(X, ((0, 0), (1, 1), (0, 0)))),
        (lambda x: ops.pad(x, ((0, 0), (0, 0), (1, 1)), "reflect"), TWO, (None, None, 6),
         np.pad(X, ((0, 0), (0, 0), (1, 1)), "reflect")),
        (ops.tril, BATCH, BATCH, np.tril(X)),
    ],
)  # fmt: skip
def test_a_function_built_with_unknown_sizes_runs_for_those_that_come(function, shape, built, expected):
    got_shape, result = run_late(function, shape, X)
    assert got_shape == built
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("target", "source", "expected"),
    [
        ((2, -1), (6,), (2, 3)),
        ((-1, 0), (0, 3), None),
        ((0, -1), (0, 3), None),
        ((-1, 3), (0, 3), (0, 3)),
        ((None, 6), (4, 3), (2, 6)),
        ((None, 2, 3), (None, 6), (None, 2, 3)),
        ((None, 2, 3), (None, 5), None),
        ((None, 4), (None, 2, 3), None),
        ((-1, 4), (None, 3), (None, 4)),
        ((4, 5), (None, 3), None),
        ((None, -1), (None, None, 4), (None, None)),
        ((None, None, 2, 2), (None, None, 4), (None, None, 2, 2)),
        ((-1, -1), (6,), None),
        ((-2, 3), (6,), None),
        ((None, -1), (6,), None),
    ],
)
def test_resolve_shape(target, source, expected):
    if expected is not None:
        assert resolve_shape(target, source, "reshape") == expected
        return
    with pytest.raises(ShapeError, match="reshape: "):
        resolve_shape(target, source, "reshape")


# ---------------------------------------------------------------- errors


def unknown(*shape):
    return Tensor(Spec(shape, np.dtype("float32")))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.reshape(Tensor(np.zeros((2, 3))), (4, 2)),
         r"reshape: the number of cells must stay\n  expected: 6 cells \(shape \(2, 3\)\)\n  received: shape \(4, 2\)"),
        (lambda: apply(Reshape((None, None, 2)), np.zeros((2, 3, 2))), "more than one size is unknown"),
        (lambda: ops.transpose(X, (0, 0, 1)), "transpose: axes must name every axis once"),
        (lambda: ops.transpose(X, (0, 1)), "transpose: axes must name every axis once"),
        (lambda: ops.swapaxes(X, 0, 3), "swapaxes: axis does not exist"),
        (lambda: ops.moveaxis(X, (0, 1), 0), "moveaxis: every axis needs one place of its own"),
        (lambda: ops.moveaxis(X, (0, 0), (0, 1)), "moveaxis: every axis needs one place of its own"),
        (lambda: ops.fliplr(X[0, 0]), "flip: axis does not exist"),
        (lambda: ops.squeeze(X, 0), r"squeeze: the axis is not of size 1\n  received: axis 0 of shape \(2, 3, 4\)"),
        (lambda: ops.squeeze(unknown(None, 2), 0), "squeeze: the size of axis 0 is not known"),
        (lambda: ops.split(X, 5, 1), "split: .* be cut into equal parts\n  expected: a size that 5 divides"),
        (lambda: ops.split(unknown(None, 2), 2), "split: the axis cannot be cut into equal parts"),
        (lambda: ops.split(X, 0), "split: the axis cannot be cut"),
        (lambda: ops.concatenate([]), "concatenate: there is nothing to join"),
        (lambda: ops.stack([]), "stack: there is nothing to join"),
        (lambda: ops.concatenate([Tensor(X), Tensor(X[:, :2])]),
         r"concatenate: the arrays differ in more than the joined axis\n.*\n  received: array 1 of shape \(2, 2, 4\)"),
        (lambda: ops.concatenate([Tensor(X), Tensor(X[0])]), "concatenate: the arrays differ"),
        (lambda: ops.stack([X[0], X[0, :2]]), r"stack: the arrays must have one shape\n.*\n  received: array 1"),
        (lambda: ops.roll(X, (1, 2), 0), "roll: every axis needs one shift"),
        (lambda: ops.roll(unknown(None, 2), 1, 0), "roll: the size of axis 0 is not known"),
        (lambda: ops.repeat(unknown(None, 2), [1, 2], 0), "repeat: the size of axis 0 is not known"),
        (lambda: ops.pad(unknown(None, 2), 1, "reflect"), "pad: the size of axis 0 is not known"),
        (lambda: ops.pad(X, -1), "pad: widths are at least 0"),
        (lambda: ops.pad(X, ((1, 1), (1, 1))), "pad: one pair of widths for each axis"),
        (lambda: ops.pad(X, 1, "wrap"), "pad: unknown mode"),
        (lambda: ops.pad(X, 1, "reflect", 3.0), "constant_values in another mode"),
        (lambda: ops.tril(np.zeros(3)), "tril: two last axes of known size"),
        (lambda: ops.triu(unknown(2, None)), "triu: two last axes of known size"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_why(call, text):
    with pytest.raises((ShapeError, ArgumentError), match=text):
        call()
