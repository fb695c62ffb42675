"""The views that show many numbers as a picture: heat, waterfall, unit grid. Oracles: NumPy and the palette's hex codes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from web.viewkit import (
    BLUE,
    DARK,
    GREEN,
    ORANGE,
    PURPLE,
    array,
    ask,
    kernel,
    number,
    pixel,
    show,
    terms,
    texts,
)

# ---------------------------------------------------------------- heat


@pytest.mark.parametrize(("role", "plus", "minus"), [("param", BLUE, ORANGE), ("grad", PURPLE, GREEN)])
def test_the_largest_numbers_have_the_full_colours_of_their_role(views, role, plus, minus):
    page = views()
    values = np.linspace(-1, 1, 20 * 21).reshape(20, 21)
    values[:, -1] = 1  # more than the 0.5 % that may be clipped
    values[:, 0] = -1
    show(page, "heat", "{array: array(v), width: 210}", array(values, role=role))
    assert pixel(page, 205, 5) == plus
    assert pixel(page, 5, 5) == minus
    assert (
        page.locator(".frame").evaluate("(frame) => getComputedStyle(frame).borderStyle")
        == {
            "param": "double",
            "grad": "dashed",
        }[role]
    )


def test_zero_is_the_surface_and_follows_the_theme(views):
    page = views()
    show(page, "heat", "{array: array(v), numbers: false}", array(np.zeros((20, 20))))
    assert pixel(page, 8, 8) == (255, 255, 255)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function("document.querySelector('canvas').getContext('2d').getImageData(8, 8, 1, 1).data[0] === 20")
    assert pixel(page, 8, 8) == DARK


def test_the_limit_is_the_995th_percentile_of_the_magnitudes_or_a_locked_one(views):
    page = views()
    values = np.random.default_rng(1).normal(size=(50, 40)).astype(np.float32)
    values[0, 0] = 1000
    show(page, "heat", "{array: array(v)}", array(values))
    expected = np.sort(np.abs(values).ravel())[math.ceil(0.995 * values.size) - 1]
    assert number(texts(page, ".legend-end")[1]) == pytest.approx(expected, rel=1e-3)
    assert "10 beyond the scale" in page.locator(".legend").text_content()
    page.evaluate("view.update({limit: 2.5})")
    assert texts(page, ".legend-end") == ["−2.5", "2.5"]


def test_numbers_that_are_not_finite_are_counted_and_hatched_black(views):
    page = views()
    values = np.ones((40, 50))
    values[3, 4], values[7, 8], values[9, 9] = np.nan, np.inf, np.nan
    show(page, "heat", "{array: array(v), width: 200}", array(values))
    assert page.locator(".heat").get_attribute("data-not-finite") == "3"
    assert "3 not finite" in page.locator(".legend").text_content()
    assert pixel(page, 4 * 4 + 2, 3 * 4 + 2) == (27, 31, 36)


def test_weights_that_were_never_trained_are_hatched_and_counted(views):
    page = views()
    show(
        page,
        "heat",
        "{array: array(v), trained: Array.from(array(v).data, (_, i) => (i >= 400 ? 1 : 0))}",
        array(np.ones((40, 20))),
    )
    assert "400 never trained" in page.locator(".legend").text_content()
    top = {pixel(page, x, 20) for x in range(2, 30)}
    assert len(top) > 2, "grey lines on the surface"
    assert pixel(page, 20, 300) == BLUE


def test_a_small_array_needs_room_for_all_its_numbers_and_a_large_one_does_not_print_them(views):
    page = views()
    show(page, "heat", "{array: array(v)}", array(np.full((2, 8), -0.12345)))
    assert page.locator(".picture").bounding_box()["width"] > 8 * 60
    page.evaluate("(v) => view.update({array: array(v), width: 300})", array(np.ones((30, 30))))
    assert page.locator(".picture").bounding_box()["width"] <= 300


def test_the_keyboard_walks_over_cells_and_each_is_spoken(views):
    page = views()
    show(
        page, "heat", "{array: array(v), onpoint: (ref) => calls.push(ref), onpick: (ref) => calls.push('!' + ref)}",
        array([[0.5, -0.0214, 3], [4, 5, 6]]),
    )  # fmt: skip
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert texts(page, "[role=gridcell]") == ["row 0, column 1: minus 0.0214"]
    for key in ["ArrowDown", "End", "Home", "Control+Home", "Control+End", "ArrowRight", "Enter"]:
        page.keyboard.press(key)
    assert page.evaluate("calls") == [
        "w@0[0,0]", "w@0[0,1]", "w@0[1,1]", "w@0[1,2]", "w@0[1,0]", "w@0[0,0]", "w@0[1,2]", "w@0[1,2]", "!w@0[1,2]",
    ]  # fmt: skip
    grid = page.locator("[role=grid]")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("2", "3")


def test_the_cell_under_the_pointer_is_reported_under_its_own_indices(views):
    page = views()
    options = "{array: array(v), image: [28, 28], width: 280, height: 280, onpoint: (ref) => calls.push(ref)}"
    show(page, "heat", options, array(np.ones((1, 784)), ref="x@0", role="input"))
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 10 * 5 + 5, box["y"] + 10 * 3 + 5)
    page.mouse.move(0, 0)
    assert page.evaluate("calls") == ["x@0[0,89]", None]


def test_linked_cells_are_outlined_as_one_block_where_they_touch(views):
    page = views()
    column = [f"w@0[{row},9]" for row in range(40)]
    show(
        page,
        "heat",
        "{array: array(v[0]), width: 200, linked: v[1]}",
        [array(np.ones((40, 20))), [*column, "w@0[3,4]", "other@0[3,4]", "w@0[99,0]"]],
    )
    boxes = page.locator(".picture-mark").evaluate_all(
        "(marks) => marks.map((m) => [m.offsetLeft, m.offsetTop, m.offsetWidth, m.offsetHeight])"
    )
    assert sorted(boxes) == [[32, 24, 8, 8], [72, 0, 8, 320]]
    page.evaluate("view.update({linked: ['w@0']})")
    assert page.locator(".picture-mark").count() == 1


# ---------------------------------------------------------------- waterfall

PLAN = "planWaterfall({...v, total: {label: 'z', ref: 'z@0[0]', value: v.total}})"


@pytest.mark.parametrize("scale", [1e-7, 0.05, 1, 3e5])
@pytest.mark.parametrize("count", [3, 784])
def test_the_shown_terms_remainder_and_bias_add_up_to_the_shown_total(views, scale, count):
    page = views()
    values = (np.random.default_rng(count).normal(size=count) * scale).astype(np.float32).astype(float)
    bias = 0.3 * scale
    v = {"title": "z", "terms": terms(values), "bias": {"label": "b", "value": bias, "ref": "b@0[37]"}}
    total = {"label": "z", "value": float(np.float32(values.sum() + bias)), "ref": "z@0[0,37]"}
    show(page, "waterfall", "v", {**v, "total": total})
    rows = texts(page, ".waterfall-number")
    numbers = [number(row) for row in rows]
    decimals = {len(row.partition(".")[2]) for row in rows}
    assert len(decimals) == 1, "one last digit for all"
    step = 10.0 ** -decimals.pop()
    assert abs(sum(numbers[:-1]) - numbers[-1]) <= step / 2 * len(rows)
    signs = texts(page, ".waterfall-sign")
    assert signs == ["=" if round(sum(numbers[:-1]) / step) == round(numbers[-1] / step) else "≈"]
    power = page.locator(".waterfall .view-shape")
    unit = number(power.text_content().removeprefix("in units of ")) if power.count() else 1
    assert numbers[-1] * unit == pytest.approx(total["value"], rel=2e-3, abs=step * unit)


def test_eight_terms_of_each_sign_are_shown_and_the_rest_is_one_number(views):
    page = views()
    values = np.random.default_rng(3).normal(size=784)
    show(
        page,
        "waterfall",
        "v",
        {
            "title": "z",
            "terms": terms(values),
            "bias": None,
            "total": {"label": "z", "value": values.sum(), "ref": "z"},
        },
    )
    order = np.argsort(values)
    shown = [*order[::-1][:8], *order[:8]]
    assert texts(page, ".waterfall-name") == [*[f"<{i}>" for i in shown], "768 others", "z"]
    rest = values.sum() - values[shown].sum()
    assert number(texts(page, ".waterfall-number")[16]) == pytest.approx(rest, abs=0.01)
    refs = (
        page.locator(".waterfall-factors")
        .first.locator("[data-ref]")
        .evaluate_all("(nodes) => nodes.map((n) => n.dataset.ref)")
    )
    assert refs == [f"x@0[{shown[0]}]", f"w@0[{shown[0]}]"]


def test_each_bar_begins_where_the_one_above_ends(views):
    page = views()
    v = {"terms": terms([2, -1, 4]), "bias": {"label": "b", "value": -0.5, "ref": "b"}, "total": 4.5}
    rows = ask(page, "waterfall", PLAN, v)["rows"]
    assert [(row["from"], row["to"]) for row in rows] == [(0, 4), (4, 6), (6, 5), (5, 4.5), (0, 4.5)]


def test_a_term_that_is_not_finite_is_always_shown(views):
    page = views()
    v = {"terms": terms([*range(1, 40), 0]), "bias": None, "total": 0}
    call = PLAN.replace("...v", "...v, terms: v.terms.map((t, i) => i === 39 ? {...t, value: NaN} : t)")
    assert ask(page, "waterfall", call, v)["rows"][0]["text"] == "NaN"


# ---------------------------------------------------------------- unit grid


def test_128_units_of_784_weights_cost_few_nodes_and_fill_16_by_8_tiles(views):
    page = views()
    show(page, "unitgrid", "{array: array(v), image: [28, 28]}", kernel())
    assert page.locator("*").count() <= 200
    assert page.locator("[role=grid]").get_attribute("aria-colcount") == "16"
    assert page.locator("[role=grid]").get_attribute("aria-rowcount") == "8"


def test_each_tile_holds_the_weights_of_its_own_unit(views):
    page = views(viewport={"width": 620, "height": 800})
    show(page, "unitgrid", "{array: array(v), image: [28, 28]}", kernel())
    unit, pixels = 37, 37
    x, y = (unit % 16) * 34 + pixels % 28, (unit // 16) * 39 + pixels // 28
    assert pixel(page, x, y) == BLUE
    assert pixel(page, x + 1, y) == (255, 255, 255)
    assert pixel(page, (unit % 16) * 34 + 510 % 28, (unit // 16) * 39 + 510 // 28) != (255, 255, 255)


def test_units_are_sorted_by_magnitude_and_chosen_by_keyboard(views):
    page = views()
    keys = np.random.default_rng(5).normal(size=128)
    options = """{array: array(v[0]), image: [28, 28], orders: {contribution: v[1]}, biases: array(v[2]),
      onpick: (unit) => calls.push(unit)}"""
    show(page, "unitgrid", options, [kernel(), keys.tolist(), array(np.full(128, -0.25), ref="dense/bias@0")])
    page.get_by_role("button", name="largest contribution").click()
    page.locator("[role=grid]").focus()
    for key in ["ArrowRight", "Enter", "ArrowDown", "Enter", "Home", "Control+Home", " "]:
        page.keyboard.press(key)
    order = np.argsort(-np.abs(keys))
    assert page.evaluate("calls") == [order[1], order[17], order[0]]
    assert texts(page, "[role=gridcell]")[0].startswith(f"Unit {order[0]}, bias minus 0.25, contribution")
    assert page.get_by_role("button", name="largest contribution").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [300, 358, 500, 700, 1400])
@pytest.mark.parametrize(("units", "side"), [(128, 28), (10, 8), (30, 8), (7, 28), (1, 64)])
def test_tiles_fit_the_width_and_all_units_are_drawn(views, width, units, side):
    layout = ask(views(), "unitgrid", "unitLayout(v)", {"units": units, "rows": side, "columns": side, "width": width})
    assert layout["width"] <= width
    assert layout["across"] * layout["down"] >= units > layout["across"] * (layout["down"] - 1)
    assert layout["side"] >= 1


@pytest.mark.parametrize("width", [600, 660, 700, 1000])
def test_the_tiles_of_a_layer_grow_until_they_fill_the_width(views, width):
    layout = ask(views(), "unitgrid", "unitLayout(v)", {"units": 128, "rows": 28, "columns": 28, "width": width})
    assert layout["across"] == 16
    assert 0.95 * width <= layout["width"] <= width
    assert layout["tileWidth"] == layout["tileHeight"] == int(layout["tileWidth"])


def test_a_linked_weight_outlines_its_unit(views):
    page = views()
    show(page, "unitgrid", "{array: array(v), image: [28, 28], linked: ['dense/kernel@0[300,37]']}", kernel())
    assert page.locator(".picture-mark").get_attribute("data-ref") == "dense/kernel@0[:,37]"
