"""A headless Chromium for pages and modules, with no network: whatever a page asks for beyond its own files fails.

`kit` is a page of a made-up host that serves the modules of `glassnet.web` as they are; `open_page` opens one bundled
file as a reader would, from disk. Both collect console errors and refused requests, and a test that leaves some fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from web.viewkit import CLEAR, DONE, SET_UP, VIEWS

playwright_api = None
with contextlib.suppress(ImportError):
    from playwright import sync_api as playwright_api

HOST = "http://glassnet.test/"
TYPES = {".js": "text/javascript", ".css": "text/css"}


def missing(reason: str) -> None:
    """No browser: a loud skip on a developer's machine, a failure in CI."""
    text = f"page tests need Chromium and `pip install playwright`: {reason}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def chromium_path(browser_type: Any) -> str:
    """The first Chromium there is: $CHROMIUM, the system's, playwright's own."""
    found = [os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("chromium-browser")]
    candidates = [path for path in [*found, browser_type.executable_path] if path and Path(path).exists()]
    if not candidates:
        missing(
            "no browser in $CHROMIUM, on the path (chromium, chromium-browser) or from `playwright install chromium`"
        )
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


@pytest.fixture(scope="session")
def shared_kit(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """One page for all tests of the kit and of views: loading the modules takes longer than most tests."""
    problems: list[str] = []
    page = page_in(browser, problems)
    page.goto(HOST)
    page.evaluate(SET_UP, VIEWS)
    yield page, problems
    page.context.close()


@pytest.fixture
def kit(shared_kit: tuple[Any, list[str]]) -> Iterator[Any]:
    """A page, empty again, in which `await import("/rules.js")` works."""
    page, problems = shared_kit
    page.mouse.move(0, 0)
    page.evaluate(CLEAR)
    problems.clear()
    yield page
    assert not problems, problems


@pytest.fixture
def open_page(new_page: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens the text of a page as a file on disk; further options are those of `new_page`."""

    def opened(text: str, **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        page = new_page(**options)
        page.goto(path.as_uri())
        return page

    return opened


@pytest.fixture
def ready(open_page: Callable[..., Any]) -> Callable[..., Any]:
    """Opens a page and waits until it has checked itself."""

    def opened(text: str, **options: Any) -> Any:
        tab = open_page(text, **options)
        tab.wait_for_selector(DONE)
        return tab

    return opened


@pytest.fixture
def views(kit: Any, new_page: Callable[..., Any]) -> Callable[..., Any]:
    """A page in which every view can be made; with options, which are those of playwright's contexts, one of its own."""

    def opened(**options: Any) -> Any:
        if not options:
            return kit
        page = new_page(**options)
        page.goto(HOST)
        page.evaluate(SET_UP, VIEWS)
        return page

    return opened


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
