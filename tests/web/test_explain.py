"""The explain page in a browser: the acceptance list of the design, on an XOR network and on small classifiers.

Oracles: the arrays of the trace itself, NumPy's optimizer formulas, the accessibility tree, and the rule that a page with
one wrong byte must not call itself right.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from web.networks import XOR_X, XOR_Y, image, xor
from web.viewkit import DONE, MOST_NODES, go, number, paintings, walk

import glassnet as gn
from glassnet.explain import explain, trace
from glassnet.explain.page import page

Opened = Callable[..., Any]
PLACES = """() => { const { trace, selection } = window.__glass; const { step, granularity, route } = selection.get();
  const { moment, ref } = trace.view(selection.get()); return { step, granularity, route, phase: moment.phase, ref }; }"""
SHOWN = """() => { const copy = document.getElementById("page").cloneNode(true);
  copy.querySelectorAll("[hidden]").forEach((node) => node.replaceChildren());
  return copy.outerHTML.replace(/view-\\d+/g, "view"); }"""


# ---------------------------------------------------------------- E1 to E3: the file, its numbers, its self-check


def test_the_page_asks_for_nothing_and_forbids_itself_to(ready: Opened, xor_page: str) -> None:
    asked: list[str] = []
    tab = ready(xor_page)
    tab.on("request", lambda request: asked.append(request.url))
    tab.reload()
    tab.wait_for_selector(DONE)
    assert [url.rpartition("/")[2] for url in asked] == ["page.html"]
    policy = tab.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_page_holds_the_traced_numbers_bit_for_bit(ready: Opened, dtype: str) -> None:
    step = trace(xor("adam", dtype), XOR_X, XOR_Y)
    found = ready(page(step)).evaluate("() => window.__glass.trace.tensors.map(({ ref, data }) => [ref, [...data]])")
    assert [ref for ref, _ in found] == [tensor.ref for tensor in step.tensors]
    for (ref, data), tensor in zip(found, step.tensors, strict=True):
        assert np.asarray(data, tensor.array.dtype).tobytes() == tensor.array.tobytes(), ref


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_self_check_recomputes_every_result_of_a_small_network(ready: Opened, dtype: str) -> None:
    step = trace(xor("adam", dtype), XOR_X, XOR_Y)
    count = sum(
        step.tensors[n].array.size for op in step.ops for n, name in zip(op.writes, op.outputs) if name in op.targets
    )
    badge = ready(page(step)).locator(DONE)
    assert badge.inner_text().replace("\u202f", "") == f"✓ {count}/{count}"


def test_the_self_check_takes_200_cells_of_a_large_tensor(ready: Opened, mnist_page: str) -> None:
    checked = ready(mnist_page).inner_text(DONE).replace("\u202f", "").removeprefix("✓ ").split("/")
    assert checked[0] == checked[1]
    assert int(checked[0]) > 200 * 8  # two kernels' gradients, new values and both moments


@pytest.mark.parametrize("ref", ["hidden/kernel@0", "grad(hidden/kernel)", "output/kernel@1", "hidden/tanh"])
def test_one_flipped_byte_turns_the_badge_red(ready: Opened, xor_step: Any, ref: str) -> None:
    spoiled = copy.deepcopy(xor_step)
    data = spoiled[ref].array.view(np.uint8)
    data.reshape(-1)[2] ^= 0x40
    tab = ready(page(spoiled))
    assert tab.inner_text(DONE).startswith("✗")
    assert "differ" in tab.get_attribute(DONE, "title")


def test_a_file_that_was_cut_says_so(open_page: Opened, xor_page: str) -> None:
    broken = xor_page.replace('"buffer":"eN', '"buffer":"fN', 1)
    tab = open_page(broken, expect_problems=[])
    assert "damaged" in tab.wait_for_selector("[role=alert]").inner_text()


# ---------------------------------------------------------------- E8: versions and updates


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_updates_follow_the_optimizers_formula_and_backward_never_reads_new_weights(ready: Opened, name: str) -> None:
    optimizer = gn.optimizers.SGD(0.1, momentum=0.9) if name == "momentum" else name
    step = trace(xor(optimizer), XOR_X, XOR_Y)
    tab = ready(page(step))
    found = tab.evaluate("""() => {
      const { trace } = window.__glass;
      const cellOf = (at, shape) => (shape.length > 1 ? [Math.floor(at / shape[1]), at % shape[1]] : [at]);
      const workAll = (op) => op.writes.flatMap(({ ref, shape, data }, output) => [...data].map((_, at) =>
        [ref, cellOf(at, shape), trace.workCell(op, output, cellOf(at, shape)).value]));
      return trace.ops.map((op) => ({ phase: op.phase, versions: op.reads.map(({ version }) => version),
        cells: op.phase === "update" ? workAll(op) : [] }));
    }""")
    assert not [op for op in found if op["phase"] == "backward" and 1 in op["versions"]]
    cells = [cell for op in found for cell in op["cells"]]
    assert {ref for ref, _, _ in cells} >= {"hidden/kernel@1", "hidden/bias@1", "output/kernel@1", "output/bias@1"}
    for ref, cell, value in cells:
        assert value == pytest.approx(float(step[ref].array[tuple(cell)]), rel=1e-5, abs=1e-9), ref


def test_an_update_shows_the_weight_before_and_after_and_what_the_loss_did(
    ready: Opened, xor_step: Any, xor_page: str
) -> None:
    tab = ready(xor_page)
    go(tab, step=6, pinned="hidden/kernel@1[1,2]")
    numbers = [number(text) for text in tab.locator(".update-table .number").all_inner_texts()]
    before, after, slope = (
        float(xor_step[f"{ref}"].array[1, 2]) for ref in ("hidden/kernel@0", "hidden/kernel@1", "grad(hidden/kernel)")
    )
    assert numbers == pytest.approx([before, slope, after - before, after], rel=1e-3)
    words = tab.inner_text("[data-testid=loss-change]").split()
    assert [number(words[-3]), number(words[-1])] == pytest.approx(
        [xor_step.facts["loss_before"], xor_step.facts["loss_after"]], rel=1e-3
    )


def steps_too_far(rate: float) -> Any:
    return explain(xor(), XOR_X, XOR_Y, optimizer=gn.optimizers.SGD(rate))


def promised(step: Any) -> float:
    """The change of the loss if its slope stayed the same: gradient times change, over all weights."""
    names = ("hidden/kernel", "hidden/bias", "output/kernel", "output/bias")
    changes = [(step[f"grad({name})"].array * (step[f"{name}@1"].array - step[f"{name}@0"].array)) for name in names]
    return sum(float(change.sum(dtype="float64")) for change in changes)


def test_a_loss_that_rises_because_the_step_was_too_long_is_explained_with_its_numbers(ready: Opened) -> None:
    made = steps_too_far(60.0)
    tab = ready(made.html)
    words = tab.inner_text("[data-testid=loss-rose]")
    before, after = made.trace.facts["loss_before"], made.trace.facts["loss_after"]
    assert after > before
    pattern = r"larger: (\S+) instead of (\S+), (\S+)\. .* changed by (\S+): .* step was too long.* than 60 helps"
    numbers = [number(text) for text in re.search(pattern, words).groups()]
    assert numbers == pytest.approx([after, before, after - before, promised(made.trace)], rel=1e-3)
    assert numbers[-1] < 0
    go(tab, step=7)
    assert tab.inner_text("[data-testid=card-words]").endswith(words)


def test_a_loss_that_rises_because_earlier_gradients_were_followed_is_not_called_a_long_step(ready: Opened) -> None:
    model = xor(gn.optimizers.SGD(0.05, momentum=0.99))
    model.fit(XOR_X, 0 * XOR_Y, epochs=20, verbose=0)
    made = explain(model, XOR_X, 1 + 0 * XOR_Y)
    assert promised(made.trace) > 0
    words = ready(made.html).inner_text("[data-testid=loss-rose]")
    assert "did not go downhill" in words
    assert "too long" not in words


def test_a_loss_that_falls_is_told_at_the_update_only(ready: Opened) -> None:
    made = steps_too_far(0.1)
    tab = ready(made.html)
    assert tab.locator("[data-testid=loss-rose]").count() == 0
    go(tab, step=6)
    words = tab.inner_text("[data-testid=card-words]")
    numbers = re.search(r"is (\S+) instead of (\S+)\.$", words).groups()
    facts = made.trace.facts
    assert [number(text) for text in numbers] == pytest.approx([facts["loss_after"], facts["loss_before"]], rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (gn.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5), "0.025 now (0.1 at the start, decaying)"),
        (gn.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.2]), "0.2 now (0.1 at the start, rising)"),
        (0.1, "0.1"),
    ],
)
def test_a_rate_that_a_schedule_changed_is_told_beside_the_one_it_began_with(
    ready: Opened, rate: Any, words: str
) -> None:
    tab = ready(explain(xor(gn.optimizers.SGD(rate)), XOR_X, XOR_Y).html)  # after two steps
    assert tab.inner_text(".explain-title .label").endswith(f"SGD, learning rate {words}")
    go(tab, step=6)
    assert f"the learning rate is {words}." in tab.inner_text("[data-testid=update-story]")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digits_that_float32_did_not_keep_are_explained_beside_the_numbers(ready: Opened, dtype: str) -> None:
    gn.utils.set_random_seed(0)
    model = gn.Sequential([gn.Input((64,), dtype=dtype), gn.layers.Dense(16, dtype=dtype, name="hidden")])
    step = trace(model, image(64).astype(dtype), np.ones((1, 16), dtype), "mse", "sgd")
    tab = ready(page(step))
    noted = 0
    for unit in range(16):
        go(tab, step=0, pinned=f"hidden/linear[0,{unit}]")
        value = tab.evaluate(
            "() => { const { trace, selection } = window.__glass;"
            " const { op, output, cell } = trace.view(selection.get()); return trace.workCell(op, output, cell).value; }"
        )
        recorded = step["hidden/linear"].array[0, unit]
        differs = dtype == "float32" and np.float32(value) != recorded
        note = tab.locator("[data-testid=rounding]")
        assert note.count() == differs, unit
        if differs:
            noted += 1
            assert f"7 digits: {recorded!s}.".replace("-", "−") in note.inner_text()
    assert noted > 0 or dtype == "float64"


# ---------------------------------------------------------------- every number once, and under a name of its own

SIGNS_AND_TITLES = """() => [...document.querySelectorAll(".stage-body :is(.stage-sign, .view-title, .stage-number)")]
  .map((node) => node.firstChild.textContent)"""


def scaled() -> Any:
    """Two layers that only scale, and a dense one."""
    gn.utils.set_random_seed(0)
    scaling = [gn.layers.Rescaling(0.5, name="scale"), gn.layers.Rescaling(2.0, 1.0, name="shift")]
    layers = [*scaling, gn.layers.Flatten(name="flat"), gn.layers.Dense(3, "softmax", name="out")]
    x = np.arange(16, dtype="uint8").reshape(1, 4, 4)
    return explain(gn.Sequential([gn.Input((4, 4)), *layers]), x, [1], "sparse_categorical_crossentropy", "sgd")


def test_a_layer_that_scales_is_one_line_of_pictures_and_its_result_has_a_name_of_its_own(ready: Opened) -> None:
    made = scaled()
    tab = ready(made.html)
    assert tab.evaluate(SIGNS_AND_TITLES) == ["x", "·", "0.5", "+", "0", "=", "x′"]
    go(tab, step=1)
    assert tab.evaluate(SIGNS_AND_TITLES) == ["x′", "·", "2", "+", "1", "=", "x″"]
    tab.click("[data-testid=by-op]")
    go(tab, step=1)  # after the cast
    assert tab.evaluate(SIGNS_AND_TITLES) == ["x", "·", "0.5", "=", "x · 0.5"]


def test_no_two_buttons_of_a_step_card_are_called_alike(ready: Opened, xor_page: str, mnist_page: str) -> None:
    for text in (xor_page, mnist_page, scaled().html):
        tab = ready(text)
        steps = [{"step": step} for step in range(tab.evaluate("() => window.__glass.trace.steps.length"))]
        rows = """[...document.querySelectorAll(".tab-row")].map((row) =>
          [...row.querySelectorAll(".tab")].map((one) => one.innerText))"""
        for step, found in enumerate(walk(tab, steps, rows)):
            for names in found:
                assert len(names) == len(set(names)), (step, names)


# ---------------------------------------------------------------- E9, E10: layout and size

LAYOUT = """() => {
  const seen = (node) => {
    const { width, height } = node.getBoundingClientRect();
    return width > 2 && height > 2 && !node.closest(".visually-hidden");
  };
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const texts = [...document.querySelectorAll("#page *")].filter((node) => hasText(node) && seen(node));
  const small = texts.filter((node) => parseFloat(getComputedStyle(node).fontSize) < 12);
  const words = texts.filter((node) => node.closest(".step-card, .explain-head") && !node.closest("math, svg, pre"));
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5;
  const overlap = (one, two) => !one.contains(two) && !two.contains(one)
    && [...one.getClientRects()].some((a) => [...two.getClientRects()].some((b) => meet(a, b)));
  const overlaps = words.flatMap((one, at) => words.slice(at + 1).filter((two) => overlap(one, two)).map((two) => [one, two]));
  return {
    small: small.map((node) => node.outerHTML.slice(0, 80)),
    overlaps: overlaps.map((pair) => pair.map((node) => node.textContent.slice(0, 40))),
    wide: document.documentElement.scrollWidth - innerWidth,
    code: Math.max(...[...document.querySelectorAll(".code-text")].map((node) => node.scrollWidth - node.clientWidth)),
    nodes: document.querySelectorAll("*").length,
  };
}"""


def test_every_step_fits_a_desktop_and_a_phone(ready: Opened, xor_page: str, mnist_page: str) -> None:
    for text in (xor_page, mnist_page):
        tab = ready(text)
        for size in ((1280, 800), (390, 844)):
            tab.set_viewport_size({"width": size[0], "height": size[1]})
            for step, found in enumerate(walk(tab, [{"step": step} for step in range(8)], f"({LAYOUT})()")):
                assert found["small"] == [], step
                assert found["overlaps"] == [], step
                assert found["wide"] <= 0, step
                assert found["code"] <= 0, step
                assert found["nodes"] <= MOST_NODES, step


def test_gradients_in_the_strip_leave_the_frame_of_their_shelf_free(
    ready: Opened, xor_page: str, mnist_page: str
) -> None:
    for text in (xor_page, mnist_page):
        tab = ready(text)
        go(tab, step=5)
        rooms = tab.evaluate("""() => [...document.querySelectorAll(".flow-shelf.is-filled canvas")].map((canvas) => {
          const [inner, outer] = [canvas, canvas.parentElement].map((node) => node.getBoundingClientRect());
          return Math.min(inner.left - outer.left, inner.top - outer.top, outer.right - inner.right,
            outer.bottom - inner.bottom);
        })""")
        assert rooms
        assert min(rooms) >= 2  # the frame is 1.5 wide


def test_a_stage_that_never_gets_a_gradient_says_why(ready: Opened, xor_page: str) -> None:
    made = scaled()
    for text, forward, notes in (
        (xor_page, 2, {"input": "not needed", "sigmoid": "fused: p − y at output"}),
        (made.html, 4, {"input": "not needed", "scale": "not needed", "shift": "not needed",
                        "softmax": "fused: p − y at out"}),
    ):  # fmt: skip
        tab = ready(text)
        assert tab.locator(".flow-note").count() == 0  # what is still to come is no reason
        for step in (forward + 1, -1):
            go(tab, step=step if step > 0 else tab.evaluate("() => window.__glass.trace.steps.length - 1"))
            tiles = tab.locator(".flow-tile:has(.flow-note)").all()
            found = {t.locator(".flow-title").inner_text(): t.locator(".flow-note").inner_text() for t in tiles}
            assert found == notes


@pytest.mark.parametrize("width", [1280, 390])
def test_the_formula_of_a_new_shape_names_the_cells_and_fits_its_card(ready: Opened, width: int) -> None:
    model = gn.Sequential([gn.Input((28, 28)), gn.layers.Flatten(name="flatten"), gn.layers.Dense(3)])
    made = explain(model, image(784).reshape(1, 28, 28), np.ones((1, 3), "float32"), "mse", "sgd", image=(28, 28))
    tab = ready(made.html, viewport={"width": width, "height": 844})
    go(tab, step=0, pinned=f"{made.trace.ops[0].name}")
    shown = tab.locator(".card-formula .formula").first
    assert shown.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0
    row, column = divmod(int(re.search(r"0,(\d+)=", re.sub(r"[\s\u200b]", "", shown.inner_text())).group(1)), 28)
    ref = shown.locator("[data-part=read]").first.get_attribute("data-ref")
    assert ref == f"x[0,{row},{column}]"


@pytest.mark.parametrize("width", [390, 360])
def test_on_a_phone_every_control_of_the_bar_can_be_reached(ready: Opened, xor_page: str, width: int) -> None:
    tab = ready(xor_page, viewport={"width": width, "height": 844})
    for name in ("back", "play", "next", "by-layer", "by-op", "by-number", "sample", "present"):
        box = tab.locator(f"[data-testid={name}]").bounding_box()
        assert box is not None, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert box["y"] + box["height"] <= 844, name


def test_on_paper_the_page_is_light_and_whole_and_has_no_controls(
    ready: Opened, xor_page: str, mnist_page: str
) -> None:
    for text in (xor_page, mnist_page):
        tab = ready(text, viewport={"width": 703, "height": 1000}, color_scheme="dark")
        go(tab, step=6)
        tab.emulate_media(media="print")
        go(tab)
        assert tab.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not tab.locator(".transport, .theme-switch, .view-buttons").locator("visible=true").count()
        assert tab.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        cut = tab.evaluate("""() => [...document.querySelectorAll("#page *")]
          .filter((node) => node.scrollWidth > node.clientWidth + 1 && !node.closest(".visually-hidden, .thumbnail"))
          .filter((node) => ["auto", "scroll", "hidden"].includes(getComputedStyle(node).overflowX))
          .map((node) => node.outerHTML.slice(0, 90))""")
        assert cut == []
        corner = tab.evaluate("""() => { const [canvas] = document.querySelectorAll(".flow-picture canvas");
          return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data]; }""")
        assert sum(corner[:3]) > 600 or corner[3] == 0
        tab.emulate_media(media="screen")
        go(tab)
        assert tab.evaluate("() => document.documentElement.dataset.theme ?? ''") == ""
        assert tab.is_visible(".transport")


def test_pictures_are_drawn_for_the_width_of_paper_and_afterwards_for_the_screen_again(
    ready: Opened, xor_page: str
) -> None:
    tab = ready(xor_page, viewport={"width": 1920, "height": 1080})
    go(tab, step=1)
    drawn = "() => Number(document.querySelector('.nodelink-drawing').getAttribute('width'))"
    on_screen = tab.evaluate(drawn)
    tab.evaluate(f"() => matchMedia('print').addEventListener('change', () => (window.drawn ??= ({drawn})()))")
    tab.pdf()
    assert tab.evaluate("() => window.drawn") <= 703 < on_screen  # A4 has 210 mm, less twice 12 mm
    go(tab)
    assert tab.evaluate(drawn) == on_screen


def test_a_page_of_mnist_size_in_which_no_number_is_zero_and_adam_is_under_way_stays_below_3_megabytes() -> None:
    gn.utils.set_random_seed(0)
    layers = [gn.layers.Dense(128, "tanh", name="hidden"), gn.layers.Dense(10, "softmax", name="output")]
    model = gn.Sequential([gn.Input((784,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.random((256, 784), dtype="float32") + np.float32(0.1), rng.integers(0, 10, 256)
    model.fit(x, y, epochs=2, verbose=0)
    made = explain(model, x[:3], y[:3])
    assert all((made.trace[f"hidden/kernel:{slot}@1"].array != 0).all() for slot in "mv")
    assert len(made.html.encode()) <= 3e6


def test_a_step_paints_only_those_pictures_of_the_strip_whose_numbers_it_finds(ready: Opened, mnist_page: str) -> None:
    tab = ready(mnist_page)
    for step, found in ((1, 0), (4, 2), (5, 2), (6, 0)):  # the error at the output's sum, then at the hidden layer
        go(tab, step=step - 1)
        with paintings(tab, ".flow") as counts:
            go(tab, step=step)
        assert counts == [1] * found, step


# ---------------------------------------------------------------- E12: what does not fit


def test_numbers_that_are_not_finite_are_counted_and_their_first_step_is_named(ready: Opened) -> None:
    model = xor()
    kernel = model.get_layer("output").kernel.numpy().copy()
    kernel[1] = np.nan
    model.get_layer("output").kernel.assign(kernel)
    made = explain(model, XOR_X, XOR_Y)
    tab = ready(made.html)
    words = tab.inner_text("[data-testid=not-finite]")
    count = sum(
        int((~np.isfinite(tensor.array)).sum()) for tensor in made.trace.tensors if tensor.array.dtype.kind == "f"
    )
    assert words.startswith(f"{count} numbers are not finite")
    assert "step 2: forward, output" in words
    assert tab.inner_text("[data-testid=loss-change]").endswith(" NaN → NaN")
    tab.click("[data-testid=not-finite] button")
    assert tab.evaluate(PLACES)["step"] == 1
    for step in range(8):
        go(tab, step=step)
    assert tab.inner_text(DONE).startswith("✓")


def test_a_page_without_all_numbers_says_so_and_still_leads_through(
    ready: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassnet.explain.page.MOST_VALUES", 60)
    tab = ready(explain(xor("adam"), XOR_X, XOR_Y).html)
    assert tab.inner_text("[data-testid=partial]").startswith("Not all values are embedded")
    for by in ("layer", "op"):
        tab.click(f"[data-testid=by-{by}]")
        for step in range(tab.evaluate("() => window.__glass.trace.view(window.__glass.selection.get()).count")):
            go(tab, step=step)
    assert tab.inner_text(DONE).startswith("✓")


def test_text_of_the_user_stays_text(ready: Opened) -> None:
    evil = "</script><img src=x onerror=document.title='owned'>"
    model = gn.Sequential(
        [gn.Input((2,)), gn.layers.Dense(2, activation="softmax", name=evil.replace("/", "|"))], name="m"
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    tab = ready(explain(model, XOR_X[:1], np.array([0]), classes=[evil, "b"], columns=[evil, "c"], title=evil).html)
    for step in range(4):
        go(tab, step=step)
    assert tab.locator("img").count() == 0
    assert tab.title() == evil
    assert tab.inner_text("h1") == evil


# ---------------------------------------------------------------- E13: for everybody


def test_the_whole_tour_works_by_keyboard_and_is_read_aloud(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate("() => document.activeElement.dataset.testid") == "next":
            break
    read = []
    for _ in range(3):
        tab.keyboard.press("Enter")
        read.append(tab.inner_text("[data-testid=live]"))
    assert [words.split(".")[1].strip() for words in read] == ["forward, output", "loss, loss", "backward, loss"]


def test_reduced_motion_stops_all_motion(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page, reduced_motion="reduce")
    go(tab, step=4)
    assert tab.evaluate("() => document.getAnimations().filter((one) => one.playState === 'running').length") == 0


def test_in_a_notebooks_frame_the_page_works_too(open_page: Opened, xor_step: Any) -> None:
    made = explain(xor(), XOR_X, XOR_Y)
    tab = open_page(f"<!doctype html><title>notebook</title>{made._repr_html_()}")
    frame = tab.frame_locator("iframe")
    frame.locator(DONE).wait_for()
    frame.locator("[data-testid=next]").click()
    assert frame.locator(".card-place").inner_text().startswith("2")
