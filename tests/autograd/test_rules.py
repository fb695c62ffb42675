"""The rule language: every construct against plain NumPy, shapes read off the letters, errors that name the mistake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import special

from glassnet.autograd import rules
from glassnet.errors import GraphError, ShapeError

A = SimpleNamespace(
    x=np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]),
    w=np.arange(12.0).reshape(3, 4),
    b=np.array([0.5, 1.0, -1.0, 2.0]),
    v=np.array([-3.0, -1.0, -2.0, -5.0]),
    kernel=np.array([1.0, 10.0, 100.0]),
    P=np.arange(12.0).reshape(2, 1, 2, 3),
    Q=np.arange(24.0).reshape(4, 3, 2),
    label=np.array([2, 0]),
    table=np.arange(15.0).reshape(5, 3),
    scalar=np.array(3.0),
)
around = np.lib.stride_tricks.sliding_window_view(np.pad(A.v, 1, constant_values=np.nan), 3)

EVALUATED: dict[str, tuple[str, Any]] = {
    "contraction": ("y[n,o] = sum_i x[n,i]*w[i,o] + b[o]", A.x @ A.w + A.b),
    "a bare name is the cell itself": ("y = max(x, 0)", np.maximum(A.x, 0)),
    "bare names broadcast": ("y = x*kernel + scalar", A.x * A.kernel + 3),
    "ellipsis": ("y[...,k] = exp(x[...,k]) / sum_j exp(x[...,j])", special.softmax(A.x, axis=-1)),
    "ellipsis broadcasts leading axes": ("y[...,n,o] = sum_i P[...,n,i]*Q[...,i,o]", A.P @ A.Q),
    "precedence": ("y = -x**2 + 2*x - 6/x%4", -(A.x**2) + 2 * A.x - (6 / A.x) % 4),
    "power groups to the right": ("y = 2**x**2", 2.0 ** (A.x**2)),
    "minus groups to the left": ("y = x - 1 - 2", A.x - 3),
    "brackets": ("y = (x - 1)*(x + 1)", A.x**2 - 1),
    "logic": ("y = x > 0 and x < 4 or x == -6", ((A.x > 0) & (A.x < 4)) | (A.x == -6)),
    "a guard is 0 or 1": ("y = x*[x >= 0]", A.x * (A.x >= 0)),
    "choice": ("y = where(x != 5, x, -1)", np.where(A.x != 5, A.x, -1)),
    "attribute": ("y = alpha*x", 0.25 * A.x),
    "a letter is a number": ("y[n,i] = x[n,i]*[i > n] + n", A.x * (np.arange(3) > np.arange(2)[:, None]) + [[0], [1]]),
    "order of axes": ("y[i,n] = x[n,i]", A.x.T),
    "a repeated letter is a diagonal": ("y[n] = w[n,n+1]", np.diagonal(A.w, 1)),
    "reads outside are 0": ("y[p] = sum_u v[p+u-1]*kernel[u]", np.nan_to_num(around) @ A.kernel),
    "stride and padding": ("y[p] = sum_u v[p*stride+u-1]*kernel[u]", (np.nan_to_num(around) @ A.kernel)[::2]),
    "outside of max is -inf": ("y[p] = max_u (v[p+u-1] + 0*kernel[u])", np.nanmax(around, axis=1)),
    "outside of min is inf": ("y[p] = min_u (1 - 1*kernel[u]*0 + v[p+u-1])", np.nanmin(around, axis=1) + 1),
    "stated extents": ("y[p] = max_{u<2} v[2*p+u]", A.v.reshape(2, 2).max(axis=1)),
    "stated extents of two letters": ("y = sum_{i<3,j<2} (i - j)", np.array(3.0)),
    "lookup": ("y[n,d] = table[label[n],d]", A.table[A.label]),
    "lookup within a row": ("y[n] = x[n,label[n]]", A.x[[0, 1], A.label]),
    "two letters at once": ("y = sum_ni x[n,i]", A.x.sum()),
    "nested": ("y[n] = log(sum_i exp(x[n,i] - max_j x[n,j]))", special.logsumexp(A.x, axis=1) - A.x.max(axis=1)),
    "statements": ("m[n] = max_j x[n,j];\n y[n,i] = x[n,i] - m[n]", A.x - A.x.max(axis=1, keepdims=True)),
    "functions": ("y = erf(x) + abs(x) + sign(x)", special.erf(A.x) + abs(A.x) + np.sign(A.x)),
}


@pytest.mark.parametrize("construct", EVALUATED)
def test_every_construct_means_what_numpy_computes(construct: str):
    rule, expected = EVALUATED[construct]
    found = rules.evaluate(rule, vars(A), {"alpha": 0.25, "stride": 2}, {"y": np.shape(expected)})["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_all_targets_are_returned_in_float64():
    found = rules.evaluate("m = x + x; y = m*i", {"x": np.ones(2, "float32"), "i": np.array([1, 2])}, {}, {})
    assert {name: (y.dtype.name, y.tolist()) for name, y in found.items()} == {
        "m": ("float64", [2.0, 2.0]), "y": ("float64", [2.0, 4.0]),
    }  # fmt: skip


def test_reductions_of_nothing_are_their_neutral_elements():
    rule = "a[n] = sum_i x[n,i]; b[n] = max_i x[n,i]; c[n] = min_i x[n,i]"
    found = rules.evaluate(rule, {"x": np.zeros((1, 0))}, {}, {})
    assert (found["a"], found["b"], found["c"]) == (0.0, -np.inf, np.inf)


SHAPES = [
    ("y[n,o] = sum_i x[n,i]*w[i,o]", {"x": (None, 3), "w": (3, 4)}, (None, 4)),
    ("y[...,o] = sum_i x[...,i]*w[i,o]", {"x": (None, 7, 3), "w": (3, 4)}, (None, 7, 4)),
    ("y = a*b", {"a": (4, 1), "b": (1, 3)}, (4, 3)),
    ("y = a*b", {"a": (None, 3), "b": (1, 3)}, (None, 3)),
    ("y = a*b", {"a": (1, 3), "b": (None, 3)}, (None, 3)),
    ("y = a*b", {"a": (None, 3), "b": (5, 3)}, (5, 3)),
    ("y = a*b", {"a": (1,), "b": (0,)}, (0,)),
    ("y = a*b", {"a": (2, None, 3), "b": ()}, (2, None, 3)),
    ("y[n,n2] = x[n]", {"x": (3,)}, (3, None)),
    ("m[n] = max_j x[n,j]; y[j,n] = x[n,j] - m[n]", {"x": (None, 3)}, (3, None)),
]


@pytest.mark.parametrize(("rule", "shapes", "expected"), SHAPES)
def test_shapes_follow_from_the_letters(rule: str, shapes: dict[str, Any], expected: Any):
    assert rules.infer_shapes(rule, shapes, "op")["y"] == expected


SHAPE_ERRORS = [
    ("y[n,o] = sum_i x[n,i]*w[i,o]", {"x": (2, 3), "w": (4, 5)}, r"op: axis i has two sizes\n.*size 3\n.*size 4 in w"),
    ("y[n] = x[n]", {"x": (2, 3)}, r"op: x has the wrong number of axes\n.*1 axes \(n\)\n.*shape \(2, 3\)"),
    ("y[...,i] = x[...,i]", {"x": ()}, "op: x has the wrong number of axes"),
    ("y = a + b", {"a": (2, 3), "b": (2, 4)}, r"op: shapes do not broadcast\n.*size 3\n.*size 4 in b \(2, 4\)"),
]


@pytest.mark.parametrize(("rule", "shapes", "text"), SHAPE_ERRORS)
def test_sizes_that_disagree_are_named(rule: str, shapes: dict[str, Any], text: str):
    with pytest.raises(ShapeError, match=text):
        rules.infer_shapes(rule, shapes, "op")


RULE_ERRORS = [
    ("y = x ? 2", r"cannot read ' \? 2'"),
    ("y x", "expected '=' but found 'x'"),
    ("y = x 2", "'2' is left over"),
    ("y = (x", r"expected '\)' but found ''"),
    ("y = x[n", "expected ',' but found ''"),
    ("y = 2 +", "unexpected 'end'"),
    ("y = 0 < x < 1", "comparisons do not chain"),
    ("y[n,k] = x[n,k] / sum_k x[n,k]", "'k' is an axis of the result and cannot be reduced"),
    ("y = alhpa*x", r"'alhpa' is neither .*\n.*did you mean 'alpha'"),
    ("y = sine(x)", "unknown function 'sine'"),
    ("y[n] = z[n]", r"there is no array 'z' to read\n.*x"),
    ("y[n,i] = sum_u x[n,i+u]", "nothing says how far 'u' runs"),
    ("y[n,x] = 2*x[n,x]", "'x' is an axis letter and an input at once"),
]


@pytest.mark.parametrize(("rule", "text"), RULE_ERRORS)
def test_a_mistake_in_a_rule_is_named(rule: str, text: str):
    with pytest.raises(GraphError, match=text):
        rules.evaluate(rule, {"x": A.x}, {"alpha": 1.0}, {"y": A.x.shape})
