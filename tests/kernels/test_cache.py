"""Machine code on disk: compiled once, read afterwards, and never in the way of a right result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.op import Op, apply
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.graph.plan import ExecutionPlan
from glassnet.kernels import cache, compilation, kernel
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


def files(home: Path, kind: str = "*") -> list[Path]:
    return sorted((home / "kernels").glob(kind))


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
        lambda patch: _edit(patch, "kernel.py"),
        lambda patch: _edit(patch, "linalg.py"),
    ],
    ids=["llvmlite", "processor", "the generator", "an op"],
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


def _edit(patch: pytest.MonkeyPatch, name: str) -> None:
    """As if a line were added to a source file."""
    right = Path.read_bytes
    patch.setattr(Path, "read_bytes", lambda file: right(file) + (b"\n" if file.name == name else b""))


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-7], lambda data: data[:-1] + b"?"])
def test_a_damaged_file_is_noticed_and_compiled_anew(damage: Any, translations: list[str], home: Path) -> None:
    result()
    (file,) = files(home)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    with pytest.warns(UserWarning, match=r"\.o is damaged; it is made anew"):
        np.testing.assert_array_equal(result(), X * 2)
    assert len(translations) == 2
    assert file.read_bytes() == good


def test_a_folder_that_cannot_be_written_costs_time_only_and_is_said_once(home: Path) -> None:
    home.write_text("a file stands where the folder should be")
    with pytest.warns(UserWarning, match=r"compiled steps cannot be kept in .*: every program compiles its own"):
        np.testing.assert_array_equal(result(2.0), X * 2)
    np.testing.assert_array_equal(result(3.0), X * 3)  # a second warning would be an error


def test_a_folder_in_the_place_of_a_file_is_named_and_left_alone(home: Path) -> None:
    result()
    (file,) = files(home)
    file.unlink()
    file.mkdir()
    with pytest.warns(
        UserWarning, match=rf"compiled steps cannot be kept in {re.escape(str(file))} \(.*\): every program"
    ):
        np.testing.assert_array_equal(result(), X * 2)
    assert files(home) == [file]


def test_the_oldest_files_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    result(2.0)
    (first,) = files(home)
    monkeypatch.setattr(cache, "_MOST_BYTES", 5 * first.stat().st_size // 2)
    result(3.0)
    for file in files(home):
        os.utime(file, (1e9, 1e9))
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


# ---------------------------------------------------------------- proofs


@pytest.fixture
def numpy_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The graph of every step that NumPy ran."""
    found: list[Any] = []
    right = ExecutionPlan.run

    def run(self: Any, *arrays: Any, fed: Any = None) -> list[Any]:
        found.append(self.graph)
        return right(self, *arrays, fed=fed)

    monkeypatch.setattr(ExecutionPlan, "run", run)
    gn.config.set_executor("llvm")
    yield found
    gn.config.set_executor("auto")


def stepped(step: Callable[[Any], Any] = lambda x: x * 2.0) -> Any:
    """What a step gives that is traced, compiled and run as in a new program."""
    return gn.jit(step)(X).numpy()


def wrong_store(emitter: Any, target: Any, position: Any, cell: Any, lanes: Any) -> None:
    right_store(emitter, target, position, cell, lanes * 1.01)


right_store = kernel.Emitter.store


def test_a_plan_that_was_proved_once_is_not_run_by_numpy_again(numpy_steps: list[Any], home: Path) -> None:
    np.testing.assert_array_equal(stepped(), X * 2)
    assert (len(numpy_steps), len(files(home, "*.proof"))) == (1, 1)
    np.testing.assert_array_equal(stepped(), X * 2)
    assert len(numpy_steps) == 1


def test_a_plan_that_was_proved_once_runs_without_its_formulas(
    numpy_steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs, a lookup, what NumPy runs in between and a new content of a variable: the schedule says it all."""
    ids, table = np.array([2, 0, 1, 1]), gn.Variable(np.arange(6, dtype="float32").reshape(3, 2))

    def step(ids: Any) -> tuple[Any, Any]:
        rows = gn.ops.take(table.value, ids, axis=0)
        table.assign(table.value * 2.0)
        return rows + 1.0, gn.ops.sort(rows * 3.0, axis=0)

    first = [part.numpy() for part in gn.jit(step)(ids)]
    monkeypatch.setattr(compilation, "Program", None)
    again = gn.jit(step)
    rows, ordered = again(ids)
    np.testing.assert_array_equal(rows.numpy() - 1, 2 * (first[0] - 1))
    np.testing.assert_array_equal(ordered.numpy(), 2 * first[1])
    assert len(numpy_steps) == 1
    with pytest.raises(gn.errors.ArgumentError, match="index 7 is out of range"):
        again(ids + 5)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data[:-1] + b"?"])
def test_a_damaged_proof_is_not_trusted(damage: Any, numpy_steps: list[Any], home: Path) -> None:
    stepped()
    (file,) = files(home, "*.proof")
    good = file.read_bytes()
    file.write_bytes(damage(good))
    with pytest.warns(UserWarning, match=r"\.proof is damaged; it is made anew"):
        stepped()
    assert len(numpy_steps) == 2
    assert file.read_bytes() == good


def test_a_proof_says_nothing_about_other_code_in_its_place(numpy_steps: list[Any], home: Path) -> None:
    stepped()
    (double,) = files(home, "*.o")
    stepped(lambda x: x * 3.0)
    (triple,) = {*files(home, "*.o")} - {double}
    double.write_bytes(triple.read_bytes())
    with pytest.warns(UserWarning, match="output 0 is wrong; NumPy goes on"):
        np.testing.assert_array_equal(stepped(), X * 2)


def test_a_proof_says_nothing_about_another_graph_with_the_same_code(
    numpy_steps: list[Any], home: Path, translations: list[str]
) -> None:
    """What NumPy runs between two stages is no part of the code, nor what stands in a constant array."""
    steps: list[Callable[[Any], Any]] = [
        lambda x: gn.ops.sort(x * 2.0), lambda x: -gn.ops.sort(x * 2.0, axis=0),
        lambda x: x + X[0], lambda x: x + X[1],
    ]  # fmt: skip
    for step in steps:
        stepped(step)
    assert len(numpy_steps) == 4


def test_a_refuted_plan_is_refuted_again(
    numpy_steps: list[Any], home: Path, translations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel.Emitter, "store", wrong_store)
    for _ in range(2):
        with pytest.warns(UserWarning, match="output 0 is wrong; NumPy goes on"):
            np.testing.assert_array_equal(stepped(), X * 2)
    assert (len(translations), files(home, "*.proof")) == (1, [])


def test_an_op_whose_sources_are_not_ours_is_proved_in_every_program(numpy_steps: list[Any], home: Path) -> None:
    class Thrice(Op):
        rule = "y = 3*x"

        def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
            return xp.multiply(x, 3, out=out)

    for _ in range(2):
        np.testing.assert_array_equal(stepped(lambda x: -apply(Thrice(), x)), X * -3)
    assert (len(numpy_steps), files(home, "*.proof")) == (2, [])


def test_a_proof_that_cannot_be_written_costs_time_only(numpy_steps: list[Any], home: Path) -> None:
    stepped()
    (file,) = files(home, "*.proof")
    file.unlink()
    file.mkdir()
    for _ in range(2):
        np.testing.assert_array_equal(stepped(), X * 2)
    assert len(numpy_steps) == 3
