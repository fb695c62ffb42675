"""The drawings of whole pages: nothing covers anything, a large batch stays readable, the route is Python's.

Oracles are the geometry of the page, NumPy, glassnet's own derivatives and Python's route.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from web.viewkit import array, go, show, texts

import glassnet as gn
from glassnet.explain.page import explain
from glassnet.explain.route import strongest_route

BOXES = "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
LOGITS = gn.losses.SparseCategoricalCrossentropy(from_logits=True)


def covers(a: dict[str, float], b: dict[str, float]) -> bool:
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    return across > 0.5 and min(a["bottom"], b["bottom"]) - max(a["top"], b["top"]) > 0.5


def xor() -> Any:
    gn.utils.set_random_seed(3)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
    long = gn.initializers.Constant(-0.012345)
    hidden = gn.layers.Dense(3, "tanh", bias_initializer=long, name="hidden")
    model = gn.Sequential([hidden, gn.layers.Dense(1, "sigmoid", bias_initializer=long, name="output")])
    y = np.array([[0], [1], [1], [0]], dtype="float32")
    return explain(model, x, y, "mse", gn.optimizers.SGD(0.5), columns=["x1", "x2"])


def moons(samples: int) -> Any:
    gn.utils.set_random_seed(1)
    x, y = gn.datasets.toy.moons(samples=samples, noise=0.1, seed=0)
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(8, "tanh"), gn.layers.Dense(2, "softmax")])
    return explain(model, x, y, "sparse_categorical_crossentropy", "sgd")


# ---------------------------------------------------------------- nodes and links


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_notes_and_circles_of_a_small_network_keep_apart_and_inside(ready: Callable[..., Any], width: int):
    page = ready(xor().html, viewport={"width": width, "height": 844})
    for step in range(8):
        go(page, step=step)
        labels = page.locator(".label rect").evaluate_all(BOXES)
        circles = page.locator(".node circle:not(.node-route)").evaluate_all(BOXES)
        assert len(labels) == 9
        assert not any(covers(a, b) for a, b in combinations([*labels, *circles], 2))
        drawing = page.locator(".nodelink-drawing").bounding_box()
        for note in page.locator(".unit-note").evaluate_all(BOXES):
            assert drawing["x"] <= note["left"] <= note["right"] <= drawing["x"] + drawing["width"]


def test_on_a_phone_the_drawing_scrolls_in_its_frame_to_the_layer_at_work(ready: Callable[..., Any]):
    page = ready(xor().html, viewport={"width": 390, "height": 844})
    frame = page.locator(".nodelink")
    places = {}
    for name, step in (("first", 0), ("second", 1), ("second back", 4), ("first back", 5)):
        go(page, step=step)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        places[name] = frame.evaluate("(node) => node.scrollLeft")
    assert places["first"] == places["first back"]
    assert places["second"] == places["second back"] > places["first"] + 150


# ---------------------------------------------------------------- planes


def test_in_a_large_batch_samples_are_dots_and_the_explained_one_stands_out(ready: Callable[..., Any]):
    made = moons(200)
    page = ready(made.html)
    chosen = int(strongest_route(made.trace)[0].partition("[")[2].partition(",")[0])
    for plane in (".boundary-overlay", ".hidden-plane"):
        marks = page.locator(f"{plane} .boundary-mark")
        assert marks.count() == 200
        boxes = marks.evaluate_all(BOXES)
        assert max(box["width"] for box in boxes[:-1]) <= 10 < boxes[-1]["width"]
        kinds = marks.evaluate_all("(all) => all.map((one) => one.getAttribute('fill'))")
        assert len(set(kinds)) == 2
    assert texts(page, ".hidden-plane .hidden-sample text") == [str(chosen + 1)]


PLANE = """{title: 'plane', array: array(v.array), points: v.points, lines: v.lines, classes: ['a', 'b', 'c'], chosen: v.chosen,
  x: {range: [0, 1], label: 'x'}, y: {range: [0, 1], label: 'y'}}"""


def test_of_very_many_samples_some_are_drawn_and_the_plane_says_so(views):
    page = views()
    points = [{"x": i / 1000, "y": i / 1000, "kind": i % 3, "name": str(i), "ref": f"p[{i}]"} for i in range(1000)]
    show(page, "boundary", PLANE, {"array": array(np.ones((9, 9))), "points": points, "lines": [], "chosen": 500})
    refs = page.locator(".boundary-overlay .boundary-mark").evaluate_all("(all) => all.map((one) => one.dataset.ref)")
    assert 300 < len(refs) <= 401
    assert refs[-1] == "p[500]"
    assert len(set(refs)) == len(refs)
    assert texts(page, ".view-status")[0].endswith(f"{len(refs)} of 1\u202f000 samples are drawn.")


def test_names_of_zero_lines_cover_neither_samples_nor_each_other_nor_leave_the_plane(views):
    page = views()
    rng = np.random.default_rng(2)
    points = [{"x": x, "y": y, "kind": 0, "name": "p"} for x, y in rng.uniform(0.3, 0.7, (60, 2))]
    lines = [
        {"a": a, "b": b, "c": -(a + b) / 2, "name": f"unit {i}"} for i, (a, b) in enumerate(rng.normal(size=(8, 2)))
    ]
    show(page, "boundary", PLANE, {"array": array(np.ones((9, 9))), "points": points, "lines": lines, "chosen": 0})
    names = page.locator(".zero-line-name").evaluate_all(BOXES)
    assert len(names) >= 4
    assert page.locator(".zero-line").count() == 8
    marks = page.locator(".boundary-overlay .boundary-mark:not(.is-chosen)").evaluate_all(BOXES)
    plane = page.locator(".boundary-plane .picture").evaluate_all(BOXES)[0]
    for at, name in enumerate(names):
        assert plane["left"] - 1 <= name["left"] <= name["right"] <= plane["right"] + 1
        inner = {**name, "top": name["top"] + 2, "bottom": name["bottom"] - 2}
        assert not any(covers(inner, other) for other in [*names[:at], *marks])


# ---------------------------------------------------------------- the route and its ribbons


class Difference(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return 0.25 * inputs - inputs


def network(kind: str) -> Any:
    """A network that is no plain chain of dense layers, on three samples."""
    gn.utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    layers = gn.layers
    if kind.startswith("rnn"):
        recurrent = layers.SimpleRNN(6, unroll=kind == "rnn unrolled", name="rnn")
        model = gn.Sequential([gn.Input((5, 3)), recurrent, layers.Dense(4, name="last")])
        return explain(model, rng.normal(size=(3, 5, 3)).astype("float32"), np.array([0, 1, 3]), LOGITS, "sgd")
    inputs = gn.Input((20,))
    hidden = layers.Dense(16, "gelu" if kind == "gelu" else "relu", name="a")(inputs)
    if kind == "residual":
        hidden = layers.Add(name="add")([hidden, layers.Dense(16, "relu", name="b")(hidden)])
    if kind == "difference":
        hidden = Difference(name="difference")(hidden)
    model = gn.Model(inputs, layers.Dense(4, name="last")(hidden))
    return explain(model, rng.normal(size=(3, 20)).astype("float32"), np.array([0, 1, 3]), LOGITS, "sgd")


@pytest.mark.parametrize("kind", ["residual", "gelu", "difference", "rnn", "rnn unrolled"])
def test_page_and_python_find_the_same_route_and_its_weights_can_be_wiggled(modules, kind: str):
    made = network(kind)
    page = modules(made)
    found = page.evaluate("strongestRoute(window.__glass.trace)")
    expected = strongest_route(made.trace)
    assert found[: len(expected)] == expected
    wiggled = page.evaluate(
        "window.__glass.trace.wiggle.map(({tensor, cell}) => `${window.__glass.trace.tensors[tensor].ref}[${cell}]`)"
    )
    weights = {ref for ref in found if "kernel@0[" in ref}
    assert len(weights) >= (1 if kind == "rnn" else 2)
    assert weights <= set(wiggled)


LINES = """([tensor, cell]) => {
  const { trace } = window.__glass;
  const lines = chainLines(trace, trace.tensor(tensor), cell, strongestRoute(trace));
  return lines.map(({ factors, others, result }) => ({ names: factors.map(({ label }) => label), result: result.label,
    values: factors.map(({ value }) => value), others: others && others.value, gradient: result.value }));
}"""


@pytest.mark.parametrize("kind", ["residual", "gelu", "rnn", "rnn unrolled"])
def test_a_ribbon_names_its_factors_and_none_is_the_gradient_itself(modules, kind: str):
    made = network(kind)
    page = modules(made)
    for ref in made.trace.refs("param"):
        weight = made.trace[ref]
        if weight.grad is None:
            continue
        cell = tuple(int(at) for at in np.argwhere(made.trace.tensors[weight.grad].array)[0])
        lines = page.evaluate(LINES, [made.trace.tensors[weight.grad].ref, list(cell)])
        for line in lines:
            assert line["result"] not in line["names"]
            assert not any(name.startswith(("add", "place", "Σ")) for name in line["names"])
            product = np.prod(line["values"]) + (line["others"] or 0)
            assert product == pytest.approx(line["gradient"], rel=1e-4, abs=1e-8)


def test_a_name_in_a_ribbon_breaks_before_a_sign_and_not_after_it(views):
    page = views(viewport={"width": 200, "height": 600})
    factor = {"name": "softmax − truth + correction[0,9]", "value": -0.5, "ref": "a"}
    result = {"name": "g", "value": -0.5, "ref": "g"}
    show(page, "ribbon", "v", {"factors": [factor], "others": None, "result": result})
    name = page.locator(".ribbon-name").first.text_content()
    assert name == "softmax −\u00a0truth +\u00a0correction[0,9]"


# ---------------------------------------------------------------- pushes


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "tanh"])
def test_at_a_kink_a_push_takes_the_slope_that_the_operation_itself_takes(modules, activation: str):
    gn.utils.set_random_seed(2)
    model = gn.Sequential([gn.Input((12,)), gn.layers.Dense(12, activation), gn.layers.Dense(3)])
    x = np.random.default_rng(0).normal(size=(1, 12)).astype("float32")
    kernel, bias, *others = model.get_weights()
    kernel[:, :6], bias[8] = 0, 0  # six units are exactly 0
    model.set_weights([kernel + 0.0, bias, *others])
    made = explain(model, x, np.array([1]), LOGITS, "sgd")
    slopes = modules(made).evaluate("""async () => {
      const { pushesOf } = await import("/pushes.js");
      const { trace } = window.__glass;
      const first = trace.ops.find(({ op }) => op === "linear").writes[0];
      return [...pushesOf(trace, 0).slopes.get(first)];
    }""")
    z = made.trace.tensors[next(op for op in made.trace.ops if op.name == "linear").writes[0]].array
    assert (z[0, :6] == 0).all()
    expected = gn.grad(lambda z: model.layers[1](model.layers[0].activation(z))[0, 1])(gn.Tensor(z.astype("float32")))
    np.testing.assert_allclose(slopes, np.asarray(expected)[0], rtol=1e-4, atol=1e-6)
