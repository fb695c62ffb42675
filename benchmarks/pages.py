"""The pages in a headless Chromium: how large they are, how soon they are there, how quickly they follow their reader.

    python -m benchmarks.pages --out benchmarks/results/pages.json [--rounds 5]

A page is loaded, and every step of it gone to, once per round; the best round counts, since other programs may hold the
machine up, and of all steps the slowest. A change ends when everything is laid out. Needs the extra `dev` and Chromium,
which $CHROMIUM may name.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

import glassnet as gn
from benchmarks.compare import machine
from glassnet.explain import explain
from glassnet.explain.draw import draw_page
from glassnet.lab.text import decoder

L = gn.layers
LIMITS = {"size_mb": 5.0, "first_step_ms": 1500, "step_change_ms": 100, "draw_ms": 50}
HEADINGS = {"size_mb": "size, MB", "first_step_ms": "start, ms", "step_change_ms": "step, ms", "draw_ms": "pen, ms"}
CHECKED = "[data-testid=self-check][data-done=true]"
FIRST_STEP = "performance.getEntriesByName('first step')[0].startTime"
CHANGES = """async (places) => {
  const times = [];
  for (const place of places) {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
    const start = performance.now();
    __glass.selection.set(place);
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}"""
LOOK = """() => {
  const start = performance.now();
  __glass.look(false);
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""
EIGHT = [[[0.5 + 0.2 * np.sin(t), 0.5 - 0.35 * np.sin(t / 2 + 0.8)] for t in np.linspace(0, 4 * np.pi, 60)]]


# ---------------------------------------------------------------- the pages


def mlp() -> Any:
    model = gn.Sequential([gn.Input((784,)), L.Dense(128, "relu"), L.Dense(10, "softmax")])
    image = inked((1, 784))
    return explain(model, image, np.array([3]), "sparse_categorical_crossentropy", "adam", image=(28, 28))


def cnn() -> Any:
    maps = [L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D()]
    model = gn.Sequential([gn.Input((28, 28, 1)), *maps, L.Flatten(), L.Dense(10, "softmax")])
    return explain(model, inked((1, 28, 28, 1)), np.array([3]), "sparse_categorical_crossentropy", "adam")


def names() -> Any:
    ids = np.arange(1, 17)[None] % 27
    recurrent = [L.Embedding(27, 32), L.GRU(96, return_sequences=True), L.Dense(27, "softmax")]
    model = gn.Sequential([gn.Input((16,), dtype="int32"), *recurrent])
    return explain(model, ids, np.roll(ids, -1, 1), "sparse_categorical_crossentropy", "adam",
                   tokens=list(".abcdefghijklmnopqrstuvwxyz"))  # fmt: skip


def text() -> Any:
    model = decoder(65, context=64, width=128, blocks=4, heads=4)
    model.compile("adam", gn.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.arange(64)[None]
    return explain(model, ids, ids)


def drawing() -> str:
    hidden = [L.Rescaling(1 / 255), L.Flatten(), L.Dense(128, "relu"), L.Dense(128, "relu")]
    model = gn.Sequential([gn.Input((28, 28)), *hidden, L.Dense(10, "softmax")])
    return draw_page(model, "mnist", list("0123456789"), 255)


def inked(shape: tuple[int, ...]) -> Any:
    """Something with a fifth of its pixels inked, as a digit has."""
    rng = np.random.default_rng(1)
    return (rng.random(shape) * (rng.random(shape) < 0.2)).astype("float32")


@dataclass(frozen=True)
class Explained:
    """A page of one training step, whose steps are gone through with each of these cells pinned, and with none."""

    made: Callable[[], Any]
    pinned: tuple[str, ...] = ()

    def measure(self, open_page: Callable[[str], Page], rounds: int) -> dict[str, float]:
        made = self.made()
        tab = open_page(made.html)
        places = [{"step": step, "pinned": ref} for ref in ("", *self.pinned) for step in range(len(made.trace.steps))]
        starts, changes = [], []
        for _ in range(rounds):
            tab.reload()
            tab.wait_for_selector(CHECKED)
            starts.append(tab.evaluate(FIRST_STEP))
            changes.append(tab.evaluate(CHANGES, places))
        best = np.min(changes, axis=0)
        return {"size_mb": len(made.html.encode()) / 1e6, "first_step_ms": min(starts), "step_change_ms": best.max()}


@dataclass(frozen=True)
class Drawn:
    """A page to draw on."""

    made: Callable[[], str]

    def measure(self, open_page: Callable[[str], Page], rounds: int) -> dict[str, float]:
        html = self.made()
        tab = open_page(html)
        tab.wait_for_function("window.__glass")
        tab.evaluate("(strokes) => __glass.draw(strokes)", EIGHT)
        return {"size_mb": len(html.encode()) / 1e6, "draw_ms": min(tab.evaluate(LOOK) for _ in range(4 * rounds))}


PAGES: dict[str, Explained | Drawn] = {
    "784-128-10, Adam": Explained(mlp, ("dense/linear[0,9]",)),
    "MNIST CNN, 32 and 64 maps": Explained(cnn, ("conv2d/relu[0,4,4,9]", "conv2d_1/biased_convolution[0,:,:,9]")),
    "names GRU, 96 units, 16 steps": Explained(names),
    "decoder 4 x 128, context 64": Explained(text),
    "draw, 784-128-128-10": Drawn(drawing),
}


# ---------------------------------------------------------------- measuring


def measure(browser: Browser, name: str, rounds: int) -> dict[str, Any]:
    """One row: what a page weighs and how long its reader waits."""
    gn.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder, browser.new_context(offline=True) as context:
        tab = context.new_page()

        def open_page(html: str) -> Page:
            path = Path(folder) / "page.html"
            path.write_text(html, encoding="utf-8")
            tab.goto(path.as_uri())
            return tab

        found = PAGES[name].measure(open_page, rounds)
    return {"page": name, **{key: round(float(value), 2) for key, value in found.items()}}


def table(rows: list[dict[str, Any]]) -> Table:
    """Of all pages the size, the first step, the slowest change of step and a move of the pen; red above its limit."""
    shown = Table("page", title="Pages in a headless Chromium")
    for key, limit in LIMITS.items():
        shown.add_column(f"{HEADINGS[key]}\n≤ {limit:g}", justify="right")
    for row in rows:
        cells = [f"[{'red' if row[key] > limit else 'green'}]{row[key]:.4g}" if key in row else ""
                 for key, limit in LIMITS.items()]  # fmt: skip
        shown.add_row(row["page"], *cells)
    return shown


def main() -> None:
    """Measure all pages and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="benchmarks/results/pages.json")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0)
        rows = [measure(browser, name, options.rounds) for name in PAGES]
        versions = {"chromium": browser.version, "playwright": version("playwright"), "glassnet": gn.__version__}
        browser.close()
    Console().print(table(rows))
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    stored = {"machine": {**machine(), **versions}, "limits": LIMITS, "rows": rows}
    Path(options.out).write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
