"""`glassnet draw RUN`: where the page goes, and for which runs there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.samples import Cli


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_draw_leaves_a_page_beside_the_model(cli: Cli, kept: dict[str, Path], name: str) -> None:
    ended = cli("draw", kept[name])
    page = kept[name] / "draw.html"
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(str(page))
    assert "<title>Draw a digit" in page.read_text("utf-8")
    page.unlink()


def test_the_page_can_go_elsewhere(cli: Cli, kept: dict[str, Path], empty_folder: Path) -> None:
    assert cli("draw", kept["digits"] / "model.glassnet", "--out", "my page.html").code == 0
    assert (empty_folder / "my page.html").exists()
    assert not (kept["digits"] / "draw.html").exists()


@pytest.mark.parametrize("name", ["xor", "houses", "plane"])
def test_a_run_without_pictures_has_no_page_to_draw_on(cli: Cli, kept: dict[str, Path], name: str) -> None:
    ended = cli("draw", kept[name])
    assert (ended.code, ended.out) == (2, "")
    assert "did not learn from pictures; expected: a run of digits, mnist, fashion_mnist" in ended.err


def test_a_folder_that_does_not_exist_is_named(cli: Cli, kept: dict[str, Path]) -> None:
    ended = cli("draw", kept["digits"], "--out", "nowhere/page.html")
    assert ended.code == 2
    assert "nowhere" in ended.err
