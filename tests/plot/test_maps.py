"""Filters and maps as pictures: the arrays behind them, one shared scale, and what is said when there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, GraphError, ShapeError


@pytest.fixture(scope="module")
def cnn() -> Any:
    gn.utils.set_random_seed(3)
    L = gn.layers
    first = L.Conv2D(5, (3, 2), activation="relu", name="first")
    return gn.Sequential([gn.Input((7, 6, 2)), first, L.Conv2D(70, 2, name="second"), L.Flatten(name="flat")])


@pytest.mark.parametrize("channel", [0, 1, -1])
def test_each_picture_holds_one_filter_on_the_symmetric_scale_of_the_layer(cnn: Any, channel: int) -> None:
    ax, bar = plot.kernels(cnn.layers[0], channel).axes
    kernel = cnn.layers[0].kernel.numpy()
    assert len(ax.images) == 5
    for k, image in enumerate(ax.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, :, channel, k])
        assert image.get_clim() == pytest.approx((-np.abs(kernel).max(), np.abs(kernel).max()))
    assert bar.get_ylabel() == "weight"
    assert [text.get_text() for text in ax.texts][:5] == [f"{k}: b +0.000" for k in range(5)]


def test_the_words_name_layer_sizes_channel_and_range(cnn: Any) -> None:
    kernel = cnn.layers[0].kernel.numpy()[:, :, 1]
    told = plot.kernels(cnn.layers[0], 1).alt_text
    assert told.startswith("Kernel of Conv2D 'first': 5 filters of 3 x 2 weights through channel 1 of 2, from −0.")
    assert float(told.rstrip(".").rpartition(" ")[2]) == pytest.approx(kernel.max(), rel=5e-3)


def test_a_locked_scale_ends_where_it_is_told() -> None:
    ax = plot.kernels(np.ones((2, 2, 1, 3)), limit=4.0).axes[0]
    assert {image.get_clim() for image in ax.images} == {(-4.0, 4.0)}
    with pytest.raises(ArgumentError, match=r"plot\.kernels: limit\n.*a number above 0\n.*inf"):
        plot.kernels(np.ones((2, 2, 1, 3)), limit=np.inf)


def test_of_many_filters_the_first_64_are_drawn_and_the_figure_says_so(cnn: Any) -> None:
    ax = plot.kernels(cnn.layers[1]).axes[0]
    assert len(ax.images) == 64
    assert "the first 64 of 70" in ax.texts[-1].get_text()


@pytest.mark.parametrize("chosen", [None, "second", 1, "layer"])
def test_each_map_is_the_channel_that_the_layer_gives(cnn: Any, chosen: Any) -> None:
    x = np.random.default_rng(0).normal(size=(7, 6, 2)).astype("float32")
    layer = cnn.layers[0] if chosen == "layer" else chosen
    ax = plot.feature_maps(cnn, x, layer).axes[0]
    values = cnn.layers[0](x[None]).numpy()
    if chosen in ("second", 1):
        values = cnn.layers[1](values).numpy()
    assert len(ax.images) == min(values.shape[-1], 64)
    for k, image in enumerate(ax.images):
        np.testing.assert_allclose(image.get_array(), values[0, ..., k], rtol=1e-6)


def test_what_holds_no_filters_or_maps_is_named_with_what_would(cnn: Any) -> None:
    x = np.zeros((1, 7, 6, 2))
    with pytest.raises(GraphError, match=r"Flatten 'flat' has no kernel of images\n.*a built Conv2D.*\n.*no kernel"):
        plot.kernels(cnn.layers[2])
    with pytest.raises(ShapeError, match=r"not a kernel\n.*\(KH, KW, C, O\)\n.*\(2, 2\)"):
        plot.kernels(np.eye(2))
    with pytest.raises(ArgumentError, match=r"no such channel\n.*0 to 1\n.*channel=2"):
        plot.kernels(cnn.layers[0], 2)
    with pytest.raises(GraphError, match=r"'flat' gives images\n.*one of first, second"):
        plot.feature_maps(cnn, x, "flat")
    with pytest.raises(ArgumentError, match=r"x is one image\n.*\(H, W, C\)\n.*\(7, 6\)\n.*x\[\.\.\., None\]"):
        plot.feature_maps(cnn, x[0, ..., 0])
