"""Scenes for manim: a step and a training with the numbers of the trace and the recorder, rendered where manim is."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, ShapeError

SOURCE = str(Path(gn.__file__).parents[1])


def test_without_manim_the_error_names_the_extra(tmp_path: Path) -> None:
    code = """
import sys; sys.modules["manim"] = None
import glassnet as gn
model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
story = gn.animate.scenes.ForwardPass(gn.trace(model, [[1.0, 2.0]], [[1.0]], loss="mse"))
print("until it is played")
story.save("forward.mp4")
"""
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout == "until it is played\n"
    assert "MissingDependency: gn.animate.scenes plays on manim, which is not installed" in done.stderr
    assert "pip install manim" in done.stderr


@pytest.fixture(scope="module")
def scenes() -> Any:
    if importlib.util.find_spec("manim") is None:
        pytest.skip("the extra `manim` is not installed: pip install manim")
    with warnings.catch_warnings():  # of what manim itself imports
        warnings.simplefilter("ignore")
        importlib.import_module("manim")
    return gn.animate.scenes


@pytest.fixture(scope="module")
def xor() -> Any:
    gn.utils.set_random_seed(7)
    x, y = gn.datasets.toy.xor()
    layers = [gn.Input((2,)), gn.layers.Dense(2, "tanh", name="hidden"), gn.layers.Dense(1, "sigmoid")]
    model, recorder = gn.Sequential(layers, name="xor"), gn.callbacks.Recorder(3)
    model.compile(gn.optimizers.Adam(0.1), "binary_crossentropy")
    model.fit(x, y, batch_size=4, epochs=200, verbose=0, callbacks=[recorder])
    return SimpleNamespace(recorder=recorder, model=model, x=x, y=y, trace=gn.trace(model, x, y))


@pytest.fixture(scope="module")
def digits() -> Any:
    gn.utils.set_random_seed(7)
    (x, y), _ = gn.datasets.digits.load_data()
    x, y = x[:64] / np.float32(16), y[:64]
    layers = [gn.layers.Flatten(), gn.layers.Dense(12, "relu"), gn.layers.Dense(10, "softmax")]
    model, recorder = gn.Sequential([gn.Input((8, 8)), *layers], name="digits"), gn.callbacks.Recorder(3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0, callbacks=[recorder])
    return SimpleNamespace(recorder=recorder, model=model, trace=gn.trace(model, x[:1], y[:1]))


class Stage:
    """Takes the place of a manim Scene, renders nothing, and keeps what was put on it in its order."""

    def __init__(self) -> None:
        self.shown: list[Any] = []
        self.targets: list[Any] = []

    def play(self, *animations: Any, run_time: float) -> None:
        self.shown += [a.mobject for a in animations if type(a).__name__ in ("FadeIn", "Create")]
        self.targets += [a.target_mobject for a in animations if type(a).__name__ == "Transform"]

    def add(self, *parts: Any) -> None:
        self.shown += parts

    def remove(self, *parts: Any) -> None:
        pass

    def wait(self, seconds: float) -> None:
        pass

    def texts(self) -> list[str]:
        return [
            part.original_text for whole in self.shown for part in whole.get_family() if hasattr(part, "original_text")
        ]


def played(story: Any) -> Stage:
    from glassnet.animate.scenes.story import Director

    stage = Stage()
    story.play(Director(stage, story.colours, story.pace))
    return stage


STORIES: dict[str, Callable[..., Any]] = {
    "forward": lambda scenes, xor, digits, **how: scenes.ForwardPass(digits.trace, **how),
    "backward": lambda scenes, xor, digits, **how: scenes.BackwardPass(xor.trace, **how),
    "warp": lambda scenes, xor, digits, **how: scenes.XorWarp(xor.recorder, xor.model, xor.x, xor.y, **how),
    "weights": lambda scenes, xor, digits, **how: scenes.WeightsEvolving(digits.recorder, digits.model, **how),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_scene_becomes_a_video_of_480_lines(name: str, scenes: Any, xor: Any, digits: Any, tmp_path: Path) -> None:
    import av

    path = tmp_path / "scene.mp4"
    STORIES[name](scenes, xor, digits, theme="light", pace=0.02).save(path, quality="low")
    with av.open(str(path)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) > 8
    assert {frame.shape for frame in frames} == {(480, 854, 3)}
    assert frames[-1][0, 0].min() > 245  # the page of the theme
    assert (frames[-1] < 200).any(axis=-1).mean() > 0.01
    assert (frames[0] != frames[-1]).any()


def test_forward_shows_every_value_and_the_worked_sum_of_the_largest(scenes: Any, xor: Any) -> None:
    texts = played(scenes.ForwardPass(xor.trace)).texts()
    z1 = xor.trace["hidden/linear"].array
    cell = tuple(int(k) for k in np.unravel_index(np.abs(z1).argmax(), z1.shape))
    kernel, bias = xor.model.get_weights()[:2]
    sample, unit = cell
    terms = [f"{format_number(xor.x[sample, i])}·{format_number(kernel[i, unit])}" for i in range(2)]
    line = next(text for text in texts if text.startswith(f"z₁[{sample},{unit}] = "))
    assert (
        line.replace("(", "").replace(")", "")
        == f"z₁[{sample},{unit}] = {' + '.join(terms)} + {format_number(bias[unit])} = {format_number(z1[cell])}"
    )
    order = [text for text in texts if text in ("x", "z₁", "a₁", "z₂", "p", "L")]
    assert order == ["x", "z₁", "a₁", "z₂", "p", "L"]


def test_backward_goes_from_the_loss_to_the_first_weights_and_ends_with_the_new_loss(scenes: Any, xor: Any) -> None:
    texts = played(scenes.BackwardPass(xor.trace)).texts()
    order = [text for text in texts if text.startswith("∂L/∂") and "=" not in text]
    assert order == ["∂L/∂L", "∂L/∂z₂", "∂L/∂a₁", "∂L/∂W₂", "∂L/∂z₁", "∂L/∂W₁"]
    after = format_number(xor.trace.facts["loss_after"])
    assert any(text.startswith("loss on the same samples") and text.endswith(after) for text in texts)
    assert "∂" in texts  # the tab of a gradient


def test_the_warped_samples_end_where_the_trained_layer_puts_them(scenes: Any, xor: Any) -> None:
    before = xor.model.get_weights()
    stage = played(scenes.XorWarp(xor.recorder, xor.model, xor.x, xor.y))
    kernel, bias = before[:2]
    hidden = np.tanh(xor.x @ kernel + bias)
    marks = np.array([mark.get_center()[:2] for mark in stage.targets[-1]])
    across, up = (np.polyfit(hidden[:, k], marks[:, k], 1) for k in (0, 1))
    np.testing.assert_allclose(
        hidden * [across[0], up[0]] + [across[1], up[1]], marks, atol=0.06
    )  # a triangle's middle
    assert across[0] > 0
    assert up[0] > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, xor.model.get_weights()))


def test_the_weights_of_each_moment_are_written_with_their_step(scenes: Any, xor: Any) -> None:
    texts = played(scenes.WeightsEvolving(xor.recorder, xor.model)).texts()
    last = xor.recorder.snapshots[-1]
    assert any(text.startswith("step 200 · loss") for text in texts)
    assert [f"{w:.3g}".replace("-", "−") for w in last.weights[0].ravel()] == texts[-5:-1]


def test_a_scene_is_the_base_of_a_class_of_ones_own(scenes: Any, xor: Any) -> None:
    import manim

    class Forward(scenes.ForwardPass(xor.trace).scene):
        pass

    assert issubclass(Forward, manim.Scene)
    assert Forward.__mro__[1].__doc__ == scenes.ForwardPass.__doc__


def test_a_bias_of_many_units_stays_below_its_kernel(scenes: Any) -> None:
    model = gn.Sequential([gn.Input((64,)), gn.layers.Dense(64), gn.layers.Dense(64)])
    step = scenes.ForwardPass(gn.trace(model, np.ones((1, 64)), np.ones((1, 64)), loss="mse"))
    (kernel, _), (bias, _) = step._weights(step.stages[1], 1).values()
    assert bias.frame.get_top()[1] < kernel.frame.get_bottom()[1]
    assert bias.frame.get_bottom()[1] > 1.0  # above the tiles of values and their names


def test_a_raster_has_each_colour_in_its_place(scenes: Any) -> None:
    from glassnet.animate.scenes.mobjects import raster

    colours = np.array([[[1.0, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 0, 1]]])
    parts = {tuple(np.round(part.get_fill_color().to_rgb(), 2)): part for part in raster(colours, 4.0, 2.0)}
    assert {colour: (part.get_center()[:2].round(6).tolist(), part.width) for colour, part in parts.items()} == {
        (1, 0, 0): ([-1, 0.5], 2), (0, 1, 0): ([1, 0.5], 2), (0, 0, 1): ([0, -0.5], 4),
    }  # fmt: skip


def test_misuse_is_explained(scenes: Any, xor: Any, digits: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"scenes\.ForwardPass: pace\n.*a number above 0\n.*0"):
        scenes.ForwardPass(xor.trace, pace=0)
    with pytest.raises(ArgumentError, match=r"ForwardPass: theme\n.*'light' or 'dark'\n.*'print'"):
        scenes.ForwardPass(xor.trace, theme="print")
    with pytest.raises(ArgumentError, match=r"the name of the file says its format\n.*\.mp4, \.webm\n.*\.avi"):
        scenes.ForwardPass(xor.trace).save(tmp_path / "a.avi")
    with pytest.raises(ArgumentError, match=r"scenes: quality\n.*low, medium, high\n.*'4k'"):
        scenes.ForwardPass(xor.trace).save(tmp_path / "a.mp4", quality="4k")
    with pytest.raises(ArgumentError, match=r"scenes\.BackwardPass: the trace is not a training step"):
        scenes.BackwardPass(gn.explain.Trace([], [], [], {}))
    with pytest.raises(ShapeError, match=r"scenes\.XorWarp: two inputs, and two hidden units"):
        scenes.XorWarp(xor.recorder, xor.model, xor.x, xor.y, layer=1)
    with pytest.raises(ShapeError, match=r"scenes\.WeightsEvolving: the recorder followed another model"):
        scenes.WeightsEvolving(xor.recorder, digits.model)
