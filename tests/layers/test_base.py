"""Layer: weights and their paths, freezing, losses, calls, config, and what goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, GraphError, SavingError, ShapeError
from glassnet.layers import Dense, Dropout, Layer


class Scale(Layer):
    """A layer of a user's own, without any of Layer's arguments."""

    def __init__(self, times: float = 1.0) -> None:
        super().__init__()
        self.times = times

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((input_shape[-1],), initializer="ones", name="factor")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor * self.times


class Block(Layer):
    """Layers in a list, a dictionary and an attribute; one of them twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = [Dense(3), (Dense(3),)]
        self.heads = {"a": Dense(1, name="head")}
        self.again = self.heads["a"]

    def call(self, inputs: Any) -> Any:
        return self.heads["a"](self.steps[1][0](self.steps[0](inputs)))


# ---------------------------------------------------------------- weights


def test_layers_in_lists_tuples_and_dictionaries_are_found_once() -> None:
    block = Block()
    block(np.ones((2, 4)))
    assert [v.shape for v in block.variables] == [(4, 3), (3,), (3, 3), (3,), (3, 1), (1,)]
    assert list(block.named_variables()) == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "head/kernel", "head/bias",
    ]  # fmt: skip


def test_paths_do_not_depend_on_what_was_made_before() -> None:
    first, second = Block(), Block()
    first(np.ones((1, 4)))
    second(np.ones((1, 4)))
    assert first.sublayers[0].name != second.sublayers[0].name
    assert list(first.named_variables()) == list(second.named_variables())


def test_constructor_arguments_are_no_sublayers() -> None:
    class Forgetful(Layer):
        def __init__(self, layers: list[Layer]) -> None:
            super().__init__()

    assert Forgetful([Dense(3)]).sublayers == []


def test_weights_without_a_name_are_numbered() -> None:
    layer = Layer()
    layer.pair = [layer.add_weight(), layer.add_weight((2,), initializer="ones")]
    layer.own = gn.Variable([1.0]), gn.Variable([2.0])
    assert list(layer.named_variables()) == ["weight_0", "weight_1", "variable", "variable_1"]


def test_add_weight_chooses_its_initializer_by_type() -> None:
    layer = Layer(dtype="float64")
    assert layer.add_weight((4, 4)).dtype == np.float64
    assert np.ptp(layer.add_weight((4, 4)).numpy()) > 0
    assert not layer.add_weight((4,), dtype="int32").numpy().any()
    assert layer.add_weight(3).shape == (3,)


def test_get_weights_copies_and_set_weights_is_all_or_nothing() -> None:
    layer = Dense(1, kernel_initializer="ones")
    layer(np.ones((1, 2)))
    copy = layer.get_weights()
    copy[0][:] = 7.0
    assert layer.kernel.numpy().tolist() == [[1.0], [1.0]]
    with pytest.raises(ShapeError, match=r"Dense 'fc': wrong number of weights\n  expected: 2\n  received: 1"):
        named(layer).set_weights([np.zeros((2, 1))])
    with pytest.raises(ShapeError, match=r"Dense 'fc': \w+/bias does not fit\n  expected: \(1,\)\n  received: \(5,\)"):
        layer.set_weights([np.zeros((2, 1)), np.zeros(5)])
    assert layer.kernel.numpy().tolist() == [[1.0], [1.0]]


def named(layer: Layer) -> Layer:
    layer.name = "fc"
    return layer


def test_freezing_reaches_inside_and_also_holds_for_weights_made_later() -> None:
    block = Block()
    block.steps[0].trainable = False
    block(np.ones((1, 4)))
    assert [v.shape for v in block.non_trainable_variables] == [(4, 3), (3,)]
    block.trainable = False
    assert block.trainable_variables == []
    block.trainable = True
    assert len(block.trainable_variables) == 6


def test_seed_generators_of_a_whole_model_are_listed() -> None:
    model = gn.Sequential([Dropout(0.5), Dropout(0.5)])
    own = [layer.seed_generator for layer in model.layers]
    assert [g for g in model.seed_generators.values() if g in own] == own


# ---------------------------------------------------------------- losses


def test_activity_regularizer_adds_the_mean_penalty_of_a_sample() -> None:
    layer = Dense(1, kernel_initializer="ones", activity_regularizer=gn.regularizers.L2(0.5))
    layer([[1.0], [3.0]])
    assert [float(loss) for loss in layer.losses] == [0.5 * (1 + 9) / 2]


