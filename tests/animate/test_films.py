"""Films of a training and of one step: what is drawn in each frame are the numbers of that moment."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import glassnet as gn
from glassnet import animate, plot
from glassnet.animate import film, flow, training
from glassnet.callbacks import Recorder
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.plot.theme import THEMES


@pytest.fixture(scope="module")
def xor() -> Any:
    return learned(frames=4)


def learned(frames: int) -> Any:
    """A 2-2-1 network that has learned XOR under a Recorder."""
    gn.utils.set_random_seed(7)
    x, y = gn.datasets.toy.xor()
    layers = [gn.Input((2,)), gn.layers.Dense(2, "tanh", name="hidden"), gn.layers.Dense(1, "sigmoid")]
    model, recorder = gn.Sequential(layers), Recorder(frames, "float16")
    model.compile(gn.optimizers.Adam(0.1), "binary_crossentropy")
    model.fit(x, y, batch_size=4, epochs=200, verbose=0, callbacks=[recorder])
    return SimpleNamespace(recorder=recorder, model=model, x=x, y=y)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of every frame, as they were when it was rendered."""
    found: list[Any] = []
    rendered = film.rendered
    monkeypatch.setattr(film, "rendered", lambda figure: found.append(figure.axes[0]) or rendered(figure))
    return found


def test_the_map_of_the_last_frame_says_what_the_final_model_predicts(xor: Any, stages: list[Any]) -> None:
    shown = animate.boundary(xor.recorder, xor.model, xor.x, xor.y)
    points = np.random.default_rng(0).uniform(-0.1, 1.1, (200, 2)).astype(np.float32)
    said = xor.model.predict(points).ravel()
    far = np.abs(points[:, None] - xor.x).max(axis=2).min(axis=1) > 0.06  # from the samples, which are drawn on top
    points, said = points[far & (np.abs(said - 0.5) > 0.2)], said[far & (np.abs(said - 0.5) > 0.2)]
    assert len(points) > 80
    across, up = np.floor(stages[-1].transData.transform(points)).astype(int).T
    pixels = shown.frames[-1][shown.frames[-1].shape[0] - 1 - up, across]
    tints = [np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in THEMES["light"].classes[:2]]
    away = 255 - np.array(tints)  # a tint is white with some of the class's colour
    along = (255.0 - pixels) @ (away / np.linalg.norm(away, axis=1, keepdims=True)).T
    assert (along.argmax(axis=1) == (said > 0.5)).all()


def test_the_same_training_gives_the_same_pixels(xor: Any) -> None:
    first, again = (animate.boundary(run.recorder, run.model, xor.x, xor.y) for run in (xor, learned(frames=4)))
    assert all(np.abs(a.astype(int) - b).max() <= 2 for a, b in zip(first.frames, again.frames))


def test_a_film_of_60_frames_keeps_its_size(tmp_path: Path) -> None:
    run, path = learned(frames=60), tmp_path / "xor.gif"
    animate.boundary(run.recorder, run.model, run.x, run.y, fps=20).save(path)
    with Image.open(path) as image:
        assert image.n_frames == 60
    assert path.stat().st_size <= 3_000_000


def test_the_samples_of_a_hidden_plane_lie_where_the_layer_puts_them(xor: Any, stages: list[Any]) -> None:
    animate.hidden_plane(xor.recorder, xor.model, xor.x, xor.y)
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in stages}) == 1
    for ax, snapshot in zip(stages, xor.recorder.snapshots):
        kernel, bias = (w.astype(np.float32) for w in snapshot.weights[:2])
        hidden = np.tanh(xor.x @ kernel + bias)
        drawn = np.concatenate([c.get_offsets() for c in ax.collections if len(c.get_offsets()) == 2][:2])
        wanted = np.concatenate([hidden[xor.y.ravel() == k] for k in (0, 1)])
        assert np.allclose(drawn, wanted, atol=1e-5)


def test_weights_are_those_of_each_moment_on_one_scale(xor: Any, stages: list[Any]) -> None:
    animate.weights(xor.recorder, xor.model, "hidden")
    for ax, snapshot in zip(stages, xor.recorder.snapshots):
        assert np.array_equal(ax.images[0].get_array(), snapshot.weights[0].astype(np.float32))
    assert len({picture.get_clim() for ax in stages for picture in ax.images}) == 1
    inks = {text.get_color() for text in stages[0].texts if text.get_text() == "0.00"}
    assert inks == {THEMES["light"].text}  # dark on the pale cells of the beginning


def test_weights_are_shown_of_the_first_layer_that_has_some_or_of_the_given_one(xor: Any) -> None:
    first, last = xor.model.layers
    for layer, wanted in ((None, first), (0, first), ("hidden", first), (last, last), (1, last)):
        assert training.layer_with_kernel(xor.model, layer) is wanted


