"""The other views of the lens kit, in a browser: what they show, say and answer to, with made-up numbers.

Oracles are NumPy, Python's own tokenizer and the geometry of the page.
"""

from __future__ import annotations

import io
import itertools
import keyword
import math
import token
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web.viewkit import (
    HOSTILE,
    array,
    ask,
    findings,
    kernel,
    number,
    paintings,
    pixel,
    show,
    terms,
    texts,
)

import glassnet

# ---------------------------------------------------------------- flow

STAGES = """v.map(([id, value, gradient]) => ({id, title: id, value: array(value), gradient: gradient && array(gradient)}))"""


def stages(filled: int) -> list[Any]:
    """Four stages; the last `filled` have a gradient."""
    names = ["input", "dense", "softmax", "loss"]
    arrays = [np.ones((1, 64)), np.ones((1, 128)), np.ones((1, 10)), np.array(2.317)]
    return [
        [name, array(x, name, "act"), array(-x, f"{name}'", "grad") if i >= 4 - filled else None]
        for i, (name, x) in enumerate(zip(names, arrays))
    ]


def test_the_shelf_is_empty_until_the_backward_phase_fills_it_from_the_right(views):
    page = views()
    show(page, "flow", f"{{stages: {STAGES}, onpick: (id) => calls.push(id)}}", stages(0))
    assert page.locator(".flow-shelf").count() == 4
    for filled in range(5):
        page.evaluate(
            f"(v) => view.update({{stages: {STAGES}, read: ['softmax'], written: ['dense'], direction: 'backward'}})",
            stages(filled),
        )
        shelves = page.locator(".flow-shelf").evaluate_all(
            "(all) => all.map((one) => one.classList.contains('is-filled'))"
        )
        assert shelves == [False] * (4 - filled) + [True] * filled
    assert page.locator(".is-read").get_attribute("data-stage") == "softmax"
    assert page.locator(".is-written").get_attribute("data-stage") == "dense"
    assert texts(page, ".flow-number") == ["2.317", "−2.317"]
    page.get_by_role("button", name="softmax").click()
    assert page.evaluate("calls") == ["softmax"]


# ---------------------------------------------------------------- lens


def test_the_lens_shows_nine_rows_around_its_cell_and_moves_by_keys(views):
    page = views()
    values = np.arange(784 * 128).reshape(784, 128) / 1e5
    values[300, 38] = np.nan
    show(
        page,
        "lens",
        "{array: array(v), cell: 'w@0[300,37]', onpoint: (ref) => calls.push(ref), onpick: (ref) => calls.push('!' + ref)}",
        array(values),
    )
    assert texts(page, "tbody th") == [str(row) for row in range(296, 305)]
    assert texts(page, "thead th")[1:] == [str(column) for column in range(33, 42)]
    shown = [number(cell) for cell in texts(page, "tbody tr:nth-child(5) td")]
    np.testing.assert_allclose(shown, values[300, 33:42], atol=5e-4)  # the largest, 1.003, has four digits
    assert page.locator("td.hatch-not-finite").count() == 1
    page.locator("table").focus()
    for key in ["ArrowDown", "ArrowLeft", "Home", "End", "Control+End", "Enter"]:
        page.keyboard.press(key)
    assert page.evaluate("calls") == [
        "w@0[301,37]",
        "w@0[301,36]",
        "w@0[301,0]",
        "w@0[301,127]",
        "w@0[783,127]",
        "!w@0[783,127]",
    ]
    assert texts(page, "tbody th") == [str(row) for row in range(775, 784)]
    current = page.locator("#" + page.locator("table").get_attribute("aria-activedescendant"))
    assert current.get_attribute("aria-label") == "row 783, column 127: 1.004"
    assert "w@0[783,127] = 1.00351" in page.locator(".view-status").text_content()


