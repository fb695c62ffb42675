"""Weights as pictures: the arrays behind them, one shared scale, biases in numbers, hatches and signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.plot.theme import THEMES


def covered(ax: Any) -> int:
    """How many cells are covered by the page."""
    return sum(len(c.get_paths()) for c in ax.collections if isinstance(c, PolyCollection))


def ticks(ax: Any) -> list[tuple[float, float]]:
    """The middle of every minus tick (level lines; the diagonals of hatches are none)."""
    lines = [line for c in ax.collections if isinstance(c, LineCollection) for line in c.get_segments()]
    return [tuple(line.mean(axis=0)) for line in lines if line[0, 1] == line[1, 1]]


def test_each_picture_holds_the_weights_of_its_unit_on_one_symmetric_scale_with_a_bar(mlp: Any) -> None:
    ax, bar = plot.weights(mlp.model.layers[0]).axes
    kernel, bias = mlp.model.layers[0].get_weights()
    limit = np.percentile(np.abs(kernel), 99.5)
    assert len(ax.images) == 12
    for k, image in enumerate(ax.images):
        np.testing.assert_array_equal(image.get_array(), kernel[:, k].reshape(8, 8))
        assert image.get_clim() == pytest.approx((-limit, limit))
    assert bar.get_ylabel() == "weight"
    captions = [text.get_text() for text in ax.texts]
    assert [f"{k}: b {b:+.3f}".replace("-", "−") for k, b in enumerate(bias)] == captions[:12]


def test_a_locked_scale_ends_where_it_is_told_and_ink_is_chosen_by_it() -> None:
    kernel = np.array([[0.5, -0.25], [0.1, 0.0]])
    for shape in (None, (1, 2)):
        ax = plot.weights(kernel, shape, limit=4.0).axes[0]
        assert {image.get_clim() for image in ax.images} == {(-4.0, 4.0)}
    pale, deep = (plot.weights(np.array([[0.5, 0.5, 0.5]] * 2), limit=limit).axes[0] for limit in (4.0, 0.5))
    inks = [next(text.get_color() for text in ax.texts if text.get_text() == "0.50") for ax in (pale, deep)]
    assert inks == [THEMES["light"].text, THEMES["light"].page]
    with pytest.raises(ArgumentError, match=r"plot\.weights: limit\n.*a number above 0\n.*0"):
        plot.weights(kernel, limit=0)


def test_a_kernel_that_is_no_picture_is_one_matrix_with_its_biases_below(xor: Any) -> None:
    kernel, bias = xor.model.layers[0].get_weights()
    ax = plot.weights(xor.model.layers[0]).axes[0]
    np.testing.assert_array_equal(ax.images[0].get_array(), kernel)
    np.testing.assert_array_equal(ax.images[1].get_array(), bias[None])
    numbers = [text.get_text() for text in ax.texts][: kernel.size + bias.size]
    assert numbers == [f"{w:.2f}".replace("-", "−") for w in [*kernel.ravel(), *bias]]


def test_pixels_that_are_zero_in_all_training_data_are_covered() -> None:
    x_train = np.ones((3, 2, 2))
    x_train[:, 0, 1] = 0
    assert covered(plot.weights(np.ones((4, 5)), x_train=x_train).axes[0]) == 5
    assert covered(plot.weights(np.ones((4, 5))).axes[0]) == 0


def test_weights_that_are_not_finite_are_covered_and_counted() -> None:
    figure = plot.weights(np.array([[1.0, np.nan], [np.inf, -2.0], [0.0, 1.0], [0.0, 0.0]]))
    assert covered(figure.axes[0]) == 2
    assert figure.alt_text.endswith("from −2 to 1; 2 not finite.")


def test_in_print_exactly_the_negative_cells_have_a_tick() -> None:
    kernel = np.array([[0.5, -0.5], [-1.0, 1.0], [0.0, -0.7], [0.2, 0.3]])
    ax = plot.weights(kernel, theme="print").axes[0]
    across = 2 * 1.12  # pictures of 2 x 2 pixels stand 1.12 widths apart
    np.testing.assert_allclose(sorted(ticks(ax)), [(1.5, 0.5), (across + 0.5, 0.5), (across + 0.5, 1.5)])


def test_in_print_a_weight_and_its_opposite_are_equally_dark_but_told_apart() -> None:
    def grey(value: float) -> np.ndarray:
        figure = plot.weights(np.full((400, 1), value), theme="print")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        low, high = figure.axes[0].transData.transform([(6, 14), (14, 6)]).round().astype(int)
        picture = np.asarray(canvas.buffer_rgba())[::-1, :, 0]
        return picture[low[1] : high[1], low[0] : high[0]]

    above, below = grey(0.4), grey(-0.4)
    assert above.std() == 0  # a plain surface
    assert below.std() > 10  # a surface with ticks
    assert np.median(above) == np.median(below)


def test_wrong_sources_are_refused(mlp: Any) -> None:
    with pytest.raises(GraphError, match=r"has no kernel\n.*\n.*model\.get_layer\('dense'\)"):
        plot.weights(mlp.model)
    with pytest.raises(GraphError, match=r"Dense 'late' has no kernel\n.*\n.*build the model"):
        plot.weights(gn.layers.Dense(3, name="late"))
    with pytest.raises(ShapeError, match=r"the array is not a kernel\n.*\(I, O\)\n.*\(3,\)"):
        plot.weights(np.ones(3))
    with pytest.raises(ArgumentError, match=r"image_shape does not hold the inputs\n.*H·W = 6\n.*\(2, 2\)"):
        plot.weights(np.ones((6, 2)), image_shape=(2, 2))
    with pytest.raises(ShapeError, match=r"x_train\n.*N samples of 4 values\n.*\(5, 3\)"):
        plot.weights(np.ones((4, 2)), x_train=np.ones((5, 3)))
