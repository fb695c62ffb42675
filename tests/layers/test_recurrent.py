"""Recurrent layers: contract table against loops, the promises of each argument, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import GRU, LSTM, RNN, GRUCell, Layer, LSTMCell, SimpleRNN, SimpleRNNCell, StackedRNNCells
from glassnet.models.files import load_model
from glassnet.training.eagerness import reason_for_eager

from helpers.layer_contract import LayerCase, contract_test


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def simple(x: Any, W: Any, U: Any, b: Any = 0.0, f: Any = np.tanh) -> Any:
    """h after every step, sample by sample, as the formula says."""
    found = np.zeros((*x.shape[:2], len(U)))
    for n in range(x.shape[0]):
        h = np.zeros(len(U))
        for t in range(x.shape[1]):
            h = found[n, t] = f(x[n, t] @ W + h @ U + b)
    return found


def lstm(x: Any, W: Any, U: Any, b: Any = 0.0, f: Any = np.tanh) -> Any:
    found, k = np.zeros((*x.shape[:2], len(U))), len(U)
    for n in range(x.shape[0]):
        h = c = np.zeros(k)
        for t in range(x.shape[1]):
            z = x[n, t] @ W + h @ U + b
            c = sigmoid(z[k : 2 * k]) * c + sigmoid(z[:k]) * f(z[2 * k : 3 * k])
            h = found[n, t] = sigmoid(z[3 * k :]) * f(c)
    return found


def gru(x: Any, W: Any, U: Any, b: Any, reset_after: bool = True) -> Any:
    found, k = np.zeros((*x.shape[:2], len(U))), len(U)
    by_input, by_state = b if reset_after else (b, np.zeros(3 * k))
    for n in range(x.shape[0]):
        h = np.zeros(k)
        for t in range(x.shape[1]):
            z, s = x[n, t] @ W + by_input, h @ U + by_state
            u, r = sigmoid(z[:k] + s[:k]), sigmoid(z[k : 2 * k] + s[k : 2 * k])
            inner = r * s[2 * k :] if reset_after else (r * h) @ U[:, 2 * k :]
            h = found[n, t] = u * h + (1 - u) * np.tanh(z[2 * k :] + inner)
    return found


def gru_before(*arrays: Any) -> Any:
    return gru(*arrays, reset_after=False)


def weights(cell: str, sums: int, *bias: int) -> dict[str, tuple[int, ...]]:
    """For 3 inputs and 2 units."""
    shapes = {"kernel": (3, 2 * sums), "recurrent_kernel": (2, 2 * sums)} | ({"bias": bias} if bias else {})
    return {f"{cell}/{name}": shape for name, shape in shapes.items()}


SIMPLE, LONG = weights("simple_rnn_cell", 1, 2), weights("lstm_cell", 4, 8)
PENALTIES = {
    "kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2", "activity_regularizer": "l2",
    "kernel_constraint": "max_norm", "recurrent_constraint": "max_norm", "bias_constraint": "max_norm",
}  # fmt: skip

test_contract = contract_test(
    [
        LayerCase(SimpleRNN, {"units": 2}, (4, 5, 3), oracle=lambda *a: simple(*a)[:, -1], weights=SIMPLE),
        LayerCase(
            SimpleRNN, {"units": 2, "return_sequences": True, "go_backwards": True}, (4, 5, 3),
            oracle=lambda x, *w: simple(x[:, ::-1], *w), weights=SIMPLE,
        ),
        LayerCase(
            SimpleRNN, {"units": 2, "use_bias": False, "activation": "sigmoid", **PENALTIES}, (4, 2, 3),
            oracle=lambda *a: simple(*a, f=sigmoid)[:, -1], weights=weights("simple_rnn_cell", 1),
        ),
        LayerCase(LSTM, {"units": 2}, (4, 5, 3), oracle=lambda *a: lstm(*a)[:, -1], weights=LONG),
        LayerCase(LSTM, {"units": 2, "return_sequences": True, "unroll": True}, (2, 3, 3), oracle=lstm, weights=LONG),
        LayerCase(
            LSTM, {"units": 2, "activation": "softplus", "unit_forget_bias": False, "use_bias": False}, (2, 3, 3),
            oracle=lambda *a: lstm(*a, f=lambda z: np.log1p(np.exp(z)))[:, -1], weights=weights("lstm_cell", 4),
        ),
        LayerCase(LSTM, {"units": 2, "dropout": 0.5, **PENALTIES}, (2, 3, 3), oracle=lambda *a: lstm(*a)[:, -1],
                  weights=LONG),
        LayerCase(GRU, {"units": 2, "return_sequences": True}, (4, 5, 3), oracle=gru,
                  weights=weights("gru_cell", 3, 2, 6)),
        LayerCase(GRU, {"units": 2, "reset_after": False, "return_sequences": True}, (4, 5, 3), oracle=gru_before,
                  weights=weights("gru_cell", 3, 6)),
        LayerCase(GRU, {"units": 2, "recurrent_dropout": 0.5}, (2, 3, 3), oracle=lambda *a: gru(*a)[:, -1],
                  weights=weights("gru_cell", 3, 2, 6)),
    ]
)  # fmt: skip

LAYERS = [SimpleRNN, LSTM, GRU]


def sequences(samples: int = 6, steps: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(samples, steps, 3)).astype("float32")


def twins(cls: type, one: dict[str, Any], other: dict[str, Any]) -> tuple[Any, Any]:
    """Two layers with equal weights."""
    first, second = cls(4, **one), cls(4, **other)
    for layer in (first, second):
        layer.build((None, None, 3))
    second.set_weights(first.get_weights())
    return first, second


def training_weights(layer: Any, **more: Any) -> list[Any]:
    """The weights after two epochs of a small regression."""
    x = sequences(8)
    model = gn.Sequential([gn.Input((5, 3), batch_size=4), layer, gn.layers.Dense(1)])
    model.compile("sgd", "mse", **more)
    model.fit(x, x.sum(axis=(1, 2)), batch_size=4, epochs=2, shuffle=False, verbose=0)
    return list(model.get_weights())


# ---------------------------------------------------------------- one operation, or step by step


@pytest.mark.parametrize("cls", LAYERS)
def test_unrolled_steps_give_the_numbers_of_the_whole_sequence(cls: type) -> None:
    whole, steps = twins(cls, {"return_sequences": True}, {"return_sequences": True, "unroll": True})
    mask = np.random.default_rng(1).random((6, 5)) > 0.4
    np.testing.assert_allclose(whole(sequences(), mask=mask).numpy(), steps(sequences(), mask=mask).numpy(), atol=1e-6)
    names = [[op.name for op in gn.explain.record(lambda at=at: at(sequences(1))).ops] for at in (whole, steps)]
    assert cls.__name__.lower().replace("simplernn", "simple_rnn") in names[0]
    assert names[1].count("tanh") >= 5


def test_the_same_weights_serve_any_number_of_steps() -> None:
    layer = SimpleRNN(2, return_sequences=True)
    x = sequences(1, 7)
    np.testing.assert_allclose(layer(x).numpy()[:, :4], layer(x[:, :4]).numpy(), rtol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_model_may_leave_the_number_of_steps_open(cls: type, activation: str) -> None:
    x = gn.Input((None, 3))
    model = gn.Model(x, cls(4, activation, return_sequences=True)(x))
    assert model.output_shape == (None, None, 4)
    assert [model(sequences(steps=n)).shape for n in (2, 5)] == [(6, 2, 4), (6, 5, 4)]


# ---------------------------------------------------------------- initial weights


def test_the_state_does_not_explode_through_an_orthogonal_kernel() -> None:
    layer = SimpleRNN(4)
    layer(np.ones((1, 2, 3)))
    U = layer.cell.recurrent_kernel.numpy()
    np.testing.assert_allclose(U @ U.T, np.eye(4), atol=1e-6)


def test_forget_gates_start_open() -> None:
    layer = LSTM(2, bias_initializer=gn.initializers.Constant(0.5))
    layer.build((None, 3, 3))
    np.testing.assert_array_equal(layer.cell.bias.numpy(), [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5])


def test_the_arguments_of_the_cell_can_be_read_on_the_layer() -> None:
    layer = GRU(3, recurrent_activation="tanh", reset_after=False, dropout=0.25, seed=5)
    assert (layer.units, layer.reset_after, layer.dropout, layer.seed) == (3, False, 0.25, 5)
    assert layer.recurrent_activation is gn.activations.tanh


# ---------------------------------------------------------------- states


@pytest.mark.parametrize("cls", LAYERS)
def test_a_sequence_in_two_pieces_ends_in_the_same_state(cls: type) -> None:
    layer, _ = twins(cls, {"return_state": True}, {})
    whole, first = layer(sequences()), layer(sequences()[:, :2])
    pieces = layer(sequences()[:, 2:], initial_state=list(first[1:]))
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
def test_a_stateful_layer_goes_on_where_it_has_stopped_until_it_is_reset(cls: type) -> None:
    plain, _ = twins(cls, {}, {})
    lasting = cls(4, stateful=True)
    lasting.build((6, 5, 3))
    lasting.set_weights(plain.get_weights())  # the states are no weights
    x = sequences()
    lasting(x[:, :2])
    np.testing.assert_allclose(lasting(x[:, 2:]).numpy(), plain(x).numpy(), atol=1e-6)
    lasting.reset_states()
    np.testing.assert_array_equal(lasting(x).numpy(), plain(x).numpy())


@pytest.mark.parametrize("cls", LAYERS)
def test_a_stateful_layer_trains_alike_eagerly_and_replayed(cls: type) -> None:
    found = []
    for eager in (True, False):
        gn.utils.set_random_seed(0)
        layer = cls(3, stateful=True, dropout=0.2)
        found.append([*training_weights(layer, run_eagerly=eager), *[state.numpy() for state in layer.states]])
    assert found[0][-1].any()
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cls", [GRU, LSTM])
def test_a_gate_function_of_the_user_is_run_eagerly(cls: type) -> None:
    layer = cls(2, recurrent_activation=lambda x: gn.ops.sigmoid(x))
    model = gn.Sequential([gn.Input((5, 3)), layer])
    model.compile("sgd", "mse")
    assert reason_for_eager(model, "train") == f"the recurrent_activation of {layer.name!r} is your code"


# ---------------------------------------------------------------- dropout


@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}])
@pytest.mark.parametrize("cls", LAYERS)
def test_dropout_acts_in_training_only_and_repeats_with_its_seed(cls: type, rates: dict[str, float]) -> None:
    layer, other = twins(cls, {**rates, "seed": 3}, {**rates, "seed": 3})
    x = sequences()
    np.testing.assert_array_equal(layer(x, training=True).numpy(), other(x, training=True).numpy())
    assert np.abs(layer(x, training=True).numpy() - layer(x).numpy()).max() > 1e-3


@pytest.mark.parametrize("unroll", [False, True])
def test_dropped_inputs_are_the_same_at_every_step(unroll: bool) -> None:
    layer = SimpleRNN(1, dropout=0.5, seed=0, unroll=unroll, return_sequences=True)
    x = gn.Tensor(np.ones((4, 6, 3), "float32"), requires_grad=True)
    layer(x, training=True).sum().backward()
    dropped = x.grad.numpy() == 0
    assert dropped.any()
    np.testing.assert_array_equal(dropped, np.repeat(dropped[:, :1], 6, axis=1))


def test_a_cell_alone_draws_new_dropout_at_every_call() -> None:
    cell = SimpleRNNCell(4, dropout=0.5, seed=0)
    x, h = np.ones((2, 8), "float32"), [np.zeros((2, 4), "float32")]
    assert (cell(x, h, training=True)[0].numpy() != cell(x, h, training=True)[0].numpy()).any()


# ---------------------------------------------------------------- cells of all kinds


@gn.saving.register_keras_serializable("tests")
class Adding(Layer):
    """The user's own cell: the sum so far, and how often it was called."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.state_size = units, [units, 1]

    def call(self, inputs: Any, states: Any) -> Any:
        total, count = states
        total = total + inputs
        return total * 2, [total, count + 1]