def test_a_narrow_lens_shows_fewer_columns(views):
    page = views(viewport={"width": 390, "height": 844})
    show(page, "lens", "{array: array(v)}", array(-np.ones((100, 100)), role="grad"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert 3 <= page.locator("thead th[scope=col]").count() < 9


# ---------------------------------------------------------------- ribbon


def factors(*values: float) -> list[dict[str, Any]]:
    return [{"name": f"f{i}", "value": value, "ref": f"f@0[{i}]"} for i, value in enumerate(values)]


@pytest.mark.parametrize(("values", "others", "result"), [
    ((-0.5, 0.25, 1, 0.5), None, -0.0625),
    ((-0.8821, 0.2314, 1, 0.0105), 0.0004, -0.00174324),
    ((1 / 3, 3), None, 1.0),
    ((0.7, 0), None, 0.0),
])  # fmt: skip
def test_the_ribbon_multiplies_to_the_gradient_and_says_when_only_nearly(views, values, others, result):
    page = views()
    rest = None if others is None else {"count": 9, "value": others, "size": others, "kind": "paths"}
    v = {"factors": factors(*values), "others": rest, "result": {"name": "g", "value": result, "ref": "g@0[1]"}}
    show(page, "ribbon", "v", v)
    shown = [number(text) for text in texts(page, ".ribbon-number")]
    route = shown[: len(values)]
    assert np.prod(route) + (others or 0) == pytest.approx(shown[-1], rel=1e-3)
    exact = f"{np.prod(route) + (others or 0):.4g}" == f"{result:.4g}"
    assert texts(page, ".ribbon-sign")[-1] == ("=" if exact else "≈")
    assert texts(page, ".ribbon-others .ribbon-name") == ([] if others is None else ["9 other paths"])
    plan = ask(page, "ribbon", "planRibbon(v)", v)
    assert plan["product"] == pytest.approx(np.prod(values), rel=1e-12)
    refs = page.locator(".ribbon [data-ref]").evaluate_all("(chips) => chips.map((chip) => chip.dataset.ref)")
    assert refs == [*[f"f@0[{i}]" for i in range(len(values))], "g@0[1]"]


@pytest.mark.parametrize(("result", "sign"), [(-100, "≠"), (6.0002, "≠"), (math.inf, "≠"), (6, "=")])
def test_the_ribbon_says_not_equal_where_its_full_numbers_do_not_give_the_gradient(views, result, sign):
    page = views()
    show(
        page,
        "ribbon",
        "v",
        {"factors": factors(2, 3), "others": None, "result": {"name": "g", "value": result, "ref": "g"}},
    )
    assert texts(page, ".ribbon-sign")[-1] == sign
    assert page.locator(".ribbon-sign.is-bad").count() == (sign == "≠")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_on_a_factor_pins_it_and_leads_to_its_step(views, key):
    page = views()
    v = {"factors": factors(2, 3), "others": None, "result": {"name": "g", "value": 6, "ref": "g"}}
    show(page, "ribbon", "{...v, onpick: (ref) => calls.push(ref)}", v)
    page.locator("button").nth(1).focus()
    page.keyboard.press(key)
    assert page.evaluate("calls") == ["f@0[1]"]
    assert page.evaluate("async () => (await import('/selection.js')).selection.get().pinned") == "f@0[1]"


def test_numbers_in_coloured_cells_have_enough_contrast(views):
    page = views(color_scheme="dark")
    show(page, "lens", "{array: array(v)}", array(np.linspace(-1, 1, 81).reshape(9, 9)))
    colours = page.locator("td").evaluate_all(
        r"(cells) => cells.map(({style}) => [style.color, style.background].map((c) => c.match(/\d+/g).map(Number)))"
    )
    channels = np.array(colours) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05
    assert len(light) == 81
    assert (light.max(1) / light.min(1)).min() >= 4.5


# ---------------------------------------------------------------- code


def python_tokens(source: str) -> list[tuple[str, str]]:
    """Names, numbers, strings and comments; an f-string, which Python 3.12 takes apart, is put together again."""
    kinds = {token.NUMBER: "number", token.STRING: "string", token.COMMENT: "comment", token.NAME: "name"}
    starts = [0, *itertools.accumulate(len(line) for line in source.splitlines(keepends=True))]
    found, depth, first = [], 0, 0
    for one in tokenize.generate_tokens(io.StringIO(source).readline):
        name = token.tok_name[one.type]
        if name == "FSTRING_START":
            first = starts[one.start[0] - 1] + one.start[1] if depth == 0 else first
            depth += 1
        elif name == "FSTRING_END":
            depth -= 1
            if depth == 0:
                found.append(("string", source[first : starts[one.end[0] - 1] + one.end[1]]))
        elif depth == 0 and one.type in kinds:
            found.append(("keyword" if keyword.iskeyword(one.string) else kinds[one.type], one.string))
    return found


@pytest.mark.parametrize(
    "file", ["ops/linalg.py", "ops/activation.py", "autograd/rules.py", "optimizers/optimizer.py", "errors.py"]
)
def test_tokens_are_those_of_pythons_own_tokenizer(views, file):
    source = (Path(glassnet.__file__).parent / file).read_text(encoding="utf-8")
    found = ask(views(), "code", "pythonTokens(v)", source)
    assert "".join(one["text"] for one in found) == source
    ours = [({"call": "name"}.get(one["kind"], one["kind"]), one["text"]) for one in found]
    assert [pair for pair in ours if pair[0] not in ("space", "sign")] == python_tokens(source)


def test_code_has_its_place_line_numbers_and_linked_names(views):
    page = views()
    text = "    def forward(x, w):\n        # w\n        return x @ w  # 'x'\n"
    show(
        page, "code", "{source: v, symbols: {w: 'dense/kernel@0'}}", {"file": "ops/linalg.py", "line": 61, "text": text}
    )
    assert texts(page, ".code-place") == ["ops/linalg.py:61"]
    assert page.locator(".code-line").evaluate_all("(lines) => lines.map((l) => l.dataset.line)") == ["61", "62", "63"]
    assert page.locator(".code-line").all_text_contents() == [
        "def forward(x, w):",
        "    # w",
        "    return x @ w  # 'x'",
    ]
    assert page.locator("[data-ref='dense/kernel@0']").all_text_contents() == ["w", "w"]


# ---------------------------------------------------------------- chart


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7.9), (1e-7, 3e-7), (0.1, 0.7), (-1e6, 5e6)])
@pytest.mark.parametrize("count", [3, 6, 10])
def test_ticks_are_round_even_and_inside(views, low, high, count):
    ticks = ask(views(), "axes", "niceTicks(...v)", [low, high, count])
    assert 2 <= len(ticks) <= count + 1
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    assert round(steps[0] / 10 ** math.floor(math.log10(steps[0] * 1.0000001)), 6) in (1, 2, 5)
    assert low <= ticks[0] <= ticks[-1] <= high


