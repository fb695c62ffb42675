"""Embeddings and encodings of places: contract table, touched rows, relative places, error texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.gradcheck import check_gradients
from glassnet.errors import ArgumentError, DataError, DTypeError, ShapeError
from glassnet.layers import Embedding, PositionEmbedding, RotaryEmbedding, SinePositionEncoding
from glassnet.models.files import load_model

from helpers.contract import close
from helpers.layer_contract import LayerCase, contract_test

IDS = np.array([[1, 0, 4], [4, 4, 2], [0, 0, 0], [5, 1, 3]])


def waves(x: Any, longest: float = 10000.0) -> Any:
    """The encoding of Vaswani et al., cell by cell."""
    table = np.zeros(x.shape[1:])
    for t, d in np.ndindex(*table.shape):
        angle = t / longest ** (2 * (d // 2) / table.shape[1])
        table[t, d] = np.cos(angle) if d % 2 else np.sin(angle)
    return np.broadcast_to(table, x.shape)


def turned(x: Any) -> Any:
    """Features j and j + D/2 as a complex number, turned step by step."""
    half = x.shape[-1] // 2
    angles = np.arange(x.shape[1])[:, None] / 10000.0 ** (2 * np.arange(half) / (2 * half))
    points = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles).reshape(1, x.shape[1], 1, half)
    return np.concatenate([points.real, points.imag], -1)


test_contract = contract_test(
    [
        LayerCase(
            Embedding, {"input_dim": 6, "output_dim": 3}, IDS,
            oracle=lambda i, W: W[i.astype(int)], weights={"embeddings": (6, 3)},
        ),
        LayerCase(
            Embedding, {"input_dim": 6, "output_dim": 1, "mask_zero": True, "embeddings_regularizer": "l2"}, IDS[:, :1],
            oracle=lambda i, W: W[i.astype(int)], weights={"embeddings": (6, 1)},
        ),
        LayerCase(RotaryEmbedding, {}, (4, 5, 2, 6), oracle=turned),
    ]
)  # fmt: skip


ENCODINGS = [
    (PositionEmbedding, {"sequence_length": 7}, lambda x, P: np.broadcast_to(P[: x.shape[1]], x.shape)),
    (SinePositionEncoding, {}, waves),
    (SinePositionEncoding, {"max_wavelength": 100.0}, lambda x: waves(x, 100.0)),
]
"""Layers whose output does not depend on the numbers of the input, only on their places."""


@pytest.mark.parametrize(("cls", "arguments", "oracle"), ENCODINGS)
def test_an_encoding_of_places_is_added_trained_replayed_and_saved(
    cls: Any, arguments: Any, oracle: Any, tmp_path: Path
) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    inputs = gn.Input((5, 6))
    layer = cls(**arguments)
    model = gn.Model(inputs, inputs + layer(inputs))
    close(model(x).numpy(), x + oracle(x, *layer.get_weights()), "value")
    check_gradients(lambda x: x + layer(x), x.astype("float64"))
    if layer.weights:
        (layer(x) * y).sum().backward()
        close(layer.weights[0].grad.numpy(), np.pad(y.sum(axis=0), ((0, 2), (0, 0))), "gradient of the table")
    state, found = model.get_weights(), []
    for jit_compile in (False, True):
        model.set_weights(state)
        model.compile(gn.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
        found.append(
            [*model.fit(x, y, shuffle=False, verbose=0).history["loss"], *model.get_weights()] if layer.weights else []
        )
    for eager, replayed in zip(*found, strict=True):
        np.testing.assert_array_equal(eager, replayed)
    model.save(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(load_model(tmp_path / "m.glassnet")(x).numpy(), model(x).numpy())


def test_only_rows_whose_id_occurs_get_a_gradient_the_sum_over_its_places() -> None:
    layer = Embedding(6, 2)
    weights = np.arange(12, dtype="float32").reshape(2, 3, 2)
    (layer(IDS[:2]) * weights).sum().backward()
    expected = np.zeros((6, 2))
    for row, column in np.ndindex(2, 3):
        expected[IDS[row, column]] += weights[row, column]
    np.testing.assert_array_equal(layer.embeddings.grad.numpy(), expected)
    assert not expected[[3, 5]].any()


def test_given_weights_are_the_table_and_a_constraint_holds_it() -> None:
    table = np.arange(6.0).reshape(3, 2)
    assert Embedding(3, 2, weights=table)(np.array([2])).numpy().tolist() == [[4.0, 5.0]]
    assert Embedding(3, 2, weights=[table])(np.array([[2.0]])).numpy().tolist() == [
        [[4.0, 5.0]]
    ]  # whole floats are ids
    model = gn.Sequential([Embedding(3, 2, weights=table, embeddings_constraint="max_norm"), gn.layers.Flatten()])
    model.compile(gn.optimizers.SGD(0.001), "mse")
    model.fit(np.array([[1]]), np.zeros((1, 2)), verbose=0)
    np.testing.assert_allclose(np.linalg.norm(model.get_weights()[0], axis=0), 2, rtol=1e-5)


def test_mask_zero_masks_id_0_and_nothing_is_masked_without_it() -> None:
    assert Embedding(6, 2, mask_zero=True)(IDS)._keras_mask.numpy().tolist() == (IDS != 0).tolist()
    assert getattr(Embedding(6, 2)(IDS), "_keras_mask", None) is None


@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_id_out_of_range_is_named_in_a_replayed_step_too(jit_compile: bool) -> None:
    model = gn.Sequential([gn.Input((3,), dtype="int32"), Embedding(6, 2), gn.layers.Flatten(), gn.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    model.fit(IDS, np.zeros(4), verbose=0)
    wrong = IDS.copy()
    wrong[1, 2] = 6
    with pytest.raises(DataError, match=r"vocabulary of 6\)\n  received: 6 at position \[1, 2\]"):
        model.predict(wrong)
    with pytest.raises(DataError, match=r"received: -1 at position"):
        model.predict(wrong - 1)


def test_the_waves_of_two_places_differ_by_a_rotation_that_depends_on_their_distance_alone() -> None:
    table = SinePositionEncoding(dtype="float64")(np.zeros((1, 9, 4))).numpy()[0]
    for pair, speed in ((slice(0, 2), 1.0), (slice(2, 4), 1 / 100)):
        turn = np.array([[np.cos(3 * speed), np.sin(3 * speed)], [-np.sin(3 * speed), np.cos(3 * speed)]])
        np.testing.assert_allclose(table[3:, pair], table[:-3, pair] @ turn.T, atol=1e-14)


def test_a_rotary_product_depends_on_the_distance_alone() -> None:
    q, k = np.random.default_rng(0).normal(size=(2, 1, 1, 1, 6))
    layer = RotaryEmbedding(dtype="float64")
    q, k = (layer(np.repeat(x, 8, axis=1)).numpy()[0, :, 0] for x in (q, k))
    products = q @ k.T
    for distance in range(-7, 8):
        np.testing.assert_allclose(np.diag(products, distance), products.diagonal(distance)[0], atol=1e-13)


@pytest.mark.parametrize("layer", [PositionEmbedding(9), SinePositionEncoding(), RotaryEmbedding()])
def test_start_index_continues_a_sequence(layer: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    whole = layer(x).numpy()
    np.testing.assert_array_equal(layer(x[:, 2:], start_index=2).numpy(), whole[:, 2:])


def test_scaling_factor_and_axes_of_rotary() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype("float32")
    plain = RotaryEmbedding()(x).numpy()
    np.testing.assert_array_equal(
        RotaryEmbedding(scaling_factor=2.0)(x).numpy()[:, ::2][:, :3], RotaryEmbedding()(x[:, ::2]).numpy()
    )
    moved = RotaryEmbedding(sequence_axis=2, feature_axis=1)(x.transpose(0, 3, 1, 2)).numpy()
    np.testing.assert_array_equal(moved.transpose(0, 2, 3, 1), plain)


def test_an_open_length_is_known_when_the_data_are() -> None:
    ids = gn.Input((None,), dtype="int32")
    x = Embedding(6, 4)(ids)
    y = x + PositionEmbedding(8)(x) + SinePositionEncoding()(x) + RotaryEmbedding()(x)
    model = gn.Model(ids, y)
    assert model.output_shape == (None, None, 4)
    assert model(IDS).shape == (4, 3, 4)


@pytest.mark.parametrize(
    ("mistake", "error", "text"),
    [
        (lambda: Embedding(0, 2), ArgumentError, "input_dim must be a positive integer"),
        (lambda: Embedding(3, 2)(np.array([0.5])), DTypeError, "ids must be whole numbers"),
        (lambda: PositionEmbedding(3)(np.zeros((1, 4, 2))), ShapeError, "longer than the table of positions"),
        (lambda: PositionEmbedding(3)(np.zeros((4, 2))), ShapeError, "the input has the wrong shape"),
        (lambda: RotaryEmbedding()(np.zeros((1, 4, 3))), ShapeError, "an even number of features"),
        (lambda: SinePositionEncoding(0), ArgumentError, "max_wavelength must be a positive number"),
    ],
)
def test_mistakes_are_named(mistake: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        mistake()
