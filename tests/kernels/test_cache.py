"""Machine code on disk: compiled once, read afterwards, and never in the way of a right result."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels import cache
from glassnet.kernels.plan import CompiledPlan

X = np.arange(12, dtype="float32").reshape(3, 4)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GLASSNET_HOME", str(tmp_path / "home"))
    cache._say.cache_clear()
    return tmp_path / "home"


@pytest.fixture
def translations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that LLVM was given to translate."""
    found: list[str] = []

    def translated(text: str) -> bytes:
        found.append(text)
        return right(text)

    right = cache.translated
    monkeypatch.setattr(cache, "translated", translated)
    return found


def result(factor: float = 2.0) -> Any:
    """What a plan of `factor * x` gives."""
    graph, _ = trace(lambda x: x * factor, X)
    return CompiledPlan(graph, threads=1).run(X)[0]


def files(home: Path) -> list[Path]:
    return sorted((home / "kernels").glob("*"))


def test_what_was_compiled_once_is_read_the_next_time(translations: list[str], home: Path) -> None:
    for _ in range(2):
        np.testing.assert_array_equal(result(), X * 2)
    assert (len(translations), len(files(home))) == (1, 1)
    np.testing.assert_array_equal(result(3.0), X * 3)
    assert (len(translations), len(files(home))) == (2, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(cache.llvmlite, "__version__", "0.0"),
        lambda patch: patch.setattr(cache.machine(), "name", "another"),
        lambda patch: patch.setattr(cache, "__file__", str(Path(gn.__file__).parent / "graph" / "ir.py")),
    ],
    ids=["llvmlite", "processor", "generator"],
)
def test_code_of_another_kind_has_another_name(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch)
    cache._generator.cache_clear()
    try:
        name = cache._generator()
    finally:
        monkeypatch.undo()
        cache._generator.cache_clear()
    assert name != cache._generator()


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-7], lambda data: data[:-1] + b"?"])
def test_a_damaged_file_is_noticed_and_compiled_anew(damage: Any, translations: list[str], home: Path) -> None:
    result()
    (file,) = files(home)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    with pytest.warns(UserWarning, match=r"\.o is damaged; it is compiled anew"):
        np.testing.assert_array_equal(result(), X * 2)
    assert len(translations) == 2
    assert file.read_bytes() == good


def test_a_folder_that_cannot_be_written_costs_time_only_and_is_said_once(home: Path) -> None:
    home.write_text("a file stands where the folder should be")
    with pytest.warns(UserWarning, match=r"compiled steps cannot be kept in .*: every program compiles its own"):
        np.testing.assert_array_equal(result(2.0), X * 2)
    np.testing.assert_array_equal(result(3.0), X * 3)  # a second warning would be an error


def test_the_oldest_files_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    result(2.0)
    (first,) = files(home)
    monkeypatch.setattr(cache, "_MOST_BYTES", 5 * first.stat().st_size // 2)
    result(3.0)
    for file in files(home):
        os.utime(file, (1.0, 1.0))  # two plans may be made between two ticks of the clock of files
    result(2.0)  # used again, so the other one is older
    result(4.0)
    assert len(files(home)) == 2
    assert first.exists()


def test_equal_layers_are_one_function(translations: list[str]) -> None:
    def step(x: Any, w: Any) -> Any:
        for _ in range(4):
            x = gn.ops.tanh(gn.ops.matmul(x, w))
        return x

    x, w = np.ones((8, 16), "float32"), np.full((16, 16), 0.1, "float32")
    graph, _ = trace(step, x, w)
    plan = CompiledPlan(graph, threads=1)
    wanted = x
    for _ in range(4):
        wanted = np.tanh(wanted @ w)
    np.testing.assert_allclose(plan.run(x, w)[0], wanted, rtol=1e-5)
    assert translations[0].count("define void @") == 2  # one kernel, one driver
