"""The page to draw on, in a browser: its numbers against `predict`, its preparation against the data, its controls.

`strokes.json` holds the pen's way through the ten digits, each as strokes of points from 0 to 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web.viewkit import paintings

import glassnet as gn
from glassnet.cli import recipe, sources
from glassnet.datasets import DATASETS
from glassnet.errors import ArgumentError, GraphError, ShapeError
from glassnet.explain import draw
from glassnet.explain.draw import draw_page

STROKES = json.loads(Path(__file__).with_name("strokes.json").read_text("utf-8"))
DIGITS = list("0123456789")
CORNER = (0.05, 0.06, 0.4)
WHOLE = (0.0, 0.0, 1.0)
Strokes = list[list[list[float]]]
HOSTILE = '<img src=x onerror="window.hacked = 1"></script><b>'
MODEL_OF_28 = [gn.Input((28, 28)), gn.layers.Rescaling(1 / 255), gn.layers.Flatten()]
SWITCHES = ("straighten", "crop", "scale", "pen", "centre")


@pytest.fixture(scope="module")
def source() -> sources.Source:
    return sources.load("digits")


@pytest.fixture(scope="module")
def model(source: sources.Source) -> Any:
    """What `glassnet train digits` trains."""
    settings = recipe.settings_for(source)
    trained = recipe.build(source, settings)
    recipe.train(trained, source, settings, None, 0)
    return trained


@pytest.fixture(scope="module")
def page_text(model: Any) -> str:
    return draw_page(model, "digits", DIGITS, 16)


@pytest.fixture
def opened(open_page: Callable[..., Any], page_text: str) -> Callable[..., Any]:
    """Opens a page, that of the digits by default, and waits until it is ready."""

    def ready(text: str = page_text, **options: Any) -> Any:
        page = open_page(text, offline=True, **options)
        page.wait_for_function("window.__glass")
        return page

    return ready


def dense(units: int = 10, activation: str | None = "softmax", shape: tuple[int, ...] = (8, 8)) -> Any:
    return gn.Sequential([gn.Input(shape), gn.layers.Flatten(), gn.layers.Dense(units, activation)])


def predicted(page: Any, images: Any) -> Any:
    rows = images.reshape(len(images), -1).tolist()
    return np.array(page.evaluate("(rows) => rows.map(window.__glass.predict)", rows))


def placed(strokes: Strokes, place: tuple[float, float, float]) -> Strokes:
    """The strokes in a square of the paper: its left, top and side."""
    left, top, side = place
    return [[[left + side * x, top + side * y] for x, y in stroke] for stroke in strokes]


def draw_by_mouse(page: Any, strokes: Strokes) -> None:
    pad = page.get_by_test_id("pad").bounding_box()
    for stroke in strokes:
        points = [(pad["x"] + pad["width"] * x, pad["y"] + pad["height"] * y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def put(page: Any, strokes: Strokes) -> None:
    """Lay a finished drawing on the paper."""
    page.evaluate("(strokes) => window.__glass.draw(strokes)", strokes)


def answer(page: Any) -> str:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return str(page.get_by_test_id("answer").inner_text())


def pixels(page: Any) -> Any:
    answer(page)
    return np.array(page.evaluate("window.__glass.pixels()"))


# ---------------------------------------------------------------- the network in the page


def test_the_page_gives_the_outputs_of_predict_on_100_stored_images(opened, model, source):
    images = source.x_test[:100]
    assert np.abs(predicted(opened(), images) - model.predict(images, verbose=0)).max() <= 1e-5


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu", "leaky_relu", "mish"])
def test_any_network_whose_operations_have_rules_is_recomputed(opened, activation):
    hidden = [gn.layers.Dense(12, activation), gn.layers.BatchNormalization(), gn.layers.Dropout(0.5)]
    net = gn.Sequential(
        [gn.Input((8, 8)), gn.layers.Flatten(), gn.layers.Normalization(), *hidden, gn.layers.Dense(3, "softmax")]
    )
    images = np.random.default_rng(0).integers(0, 17, (5, 8, 8))
    page = opened(draw_page(net, "digits", ["a", "b", "c"], 16))
    assert np.abs(predicted(page, images) - net.predict(images, verbose=0)).max() <= 1e-5


def test_a_move_of_the_pen_paints_no_picture_twice_and_adds_no_nodes(opened):
    page = opened()
    put(page, STROKES["8"])
    assert answer(page) == "8"
    count = "document.querySelectorAll('*').length"
    nodes = page.evaluate(count)
    with paintings(page, "main") as counts:
        page.evaluate("window.__glass.look(false)")
    assert set(counts) == {1}
    assert page.evaluate(count) == nodes <= 500


# ---------------------------------------------------------------- from strokes to pixels


def test_replayed_strokes_of_the_ten_digits_are_recognised(opened):
    page, read = opened(), ""
    for digit in DIGITS:
        page.get_by_test_id("clear").click()
        draw_by_mouse(page, STROKES[digit])
        read += answer(page)
    assert read == "0123456789"


def test_small_digits_in_a_corner_are_misread_as_drawn_and_right_when_prepared(opened):
    page, read, raw = opened(), "", ""
    for digit in DIGITS:
        put(page, placed(STROKES[digit], CORNER))
        read += answer(page)
    for name in SWITCHES:
        page.get_by_test_id(f"switch-{name}").click()
    for digit in DIGITS:
        put(page, placed(STROKES[digit], CORNER))
        raw += answer(page)[0]
    assert read == "0123456789"
    assert sum(a != b for a, b in zip(raw, DIGITS)) >= 5


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_size_and_place_of_a_drawing_do_not_change_what_the_network_sees(kit, name):
    for digit in DIGITS:
        large, small = (prepared(kit, name, STROKES[digit], place) for place in (WHOLE, CORNER))
        assert np.abs(large - small).max() <= 1 / 16  # one cell of a pixel's 4 x 4, on the edge of the line


def test_a_drawing_in_the_form_of_mnist_fills_20_pixels_around_its_centre_of_mass(kit):
    for digit in DIGITS:
        ink = prepared(kit, "mnist", STROKES[digit], CORNER)
        rows, columns = np.nonzero(ink)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (20, 21)  # 20, which may begin within a pixel
        assert [np.average(axis + 0.5, weights=ink) for axis in np.indices(ink.shape)] == pytest.approx(
            [14, 14], abs=0.1
        )


def test_a_drawing_in_the_form_of_the_digits_has_their_height_width_and_ink(kit, source):
    drawn = np.array([prepared(kit, "digits", STROKES[digit], CORNER) for digit in DIGITS if digit != "1"])
    stored = source.x_train[source.y_train != 1] / 16
    assert np.all(drawn.max(axis=2)[:, [0, 7]] > 0)
    assert np.abs(drawn.mean(axis=(0, 1)) - stored.mean(axis=(0, 1))).max() < 0.15  # ink of each column
    assert drawn.mean() == pytest.approx(stored.mean(), abs=0.02)


def prepared(kit: Any, name: str, strokes: Any, place: tuple[float, float, float]) -> Any:
    """What the network of a data set sees, 0 to 1, of strokes in a square of the paper."""
    size, form = DATASETS[name].shape[0], draw.FORMS[name]
    seen = kit.evaluate(
        """async ([strokes, form, names]) => {
          const { stagesOf, pixelsOf } = await import("/digit.js");
          const stages = stagesOf(strokes, form.pen, form, Object.fromEntries(names.map((name) => [name, true])));
          return [...pixelsOf(stages.at(-1).drawing, form.size)];
        }""",
        [placed(strokes, place), {**vars(form), "size": size}, SWITCHES],
    )
    return np.array(seen).reshape(size, size)


# ---------------------------------------------------------------- paper, answer, words


def test_the_keyboard_alone_draws_takes_back_and_clears(opened):
    page = opened()
    page.get_by_test_id("pad").focus()
    press = page.keyboard.press
    for key in [*["ArrowUp"] * 12, "Space", *["ArrowDown"] * 24, "Space"]:
        press(key)
    assert answer(page) == "1"
    press("Backspace")
    assert pixels(page).sum() == 0
    press("Control+z")
    assert answer(page) == "1"


def test_undo_takes_back_one_stroke_and_clear_all(opened):
    page = opened()
    put(page, STROKES["4"][:1])
    first = pixels(page)
    put(page, STROKES["4"][1:])
    assert not np.array_equal(pixels(page), first)
    page.get_by_test_id("undo").click()
    assert np.array_equal(pixels(page), first)
    page.get_by_test_id("clear").click()
    assert pixels(page).sum() == 0
    assert answer(page).startswith("Draw one of: 0, 1, 2")


def test_a_finger_draws_and_the_page_does_not_scroll(opened):
    page = opened(has_touch=True, viewport={"width": 390, "height": 844})
    pad = page.get_by_test_id("pad").bounding_box()
    session = page.context.new_cdp_session(page)
    for kind, share in [("touchStart", 0.1), *[("touchMove", y / 20) for y in range(3, 19)], ("touchEnd", None)]:
        at = [] if share is None else [{"x": pad["x"] + pad["width"] / 2, "y": pad["y"] + share * pad["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    assert answer(page) == "1"
    assert page.evaluate("window.scrollY") == 0


def test_below_the_threshold_the_page_says_none_of_these(opened):
    page = opened()
    put(page, STROKES["3"])
    assert answer(page) == "3"
    page.get_by_test_id("threshold").fill("100")
    assert answer(page) == "none of these"
    assert "best guess, 3, has only" in page.locator(".answer-more").inner_text()
    page.get_by_test_id("threshold").fill("0")
    assert answer(page) == "3"


def test_a_unit_shows_the_sum_of_its_products(opened, model):
    page = opened()
    put(page, STROKES["2"])
    seen = pixels(page).reshape(8, 8)
    page.locator(".layers .heat .picture-canvas").nth(1).hover(position={"x": 3, "y": 3})
    assert page.locator(".unit-look h3").inner_text() == "Unit 0 of hidden_1"
    kernel, bias = (np.asarray(w) for w in model.get_layer("hidden_1").get_weights())
    total = float(seen.ravel() / 16 @ kernel[:, 0] + bias[0])
    shown = [float(text.replace("−", "-")) for text in page.locator(".unit-sum td").all_inner_texts()]
    assert shown == pytest.approx([total - bias[0], bias[0], total, max(total, 0)], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways_or_small_print(opened, scheme):
    page = opened(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    put(page, STROKES["0"])
    answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.evaluate(
        "[...document.querySelectorAll('body *')].map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12


def test_for_clothes_the_words_say_what_to_draw_and_the_pen_can_be_made_wide(opened):
    net = gn.Sequential([*MODEL_OF_28, gn.layers.Dense(10, "softmax")])
    page = opened(draw_page(net, "fashion_mnist", list(DATASETS["fashion_mnist"].class_names), 255))
    assert page.locator("h1").inner_text() == "Draw a piece of clothing"
    assert "Ankle boot" in answer(page)
    put(page, STROKES["1"])
    thin = pixels(page).sum()
    page.locator(".pen-width input").fill("0.4")
    assert pixels(page).sum() > thin


def test_names_are_shown_as_text_never_as_markup(opened):
    page = opened(draw_page(dense(2), "digits", [HOSTILE, "1"], 16))
    put(page, STROKES["1"])
    answer(page)
    assert HOSTILE in page.locator(".bar-label").first.inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


# ---------------------------------------------------------------- what is refused


def test_the_same_model_gives_the_same_bytes(model, page_text):
    assert draw_page(model, "digits", DIGITS, 16) == page_text


class Sorted(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return gn.ops.sort(inputs)


@pytest.mark.parametrize(
    ("model", "data_set", "error", "message"),
    [
        (dense(), "mnits", ArgumentError, "unknown data set(.|\n)*mnist"),
        (dense(shape=(8, 9)), "digits", ShapeError, r"no square grey image(.|\n)*\(None, 8, 9\)"),
        (dense(shape=(64,)), "digits", ShapeError, r"no square grey image(.|\n)*\(None, 64\)"),
        (dense(3), "digits", ShapeError, r"one output per class(.|\n)*\(None, 10\)(.|\n)*\(None, 3\)"),
        (dense(activation=None), "digits", ArgumentError, "no probabilities(.|\n)*softmax"),
        (gn.Sequential([gn.Input((8, 8)), gn.layers.Flatten(), Sorted(), gn.layers.Dense(10, "softmax")]), "digits",
         GraphError, "cannot recompute argsort"),
    ],
)  # fmt: skip
def test_a_model_that_the_page_cannot_serve_is_refused_in_words(model, data_set, error, message):
    with pytest.raises(error, match=message):
        draw_page(model, data_set, DIGITS, 16)


def test_a_model_too_large_for_a_page_is_refused(monkeypatch):
    monkeypatch.setattr(draw, "MOST_VALUES", 100)
    with pytest.raises(ArgumentError, match=r"too large for one page(.|\n)*at most 100(.|\n)*650"):
        draw_page(dense(), "digits", DIGITS, 16)
