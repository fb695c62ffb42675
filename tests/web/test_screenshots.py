"""Pictures of the pages against pictures that somebody has looked at: forward, loss, backward, update, cell, dark.

The kept pictures are small: an eighth of the page's width, so that what stays is layout and colour, not the shapes of
letters. Text has the same font on every machine, DejaVu, which matplotlib brings along: lines break where they broke.
After a wanted change, `WRITE_SCREENSHOTS=1 pytest tests/web/test_screenshots.py` takes them anew; look at the pages.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image
from web.viewkit import CELLS, DONE, PHASES, go, page_of, visit

KEPT = Path(__file__).with_name("screenshots")
STROKES = json.loads(Path(__file__).with_name("strokes.json").read_text("utf-8"))
WIDTH, SCALE = 1280, 8
SQUARE, STRIDE = 5, 2
"""Colours are compared as means over squares of so many pixels of the kept picture, 40 of the page, which overlap."""
REACH_Y, REACH_X = 6, 2
"""How far a square may have moved: another font makes text, and what stands below it, longer or shorter."""
NOTICEABLE = 16
"""Of 255: from here on a square counts as another one."""

FONTS = {"pinned": "DejaVuSans.ttf", "pinned-mono": "DejaVuSansMono.ttf"}
PIN = """for (const [name, data] of Object.entries(FONTS)) {
  document.fonts.add(new FontFace(name, Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0)).buffer));
}
document.addEventListener("readystatechange", () => {
  for (const name of ["sans", "math"]) document.documentElement.style.setProperty(`--${name}`, "pinned");
  document.documentElement.style.setProperty("--mono", "pinned-mono");
}, { once: true });"""
RESTYLE = """(text) => {
  document.getElementById("fault")?.remove();
  document.head.append(Object.assign(document.createElement("style"), { id: "fault", textContent: text }));
}"""
READY = {"draw": ".layers canvas", "report": ".unitgrid canvas"}
SHOTS = [*[(kind, place) for kind in CELLS for place in [*PHASES, "dark"]], ("draw", "three"), ("report", "whole")]


# ---------------------------------------------------------------- comparing


def small(photograph: bytes) -> Any:
    """An eighth of the width and height, each pixel the mean of 8 x 8, in steps of 8 of 255: floats (H, W, 3)."""
    picture = np.asarray(Image.open(io.BytesIO(photograph)).convert("RGB").reduce(SCALE))
    return (picture // 8 * 8 + 4).astype(np.float32)


def means(picture: Any) -> Any:
    """The mean colour of each square, (rows, columns, 3)."""
    sums = np.pad(picture, ((1, 0), (1, 0), (0, 0))).cumsum(0, dtype=np.float64).cumsum(1)
    corners = sums[SQUARE:, SQUARE:] - sums[:-SQUARE, SQUARE:] - sums[SQUARE:, :-SQUARE] + sums[:-SQUARE, :-SQUARE]
    return (corners / SQUARE**2).astype(np.float32)


def missing_from(other: Any, one: Any) -> Any:
    """Which squares of one picture are nowhere near their place in another."""
    near = np.pad(other, ((REACH_Y, REACH_Y), (REACH_X, REACH_X), (0, 0)), mode="edge")
    rows, columns = one.shape[:2]
    squares = one[::STRIDE, ::STRIDE]
    least = np.full(squares.shape[:2], np.inf, np.float32)
    for y in range(2 * REACH_Y + 1):
        for x in range(2 * REACH_X + 1):
            moved = near[y : y + rows : STRIDE, x : x + columns : STRIDE]
            least = np.minimum(least, np.abs(squares - moved).max(axis=2))
    return least > NOTICEABLE


def differences(expected: Any, found: Any) -> int:
    """In how many places 3 x 3 neighbouring squares, about 70 pixels of the page, are in one picture only.

    Single squares are not counted: they are the edges of text that is a little wider, or begins a line later.
    """
    height = max(len(expected), len(found))
    one, other = (means(np.pad(p, ((0, height - len(p)), (0, 0), (0, 0)), mode="edge")) for p in (expected, found))
    missing = np.pad(missing_from(other, one) | missing_from(one, other), 1, mode="edge")
    return int(np.lib.stride_tricks.sliding_window_view(missing, (3, 3)).all(axis=(2, 3)).sum())


# ---------------------------------------------------------------- photographing


@pytest.fixture(scope="module")
def shown(tabs: Callable[..., Any]) -> Callable[..., Any]:
    """Opens a page at a place, with pinned fonts."""
    tab = tabs(viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce", color_scheme="light")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    data = {name: base64.b64encode((fonts / file).read_bytes()).decode() for name, file in FONTS.items()}
    tab.page.add_init_script(f"{{ const FONTS = {json.dumps(data)}; {PIN} }}")

    def at(kind: str, place: str, text: str = "") -> Any:
        page, text = tab.page, text or page_of(kind)
        if tab.text != text:
            tab.open(text)
            page.wait_for_selector(READY.get(kind, DONE))
            tab.remember(text)
        page.emulate_media(color_scheme="dark" if place == "dark" else "light")
        if kind in CELLS:
            go(page, **tab.place)
            visit(page, kind, "backward" if place == "dark" else place)
        elif kind == "draw":
            page.evaluate("(strokes) => window.__glass.draw(strokes)", STROKES["3"])
        assert not tab.problems, tab.problems
        return page

    return at


def photograph(page: Any) -> bytes:
    """The whole page, in a window so high that nothing has to scroll."""
    page.set_viewport_size({"width": WIDTH, "height": page.evaluate("document.documentElement.scrollHeight")})
    picture = page.screenshot(full_page=True, animations="disabled")
    page.set_viewport_size({"width": WIDTH, "height": 800})
    return picture


@pytest.mark.parametrize(("kind", "place"), SHOTS)
def test_a_page_looks_as_it_did_when_it_was_looked_at(
    shown: Callable[..., Any], tmp_path: Path, kind: str, place: str
) -> None:
    taken, kept = photograph(shown(kind, place)), KEPT / f"{kind}-{place}.png"
    if os.environ.get("WRITE_SCREENSHOTS"):
        Image.fromarray(small(taken).astype(np.uint8)).save(kept, optimize=True)
    (tmp_path / kept.name).write_bytes(taken)
    places = differences(np.asarray(Image.open(kept), np.float32), small(taken))
    assert places == 0, f"{tmp_path / kept.name} is not as in {kept}, in {places} places"


# ---------------------------------------------------------------- what is seen, and what is not

FAULTS = {
    "the step card is missing": ".step-card { visibility: hidden }",
    "the code is missing": ".card-code { display: none }",
    "the pictures of the step are missing": "[data-part=pictures] { visibility: hidden }",
    "the head is missing": ".explain-head { visibility: hidden }",
    "the strip is missing": ".flow { visibility: hidden }",
    "plus and minus have changed colours": ":root { --value-plus: #c2500a; --value-minus: #0b63a5 }",
    "the card has another colour": ".step-card { background: #dddddd }",
    "pictures have moved by 48 pixels": "canvas, .nodelink-drawing { transform: translateX(48px) }",
    "the parts of the card overlap": ".step-card > [data-part] { margin-top: -40px }",
    "the card is cut": ".step-card { max-height: 300px; overflow: hidden }",
}
OTHER_FONTS = {  # the name stands twice because browsers set a lone `monospace` in 13 pixels
    "monospace": ":root { --sans: monospace, monospace !important; --math: monospace, monospace !important }",
    "3 % larger": "html { font-size: 103% }",
    "3 % smaller": "html { font-size: 97% }",
}


@pytest.fixture(scope="module")
def effect(shown: Callable[..., Any]) -> Callable[[str, str], int]:
    """In how many places a style sheet changes the picture of a page."""
    plain = functools.cache(lambda kind: small(photograph(shown(kind, "cell"))))

    def of(kind: str, style: str) -> int:
        expected = plain(kind)
        page = shown(kind, "cell")
        page.evaluate(RESTYLE, style)
        found = small(photograph(shown(kind, "cell")))  # shown again: a canvas takes its colours when it is drawn
        page.evaluate(RESTYLE, "")
        return differences(expected, found)

    return of


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_page_is_seen(effect: Callable[[str, str], int], fault: str) -> None:
    assert effect("xor", FAULTS[fault]) > 0


@pytest.mark.parametrize("font", OTHER_FONTS)
@pytest.mark.parametrize("kind", CELLS)
def test_text_in_another_font_is_no_fault(effect: Callable[[str, str], int], kind: str, font: str) -> None:
    assert effect(kind, OTHER_FONTS[font]) == 0


@pytest.mark.parametrize("kind", ["xor", "draw"])
def test_all_text_has_the_pinned_fonts_whatever_a_machine_has(shown: Callable[..., Any], kind: str) -> None:
    place = next(place for one, place in SHOTS if one == kind)
    elsewhere = re.sub(r"--(sans|mono|math): [^;]+;", r"--\1: serif;", page_of(kind))
    assert elsewhere != page_of(kind)
    assert photograph(shown(kind, place, elsewhere)) == photograph(shown(kind, place))
