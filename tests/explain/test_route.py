"""The strongest route: the largest terms, found by hand with NumPy, from the true class back to the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.explain import trace
from glassnet.explain.route import strongest_route

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
Y = np.array([[0], [1], [1], [0]], dtype="float32")


def xor(samples: slice = slice(None)) -> Any:
    gn.utils.set_random_seed(5)
    model = gn.Sequential([gn.layers.Dense(3, "tanh", name="dense"), gn.layers.Dense(1, "sigmoid", name="dense_1")])
    return trace(model, X[samples], Y[samples], loss="binary_crossentropy", optimizer="sgd")


def digits(samples: int = 1, seed: int = 2) -> Any:
    gn.utils.set_random_seed(seed)
    images, labels = gn.datasets.digits.load_data()[0]
    x = (images[:samples].reshape(samples, -1) / 16).astype("float32")
    layers = [gn.layers.Dense(24, "relu", name="dense"), gn.layers.Dense(10, "softmax", name="dense_1")]
    model = gn.Sequential(layers)
    return trace(model, x, labels[:samples], loss="sparse_categorical_crossentropy", optimizer="sgd")


def joined(join: Callable[[Any, Any], Any], seed: int) -> Any:
    """Two layers whose results are joined, and one more; nothing is zero."""
    gn.utils.set_random_seed(seed)
    inputs = gn.Input((5,))
    a, b = gn.layers.Dense(4, name="a")(inputs), gn.layers.Dense(4, name="b")(inputs)
    model = gn.Model(inputs, gn.layers.Dense(3, name="c")(join(a, b)))
    x = np.random.default_rng(1).normal(size=(2, 5)).astype("float32")
    return trace(
        model, x, np.array([2, 0]), loss=gn.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="sgd"
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_strongest_route_takes_the_largest_terms_back_from_the_true_class(seed):
    step = digits(seed=seed)
    x, a = step["x"].array[0], step["dense/relu"].array[0]
    w1, w2 = step["dense/kernel@0"].array, step["dense_1/kernel@0"].array
    true = int(step["y"].array[0])
    unit = int(np.argmax(a * w2[:, true]))
    pixel = int(np.argmax(x * w1[:, unit] * (1 if w2[unit, true] > 0 else -1)))
    assert strongest_route(step) == [
        f"x[0,{pixel}]", f"dense/kernel@0[{pixel},{unit}]", f"dense/linear[0,{unit}]", f"dense/relu[0,{unit}]",
        f"dense_1/kernel@0[{unit},{true}]", f"dense_1/linear[0,{true}]", f"dense_1/softmax[0,{true}]",
    ]  # fmt: skip


def test_the_route_lies_in_the_sample_with_the_largest_loss():
    step = digits(16)
    worst = int(np.argmin(step["dense_1/softmax"].array[np.arange(16), step["y"].array]))
    assert strongest_route(step)[0].startswith(f"x[{worst},")


def test_a_single_output_is_pushed_towards_its_target():
    step = xor(slice(3, 4))  # target 0: what pushes the output down
    *_, weight, _, _ = strongest_route(step)
    a, w2 = step["dense/tanh"].array[0], step["dense_1/kernel@0"].array[:, 0]
    assert weight == f"dense_1/kernel@0[{np.argmin(a * w2)},0]"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("join", "sign"), [(lambda a, b: a + b, 1), (lambda a, b: a - b, -1)], ids=["sum", "difference"]
)
def test_where_two_numbers_join_the_route_takes_the_one_that_helps_more_and_a_minus_turns_what_helps(join, sign, seed):
    step = joined(join, seed)
    route = strongest_route(step)
    weight = next(ref for ref in route if ref.startswith("c/kernel"))
    unit, true = (int(part) for part in weight[weight.index("[") + 1 : -1].split(","))
    sample = int(route[0][2])
    push = 1 if step["c/kernel@0"].array[unit, true] > 0 else -1
    terms = {"a": step["a/linear"].array[sample, unit], "b": sign * step["b/linear"].array[sample, unit]}
    chosen = max(terms, key=lambda name: push * terms[name])
    assert f"{chosen}/linear[{sample},{unit}]" in route
    push *= sign if chosen == "b" else 1
    inputs = step["x"].array[sample] * step[f"{chosen}/kernel@0"].array[:, unit]
    assert route[0] == f"x[{sample},{np.argmax(push * inputs)}]"


def test_the_route_ends_where_no_rule_says_what_a_number_is_made_of():
    model = gn.Sequential([gn.Input((5, 3)), gn.layers.SimpleRNN(4, name="rnn"), gn.layers.Dense(2, "softmax")])
    x = np.random.default_rng(0).normal(size=(1, 5, 3)).astype("float32")
    route = strongest_route(trace(model, x, np.array([1]), loss="sparse_categorical_crossentropy", optimizer="sgd"))
    assert route[0].startswith("rnn/")
    assert len(route) == 4


class OneHot(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return gn.ops.one_hot(inputs, 7)


@pytest.mark.parametrize("layer", [gn.layers.Embedding(7, 4), OneHot()], ids=["looked up", "compared"])
def test_what_is_only_looked_up_or_compared_is_no_part_of_the_route(layer):
    gn.utils.set_random_seed(0)
    model = gn.Sequential([gn.Input((3,), dtype="int32"), layer, gn.layers.Flatten(), gn.layers.Dense(2)])
    step = trace(model, np.array([[6, 0, 2]]), np.array([[1.0, 2.0]]), loss="mse", optimizer="sgd")
    route = strongest_route(step)
    assert len(route) > 3
    assert not any(ref.startswith("x[") for ref in route)
