"""The strip of a training step: its tiles hold the numbers of the trace, and its shelf their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError
from glassnet.explain import record
from glassnet.plot.stages import stages_of


def bars(ax: Any, colour: str) -> list[Rectangle]:
    """The bars of a colour; a frame or a lane has none."""
    found = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill() and p.get_alpha() is None]
    return [
        bar
        for bar in found
        if np.allclose(bar.get_facecolor()[:3], [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    ]


def test_the_tiles_of_a_small_batch_hold_values_above_and_their_gradients_below(xor: Any) -> None:
    x, y = xor.x[:4], xor.y[:4]
    ax = plot.flow(gn.trace(xor.model, x, y)).axes[0]
    w1, b1, w2, b2 = xor.model.get_weights()
    z1 = x @ w1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ w2 + b2
    p = 1 / (1 + np.exp(-z2))
    dz2 = (p - y.reshape(-1, 1)) / len(x)
    da1 = dz2 @ w2.T
    wanted = [x, z1, da1 * (1 - a1**2), a1, da1, z2, dz2, p]
    assert len(ax.images) == len(wanted)
    for image, array in zip(ax.images, wanted):
        np.testing.assert_allclose(image.get_array(), array, atol=1e-5)
    gradients = {2, 4, 6}
    upper = max(ax.images[k].get_extent()[3] for k in gradients)
    assert all((image.get_extent()[2] > upper) == (k not in gradients) for k, image in enumerate(ax.images))


def test_gradients_and_only_they_stand_in_dashed_frames_with_a_tab(xor: Any) -> None:
    ax = plot.flow(gn.trace(xor.model, xor.x[:4], xor.y[:4])).axes[0]
    frames = [p for p in ax.patches if isinstance(p, Rectangle) and not p.get_fill()]
    dashed = [frame for frame in frames if frame.get_linestyle() not in ("-", "solid")]
    names = [text.get_text() for text in ax.texts]
    assert (len(frames), len(dashed), names.count("∂")) == (10, 4, 4)
    assert [name for name in names if name.startswith("∂L/")] == ["∂L/∂z₁", "∂L/∂a₁", "∂L/∂z₂", "∂L/∂L"]
    arrows = [text for text in ax.texts if isinstance(text, Annotation) and text.arrow_patch]
    forward = [arrow for arrow in arrows if arrow.xy[0] > arrow.get_position()[0]]
    assert (len(forward), len(arrows) - len(forward)) == (5, 3)
    assert [name for name in names if "W" in name] == ["W₁\nb₁", "W₂\nb₂"]


def test_units_of_one_sample_are_bars_as_long_as_their_numbers(mlp: Any) -> None:
    trace = gn.trace(mlp.model, mlp.x[:1], mlp.y[:1])
    ax = plot.flow(trace).axes[0]
    scores = stages_of(trace, "test")[3].value[0]
    blue, orange = bars(ax, "#0B63A5"), bars(ax, "#C2500A")
    column = [bar for bar in [*blue, *orange] if 3 * 1.66 < bar.get_x() < 4 * 1.66]
    column.sort(key=lambda bar: -bar.get_y())
    lengths = np.array([bar.get_width() * (1 if bar in blue else -1) for bar in column])
    np.testing.assert_allclose(lengths / lengths.max(), scores / scores.max(), rtol=1e-5)
    green = bars(ax, "#1B7F3B")
    truth = [bar for bar in green if 3 * 1.66 < bar.get_x() < 4 * 1.66]
    assert len(truth) == 1  # p − y is below 0 for the true class alone


def test_of_a_long_layer_or_a_large_batch_the_first_sample_is_a_picture(mlp: Any) -> None:
    model = gn.Sequential([gn.Input((64,)), gn.layers.Dense(32, "tanh"), gn.layers.Dense(1)])
    trace = gn.trace(model, mlp.x[:9], np.ones((9, 1)), loss="mse")
    figure = plot.flow(trace)
    pictures = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    np.testing.assert_array_equal(pictures[0], mlp.x[0].reshape(8, 8).astype(float))
    assert [picture.shape for picture in pictures[1:]] == [(4, 8)] * 4
    assert any("the first of 9 samples" in text.get_text() for text in figure.axes[0].texts)
    assert "x (9×64), z₁ (9×32), a₁ (9×32)" in figure.alt_text


def test_an_image_keeps_its_proportions() -> None:
    model = gn.Sequential([gn.Input((4, 8)), gn.layers.Flatten(), gn.layers.Dense(2)])
    image = plot.flow(gn.trace(model, np.ones((1, 4, 8)), np.ones((1, 2)), loss="mse")).axes[0].images[0]
    left, right, low, high = image.get_extent()
    assert (right - left) == pytest.approx(2 * (high - low))


def test_numbers_that_are_not_finite_are_hatched(mlp: Any) -> None:
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3), gn.layers.Dense(20)])
    model.set_weights([np.full_like(w, np.nan) if k in (0, 2) else w for k, w in enumerate(model.get_weights())])
    ax = plot.flow(gn.trace(model, np.ones((1, 2)), np.ones((1, 20)), loss="mse")).axes[0]
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == 2 * (3 + 20)  # values and gradients of both layers


def test_a_trace_without_a_loss_is_refused() -> None:
    loose = record(lambda: gn.ops.relu(gn.Tensor([1.0])))
    with pytest.raises(ArgumentError, match=r"plot\.flow: the trace is not a training step\n.*\n.*gn\.trace"):
        plot.flow(loose)
