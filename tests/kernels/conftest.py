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


PROCESSORS = {"sse2": ("x86-64", 4, 16), "avx2": ("x86-64-v3", 8, 16), "own": None}
"""LLVM's name, numbers in a register, and registers; or this very processor, which may have AVX-512."""


@pytest.fixture
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile for a processor with registers of another width."""
    from glassnet.kernels import cache, llvm  # an optional extra

    if not llvm.llvm.get_host_cpu_features().get(request.param, True):
        pytest.skip(f"this processor has no {request.param}")
    if PROCESSORS[request.param] is not None:
        for attribute, value in zip(("name", "lanes", "registers"), PROCESSORS[request.param]):
            monkeypatch.setattr(llvm.machine(), attribute, value)
        monkeypatch.setattr(llvm.machine(), "features", "")
    cache._generator.cache_clear()
    yield
    cache._generator.cache_clear()
