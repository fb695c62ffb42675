"""Reshaping layers: contract table, borders and sizes by hand, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import interpolate

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import (
    Cropping1D,
    Cropping2D,
    Permute,
    RepeatVector,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

from helpers.layer_contract import LayerCase, contract_test


def framed(*widths: tuple[int, int]) -> Any:
    return lambda x: np.pad(x, ((0, 0), *widths, (0, 0)))


def bilinear(x: Any, s: int, t: int) -> Any:
    """Straight lines between the centres of pixels, by SciPy; each image has at least two rows and columns."""
    H, W, C = x.shape[1:]
    h = np.clip((np.arange(H * s) + 0.5) / s - 0.5, 0, H - 1)
    w = np.clip((np.arange(W * t) + 0.5) / t - 0.5, 0, W - 1)
    at = np.stack(np.meshgrid(h, w, indexing="ij"), -1)
    lines = interpolate.RegularGridInterpolator((np.arange(H), np.arange(W)), np.moveaxis(x, 0, 2))
    return np.moveaxis(lines(at), 2, 0) if len(x) else np.zeros((0, H * s, W * t, C))


test_contract = contract_test(
    [
        LayerCase(Permute, {"dims": (3, 1, 2)}, (4, 2, 3, 5), oracle=lambda x: x.transpose(0, 3, 1, 2)),
        LayerCase(RepeatVector, {"n": 3}, (4, 5), oracle=lambda x: np.stack([x] * 3, 1)),
        LayerCase(ZeroPadding1D, {"padding": (2, 0)}, (4, 3, 2), oracle=framed((2, 0))),
        LayerCase(ZeroPadding2D, {}, (2, 3, 5, 1), oracle=framed((1, 1), (1, 1))),
        LayerCase(ZeroPadding2D, {"padding": ((1, 0), (2, 3))}, (1, 3, 2, 3), oracle=framed((1, 0), (2, 3))),
        LayerCase(Cropping1D, {"cropping": 1}, (4, 5, 2), oracle=lambda x: x[:, 1:-1]),
        LayerCase(Cropping2D, {"cropping": ((0, 1), (2, 0))}, (2, 3, 5, 1), oracle=lambda x: x[:, :-1, 2:]),
        LayerCase(UpSampling1D, {"size": 3}, (4, 5, 2), oracle=lambda x: x.repeat(3, 1)),
        LayerCase(UpSampling2D, {"size": (2, 3)}, (2, 3, 5, 2), oracle=lambda x: x.repeat(2, 1).repeat(3, 2)),
        LayerCase(
            UpSampling2D, {"size": (3, 2), "interpolation": "bilinear"}, (2, 3, 5, 2), oracle=lambda x: bilinear(x, 3, 2)
        ),
    ]
)  # fmt: skip


def test_a_crop_undoes_a_frame() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 1)).astype("float32")
    sides = ((1, 2), (0, 3))
    np.testing.assert_array_equal(Cropping2D(sides)(ZeroPadding2D(sides)(x)).numpy(), x)


@pytest.mark.parametrize(("given", "pairs"), [(1, ((1, 1), (1, 1))), ((1, 2), ((1, 1), (2, 2))),
                                              ([[1, 2], [0, 3]], ((1, 2), (0, 3)))])  # fmt: skip
def test_one_number_one_per_axis_and_pairs_are_the_same_thing(given: Any, pairs: Any) -> None:
    assert ZeroPadding2D(given).padding == pairs
    assert Cropping2D(given).cropping == pairs


def test_a_single_pixel_has_nothing_to_be_drawn_between() -> None:
    y = UpSampling2D(3, interpolation="bilinear")(np.full((1, 1, 1, 2), 7.0))
    np.testing.assert_array_equal(y.numpy(), np.full((1, 3, 3, 2), 7.0))


def test_images_of_open_size_are_padded_cropped_and_enlarged() -> None:
    x = gn.Input((None, None, 3))
    model = gn.Model(x, UpSampling2D()(Cropping2D(1)(ZeroPadding2D(2)(x))))
    assert model.output_shape == (None, None, None, 3)
    assert model(np.ones((1, 4, 5, 3))).shape == (1, 12, 14, 3)


# ---------------------------------------------------------------- error texts


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Permute((0, 1), name="l"), r"'l': dims names every axis of a sample once\n(.*\n)*.*leave out axis 0"),
        (lambda: Permute((1, 3), name="l"), r"'l': dims names every axis of a sample once"),
        (lambda: RepeatVector(0, name="l"), r"'l': n must be a positive integer"),
        (lambda: ZeroPadding1D((1, 2, 3), name="l"), r"'l': padding: cells before.*\n  expected: a number, or a pair"),
        (lambda: ZeroPadding2D(-1, name="l"), r"'l': padding: .*\n  expected: a number, 2 numbers, or 2 pairs"),
        (lambda: ZeroPadding2D(((1, 1, 1), 1), name="l"), r"'l': padding: .*\n.*\n  received: \(\(1, 1, 1\), 1\)"),
        (lambda: Cropping2D((1.5, 1), name="l"), r"'l': cropping: cells before and after"),
        (lambda: UpSampling2D((2, 2, 2), name="l"), r"'l': size\n  expected: a number, or 2 numbers"),
        (lambda: UpSampling2D(0, name="l"), r"'l': size must be a positive integer"),
        (lambda: UpSampling2D(interpolation="cubic", name="l"), r"'l': unknown interpolation\n  expected: 'nearest' or"),
        (lambda: ZeroPadding2D(data_format="channels_first", name="l"), r"'l': unknown data_format"),
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing_are_named(make: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()


def test_cropping_refuses_to_leave_nothing() -> None:
    with pytest.raises(ShapeError, match=r"Cropping1D 'c': nothing would be left\n  expected: less than 4 cells"):
        Cropping1D((2, 2), name="c")(np.ones((1, 4, 1)))


def test_images_need_four_axes() -> None:
    with pytest.raises(ShapeError, match=r"UpSampling2D 'u': the input has the wrong shape(.*\n)*.*add a batch axis"):
        UpSampling2D(name="u")(np.ones((4, 4, 1)))
