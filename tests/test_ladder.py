"""The ladder: a lesson gives the same numbers in plain NumPy, with hand-written bricks and with the library."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from glassnet import config

LADDER = Path(__file__).parents[1] / "examples" / "ladder"
EPOCHS = {"xor": 200, "bot_academy": 2, "three_blue": 3, "green_code": 4}
Program = Callable[[str], ModuleType]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Imports a program of the ladder as a script in its folder would be, on the built-in 8x8 digits."""
    names = {path.stem for path in LADDER.glob("*.py")}
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    monkeypatch.syspath_prepend(str(LADDER))
    floatx = config.floatx()
    yield importlib.import_module
    config.set_floatx(floatx)
    for name in names & set(sys.modules):
        del sys.modules[name]


def distance(found: Any, wanted: Any) -> float:
    """The largest difference, relative to the largest number."""
    return float(np.abs(np.subtract(found, wanted)).max() / np.abs(wanted).max())


@pytest.mark.parametrize("form", ["bricks", "glassnet"])
@pytest.mark.parametrize("lesson", EPOCHS)
def test_losses_and_weights_equal_those_of_plain_numpy(lesson: str, form: str, program: Program) -> None:
    config.set_floatx("float64")
    losses, weights = program(f"{lesson}_numpy").main(epochs=EPOCHS[lesson])
    own_losses, own_weights = program(f"{lesson}_{form}").main(epochs=EPOCHS[lesson])
    assert len(losses) == EPOCHS[lesson]
    assert distance(own_losses, losses) < 1e-10
    assert [w.shape for w in own_weights] == [w.shape for w in weights]
    assert max(distance(own, w) for own, w in zip(own_weights, weights)) < 1e-10


@pytest.mark.parametrize("lesson", EPOCHS)
def test_float32_follows_within_its_rounding(lesson: str, program: Program) -> None:
    # 24 bits hold 6e-8 of a number; hundreds of steps, each from the rounded weights of the last, add up to 1e-5
    losses, _ = program(f"{lesson}_numpy").main(epochs=EPOCHS[lesson])
    own_losses, own_weights = program(f"{lesson}_glassnet").main(epochs=EPOCHS[lesson])
    assert {w.dtype for w in own_weights} == {np.dtype("float32")}
    assert distance(own_losses, losses) < 1e-5


@pytest.mark.parametrize(
    ("lesson", "epochs", "bar"),
    [("xor", 1500, 0.01), ("bot_academy", 10, 0.1), ("three_blue", 10, 0.04), ("green_code", 10, 0.1)],
)
def test_the_lesson_is_learned(lesson: str, epochs: int, bar: float, program: Program) -> None:
    losses, _ = program(f"{lesson}_numpy").main(epochs=epochs)
    assert losses[-1] < bar < losses[0]


@pytest.mark.parametrize("lesson", EPOCHS)
def test_plain_numpy_program_has_at_most_60_lines_and_imports_numpy_alone(lesson: str) -> None:
    text = (LADDER / f"{lesson}_numpy.py").read_text("utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert len(text.splitlines()) <= 60
    assert imported <= {"numpy", "digit_images"}


@pytest.mark.full
@pytest.mark.parametrize("form", ["numpy", "bricks", "glassnet"])
@pytest.mark.parametrize("lesson", EPOCHS)
def test_every_program_runs_as_a_script(lesson: str, form: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GLASSNET_DATA"}
    environment |= {"PYTHONPATH": str(LADDER.parents[1] / "src"), "PYTHONWARNINGS": "error"}
    command = [sys.executable, str(LADDER / f"{lesson}_{form}.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
