"""Wrappers: contract table, then the promises of Bidirectional and TimeDistributed, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import GRU, LSTM, Bidirectional, Conv1D, Dense, SimpleRNN, TimeDistributed, Wrapper
from glassnet.models.files import load_model

from helpers.layer_contract import LayerCase, contract_test


class WrapperCase(LayerCase):
    """A row for a wrapper: the layer inside is made anew, in the float type of the case."""

    inside: Any

    def layer(self, dtype: str = "float32", build: bool = True) -> Any:
        self.arguments = {**self.arguments, "layer": self.inside(dtype)}
        return super().layer(dtype, build)


def row(cls: type, inside: Any, *inputs: Any, **more: Any) -> WrapperCase:
    case = WrapperCase(cls, {}, *inputs, **more)
    case.inside = inside
    return case


def simple(x: Any, W: Any, U: Any, b: Any) -> Any:
    h, found = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        found.append(h)
    return np.stack(found, axis=1)


def both(x: Any, *w: Any) -> Any:
    return np.concatenate([simple(x, *w[:3]), simple(x[:, ::-1], *w[3:])[:, ::-1]], axis=-1)


CELL = {"kernel": (3, 2), "recurrent_kernel": (2, 2), "bias": (2,)}
PAIR = {
    f"{way}_simple_rnn/simple_rnn_cell/{name}": shape for way in ("forward", "backward") for name, shape in CELL.items()
}

test_contract = contract_test(
    [
        row(
            Bidirectional, lambda dtype: SimpleRNN(2, return_sequences=True, dtype=dtype), (4, 5, 3), oracle=both,
            weights=PAIR,
        ),
        row(
            TimeDistributed, lambda dtype: Dense(2, dtype=dtype), (4, 5, 3), oracle=lambda x, W, b: x @ W + b,
            weights={"dense/kernel": (3, 2), "dense/bias": (2,)},
        ),
    ]
)  # fmt: skip

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")


def test_both_directions_have_weights_of_their_own() -> None:
    layer = Bidirectional(LSTM(2))
    layer(X)
    assert len(layer.weights) == 6
    assert (layer.forward_layer.cell.kernel.numpy() != layer.backward_layer.cell.kernel.numpy()).all()
    given = [np.full(w.shape, i, "float32") for i, w in enumerate(layer.get_weights())]
    again = Bidirectional(LSTM(2), weights=given)
    again(X)
    np.testing.assert_array_equal(again.backward_layer.cell.kernel.numpy(), given[3])


def test_equal_models_have_equal_weight_paths() -> None:
    paths = []
    for _ in range(2):
        model = gn.Sequential([gn.Input((5, 3)), Bidirectional(LSTM(2, return_sequences=True)), Bidirectional(LSTM(2))])
        paths.append(list(model.named_variables()))
    assert paths[0] == paths[1]


def test_a_palindrome_reads_the_same_in_both_directions() -> None:
    layer = Bidirectional(GRU(2, return_sequences=True), merge_mode=None)
    x = np.concatenate([X, X[:, ::-1]], axis=1)
    layer.build(x.shape)
    layer.set_weights(layer.get_weights()[:3] * 2)
    forward, backward = layer(x)
    np.testing.assert_allclose(forward.numpy(), backward.numpy()[:, ::-1], rtol=1e-6)


def test_states_pass_from_one_bidirectional_layer_to_another(tmp_path: Any) -> None:
    x, z = gn.Input((None, 3)), gn.Input((None, 3))
    _, *states = Bidirectional(LSTM(2, return_state=True))(x)
    y = Bidirectional(LSTM(2, return_sequences=True))(z, initial_state=states)
    model = gn.Model([x, z], TimeDistributed(Dense(1))(y))
    model.save(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(
        load_model(tmp_path / "m.glassnet")([X, X[:, :2]]).numpy(), model([X, X[:, :2]]).numpy()
    )
    assert np.abs(model([X, X[:, :2]]).numpy() - model([-X, X[:, :2]]).numpy()).max() > 1e-4


def test_a_stateful_pair_is_reset_together() -> None:
    layer = Bidirectional(GRU(2, stateful=True))
    first = layer(X).numpy()
    assert len(layer.states) == 2
    assert (layer(X).numpy() != first).any()
    layer.reset_states()
    np.testing.assert_array_equal(layer(X).numpy(), first)


def test_masks_pass_through_a_pair() -> None:
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    x = gn.layers.Embedding(5, 3, mask_zero=True)(ids)
    y = Bidirectional(LSTM(2, return_sequences=True))(x)
    np.testing.assert_array_equal(y._keras_mask.numpy(), ids != 0)
    assert not y.numpy()[ids == 0].any()


def test_every_step_goes_through_the_same_layer() -> None:
    images = np.random.default_rng(1).normal(size=(2, 3, 8, 3)).astype("float32")
    layer = TimeDistributed(Conv1D(4, 3))
    y = layer(images).numpy()
    assert y.shape == (2, 3, 6, 4)
    for t in range(3):
        np.testing.assert_allclose(y[:, t], layer.layer(images[:, t]).numpy(), rtol=1e-5, atol=1e-6)


def test_a_mask_beyond_the_time_axis_is_the_layers_own() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 3)).astype("float32")
    mask = np.random.default_rng(3).random((2, 3, 4)) > 0.4
    layer = TimeDistributed(LSTM(2))
    y = layer(x, mask=mask)
    np.testing.assert_allclose(y.numpy()[1, 2], layer.layer(x[1, 2:], mask=mask[1, 2:]).numpy()[0], rtol=1e-6)
    np.testing.assert_array_equal(y._keras_mask.numpy(), mask.any(axis=2))


def test_a_hand_written_brick_works_at_every_step() -> None:
    class Double:
        def forward(self, x: Any) -> Any:
            return 2 * x

        def backward(self, output_gradient: Any) -> Any:
            return 2 * output_gradient

    np.testing.assert_array_equal(TimeDistributed(Double())(X).numpy(), 2 * X)


class Own(gn.layers.Layer):
    """A cell that is not registered."""

    state_size = 3

    def call(self, inputs: Any, states: Any) -> Any:
        return inputs, states


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Bidirectional(Dense(2), name="b"), ArgumentError, r"Bidirectional 'b': not a recurrent layer"),
        (lambda: Bidirectional(LSTM(2), merge_mode="max", name="b"), ArgumentError, "merge_mode\n  expected: concat, sum"),
        (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2)), ArgumentError, "both layers read in the same direction"),
        (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, return_state=True, go_backwards=True)), ArgumentError,
         "the two layers differ in return_state"),
        (lambda: Bidirectional(gn.layers.RNN(Own())), ArgumentError, r"no second layer like RNN .*\n(.*\n)*.*register_keras"),
        (lambda: TimeDistributed(3), ArgumentError, "this is not a layer"),
        (lambda: TimeDistributed(Dense(2), name="t")(np.ones((2, 3))), ShapeError, "'t': the input has the wrong shape"),
        (lambda: TimeDistributed(Dense(2), name="t")(X, mask=np.ones((4, 3))), ShapeError, "one truth value per step"),
    ],
)  # fmt: skip
def test_mistakes_are_named(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_wrapper_of_the_users_own_saves_what_it_holds() -> None:
    @gn.saving.register_keras_serializable("tests")
    class Twice(Wrapper):
        def call(self, inputs: Any) -> Any:
            return self.layer(self.layer(inputs))

    layer = Twice(Dense(3))
    layer(X)
    clone = gn.layers.deserialize(gn.layers.serialize(layer))
    clone(X)
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(clone(X).numpy(), layer(X).numpy())
