"""Preprocessing layers: contract table, adapt, images as bytes, error texts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.layers import CategoryEncoding, Discretization, Normalization, Rescaling

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
        LayerCase(CategoryEncoding, {"num_tokens": 3}, np.array([[0, 2], [1, 1]]),
                  oracle=lambda x: np.array([[1, 0, 1], [0, 1, 0]])),
        LayerCase(
            Discretization, {"bin_boundaries": [0.5, 2]}, np.array([[0, 1], [2, 9]]), oracle=lambda x: (x > 0) * 1 + (x > 1)
        ),
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


# ---------------------------------------------------------------- CategoryEncoding, Discretization


def test_ids_are_marked_or_counted_per_sample() -> None:
    ids = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])
    marked = CategoryEncoding(4, "multi_hot")(ids).numpy()
    counted = CategoryEncoding(4, "count")(ids).numpy()
    for row, mark, count in zip(ids, marked, counted, strict=True):
        np.testing.assert_array_equal(count, np.bincount(row, minlength=4))
        np.testing.assert_array_equal(mark, count > 0)
    weighted = CategoryEncoding(4, "count")(
        ids, count_weights=np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]])
    )
    np.testing.assert_allclose(weighted.numpy()[:2], [[0.1, 0.2, 0, 0], [0.2, 0, 0, 0]], rtol=1e-6)
    assert CategoryEncoding(4, "one_hot")(ids).shape == (4, 2, 4)
    assert CategoryEncoding(4, "one_hot")(ids[:, :1]).shape == (4, 4)
    assert CategoryEncoding(4)(ids[0]).numpy().tolist() == [1, 1, 0, 0]


def test_a_category_encoding_stands_in_a_model() -> None:
    model = gn.Sequential([gn.Input((2,), dtype="int32"), CategoryEncoding(3, "count"), gn.layers.Dense(1)])
    assert model.predict(np.array([[0, 2], [1, 1]])).shape == (2, 1)


def test_adapted_bins_hold_equally_many_samples_and_survive_the_config() -> None:
    data = np.random.default_rng(0).normal(size=(1000, 1))
    layer = Discretization(num_bins=4)
    layer.adapt(data)
    assert np.bincount(layer(data).numpy().ravel()).tolist() == pytest.approx([250] * 4, abs=1)
    again = gn.layers.deserialize(json.loads(json.dumps(gn.layers.serialize(layer))))
    np.testing.assert_array_equal(again(data).numpy(), layer(data).numpy())
    rows = Discretization([0.0, 1.0], output_mode="one_hot")(np.array([[-1.0], [5.0]])).numpy()
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_bins_are_those_of_keras() -> None:
    layer = Discretization(num_bins=4)
    layer.adapt(np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]]))  # the example of Keras's documentation
    assert layer.bin_boundaries == [0.0, 0.5, 1.3]
    found = layer(np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])).numpy()
    assert found.tolist() == [[0, 2, 3, 2], [1, 3, 3, 1]]


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda: CategoryEncoding(), ArgumentError, "num_tokens must be a whole number"),
        (lambda: CategoryEncoding(3, "hot"), ArgumentError, "output_mode is unknown"),
        (lambda: CategoryEncoding(3)(np.array([[0, 5]])), DataError, r"expected: 0 .. 2\n  received: 0 .. 5\n  fix:  "),
        (lambda: CategoryEncoding(3)(np.array([1]), count_weights=np.ones(1)), ArgumentError, "count_weights belong"),
        (lambda: Discretization(), ArgumentError, "either bin_boundaries or num_bins"),
        (lambda: Discretization(num_bins=3)(np.ones(2)), ArgumentError, "no boundaries yet\n  fix:      layer.adapt"),
        (lambda: Discretization([0.0]).adapt(np.ones(2)), ArgumentError, "adapt has nothing to find"),
        (lambda: Discretization(num_bins=3).adapt(np.ones(0)), DataError, "adapt needs data"),
    ],
)  # fmt: skip
def test_encoding_and_discretization_refuse(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run()
