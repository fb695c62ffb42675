"""The explain page in a browser: the acceptance list of the design, on an XOR network and on small classifiers.

Oracles: the arrays of the trace itself, NumPy's optimizer formulas, the accessibility tree, and the rule that a page with
one wrong byte must not call itself right.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web.viewkit import DONE, go

import glassnet as gn
from glassnet.explain import explain, trace
from glassnet.explain.page import page

Opened = Callable[..., Any]
XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR_Y = np.array([[0], [1], [1], [0]], "float32")
PLACES = """() => { const { trace, selection } = window.__glass; const { step, granularity, route } = selection.get();
  const { moment, ref } = trace.view(selection.get()); return { step, granularity, route, phase: moment.phase, ref }; }"""
SHOWN = """() => { const copy = document.getElementById("page").cloneNode(true);
  copy.querySelectorAll("[hidden]").forEach((node) => node.replaceChildren());
  return copy.outerHTML.replace(/view-\\d+/g, "view"); }"""


def xor(optimizer: Any = "sgd", dtype: str = "float32", name: str = "hidden") -> Any:
    gn.utils.set_random_seed(0)
    model = gn.Sequential(
        [
            gn.Input((2,), dtype=dtype),
            gn.layers.Dense(3, activation="tanh", dtype=dtype, name=name),
            gn.layers.Dense(1, activation="sigmoid", dtype=dtype, name="output"),
        ],
        name="xor",
    )
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    model.fit(XOR_X, XOR_Y, epochs=2, verbose=0)
    return model


def classifier(units: int = 16, inputs: int = 64, **options: Any) -> Any:
    gn.utils.set_random_seed(0)
    layers = [
        gn.layers.Dense(units, activation="relu", name="hidden"),
        gn.layers.Dense(10, activation="softmax", name="output"),
    ]
    model = gn.Sequential([gn.Input((inputs,)), *layers], name="classifier")
    model.compile(optimizer=options.get("optimizer", "adam"), loss="sparse_categorical_crossentropy")
    return model


def image(size: int) -> Any:
    """Something with a fifth of its pixels inked, as a digit has."""
    rng = np.random.default_rng(1)
    return (rng.random((1, size)) * (rng.random((1, size)) < 0.2)).astype("float32")


def number(text: str) -> float:
    """A number as the page writes it: +8.377×10⁻⁵."""
    mantissa, _, power = text.replace("−", "-").partition("×10")
    return float(mantissa) * 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


@pytest.fixture(scope="module")
def xor_step() -> Any:
    return trace(xor(), XOR_X, XOR_Y)


@pytest.fixture(scope="module")
def xor_page(xor_step: Any) -> str:
    return page(xor_step, columns=["x1", "x2"])


@pytest.fixture(scope="module")
def mnist_page() -> str:
    """A page of the size of MNIST, 784-128-10, with Adam."""
    return explain(classifier(128, 784), image(784), np.array([3]), image=(28, 28)).html


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


# ---------------------------------------------------------------- E4: the tour


def test_keys_and_buttons_lead_through_the_phases_in_order(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    phases = [tab.evaluate(PLACES)["phase"]]
    while tab.is_enabled("[data-testid=next]"):
        tab.keyboard.press("ArrowRight")
        phases.append(tab.evaluate(PLACES)["phase"])
    assert phases == sorted(phases, key=["forward", "loss", "backward", "update"].index)
    assert phases == ["forward"] * 2 + ["loss"] + ["backward"] * 3 + ["update"] * 2
    tab.keyboard.press("Home")
    assert tab.evaluate(PLACES)["step"] == 0
    tab.keyboard.press("End")
    assert tab.evaluate(PLACES)["step"] == len(phases) - 1
    tab.click("[data-testid=back]")
    assert tab.evaluate(PLACES)["step"] == len(phases) - 2


def test_the_address_leads_to_every_state(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    for by in ("layer", "op", "number"):
        tab.click(f"[data-testid=by-{by}]")
        go(tab, step=5, pinned="hidden/kernel@0[1,2]")
        wanted, address = tab.evaluate(PLACES), tab.url
        assert (wanted["granularity"], wanted["step"]) == (by, 5)
        tab.goto("about:blank")
        tab.goto(address)
        tab.wait_for_selector(DONE)
        assert tab.evaluate(PLACES) == wanted


@pytest.mark.parametrize("route", ["zzz", "x[0,0]"])
def test_an_address_whose_route_leads_nowhere_gives_the_tour_of_the_operations(
    ready: Opened, xor_step: Any, xor_page: str, route: str
) -> None:
    tab = ready(xor_page)
    address = tab.url.partition("#")[0]
    tab.goto("about:blank")
    tab.goto(f"{address}#by=number&route={route}")
    tab.wait_for_selector(DONE)
    count = tab.evaluate("() => window.__glass.trace.view(window.__glass.selection.get()).count")
    assert count == sum(op.inside_of is None for op in xor_step.ops)


def test_going_back_restores_the_same_page(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    seen = []
    for step in range(8):
        go(tab, step=step)
        seen.append(tab.evaluate(SHOWN))
    assert len(set(seen)) == 8
    for step in reversed(range(8)):
        go(tab, step=step)
        assert tab.evaluate(SHOWN) == seen[step], f"step {step}"


def test_the_step_card_has_its_seven_parts_at_every_operation(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    tab.click("[data-testid=by-op]")
    parts = ["words", "shapes", "formula", "numbers", "code", "pictures", "check"]
    for step in range(tab.evaluate("() => window.__glass.trace.view(window.__glass.selection.get()).count")):
        go(tab, step=step)
        shown = tab.evaluate("""() => [...document.querySelectorAll(".step-card > [data-part]")]
          .map((part) => [part.dataset.part, part.innerText.trim()])""")
        assert [name for name, _ in shown] == parts
        assert all(words for _, words in shown), (step, shown)
        assert dict(shown)["check"].splitlines()[-1].startswith("✓"), step


def test_pointing_at_a_weight_marks_it_in_formula_code_and_pictures(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    go(tab, step=0, pinned="hidden/linear[0,1]")
    for place in (".card-formula", ".card-numbers", ".card-code"):
        go(tab, ref="")
        tab.locator(f"{place} [data-ref^='hidden/kernel@0[']").last.hover()
        ref = tab.evaluate("() => window.__glass.selection.get().ref")
        for other in (".card-formula", ".card-numbers", ".card-code"):
            assert tab.locator(f"{other} .is-linked[data-ref='{ref}']").count(), (place, other, ref)


def test_the_presenter_shows_one_thing_after_the_other(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    slide = "() => [document.documentElement.dataset.slide ?? '', window.__glass.selection.get().step].join()"
    tab.keyboard.press("p")
    seen = [tab.evaluate(slide)]
    for key in ["ArrowRight"] * 5 + ["ArrowLeft"]:
        tab.keyboard.press(key)
        seen.append(tab.evaluate(slide))
    assert seen == ["words,0", "stage,0", "formula,0", "numbers,0", "code,0", "words,1", "code,0"]
    assert tab.is_hidden("[data-testid=card-formula]")
    assert tab.is_visible("[data-testid=card-code]")
    tab.keyboard.press("Escape")
    assert tab.evaluate(slide) == ",0"
    assert tab.is_visible("[data-testid=card-formula]")


def test_the_sample_of_a_batch_is_a_visible_choice(ready: Opened, xor_step: Any, xor_page: str) -> None:
    tab = ready(xor_page)
    go(tab, step=1, pinned="output/sigmoid[0,0]")
    for sample in (3, 1):
        tab.select_option("[data-testid=sample]", str(sample))
        assert tab.evaluate(PLACES)["ref"] == f"output/sigmoid[{sample},0]"
        assert tab.input_value("[data-testid=sample]") == str(sample)
        value = float(xor_step["output/sigmoid"].array[sample, 0])
        shown = tab.inner_text(".flow-tile[data-stage='output/sigmoid'] .flow-number")
        assert number(shown) == pytest.approx(value, rel=1e-3)


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


# ---------------------------------------------------------------- E9, E10: layout, size and speed

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
    nodes: document.querySelectorAll("*").length,
  };
}"""


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_every_step_fits_the_screen(ready: Opened, xor_page: str, mnist_page: str, size: tuple[int, int]) -> None:
    for text in (xor_page, mnist_page):
        tab = ready(text, viewport={"width": size[0], "height": size[1]})
        for step in range(8):
            go(tab, step=step)
            found = tab.evaluate(LAYOUT)
            assert found["small"] == [], step
            assert found["overlaps"] == [], step
            assert found["wide"] <= 0, step
            assert found["nodes"] <= 2000, step


