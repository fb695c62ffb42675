"""Preprocessing layers: contract table, adapt, images as bytes, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.layers import Normalization, Rescaling

from helpers.layer_contract import LayerCase, contract_test

MEAN, VARIANCE = [1.0, -2.0, 0.5], [4.0, 0.25, 1.0]

test_contract = contract_test(
    [
        LayerCase(
            Normalization, {}, (4, 3), oracle=lambda x, m, v: (x - m) / np.sqrt(v),
            weights={"mean": (3,), "variance": (3,)},
        ),
        LayerCase(
            Normalization, {"axis": (1, -1)}, (4, 2, 5, 3),
            oracle=lambda x, m, v: (x - m[:, None]) / np.sqrt(v[:, None]),
            weights={"mean": (2, 3), "variance": (2, 3)},
        ),
        LayerCase(
            Normalization, {"axis": None}, (4, 2, 3), oracle=lambda x, m, v: (x - m) / np.sqrt(v),
            weights={"mean": (), "variance": ()},
        ),
        LayerCase(
            Normalization, {"mean": MEAN, "variance": VARIANCE}, (4, 3), oracle=lambda x: (x - MEAN) / np.sqrt(VARIANCE)
        ),
        LayerCase(
            Normalization, {"mean": MEAN, "variance": VARIANCE, "invert": True}, (4, 3),
            oracle=lambda x: MEAN + np.sqrt(VARIANCE) * x,
        ),
        LayerCase(
            Normalization, {"axis": None, "mean": 2.0, "variance": 9.0}, np.array([[0, 5, 8]]),
            oracle=lambda x: (x - 2) / 3,
        ),
        LayerCase(Rescaling, {"scale": 0.5, "offset": -1}, (4, 3), oracle=lambda x: 0.5 * x - 1),
        LayerCase(Rescaling, {"scale": [1.0, 2.0, 3.0]}, (4, 3), oracle=lambda x: x * [1, 2, 3]),
        LayerCase(Rescaling, {"scale": 1 / 255}, np.array([[0, 51, 255]], "uint8"), oracle=lambda x: x / 255),
    ]
)  # fmt: skip


# ---------------------------------------------------------------- Normalization


@pytest.mark.parametrize("axis", [-1, (1, 2), None])
def test_adapt_brings_the_data_to_mean_0_and_variance_1(axis: Any) -> None:
    data = np.random.default_rng(0).normal(3.0, 7.0, size=(5000, 4, 3))  # more rows than adapt holds at a time
    layer = Normalization(axis=axis, dtype="float64")
    layer.adapt(data)
    y = layer(data).numpy()
    over = {-1: (0, 1), (1, 2): (0,), None: None}[axis]
    np.testing.assert_allclose(y.mean(axis=over), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=over), 1, rtol=1e-12)


def test_adapt_forgets_what_it_measured_before() -> None:
    layer = Normalization()
    for data in ([[0.0], [2.0]], [[10.0], [14.0]]):
        layer.adapt(data)
    assert [w.tolist() for w in layer.get_weights()] == [[12.0], [4.0]]


def test_adapt_is_exact_for_large_means() -> None:
    layer = Normalization()
    layer.adapt(np.array([[1e6], [1e6 + 2]], "float64"))  # E[x²] - E[x]² would lose the variance in float32
    assert layer.variance.numpy().tolist() == [1.0]


def test_a_constant_feature_becomes_0_not_nan() -> None:
    layer = Normalization()
    layer.adapt(np.full((3, 2), 5.0))
    np.testing.assert_array_equal(layer(np.full((1, 2), 5.0)).numpy(), [[0.0, 0.0]])


def test_statistics_are_never_trained_not_even_after_unfreezing() -> None:
    layer = Normalization()
    layer.adapt(np.ones((2, 3)))
    layer.trainable = True
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 2


def test_invert_undoes_the_normalization() -> None:
    x = np.random.default_rng(1).normal(size=(5, 3))
    forward, back = (Normalization(mean=MEAN, variance=VARIANCE, invert=i, dtype="float64") for i in (False, True))
    np.testing.assert_allclose(back(forward(x)).numpy(), x, rtol=1e-14)


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda: Normalization(mean=1.0), ArgumentError, "mean and variance come together\n  received: mean=1.0"),
        (lambda: Normalization(axis=0)(np.ones((2, 3))), ArgumentError, "axis 0 is the batch"),
        (lambda: Normalization(axis=2)(np.ones((2, 3))), ArgumentError, "Normalization 'n.*: axis does not exist"),
        (lambda: Normalization().adapt(np.ones((0, 3))), DataError, r"adapt needs data\n.*\n.*shape \(0, 3\)"),
        (lambda: Normalization(mean=[1.0, 2.0], variance=1.0)(np.ones((2, 3))), ArgumentError,
         r"one number per feature\n  expected: \(3,\)\n  received: \(2,\)"),
        (lambda: Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 3))), ArgumentError, "adapt has nothing to"),
        (lambda: Normalization()(gn.Input((None,))), ShapeError, "the size of a weight is not known"),
    ],
)  # fmt: skip
def test_normalization_refuses(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run()


def test_adapt_again_wants_the_same_features() -> None:
    layer = Normalization(name="n")
    layer.adapt(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"Normalization 'n': adapt: the input has the wrong shape\n.*\(batch, 3\)"):
        layer.adapt(np.ones((2, 4)))


# ---------------------------------------------------------------- Rescaling


def test_images_stay_bytes_until_the_batch_arrives() -> None:
    model = gn.Sequential([gn.Input((2, 2), dtype="uint8"), Rescaling(1 / 255), gn.layers.Flatten()])
    images = np.array([[[0, 255], [51, 102]]], "uint8")
    y = model.predict(images)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [[0.0, 1.0, 0.2, 0.4]], rtol=1e-6)
