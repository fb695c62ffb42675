"""What holds for every figure in every theme: described in words, nothing cut or overprinted, grey in print, repeatable."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError

SOURCE = str(Path(gn.__file__).parents[1])


def expression(a: Any, b: Any) -> Any:
    c = 2 * (a + b) + 1
    d = 3 * (a * b + b**3) + gn.ops.relu(b - a)
    f = (2 * c + 1 - a - d) ** 2
    return f / 2 + 10 / f


def convolution() -> gn.Sequential:
    gn.utils.set_random_seed(1)
    conv = gn.layers.Conv2D(6, 3, activation="relu", name="conv")
    return gn.Sequential([gn.Input((8, 8, 1)), conv, gn.layers.MaxPooling2D()])


def transformer() -> gn.Sequential:
    """A block that reads nine letters."""
    gn.utils.set_random_seed(2)
    block = gn.layers.TransformerDecoder(
        32, 4, kernel_initializer=gn.initializers.RandomNormal(stddev=0.6), name="block"
    )
    return gn.Sequential([gn.Input((9,), dtype="int64"), gn.layers.Embedding(27, 16), block])


GALLERY: dict[str, Callable[..., Any]] = {
    "activations": lambda xor, mlp, **how: plot.activations(mlp.model, mlp.x[:6], **how),
    "attention": lambda xor, mlp, **how: plot.attention(transformer(), np.arange(9), tokens=list("charlotte"), **how),
    "boundary": lambda xor, mlp, **how: plot.boundary(xor.model, xor.x, xor.y, **how),
    "confusion": lambda xor, mlp, **how: plot.confusion(mlp.y_test, mlp.model.predict(mlp.x_test), **how),
    "curves": lambda xor, mlp, **how: plot.curves(mlp.history, **how),
    "feature_maps": lambda xor, mlp, **how: plot.feature_maps(convolution(), mlp.x[0].reshape(8, 8, 1), **how),
    "flow": lambda xor, mlp, **how: plot.flow(gn.trace(xor.model, xor.x[:4], xor.y[:4]), **how),
    "flow of a digit": lambda xor, mlp, **how: plot.flow(gn.trace(mlp.model, mlp.x[:9], mlp.y[:9]), **how),
    "gradients": lambda xor, mlp, **how: plot.gradients(mlp.model, mlp.x, mlp.y, **how),
    "graph": lambda xor, mlp, **how: plot.graph(expression, -4.0, 2.0, **how),
    "hidden_plane": lambda xor, mlp, **how: plot.hidden_plane(xor.model, xor.x, xor.y, **how),
    "kernels": lambda xor, mlp, **how: plot.kernels(convolution().layers[0], **how),
    "landscape": lambda xor, mlp, **how: plot.landscape(xor.model, xor.x, xor.y, xor.path, n=11, **how),
    "network": lambda xor, mlp, **how: plot.network(mlp.model, **how),
    "network of all units": lambda xor, mlp, **how: plot.network(xor.model, **how),
    "optimizer_race": lambda xor, mlp, **how: plot.optimizer_race(steps=40, **how),
    "weights as images": lambda xor, mlp, **how: plot.weights(mlp.model.layers[0], x_train=mlp.x, **how),
    "weights as a matrix": lambda xor, mlp, **how: plot.weights(mlp.model.layers[1], **how),
    "worst": lambda xor, mlp, **how: plot.worst(mlp.model, mlp.x_test, mlp.y_test, n=9, **how),
}


def pixels(figure: Any) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_every_figure_is_in_the_gallery() -> None:
    drawn = {name.split()[0] for name in GALLERY}
    assert drawn == set(plot.__all__) - {"Figure"}


def drawn_texts(figure: Any, monkeypatch: pytest.MonkeyPatch) -> dict[Text, Any]:
    """Every text that is drawn, with its box in pixels."""
    drawn: list[Text] = []
    draw = Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: (drawn.append(text), draw(text, renderer)))
    pixels(figure)
    return {text: text.get_window_extent() for text in drawn if text.get_visible() and text.get_text().strip()}


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("name", GALLERY)
def test_no_text_is_cut_or_overprinted(
    name: str, theme: str, xor: Any, mlp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = GALLERY[name](xor, mlp, theme=theme)
    boxes = drawn_texts(figure, monkeypatch)
    assert boxes
    for text, box in boxes.items():
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < figure.bbox.width + 1 and box.y1 < figure.bbox.height + 1
        assert inside, f"{text.get_text()!r} is cut"
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width < 2 or height < 2, f"{one.get_text()!r} and {other.get_text()!r} overlap"


@pytest.mark.parametrize("name", GALLERY)
def test_print_has_no_hue(name: str, xor: Any, mlp: Any) -> None:
    picture = pixels(GALLERY[name](xor, mlp, theme="print"))
    assert np.ptp(picture, axis=-1).max() == 0


@pytest.mark.parametrize("name", GALLERY)
def test_the_same_numbers_give_the_same_pixels_in_the_colours_of_the_theme(name: str, xor: Any, mlp: Any) -> None:
    first, second = (pixels(GALLERY[name](xor, mlp, theme="dark")) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[-1, -1].tolist() == [0x14, 0x17, 0x1C]


@pytest.mark.parametrize("name", GALLERY)
def test_given_axes_are_drawn_on_and_their_figure_is_returned(name: str, xor: Any, mlp: Any) -> None:
    own = plot.Figure(figsize=(14, 7), layout="constrained")
    left, right = own.subplots(1, 2)
    assert GALLERY[name](xor, mlp, ax=right) is own
    pixels(own)
    assert not left.has_data()
    assert own.alt_text == GALLERY[name](xor, mlp).alt_text


def test_two_drawings_in_one_figure_are_both_described(xor: Any) -> None:
    figure = plot.Figure()
    for ax in figure.subplots(1, 2):
        plot.curves({"loss": [1.0, 0.5]}, ax=ax)
    assert figure.alt_text == " ".join(["Training curves over 2 epochs: loss from 1 to 0.5."] * 2)


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_a_file_carries_the_description_and_is_always_the_same(suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.{suffix}" for k in range(2)]
    for path in paths:
        plot.weights(np.eye(4)).save(path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"images of 2 x 2 pixels" in first


def test_a_notebook_shows_the_picture_with_its_description() -> None:
    figure = plot.confusion([0, 1], [0, 1], ["<b>", "dog"])
    figure.alt_text = 'cat "and" <dog>'
    shown = figure._repr_html_()
    assert 'alt="cat &quot;and&quot; &lt;dog&gt;"' in shown
    assert "data:image/png;base64," in shown


def test_settings_of_matplotlib_are_left_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot.curves({"loss": [1.0, 0.5]}, theme="dark")
    assert dict(mpl.rcParams) == before


def test_no_display_no_pyplot_and_no_network_are_needed(tmp_path: Path) -> None:
    code = """
