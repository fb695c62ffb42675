"""`gn.utils`: image files, Pillow's images and arrays."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet import utils
from glassnet.datasets import read_image
from glassnet.errors import GlassnetError, MissingDependency

RAMP = np.arange(24, dtype="uint8").reshape(4, 6)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_an_array_comes_back_from_its_image(channels: int, mode: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 5, channels)).astype("float32")
    image = utils.array_to_img(x, scale=False)
    assert (image.mode, image.size) == (mode, (5, 3))
    back = utils.img_to_array(image)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, x)


def test_numbers_are_stretched_to_all_brightnesses_and_equal_ones_are_black() -> None:
    image = utils.array_to_img(np.array([[[-1.0], [0.0], [3.0]]]))
    np.testing.assert_array_equal(np.asarray(image), [[0, 63, 255]])  # 255 / 4 = 63.75, without its fraction
    assert not np.asarray(utils.array_to_img(np.full((2, 2, 3), 7.0))).any()


def test_what_is_written_is_what_other_programs_read(tmp_path: Path) -> None:
    path = tmp_path / "ramp.png"
    utils.save_img(path, RAMP[..., None], scale=False)
    np.testing.assert_array_equal(read_image(path), RAMP)
    utils.save_img(file := io.BytesIO(), RAMP[..., None], file_format="jpg", quality=90)
    assert Image.open(file).format == "JPEG"


def test_a_file_is_read_in_the_colours_and_the_size_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "ramp.png"
    Image.fromarray(RAMP).save(path)
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(path)), np.stack([RAMP] * 3, -1))
    assert utils.load_img(path, "rgba").mode == "RGBA"
    grey = utils.load_img(path, "grayscale", target_size=(2, 3), interpolation="box")
    np.testing.assert_array_equal(np.asarray(grey), (RAMP.reshape(2, 2, 3, 2).mean((1, 3)) + 0.5).astype("uint8"))
    small = utils.load_img(path, "grayscale", target_size=(4, 4), keep_aspect_ratio=True)
    np.testing.assert_array_equal(np.asarray(small), RAMP[:, 1:5])  # the middle, not squeezed
    tall = utils.load_img(path, "grayscale", target_size=(2, 6), keep_aspect_ratio=True)
    np.testing.assert_array_equal(np.asarray(tall), RAMP[1:3])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: utils.img_to_array(np.zeros(3)), r"img_to_array: it takes one image\n.*\n  received: \(3,\)"),
        (lambda: utils.array_to_img(np.zeros((2, 2))), r"array_to_img: it takes one image(.|\n)*x\[\.\.\., None\]"),
        (lambda: utils.array_to_img(np.zeros((2, 2, 2))), "with 1, 3 or 4 channels"),
        (lambda: utils.array_to_img(np.full((1, 1, 1), 300.0), scale=False), "a number is no brightness"),
        (lambda: utils.array_to_img(np.full((1, 1, 1), np.nan), scale=False), "a number is no brightness"),
        (lambda: utils.array_to_img(np.zeros((3, 2, 2)), "channels_first"), "array_to_img: unknown data_format"),
        (lambda: utils.load_img("x.png", "grey"), "load_img: unknown color_mode"),
        (lambda: utils.load_img("x.png", interpolation="bilinar"), "unknown interpolation(.|\n)*bilinear"),
    ],
)
def test_mistakes_are_named(call: Any, text: str) -> None:
    with pytest.raises(GlassnetError, match=text):
        call()


def test_without_pillow_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingDependency, match=r"the extra `plot`"):
        utils.array_to_img(np.zeros((1, 1, 1)))