def test_a_landscape_ends_in_the_middle_at_the_final_weights(xor: Any, stages: list[Any]) -> None:
    shown = animate.landscape(xor.recorder, xor.model, xor.x, xor.y, n=5)
    assert "training of 200 steps" in shown.alt_text
    dots = [ax.lines[-1].get_xydata()[0] for ax in stages]
    assert np.allclose(dots[-1], 0, atol=1e-6)
    moved = [snapshot.weights for snapshot in (xor.recorder.snapshots[0], xor.recorder.snapshots[-1])]
    length = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(*moved)))
    assert 0.5 * length < np.linalg.norm(dots[0]) <= 1.001 * length  # a projection shortens


def test_a_film_leaves_the_model_as_it_was(xor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = xor.model.get_weights()
    animate.weights(xor.recorder, xor.model)
    monkeypatch.setattr(plot, "boundary", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.boundary(xor.recorder, xor.model, xor.x, xor.y)
    assert all(np.array_equal(a, b) for a, b in zip(before, xor.model.get_weights()))


# ---------------------------------------------------------------- one step


def test_a_step_fills_forward_then_backward_and_new_weights_replace_the_old(xor: Any) -> None:
    trace = gn.trace(xor.model, xor.x, xor.y)
    phase = {-1: "begin", **{k: step.phase for k, step in enumerate(trace.steps)}}
    tiles = list(flow._tiles(trace, flow._columns(trace)))
    appear: dict[str, set[str]] = {}
    for tile in tiles:
        tensor = trace.tensors[tile.tensor]
        appear.setdefault(f"{tensor.role} {tensor.version}", set()).add(phase[tile.appears])
    assert appear == {
        "input None": {"begin"}, "param 0": {"begin"}, "act None": {"forward", "loss"}, "grad None": {"backward"},
        "param 1": {"update"},
    }  # fmt: skip
    values = [t.appears for t in sorted(tiles, key=lambda t: t.column) if t.lane == 1]
    gradients = [t.appears for t in sorted(tiles, key=lambda t: t.column) if t.lane == 3]
    assert values == sorted(values)
    assert gradients == sorted(gradients, reverse=True)
    replaced = {tile.replaced for tile in tiles if tile.lane == 0 and tile.replaced is not None}
    assert replaced == {tile.appears for tile in tiles if tile.lane == 0 and tile.appears >= 0}


def test_each_step_of_a_trace_is_a_frame_with_its_words(xor: Any) -> None:
    trace = gn.trace(xor.model, xor.x, xor.y)
    shown = animate.backprop(trace, theme="dark")
    assert len(shown) == len(trace.steps) + 1
    assert all((a != b).any() for a, b in zip(shown.frames, shown.frames[1:]))
    assert f"in {len(trace.steps)} steps: values from left to right" in shown.alt_text


def test_pictures_and_wide_layers_have_room_in_a_step() -> None:
    model = gn.Sequential([gn.Input((8, 8)), gn.layers.Flatten(), gn.layers.Dense(20, "relu"), gn.layers.Dense(1)])
    trace = gn.trace(model, np.ones((1, 8, 8)), np.ones((1, 1)), loss="mse", optimizer="adam")
    assert len(animate.backprop(trace)) == len(trace.steps) + 1


def test_no_picture_of_a_step_covers_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model = gn.Sequential([gn.Input((64,)), gn.layers.Dense(64, "relu"), gn.layers.Dense(36), gn.layers.Dense(10)])
    trace = gn.trace(model, np.ones((1, 64)), np.ones((1, 10)), loss="mse")
    places: list[Any] = []
    monkeypatch.setattr(flow, "draw_frame", lambda ax, extent, *_: places.append(extent))
    monkeypatch.setattr(flow, "rendered", lambda figure: places.clear() or np.zeros((2, 2, 3), np.uint8))
    monkeypatch.setattr(flow, "Animation", lambda *_, **__: None)
    kept: list[Any] = []
    monkeypatch.setattr(flow, "_caption", lambda *_: kept.append(places.copy()))
    animate.backprop(trace)
    assert len(kept[-1]) == 21  # the input, 4 values, 4 of their gradients, and 3 times kernel, bias and theirs
    for (left, right, low, high), (other_left, other_right, other_low, other_high) in itertools.combinations(
        kept[-1], 2
    ):
        assert right <= other_left or other_right <= left or high <= other_low or other_high <= low


# ---------------------------------------------------------------- errors


def test_misuse_is_explained(xor: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)animate.boundary: the recorder is empty.*callbacks=\[recorder\]"):
        animate.boundary(Recorder(), xor.model, xor.x, xor.y)
    other = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    with pytest.raises(ShapeError, match=r"animate\.weights: the recorder followed another model"):
        animate.weights(xor.recorder, other)
    with pytest.raises(GraphError, match="has no layer with a kernel"):
        animate.weights(xor.recorder, gn.Sequential([gn.Input((2,)), gn.layers.ReLU()]))
    with pytest.raises(ShapeError, match="two inputs, and two hidden units"):
        animate.hidden_plane(xor.recorder, xor.model, xor.x, xor.y, layer=1)
    with pytest.raises(ArgumentError, match=r"(?s)no such theme.*did you mean.*dark"):
        animate.weights(xor.recorder, xor.model, theme="drak")
    with pytest.raises(ArgumentError, match="the trace is empty"):
        animate.backprop(gn.explain.Trace([], [], [], {}))
