"""What the documentation shows is true: its code runs, prints what stands below it, and its install lines work.

In a page every block marked `python` runs, in order and in one namespace; a block marked `text` that directly follows
is compared with what it printed. Blocks marked otherwise (`py`, `console`, ...) are only shown.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import pkgutil
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import config
from glassnet.autograd.op import Domain, Op, apply
from glassnet.layers.base import clear_session
from glassnet.seeds import set_random_seed

ROOT = Path(__file__).parents[1]
LADDER = ROOT / "examples" / "ladder"
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
COMPILER = [str(Path(gn.__file__).parent / "kernels")] if importlib.util.find_spec("llvmlite") else []
MODULES = sorted(
    module.name
    for module in (
        *pkgutil.walk_packages(gn.__path__, "glassnet."),
        *pkgutil.iter_modules(COMPILER, "glassnet.kernels."),  # no regular package: `walk_packages` passes it by
    )
    if not module.name.endswith("__main__")
)


@pytest.fixture
def clean_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What a reader starts with: an empty folder (with the ladder at hand), float32, layers counted from `dense`."""
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    monkeypatch.syspath_prepend(str(LADDER))
    monkeypatch.chdir(tmp_path)
    clear_session()
    set_random_seed(0)
    floatx, executor = config.floatx(), config.executor()
    yield
    config.set_floatx(floatx)
    config.set_executor(executor)
    for name in {path.stem for path in LADDER.glob("*.py")} & set(sys.modules):
        del sys.modules[name]


def run_page(text: str, name: str, namespace: dict[str, Any]) -> int:
    """Execute the python blocks of a page; returns how many there were."""
    printed, end, count = "", -1, 0
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("body"))
        if block["language"] == "text" and end >= 0 and not text[end : block.start()].strip():
            assert printed.strip("\n") == block["body"].strip("\n"), f"{name}:{line}: the code above prints\n{printed}"
        end = -1
        if block["language"] == "python":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile("\n" * line + block["body"], name, "exec"), namespace)
            printed, end, count = stream.getvalue(), block.end(), count + 1
    return count


@pytest.mark.usefixtures("clean_session")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_of_a_page_runs_and_prints_what_stands_below_it(page: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "page"}
    if page.name == "CONTRIBUTING.md":  # its blocks are written into files that have imported these
        namespace |= {"np": np, "gn": gn, "Any": Any, "Op": Op, "Domain": Domain, "apply": apply}
    run_page(page.read_text("utf-8"), page.name, namespace)


def test_a_wrong_output_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"page:5: the code above prints"):
        run_page("```python\nprint(1)\n```\n\n```text\n2\n```\n", "page", {})


@pytest.mark.usefixtures("clean_session")
@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_are_true(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module), extraglobs={"np": np, "gn": gn})
    assert result.failed == 0


def install_targets(text: str) -> list[str]:
    """What the `pip install` lines of a text install."""
    commands = re.findall(r"pip install ([^`\n&|;]+)", text)
    return [word for command in commands for word in shlex.split(command) if not word.startswith("-")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_install_lines_need_only_this_checkout_and_existing_extras(page: Path) -> None:
    text = page.read_text("utf-8")
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
    for target in install_targets(text):
        found = re.fullmatch(r"\.(?:\[([\w,]+)\])?", target)  # the package is on no index today: only from the checkout
        assert found, f"{page.name} installs {target}"
        assert set(filter(None, (found[1] or "").split(","))) <= extras, f"{page.name} installs {target}"
    assert not re.search(r"\b(conda|mamba|brew|pipx|uv|uvx|npm) (install|add|tool|run)\b", text)


def test_the_start_page_shows_the_commands_of_the_readme() -> None:
    start, readme = ((ROOT / name).read_text("utf-8") for name in ("docs/index.md", "README.md"))
    commands = re.findall(r"^python3 -m venv .*$", start, re.MULTILINE)
    assert len(commands) == 2
    assert set(commands) <= set(readme.splitlines())


def test_the_numbers_of_the_readme_are_those_of_the_stored_results() -> None:
    spec = importlib.util.spec_from_file_location("render_readme", ROOT / "docs" / "render_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert module.rendered(readme) == readme, "python docs/render_readme.py"
