"""The page of the docs on seeing through names every figure and every film that there is."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import glassnet as gn

PAGE = (Path(__file__).parents[2] / "docs" / "see-through.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [gn.plot, gn.animate], ids=["plot", "animate"])
def test_the_docs_name_and_run_every_figure_and_film(module: ModuleType) -> None:
    short = module.__name__.rpartition(".")[2]
    for name in module.__all__:
        assert f"gn.{short}.{name}" in PAGE, name
        assert f"`{name}`" in PAGE or name[0].isupper() or name == "scenes", name
