"""Normalization layers: contract table, training against plain NumPy, running averages, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, GlassnetError, ShapeError
from glassnet.layers import (
    BatchNormalization,
    Dense,
    GroupNormalization,
    LayerNormalization,
    LocalResponseNormalization,
    RMSNormalization,
    SpectralNormalization,
    UnitNormalization,
)

from helpers.layer_contract import LayerCase, contract_test


def standard(x: Any, axes: tuple[int, ...], epsilon: float = 1e-3) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def in_groups(x: Any, groups: int, epsilon: float = 1e-3) -> Any:
    """Group norm of (N, ..., C), one sample and group after the other."""
    parts = [standard(part, tuple(range(part.ndim)), epsilon) for s in x for part in np.split(s, groups, -1)]
    return np.stack([np.concatenate(parts[i * groups : (i + 1) * groups], -1) for i in range(len(x))])


def local_response(x: Any, n: int, k: float, alpha: float, beta: float) -> Any:
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(0, c - n // 2) : c + n // 2 + 1]
        y[..., c] = x[..., c] / (k + alpha * (near**2).sum(-1)) ** beta
    return y


FOUR = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (5,))

test_contract = contract_test(
    [
        LayerCase(
            BatchNormalization, {}, (4, 5), oracle=lambda x, g, b, m, v: g * (x - m) / np.sqrt(v + 1e-3) + b,
            weights=FOUR,
        ),
        LayerCase(
            BatchNormalization, {"axis": 1, "epsilon": 0.1, "momentum": 0.5, "gamma_regularizer": "l2"}, (3, 5, 2),
            oracle=lambda x, g, b, m, v: ((x.transpose(0, 2, 1) - m) * g / np.sqrt(v + 0.1) + b).transpose(0, 2, 1),
            weights=FOUR,
        ),
        LayerCase(
            BatchNormalization, {"center": False, "scale": False}, (4, 5),
            oracle=lambda x, m, v: (x - m) / np.sqrt(v + 1e-3), weights={"moving_mean": (5,), "moving_variance": (5,)},
        ),
        LayerCase(
            LayerNormalization, {}, (4, 5), oracle=lambda x, g, b: standard(x, (1,)) * g + b,
            weights={"gamma": (5,), "beta": (5,)},
        ),
        LayerCase(
            LayerNormalization, {"axis": [-1, 1], "epsilon": 0.1}, (4, 3, 2, 5),
            oracle=lambda x, g, b: standard(x, (1, 3), 0.1) * g[:, None] + b[:, None],
            weights={"gamma": (3, 5), "beta": (3, 5)},
        ),
        LayerCase(
            LayerNormalization, {"axis": 1, "center": False, "gamma_constraint": "max_norm"}, (1, 7, 3),
            oracle=lambda x, g: standard(x, (1,)) * g[:, None], weights={"gamma": (7,)},
        ),
        LayerCase(LayerNormalization, {"scale": False, "center": False}, (3, 4), oracle=lambda x: standard(x, (1,))),
        LayerCase(
            RMSNormalization, {}, (3, 2, 5), oracle=lambda x, g: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * g,
            weights={"scale": (5,)},
        ),
        LayerCase(
            RMSNormalization, {"axis": [1, 2], "epsilon": 0.1}, (3, 2, 5),
            oracle=lambda x, g: x / np.sqrt((x**2).mean((1, 2), keepdims=True) + 0.1) * g, weights={"scale": (2, 5)},
        ),
        LayerCase(
            GroupNormalization, {"groups": 3, "epsilon": 0.01}, (2, 3, 5, 6),
            oracle=lambda x, g, b: in_groups(x, 3, 0.01) * g + b, weights={"gamma": (6,), "beta": (6,)},
        ),
        LayerCase(
            GroupNormalization, {"groups": -1, "center": False}, (1, 7, 3), oracle=lambda x, g: in_groups(x, 3) * g,
            weights={"gamma": (3,)},
        ),
        LayerCase(
            GroupNormalization, {"groups": 1, "axis": 1, "scale": False}, (3, 4, 2),
            oracle=lambda x, b: standard(x, (1, 2)) + b[:, None], weights={"beta": (4,)},
        ),
        LayerCase(UnitNormalization, {}, (4, 5), oracle=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
        LayerCase(
            UnitNormalization, {"axis": [1, 2]}, (2, 3, 4), oracle=lambda x: x / np.sqrt((x**2).sum((1, 2), keepdims=True))
        ),
        LayerCase(LocalResponseNormalization, {}, (2, 3, 3, 7), oracle=lambda x: local_response(x, 5, 2.0, 1e-4, 0.75)),
        LayerCase(
            LocalResponseNormalization, {"n": 3, "k": 1.0, "alpha": 0.5, "beta": 0.5}, (4, 2),
            oracle=lambda x: local_response(x, 3, 1.0, 0.5, 0.5),
        ),
    ]
)  # fmt: skip


def test_training_normalizes_by_the_batch_and_moves_the_averages() -> None:
    rng = np.random.default_rng(0)
    layer = BatchNormalization(momentum=0.9, epsilon=0.01, dtype="float64")
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = rng.normal(5.0, 2.0, size=(8, 3))
        y = layer(x, training=True).numpy()
        np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 0.01), rtol=1e-12)
        mean, variance = 0.9 * mean + 0.1 * x.mean(0), 0.9 * variance + 0.1 * x.var(0)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-12)


def test_a_frozen_layer_computes_as_at_inference() -> None:
    layer = BatchNormalization()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x, training=True)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(x, training=True).numpy(), layer(x, training=False).numpy())
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before[2])


def test_running_averages_are_not_trained_after_unfreezing() -> None:
    layer = BatchNormalization()
    layer(np.ones((2, 3)))
    layer.trainable = False
    layer.trainable = True
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]


def test_the_gradient_does_not_flow_into_the_running_averages() -> None:
    layer = BatchNormalization()
    x = gn.Tensor(np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), requires_grad=True)
    layer(x, training=True).sum().backward()
    assert layer.moving_mean.grad is None
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-6)  # the sum of a normalized batch cannot change


def test_axis_must_exist() -> None:
    with pytest.raises(ArgumentError, match=r"BatchNormalization 'bn': axis does not exist\n(.*\n)*  received: axis=2"):
        BatchNormalization(axis=2, name="bn")(np.ones((2, 3)))


def test_other_features_are_refused() -> None:
    layer = BatchNormalization(name="bn")
    layer(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"BatchNormalization 'bn': .*wrong shape\n  expected: \(batch, 3\)"):
        layer(np.ones((2, 4)))


def test_a_mask_leaves_its_steps_out_of_mean_and_variance() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 3))
    mask = np.random.default_rng(1).uniform(size=(4, 6)) < 0.6
    layer = BatchNormalization(momentum=0.0, epsilon=0.01, dtype="float64")
    y = layer(x, training=True, mask=mask).numpy()
    m, v = x[mask].mean(0), x[mask].var(0)
    np.testing.assert_allclose(y, (x - m) / np.sqrt(v + 0.01), rtol=1e-10)
    np.testing.assert_allclose(layer.moving_mean.numpy(), m, rtol=1e-10)
    np.testing.assert_allclose(layer.moving_variance.numpy(), v, rtol=1e-10)
    everything = layer(x, training=True, mask=np.ones((4, 6), bool)).numpy()
    np.testing.assert_allclose(everything, layer(x, training=True).numpy(), rtol=1e-10)
    assert np.isfinite(layer(x, training=True, mask=np.zeros((4, 6), bool)).numpy()).all()


def test_a_single_sample_trains_without_a_variance() -> None:
    layer = BatchNormalization(beta_initializer="ones")
    x = gn.Tensor(np.array([[3.0, -2.0]], "float32"), requires_grad=True)
    y = layer(x, training=True)
    y.sum().backward()
    np.testing.assert_array_equal(y.numpy(), [[1.0, 1.0]])
    np.testing.assert_array_equal(x.grad.numpy(), [[0.0, 0.0]])
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.99)


def test_layer_normalization_sees_one_sample_at_a_time() -> None:
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer = LayerNormalization()
    whole = layer(x).numpy()
    np.testing.assert_array_equal(layer(x, training=True).numpy(), whole)
    np.testing.assert_allclose(np.concatenate([layer(row[None]).numpy() for row in x]), whole, rtol=1e-6)


def trained(layer: Any, x: Any, steps: int) -> Any:
    for _ in range(steps):
        layer(x, training=True)
    return layer


def test_spectral_normalization_brings_the_largest_singular_value_to_1() -> None:
    x = np.random.default_rng(0).normal(size=(3, 7)).astype("float32")
    layer = trained(SpectralNormalization(Dense(4)), x, 60)
    np.testing.assert_allclose(np.linalg.svd(layer.layer.kernel.numpy(), compute_uv=False)[0], 1.0, rtol=1e-4)
    kernel = layer.layer.kernel.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), kernel)  # inference changes nothing
    more = SpectralNormalization(Dense(4), power_iterations=60)
    np.testing.assert_allclose(np.linalg.svd(trained(more, x, 1).layer.kernel.numpy())[1][0], 1.0, rtol=1e-4)


def test_spectral_normalization_leaves_a_kernel_of_zeros_alone() -> None:
    layer = trained(SpectralNormalization(Dense(2, kernel_initializer="zeros")), np.ones((1, 3)), 2)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), np.zeros((3, 2)))
    assert np.isfinite(layer.vector_u.numpy()).all()


@pytest.mark.parametrize("jit_compile", [True, False])
def test_spectral_normalization_trains_in_a_model_and_survives_its_file(jit_compile: bool, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(32, 3)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    layer = SpectralNormalization(Dense(4, activation="tanh"))
    model = gn.Sequential([gn.Input((3,)), layer, Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    first = model.evaluate(x, t, verbose=0)
    assert model.fit(x, t, epochs=20, verbose=0).history["loss"][-1] < first
    assert abs(np.linalg.norm(layer.layer.kernel.numpy(), 2) - 1) < 0.1  # one update after the last division
    assert [v.path for v in layer.trainable_variables] == [v.path for v in layer.layer.trainable_variables]
    model.save(tmp_path / "m.glassnet")
    again = gn.models.load_model(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    np.testing.assert_array_equal(again.layers[-2].vector_u.numpy(), layer.vector_u.numpy())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: LayerNormalization(axis=None, name="l"), r"'l': axis is one axis or several\n.*\n  received: axis=None"),
        (lambda x: LayerNormalization(axis=[1, 1], name="l")(x), r"'l': an axis is named twice"),
        (lambda x: LayerNormalization(epsilon=-1.0, name="l"), r"'l': epsilon cannot be negative"),
        (lambda x: BatchNormalization(axis=[1], name="l"), r"'l': axis is the one axis of the features"),
        (lambda x: BatchNormalization(momentum=99, name="l"), r"'l': momentum is the share that is kept, 0 to 1"),
        (lambda x: GroupNormalization(name="l")(x), r"'l': 6 features cannot be split into 32 equal groups\n  expected: "
         r"a divisor of 6: 1, 2, 3, 6\n  received: groups=32"),
        (lambda x: GroupNormalization(0, name="l"), r"'l': groups must be a positive integer"),
        (lambda x: UnitNormalization(axis="1", name="l"), r"'l': axis is one axis or several"),
        (lambda x: LocalResponseNormalization(n=4, name="l"), r"'l': n is an odd number of features"),
        (lambda x: SpectralNormalization(gn.layers.Flatten(), name="l")(x), r"'l': Flatten .* has neither a kernel nor"),
        (lambda x: SpectralNormalization(Dense(2), power_iterations=0, name="l"), r"'l': power_iterations must be a pos"),
        (lambda x: SpectralNormalization(3, name="l"), r"'l': layer"),
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing_are_named(call: Any, text: str) -> None:
    with pytest.raises(GlassnetError, match=text):
        call(np.ones((2, 6)))
