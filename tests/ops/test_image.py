"""Images as functions of a place: contract table, SciPy, cases worked by hand, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

import glassnet as gn
from glassnet.autograd.gradcheck import check_gradients
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops import image
from glassnet.ops.sampling import FILL_MODES, LinearSampling, LinearSplatting

from helpers.contract import Case, close, contract_test


def places(axes: int, count: int) -> Any:
    """Places in and around an image, away from the centres of pixels and from the middle between them."""
    rng = np.random.default_rng(3)
    fractions = np.where(rng.uniform(size=(2, axes, count)) < 0.5, 0.3, 0.8) + rng.uniform(-0.1, 0.1, (2, axes, count))
    return rng.integers(-4, 8, (2, axes, count)) + fractions


EMPTY = [(0, 3, 4, 2), (0, 2, 5)]
test_contract = contract_test(
    [
        *[Case(LinearSampling(linear, mode), (2, 3, 4, 2), places(2, 6), empty=EMPTY)
          for linear in (True, False) for mode in FILL_MODES],
        *[Case(LinearSplatting(linear, mode, (3, 4)), (2, 6, 2), places(2, 6), empty=[(0, 5, 2), (0, 2, 5)])
          for linear in (True, False) for mode in FILL_MODES],
        *[Case(LinearSampling(True, mode), (2, 1, 2, 1), places(2, 7), label="one row") for mode in FILL_MODES],
        Case(LinearSampling(True, "reflect"), (2, 5, 3), places(1, 6), label="a line"),
        Case(LinearSampling(True, "constant"), (2, 3, 4, 2, 1), places(3, 6), label="a volume"),
        Case(LinearSampling(True, "wrap"), (2, 3, 4, 2), (2, 2, 0), label="no places"),
    ]
)  # fmt: skip


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_reading_between_cells_agrees_with_scipy(mode: str, order: int) -> None:
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=(5, 7)), rng.uniform(-2, 8, (2, 40))
    scipys = {"constant": "grid-constant", "wrap": "grid-wrap"}.get(mode, mode)
    expected = scipy.ndimage.map_coordinates(x, at, order=order, mode=scipys)
    close(image.map_coordinates(x, at, order, mode), expected, mode)


def test_a_large_image_is_read_at_the_right_pixel() -> None:
    x = np.zeros((1, 5000, 4000, 1), "float32")  # more pixels than float32 can count
    x[0, 4998, 3997] = 1.0
    at = np.array([[[4998.0], [3997.0]]], "float32")
    assert LinearSampling().forward(np, x, at).ravel().tolist() == [1.0]


# ---------------------------------------------------------------- moving


def test_the_identity_changes_nothing_and_a_quarter_turn_is_rot90() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3))
    close(image.affine_transform(x, np.array([1.0, 0, 0, 0, 1, 0, 0, 0])), x, "identity")
    turn = np.array([0.0, -1, 4, 1, 0, 0, 0, 0])  # x' = 4 - y, y' = x
    close(image.affine_transform(x, turn), np.rot90(x, 1, (1, 2)), "quarter turn")


def test_perspective_divides_by_the_third_row() -> None:
    x = np.arange(5.0).reshape(1, 1, 5, 1)
    y = image.affine_transform(x, np.array([2.0, 0, 0, 0, 1, 0, 0.5, 0]))
    np.testing.assert_allclose(y.ravel(), [2 * c / (1 + c / 2) for c in range(5)])


def test_bytes_stay_bytes_and_are_rounded() -> None:
    x = np.array([[[[0], [3]]]], "uint8")
    y = image.affine_transform(x, np.array([1, 0, 0.6, 0, 1, 0, 0, 0]), fill_mode="nearest")
    assert y.dtype == np.uint8
    assert y.ravel().tolist() == [2, 3]  # 1.8 rounds to 2


def test_a_place_can_be_learned_through_its_gradient() -> None:
    x = np.random.default_rng(1).normal(size=(1, 4, 4, 1))
    t = np.array([[0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0.01, 0.02]])
    assert check_gradients(lambda x, t: image.affine_transform(x, t, fill_mode="nearest"), x, t).ok


def test_an_elastic_transform_repeats_with_its_seed_and_bends_a_plane_by_what_it_moves() -> None:
    plane = np.arange(12.0)[None, :, None, None] * np.ones((3, 12, 12, 1))
    a, b, other = (image.elastic_transform(plane, 3.0, 2.0, fill_mode="nearest", seed=s).numpy() for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert abs(a - other).max() > 0.1
    at = image.elastic_places(gn.random.SeedGenerator(1), 3, (12, 12), 3.0, 2.0)
    close(a.reshape(3, -1), np.clip(at[:, 0], 0, 11), "the plane shows the row that is read", 1e-6)


def test_the_noise_of_an_elastic_transform_is_blurred_by_scipys_gaussian() -> None:
    generator = gn.random.SeedGenerator(5)
    moved = image.elastic_places(generator, 2, (20, 30), 2.0, 1.5) - image.grid_of(20, 30, "float32")[:2]
    noise = gn.random.SeedGenerator(5).normal((2, 2, 20, 30)).astype("float64") * 1.5
    taps = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    blurred = noise
    for axis in (2, 3):
        blurred = scipy.ndimage.correlate1d(blurred, taps / taps.sum(), axis=axis, mode="constant")
    close(moved.reshape(2, 2, 20, 30), 2 * blurred, "places", 1e-5)


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("interpolation", ["nearest", *image.KERNELS])
def test_a_constant_stays_constant_at_every_size(interpolation: str) -> None:
    for antialias in (False, True):
        y = image.resize(np.full((1, 5, 7, 2), 3.0), (9, 2), interpolation, antialias)
        close(y, np.full((1, 9, 2, 2), 3.0), interpolation)


def test_bicubic_keeps_a_parabola_and_bytes_do_not_overflow() -> None:
    row = np.arange(12.0) ** 2
    y = image.resize(row.reshape(1, 1, 12, 1), (1, 36), "bicubic").ravel()
    centres = (np.arange(36) + 0.5) / 3 - 0.5
    np.testing.assert_allclose(y[6:-6], centres[6:-6] ** 2)
    step = np.array([0] * 4 + [255] * 4, "uint8").reshape(1, 1, 8, 1)
    assert image.resize(step, (1, 16), "bicubic").max() == 255


def test_functions_take_one_image_and_symbolic_batches() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 3))
    functions = {
        "resize": lambda x: image.resize(x, (2, 5)), "blur": image.gaussian_blur, "gray": image.rgb_to_grayscale,
        "patches": lambda x: image.extract_patches(x, 2), "crop": lambda x: image.crop_images(x, 1, 1, 0, 2),
        "pad": lambda x: image.pad_images(x, 1, 1, 0, 2),
        "affine": lambda x: image.affine_transform(x, np.array([1.0, 0, 1, 0, 1, 0, 0, 0])),
    }  # fmt: skip
    for name, function in functions.items():
        close(function(x), function(x[None])[0], name)
        assert function(gn.Input((4, 6, 3))).shape == (None, *function(x).shape), name


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda x: image.resize(x, (2, 2), "cubic"), ArgumentError, "interpolation is unknown\n.*\n.*'cubic'\n.*bicubic"),
        (lambda x: image.resize(x, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ArgumentError, "exclude"),
        (lambda x: image.resize(x[0, :, :, 0], (2, 2)), ShapeError, r"wrong number of axes\n.*\n.*\n.*x\[..., None\]"),
        (lambda x: image.resize(x, (2, 2), data_format="channels_first"), ArgumentError, "unknown data_format"),
        (lambda x: image.affine_transform(x, np.ones((2, 6))), ShapeError, r"8 numbers\n  expected: shape \(8,\) or \(2, 8\)"),
        (lambda x: image.affine_transform(x, np.ones(8), fill_mode="edge"), ArgumentError, "fill_mode is unknown"),
        (lambda x: image.map_coordinates(x[0, :, :, 0], np.ones((3, 2)), 1), ShapeError, r"expected: .*\(2, ...\)"),
        (lambda x: image.map_coordinates(x[0], np.ones((3, 2)), 3), ArgumentError, "order must be 0 or 1\n.*order=3"),
        (lambda x: image.crop_images(x, 1, 1, 1, 1, 3, 3), ArgumentError, "two of top_cropping, bottom_cropping, target_he"),
        (lambda x: image.crop_images(x, 3, 0, 3, 0), ArgumentError, "no negative sides for 4 pixels"),
        (lambda x: image.pad_images(x, 1, 0, None, 0, target_height=4), ArgumentError, "no negative sides for 4 pixels"),
        (lambda x: image.rgb_to_grayscale(x[..., :1]), ShapeError, "not red, green and blue"),
        (lambda x: image.gaussian_blur(x, sigma=(0.0, 1.0)), ArgumentError, "sigma must be two positive numbers"),
        (lambda x: image.extract_patches(x, 9), ShapeError, "the kernel is larger than the image"),
        (lambda x: LinearSampling().infer(*map(gn.autograd.spec.Spec.of, (x, np.ones((2, 3, 1))))), ShapeError, "do not fit"),
    ],
)  # fmt: skip
def test_image_functions_refuse(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run(np.ones((2, 4, 5, 3)))
