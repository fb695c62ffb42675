"""The page of a recurrence: states over time, one unit unrolled, its gates with numbers, the gradient through time.

Oracles: the recurrence in NumPy's float64, step by step, and central differences of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from web.viewkit import (
    HOSTILE,
    MOST_NODES,
    SIZES,
    every_step,
    findings,
    go,
    most_nodes,
    number,
    paintings,
    texts,
    walk,
)

import glassnet as gn
from glassnet.explain import explain

L = gn.layers
STEPS, UNITS, LETTERS = 6, 5, 9
IDS = np.array([[3, 1, 4, 1, 5, 8]])


def page_of(kind: str, ids: Any = IDS, units: int = UNITS, **options: Any) -> Any:
    """A recurrence that says of every letter what comes next."""
    gn.utils.set_random_seed(4)
    masked = {"mask_zero": True} if (ids == 0).any() else {}
    cell = getattr(L, kind)(units, return_sequences=True, bias_initializer="random_normal", name="cell", **options)
    layers = [L.Embedding(LETTERS, 4, embeddings_initializer="random_normal", name="letters", **masked), cell]
    model = gn.Sequential([gn.Input(ids.shape[1:], dtype="int32"), *layers, L.Dense(LETTERS, name="next")], name="text")
    loss = gn.losses.SparseCategoricalCrossentropy(from_logits=True)
    return explain(model, ids, np.roll(ids, -1, 1), loss, "adam", tokens=list("abcdefghi"))


@pytest.fixture(scope="module")
def pages() -> dict[str, Any]:
    return {
        "LSTM": page_of("LSTM"), "GRU": page_of("GRU"), "before": page_of("GRU", reset_after=False),
        "SimpleRNN": page_of("SimpleRNN"), "masked": page_of("LSTM", np.array([[3, 1, 0, 0, 5, 8]])),
    }  # fmt: skip


KINDS = ["LSTM", "GRU", "before", "SimpleRNN"]


@pytest.fixture
def at(ready: Callable[..., Any]) -> Callable[..., Any]:
    """The page at the step of the recurrence, with a state pinned."""

    def opened(page: Any, phase: str = "forward", step: int = 3, unit: int = 2, **options: Any) -> Any:
        tab = ready(page.html, **options)
        found = [part.phase == phase and part.path == "cell" for part in page.trace.steps].index(True)
        go(tab, step=found, pinned=f"{state(page)}[0,{step},{unit}]")
        return tab

    return opened


def state(page: Any) -> str:
    return str(next(t.ref for t in page.trace.tensors if t.ref.startswith("cell/") and t.ref.endswith(".y")))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def weights(page: Any) -> list[Any]:
    op = next(op for op in page.trace.ops if op.name in ("lstm", "gru", "simple_rnn"))
    return [page.trace.tensors[n].array.astype(float) for n in op.reads[1:4]]


def stepped(kind: str, page: Any, changed: Any = None, start: int = -1) -> list[dict[str, Any]]:
    """The gates of every step in float64; `changed` is added to the state after step `start`."""
    W, U, b = weights(page)
    h = c = np.zeros(len(U))
    found = []
    for t, x in enumerate(page.trace["letters/lookup"].array[0].astype(float)):
        if kind == "LSTM":
            i, f, g, o = np.split(x @ W + h @ U + b, 4)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * np.tanh(c)
            found.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
        elif kind == "SimpleRNN":
            h = np.tanh(x @ W + h @ U + b)
            found.append({"h": h})
        else:
            units = len(U)
            z = x @ W + (b[0] if kind == "GRU" else b)
            inner = h @ U + b[1] if kind == "GRU" else h @ U
            u, r = sigmoid(z[:units] + inner[:units]), sigmoid(z[units : 2 * units] + inner[units : 2 * units])
            g = np.tanh(z[2 * units :] + (r * inner[2 * units :] if kind == "GRU" else (r * h) @ U[:, 2 * units :]))
            h = u * h + (1 - u) * g
            found.append({"u": u, "r": r, "g": g, "h": h})
        if t == start:
            h = h + changed
    return found


# ---------------------------------------------------------------- forward


@pytest.mark.parametrize("kind", KINDS)
def test_every_gate_is_shown_with_its_number_and_agrees_with_its_working(
    at: Callable[..., Any], pages: dict[str, Any], kind: str
) -> None:
    for step, unit in ((0, 1), (3, 2), (STEPS - 1, 4)):
        tab = at(pages[kind], step=step, unit=unit)
        want = stepped(kind, pages[kind])[step]
        assert texts(tab, "[data-testid=gates] .gate-name") == list(want)
        shown = [number(text) for text in texts(tab, "[data-testid=gates] .gate-value")]
        assert shown == pytest.approx([values[unit] for values in want.values()], rel=1e-3, abs=1e-6)
        assert set(texts(tab, "[data-testid=gates] .gate-head [role=img]")) == {"✓"}
        for gate in tab.locator("[data-testid=gates] .gate").all():
            total = number(gate.locator(".formula-numbers mn").last.text_content())
            value = want[str(gate.get_attribute("data-gate"))][unit]
            bent = {"i", "f", "o", "u", "r"} & {gate.get_attribute("data-gate")}
            squashed = sigmoid(total) if bent else np.tanh(total) if gate.locator(".gate-bend").count() else total
            assert squashed == pytest.approx(value, rel=2e-3, abs=1e-5)


def test_a_gate_that_does_not_agree_says_so(modules: Any, pages: dict[str, Any]) -> None:
    found = modules(pages["LSTM"]).evaluate(
        """async () => { const { openedGates, recurrenceOf } = await import("/recurrence.js");
          const op = window.__glass.trace.ops.find(({ op }) => op === "lstm"); const spot = { step: 2, unit: 1 };
          const right = openedGates(recurrenceOf(op, 0), spot).map(({ agrees }) => agrees);
          const gates = op.writes[op.outputs.indexOf("gates")]; gates.data[2 * gates.shape[2] + 1] += 1e-4;
          return [right, openedGates(recurrenceOf(op, 0), spot).map(({ agrees }) => agrees)]; }"""
    )
    assert found == [[True] * 6, [False, True, True, True, False, True]]


def test_states_and_carries_stand_under_the_letters_that_were_read(
    at: Callable[..., Any], pages: dict[str, Any]
) -> None:
    page = pages["LSTM"]
    tab = at(page)
    states, carries = (tab.get_by_role("grid", name=name) for name in ("State h", "Carry c"))
    assert carries.count() == 1
    states.focus()
    tab.keyboard.press("Control+End")
    h = float(page.trace[state(page)].array[0, -1, -1])
    spoken = states.get_by_role("gridcell").inner_text()
    assert spoken.startswith(f"{UNITS - 1}, i: ")
    assert number(spoken.rpartition(": ")[2].replace("minus ", "−")) == pytest.approx(h, rel=1e-3)
    tab.keyboard.press("Enter")
    assert tab.evaluate("__glass.selection.get().pinned") == f"{state(page)}[0,{STEPS - 1},{UNITS - 1}]"
    assert f"Step {STEPS - 1} “i”, unit {UNITS - 1}" in tab.get_by_test_id("gates").inner_text()


def test_the_slider_leads_through_the_steps_by_keyboard_and_keeps_the_focus(
    at: Callable[..., Any], pages: dict[str, Any]
) -> None:
    page = pages["GRU"]
    tab = at(page, step=1, unit=3)
    slider = tab.get_by_test_id("step-slider")
    slider.focus()
    for step in (2, 3):
        tab.keyboard.press("ArrowRight")
        go(tab)
        assert tab.evaluate("document.activeElement.dataset.testid") == "step-slider"
        assert tab.evaluate("__glass.selection.get().pinned") == f"{state(page)}[0,{step},3]"
        assert slider.get_attribute("aria-valuetext") == f"{step} “{'dbebfi'[step]}”"
        shown = number(texts(tab, "[data-testid=gates] .gate-value")[-1])
        assert shown == pytest.approx(stepped("GRU", page)[step]["h"][3], rel=1e-3)


def test_a_skipped_step_says_that_the_state_stays(at: Callable[..., Any], pages: dict[str, Any]) -> None:
    tab = at(pages["masked"], step=2)
    assert "skipped" in tab.get_by_test_id("gates").inner_text()
    assert tab.locator(".gate").count() == 0
    tab = at(pages["masked"], "backward", step=1)
    assert "✓" in tab.get_by_test_id("through-time").inner_text()
    assert "which was skipped" in tab.get_by_test_id("gradient-sources").inner_text()


# ---------------------------------------------------------------- the gradient through time


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_state_is_the_slope_of_the_loss_and_its_parts_add_up(
    at: Callable[..., Any], pages: dict[str, Any], kind: str
) -> None:
    page, step, unit, move = pages[kind], 2, 3, 1e-6
    V, c = (page.trace[f"next/{name}@0"].array.astype(float) for name in ("kernel", "bias"))
    own = {}

    def loss(change: float, only: bool) -> float:
        """With a state of one step changed, for that step's own output, or for all that follow from it."""
        changed = np.zeros(UNITS)
        changed[unit] = change
        states = np.array([gates["h"] for gates in stepped(kind, page, changed, -1 if only else step)])
        states[step] += changed
        scores = states @ V + c
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -float(np.mean(logs[np.arange(STEPS), np.roll(IDS[0], -1)]))

    for only in (True, False):
        own[only] = (loss(move, only) - loss(-move, only)) / (2 * move)
    tab = at(page, "backward", step=step, unit=unit)
    exponent = tab.locator("[data-testid=gradient-sources] .view-shape").all_inner_texts()
    factor = number(exponent[0].rpartition(" ")[2].replace("10", "1×10", 1)) if exponent else 1.0
    part = "[data-testid=gradient-sources] .waterfall"
    rows = dict(zip(texts(tab, f"{part}-name"), (number(text) * factor for text in texts(tab, f"{part}-number"))))
    assert rows["own output"] == pytest.approx(own[True], rel=5e-3, abs=2e-5)
    assert rows["∂L/∂h"] == pytest.approx(own[False], rel=5e-3, abs=2e-5)
    assert sum(rows.values()) == pytest.approx(2 * rows["∂L/∂h"], abs=2e-5)
    assert "✓" in tab.get_by_test_id("through-time").inner_text()
    assert tab.get_by_test_id("through-time").locator("li").count() == STEPS