def test_between_whole_numbers_such_as_epochs_there_are_no_ticks(views):
    page = views()
    show(page, "chart", "{title: '', x: 'epoch', y: '', series: [{name: 'L', points: [[1, 0.3], [2, 0.2], [3, 0.1]]}]}")
    assert texts(page, ".axes-number[text-anchor=middle]") == ["1", "2", "3"]


def test_the_tangent_touches_the_curve_at_its_point_with_its_slope(views):
    page = views(viewport={"width": 900, "height": 800})
    points = [[w, (w - 1) ** 2 + 2] for w in np.linspace(-1, 1, 21)]
    show(
        page,
        "chart",
        """{title: 'L', x: 'w', y: 'loss', series: [{name: 'L', points: v}],
          tangent: {x: 0, y: 3, slope: -2, label: 'slope −2'}}""",
        points,
    )
    path = [tuple(map(float, pair.split())) for pair in page.locator("path.series").get_attribute("d")[1:].split("L")]
    line = [float(page.locator(".tangent-line").get_attribute(name)) for name in ("x1", "y1", "x2", "y2")]
    scale_x = (path[-1][0] - path[0][0]) / 2
    scale_y = (path[-1][1] - path[0][1]) / (points[-1][1] - points[0][1])
    assert (line[3] - line[1]) / (line[2] - line[0]) == pytest.approx(-2 * scale_y / scale_x, rel=0.01)
    at = line[1] + (path[10][0] - line[0]) * (line[3] - line[1]) / (line[2] - line[0])
    assert at == pytest.approx(path[10][1], abs=0.3)
    assert "slope −2" in page.locator("svg[role=img]").get_attribute("aria-label")
    assert page.locator("table tbody tr").count() == 21


def test_a_line_breaks_where_the_loss_is_not_finite_and_labels_keep_apart(views):
    page = views()
    call = "pathOf([[0, 1], [1, NaN], [2, 3], [3, 4]], (x) => x, (y) => y)"
    assert ask(page, "chart", call) == "M0.0 1.0M2.0 3.0L3.0 4.0"
    labels = [{"name": name, "at": at} for name, at in [("a", 100), ("b", 101), ("c", 102), ("d", 20)]]
    moved = ask(page, "chart", "movedApart(v, 110)", labels)
    assert [one["name"] for one in moved] == ["a", "b", "c", "d"]
    places = sorted(one["at"] for one in moved)
    assert min(np.diff(places)) >= 18
    assert places[-1] <= 110


