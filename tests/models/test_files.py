"""Model files: every kind of model comes back whole, wrong files change nothing and run nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, SavingError
from glassnet.layers import BatchNormalization, Concatenate, Dense, Dropout, Lambda, Layer, Normalization
from glassnet.saving import load_model, register_keras_serializable

X = np.random.default_rng(0).normal(3.0, 2.0, size=(24, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, size=24)


class Scale(Layer):
    """A layer of a user's own, with a weight and no name argument."""

    def __init__(self, start: float = 1.0) -> None:
        super().__init__()
        self.start = start

    def build(self, input_shape: Any) -> None:
        start = gn.initializers.Constant(self.start)
        self.factor = self.add_weight((input_shape[-1],), initializer=start, name="factor")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


class Net(gn.Model):
    """A model of a user's own, with arguments."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.parts = [Dense(units, "relu"), Dropout(0.3, seed=5), Scale(2.0)]
        self.out = Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        for part in self.parts:
            inputs = part(inputs)
        return self.out(inputs)


def sequential() -> Any:
    statistics = Normalization()
    statistics.adapt(X)
    layers = [statistics, Dense(5, "relu"), BatchNormalization(), Dropout(0.3, seed=5), [Dense(4)], Dense(3, "softmax")]
    return gn.Sequential([gn.Input((4,)), *layers])


def functional() -> Any:
    x = gn.Input((4,))
    hidden = Dense(5, "tanh")(x)
    joined = Concatenate()([hidden * 0.5 + 1.0, gn.ops.top_k(hidden, 2)[0]])
    return gn.Model(x, Dense(3, "softmax")(Dropout(0.3, seed=5)(joined)))


def subclass() -> Any:
    return Net(5)


MINE = {"Net": Net, "Scale": Scale}


def trained(model: Any, optimizer: Any = "adam") -> Any:
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    return model


def one_more_epoch(model: Any) -> list[Any]:
    for generator in model.state_generators.values():  # random states are no part of a model file
        generator.state = Dropout(0.5, seed=9).seed_generator.state
    history = model.fit(X, Y, batch_size=8, epochs=1, verbose=0).history
    return [*model.get_weights(), *(np.array(values) for values in history.values())]


def equal(first: list[Any], second: list[Any]) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- whole models


@pytest.mark.parametrize("make", [sequential, functional, subclass])
@pytest.mark.parametrize(
    "optimizer", [lambda: gn.optimizers.SGD(0.1, momentum=0.9), lambda: gn.optimizers.Adam(0.01)], ids=["sgd", "adam"]
)
def test_training_goes_on_byte_for_byte_after_loading(make: Any, optimizer: Any, tmp_path: Path) -> None:
    model = trained(make(), optimizer())
    model.save(tmp_path / "m.glassnet")
    loaded = load_model(tmp_path / "m.glassnet", custom_objects=MINE)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)
    equal(one_more_epoch(loaded), one_more_epoch(model))


@pytest.mark.parametrize("make", [sequential, functional, subclass])
def test_saving_what_was_loaded_gives_the_same_bytes(make: Any, tmp_path: Path) -> None:
    trained(make()).save(tmp_path / "a.glassnet")
    load_model(tmp_path / "a.glassnet", custom_objects=MINE).save(tmp_path / "b.glassnet")
    assert (tmp_path / "a.glassnet").read_bytes() == (tmp_path / "b.glassnet").read_bytes()


def test_layers_and_their_variables_keep_their_names_through_a_file(tmp_path: Path) -> None:
    for _ in range(2):  # the second one has layers with numbers in their names
        model = gn.Sequential([gn.Input((5, 5, 1)), gn.layers.Conv2D(2, 3), gn.layers.Flatten(), gn.layers.Dense(1)])
    names, paths = [layer.name for layer in model.layers], [v.path for v in model.variables]
    assert paths == [f"{layer.name}/{v.name}" for layer in model.layers for v in layer.variables]
    model.save(tmp_path / "m.glassnet")
    for found in (model, load_model(tmp_path / "m.glassnet")):
        assert ([layer.name for layer in found.layers], [v.path for v in found.variables]) == (names, paths)


def test_two_blocks_with_layers_of_one_name_keep_their_optimizer_states_apart(tmp_path: Path) -> None:
    blocks = [gn.Sequential([Dense(3, name="fc")], name=name) for name in ("left", "right")]
    model = trained(gn.Sequential([gn.Input((4,)), *blocks]))
    model.save(tmp_path / "m.glassnet")
    equal(one_more_epoch(load_model(tmp_path / "m.glassnet")), one_more_epoch(model))


def test_an_uncompiled_model_is_loaded_uncompiled(tmp_path: Path) -> None:
    functional().save(tmp_path / "m.glassnet")
    assert not load_model(tmp_path / "m.glassnet").compiled
    trained(functional()).save(tmp_path / "m.glassnet")
    assert not load_model(tmp_path / "m.glassnet", compile=False).compiled


def test_frozen_layers_stay_frozen(tmp_path: Path) -> None:
    model = sequential()
    model.layers[1].trainable = False
    trained(model).save(tmp_path / "m.glassnet")
    assert len(load_model(tmp_path / "m.glassnet").trainable_variables) == len(model.trainable_variables)


def test_registered_classes_and_functions_need_no_custom_objects(tmp_path: Path) -> None:
    @register_keras_serializable("files")
    class Shift(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + 1.0

    @register_keras_serializable("files")
    def thrice(x: Any) -> Any:
        return 3.0 * x

    @register_keras_serializable("files")
    def cubic(y_true: Any, y_pred: Any) -> Any:
        return gn.ops.mean(gn.ops.abs(y_true - y_pred) ** 3, axis=-1)

    model = gn.Sequential([gn.Input((4,)), Shift(), Dense(4, thrice), Lambda(thrice)])
    model.compile("sgd", cubic, metrics=[cubic])
    model.save(tmp_path / "m.glassnet")
    loaded = load_model(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, X, verbose=0) == model.evaluate(X, X, verbose=0)


def test_custom_objects_reach_deep_inside_and_are_forgotten_afterwards(tmp_path: Path) -> None:
    model = gn.Sequential([gn.Input((4,)), gn.Sequential([Scale()])])
    model.save(tmp_path / "m.glassnet")
    assert load_model(tmp_path / "m.glassnet", custom_objects=MINE).count_params() == 4
    with pytest.raises(ArgumentError, match=r"model file '.*m.glassnet': unknown layer 'Scale'"):
        load_model(tmp_path / "m.glassnet")


# ---------------------------------------------------------------- weights alone


@pytest.mark.parametrize("make", [sequential, functional, subclass])
def test_weights_go_into_another_model_of_the_same_kind(make: Any, tmp_path: Path) -> None:
    first, second = trained(make()), trained(make())
    first.save_weights(tmp_path / "w.glassnet")
    second.load_weights(tmp_path / "w.glassnet")
    np.testing.assert_array_equal(second.predict(X), first.predict(X))
    first.save(tmp_path / "m.glassnet")
    trained(make()).load_weights(tmp_path / "m.glassnet")  # a model file holds weights too


def test_every_name_that_does_not_fit_is_listed_and_nothing_changes(tmp_path: Path) -> None:
    gn.Sequential([gn.Input((4,)), Dense(3, name="a"), Dense(2, name="b")]).save_weights(tmp_path / "w.glassnet")
    model = gn.Sequential([gn.Input((4,)), Dense(3, name="a"), Dense(5, name="b"), Dense(1, name="c")], name="net")
    before = model.get_weights()
    with pytest.raises(SavingError, match="do not fit Sequential 'net'") as caught:
        model.load_weights(tmp_path / "w.glassnet")
    text = str(caught.value)
    assert "missing c/kernel; missing c/bias" in text
    assert "b/kernel has shape (3, 2), the model (3, 5); b/bias has shape (2,), the model (5,)" in text
    equal(model.get_weights(), before)
    smaller = gn.Sequential([gn.Input((4,)), Dense(3, name="a")])
    with pytest.raises(SavingError, match="extra b/bias; extra b/kernel"):
        smaller.load_weights(tmp_path / "w.glassnet")


# ---------------------------------------------------------------- refused


def lambda_model() -> Any:
    return gn.Sequential([gn.Input((4,)), Lambda(lambda x: x, name="twice")])


@pytest.mark.parametrize(
    ("make", "name", "problem"),
    [
        (
            lambda_model,
            "m.glassnet",
            "Lambda 'twice': function cannot be saved: a file cannot hold the code of a functi",
        ),
        (lambda: gn.Sequential([Dense(3)]), "m.glassnet", r"has no weights yet\n  fix: +build it: start with gn.Input"),
        (functional, "m.h5", r"a model file ends in .glassnet\n(.*\n)*  fix: +save to m.h5.glassnet"),
        (functional, "there.glassnet", r"exists already\n  fix: +pass overwrite=True"),
        (functional, "no/folder/m.glassnet", "cannot be written"),
    ],
)
def test_what_cannot_be_saved_leaves_no_file(make: Any, name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "there.glassnet").write_bytes(b"old")
    with pytest.raises(SavingError, match=problem):
        make().save(tmp_path / name, overwrite=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["there.glassnet"]
    assert (tmp_path / "there.glassnet").read_bytes() == b"old"


def test_an_unregistered_loss_cannot_be_saved(tmp_path: Path) -> None:
    model = functional()
    model.compile("sgd", lambda y_true, y_pred: gn.ops.mean(y_pred, axis=-1))
    with pytest.raises(SavingError, match=r"compile: the loss '<lambda>' cannot be saved"):
        model.save(tmp_path / "m.glassnet")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    trained(functional()).save(tmp_path / "m.glassnet")
    return tmp_path / "m.glassnet"


def rewritten(path: Path, change: Any) -> Path:
    """The file with another config, everything else as it was."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(share: float, saved: Path) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SavingError, match=r"not a glassnet model file|damaged or incomplete"):
        load_model(saved)