# ---------------------------------------------------------------- size, layout, access


def test_a_page_of_a_names_gru_is_small_and_no_step_has_more_than_2000_nodes(ready: Callable[..., Any]) -> None:
    page = page_of("GRU", np.arange(1, 17)[None] % LETTERS, units=96)
    assert len(page.html.encode()) <= 5_000_000
    assert most_nodes(ready(page.html), every_step(page)) <= MOST_NODES


def test_states_carries_and_gates_are_painted_once_per_step(at: Callable[..., Any], pages: dict[str, Any]) -> None:
    tab = at(pages["LSTM"])
    go(tab, step=0, pinned="")
    with paintings(tab, ".named-grid") as counts:
        go(tab, step=1)
    assert counts == [1, 1, 1]


@pytest.mark.parametrize("kind", ["LSTM", "masked", "before"])
def test_every_step_fits_a_desktop_and_a_phone(ready: Callable[..., Any], pages: dict[str, Any], kind: str) -> None:
    page = pages[kind]
    tab = ready(page.html)
    for size in ((1280, 800), (390, 844)):
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        for pictures, wide, _, place in walk(tab, every_step(page, f"{state(page)}[0,1,1]"), SIZES):
            assert pictures > 0, place
            assert wide <= 0, place


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(at: Callable[..., Any], pages: dict[str, Any], phase: str, scheme: str) -> None:
    rules = None if scheme == "light" else ["color-contrast"]
    assert findings(at(pages["LSTM"], phase, color_scheme=scheme), rules) == []


