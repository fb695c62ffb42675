"""A headless Chromium for pages and modules, with no network: whatever a page asks for beyond its own files fails.

`kit` is a page of a made-up host that serves the modules of `glassnet.web` as they are; `open_page` opens one bundled
file as a reader would, from disk. Both collect console errors and refused requests, and a test that leaves some fails.

Tabs stay open from test to test, one per set of options: a tab, and a page in it, cost more than most tests do.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web.networks import XOR_X, XOR_Y, classifier, image, xor
from web.viewkit import CLEAR, DONE, LOOK, RETURN, SET_UP, VIEWS

from glassnet.explain import explain, trace
from glassnet.explain import page as explain_page

playwright_api = None
with contextlib.suppress(ImportError):
    from playwright import sync_api as playwright_api

HOST = "http://glassnet.test/"
SYSTEM = ("chromium-headless-shell", "chromium", "chromium-browser")
"""Names on the path. Debian's shell without windows takes half the time of the whole program."""
TYPES = {".js": "text/javascript", ".css": "text/css"}


def missing(reason: str) -> None:
    """No browser: a loud skip on a developer's machine, a failure in CI."""
    text = f"page tests need Chromium and `pip install playwright`: {reason}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def chromium_path(browser_type: Any) -> str:
    """The first Chromium there is: $CHROMIUM, the system's (the quickest first), playwright's own."""
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, SYSTEM)]
    candidates = [path for path in [*found, browser_type.executable_path] if path and Path(path).exists()]
    if not candidates:
        missing(f"no browser in $CHROMIUM, on the path ({', '.join(SYSTEM)}) or from `playwright install chromium`")
    return candidates[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if playwright_api is None:
        missing("playwright is not installed")
    with playwright_api.sync_playwright() as playwright:
        path = chromium_path(playwright.chromium)
        sandbox = [] if getattr(os, "geteuid", lambda: 1)() else ["--no-sandbox"]  # root cannot have one
        running = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield running
        running.close()


def serve(route: Any) -> None:
    """Answer for the made-up host from the package, let files through, refuse the rest."""
    url = route.request.url
    if url.startswith(("file:", "data:", "blob:")):
        route.continue_()
    elif url == HOST:
        route.fulfill(
            content_type="text/html", body="<!doctype html><html lang=en><title>kit</title><body></body></html>"
        )
    elif url.startswith(HOST) and Path(url).suffix in TYPES:
        text = resources.files("glassnet.web").joinpath(url.removeprefix(HOST)).read_text(encoding="utf-8")
        route.fulfill(content_type=TYPES[Path(url).suffix] + "; charset=utf-8", body=text)
    else:
        route.abort()


def page_in(browser: Any, problems: list[str], **options: Any) -> Any:
    """A page in a context of its own that lists what goes wrong."""
    context = browser.new_context(**options)
    context.route("**/*", serve)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"refused: {request.url[:200]}"))
    return page


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Makes pages; options are those of playwright's contexts, such as `color_scheme` or `viewport`.

    A test that means to cause problems passes the list in which it wants to find them.
    """
    contexts: list[Any] = []
    unexpected: list[str] = []

    def make(expect_problems: list[str] | None = None, **options: Any) -> Any:
        page = page_in(browser, unexpected if expect_problems is None else expect_problems, **options)
        contexts.append(page.context)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not unexpected, unexpected


@dataclass
class Tab:
    """A tab that outlives the test, and what it needs to be as it was."""

    page: Any
    problems: list[str]
    file: Path
    text: str = ""
    look: str = ""
    place: Any = None

    def __post_init__(self) -> None:
        self.size = self.page.viewport_size

    def open(self, text: str) -> None:
        """Show another page."""
        self.file.write_text(text, encoding="utf-8")
        self.text = ""
        self.restore()
        self.page.goto("about:blank")  # else an address that differs in its fragment only would be no new page
        self.problems.clear()
        self.page.goto(self.file.as_uri())

    def restore(self) -> None:
        """Take back what a test may have done to the tab itself."""
        self.page.mouse.move(0, 0)
        self.page.set_viewport_size(self.size)
        self.page.emulate_media(media="null")

    def remember(self, text: str) -> None:
        """Take the page, which has just become ready, as the one to come back to."""
        self.text, self.look = text, self.page.evaluate(LOOK)
        self.place = self.page.evaluate("() => ({ ...window.__glass?.selection?.get() })")

    def comes_back(self, text: str) -> bool:
        """Whether the page of this text is there again, node by node as it was when it became ready."""
        if self.text != text or not self.page.evaluate("() => Boolean(window.__glass?.selection)"):
            return False
        self.restore()
        self.page.evaluate(RETURN, self.place)
        self.problems.clear()
        return bool(self.page.evaluate(LOOK) == self.look)


@pytest.fixture(scope="session")
def tabs(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Tab]]:
    """The tab with these options, which are those of playwright's contexts."""
    kept: dict[str, Tab] = {}

    def tab(**options: Any) -> Tab:
        key = repr(sorted(options.items()))
        if key not in kept:
            problems: list[str] = []
            page = page_in(browser, problems, **options)
            kept[key] = Tab(page, problems, tmp_path_factory.mktemp("page") / "page.html")
        return kept[key]

    yield tab
    for one in kept.values():
        one.page.context.close()