def test_a_page_of_mnist_size_is_there_within_a_second_and_a_half_and_steps_within_a_tenth(
    ready: Opened, mnist_page: str
) -> None:
    tab = ready(mnist_page)
    starts = []
    for _ in range(3):  # the best of three: other programs may hold the machine up
        starts.append(tab.evaluate("() => performance.getEntriesByName('first step')[0].startTime"))
        tab.reload()
        tab.wait_for_selector(DONE)
    assert min(starts) <= 1500
    rounds = tab.evaluate("""() => [0, 1, 2].map(() => window.__glass.trace.steps.map((_, step) => {
      const start = performance.now();
      window.__glass.selection.set({ step });
      document.body.getBoundingClientRect();
      return performance.now() - start;
    }))""")
    best = np.min(rounds, axis=0)
    assert best.max() <= 100, best


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_or_its_main_rules_find_nothing_serious(ready: Opened, xor_page: str, scheme: str) -> None:
    tab = ready(xor_page, color_scheme=scheme, bypass_csp=True)
    for step in (0, 2, 4, 6):
        go(tab, step=step)
        assert findings(tab) == [], step


def findings(tab: Any) -> list[str]:
    """Serious findings of axe-core where $AXE_CORE names its file; else controls without a name or too small to press."""
    axe = os.environ.get("AXE_CORE")
    if axe:
        if not tab.evaluate("() => 'axe' in window"):
            tab.evaluate(Path(axe).read_text("utf-8"))
        found = tab.evaluate("() => axe.run()")["violations"]
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in ("serious", "critical")
        ]
    return tab.evaluate("""() => {
      const named = (node) => node.getAttribute("aria-label") || node.textContent.trim() || node.closest("label");
      return [...document.querySelectorAll("button, select, input, [role=grid]")]
        .filter((node) => node.offsetParent && !(named(node) && node.getBoundingClientRect().height >= 20))
        .map((node) => node.outerHTML.slice(0, 120));
    }""")


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