def test_a_token_is_text_and_never_markup(ready: Callable[..., Any]) -> None:
    page = page_of("GRU")
    page.facts["tokens"] = [HOSTILE] * LETTERS
    tab = ready(page.html)
    go(tab, step=1)
    assert HOSTILE in tab.get_by_test_id("gates").inner_text()
    go(tab, step=[part.phase == "backward" and part.path == "cell" for part in page.trace.steps].index(True))
    assert tab.evaluate("[window.hacked ?? 0, document.querySelectorAll('.stage img').length]") == [0, 0]


def test_a_sequence_read_from_its_end_has_its_letters_turned_too(ready: Callable[..., Any]) -> None:
    gn.utils.set_random_seed(0)
    both = L.Bidirectional(L.GRU(3, return_sequences=True), name="both")
    model = gn.Sequential([gn.Input((STEPS,), dtype="int32"), L.Embedding(LETTERS, 4), both, L.Dense(LETTERS)])
    loss = gn.losses.SparseCategoricalCrossentropy(from_logits=True)
    page = explain(model, IDS, IDS, loss, "sgd", tokens=list("abcdefghi"))
    tab = ready(page.html)
    found = []
    for step, part in enumerate(page.trace.steps):
        if part.phase == "forward" and any(page.trace.ops[n].name == "gru" for n in part.ops):
            go(tab, step=step, pinned="")
            found += texts(tab, "[data-testid=gates] .stage-heading")
    assert [text.partition(",")[0] for text in found] == ["Step 5 “i”", "Step 5 “d”"]
