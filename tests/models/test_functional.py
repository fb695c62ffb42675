"""Functional models: graphs of layers and ops, structures, sharing, config, and what goes wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers import BatchNormalization, Concatenate, Dense, Dropout

A = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
B = np.random.default_rng(1).normal(size=(6, 2)).astype("float32")


def again(model: Any) -> Any:
    """The model from its config through JSON, with the same weights."""
    clone = gn.layers.deserialize(json.loads(json.dumps(gn.layers.serialize(model))))
    clone.set_weights(model.get_weights())
    return clone


def same(first: Any, second: Any) -> None:
    """Equal structures of equal arrays; a file knows no tuples."""
    assert isinstance(first, dict) == isinstance(second, dict)
    if isinstance(first, dict):
        assert list(first) == list(second)
        first, second = list(first.values()), list(second.values())
    for a, b in zip(first, second, strict=True) if isinstance(first, (list, tuple)) else [(first, second)]:
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- structures


def test_several_inputs_and_outputs_in_lists() -> None:
    a, b = gn.Input((4,), name="a"), gn.Input((2,), name="b")
    joined = Concatenate()([a, b])
    model = gn.Model([a, b], [Dense(1)(joined), Dense(3)(a)])
    assert (model.input_shape, model.output_shape) == ([(None, 4), (None, 2)], [(None, 1), (None, 3)])
    first, second = model([A, B])
    assert (first.shape, second.shape) == ((6, 1), (6, 3))
    same([t.numpy() for t in model({"b": B, "a": A})], [first.numpy(), second.numpy()])
    same(again(model).predict([A, B]), model.predict([A, B]))
    assert [layer.name for layer in model.layers[:2]] == ["a", "b"]


def test_inputs_and_outputs_in_dictionaries() -> None:
    inputs = {"x": gn.Input((4,)), "z": gn.Input((2,))}
    hidden = Dense(3)(inputs["x"])
    model = gn.Model(inputs, {"sum": hidden * 2.0, "z": Dense(1)(inputs["z"])})
    found = model.predict({"z": B, "x": A})
    assert {name: y.shape for name, y in found.items()} == {"sum": (6, 3), "z": (6, 1)}
    same(again(model).predict({"x": A, "z": B}), found)


def test_an_input_may_be_an_output() -> None:
    x = gn.Input((4,))
    model = gn.Model(x, [x, Dense(1)(x)])
    np.testing.assert_array_equal(model(A)[0].numpy(), A)


def test_layers_come_in_the_order_of_keras_whichever_was_made_or_asked_for_first() -> None:
    a, b, shared = gn.Input((4,), name="a"), gn.Input((4,), name="b"), Dense(4, name="shared")
    near = Dense(4, name="near")(b)
    far = Dense(4, name="second")(Dense(4, name="first")(a))
    both = gn.layers.Concatenate(name="both")([near, far])
    model = gn.Model([a, b], [Dense(2, name="left")(both), Dense(2, name="right")(near)])
    assert [x.name for x in model.layers] == ["a", "b", "first", "near", "second", "both", "left", "right"]
    again_shared = shared(Dense(4, name="between")(shared(a)))
    model = gn.Model(a, gn.layers.Add(name="add")([Dense(4, name="short")(a), again_shared]))
    assert [x.name for x in model.layers] == ["a", "shared", "between", "short", "add"]
    assert [v.path for v in model.variables][::2] == ["shared/kernel", "between/kernel", "short/kernel"]


# ---------------------------------------------------------------- sharing and nesting


def test_a_shared_layer_has_one_set_of_weights_and_its_gradients_add_up() -> None:
    a, b, shared = gn.Input((4,)), gn.Input((4,)), Dense(1, use_bias=False)
    model = gn.Model([a, b], shared(a) + shared(b))
    assert len(model.variables) == 1
    model([A, 2 * A]).sum().backward()
    np.testing.assert_allclose(shared.kernel.grad.numpy(), 3 * A.sum(axis=0)[:, None], rtol=1e-5)
    same(again(model).predict([A, A]), model.predict([A, A]))


def test_models_are_layers_of_other_models() -> None:
    x = gn.Input((4,))
    encoder = gn.Model(x, Dense(2, name="code")(x), name="encoder")
    decoder = gn.Sequential([gn.Input((2,)), Dense(4)], name="decoder")
    y = gn.Input((4,))
    whole = gn.Model(y, decoder(encoder(y)))
    assert list(whole.named_variables()) == [
        "encoder/code/kernel", "encoder/code/bias", "decoder/dense/kernel", "decoder/dense/bias",
    ]  # fmt: skip
    np.testing.assert_array_equal(whole(A).numpy(), decoder(encoder(A)).numpy())
    same(again(whole).predict(A), whole.predict(A))


def test_a_model_may_begin_in_the_middle_of_a_graph() -> None:
    x = gn.Input((4,))
    hidden = Dense(3, "relu")(x)
    whole = gn.Model(x, y := Dense(2)(hidden))
    first, rest = gn.Model(x, hidden), gn.Model(hidden, y)
    assert rest.count_params() == 8
    np.testing.assert_array_equal(rest(first(A)).numpy(), whole(A).numpy())
    same(again(rest).predict(first.predict(A)), whole.predict(A))


def test_a_call_with_training_false_stays_so_in_every_run() -> None:
    x = gn.Input((4,))
    frozen, free = gn.Model(x, Dropout(0.5)(x, training=False)), gn.Model(x, Dropout(0.5)(x))
    for model, noisy in ((frozen, False), (again(frozen), False), (free, True)):
        assert np.array_equal(model(A, training=True).numpy(), A) is not noisy


def test_running_statistics_move_inside_a_model() -> None:
    x, layer = gn.Input((4,)), BatchNormalization()
    gn.Model(x, layer(x))(A, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.01 * A.mean(axis=0), rtol=1e-5)


# ---------------------------------------------------------------- ops on symbolic tensors


def computations() -> dict[str, Any]:
    ops, table = gn.ops, np.array([1.0, 2.0, 3.0, 4.0], "float32")
    return {
        "operators": lambda x: 1.0 - (x + x * 0.5) / 4.0 - x**2,
        "constant array": lambda x: x * table + np.float32(3),
        "matmul": lambda x: x @ np.ones((4, 2), "float32"),
        "comparison": lambda x: ops.where(x > 0, x, 0.0),
        "slice": lambda x: x[:, 1:3],
        "reduction": lambda x: ops.mean(x, axis=-1, keepdims=True) - ops.max(x, axis=1, keepdims=True),
        "shape": lambda x: ops.transpose(ops.reshape(x, (-1, 2, 2)), (0, 2, 1)),
        "joined": lambda x: ops.concatenate([x, x[:, :1]], axis=1),
        "several outputs": lambda x: ops.top_k(x, 2),
        "one of several outputs": lambda x: ops.top_k(x, 2)[0] * 10.0,
        "split": lambda x: ops.split(x, 2, axis=1),
    }


@pytest.mark.parametrize("name", computations())
def test_ops_on_symbolic_tensors_become_layers(name: str) -> None:
    compute, x = computations()[name], gn.Input((4,))
    model = gn.Model(x, compute(x))
    expected = gn.autograd.functional.map_structure(lambda t: t.numpy(), compute(gn.Tensor(A)))
    found = gn.autograd.functional.map_structure(lambda t: t.numpy(), model(A))
    same(found, expected)
    same(gn.autograd.functional.map_structure(lambda t: t.numpy(), again(model)(A)), expected)


def test_an_op_between_layers_is_trained_through() -> None:
    x = gn.Input((4,))
    model = gn.Model(x, Dense(1)(gn.ops.tanh(Dense(3)(x)) * 2.0))
    report = gn.check_gradients(model, A)
    assert len(report.arrays) == 5


# ---------------------------------------------------------------- what goes wrong


def test_a_forgotten_input_is_named() -> None:
    a, b = gn.Input((4,), name="a"), gn.Input((4,), name="b")
    with pytest.raises(
        GraphError, match=r"depend on a tensor that is not among the inputs: 'b'(.*\n)*  fix: +add it to"
    ):
        gn.Model(a, a + b)


def test_a_tensor_from_nowhere_is_named() -> None:
    loose = gn.Tensor(gn.Input((4,)).data)
    with pytest.raises(GraphError, match="depend on a tensor that is not among the inputs"):
        gn.Model(gn.Input((4,)), Dense(1)(loose))


def test_two_layers_of_one_name_are_refused() -> None:
    x = gn.Input((4,))
    with pytest.raises(GraphError, match="Model 'net': two layers are called 'fc'"):
        gn.Model(x, Dense(1, name="fc")(Dense(1, name="fc")(x)), name="net")


@pytest.mark.parametrize("outputs", [A, None, 3.0])
def test_only_symbolic_tensors_can_be_connected(outputs: Any) -> None:
    with pytest.raises(GraphError, match=r"outputs must be symbolic tensors\n(.*\n)*  fix: +start from gn.Input"):
        gn.Model(gn.Input((4,)), outputs)


def test_a_variable_outside_of_a_layer_is_refused_because_it_would_never_be_trained() -> None:
    x, w = gn.Input((4,)), gn.Variable(np.ones(4, "float32"), name="w")
    with pytest.raises(
        GraphError, match=r"multiply uses a Variable outside of a layer(.*\n)*  received: w\n  fix: +write a L"
    ):
        gn.Model(x, x * w)


def two_inputs() -> Any:
    a, b = gn.Input((4,), name="a"), gn.Input((2,), name="b")
    return gn.Model([a, b], Concatenate()([a, b]), name="net")


@pytest.mark.parametrize(
    ("inputs", "error", "problem"),
    [
        (
            [A, A],
            ShapeError,
            r"Model 'net': input 'b' has the wrong shape\n  expected: \(None, 2\)\n  received: \(6, 4\)",
        ),
        ([A[0], B], ShapeError, r"input 'a' has the wrong shape\n  expected: \(None, 4\)\n  received: \(4,\)"),
        (A, ShapeError, r"Model 'net': wrong number of inputs\n  expected: 2 \(a, b\)\n  received: 1"),
        ({"a": A, "c": B}, ArgumentError, r"Model 'net': inputs are missing\n  expected: a, b\n  received: a, c"),
    ],
)
def test_wrong_inputs_are_named(inputs: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        two_inputs()(inputs)


def test_an_array_among_the_arguments_of_a_call_cannot_be_saved() -> None:
    x = gn.Input((4,))
    model = gn.Model(x, gn.layers.Add()([x, A[:1]]))
    np.testing.assert_array_equal(model(A).numpy(), A + A[:1])
    with pytest.raises(ArgumentError, match=r"an argument of Add '\w+' cannot be saved"):
        model.get_config()