import socket, sys
def refuse(*arguments, **keywords): raise AssertionError("network")
socket.socket.connect = socket.create_connection = refuse
from glassnet import plot
plot.graph(lambda a, b: a * b, 2.0, 3.0).save("graph.png")
print(sorted(name for name in sys.modules if name.startswith("matplotlib.pyplot") or name == "tkinter"))
"""
    environment = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    environment |= {"PYTHONPATH": SOURCE, "MPLBACKEND": "TkAgg"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_matplotlib_the_error_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['matplotlib'] = None\nfrom glassnet import plot"
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert "MissingDependency: gn.plot draws with matplotlib, which is not installed" in done.stderr
    assert "pip install matplotlib pillow" in done.stderr


def test_a_wrong_theme_axes_or_file_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no such theme\n.*light, dark, print\n.*'drak'\n.*did you mean 'dark'"):
        plot.curves({"loss": [1.0]}, theme="drak")
    with pytest.raises(ArgumentError, match=r"plot: ax\n.*one matplotlib Axes\n.*ndarray"):
        plot.curves({"loss": [1.0]}, ax=plot.Figure().subplots(2))
    with pytest.raises(ArgumentError, match=r"room for several axes"):
        plot.curves({"loss": [1.0]}, ax=plot.Figure().add_axes((0, 0, 1, 1)))
    with pytest.raises(ArgumentError, match=r"the name of the file says its format\n.*\.png, \.svg, \.pdf\n.*a\.jpg"):
        plot.curves({"loss": [1.0]}).save("a.jpg")
