"""Machine code of these tests stays out of the user's cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSNET_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For planted faults, which must neither be kept nor be healed by what was kept."""
    monkeypatch.setenv("GLASSNET_HOME", str(tmp_path / "home"))
