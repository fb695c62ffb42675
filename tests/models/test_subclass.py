"""Models as subclasses: lazy building, where layers may be kept, a train_step of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.layers import Dense, Dropout

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, size=12)


class Net(gn.Model):
    """Layers in a list and a dictionary; branches as Python decides."""

    def __init__(self, units: int = 5, depth: int = 2) -> None:
        super().__init__()
        self.hidden = [Dense(units, "relu") for _ in range(depth)]
        self.ends = {"drop": Dropout(0.5), "out": Dense(3)}

    def call(self, inputs: Any, training: bool = False) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        if training:
            inputs = self.ends["drop"](inputs)
        return self.ends["out"](inputs)


def compiled(model: Any) -> Any:
    loss = gn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(gn.optimizers.Adam(0.05), loss, metrics=["accuracy"], run_eagerly=True)
    return model


# ---------------------------------------------------------------- building


def test_weights_come_with_the_first_call_wherever_the_layers_are_kept() -> None:
    model = Net()
    assert not model.built
    assert model(X).shape == (12, 3)
    assert model.built
    assert [v.shape for v in model.variables] == [(4, 5), (5,), (5, 5), (5,), (5, 3), (3,)]
    assert [layer.name.split("_")[0] for layer in model.layers] == ["dense", "dense", "dropout", "dense"]


def test_build_makes_the_weights_from_a_shape() -> None:
    model = Net()
    model.build((None, 4))
    assert model.built
    assert model.count_params() == 25 + 30 + 18
    model.build((None, 4))  # a second time changes nothing
    assert model.count_params() == 73


def test_a_first_call_that_fails_leaves_the_model_to_be_built() -> None:
    model = Net()
    with pytest.raises(ShapeError):
        model(np.ones(4))
    assert not model.built
    assert model(X).shape == (12, 3)


def test_a_build_of_ones_own_is_called_with_the_shape() -> None:
    class Own(gn.Model):
        def build(self, input_shape: Any) -> None:
            self.out = Dense(input_shape[-1])

        def call(self, inputs: Any) -> Any:
            return self.out(inputs)

    assert Own()(X).shape == (12, 4)


# ---------------------------------------------------------------- training


def test_a_subclass_trains_and_says_why_it_runs_eagerly(capsys: Any) -> None:
    gn.utils.set_random_seed(0)
    model = Net()
    model.compile(gn.optimizers.Adam(0.01), gn.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(X, Y, epochs=60, verbose=0).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert "eager: Net.call is your code; jit_compile=True replays it" in capsys.readouterr().out


class Keras(gn.Model):
    """The train_step of Keras's guide in its torch form, word for word but for `torch`."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        trainable_weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in trainable_weights]
        with gn.no_grad():
            self.optimizer.apply(gradients, trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def network() -> tuple[Any, Any]:
    x = gn.Input((4,))
    hidden = Dense(5, "relu", kernel_initializer=gn.initializers.GlorotUniform(seed=1))(x)
    return x, Dense(3, kernel_initializer=gn.initializers.GlorotUniform(seed=2))(hidden)


def test_a_train_step_of_ones_own_equals_ours_step_by_step() -> None:
    own, ours = compiled(Keras(*network())), compiled(gn.Model(*network()))
    logs = [m.fit(X, Y, batch_size=6, epochs=3, shuffle=False, verbose=0).history for m in (own, ours)]
    assert logs[0].keys() == logs[1].keys()
    for name in logs[0]:
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-6)
    for a, b in zip(own.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_subclass_may_connect_its_tensors_in_its_constructor() -> None:
    class Connected(gn.Model):
        def __init__(self, units: int) -> None:
            x = gn.Input((4,))
            super().__init__(x, Dense(units)(x), name="connected")

    model = Connected(7)
    assert model.output_shape == (None, 7)
    clone = Connected.from_config(model.get_config())
    assert clone.output_shape == (None, 7)


def test_a_test_step_of_ones_own_is_used_by_evaluate() -> None:
    class Constant(Net):
        def test_step(self, data: Any) -> Any:
            return {"answer": 42.0}

    assert compiled(Constant()).evaluate(X, Y, return_dict=True, verbose=0) == {"answer": 42.0}


# ---------------------------------------------------------------- what goes wrong


def test_forgetting_super_init_is_said_by_whatever_comes_first() -> None:
    class Forgot(gn.Model):
        def __init__(self) -> None:
            self.out = Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.out(inputs)

    match = r"Forgot is not ready: its __init__ did not call super\(\).__init__\(\)"
    for touch in (
        lambda: Forgot()(X),
        lambda: Forgot().fit(X, Y),
        lambda: Forgot().build((None, 4)),
        lambda: Forgot().summary(),
    ):
        with pytest.raises(GraphError, match=match):
            touch()


def test_a_model_must_define_call_or_be_given_tensors() -> None:
    class Empty(gn.Model):
        pass

    with pytest.raises(ArgumentError, match=r"Empty must define call\(self, inputs\)"):
        Empty()(X)


def test_build_needs_a_shape() -> None:
    with pytest.raises(
        ArgumentError, match=r"Net '\w+': build needs the shape of the input(.*\n)*  fix: +model.build\("
    ):
        Net().build()