# ---------------------------------------------------------------- plane

PLANE = """{title: 'plane', array: array(v.array), points: v.points, lines: v.lines, classes: ['no', 'yes'],
  x: {range: [0, 1], label: 'x₁'}, y: {range: [0, 1], label: 'x₂'}}"""


def test_contours_and_zero_lines_lie_where_the_numbers_change_sign(views):
    page = views()
    rows, columns = np.mgrid[:20, :30]
    lines = ask(
        page, "boundary", "contourLines(v, 20, 30, 0.25)", ((rows * 2.0 + columns - 25.3) / 10).ravel().tolist()
    )
    assert len(lines) > 20
    for x1, y1, x2, y2 in lines:
        assert (2 * y1 + x1 - 25.3) / 10 == pytest.approx(0.25)
        assert (2 * y2 + x2 - 25.3) / 10 == pytest.approx(0.25)
    clip = "clipLine(v, [0, 1], [0, 2])"
    assert sorted(ask(page, "boundary", clip, {"a": 1, "b": 1, "c": -1.5})) == sorted([0, 1.5, 1, 0.5])
    assert ask(page, "boundary", clip, {"a": 1, "b": 1, "c": 5}) is None


def test_the_plane_tells_what_the_network_says_at_a_place(views):
    page = views()
    share = np.tile(np.linspace(0.05, 0.95, 10), (10, 1))
    points = [{"x": 0, "y": 1, "kind": 0, "name": "first"}, {"x": 1, "y": 0, "kind": 1, "name": "second"}]
    show(
        page,
        "boundary",
        PLANE,
        {
            "array": array(share, "plane", "act"),
            "points": points,
            "lines": [{"a": 1, "b": -1, "c": 0, "name": "h₀ = 0"}],
        },
    )
    page.locator("[role=grid]").focus()
    page.keyboard.press("End")
    assert texts(page, "[role=gridcell]") == ["x₁ = 0.95, x₂ = 0.95: yes with probability 0.95"]
    assert texts(page, "tbody tr") == ["01nofirst", "10yessecond"]
    assert page.locator(".boundary-plane circle").count() == 1
    assert page.locator(".boundary-plane polygon").count() == 1
    assert texts(page, ".zero-line-name") == ["h₀ = 0"]


def test_several_classes_are_told_by_the_most_probable(views):
    page = views()
    share = np.zeros((10, 10, 3))
    share[:, :5, 2], share[:, 5:, 1] = 1, 1
    call = PLANE.replace("['no', 'yes']", "['a', 'b', 'c']")
    show(page, "boundary", call, {"array": array(share, "plane", "act"), "points": [], "lines": []})
    left, right = pixel(page, 20, 100), pixel(page, 300, 100)
    assert left[0] > left[2], "orange for the third class"
    assert right[0] > right[1], "pink for the second"
    page.locator("[role=grid]").focus()
    page.keyboard.press("ArrowRight")
    assert "c with probability 1" in texts(page, "[role=gridcell]")[0]


# ---------------------------------------------------------------- images


def test_images_are_buttons_and_those_left_out_are_counted(views):
    page = views()
    images = [
        {"array": array(np.ones((1, 64)), role="input"), "caption": f"4 → {i}", "words": f"image {i}"} for i in range(9)
    ]
    options = """{title: 'worst', image: [8, 8], most: 7, onpick: (i) => calls.push(i),
      images: v.map((one) => ({...one, array: array(one.array)}))}"""
    show(page, "imagegrid", options, images)
    assert page.get_by_role("button").count() == 7
    assert "and 2 more" in page.locator(".imagegrid").text_content()
    page.get_by_role("button", name="image 3").press("Enter")
    assert page.evaluate("calls") == [3]
    assert pixel(page, 30, 30) == (27, 31, 36)


# ---------------------------------------------------------------- all of them


