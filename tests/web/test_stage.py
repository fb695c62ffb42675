"""The stage of the explain page: what it prints are the numbers of the step, and every sum and product comes out.

Oracles are NumPy on the trace's arrays, the model itself, and Python's own route and number format.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from web.viewkit import MOST_NODES, SIZES, every_step, most_nodes, walk

import glassnet as gn
from glassnet.autograd.worked import format_number
from glassnet.explain.page import explain
from glassnet.explain.wiggle import strongest_route

XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
XOR_Y = np.array([[0], [1], [1], [0]], dtype="float32")
MINUS = "−"

SELECT = "(changes) => window.__glass.selection.set(changes)"
CHAIN = """async ([tensor, cell, route]) => {
  const { trace } = window.__glass;
  const lines = chainLines(trace, trace.tensor(tensor), cell, route);
  return lines.map(({ factors, others, result }) => ({
    factors: factors.map((factor) => factor.value), others: others && others.value, result: result.value,
  }));
}"""


def small(samples: slice = slice(None)) -> Any:
    """XOR, half trained."""
    gn.utils.set_random_seed(5)
    layers = [gn.layers.Dense(3, "tanh", name="dense"), gn.layers.Dense(1, "sigmoid", name="dense_1")]
    model = gn.Sequential(layers)
    model.compile(gn.optimizers.Adam(0.05), "binary_crossentropy")
    model.fit(XOR_X, XOR_Y, epochs=40, verbose=0)
    sgd = gn.optimizers.SGD(0.5)
    made = explain(model, XOR_X[samples], XOR_Y[samples], "binary_crossentropy", sgd, columns=["x1", "x2"])
    return made, model


def digit(samples: int = 1, optimizer: Any = "adam") -> Any:
    """Digits, 64-32-10, after one epoch."""
    gn.utils.set_random_seed(1)
    images, labels = gn.datasets.digits.load_data()[0]
    x = (images.reshape(len(images), -1) / 16).astype("float32")
    layers = [gn.layers.Dense(32, "relu", name="dense"), gn.layers.Dense(10, "softmax", name="dense_1")]
    model = gn.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, labels, epochs=1, verbose=0)
    facts = {"classes": [str(n) for n in range(10)], "image": (8, 8)}
    return explain(model, x[4 : 4 + samples], labels[4 : 4 + samples], optimizer=optimizer, **facts)


def large() -> Any:
    """784-128-10, untrained, on a made-up picture."""
    gn.utils.set_random_seed(0)
    layers = [gn.layers.Dense(128, "relu", name="dense"), gn.layers.Dense(10, "softmax", name="dense_1")]
    x = np.random.default_rng(0).random((1, 784), dtype="float32")
    return explain(gn.Sequential(layers), x, np.array([4]), "sparse_categorical_crossentropy", "sgd", image=(28, 28))


@pytest.fixture(scope="module")
def xor() -> Any:
    return small()


@pytest.fixture(scope="module")
def digits() -> Any:
    return digit()


@pytest.fixture
def shown(ready: Callable[..., Any]) -> Callable[..., Any]:
    """An explain page, ready, at a step and with a number pinned."""

    def opened(made: Any, step: int = 0, pinned: str = "", **options: Any) -> Any:
        page = ready(made.html, **options)
        page.evaluate(SELECT, {"step": step, "pinned": pinned})
        return page

    return opened


def number(text: str) -> float:
    return float(text.replace(MINUS, "-").replace("+", ""))


def cell_of(ref: str) -> list[int]:
    return [int(part) for part in ref[ref.index("[") + 1 : -1].split(",")]


# ---------------------------------------------------------------- the drawing of a small network


def test_the_drawing_of_xor_prints_every_weight_bias_and_activation_of_the_sample(shown, xor):
    made, _ = xor
    page = shown(made, step=1)
    texts = set(page.locator(".nodelink-drawing text").all_text_contents())
    sample = cell_of(strongest_route(made.trace)[0])[0]
    for ref in ("dense/kernel@0", "dense_1/kernel@0"):
        assert {format_number(w) for w in made.trace[ref].array.ravel()} <= texts
    for ref in ("dense/bias@0", "dense_1/bias@0"):
        assert {f"b = {format_number(b)}" for b in made.trace[ref].array} <= texts
    for ref in ("dense/linear", "dense_1/linear"):
        assert {f"z = {format_number(z)}" for z in made.trace[ref].array[sample]} <= texts
    assert {format_number(a, 3) for a in made.trace["dense/tanh"].array[sample]} <= texts


def test_gradients_appear_in_the_drawing_as_the_backward_phase_reaches_them(shown, xor):
    made, _ = xor
    page = shown(made, step=3)
    assert page.locator(".label-gradient").count() == 0
    for step, count in ((4, 3), (5, 9)):
        page.evaluate(SELECT, {"step": step})
        assert page.locator(".label-gradient").count() == count
    shown_gradients = {number(text.lstrip("∂ ")) for text in page.locator(".label-gradient text").all_text_contents()}
    exact = made.trace.tensors[made.trace["dense/kernel@0"].grad].array.ravel()
    assert {number(format_number(g)) for g in exact} <= shown_gradients


def test_the_update_prints_old_weight_new_weight_and_change(shown, xor):
    made, _ = xor
    page = shown(made, step=6)
    texts = [text.strip() for text in page.locator(".nodelink-drawing .label text").all_text_contents()]
    words = [text.partition(",")[0] for text in page.locator(".nodelink-drawing .label title").all_text_contents()]
    before, after = made.trace["dense/kernel@0"].array, made.trace["dense/kernel@1"].array
    for old, new in zip(before.ravel(), after.ravel(), strict=True):
        assert f"{format_number(old)} → {format_number(new)}" in words
        assert any(number(text[2:]) == pytest.approx(new - old, rel=1e-3) for text in texts if text.startswith("Δ"))


def test_labels_of_the_drawing_do_not_cover_each_other(shown, xor):
    page = shown(xor[0], viewport={"width": 1280, "height": 800})
    for step in range(8):
        page.evaluate(SELECT, {"step": step})
        boxes = page.locator(".label rect").evaluate_all(
            "(labels) => labels.map((label) => label.getBoundingClientRect().toJSON())"
        )
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                across = min(a["right"], b["right"]) - max(a["left"], b["left"])
                down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
                assert across <= 0 or down <= 0


def test_choosing_a_unit_in_the_drawing_leads_the_route_through_it(shown, xor):
    page = shown(xor[0], step=1)
    for key, ref in (("click", "dense/tanh[2,1]"), ("Enter", "dense/tanh[2,2]")):
        node = page.locator(f'.node[data-ref="{ref}"]')
        if key == "click":
            node.click()
        else:
            node.focus()
            page.keyboard.press(key)
        assert ref in page.evaluate("window.__glass.selection.get().route")


def test_choosing_a_sample_leads_the_route_through_it(shown, xor):
    page = shown(xor[0], step=1)
    page.get_by_test_id("samples").get_by_role("button", name="2", exact=True).click()
    route = page.evaluate("window.__glass.selection.get().route")
    assert route[0] in ("x[1,0]", "x[1,1]")
    assert "dense_1/linear[1,0]" in route
    assert page.locator(".samples tr.is-current").inner_text().split()[0] == "2"


def test_the_plane_shows_what_the_model_predicts(modules, xor):
    made, model = xor
    points = np.random.default_rng(0).uniform(-0.5, 1.5, (20, 2)).astype("float32")
    got = modules(made).evaluate(
        """(points) => {
          const { trace } = window.__glass;
          const plane = { shape: [points.length, 2], data: points.flat() };
          return [...forwardAt(trace, plane, trace.tensor("dense_1/sigmoid"), (weight) => weight)];
        }""",
        points.tolist(),
    )
    np.testing.assert_allclose(got, model.predict(points, verbose=0)[:, 0], rtol=1e-5)


# ---------------------------------------------------------------- closer and closer


def test_mouse_and_keys_lead_from_the_layer_to_a_unit_to_a_weight_and_back(shown, digits):
    page = shown(digits)
    stage = page.get_by_test_id("stage")
    assert stage.get_attribute("data-level") == "overview"
    grid = page.get_by_test_id("unitgrid").get_by_role("grid")
    grid.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert stage.get_attribute("data-level") == "unit"
    assert page.evaluate("window.__glass.selection.get().pinned") == "dense/linear[0,1]"
    page.locator(".slice").nth(1).get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert stage.get_attribute("data-level") == "cell"
    assert page.evaluate("window.__glass.selection.get().pinned") == "dense/kernel@0[8,1]"
    value = digits.trace["dense/kernel@0"].array[8, 1]
    assert np.float32(number(page.locator(".closeup-value").inner_text())) == value
    trail = page.locator(".trail-stops button")
    assert trail.all_text_contents() == ["dense", "unit 1", "W1[8,1]"]
    trail.nth(1).click()
    assert stage.get_attribute("data-level") == "unit"
    trail.nth(0).click()
    assert stage.get_attribute("data-level") == "overview"


@pytest.mark.parametrize(("step", "pixel"), [(0, 20), (0, 0), (5, 20)])  # pixel 0 is never on a route
def test_of_an_opened_pixel_no_other_cell_is_outlined(shown, digits, step, pixel):
    page = shown(digits, step=step, pinned=f"x[0,{pixel}]")
    outlined = page.get_by_test_id("lens").locator(".is-linked")
    assert [cell.get_attribute("data-ref") for cell in outlined.all()] == [
        page.get_by_test_id("cell").locator(".closeup-value").get_attribute("data-ref")
    ]


@pytest.mark.parametrize("unit", [0, 7, 22, 31])
def test_the_waterfalls_visible_parts_add_up_to_the_shown_sum(shown, digits, unit):
    page = shown(digits, pinned=f"dense/linear[0,{unit}]")
    rows = page.get_by_test_id("waterfall").locator(".waterfall-number").all_text_contents()
    *parts, total = [number(text) for text in rows]
    last_digit = 10.0 ** -max(len(text.partition(".")[2]) for text in rows)
    assert len(parts) > 8
    assert abs(sum(parts) - total) <= 0.5 * last_digit * len(parts)
    assert total == pytest.approx(float(digits.trace["dense/linear"].array[0, unit]), abs=last_digit)


def test_the_unit_shows_input_weights_and_their_product_as_equal_pictures(shown, digits):
    page = shown(digits, pinned="dense/linear[0,3]")
    boxes = [picture.bounding_box() for picture in page.locator(".stage-equation .slice .picture").all()]
    assert len(boxes) == 3
    assert len({(box["width"], box["height"]) for box in boxes}) == 1


def test_hovering_one_weight_links_picture_formula_and_code(shown, digits):
    """Acceptance E5, on the whole page."""
    page = shown(digits, pinned="dense/linear[0,3]")
    x, w = digits.trace["x"].array[0], digits.trace["dense/kernel@0"].array[:, 3]
    place = int(np.argmax(np.abs(x * w)))
    ref = f"dense/kernel@0[{place},3]"
    picture = page.locator(".slice").nth(1).locator("canvas")
    box = picture.bounding_box()
    side = box["width"] / 8
    spots = {
        "formula": page.locator(f'.step-card .formula-numbers [data-ref="{ref}"]').first,
        "waterfall": page.locator(f'.waterfall [data-ref="{ref}"]').first,
    }
    picture.hover(position={"x": (place % 8 + 0.5) * side, "y": (place // 8 + 0.5) * side})
    for spot in spots.values():
        assert "is-linked" in spot.get_attribute("class")
    assert page.locator(".step-card .card-code .is-linked").count() > 0
    for spot in spots.values():
        page.mouse.move(0, 0)
        spot.hover()
        marks = page.locator(".slice").nth(1).locator(".picture-mark")
        assert [mark.get_attribute("data-ref") for mark in marks.all()] == [ref]
        assert page.locator(".step-card .card-code .is-linked").count() > 0


# ---------------------------------------------------------------- the route and the chain rule


def test_the_pages_default_route_is_pythons(modules, xor, digits):
    for made in (xor[0], digits, digit(5)):
        got = modules(made).evaluate("strongestRoute(window.__glass.trace)")
        expected = strongest_route(made.trace)
        assert got[: len(expected)] == expected
        assert got[-1] == made.trace.facts["loss_ref"]


@pytest.mark.parametrize(
    "ref", ["dense/linear[0,9]", "x[0,20]", "dense/kernel@0[20,9]", "dense/relu[0,9]", "dense_1/kernel@0[9,7]"]
)
def test_a_route_leads_through_any_number_that_is_asked_for(modules, digits, ref):
    page = modules(digits)
    route = page.evaluate("(through) => strongestRoute(window.__glass.trace, { through })", ref)
    assert ref in route
    assert [name.partition("[")[0] for name in route[:7]] == [
        "x", "dense/kernel@0", "dense/linear", "dense/relu", "dense_1/kernel@0", "dense_1/linear", "dense_1/softmax",
    ]  # fmt: skip
    x, w1, _, a, w2, z2, _ = (cell_of(name) for name in route[:7])
    assert (x[1], a[1], z2[1]) == (w1[0], w1[1], w2[1])
    assert w1[1] == w2[0]


def check_lines(lines: list[dict[str, Any]], gradient: float) -> None:
    assert lines[0]["result"] == pytest.approx(gradient, rel=1e-6)
    for line in lines:
        product = np.prod(line["factors"]) + (line["others"] or 0)
        assert product == pytest.approx(line["result"], rel=2e-5, abs=1e-9)


@pytest.mark.parametrize("samples", [slice(1, 2), slice(3, 4), slice(None)], ids=["01", "11", "batch"])
def test_the_ribbons_factors_multiply_to_the_gradient_of_every_parameter_of_xor(modules, samples):
    made = small(samples)[0]
    page = modules(made)
    route = strongest_route(made.trace)
    for name in ("dense/kernel@0", "dense/bias@0", "dense_1/kernel@0", "dense_1/bias@0"):
        gradient = made.trace.tensors[made.trace[name].grad]
        for cell in np.ndindex(*gradient.array.shape):
            lines = page.evaluate(CHAIN, [gradient.ref, list(cell), route])
            assert len(lines) == 1  # one output: no sum over paths
            assert (lines[0]["others"] is None) == (len(made.trace["x"].array) == 1)
            check_lines(lines, float(gradient.array[cell]))


def test_the_ribbons_factors_multiply_to_the_gradient_along_the_route_of_a_digit(modules, digits):
    route = strongest_route(digits.trace)
    page = modules(digits)
    for ref, sums in ((route[1], 1), (route[4], 0)):
        gradient = digits.trace.tensors[digits.trace[ref.partition("[")[0]].grad]
        lines = page.evaluate(CHAIN, [gradient.ref, cell_of(ref), route])
        assert len(lines) == 1 + sums
        assert lines[0]["others"] is None
        check_lines(lines, float(gradient.array[tuple(cell_of(ref))]))


def residual() -> Any:
    """Two paths to the loss, and a penalty on the weights as a third."""
    gn.utils.set_random_seed(2)
    inputs = gn.Input((4,))
    first = gn.layers.Dense(3, "relu", name="a", kernel_regularizer=gn.regularizers.L2(0.1))(inputs)
    second = gn.layers.Dense(3, "tanh", name="b")(first)
    outputs = gn.layers.Dense(2, "softmax", name="c")(gn.layers.Add(name="add")([first, second]))
    x = np.random.default_rng(4).normal(size=(1, 4)).astype("float32")
    return explain(gn.Model(inputs, outputs), x, np.array([1]), "sparse_categorical_crossentropy", "sgd")


@pytest.mark.parametrize(("ref", "values"), [("grad(a/relu)", 2), ("grad(a/kernel)", 2)])
def test_where_paths_meet_the_ribbon_shows_one_and_the_sum_of_the_others(modules, ref, values):
    made = residual()
    page = modules(made)
    gradient = made.trace[ref].array
    for cell in np.ndindex(*gradient.shape):
        lines = page.evaluate(CHAIN, [ref, list(cell), strongest_route(made.trace)])
        assert lines[0]["others"] is not None
        check_lines(lines, float(gradient[cell]))


def test_the_shown_ribbon_leads_to_the_step_of_a_factor(shown, digits):
    page = shown(digits, step=5)
    page.get_by_test_id("chain").locator(".ribbon-chip", has_text="W2").click()
    assert page.evaluate("window.__glass.trace.view(window.__glass.selection.get()).moment.title") == "dense_1"
    assert page.get_by_test_id("chain").is_hidden()


def test_the_wiggle_view_shows_the_gradient_and_the_slope_found_by_trying(shown, xor):
    made, _ = xor
    page = shown(made, step=5, pinned="dense/kernel@0[1,2]")
    slope, difference = (number(text) for text in page.get_by_test_id("wiggle-numbers").locator("dd").all_inner_texts())
    gradient = made.trace.tensors[made.trace["dense/kernel@0"].grad].array[1, 2]
    assert slope == pytest.approx(float(gradient), rel=1e-3)
    assert difference == pytest.approx(slope, rel=1e-3)


# ---------------------------------------------------------------- the questions of a learner


def test_the_page_answers_which_pixel_pushed_most_its_gradient_its_factors_and_the_update(shown, digits):
    trace = digits.trace
    true = int(trace["y"].array[0])
    x, a = trace["x"].array[0].astype(float), trace["dense/relu"].array[0]
    w1, w2 = trace["dense/kernel@0"].array.astype(float), trace["dense_1/kernel@0"].array.astype(float)
    pushes = x * (w1 @ (np.where(a > 0, 1, 0) * w2[:, true]))
    best = int(np.argmax(pushes))
    page = shown(digits, step=1)
    answer = page.get_by_test_id("push").inner_text()
    assert f"pixel ({best // 8}, {best % 8})" in answer
    assert f"“{true}”" in answer
    assert number(re.search(r"[+−]\d+\.\d+", answer).group()) == pytest.approx(pushes[best], rel=1e-3)

    assert page.get_by_test_id("push-follow").count() == 0  # the route leads through it as it is
    route = page.evaluate("window.__glass.selection.get().route")
    assert tuple(cell_of(route[0])) == (0, best)
    cell = tuple(cell_of(route[1]))
    assert cell[0] == best
    gradient = float(trace.tensors[trace["dense/kernel@0"].grad].array[cell])
    page.evaluate(SELECT, {"step": 5})
    result = page.get_by_test_id("chain").locator(".ribbon-result").first.inner_text()
    assert number(result.split()[-1]) == pytest.approx(gradient, rel=1e-3)

    page.evaluate(SELECT, {"step": 6})
    story = page.get_by_test_id("update-story").first
    before, after = trace["dense/kernel@0"].array[cell], trace["dense/kernel@1"].array[cell]
    told = story.locator(".role-param").all_inner_texts()
    assert [number(text) for text in told] == pytest.approx([before, after], rel=1e-4)
    assert ("goes up" if after > before else "goes down") in story.inner_text()


@pytest.mark.parametrize(("make", "size", "is_off_the_route"), [(digit, 8, False), (large, 28, True)])
def test_at_most_four_clicks_lead_to_the_strongest_pixel_its_weights_gradient_and_its_update(
    shown, make, size, is_off_the_route
):
    made = make()
    trace = made.trace
    page = shown(made)
    page.click("[data-testid=why]")
    row, column = map(int, re.search(r"pixel \((\d+), (\d+)\)", page.get_by_test_id("push").inner_text()).groups())
    assert page.get_by_test_id("push-follow").count() == is_off_the_route
    if is_off_the_route:
        page.click("[data-testid=push-follow]")
    page.click("[data-testid=push-gradient]")
    cell = cell_of(page.evaluate("window.__glass.selection.get().pinned"))
    assert cell[0] == size * row + column
    gradient = trace.tensors[trace["dense/kernel@0"].grad].array[tuple(cell)]
    assert np.float32(number(page.locator(".closeup-value").inner_text())) == gradient
    factors = page.get_by_test_id("chain").locator(".ribbon").first
    assert number(factors.locator(".ribbon-result").inner_text().split()[-1]) == pytest.approx(gradient, rel=1e-3)
    page.click("[data-testid=phase-update]")
    told = page.get_by_test_id("update-story").locator(".role-param").all_inner_texts()
    weights = [trace[f"dense/kernel@{version}"].array[tuple(cell)] for version in (0, 1)]
    assert [number(text) for text in told] == pytest.approx(weights, rel=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_and_change_are_told_with_as_many_decimals_as_the_new_weight_and_add_up_to_it(shown, optimizer):
    page = shown(digit(optimizer=optimizer), step=6)
    found = 0
    for story in page.get_by_test_id("update-story").all():
        before, change, after = story.locator(":is(.role-param, .role-delta)").all_inner_texts()
        texts = [text.replace(MINUS, "-") for text in (before, change, after)]
        assert len({len(text.partition(".")[2]) for text in texts}) == 1, texts
        assert Decimal(texts[0]) + Decimal(texts[1]) == Decimal(texts[2])
        found += 1
    assert found == 2  # of a weight and of a bias
    rows = page.locator(".update-table tr:is(.update-param, .update-delta) .number").all_inner_texts()
    before, change, after = [Decimal(text.replace(MINUS, "-")) for text in rows]
    assert before + change == after


# ---------------------------------------------------------------- nothing covers anything


def test_no_line_crosses_the_words_on_the_slope_of_a_wiggle(shown, xor, digits):
    for made, step in ((xor[0], 5), (digits, 5)):
        page = shown(made, step=step)
        for wiggle in page.evaluate("window.__glass.trace.wiggle"):
            weight = made.trace.tensors[wiggle["tensor"]].ref
            page.evaluate(SELECT, {"pinned": f"{weight}[{','.join(map(str, wiggle['cell']))}]"})
            if not page.get_by_test_id("wiggle").count():
                continue  # of another layer
            crossed = page.get_by_test_id("wiggle").evaluate("""(node) => {
              const label = node.querySelector(".tangent-label").getBBox();
              const points = [...node.querySelectorAll(".tangent-line, path.series")].flatMap((line) =>
                Array.from({ length: 400 }, (_, at) => line.getPointAtLength((at / 399) * line.getTotalLength())));
              return points.some(({ x, y }) => x > label.x && x < label.x + label.width
                && y > label.y + 2 && y < label.y + label.height - 2);
            }""")
            assert not crossed, wiggle


def test_numbers_of_samples_on_the_hidden_plane_cover_neither_each_other_nor_a_mark(shown, xor):
    page = shown(xor[0])
    for step in (0, 1, 6, 7):
        page.evaluate(SELECT, {"step": step})
        boxes = page.locator(".hidden-sample").evaluate_all("""(nodes) => nodes.map((node) =>
          [node.lastChild, node.firstChild].map((part) => part.getBoundingClientRect().toJSON()))""")
        assert len(boxes) == 4
        labels = [label for label, _ in boxes]
        for at, label in enumerate(labels):
            for other in labels[:at] + [mark for _, mark in boxes]:
                across = min(label["right"], other["right"]) - max(label["left"], other["left"])
                down = min(label["bottom"], other["bottom"]) - max(label["top"], other["top"])
                assert across <= 1 or down <= 3, (step, at)  # of the line above and below the digits


# ---------------------------------------------------------------- size, and every stop of the tour


def test_a_step_of_784_by_128_has_at_most_2000_nodes(shown):
    made = large()
    assert most_nodes(shown(made), every_step(made)) <= MOST_NODES


def test_tensors_too_large_to_embed_are_told_by_their_range(shown, monkeypatch):
    monkeypatch.setattr(importlib.import_module("glassnet.explain.page"), "MOST_VALUES", 2000)
    made = digit()
    page = shown(made)
    assert format_number(made.trace["dense/kernel@0"].array.max()) in page.locator(".stage-tile").inner_text()
    for step in range(8):
        page.evaluate(SELECT, {"step": step})
        assert page.locator(".stage-body > *").count() > 0


def test_numbers_that_are_not_finite_are_hatched_and_counted(shown):
    gn.utils.set_random_seed(0)
    layers = [gn.layers.Dense(20, "relu", name="dense"), gn.layers.Dense(3, "softmax", name="dense_1")]
    model = gn.Sequential(layers)
    x = np.ones((1, 30), dtype="float32")
    model(x)
    kernel, *others = model.get_weights()
    kernel[4, 7] = np.nan
    model.set_weights([kernel, *others])
    page = shown(explain(model, x, np.array([1]), "sparse_categorical_crossentropy", "sgd"), pinned="dense/linear[0,7]")
    assert page.locator(".slice").nth(1).locator(".legend-note").inner_text().startswith("1 ")
    assert "NaN" in page.get_by_test_id("waterfall").inner_text()


def test_every_stop_of_the_tour_of_a_batch_has_pictures_that_fit(shown):
    page = shown(digit(3, gn.optimizers.SGD(0.1, momentum=0.9)), viewport={"width": 390, "height": 844})
    for pinned in ("", "dense/kernel@0[20,9]", "dense/linear[1,9]", "x[1,20]", "dense_1/softmax[1,3]"):
        for granularity in ("layer", "op", "number"):
            place = {"pinned": pinned, "granularity": granularity}
            page.evaluate(SELECT, {**place, "step": 0})
            count = page.evaluate("window.__glass.trace.view(window.__glass.selection.get()).count")
            assert count >= 8
            for pictures, wide, _, at in walk(page, [{**place, "step": step} for step in range(count)], SIZES):
                assert pictures > 0, at
                assert wide <= 0, at
