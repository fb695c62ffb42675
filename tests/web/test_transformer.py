"""The page of a transformer: heads, scores, softmax, the mixture of values, the way back, and the stream of residuals.

Oracles: attention in NumPy's float64, its central differences, and the recorded arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from web.viewkit import (
    DONE,
    HOSTILE,
    MOST_NODES,
    SIZES,
    every_step,
    findings,
    go,
    most_nodes,
    number,
    texts,
    walk,
)  # fmt: skip

import glassnet as gn
from glassnet.explain import explain
from glassnet.lab.text import decoder

L = gn.layers
IDS = np.array([[3, 1, 4, 1, 5, 8]])
PATH = "block/self_attention"


def page_of(block: Any, ids: Any = IDS, mask_zero: bool = False, **options: Any) -> Any:
    """A transformer of two blocks that says what comes next."""
    gn.utils.set_random_seed(4)
    normal = gn.initializers.RandomNormal(stddev=0.5, seed=3)
    blocks = [block(16, 2, kernel_initializer=normal, normalize_first=True, name=name) for name in ("block", "second")]
    letters = L.Embedding(9, 8, embeddings_initializer=normal, mask_zero=mask_zero, name="letters")
    model = gn.Sequential(
        [gn.Input(ids.shape[1:], dtype="int64"), letters, *blocks, L.Dense(9, name="next")], name="text"
    )
    loss = gn.losses.SparseCategoricalCrossentropy(from_logits=True)
    return explain(model, ids, np.roll(ids, -1, 1), loss, "adam", tokens=options.get("tokens", list("abcdefghi")))


@pytest.fixture(scope="module")
def causal() -> Any:
    return page_of(L.TransformerDecoder)


@pytest.fixture(scope="module")
def padded() -> Any:
    return page_of(L.TransformerEncoder, np.array([[3, 1, 4, 1, 0, 0]]), mask_zero=True)


def attention_of(page: Any) -> Any:
    return next(op for op in page.trace.ops if op.name == "attention" and op.inside_of is None)


def parts(page: Any) -> tuple[Any, ...]:
    """q, k, v as (H, T, D) in float64, and the weights computed anew."""
    op = attention_of(page)
    q, k, v = (np.moveaxis(page.trace.tensors[n].array[0].astype(float), 1, 0) for n in op.reads[:3])
    z = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
    allowed = np.broadcast_to(op.op.allowed(page.trace.tensors[op.reads[3]].array, (1, *z.shape)), (1, *z.shape))[0]
    powers = np.where(allowed, np.exp(z - z.max()), 0)
    return q, k, v, z, powers / powers.sum(axis=-1, keepdims=True), allowed


@pytest.fixture
def at(ready: Callable[..., Any]) -> Callable[..., Any]:
    """The page at the attention of its first block, with a weight pinned."""

    def opened(page: Any, look: tuple[int, int, int] | None = None, phase: str = "forward", **options: Any) -> Any:
        tab = ready(page.html, **options)
        own = page.trace.ops.index(attention_of(page))
        belongs = [n == own if phase == "forward" else op.backward_of == own for n, op in enumerate(page.trace.ops)]
        step = [any(belongs[n] for n in part.ops) for part in page.trace.steps].index(True)
        ref = page.trace.tensors[attention_of(page).writes[1]].ref
        go(tab, step=step, pinned=f"{ref}[0,{','.join(map(str, look))}]" if look else "")
        return tab

    return opened


def grid(tab: Any, name: str) -> Any:
    return tab.locator(f".named-grid [role=grid][aria-label^='{name}']")


def spoken(tab: Any, name: str, row: int, column: int) -> str:
    """What a picture says of a cell, reached by keys."""
    picture = grid(tab, name)
    picture.focus()
    tab.keyboard.press("Control+Home")
    for _ in range(row):
        tab.keyboard.press("ArrowDown")
    for _ in range(column):
        tab.keyboard.press("ArrowRight")
    return str(picture.get_by_role("gridcell").inner_text())


# ---------------------------------------------------------------- forward


@pytest.mark.parametrize("name", ["causal", "padded"])
def test_scores_and_weights_are_those_of_the_formula_and_masked_cells_say_so(
    at: Callable[..., Any], name: str, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(name)
    *_, z, p, allowed = parts(page)
    tab = at(page, (1, 2, 1))
    for title, numbers in (("Scores", z), ("Weights", p)):
        for row, column in ((2, 0), (3, 3), (0, 5), (1, 4)):
            words = spoken(tab, title, row, column)
            if not allowed[1, row, column]:
                assert words.endswith("masked: may not look there")
            else:
                shown = number(words.rpartition(": ")[2].replace("minus ", "−"))
                assert shown == pytest.approx(numbers[1, row, column], rel=1e-3, abs=1e-6)


def test_a_query_row_shows_its_weights_over_the_tokens(at: Callable[..., Any], causal: Any) -> None:
    *_, z, p, allowed = parts(causal)
    for head, query in ((0, 3), (1, 5)):
        tab = at(causal, (head, query, 0))
        rows = [
            [cell.strip() for cell in row.locator("th, td").all_text_contents()]
            for row in tab.locator("[data-testid=query] tbody tr").all()
        ]
        assert [row[1] for row in rows] == list("dbebfi")
        assert [number(row[4]) for row in rows] == pytest.approx(list(p[head, query]), rel=1e-3, abs=1e-6)
        for key, row in enumerate(rows):
            if allowed[head, query, key]:
                assert number(row[2]) == pytest.approx(z[head, query, key], rel=1e-3)
            else:
                assert row[2] == "masked"
        widths = tab.evaluate(
            "[...document.querySelectorAll('[data-testid=query] .class-bar')].map((bar) => parseFloat(bar.style.width))"
        )
        assert widths == pytest.approx(list(100 * p[head, query]), abs=0.01)


def test_clicking_a_head_a_row_and_a_key_leads_there(at: Callable[..., Any], causal: Any) -> None:
    tab = at(causal)
    tab.get_by_test_id("heads").get_by_role("button").nth(1).click()
    ref = causal.trace.tensors[attention_of(causal).writes[1]].ref
    assert tab.evaluate("__glass.selection.get().pinned").startswith(f"{ref}[0,1,5,")
    spoken(tab, "Weights", 2, 1)
    tab.keyboard.press("Enter")
    assert tab.evaluate("__glass.selection.get().pinned") == f"{ref}[0,1,2,1]"
    assert "“e” (step 2) looks, head 1" in tab.get_by_test_id("query").inner_text()
    tab.get_by_test_id("query").get_by_role("button").first.click()
    assert tab.evaluate("__glass.selection.get().pinned") == f"{ref}[0,1,2,0]"
    assert "“e” looks at “d”" in tab.get_by_test_id("score").inner_text()


def test_one_weight_is_worked_out_from_query_and_key(at: Callable[..., Any], causal: Any) -> None:
    *_, z, p, _ = parts(causal)
    tab = at(causal, (0, 4, 2))
    score, weight = tab.locator("[data-testid=score] .gate").all()
    assert number(score.locator(".formula-numbers mn").last.text_content()) == pytest.approx(z[0, 4, 2], rel=1e-3)
    assert number(weight.locator(".gate-value").inner_text()) == pytest.approx(p[0, 4, 2], rel=1e-3)
    assert weight.get_by_role("img").inner_text() == "✓"
    power, total = (number(part) for part in re.search(r"= (\S+) / (\S+) =", weight.inner_text()).groups())
    assert power / total == pytest.approx(p[0, 4, 2], rel=2e-3)
    tab = at(causal, (0, 1, 4))
    assert "masked" in tab.locator("[data-testid=score] .gate").nth(1).inner_text()


def test_the_values_mixed_by_the_weights_are_the_result(at: Callable[..., Any], causal: Any) -> None:
    _, _, v, _, p, _ = parts(causal)
    tab = at(causal, (1, 3, 2))
    rows = [number(text) for text in texts(tab, "[data-testid=mixture] .waterfall-number")]
    assert rows[-1] == pytest.approx((p[1, 3] @ v[1])[0], abs=2e-3)
    assert sorted(rows[:-1]) == pytest.approx(sorted((p[1, 3] * v[1, :, 0])[:4]), abs=2e-3)
    assert "≠" not in tab.get_by_test_id("mixture").inner_text()


# ---------------------------------------------------------------- backward


@pytest.mark.parametrize("name", ["causal", "padded"])
def test_the_gradients_of_weights_and_scores_are_slopes_of_what_the_values_are_mixed_to(
    at: Callable[..., Any], name: str, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(name)
    _, _, v, z, p, allowed = parts(page)
    y = page.trace.tensors[attention_of(page).writes[0]]
    g = page.trace.tensors[y.grad].array[0].astype(float)

    def total(scores: Any, head: int, query: int) -> float:
        powers = np.where(allowed[head, query], np.exp(scores), 0)
        return float(powers / powers.sum() @ v[head] @ g[query, head])

    for head, query, key in ((0, 3, 1), (1, 2, 2)):
        tab = at(page, (head, query, key), "backward")
        move = np.zeros(z.shape[-1])
        move[key] = 1e-6
        slope = (total(z[head, query] + move, head, query) - total(z[head, query] - move, head, query)) / 2e-6
        shown = number(tab.locator("[data-testid=score-back] strong").inner_text())
        assert shown == pytest.approx(slope, rel=2e-3, abs=1e-6 * np.abs(v[head] @ g[query, head]).max())
        weight = spoken(tab, "∂L/∂p", query, key)
        assert number(weight.rpartition(": ")[2].replace("minus ", "−")) == pytest.approx(
            g[query, head] @ v[head, key], rel=1e-3
        )
        assert "✓" in tab.get_by_test_id("score-back").inner_text()
        jacobian = spoken(tab, "∂p/∂z", key, 0)
        want = p[head, query, key] * ((key == 0) - p[head, query, 0])
        assert number(jacobian.rpartition(": ")[2].replace("minus ", "−")) == pytest.approx(want, rel=1e-3, abs=1e-8)


def test_every_operation_of_both_ways_shows_its_own_picture(at: Callable[..., Any], causal: Any) -> None:
    bare = at(causal).evaluate("""() => __glass.trace.moments("op").filter((_, step) => {
      __glass.selection.set({ granularity: "op", step, pinned: "" });
      return !document.querySelector(".stage-body > *");
    }).map(({ title }) => title)""")
    assert bare == []


# ---------------------------------------------------------------- the stream of residuals, and size


def test_the_strip_is_the_stream_of_residuals(ready: Callable[..., Any], causal: Any) -> None:
    tab = ready(causal.html)
    assert texts(tab, ".flow .flow-title") == [
        "input", "letters", "+ attention", "+ mlp", "+ attention", "+ mlp", "next", "loss",
    ]  # fmt: skip
    x = causal.trace["letters/lookup"].array
    adds = [op for op in causal.trace.ops if op.name == "add" and op.path == "block" and op.phase == "forward"]
    made, *_ = (causal.trace.tensors[n].array for n in adds[0].writes)
    branch = causal.trace.tensors[adds[0].reads[1]].array
    np.testing.assert_array_equal(made, x + branch)


def test_the_route_runs_along_the_stream_in_page_and_python_alike(modules: Any, causal: Any) -> None:
    from glassnet.explain.route import strongest_route

    route = strongest_route(causal.trace)
    found = modules(causal).evaluate("strongestRoute(window.__glass.trace)")
    assert found[: len(route)] == route
    assert [ref.partition("[")[0] for ref in route if "add" in ref][-2:] == ["second/add", "second/add#2"]


def test_every_number_of_a_transformer_is_computed_anew_and_agrees(ready: Callable[..., Any], padded: Any) -> None:
    tab = ready(padded.html)
    checked, total = tab.inner_text(DONE).removeprefix("✓ ").replace("\u202f", "").split("/")
    assert checked == total
    assert int(total) > 10_000


def test_a_page_of_a_transformer_of_width_128_and_context_64_is_small_and_no_step_has_more_than_2000_nodes(
    ready: Callable[..., Any],
) -> None:
    gn.utils.set_random_seed(2)
    model = decoder(65, context=64, width=128, blocks=4, heads=4)
    model.compile("adam", gn.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.arange(64)[None]
    page = explain(model, ids, ids)
    assert len(page.html.encode()) <= 5_000_000
    tab = ready(page.html)
    assert tab.get_by_test_id("partial").count() == 1  # says that not all values are embedded
    assert most_nodes(tab, every_step(page)) <= MOST_NODES
    go(tab, step=[part.path.endswith("self_attention") for part in page.trace.steps].index(True))
    assert tab.get_by_test_id("heads").get_by_role("button").count() == 4


# ---------------------------------------------------------------- layout and access


def test_every_step_fits_a_desktop_and_a_phone(ready: Callable[..., Any], causal: Any) -> None:
    tab = ready(causal.html)
    for size in ((1280, 800), (390, 844)):
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        for pictures, wide, _, place in walk(tab, every_step(causal), SIZES):
            assert pictures > 0, place
            assert wide <= 0, place


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(at: Callable[..., Any], causal: Any, phase: str, scheme: str) -> None:
    rules = None if scheme == "light" else ["color-contrast"]
    assert findings(at(causal, (0, 3, 1), phase, color_scheme=scheme), rules) == []


def test_a_token_is_text_and_never_markup(at: Callable[..., Any]) -> None:
    page = page_of(L.TransformerDecoder, tokens=[HOSTILE] * 9)
    tab = at(page, (0, 3, 1))
    assert HOSTILE in tab.get_by_test_id("query").inner_text()
    at(page, (0, 3, 1), "backward")
    assert tab.evaluate("[window.hacked ?? 0, document.querySelectorAll('.stage img').length]") == [0, 0]
