"""Reading the explain page in a browser: the tour, its address, the history, and the slides of the presenter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web.viewkit import DONE, go, number, walk

Opened = Callable[..., Any]
PLACES = """() => { const { trace, selection } = window.__glass; const { step, granularity, route } = selection.get();
  const { moment, ref } = trace.view(selection.get()); return { step, granularity, route, phase: moment.phase, ref }; }"""
SHOWN = """() => { const copy = document.getElementById("page").cloneNode(true);
  copy.querySelectorAll("[hidden]").forEach((node) => node.replaceChildren());
  return copy.outerHTML.replace(/view-\\d+/g, "view"); }"""


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


@pytest.mark.parametrize("by", ["layer", "op", "number"])
def test_the_words_of_the_phases_are_buttons_that_lead_to_their_first_step(
    ready: Opened, xor_page: str, by: str
) -> None:
    tab = ready(xor_page)
    tab.click(f"[data-testid=by-{by}]")
    phases = tab.evaluate("""() => { const { trace, selection } = window.__glass;
      const { granularity, route } = selection.get();
      return trace.moments(granularity, route).map(({ phase }) => phase); }""")
    tab.keyboard.press("End")
    for phase in ("loss", "backward", "update", "forward"):
        tab.focus(f"[data-testid=phase-{phase}]")
        tab.keyboard.press("Enter")
        assert tab.evaluate(PLACES)["step"] == phases.index(phase)
        assert tab.evaluate("() => document.activeElement.textContent") == phase  # the focus stays where it was
        current = tab.locator(".transport-phase[aria-current=true]")
        assert current.all_inner_texts() == [phase]


def test_on_a_phone_a_finger_meets_the_words_of_the_phases(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page, viewport={"width": 390, "height": 844}, has_touch=True)
    for phase in ("forward", "loss", "backward", "update"):
        box = tab.locator(f"[data-testid=phase-{phase}]").bounding_box()
        assert min(box["width"], box["height"]) >= 44, phase
        tab.tap(f"[data-testid=phase-{phase}]")
        assert tab.evaluate(PLACES)["phase"] == phase


def test_escape_leads_from_a_number_to_its_unit_to_the_whole_step(ready: Opened, mnist_page: str) -> None:
    tab = ready(mnist_page)
    stage = tab.get_by_test_id("stage")
    pinned = "() => window.__glass.selection.get().pinned"
    go(tab, pinned="hidden/kernel@0[300,37]")
    assert stage.get_attribute("data-level") == "cell"
    tab.keyboard.press("Escape")
    assert tab.evaluate(pinned) == "hidden/linear[0,37]"
    assert stage.get_attribute("data-level") == "unit"
    tab.locator(".slice [role=grid]").first.focus()  # pictures have keys of their own, but not this one
    tab.keyboard.press("Escape")
    assert tab.evaluate(pinned) == ""
    assert stage.get_attribute("data-level") == "overview"
    tab.keyboard.press("Escape")
    assert (tab.evaluate(pinned), tab.evaluate(PLACES)["step"]) == ("", 0)


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


def test_back_and_forward_of_the_browser_lead_through_the_places_where_the_reader_was(
    ready: Opened, xor_page: str
) -> None:
    tab = ready(xor_page)
    tab.keyboard.press("ArrowRight")
    tab.click("[data-testid=next]")
    tab.click("[data-testid=by-op]")
    tab.locator("[data-testid=route] button").nth(1).click()
    tab.mouse.move(0, 0)
    go(tab)
    places = [tab.evaluate(SHOWN)]
    steps = [tab.evaluate(PLACES)["step"]]
    for _ in range(4):
        tab.go_back()
        go(tab)
        places.append(tab.evaluate(SHOWN))
        steps.append(tab.evaluate(PLACES)["step"])
    assert steps[-3:] == [2, 1, 0]
    assert len(set(places)) == 5
    for seen in reversed(places[:-1]):
        tab.go_forward()
        go(tab)
        assert tab.evaluate(SHOWN) == seen


def test_a_drag_and_a_key_held_down_are_one_entry_of_the_history_each(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    tab.keyboard.press("ArrowRight")
    tab.evaluate("""() => { const range = document.querySelector("[data-testid=range]");
      for (const step of [2, 3, 4, 5]) { range.value = step; range.dispatchEvent(new Event("input")); }
      range.dispatchEvent(new Event("change")); }""")
    for _ in range(2):
        tab.keyboard.down("ArrowLeft")
    tab.keyboard.up("ArrowLeft")
    steps = [tab.evaluate(PLACES)["step"]]
    for _ in range(3):
        tab.go_back()
        steps.append(tab.evaluate(PLACES)["step"])
    assert steps == [3, 5, 1, 0]


def test_the_step_card_has_its_seven_parts_at_every_operation(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page)
    tab.click("[data-testid=by-op]")
    parts = ["words", "shapes", "formula", "numbers", "code", "pictures", "check"]
    count = tab.evaluate("() => window.__glass.trace.view(window.__glass.selection.get()).count")
    look = """[...document.querySelectorAll(".step-card > [data-part]")]
      .map((part) => [part.dataset.part, part.innerText.trim()])"""
    for step, shown in enumerate(walk(tab, [{"step": step} for step in range(count)], look)):
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
    tab = ready(xor_page, viewport={"width": 1280, "height": 1200})
    go(tab, step=2)
    slide = "() => [document.documentElement.dataset.slide ?? '', window.__glass.selection.get().step].join()"
    tab.keyboard.press("p")
    seen = [tab.evaluate(slide)]
    for key in ["ArrowRight"] * 5 + ["ArrowLeft"]:
        tab.keyboard.press(key)
        seen.append(tab.evaluate(slide))
    assert seen == ["words,2", "stage,2", "formula,2", "numbers,2", "code,2", "words,3", "code,2"]
    assert tab.is_hidden("[data-testid=card-formula]")
    assert tab.is_visible("[data-testid=card-code]")
    tab.keyboard.press("Escape")
    assert tab.evaluate(slide) == ",2"
    assert tab.is_visible("[data-testid=card-formula]")


SLIDE = """() => {
  const shown = [...document.querySelectorAll(":is(.flow, .explain-body, .chain) *")]
    .filter((node) => !node.childElementCount && !node.closest(".visually-hidden"))
    .map((node) => node.getBoundingClientRect()).filter(({ width, height }) => width > 1 && height > 1);
  const edge = (side, best) => best(...shown.map((box) => box[side]));
  const [head, foot] = [".explain-head", ".transport"].map((name) => document.querySelector(name).getBoundingClientRect());
  const canvas = [...document.querySelectorAll(".explain-body canvas")].find((one) => one.getBoundingClientRect().width > 1);
  return {
    slide: document.documentElement.dataset.slide, scroll: document.documentElement.scrollHeight - innerHeight,
    wide: (edge("right", Math.max) - edge("left", Math.min)) / innerWidth,
    high: (edge("bottom", Math.max) - edge("top", Math.min)) / (foot.top - head.bottom),
    sharp: canvas ? canvas.width / canvas.getBoundingClientRect().width : 1,
  };
}"""


def screens(tab: Any) -> int:
    """How many screens the pictures of this slide take."""
    return int((tab.locator(".stage-trail").get_attribute("data-screen") or "/ 1").rpartition(" ")[2])


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=["hd", "full-hd"])
def test_slides_fill_the_screen_without_scrolling(ready: Opened, mnist_page: str, size: tuple[int, int]) -> None:
    tab = ready(mnist_page, viewport={"width": size[0], "height": size[1]})
    for step in (0, 3, 7):
        go(tab, step=step)
        tab.keyboard.press("p")
        for slide in ("words", "stage", "formula", "numbers", "code"):
            for screen in range(1 if slide != "stage" else screens(tab)):
                found = tab.evaluate(SLIDE)
                assert found["slide"] == slide
                assert found["sharp"] == pytest.approx(1, rel=0.05), (step, slide)
                assert found["scroll"] <= 0, (step, slide, screen)
                assert max(found["wide"], found["high"]) >= 0.7 or screen, (step, slide)
                tab.keyboard.press("ArrowRight")
                go(tab)  # pictures follow their own width a moment later
        tab.keyboard.press("Escape")


@pytest.mark.parametrize("height", [720, 1080])
def test_the_pictures_of_a_slide_come_in_as_many_screens_as_they_need_each_picture_once(
    ready: Opened, mnist_page: str, height: int
) -> None:
    tab = ready(mnist_page, viewport={"width": 1280, "height": height})
    shown = """() => [...document.querySelectorAll(".stage-body .view-title, .stage-body .stage-heading")]
      .map((node, at) => (node.checkVisibility() ? at : -1)).filter((at) => at >= 0)"""
    for step in (1, 4, 5, 6):
        go(tab, step=step)
        whole = tab.evaluate(shown)
        for key in ("p", "ArrowRight"):
            tab.keyboard.press(key)
        count = screens(tab)
        seen = []
        for screen in range(count):
            assert (tab.locator(".stage-trail").get_attribute("data-screen") or "1 / 1") == f"{screen + 1} / {count}"
            seen.append(tab.evaluate(shown))
            tab.keyboard.press("ArrowRight")
        assert [at for screen in seen for at in screen] == whole, step
        assert tab.is_visible("[data-testid=card-formula]")
        tab.keyboard.press("ArrowLeft")  # back to the last screen of the pictures
        assert tab.evaluate(shown) == seen[-1]
        tab.keyboard.press("Escape")
        assert tab.evaluate(shown) == whole
    assert height > 720 or count > 1


def test_pointing_at_an_enlarged_picture_still_finds_the_cell_under_the_pointer(ready: Opened, mnist_page: str) -> None:
    tab = ready(mnist_page, viewport={"width": 1920, "height": 1080})
    go(tab, step=4)
    for key in ("p", "ArrowRight"):
        tab.keyboard.press(key)
    canvas = tab.locator(".explain-stage .picture canvas").first
    box = canvas.bounding_box()
    assert box["width"] > 1.05 * canvas.evaluate("(canvas) => canvas.offsetWidth")
    shape = "() => window.__glass.trace.cell(window.__glass.selection.get().ref)"
    canvas.hover(position={"x": box["width"] - 3, "y": 3})
    found = tab.evaluate(shape)
    assert found["cell"][-1] == found["tensor"]["shape"][-1] - 1


def test_the_presenter_can_be_left_without_a_key(ready: Opened, xor_page: str) -> None:
    tab = ready(xor_page, viewport={"width": 390, "height": 844}, has_touch=True)
    for name in ("Present", "Leave", "Present"):
        assert tab.inner_text("[data-testid=present]") == name
        tab.tap("[data-testid=present]")
    assert tab.is_hidden("[data-testid=by-op]")


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
