"""How numbers are written, what a ref and an address mean, and what the store tells its listeners."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import numpy as np
import pytest


def call(kit: Any, module: str, name: str, *arguments: Any) -> Any:
    return kit.evaluate(
        "async ([module, name, values]) => (await import(module))[name](...values)", [f"/{module}", name, arguments]
    )


FORMATS = [
    (0.0314159, "0.03142"), (-0.5, "−0.5"), (2.0, "2"), (1234.56, "1235"), (-61234.0, "−61234"), (61234.7, "61235"),
    (1.5e7, "1.5×10⁷"), (2.50e-7, "2.5×10⁻⁷"), (0.0001, "0.0001"), (9.9999e-5, "0.0001"), (9.99949, "9.999"),
    (float("inf"), "∞"), (float("-inf"), "−∞"), (float("nan"), "NaN"), (-0.0, "0"), (1e300, "1×10³⁰⁰"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), FORMATS)
def test_a_number_has_4_digits_and_a_true_minus(kit, value, text):
    assert call(kit, "numbers.js", "format", value) == text


@pytest.mark.parametrize(("value", "text"), [(0.02, "+0.02"), (-0.02, "−0.02"), (0, "0"), (float("nan"), "NaN")])
def test_a_gradient_always_shows_its_sign(kit, value, text):
    assert call(kit, "numbers.js", "formatSigned", value) == text


def test_all_digits_read_back_as_the_same_number(kit):
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        values = rng.normal(size=50).astype(dtype)
        texts = [call(kit, "numbers.js", "formatFull", float(v), dtype) for v in values]
        assert np.array([t.replace("−", "-") for t in texts]).astype(dtype).tolist() == values.tolist()
        assert texts == [np.format_float_positional(v, unique=True).replace("-", "−") for v in values]
    assert call(kit, "numbers.js", "formatFull", float(np.float32(0.1)), "float32") == "0.1"


def test_counts_have_spaces_between_thousands(kit):
    assert [call(kit, "numbers.js", "formatCount", n) for n in (7, 784, 3412, 100352)] == [
        "7", "784", "3\u202f412", "100\u202f352",
    ]  # fmt: skip


def test_about_equal_is_said_where_rounded_parts_do_not_add_up(kit):
    assert call(kit, "numbers.js", "equalsSign", 0.3333 * 3, 1.0) == "≈"
    assert call(kit, "numbers.js", "equalsSign", 0.1 + 0.2, 0.3) == "="


def test_texts_are_filled_and_have_a_singular(kit):
    assert call(kit, "messages.js", "text", "formula.others", {"count": 1778}) == "1\u202f778 others:"
    assert call(kit, "messages.js", "text", "formula.others", {"count": 1}) == "1 other:"
    with pytest.raises(Exception, match=r"messages: there is no text no\.such"):
        call(kit, "messages.js", "text", "no.such")


REFS = [("dense/kernel@0", [300, 37]), ("loss", []), ("a [b]", [0]), ("odd[1]name@1", [2, 3, 4])]


@pytest.mark.parametrize(("tensor", "cell"), REFS)
def test_a_ref_is_read_as_it_was_written(kit, tensor, cell):
    ref = call(kit, "selection.js", "writeRef", tensor, cell)
    assert call(kit, "selection.js", "readRef", ref) == {"tensor": tensor, "cell": cell}


def test_an_address_leads_to_the_same_view(kit):
    route = ["input[0,210]", "my layer/kernel@0[210,37]", "out&#[0,4]"]
    state = {"step": 7, "granularity": "op", "ref": "", "pinned": "dense/kernel@0[300,37]", "route": route}
    address = call(kit, "selection.js", "writeHash", state)
    assert re.fullmatch(r"#[\w=&%+./*-]+", address)
    assert call(kit, "selection.js", "readHash", address) == {k: v for k, v in state.items() if k != "ref"}
    assert call(kit, "selection.js", "readHash", "#step=-1&by=atom&x=1") == {}


def test_the_store_tells_of_changes_only_and_once(kit):
    assert kit.evaluate("""async () => {
      const { selection } = await import("/selection.js");
      const heard = [];
      const stop = selection.subscribe((state, changed) => heard.push([state.step, [...changed]]));
      selection.set({ step: 0, ref: "" });
      selection.set({ step: 2, ref: "x", route: [] });
      stop();
      selection.set({ step: 3 });
      return heard;
    }""") == [[2, ["step", "ref"]]]


def test_pointing_focusing_and_pressing_a_number_outline_all_its_places(kit):
    kit.evaluate("""async () => {
      const { link, markLinked, selection } = await import("/selection.js");
      for (const [id, ref] of [["a", "w[0]"], ["b", "w[0]"], ["c", "w[1]"]]) {
        const node = document.createElement("button");
        node.id = node.textContent = id;
        document.body.append(link(node, ref));
      }
      selection.subscribe((state) => markLinked(document, state));
    }""")

    def having(name: str) -> str:
        return kit.evaluate("name => [...document.getElementsByClassName(name)].map((node) => node.id).join('')", name)

    kit.hover("#a")
    assert having("is-linked") == "ab"
    kit.hover("#c")
    assert having("is-linked") == "c"
    kit.mouse.move(500, 500)
    assert having("is-linked") == ""
    kit.focus("#b")
    assert having("is-linked") == "ab"
    kit.keyboard.press("Enter")
    kit.focus("#c")
    assert (having("is-linked"), having("is-pinned")) == ("c", "ab")
    kit.click("#a")
    assert having("is-pinned") == ""


# ---------------------------------------------------------------- colours

THEME = resources.files("glassnet.web").joinpath("theme.css").read_text(encoding="utf-8")


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


LIGHT, DARK, CHOSEN = (colours(block) for block in re.findall(r":root[^{]*\{([^}]*)\}", THEME))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_dark_by_choice_is_dark_by_system():
    assert DARK == CHOSEN
    assert DARK.keys() == LIGHT.keys()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_meaning_stand_out_from_every_ground(theme):
    meanings = ("accent", "focus", "good", "bad", "value-plus", "value-minus", "gradient-plus", "gradient-minus")
    for ground in ("surface", "page", "raised"):
        for name in ("ink", "dim", *meanings):
            assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)
    assert min(contrast(theme["ink"], theme["panel"]), contrast(theme["dim"], theme["panel"])) >= 4.5
    for name in ("value-plus", "value-minus", "gradient-plus", "gradient-minus"):
        assert contrast(theme[name], theme["surface"]) >= (4.7 if theme is LIGHT else 7.9), name


def test_the_readers_choice_wins_over_the_system(new_page):
    for system, choice, expected in [("dark", None, DARK), ("light", None, LIGHT), ("dark", "light", LIGHT),
                                     ("light", "dark", DARK)]:  # fmt: skip
        page = new_page(color_scheme=system)
        page.goto("http://glassnet.test/")
        page.add_style_tag(content=THEME)
        page.evaluate("theme => theme && document.documentElement.setAttribute('data-theme', theme)", choice)
        red, green, blue = (int(expected["page"][i : i + 2], 16) for i in (1, 3, 5))
        found = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert found == f"rgb({red}, {green}, {blue})"
