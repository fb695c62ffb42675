"""Every page, light and dark, against axe-core: nothing serious, nothing critical. And axe finds what is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web.viewkit import CELLS, PHASES, findings, page_of, visit

Opened = Callable[..., Any]
RULES = {"light": None, "dark": ["color-contrast"]}
"""None is every rule: in the dark the same nodes have other colours."""
SCHEMES = pytest.mark.parametrize("scheme", RULES)


@pytest.mark.parametrize("place", PHASES)
@pytest.mark.parametrize("kind", CELLS)
@SCHEMES
def test_axe_finds_nothing_serious_in_any_phase_nor_at_a_single_number(
    ready: Opened, kind: str, place: str, scheme: str
) -> None:
    tab = ready(page_of(kind), color_scheme=scheme)
    visit(tab, kind, place)
    assert findings(tab, RULES[scheme]) == []


@SCHEMES
def test_axe_finds_nothing_serious_before_and_after_drawing(open_page: Opened, scheme: str) -> None:
    page = open_page(page_of("draw"), color_scheme=scheme)
    page.wait_for_selector(".layers canvas")
    assert findings(page, RULES[scheme]) == []
    page.evaluate("() => window.__glass.draw([[[0.5, 0.1], [0.5, 0.9]]])")
    page.wait_for_function("() => window.__glass.pixels().some((pixel) => pixel > 0)")
    assert findings(page, RULES[scheme]) == []


@SCHEMES
def test_axe_finds_nothing_serious_in_a_report(open_page: Opened, scheme: str) -> None:
    page = open_page(page_of("report"), color_scheme=scheme)
    page.wait_for_selector(".unitgrid canvas")
    assert findings(page, RULES[scheme]) == []


PLANTED = {
    "button-name": "<button></button>",
    "color-contrast": '<p style="color: #cccccc; background: #ffffff">pale</p>',
    "select-name": "<select><option>a</option></select>",
    "aria-valid-attr-value": '<div role="grid" aria-rowcount="no">1</div>',
}


def test_axe_finds_what_is_planted(open_page: Opened) -> None:
    page = open_page(
        f"<!doctype html><html lang=en><title>planted</title><main>{''.join(PLANTED.values())}</main></html>"
    )
    assert {found.partition(":")[0] for found in findings(page)} >= set(PLANTED)