def test_a_cell_of_the_users_own_runs_is_masked_and_is_saved(tmp_path: Any) -> None:
    layer = RNN(Adding(3), return_state=True, return_sequences=True)
    mask = np.array([[True, False, True, True, False]] * 6)
    y, total, count = layer(sequences(), mask=mask)
    np.testing.assert_allclose(total.numpy(), sequences()[:, [0, 2, 3]].sum(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(count.numpy(), np.full((6, 1), 3.0))
    np.testing.assert_array_equal(y.numpy()[:, 1], y.numpy()[:, 0])
    x = gn.Input((None, 3))
    gn.Model(x, RNN(Adding(3))(x)).save(tmp_path / "m.glassnet")
    np.testing.assert_allclose(load_model(tmp_path / "m.glassnet")(sequences()).numpy(), 2 * sequences().sum(axis=1),
                               rtol=1e-5)  # fmt: skip


class FromOne(Adding):
    """A cell that starts where it says."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [gn.ops.ones((batch_size, self.units)), gn.ops.zeros((batch_size, 1))]


def test_a_cell_may_say_where_it_starts_also_for_an_open_batch() -> None:
    x = gn.Input((None, 3))
    model = gn.Model(x, RNN(FromOne(3))(x))
    assert model.output_shape == (None, 3)
    np.testing.assert_allclose(model(sequences()).numpy(), 2 + 2 * sequences().sum(axis=1), rtol=1e-5)


def test_stacked_cells_are_layers_one_after_the_other(tmp_path: Any) -> None:
    stacked = RNN([LSTMCell(4), GRUCell(2)], return_state=True)
    y, (h, c), (g,) = stacked(sequences())
    assert (y.shape, h.shape, c.shape, g.shape) == ((6, 2), (6, 4), (6, 4), (6, 2))
    one, two = LSTM(4, return_sequences=True), GRU(2)
    two(one(sequences()))
    one.set_weights(stacked.get_weights()[:3])
    two.set_weights(stacked.get_weights()[3:])
    np.testing.assert_allclose(two(one(sequences())).numpy(), y.numpy(), atol=1e-6)
    model = gn.Sequential([gn.Input((5, 3)), RNN(StackedRNNCells([LSTMCell(4), SimpleRNNCell(2)]))])
    model.save(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(load_model(tmp_path / "m.glassnet")(sequences()).numpy(), model(sequences()).numpy())


# ---------------------------------------------------------------- masks that travel


@pytest.mark.parametrize("cls", LAYERS)
def test_a_mask_of_the_embedding_reaches_every_recurrent_layer(cls: type) -> None:
    model = gn.Sequential([gn.layers.Embedding(9, 3, mask_zero=True), cls(4, return_sequences=True), cls(2)])
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    padded = np.pad(ids, ((0, 0), (0, 2)))
    np.testing.assert_array_equal(model(padded).numpy(), model(ids).numpy())


def test_a_mask_ends_where_the_time_axis_ends() -> None:
    x = gn.layers.Embedding(9, 3, mask_zero=True)(np.array([[1, 0]]))
    assert getattr(GRU(2)(x), "_keras_mask", None) is None
    sequence, state = GRU(2, return_sequences=True, return_state=True)(x)
    np.testing.assert_array_equal(sequence._keras_mask.numpy(), [[True, False]])
    assert getattr(state, "_keras_mask", None) is None


# ---------------------------------------------------------------- error texts


def test_the_number_of_steps_is_not_zero_and_known_where_it_is_unrolled() -> None:
    with pytest.raises(ShapeError, match=r"SimpleRNN 'r': the number of time steps must be not 0"):
        SimpleRNN(2, name="r")(np.ones((2, 0, 3)))
    with pytest.raises(ShapeError, match=r"SimpleRNN 'r': the number of time steps must be known and not 0"):
        SimpleRNN(2, unroll=True, name="r")(gn.Input((None, 3)))


def stateful_with(samples: int) -> Any:
    layer = LSTM(2, stateful=True, name="r")
    layer(np.ones((4, 2, 3)))
    return layer(np.ones((samples, 2, 3)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: LSTM(2, name="r")(np.ones((2, 3))), ShapeError, r"the input is not a sequence\n  expected: \(batch"),
        (lambda: LSTM(2, name="r")(np.ones((2, 4, 3)), mask=np.ones((2, 3))), ShapeError, "one truth value per step"),
        (lambda: LSTM(2, name="r")(np.ones((2, 4, 3)), initial_state=np.ones((2, 2))), ArgumentError,
         r"initial_state\n  expected: 2 of width \[2, 2\]\n  received: 1 of width \[2\]"),
        (lambda: LSTM(2, stateful=True, name="r")(gn.Input((4, 3))), ShapeError, "needs a fixed batch size"),
        (lambda: stateful_with(3), ShapeError, "one state per sample of the batch\n  expected: 4 samples"),
        (lambda: LSTM(2, name="r").reset_state(), ArgumentError, "there is no state to reset"),
        (lambda: LSTM(2, dropout=1.0), ArgumentError, r"dropout must be in \[0, 1\)\n  received: dropout=1.0"),
        (lambda: RNN(gn.layers.Dense(2)), ArgumentError, r"not a cell\n(.*\n)*.*sets self.state_size"),
        (lambda: RNN(np.tanh), ArgumentError, "not a cell"),
        (lambda: StackedRNNCells([]), ArgumentError, "cells is a list of cells"),
        (lambda: LSTMCell(2)(np.ones((1, 3)), [np.zeros((1, 2))]), ArgumentError, r"states\n  expected: \[h, c\]"),
        (lambda: RNN([LSTMCell(2)])(np.ones((1, 3, 3)), initial_state=[np.ones((1, 2))] * 2), ShapeError, "states of each"),
        (lambda: GRU(2)(np.ones((1, 3, 3)), initial_state=np.ones((1, 3))), ArgumentError, r"received: 1 of width \[3\]"),
    ],
)  # fmt: skip
def test_mistakes_are_named(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
