"""The film of a convolution: the kernel stands where the pixel that it makes says, and the map fills with its numbers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

import glassnet as gn
from glassnet import animate
from glassnet.errors import ArgumentError, GraphError

film = import_module("glassnet.animate.convolution")  # the package has a function of this name


def model(padding: str = "valid", strides: int = 1) -> Any:
    gn.utils.set_random_seed(5)
    L = gn.layers
    first = L.Conv2D(2, 3, strides=strides, padding=padding, bias_initializer="ones", name="first")
    return gn.Sequential([gn.Input((6, 6, 1)), first, L.Conv2D(3, 2, name="second")])


X = np.random.default_rng(1).random((6, 6, 1)).astype("float32")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Of every frame: corner of the window, corner of the pixel, the map so far, and the line above."""
    found: list[Any] = []
    rendered = film.rendered

    def look(figure: Any) -> Any:
        image, _, made = figure.axes
        corners = [next(p for p in ax.patches if isinstance(p, Rectangle)).get_xy() for ax in (image, made)]
        found.append((*corners, np.array(made.images[0].get_array().filled(np.nan)), figure.texts[-1].get_text()))
        return rendered(figure)

    monkeypatch.setattr(film, "rendered", look)
    return found


@pytest.mark.parametrize(("padding", "strides", "before"), [("valid", 1, 0), ("same", 1, 1), ("same", 2, 0)])
def test_the_window_stands_over_the_cells_of_the_pixel_and_the_map_fills_with_the_layers_numbers(
    stages: list[Any], padding: str, strides: int, before: int
) -> None:
    network = model(padding, strides)
    animate.convolution(network, X, channel=1)
    z = network.layers[0](X[None]).numpy()[0, ..., 1]
    assert len(stages) == z.size
    for number, (window, pixel, filled, _) in enumerate(stages):
        row, column = divmod(number, z.shape[1])
        assert window == (strides * column - before - 0.5, strides * row - before - 0.5)
        assert pixel == (column - 0.5, row - 0.5)
        np.testing.assert_allclose(filled.flat[: number + 1], z.flat[: number + 1], rtol=1e-6)
        assert np.isnan(filled.flat[number + 1 :]).all()


def test_the_parts_that_are_told_add_up_to_the_pixel(stages: list[Any]) -> None:
    animate.convolution(model(), X, "second", channel=2)
    for *_, line in stages:
        parts, _, total = line.partition(" = ")[2].rpartition(" = ")
        numbers = [float(part.split()[-1].replace("−", "-")) for part in parts.split(" + ")]
        assert len(numbers) == 2  # its own channel and the other one; the bias is 0
        assert sum(numbers) == pytest.approx(float(total.replace("−", "-")), abs=0.02)


def test_a_long_way_is_shown_in_60_frames_and_a_small_file(tmp_path: Path) -> None:
    network = gn.Sequential([gn.Input((28, 28, 1)), gn.layers.Conv2D(1, 3)])
    shown = animate.convolution(network, np.random.default_rng(0).random((28, 28, 1)))
    shown.save(tmp_path / "film.gif")
    assert (tmp_path / "film.gif").stat().st_size <= 3_000_000
    with Image.open(tmp_path / "film.gif") as written:
        assert written.n_frames == len(shown) == 60
    assert "60 steps and fills its map of 26 x 26 pixels" in shown.alt_text


def test_a_wrong_layer_filter_or_image_is_named_with_what_would_do() -> None:
    with pytest.raises(GraphError, match=r"'dense' is no convolution of images\n.*one of first, second"):
        animate.convolution(model(), X, "dense")
    with pytest.raises(GraphError, match=r"the model is no convolution of images\n.*a model with a Conv2D"):
        animate.convolution(gn.Sequential([gn.Input((6, 6, 1)), gn.layers.Flatten()]), X)
    with pytest.raises(ArgumentError, match=r"no such filter\n.*0 to 1\n.*channel=2"):
        animate.convolution(model(), X, channel=2)
    with pytest.raises(ArgumentError, match=r"x is one image\n.*\(H, W, C\)\n.*\(6, 6\)"):
        animate.convolution(model(), X[..., 0])