@pytest.fixture(scope="session")
def kits(browser: Any) -> Iterator[Callable[..., tuple[Any, list[str]]]]:
    """One page per set of options for all tests of the kit and of views: loading the modules takes longer than most."""
    kept: dict[str, tuple[Any, list[str]]] = {}

    def kit(**options: Any) -> tuple[Any, list[str]]:
        key = repr(sorted(options.items()))
        if key not in kept:
            problems: list[str] = []
            page = page_in(browser, problems, **options)
            page.goto(HOST)
            page.evaluate(SET_UP, VIEWS)
            kept[key] = page, problems
        return kept[key]

    yield kit
    for page, _ in kept.values():
        page.context.close()


@pytest.fixture
def views(kits: Callable[..., tuple[Any, list[str]]]) -> Iterator[Callable[..., Any]]:
    """An empty page in which every view can be made; options are those of playwright's contexts."""
    used: list[list[str]] = []

    def opened(**options: Any) -> Any:
        page, problems = kits(**options)
        page.mouse.move(0, 0)
        page.evaluate(CLEAR)
        problems.clear()
        used.append(problems)
        return page

    yield opened
    assert not any(used), used


@pytest.fixture
def kit(views: Callable[..., Any]) -> Any:
    """A page, empty again, in which `await import("/rules.js")` works."""
    return views()


@pytest.fixture
def open_page(tabs: Callable[..., Tab], new_page: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens the text of a page as a file on disk; further options are those of `new_page`.

    What is opened with the same options is opened in the same tab, in place of what was there.
    """
    used: list[list[str]] = []

    def opened(text: str, expect_problems: list[str] | None = None, **options: Any) -> Any:
        if expect_problems is not None:
            path = tmp_path / "page.html"
            path.write_text(text, encoding="utf-8")
            page = new_page(expect_problems, **options)
            page.goto(path.as_uri())
            return page
        tab = tabs(**options)
        tab.open(text)
        used.append(tab.problems)
        return tab.page

    yield opened
    assert not any(used), used


@pytest.fixture
def ready(tabs: Callable[..., Tab], open_page: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Opens an explain page and waits until it has checked itself; where it is open already, it is as it was then."""
    used: list[list[str]] = []

    def opened(text: str, **options: Any) -> Any:
        tab = tabs(**options)
        if not tab.comes_back(text):
            open_page(text, **options)
            tab.page.wait_for_selector(DONE)
            tab.remember(text)
        used.append(tab.problems)
        return tab.page

    yield opened
    assert not any(used), used


@pytest.fixture
def modules(kit: Any) -> Callable[[Any], Any]:
    """A page without the shell in which the stage's own functions can be called on a trace."""

    def loaded(made: Any) -> Any:
        data = json.loads(re.search(r'id="trace">(.*?)</script>', made.html, re.DOTALL).group(1))
        kit.evaluate(
            """async (data) => {
              const { Trace } = await import("/trace.js");
              for (const name of ["route", "chain", "plane"]) Object.assign(window, await import(`/${name}.js`));
              window.__glass = { trace: await Trace.load(data) };
            }""",
            data,
        )
        return kit

    return loaded


# ---------------------------------------------------------------- pages of the explain tests


@pytest.fixture(scope="session")
def xor_step() -> Any:
    return trace(xor(), XOR_X, XOR_Y)


@pytest.fixture(scope="session")
def xor_page(xor_step: Any) -> str:
    return explain_page.page(xor_step, columns=["x1", "x2"])


@pytest.fixture(scope="session")
def mnist_page() -> str:
    """A page of the size of MNIST, 784-128-10, with Adam."""
    return explain(classifier(128, 784), image(784), np.array([3]), image=(28, 28)).html
