"""Sequential: building, changing, slicing, bricks and lists, config."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers import Dense, Dropout, Flatten, ReLU

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


class Half:
    """A hand-written brick."""

    def forward(self, x: Any) -> Any:
        return x / 2

    def backward(self, output_gradient: Any) -> Any:
        return output_gradient / 2


# ---------------------------------------------------------------- building


def test_weights_come_with_the_first_call() -> None:
    model = gn.Sequential([Dense(3), Dense(2)])
    assert not model.built
    assert model.variables == []
    assert model(X).shape == (6, 2)
    assert model.built
    assert [v.shape for v in model.variables] == [(4, 3), (3,), (3, 2), (2,)]
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))


@pytest.mark.parametrize(
    "make",
    [
        lambda: gn.Sequential([gn.Input((4,)), Dense(3), Dense(2)]),
        lambda: gn.Sequential([gn.layers.InputLayer((4,)), Dense(3), Dense(2)]),
        lambda: gn.Sequential([Dense(3, input_shape=(4,)), Dense(2)]),
        lambda: gn.Sequential([gn.Sequential([gn.Input((4,)), Dense(3)]), Dense(2)]),
    ],
)
def test_with_a_known_input_the_weights_are_there_at_once(make: Any) -> None:
    model = make()
    assert model.built
    assert model.count_params() == 15 + 8
    assert model.output_shape == (None, 2)
    assert [layer.name for layer in model.layers] == [layer.name for layer in model.layers if layer.built]


def test_build_fixes_the_input_shape() -> None:
    model = gn.Sequential([Flatten(), Dense(3)])
    model.build((None, 2, 2))
    assert model.count_params() == 15
    assert model.compute_output_shape((None, 2, 2)) == (None, 3)


def test_every_sample_shape_must_be_known_where_weights_depend_on_it() -> None:
    with pytest.raises(ShapeError, match="the size of a weight is not known"):
        gn.Sequential([gn.Input((None,)), Dense(3)])


# ---------------------------------------------------------------- add, pop, slices


def test_a_popped_layer_takes_its_weights_along_and_another_fits_in_its_place() -> None:
    model = gn.Sequential([gn.Input((4,)), Dense(3), Dense(2)])
    kept = model.layers[0].get_weights()
    assert model.pop().units == 2
    assert (model.count_params(), model.output_shape) == (15, (None, 3))
    model.add(Dense(5))
    assert model.layers[1].kernel.shape == (3, 5)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kept[0])
    assert model.predict(X).shape == (6, 5)


def test_a_trained_model_that_grows_does_not_replay_its_old_step() -> None:
    model = gn.Sequential([gn.Input((4,)), Dense(2)])
    model.compile("sgd", "mse")
    assert model.predict(X).shape == (6, 2)
    model.add(Dense(3))
    assert model.predict(X).shape == (6, 3)


def test_a_layer_that_does_not_fit_is_not_added() -> None:
    model = gn.Sequential([gn.Input((4,)), Dense(3)])
    with pytest.raises(ShapeError, match="SimpleRNN 'rnn'"):
        model.add(gn.layers.SimpleRNN(2, name="rnn"))
    assert len(model) == 1
    assert model.output_shape == (None, 3)


def test_slices_share_the_weights() -> None:
    model = gn.Sequential([gn.Input((4,)), Dense(3, "relu"), Dense(2), ReLU()])
    hidden, rest = model[:1], model[1:]
    np.testing.assert_array_equal(rest(hidden(X)).numpy(), model(X).numpy())
    model.layers[0].kernel.assign(np.zeros((4, 3)))
    assert not hidden(X).numpy().any()
    assert hidden.input_shape == (None, 4)
    assert model[-1] is model.layers[2]


# ---------------------------------------------------------------- lists and bricks


def test_plain_lists_of_layers_and_bricks_are_accepted() -> None:
    model = gn.Sequential([gn.Input((4,)), [Dense(3, kernel_initializer="ones"), Half()], Half()])
    np.testing.assert_allclose(model(X).numpy(), X.sum(axis=1, keepdims=True) @ np.ones((1, 3)) / 4, rtol=1e-5)
    assert [type(layer).__name__ for layer in model.layers] == ["Sequential", "Brick"]


def test_a_sequential_is_a_layer_inside_another() -> None:
    inner = gn.Sequential([Dense(3), Dropout(0.5)])
    model = gn.Sequential([gn.Input((4,)), inner, Dense(1)])
    assert list(model.named_variables()) == [
        "sequential/dense/kernel", "sequential/dense/bias", "dense/kernel", "dense/bias",
    ]  # fmt: skip


# ---------------------------------------------------------------- config


def test_config_round_trip_gives_an_equal_network() -> None:
    model = gn.Sequential([gn.Input((4,)), Dense(3, "tanh", name="hidden"), [Dropout(0.2), Dense(2)]], name="net")
    model.layers[0].trainable = False
    clone = gn.Sequential.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(X).numpy(), model(X).numpy())
    assert clone.get_config() == model.get_config()
    assert len(clone.trainable_variables) == 2


def test_a_model_without_input_shape_round_trips_unbuilt() -> None:
    clone = gn.Sequential.from_config(gn.Sequential([Dense(3)]).get_config())
    assert not clone.built


# ---------------------------------------------------------------- error texts


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda m: m.add(m.layers[0]), GraphError, r"'net': Dense 'a' is already in the stack\n  fix: .*functional"),
        (lambda m: m.add(Dense(1, name="a")), GraphError, "'net': two layers are called 'a'"),
        (lambda m: m.add(gn.Input((3,))), GraphError, "'net': an Input can only be the first layer"),
        (lambda m: m.add(3), ArgumentError, "this is not a layer\n  expected: .*\n  received: 3"),
        (lambda m: m.get_layer("b"), GraphError, "has no such layer\n  expected: a\n  received: 'b'"),
        (lambda m: m.get_layer(index=4), GraphError, "received: index 4"),
        (lambda m: m.output_shape, GraphError, r"'net': (.*\n)*.*not known(.*\n)*.*call the model once"),
        (lambda m: m.build(), ArgumentError, "build needs the shape of the input"),
        (lambda m: [m.pop(), m.pop()], GraphError, "there is no layer to remove"),
        (lambda m: [m.pop(), m(X)], GraphError, r"'net' has no layers yet\n(.*\n)*  fix: +model.add\("),
        (lambda m: gn.Sequential.from_config({}), ArgumentError, "the config has no list of layers"),
    ],
)
def test_mistakes_are_named(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run(gn.Sequential([Dense(3, name="a")], name="net"))