def test_added_losses_are_those_of_the_last_run() -> None:
    class Penalized(Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(inputs.sum())
            return inputs

    layer = Penalized()
    layer([[1.0]])
    layer([[2.0]])
    assert [float(loss) for loss in layer.losses] == [2.0]
    model = gn.Model(x := gn.Input((1,)), layer(x))
    assert model.losses == []  # shape inference adds nothing
    model(np.array([[5.0]]))
    assert [float(loss) for loss in model.losses] == [5.0]


# ---------------------------------------------------------------- calls


def test_inputs_come_by_position_or_by_name_as_lists_or_arrays_of_any_float_type() -> None:
    layer = Dense(2)
    y = layer(np.array([[1.0, 2.0]], "float64"))
    assert y.dtype == np.float32
    for other in (layer([[1.0, 2.0]]), layer(inputs=np.array([[1, 2]])), layer(gn.Variable([[1.0, 2.0]]))):
        np.testing.assert_array_equal(other.numpy(), y.numpy())


def test_training_is_told_to_everything_inside() -> None:
    class Wrapped(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inside = gn.Sequential([Dropout(0.5, seed=0)])

        def call(self, inputs: Any) -> Any:
            return self.inside(inputs)

    layer, x = Wrapped(), np.ones((4, 50))
    assert (layer(x).numpy() == 1).all()
    assert not (layer(x, training=True).numpy() == 1).all()


def test_an_error_names_the_path_of_the_layer() -> None:
    model = gn.Sequential([gn.Sequential([Dense(3, name="fc")], name="inner")], name="outer")
    model(np.ones((2, 4)))
    with pytest.raises(ShapeError, match=r"Dense 'fc': the input has the wrong shape") as caught:
        model(np.ones((2, 5)))
    assert "received: (2, 5)" in str(caught.value)
    with pytest.raises(ArgumentError, match=r"Broken 'outer/broken': the wrong argument"):
        gn.Sequential([Broken(name="broken")], name="outer")(np.ones((2, 4)))


class Broken(Layer):
    def call(self, inputs: Any) -> Any:
        raise ArgumentError("the wrong argument")


def test_shapes_are_known_without_data() -> None:
    assert Block().compute_output_shape((None, 4)) == (None, 1)
    assert gn.layers.Concatenate().compute_output_shape([(None, 2), (None, 3)]) == (None, 5)


# ---------------------------------------------------------------- config


def test_a_layer_without_name_argument_keeps_its_name_through_a_config() -> None:
    layer = Scale(times=2.0)
    clone = Scale.from_config(layer.get_config())
    assert (clone.name, clone.times) == (layer.name, 2.0)


def test_a_frozen_layer_stays_frozen_through_a_config() -> None:
    layer = Dense(2, name="fc")
    layer.trainable = False
    assert Dense.from_config(layer.get_config()).trainable is False


def test_config_holds_objects_functions_and_arrays_as_plain_data() -> None:
    config = Dense(2, gn.ops.tanh, kernel_initializer=gn.initializers.HeNormal(seed=1)).get_config()
    assert config["activation"] == "tanh"
    assert config["kernel_initializer"]["class_name"] == "HeNormal"
    assert gn.layers.Rescaling(np.array([1.0, 2.0])).get_config()["scale"] == [1.0, 2.0]


def test_what_cannot_be_saved_says_so() -> None:
    with pytest.raises(SavingError, match=r"Dense 'fc': activation cannot be saved: a file cannot hold the code"):
        Dense(2, lambda x: x, name="fc").get_config()
    with pytest.raises(ArgumentError, match=r"Dense 'fc': activity_regularizer cannot be saved.*\n.*object\(\)|object"):
        Opaque(thing=object(), name="fc").get_config()


class Opaque(Layer):
    def __init__(self, thing: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)


def test_a_config_with_an_unknown_argument_names_it() -> None:
    with pytest.raises(ArgumentError, match=r"Dense: there is no argument 'colour'\n"):
        Dense.from_config({"units": 2, "colour": "red"})


def test_layers_are_found_by_name_and_unknown_ones_get_a_hint() -> None:
    assert isinstance(gn.layers.get("flatten"), gn.layers.Flatten)
    with pytest.raises(ArgumentError, match=r"unknown layer 'Dens'(.*\n)*.*did you mean 'dense'"):
        gn.layers.deserialize({"class_name": "Dens", "config": {}})


# ---------------------------------------------------------------- what goes wrong


def test_forgetting_super_init_is_said_at_the_first_touch() -> None:
    class Forgot(Layer):
        def __init__(self) -> None:
            self.units = 3

        def call(self, inputs: Any) -> Any:
            return inputs

    match = r"Forgot is not ready: its __init__ did not call super\(\).__init__\(\)\n  fix: "
    for touch in (lambda: Forgot()(np.ones((1, 2))), lambda: Forgot().add_weight((1,)), lambda: Forgot().name):
        with pytest.raises(GraphError, match=match):
            touch()


def test_a_misspelt_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'kernal'"):
        Dense(3).kernal  # noqa: B018  # the mistake itself


@pytest.mark.parametrize("name", ["a/b", "", 3])
def test_bad_names_are_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Dense: bad name\n  expected: text without '/'"):
        Dense(3, name=name)


def test_a_layer_must_define_call() -> None:
    with pytest.raises(ArgumentError, match=r"must define call\(self, inputs\)"):
        Layer()(np.ones(2))
