"""Core layers: contract table, then cases worked by hand and error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, SavingError, ShapeError
from glassnet.layers import Activation, Dense, Flatten, Identity, Lambda, Reshape

from helpers.layer_contract import LayerCase, contract_test


def double(x: Any, times: float = 2.0) -> Any:
    return x * times


test_contract = contract_test(
    [
        LayerCase(
            Dense, {"units": 3}, (4, 5), oracle=lambda x, W, b: x @ W + b, weights={"kernel": (5, 3), "bias": (3,)}
        ),
        LayerCase(
            Dense,
            {"units": 2, "activation": "tanh", "use_bias": False, "kernel_initializer": "he_normal",
             "kernel_regularizer": "l2", "kernel_constraint": "max_norm", "activity_regularizer": "l1"},
            (4, 5), oracle=lambda x, W: np.tanh(x @ W), weights={"kernel": (5, 2)},
        ),
        LayerCase(
            Dense, {"units": 3, "activation": "softmax"}, (2, 4, 5),
            oracle=lambda x, W, b: np.exp(x @ W + b) / np.exp(x @ W + b).sum(-1, keepdims=True),
            weights={"kernel": (5, 3), "bias": (3,)},
        ),
        LayerCase(Activation, {"activation": "sigmoid"}, (4, 5), oracle=lambda x: 1 / (1 + np.exp(-x))),
        LayerCase(Flatten, {}, (3, 2, 4), oracle=lambda x: x.reshape(-1, 8)),
        LayerCase(Flatten, {}, (3,), oracle=lambda x: x.reshape(-1, 1)),
        LayerCase(Flatten, {}, np.arange(24, dtype="uint8").reshape(2, 3, 4), oracle=lambda x: x.reshape(2, 12)),
        LayerCase(Reshape, {"target_shape": (2, 3)}, (4, 6), oracle=lambda x: x.reshape(-1, 2, 3)),
        LayerCase(Reshape, {"target_shape": (3, -1)}, (4, 2, 6), oracle=lambda x: x.reshape(-1, 3, 4)),
        LayerCase(Identity, {}, (4, 5), oracle=lambda x: x),
        LayerCase(Lambda, {"function": gn.ops.tanh}, (4, 5), oracle=np.tanh),
    ]
)  # fmt: skip


# ---------------------------------------------------------------- by hand


def test_dense_by_hand() -> None:
    layer = Dense(1, "relu", kernel_initializer="ones", bias_initializer=gn.initializers.Constant(-5.0))
    # 1 + 2 - 5 = -2, off;  3 + 4 - 5 = 2
    np.testing.assert_array_equal(layer([[1.0, 2.0], [3.0, 4.0]]).numpy(), [[0.0], [2.0]])


def test_dense_trains_its_penalties_and_keeps_its_constraint() -> None:
    layer = Dense(1, kernel_regularizer=gn.regularizers.L2(0.5), kernel_constraint=gn.constraints.MaxNorm(1.0))
    layer(np.ones((1, 2)))
    layer.set_weights([np.array([[3.0], [-4.0]]), np.zeros(1)])
    (penalty,) = layer.losses
    assert float(penalty) == 0.5 * (9 + 16)
    layer.kernel.assign(layer.kernel.constraint(layer.kernel.value))  # |(3, -4)| = 5 becomes 1
    np.testing.assert_allclose(layer.kernel.numpy(), [[0.6], [-0.8]], rtol=1e-6)


def test_dense_takes_bytes_without_being_told() -> None:
    y = Dense(2)(np.full((3, 4), 255, "uint8"))
    assert y.dtype == np.float32


def test_an_activation_layer_serves_as_activation_of_dense() -> None:
    layer = Dense(1, gn.layers.LeakyReLU(0.5), kernel_initializer="ones")
    assert layer([[-2.0]]).numpy().item() == -1.0


def test_lambda_passes_its_arguments() -> None:
    assert Lambda(double, arguments={"times": 3.0})([[1.0]]).numpy().item() == 3.0


def test_lambda_with_a_registered_function_is_saved_by_name() -> None:
    function = gn.saving.register_keras_serializable("tests")(double)
    config = gn.layers.serialize(Lambda(function, arguments={"times": 5.0}))
    assert config["config"]["function"] == "tests>double"
    assert gn.layers.deserialize(config)([[1.0]]).numpy().item() == 5.0


def test_lambda_with_unregistered_code_cannot_be_saved() -> None:
    with pytest.raises(SavingError, match="Lambda 'twice': function cannot be saved: a file cannot hold the code"):
        Lambda(lambda x: x * 2, name="twice").get_config()


def test_input_states_shape_and_type_of_the_data() -> None:
    x = gn.Input((None, 3), batch_size=2, dtype="uint8")
    assert (x.shape, x.dtype) == ((2, None, 3), np.uint8)
    assert gn.Input(5).shape == (None, 5)


# ---------------------------------------------------------------- error texts


@pytest.mark.parametrize("units", [0, -1, 2.5, True, "3", None])
def test_units_must_be_a_positive_integer(units: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Dense 'fc': units must be a positive integer\n  received: "):
        Dense(units, name="fc")


def test_dense_wants_a_batch_axis() -> None:
    with pytest.raises(ShapeError, match=r"Dense 'fc': .*wrong shape\n(.*\n)*  fix:      add a batch axis: x\[None\]"):
        Dense(3, name="fc")(np.ones(4))


def test_dense_names_the_forgotten_flatten() -> None:
    layer = Dense(3, name="fc")
    layer(np.ones((1, 784)))
    with pytest.raises(ShapeError, match=r"expected: \(batch, 784\).*\n.*\(2, 28, 28\)\n.*add Flatten\(\) before it"):
        layer(np.ones((2, 28, 28)))


def test_dense_wants_a_known_last_axis() -> None:
    with pytest.raises(ShapeError, match=r"the size of a weight is not known\n(.*\n)*.*Input\(\(784,\)\)"):
        Dense(3)(gn.Input((None,)))


def test_dense_takes_one_input_not_a_list() -> None:
    with pytest.raises(ArgumentError, match=r"Dense 'fc': it takes one input\n(.*\n)*.*concatenate"):
        Dense(3, name="fc")([np.ones((1, 2)), np.ones((1, 2))])


@pytest.mark.parametrize("x", [None, "abc"])
def test_a_layer_refuses_what_is_no_array(x: Any) -> None:
    with pytest.raises(ArgumentError, match="Dense 'fc': the input is not an array"):
        Dense(3, name="fc")(x)


def test_reshape_keeps_the_number_of_cells() -> None:
    with pytest.raises(ShapeError, match=r"Reshape 'r': the number of cells must stay\n  expected: 6 cells"):
        Reshape((4, -1), name="r")(np.ones((2, 6)))


@pytest.mark.parametrize("target", [(-1, -1), (2, None), (-2, 3)])
def test_reshape_refuses_sizes_that_mean_nothing(target: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Reshape 'r': target_shape\n  expected: sizes, one of which may be -1"):
        Reshape(target, name="r")


def test_lambda_needs_a_function() -> None:
    with pytest.raises(ArgumentError, match="Lambda 'l': function is not callable"):
        Lambda(3, name="l")  # type: ignore[arg-type]  # the mistake itself


@pytest.mark.parametrize("shape", [None, (-1, 2), "3", (2.5,)])
def test_input_refuses_what_is_no_shape(shape: Any) -> None:
    with pytest.raises(ArgumentError, match=r"InputLayer 'x': shape is that of one sample\n(.*\n)*.*Input\(\(784,\)\)"):
        gn.Input(shape, name="x")