ALL_VIEWS = """(v) => {
  const [title, small, large] = [v.name, array(v.small), array(v.large)];
  const axis = { range: [0, 1], label: title };
  const curves = [{ name: title, points: v.curve }, { name: "other", points: v.curve }];
  const stages = [array(v.digit), small, large, array(v.one)];
  const image = { array: array(v.digit), caption: title, note: title, words: title };
  show(flow({ stages: stages.map((value, i) => ({ id: `${i}`, title, value, gradient: large })), written: ["1"] }));
  show(heat({ array: small, title }));
  show(heat({ array: large, title }));
  show(waterfall({ title, terms: v.terms, bias: { label: title, value: 1, ref: title },
    total: { label: title, value: 33, ref: "z" } }));
  show(unitgrid({ array: large, title, biases: small, orders: { contribution: small.data, gradient: small.data } }));
  show(lens({ array: large, title }));
  show(ribbon({ title, factors: v.factors, others: { count: 3, value: 0.5, size: 0.5, kind: "paths" }, result: v.factors[3] }));
  show(code({ title, source: { file: title, line: 3, text: `x = '${title}'` }, symbols: { x: title } }));
  show(chart({ title, x: title, y: title, series: curves, tangent: { x: 10, y: 0.1, slope: -0.01, label: title } }));
  show(boundary({ title, array: small, points: v.points, classes: [title, "b"], x: axis, y: axis,
    lines: [{ a: 1, b: 1, c: -1, name: title }] }));
  show(imagegrid({ title, image: [8, 8], images: [image, image] }));
}"""


def show_all(page: Any, name: str = "name") -> None:
    """Every view with `name` wherever a text comes from outside."""
    v = {
        "name": name,
        "small": array(np.linspace(-1, 1, 12).reshape(3, 4), "a@0", "act"),
        "large": array(np.random.default_rng(0).normal(size=(64, 32)), "k@0", "grad"),
        "digit": array(np.linspace(0, 1, 64).reshape(1, 64), "x@0", "input"),
        "one": array(np.array(2.317), "l@0", "act"),
        "terms": [{**term, "label": name} for term in terms(np.linspace(-1, 2, 64))],
        "points": [{"x": 0.2, "y": 0.3, "kind": 1, "name": name}],
        "curve": [[i, 1 / (i + 1)] for i in range(30)],
        "factors": [{**factor, "name": name, "words": name} for factor in factors(0.5, -2, 1, 0.25)],
    }
    page.evaluate(ALL_VIEWS, v)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_markup_in_a_text_stays_text(views):
    page = views()
    show_all(page, HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, b").count() == 0
    assert page.locator(".view-title", has_text=HOSTILE).count() >= 9


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows_or_is_too_small_to_read(views, theme, width):
    page = views(viewport={"width": width, "height": 844}, color_scheme=theme)
    show_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate("""[...document.querySelectorAll('body *')].filter((node) => [...node.childNodes].some((child) =>
        child.nodeType === 3 && child.data.trim())).map((node) => Number.parseFloat(getComputedStyle(node).fontSize))""")
    assert min(sizes) >= 12


OVERLAPS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const boxes = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || node.parentElement.closest(".visually-hidden, .view-scroll, .flow, .code-text")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push({ text: node.data, box });
  }
  const hit = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => hit(a.box, b.box)).map((b) => [a.text, b.text]));
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_no_two_texts_overlap(views, width):
    page = views(viewport={"width": width, "height": 844})
    show_all(page)
    assert page.evaluate(OVERLAPS) == []


def test_views_of_one_layer_stay_small(views):
    page = views()
    show_all(page)
    assert page.locator("body *").count() < 1200


def test_axe_finds_nothing_serious(views):
    page = views()
    show_all(page)
    assert findings(page) == []


def test_a_layer_of_100_000_weights_is_one_painting_and_few_nodes_however_often_it_is_drawn_again(views):
    page = views()
    for view, options in [("heat", "{array: array(v)}"), ("unitgrid", "{array: array(v), image: [28, 28]}")]:
        show(page, view, options, kernel())
        with paintings(page, "body") as counts:
            page.evaluate("(v) => view.update({ array: array(v) })", kernel())
        assert counts == [1], view
        assert page.locator(f".{view} *").count() < 40


def test_an_update_keeps_the_focus(views):
    page = views()
    show_all(page)
    for view, selector in [("heat", "[role=grid]"), ("unitgrid", "[role=grid]"), ("lens", "table")]:
        page.evaluate(
            f"(v) => {{ document.body.replaceChildren(); show({view}({{array: array(v)}})) }}", array(np.ones((20, 20)))
        )
        page.locator(selector).focus()
        page.evaluate("(v) => view.update({array: array(v)})", array(-np.ones((20, 20))))
        assert page.evaluate("document.activeElement.getAttribute('role')") == "grid"
