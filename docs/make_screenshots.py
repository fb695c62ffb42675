"""The screenshots of README and docs: the pages of a run in headless Chromium.

glassnet train mnist --layers 128 --optimizer sgd --learning-rate 0.1 --epochs 3 --seed 0
python docs/make_screenshots.py runs/mnist
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

OUT = Path(__file__).parent / "screenshots"
EIGHT = [(0.65, 0.2), (0.45, 0.22), (0.35, 0.35), (0.5, 0.45), (0.62, 0.5), (0.6, 0.65), (0.45, 0.75), (0.35, 0.65),
         (0.5, 0.5), (0.65, 0.35), (0.62, 0.22)]  # fmt: skip
"""A drawing of an 8, in shares of the paper."""


def draw(page: Page) -> None:
    """Draw on the paper of the draw page."""
    paper = page.locator("canvas").first.bounding_box()
    assert paper is not None
    points = [(paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]) for x, y in EIGHT]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def main(run: Path) -> None:
    """Write the pages of the run anew, and take their pictures."""
    for command in (["explain", str(run), "--sample", "4"], ["draw", str(run)]):
        subprocess.run([sys.executable, "-m", "glassnet", *command], check=True)
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, file, scheme, height in (
            ("explain-forward", "explain-4.html#step=2", "light", 900),
            ("explain-backward", "explain-4.html#step=6", "dark", 900),
            ("draw", "draw.html", "light", 700),
            ("report", "report.html", "light", 1000),
        ):
            page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme=scheme)
            page.goto(f"{(run / file.partition('#')[0]).resolve().as_uri()}#{file.partition('#')[2]}")
            page.wait_for_timeout(1000)
            if name == "draw":
                draw(page)
                page.wait_for_timeout(300)
            page.screenshot(path=OUT / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
