"""The case harness for layers: one row states a layer, its inputs and what it computes; every promise is checked.

    weights = {"kernel": (5, 3), "bias": (3,)}
    CASES = [LayerCase(Dense, {"units": 3}, (4, 5), oracle=lambda x, W, b: x @ W + b, weights=weights)]
    test_contract = contract_test(CASES)

An input is a shape, batch first, or an array. The oracle is plain NumPy of the inputs, then the weights, at inference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.tensor import Tensor
from glassnet.models.files import load_model

from helpers.contract import close


@dataclass
class LayerCase:
    """One row: a layer class, its constructor arguments, its inputs, its oracle, the shapes of its weights by name."""

    cls: type
    arguments: dict[str, Any]
    inputs: tuple[Any, ...]
    oracle: Callable[..., Any]
    weights: dict[str, tuple[int, ...]]

    def __init__(self, cls: type, arguments: dict[str, Any], *inputs: Any, oracle: Any, weights: Any = None) -> None:
        self.cls, self.arguments, self.inputs, self.oracle = cls, arguments, inputs, oracle
        self.weights = weights or {}

    @property
    def id(self) -> str:
        given = ",".join(f"{key}={getattr(value, '__name__', value)}" for key, value in self.arguments.items())
        shapes = "-".join("x".join(map(str, np.shape(x) if not isinstance(x, tuple) else x)) for x in self.inputs)
        return f"{self.cls.__name__}({given}) {shapes}".replace(" ", "_")

    def arrays(self, dtype: str = "float32", batch: int | None = None) -> list[Any]:
        """Random inputs; with `batch`, that many samples."""
        rng = np.random.default_rng(0)
        found = [rng.normal(size=x).astype(dtype) if isinstance(x, tuple) else x for x in self.inputs]
        return found if batch is None else [x[:batch] for x in found]

    def layer(self, dtype: str = "float32", build: bool = True) -> Any:
        """A fresh layer; where it is built every weight is random, so that zeros and ones hide nothing."""
        layer = self.cls(**self.arguments, dtype=dtype)
        if build:
            layer(self.packed(self.arrays(dtype)))
            rng = np.random.default_rng(1)
            layer.set_weights([rng.uniform(0.5, 1.5, v.shape) for v in layer.variables])
        return layer

    def packed(self, parts: list[Any]) -> Any:
        """A single input as it is, several as a list."""
        return parts[0] if len(parts) == 1 else parts

    def symbolic(self) -> list[Any]:
        return [gn.Input(x.shape[1:], dtype=x.dtype) for x in self.arrays()]

    @property
    def is_differentiable(self) -> bool:
        return any(x.dtype.kind == "f" for x in self.arrays()) or bool(self.layer().trainable_variables)


def seeded(layer: Any) -> None:
    """Set all random states to one and the same beginning."""
    for generator in layer.seed_generators.values():
        generator.state = gn.layers.Dropout(0.5, seed=7).seed_generator.state


def applied(layer: Any, case: LayerCase, training: bool) -> Callable[..., Any]:
    """The layer as a function of its arrays; the checker finds its weights through the closure."""
    return lambda *parts: layer(case.packed(list(parts)), training=training)


# ---------------------------------------------------------------- the claims


def value_equals_oracle(case: LayerCase, tmp_path: Path) -> None:
    for dtype in ("float64", "float32"):
        layer, arrays = case.layer(dtype), case.arrays(dtype)
        wide = [x.astype("float64") for x in arrays]
        expected = case.oracle(*wide, *[w.astype("float64") for w in layer.get_weights()])
        got = layer(case.packed(arrays)).numpy()
        assert got.dtype == dtype or arrays[0].dtype.kind != "f"
        close(got, expected, f"value in {dtype}")


def weights_are_as_declared(case: LayerCase, tmp_path: Path) -> None:
    layer = case.layer()
    assert {path: v.shape for path, v in layer.named_variables().items()} == case.weights
    assert layer.count_params() == sum(int(np.prod(shape)) for shape in case.weights.values())


def output_shape_is_known_before(case: LayerCase, tmp_path: Path) -> None:
    shapes = [(None, *x.shape[1:]) for x in case.arrays()]
    actual = case.layer()(case.packed(case.arrays())).shape
    assert case.layer(build=False).compute_output_shape(case.packed(shapes)) == (None, *actual[1:])


def config_round_trip_gives_an_equal_layer(case: LayerCase, tmp_path: Path) -> None:
    layer = case.layer()
    config = json.loads(json.dumps(gn.layers.serialize(layer)))
    clone = gn.layers.deserialize(config)
    assert type(clone) is case.cls
    assert json.loads(json.dumps(gn.layers.serialize(clone))) == config
    x = case.packed(case.arrays())
    clone(x)
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(clone(x).numpy(), layer(x).numpy())


def gradients_equal_differences(case: LayerCase, tmp_path: Path) -> None:
    if not case.is_differentiable:
        return
    for training in (False, True):
        layer = case.layer()
        seeded(layer)
        report = check_gradients(applied(layer, case, training), *case.arrays("float64"))
        checked = {array.name for array in report.arrays}
        assert {v.path for v in layer.trainable_variables} <= checked


def inference_is_deterministic(case: LayerCase, tmp_path: Path) -> None:
    layer, x = case.layer(), case.packed(case.arrays())
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(x).numpy(), layer(x, training=False).numpy())
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg="inference changed a weight")


def float32_stays_float32(case: LayerCase, tmp_path: Path) -> None:
    layer = case.layer()
    arrays = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in case.arrays()]
    y = layer(case.packed(arrays), training=True)
    assert all(v.dtype == np.float32 for v in layer.variables)
    assert y.dtype.kind != "f" or y.dtype == np.float32
    if y.requires_grad:
        y.sum().backward()
        gradients = [t.grad for t in arrays if t.requires_grad] + [v.grad for v in layer.trainable_variables]
        assert [g.dtype.name for g in gradients] == ["float32"] * len(gradients)


def replay_equals_eager_bit_for_bit(case: LayerCase, tmp_path: Path) -> None:
    if not case.is_differentiable:
        return
    layer, arrays = case.layer(), case.arrays()
    weights = np.random.default_rng(2).normal(size=layer(case.packed(arrays)).shape).astype("float32")

    def step(*parts: Any) -> list[Any]:
        leaves = [gn.ops.identity(x).requires_grad_() if x.dtype.kind == "f" else x for x in parts]
        y = layer(case.packed(leaves), training=True)
        for variable in layer.variables:
            variable.zero_grad()
        (y * weights).sum().backward()
        return [y, *[x.grad for x in leaves if x.requires_grad], *[v.value.grad for v in layer.trainable_variables]]

    state, found = layer.get_weights(), []
    for run in (step, gn.jit(step)):
        layer.set_weights(state)
        seeded(layer)
        found.append([t.numpy() for t in run(*map(Tensor, arrays))] + layer.get_weights())
    for eager, replayed in zip(*found, strict=True):
        np.testing.assert_array_equal(replayed, eager)


def frozen_weights_get_no_gradient(case: LayerCase, tmp_path: Path) -> None:
    layer = case.layer()
    layer.trainable = False
    arrays = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in case.arrays()]
    y = layer(case.packed(arrays), training=True)
    if y.requires_grad:
        y.sum().backward()
    assert [v.path for v in layer.variables if v.grad is not None] == []
    assert layer.trainable_variables == []


def no_samples_work(case: LayerCase, tmp_path: Path) -> None:
    layer, arrays = case.layer(), case.arrays(batch=0)
    whole = layer(case.packed(case.arrays())).shape
    leaves = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    y = layer(case.packed(leaves))
    assert y.shape == (0, *whole[1:])
    if y.requires_grad:
        y.sum().backward()
        assert all(t.grad.shape == x.shape for t, x in zip(leaves, arrays, strict=True) if t.requires_grad)
        assert not any(v.grad.numpy().any() for v in layer.trainable_variables)


def functional_model_with_open_batch(case: LayerCase, tmp_path: Path) -> None:
    layer, x = case.layer(), case.packed(case.arrays())
    inputs = case.packed(case.symbolic())
    model = gn.Model(inputs, layer(inputs))
    assert model.output_shape == (None, *layer(x).shape[1:])
    np.testing.assert_array_equal(model(x).numpy(), layer(x).numpy())


def model_file_keeps_it(case: LayerCase, tmp_path: Path) -> None:
    layer, x = case.layer(), case.packed(case.arrays())
    inputs = case.packed(case.symbolic())
    gn.Model(inputs, layer(inputs)).save(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(load_model(tmp_path / "m.glassnet")(x).numpy(), layer(x).numpy())


def sequential_builds_it_late(case: LayerCase, tmp_path: Path) -> None:
    if len(case.inputs) > 1:
        return
    layer = case.layer(build=False)
    model = gn.Sequential([layer])
    assert not model.built
    (x,) = case.arrays()
    y = model(x)
    assert model.built
    assert layer.built
    assert {path: v.shape for path, v in layer.named_variables().items()} == case.weights
    assert [v.path for v in model.variables] == [v.path for v in layer.variables]
    assert model.output_shape == (None, *y.shape[1:])


def is_documented(case: LayerCase, tmp_path: Path) -> None:
    assert ">>> " in (case.cls.__doc__ or ""), "no example"
    assert case.cls.formula, "no formula"
    assert case.cls.__name__ in gn.layers.__all__


CLAIMS = [
    value_equals_oracle, weights_are_as_declared, output_shape_is_known_before, config_round_trip_gives_an_equal_layer,
    gradients_equal_differences, inference_is_deterministic, float32_stays_float32, replay_equals_eager_bit_for_bit,
    frozen_weights_get_no_gradient, no_samples_work, functional_model_with_open_batch, model_file_keeps_it,
    sequential_builds_it_late, is_documented,
]  # fmt: skip


def contract_test(cases: list[LayerCase]) -> Any:
    """A test that checks every claim of every row."""
    pairs = [(case, claim) for case in cases for claim in CLAIMS]

    @pytest.mark.parametrize(("case", "claim"), pairs, ids=[f"{c.id}-{claim.__name__}" for c, claim in pairs])
    def test_contract(case: LayerCase, claim: Callable[[LayerCase, Path], None], tmp_path: Path) -> None:
        claim(case, tmp_path)

    return test_contract
