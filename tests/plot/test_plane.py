"""Planes: every cell is what `predict` says there, the bent grid is what the layer makes of straight lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.plot.plane import class_map
from glassnet.plot.theme import CLASSES


def test_each_cell_of_the_map_is_the_prediction_at_its_middle(xor: Any) -> None:
    found = class_map(xor.model, np.array([-1.0, 0.0]), np.array([1.0, 4.0]), cells=4)
    for row, column in np.ndindex(4, 4):
        point = np.array([[-0.75 + 0.5 * column, 0.5 + row]], np.float32)
        said = xor.model.predict(point)[0, 0]
        np.testing.assert_allclose(found[row, column], [1 - said, said], atol=1e-6)


def test_a_pixel_of_the_figure_is_the_predicted_class_mixed_into_the_page(xor: Any) -> None:
    ax = plot.boundary(xor.model, xor.x, xor.y).axes[0]
    picture, (left, right, bottom, top) = ax.images[0].get_array(), ax.images[0].get_extent()
    for row, column in np.random.default_rng(0).integers(0, len(picture), (5, 2)):
        share = (np.array([column, row]) + 0.5) / len(picture)
        point = np.array([[left, bottom]]) + share * [right - left, top - bottom]
        said = float(xor.model.predict(point.astype(np.float32))[0, 0])
        mix = 0.55 * abs(2 * said - 1)
        colour = np.array(to_rgb(CLASSES[said > 0.5]))
        np.testing.assert_allclose(picture[row, column], (1 - mix) + mix * colour, atol=1e-5)


def test_outputs_that_are_no_probabilities_count_as_certain() -> None:
    logits = gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x * 5.0)])
    found = class_map(logits, np.zeros(2), np.ones(2), cells=2)
    np.testing.assert_array_equal(found[0, 1], [1, 0])
    np.testing.assert_array_equal(found[1, 0], [0, 1])


def test_wrong_samples_are_ringed() -> None:
    model = gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x[:, :1])])
    ax = plot.boundary(model, [[0.0, 0.0], [1.0, 0.0], [0.9, 1.0]], [0, 1, 0]).axes[0]
    np.testing.assert_allclose(ax.collections[-1].get_offsets(), [[0.9, 1.0]])
    assert "ringed" in ax.texts[0].get_text()


def test_the_hidden_plane_is_the_output_of_the_layer_and_the_rest_of_the_model(xor: Any) -> None:
    ax = plot.hidden_plane(xor.model, xor.x, xor.y).axes[0]
    kernel, bias = xor.model.layers[0].get_weights()
    hidden = np.tanh(xor.x @ kernel + bias)
    drawn = np.concatenate([c.get_offsets() for c in ax.collections if not isinstance(c, LineCollection)][-3:-1])
    np.testing.assert_allclose(drawn, np.concatenate([hidden[[0, 3]], hidden[[1, 2]]]), atol=1e-6)
    lines = next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments()
    ends = np.array([[-0.125, -0.125], [1.125, -0.125]])  # of the lowest straight line of the input plane
    np.testing.assert_allclose(lines[0][[0, -1]], np.tanh(ends @ kernel + bias), atol=1e-5)
    assert len(ax.images) == 1


def test_of_a_wider_layer_the_first_two_units_are_shown(mlp: Any) -> None:
    ax = plot.hidden_plane(mlp.model, mlp.x, mlp.y, layer="dense").axes[0]
    hidden = gn.Model(mlp.model.inputs, mlp.model.layers[0].output).predict(mlp.x)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), hidden[mlp.y == 0, :2])
    assert not ax.images
    assert ax.get_xlabel() == "unit 0 of dense"


def test_wrong_arguments_are_refused(xor: Any, mlp: Any) -> None:
    with pytest.raises(ShapeError, match=r"a plane needs two inputs\n.*\(N, 2\)\n.*\(700, 64\)\n.*plot\.hidden_plane"):
        plot.boundary(mlp.model, mlp.x, mlp.y)
    with pytest.raises(ShapeError, match=r"boundary: one class per sample"):
        plot.boundary(xor.model, xor.x, [0, 1])
    with pytest.raises(
        ArgumentError, match=r"no hidden layer has two units\n.*\n.*\n.*layer='dense' shows its first two"
    ):
        plot.hidden_plane(mlp.model, mlp.x, mlp.y)
    with pytest.raises(GraphError, match=r"no such layer"):
        plot.hidden_plane(mlp.model, mlp.x, mlp.y, layer="conv")
    with pytest.raises(GraphError, match=r"is no layer of"):
        plot.hidden_plane(mlp.model, mlp.x, mlp.y, layer=gn.layers.Dense(2))
    with pytest.raises(ShapeError, match=r"has no two units\n.*units >= 2\n.*\(4, 1\)"):
        plot.hidden_plane(xor.model, xor.x, xor.y, layer=1)
