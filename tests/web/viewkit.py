"""What the tests of the views share: a page in which every view can be made, and how to ask it."""

from __future__ import annotations

import base64
import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from axe_playwright_python.sync_playwright import Axe

import glassnet as gn
from glassnet.explain import explain
from glassnet.explain.draw import draw_page
from glassnet.explain.report import Judgement, report_page

DONE = "[data-testid=self-check][data-done=true]"
HOST = "http://glassnet.test/"
VIEWS = ["boundary", "chart", "code", "flow", "heat", "imagegrid", "lens", "ribbon", "unitgrid", "waterfall"]
MOST_NODES = 2000
BLUE, ORANGE, PURPLE, GREEN = (11, 99, 165), (194, 80, 10), (107, 44, 145), (27, 127, 59)
DARK = (20, 23, 28)
HOSTILE = '<img src=x onerror="window.hacked = 1"></script><b>'

SIZES = """[document.querySelectorAll(".stage-body > *").length, document.documentElement.scrollWidth - innerWidth,
  document.querySelectorAll("*").length, place]"""
"""Of a step: how many pictures it has, how far the page is too wide, how many nodes it has, and where that is."""

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

# What a page looks like to its reader, without the numbers that its views were given in turn.
LOOK = """() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("script").forEach((node) => node.remove());
  copy.querySelectorAll("[hidden]").forEach((node) => node.replaceChildren());
  const root = [...document.documentElement.attributes].map(({ name, value }) => `${name}=${value}`);
  return [document.title, document.head.childElementCount, ...root, copy.outerHTML.replace(/view-\\d+/g, "view")].join();
}"""

RETURN = """(place) => {
  document.activeElement.blur();
  scrollTo(0, 0);
  window.__glass.selection.set(place);
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
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


def walk(tab: Any, places: list[dict[str, Any]], look: str) -> list[Any]:
    """What the expression `look` finds at each place, once it is laid out: as `go`, without a way to the page and back.

    Where a pinned number has no part in a step, that shows what it shows without: there is nothing more to look at.
    """
    return list(tab.evaluate(
        f"""async (places) => {{
          const found = [];
          for (const place of places) {{
            window.__glass.selection.set(place);
            const {{ level }} = document.querySelector("[data-testid=stage]").dataset;
            if (place.pinned && level === "overview") continue;
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            found.push({look});
          }}
          return found;
        }}""", places,
    ))  # fmt: skip


COUNT = """() => {
  const { prototype } = HTMLCanvasElement;
  const width = Object.getOwnPropertyDescriptor(prototype, "width");
  const counts = (window.paintings = new Map());
  const set = function (value) { counts.set(this, (counts.get(this) ?? 0) + 1); width.set.call(this, value); };
  Object.defineProperty(prototype, "width", { ...width, set });
  window.stopCounting = () => Object.defineProperty(prototype, "width", width);
}"""


@contextlib.contextmanager
def paintings(tab: Any, selector: str) -> Iterator[list[int]]:
    """How often each canvas there is painted meanwhile; one that is not painted does not appear."""
    found: list[int] = []
    tab.evaluate(COUNT)
    try:
        yield found
    finally:
        found += tab.evaluate(
            """(selector) => { window.stopCounting();
              return [...window.paintings].filter(([canvas]) => canvas.closest(selector)).map(([, count]) => count); }""",
            selector,
        )


def every_step(made: Any, *pinned: str) -> list[dict[str, Any]]:
    """All steps of a page, with nothing pinned and with each of some numbers."""
    return [{"step": step, "pinned": ref} for ref in ("", *pinned) for step in range(len(made.trace.steps))]


def most_nodes(tab: Any, places: list[dict[str, Any]]) -> int:
    """Of how many nodes the page consists at most."""
    return int(tab.evaluate(
        """(places) => Math.max(...places.map((place) => {
          window.__glass.selection.set(place);
          return document.querySelectorAll("*").length;
        }))""", places,
    ))  # fmt: skip


def findings(tab: Any, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds serious or critical, by all its rules or by those named."""
    # It copies the text of what it looks at, and the trace alone is half a megabyte; scripts have run by now.
    tab.evaluate("() => document.querySelectorAll('script').forEach((node) => node.remove())")
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    violations = Axe().run(tab, options=options).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


# ---------------------------------------------------------------- one page of each kind

CLASSES = list("0123456789")
PHASES = {"forward": "forward", "loss": "loss", "backward": "backward", "update": "update", "cell": "forward"}
CELLS = {"xor": "hidden/kernel@0[1,1]", "digits": "hidden/kernel@0[20,9]"}


def visit(tab: Any, kind: str, place: str) -> None:
    """Go to the first layer's step of a phase, or to a weight of that layer."""
    step = tab.evaluate(
        """(phase) => window.__glass.trace.steps.findIndex((step) =>
          step.phase === phase && (phase === "loss" || step.path === "hidden"))""",
        PHASES[place],
    )
    go(tab, step=step, pinned="")
    go(tab, pinned=CELLS[kind] if place == "cell" else "")


@functools.cache
def page_of(kind: str) -> str:
    """The text of the page of a kind, made once."""
    return {"xor": _xor, "digits": _digits, "draw": _draw, "report": _report}[kind]()


def _xor() -> str:
    """XOR, half trained, all four samples."""
    gn.utils.set_random_seed(5)
    layers = [gn.layers.Dense(3, "tanh", name="hidden"), gn.layers.Dense(1, "sigmoid", name="output")]
    model = gn.Sequential([gn.Input((2,)), *layers], name="xor")
    model.compile(gn.optimizers.Adam(0.05), "binary_crossentropy")
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([[0], [1], [1], [0]], "float32")
    model.fit(x, y, epochs=40, verbose=0)
    return explain(model, x, y, optimizer=gn.optimizers.SGD(0.5), columns=["x1", "x2"]).html


@functools.cache
def _digits_run() -> tuple[Any, dict[str, list[float]]]:
    """A small network after four epochs on digits, and its history."""
    gn.utils.set_random_seed(1)
    (x, y), test = gn.datasets.digits.load_data()
    hidden = [gn.layers.Rescaling(1 / 16), gn.layers.Flatten(), gn.layers.Dense(32, "relu", name="hidden")]
    model = gn.Sequential([gn.Input((8, 8)), *hidden, gn.layers.Dense(10, "softmax", name="output")], name="digits")
    model.compile(gn.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, model.fit(x, y, batch_size=128, epochs=4, validation_data=test, verbose=0).history


def _digits() -> str:
    _, (x, y) = gn.datasets.digits.load_data()
    return explain(_digits_run()[0], x[:1], y[:1], optimizer="adam", classes=CLASSES).html


def _draw() -> str:
    return draw_page(_digits_run()[0], "digits", CLASSES, 16)


def _report() -> str:
    model, history = _digits_run()
    (x_train, _), (x, y) = gn.datasets.digits.load_data()
    judgement = Judgement(x, y, model.predict(x, verbose=0), CLASSES, (8, 8))
    return report_page(
        model, judgement, history, title="digits", facts=[("test accuracy", f"{history['val_accuracy'][-1]:.1%}")],
        commands=["glassnet train digits"], explained=("explain.html", "a mistake"), x_train=x_train,
    )  # fmt: skip
