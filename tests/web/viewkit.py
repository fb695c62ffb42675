"""What the tests of the views share: a page in which every view can be made, and how to ask it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

DONE = "[data-testid=self-check][data-done=true]"
HOST = "http://glassnet.test/"
VIEWS = ["boundary", "chart", "code", "flow", "heat", "imagegrid", "lens", "ribbon", "unitgrid", "waterfall"]
BLUE, ORANGE, PURPLE, GREEN = (11, 99, 165), (194, 80, 10), (107, 44, 145), (27, 127, 59)
DARK = (20, 23, 28)
HOSTILE = '<img src=x onerror="window.hacked = 1"></script><b>'

SET_UP = """async (names) => {
  const sheets = ["theme.css", "views.css"].map((name) => new Promise((done) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/${name}`, onload: done });
    document.head.append(sheet);
  }));
  await Promise.all(sheets);
  document.body.style.padding = "16px";
  for (const name of names) window[name] = (await import(`/${name}.js`))[name];
  window.calls = [];
  window.show = (view) => { document.body.append(view.node); window.view = view; return view.node; };
  window.array = ({ data, ...rest }) => ({ ...rest,
    data: new Float32Array(Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0)).buffer) });
}"""

CLEAR = """async () => {
  document.body.replaceChildren();
  document.documentElement.removeAttribute("data-theme");
  const { selection } = await import("/selection.js");
  selection.set({ step: 0, granularity: "layer", ref: "", pinned: "", route: [], theme: "system" });
  window.calls = [];
}"""


def array(values: Any, ref: str = "w@0", role: str = "param") -> dict[str, Any]:
    """An array as the page's `array` takes it: 100 000 numbers as JSON would take seconds."""
    numbers = np.asarray(values, "<f4")
    data = base64.b64encode(numbers.tobytes()).decode("ascii")
    return {"ref": ref, "role": role, "shape": list(numbers.shape), "data": data}


def show(page: Any, view: str, options: str, values: Any = None) -> None:
    """Put a view on the page; `options` is JavaScript that may use `v`."""
    page.evaluate(f"(v) => void show({view}({options}))", values)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ask(page: Any, module: str, call: str, values: Any = None) -> Any:
    """The answer of a pure function."""
    return page.evaluate(f"async (v) => (await import('/{module}.js')).{call}", values)


def pixel(page: Any, x: float, y: float, canvas: str = "canvas") -> tuple[int, ...]:
    """The colour of a canvas at a point in CSS pixels."""
    found = page.evaluate(
        "([selector, x, y]) => [...document.querySelector(selector).getContext('2d').getImageData("
        "x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]",
        [canvas, x, y],
    )
    return tuple(found[:3])


def number(text: str) -> float:
    """A shown number as a float."""
    mantissa, _, power = text.replace("−", "-").replace("+", "").partition("×10")
    superscripts = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return float(mantissa) * 10.0 ** int(power.translate(superscripts) or 0)


def texts(page: Any, selector: str) -> list[str]:
    return [found.strip() for found in page.locator(selector).all_text_contents()]


def terms(values: Any) -> list[dict[str, Any]]:
    return [
        {
            "label": f"<{i}>",
            "value": float(x),
            "factors": [{"ref": f"x@0[{i}]", "value": 1}, {"ref": f"w@0[{i}]", "value": float(x)}],
        }
        for i, x in enumerate(values)
    ]


def kernel() -> dict[str, Any]:
    values = np.zeros((784, 128))
    values[np.arange(128), np.arange(128)] = 1  # unit u looks at pixel u
    values[500:520] = -0.5
    return array(values, ref="dense/kernel@0")


def go(tab: Any, **place: Any) -> None:
    """Choose a place, and wait until drawings that follow their own width have been laid out."""
    tab.evaluate(
        """place => { window.__glass.selection.set(place);
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))); }""",
        place,
    )