def test_garbage_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "g.glassnet").write_bytes(b"\x00garbage" * 100)
    with pytest.raises(SavingError, match="not a glassnet model file"):
        load_model(tmp_path / "g.glassnet")
    with pytest.raises(SavingError, match="cannot be read"):
        load_model(tmp_path / "absent.glassnet")


def test_a_file_from_a_newer_version_says_which_one_it_needs(saved: Path) -> None:
    rewritten(saved, lambda config: config.update(format_version=99, written_by="9.0.0"))
    with pytest.raises(SavingError, match=r"this file needs glassnet >= 9.0.0"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["model"]["config"].pop("calls"),
        lambda config: config["model"]["config"]["calls"][0].pop("layer"),
        lambda config: config["model"]["config"].update(outputs={"tensor": 999}),
        lambda config: config.update(model=["not", "a", "model"]),
        lambda config: config.pop("model"),
    ],
)
def test_a_broken_description_is_a_saving_or_argument_error(change: Any, saved: Path) -> None:
    with pytest.raises((SavingError, ArgumentError), match=r"m\.glassnet"):
        load_model(rewritten(saved, change))


@pytest.mark.parametrize("name", ["os.system", "builtins>eval", "subprocess.Popen", "__import__"])
def test_a_file_cannot_name_code(name: str, saved: Path) -> None:
    def attack(config: Any) -> None:
        config["model"]["config"]["layers"].append({"class_name": name, "config": {"command": "echo"}})

    with pytest.raises(ArgumentError, match=f"unknown layer '{name}'"):
        load_model(rewritten(saved, attack))


def test_a_lambda_in_a_file_runs_only_registered_functions(saved: Path) -> None:
    evil = {"class_name": "Lambda", "config": {"name": "evil", "function": "eval"}}
    with pytest.raises(ArgumentError, match="unknown activation 'eval'"):
        load_model(rewritten(saved, lambda config: config["model"]["config"]["layers"].append(evil)))


def test_a_weight_file_is_no_model(tmp_path: Path) -> None:
    functional().save_weights(tmp_path / "w.glassnet")
    with pytest.raises(SavingError, match=r"holds no model\n  received: kind 'weights'\n  fix: +model.load_weights"):
        load_model(tmp_path / "w.glassnet")
