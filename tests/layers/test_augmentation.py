"""Image layers: contract table, what each random layer may do to an image, seeds, replay, training, error texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import layers
from glassnet.autograd.state import STATE
from glassnet.errors import ArgumentError, ShapeError

from helpers import layer_contract
from helpers.layer_contract import LayerCase

IMAGE = (3, 5, 6, 2)
RANDOM: list[tuple[str, dict[str, Any]]] = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": (0.1, 0.4)}),
    ("RandomRotation", {"factor": 0.2, "fill_mode": "constant", "fill_value": 0.5}),
    ("RandomZoom", {"height_factor": 0.3, "width_factor": 0.2, "fill_mode": "nearest"}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.2, "fill_mode": "wrap"}),
    ("RandomShear", {"x_factor": 0.3, "interpolation": "nearest", "fill_mode": "mirror"}),
    ("RandomElasticTransform", {"factor": (1.0, 1.0), "value_range": (-9, 9)}),
    ("RandomErasing", {"factor": (1.0, 1.0), "value_range": (-1, 1)}),
    ("RandomErasing", {"fill_value": [0.5, 1.0]}),
    ("RandomBrightness", {"factor": 0.1, "value_range": (-9, 9)}),
    ("RandomContrast", {"factor": 0.3, "value_range": (-9, 9)}),
    ("MixUp", {}),
    ("CutMix", {}),
]


def middle(x: Any) -> Any:
    return x[:, 1:4, 2:4]


CASES = [
    *[LayerCase(getattr(layers, name), arguments, IMAGE, oracle=lambda x: x) for name, arguments in RANDOM],
    LayerCase(layers.RandomFlip, {}, np.arange(24, dtype="uint8").reshape(1, 3, 4, 2), oracle=lambda x: x),
    LayerCase(layers.RandomCrop, {"height": 5, "width": 6}, IMAGE, oracle=lambda x: x),
    LayerCase(layers.CenterCrop, {"height": 3, "width": 2}, IMAGE, oracle=middle),
    LayerCase(layers.Resizing, {"height": 5, "width": 6}, IMAGE, oracle=lambda x: x),
    LayerCase(
        layers.Resizing, {"height": 5, "width": 3, "antialias": True, "interpolation": "nearest"}, IMAGE,
        oracle=lambda x: x[:, :, 1::2],
    ),
    LayerCase(layers.Resizing, {"height": 2, "width": 2, "crop_to_aspect_ratio": True}, (2, 2, 4, 1),
              oracle=lambda x: x[:, :, 1:3]),
]  # fmt: skip
PAIRS = [(case, claim) for case in CASES for claim in layer_contract.CLAIMS]


@pytest.mark.parametrize(("case", "claim"), PAIRS, ids=[f"{c.id}-{claim.__name__}" for c, claim in PAIRS])
def test_contract(case: LayerCase, claim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STATE, "training", False)  # by themselves these layers would be at work
    claim(case, tmp_path)


def made(name: str, arguments: dict[str, Any], seed: int = 3) -> Any:
    return getattr(layers, name)(**arguments, seed=seed)


def images(count: int = 40) -> np.ndarray:
    """Every pixel of every image has a value of its own."""
    return np.random.default_rng(0).uniform(size=(count, 8, 6, 2)).astype("float32")


IDS = [f"{number}-{name}" for number, (name, _) in enumerate(RANDOM)]


@pytest.mark.parametrize(("name", "arguments"), RANDOM, ids=IDS)
def test_every_image_is_changed_in_its_own_way_and_every_call_draws_anew(name: str, arguments: dict[str, Any]) -> None:
    layer, x = made(name, arguments), np.repeat(images(1), 40, axis=0)
    if isinstance(layer, layers.augmentation.mixing.Mixing):
        x = images()
    first, second = layer(x, training=True).numpy() - x, layer(x, training=True).numpy() - x
    assert len({image.tobytes() for image in first}) > (1 if "Flip" in name else 5)
    assert (first != second).any()


@pytest.mark.parametrize(("name", "arguments"), RANDOM, ids=IDS)
def test_a_seed_repeats_the_sequence_and_so_does_a_replayed_step(name: str, arguments: dict[str, Any]) -> None:
    x, found = gn.Tensor(images(6)), []
    for wrap in (lambda f: f, lambda f: f, gn.jit):
        step = wrap(made(name, arguments))
        found.append([step(x).numpy() for _ in range(3)])
    for one, two, replayed in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, replayed)


def test_layers_work_by_themselves_but_in_a_model_only_in_training() -> None:
    x = images()
    layer = layers.RandomFlip(seed=0)
    model = gn.Sequential([gn.Input((8, 6, 2)), layer])
    assert (layer(x).numpy() != x).any()
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    np.testing.assert_array_equal(model(x).numpy(), x)
    np.testing.assert_array_equal(model.predict(x), x)
    assert (model(x, training=True).numpy() != x).any()


def test_a_network_trains_on_augmented_bytes_and_repeats_its_losses() -> None:
    losses = []
    for _ in range(2):
        gn.utils.set_random_seed(0)
        model = gn.Sequential(
            [gn.Input((8, 8, 1), dtype="uint8"), layers.RandomTranslation(0.1, 0.1), layers.RandomRotation(0.05),
             layers.RandomZoom(0.1), layers.RandomFlip("horizontal"), layers.Rescaling(1 / 16), layers.Flatten(),
             layers.Dense(10, "softmax")]
        )  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy")
        x = np.arange(64 * 64).reshape(64, 8, 8, 1) % 17
        losses.append(model.fit(x.astype("uint8"), np.arange(64) % 10, epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]


# ---------------------------------------------------------------- what each layer does


def test_flips_mirror_and_both_axes_have_coins_of_their_own() -> None:
    x = images(200)
    y = layers.RandomFlip(seed=0)(x).numpy()
    ways = {"none": x, "left-right": x[:, :, ::-1], "up-down": x[:, ::-1], "both": x[:, ::-1, ::-1]}
    counts = {way: (y == z).all(axis=(1, 2, 3)).sum() for way, z in ways.items()}
    assert sum(counts.values()) == 200
    assert min(counts.values()) > 30


def test_translation_moves_down_and_right_by_the_share() -> None:
    x = images(3)
    y = layers.RandomTranslation((0.25, 0.25), (0.5, 0.5), fill_mode="constant")(x).numpy()
    np.testing.assert_allclose(y[:, 2:, 3:], x[:, :-2, :-3], atol=1e-6)
    assert not y[:, :2].any()
    assert not y[:, :, :3].any()


def test_rotation_turns_counter_clockwise_by_a_share_of_a_full_turn() -> None:
    x = images(3)[:, 1:7]
    np.testing.assert_allclose(layers.RandomRotation((0.25, 0.25))(x).numpy(), np.rot90(x, 1, (1, 2)), atol=1e-5)


def test_zoom_shows_a_window_of_the_share() -> None:
    ramp = np.broadcast_to(np.arange(9.0, dtype="float32").reshape(1, 1, 9, 1), (2, 9, 9, 1))
    y = layers.RandomZoom((-0.5, -0.5))(ramp).numpy()
    np.testing.assert_allclose(y[0, 0, :, 0], 4 + (np.arange(9) - 4) / 2, atol=1e-5)
    flat = layers.RandomZoom((-0.5, -0.5), (0.0, 0.0))(ramp).numpy()
    np.testing.assert_allclose(flat, ramp, atol=1e-5)


def test_random_crop_cuts_windows_at_all_places_and_only_the_middle_at_inference() -> None:
    x, layer = images(300), layers.RandomCrop(6, 5, seed=0)
    y = layer(x).numpy()
    windows = {(t, c): x[:, t : t + 6, c : c + 5] for t in range(3) for c in range(2)}
    counts = {place: (y == window).all(axis=(1, 2, 3)).sum() for place, window in windows.items()}
    assert sum(counts.values()) == 300
    assert min(counts.values()) > 20
    np.testing.assert_array_equal(layers.RandomCrop(4, 3)(x, training=False).shape, (300, 4, 3, 2))
    np.testing.assert_allclose(layers.RandomCrop(16, 12)(x), gn.ops.image.resize(x, (16, 12)), atol=1e-6)


def test_erasing_covers_one_rectangle_of_the_right_size_for_the_right_share_of_images() -> None:
    x = images(400)
    layer = layers.RandomErasing((0.5, 0.5), (0.25, 0.25), fill_value=[7.0, 8.0], seed=0)
    y = layer(x).numpy()
    gone = (y != x).all(axis=-1)
    erased = gone.any(axis=(1, 2))
    assert 160 < erased.sum() < 240
    for image, values in zip(gone[erased], y[erased], strict=True):
        rows, columns = image.any(axis=1), image.any(axis=0)
        assert rows.sum() == 4
        assert columns.sum() == 3
        assert (image == rows[:, None] * columns).all()
        assert (values[image] == [7.0, 8.0]).all()


def test_brightness_adds_one_number_per_image_and_clips() -> None:
    x = images(50) * 0.5 + 0.25
    y = layers.RandomBrightness(0.2, value_range=(0, 1), seed=0)(x).numpy() - x
    assert np.ptp(y.reshape(50, -1), axis=1).max() < 1e-6
    assert -0.2 <= y.min() < -0.1
    assert 0.1 < y.max() <= 0.2
    assert layers.RandomBrightness((0.9, 0.9), (0, 1))(x).numpy().max() == 1.0


def test_one_contrast_factor_reaches_both_ways() -> None:
    x = images(100)
    y = layers.RandomContrast(0.5, (-9, 9), seed=0)(x).numpy()
    factors = y.std(axis=(1, 2)) / x.std(axis=(1, 2))
    np.testing.assert_allclose(factors[:, 0], factors[:, 1], rtol=1e-4)
    np.testing.assert_allclose(y.mean(axis=(1, 2)), x.mean(axis=(1, 2)), rtol=1e-4)
    assert 0.5 <= factors.min() < 0.6
    assert 1.4 < factors.max() <= 1.5


def test_elastic_leaves_the_share_of_images_that_it_should() -> None:
    x = images(200)
    y = layers.RandomElasticTransform((0.5, 0.5), value_range=(0, 1), seed=0)(x).numpy()
    changed = abs(y - x).max(axis=(1, 2, 3)) > 1e-3
    assert 70 < changed.sum() < 130


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_mixed_labels_hold_the_share_of_each_image(cls: Any) -> None:
    x = np.broadcast_to(np.arange(1.0, 21.0, dtype="float32").reshape(-1, 1, 1, 1), (20, 8, 6, 2))
    given = {"images": x, "labels": np.eye(20, dtype="int32")}
    mixed = cls(seed=1)(given)
    labels = mixed["labels"].numpy()
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed["images"].numpy().mean(axis=(1, 2, 3)), labels @ np.arange(1.0, 21.0), rtol=1e-5)
    assert ((labels > 0.05).sum(axis=1) == 2).any()
    np.testing.assert_array_equal(cls()(given, training=False)["labels"].numpy(), np.eye(20))


def test_cutmix_pastes_one_rectangle() -> None:
    x = images(30)
    y = layers.CutMix(seed=0)(x).numpy()
    pasted = (y != x).any(axis=-1)
    assert all((p == p.any(axis=1)[:, None] * p.any(axis=0)).all() for p in pasted)
    assert pasted.any()


def test_one_image_and_a_dictionary_come_back_as_they_came() -> None:
    x = images(2)
    assert layers.RandomRotation(0.1)(x[0]).shape == (8, 6, 2)
    found = layers.RandomRotation(0.1)({"images": x, "labels": np.array([4, 7])})
    assert found["images"].shape == x.shape
    assert found["labels"].numpy().tolist() == [4, 7]
    assert layers.Resizing(3, 3)(np.zeros((2, 8, 6, 2), "uint8")).dtype == np.uint8


BATCH = np.ones((2, 4, 4, 1), "float32")


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda: layers.RandomRotation(20), ArgumentError, "factor is out of range\n.*from -1 to 1\n.*20\n.*degrees / 360"),
        (lambda: layers.RandomShear((-0.2, 0.2)), ArgumentError, "x_factor is out of range\n.*from 0 to 1"),
        (lambda: layers.RandomTranslation((0.1, 0.2, 0.3), 0), ArgumentError, "height_factor is out of range"),
        (lambda: layers.RandomZoom(0.1, fill_mode="reflected"), ArgumentError, "fill_mode is unknown\n.*\n.*\n.*'reflect'"),
        (lambda: layers.RandomFlip("left"), ArgumentError, "mode is unknown"),
        (lambda: layers.RandomCrop(0, 4), ArgumentError, "height must be a number of pixels"),
        (lambda: layers.Resizing(4, 4, "cubic"), ArgumentError, "interpolation is unknown"),
        (lambda: layers.Resizing(4, 4, data_format="channels_first"), ArgumentError, "Resizing 'r.*unknown data_format"),
        (lambda: layers.RandomBrightness(0.1, (1, 0)), ArgumentError, r"value_range must be \(smallest, largest\)"),
        (lambda: layers.MixUp(0), ArgumentError, "alpha must be positive"),
        (lambda: layers.RandomFlip()(np.ones((4, 4))), ShapeError, r"wrong number of axes\n.*\n.*\n.*x\[..., None\]"),
        (lambda: gn.Sequential([layers.RandomFlip()])(np.ones((9, 4, 4))), ShapeError, r"no channel axis\n.*\n.*None, 4, 4"),
        (lambda: layers.MixUp()({"images": BATCH, "labels": np.array([1, 2])}), ShapeError, "one-hot.*\n.*\n.*\n.*to_categ"),
        (lambda: layers.RandomFlip()({"images": BATCH, "boxes": BATCH}), ArgumentError, "received: 'images', 'boxes'"),
    ],
)  # fmt: skip
def test_image_layers_refuse(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run()
