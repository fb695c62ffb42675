"""What a program meets on other machines: no llvmlite, an old one, no home to write to, one thread. Always a result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import glassnet as gn

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

PROGRAM = """
import sys, numpy as np, glassnet as gn
from glassnet.graph.executor import why_not_compiled
gn.config.set_executor(sys.argv[1])
gn.utils.set_random_seed(0)
model = gn.Sequential([gn.Input((300,)), gn.layers.Dense(200, "tanh"), gn.layers.Dense(1)])
model.compile("adam", "mse")
x = np.random.default_rng(0).random((256, 300), "float32")
model.fit(x, x[:, :1], batch_size=64, epochs=2, verbose=0)
print(sum(float(np.float64(w).sum()) for w in model.get_weights()))
print(why_not_compiled())
"""


def run(executor: str, path: Path | None = None, **environment: str) -> tuple[int, list[str], str]:
    """Exit status, printed lines and what was said on the error stream by a short training in a process of its own."""
    places = [str(path)] if path else []
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*places, str(Path(gn.__file__).parents[1])]), **environment}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, executor], env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def right() -> str:
    """What NumPy gets."""
    return run("numpy")[1][0]


@pytest.fixture
def another_llvmlite(tmp_path: Path) -> Path:
    """A folder in which a package of that name stands before the real one."""
    (tmp_path / "llvmlite" / "binding").mkdir(parents=True)
    (tmp_path / "llvmlite" / "binding" / "__init__.py").write_text("")
    (tmp_path / "llvmlite" / "ir.py").write_text("")
    return tmp_path


def test_without_llvmlite_numpy_runs_the_steps(another_llvmlite: Path, right: str) -> None:
    (another_llvmlite / "llvmlite" / "__init__.py").write_text("raise ModuleNotFoundError('No module named llvmlite')")
    assert run("auto", another_llvmlite) == (0, [right, "llvmlite is not installed"], "")


def test_who_asks_for_kernels_without_llvmlite_is_told_what_to_install(another_llvmlite: Path) -> None:
    (another_llvmlite / "llvmlite" / "__init__.py").write_text("raise ModuleNotFoundError('No module named llvmlite')")
    status, _, said = run("llvm", another_llvmlite)
    assert status == 1
    assert "the executor 'llvm' needs llvmlite" in said
    assert "fix:      pip install 'glassnet[fast]'" in said


def test_an_old_llvmlite_is_named_and_numpy_runs_the_steps(another_llvmlite: Path, right: str) -> None:
    (another_llvmlite / "llvmlite" / "__init__.py").write_text("__version__ = '0.43.0'")
    status, (found, why), said = run("auto", another_llvmlite)
    assert (status, found) == (0, right)
    assert why in said
    assert why == "llvmlite 0.43.0 is too old: glassnet needs 0.50 (pip install 'glassnet[fast]')"


def test_a_home_that_cannot_be_written_is_said_once(right: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, (found, _), said = run("llvm", GLASSNET_HOME=str(tmp_path / "file" / "home"))
    assert status == 0
    assert float(found) == pytest.approx(float(right), rel=1e-5)
    assert said.count("UserWarning: compiled steps cannot be kept in") == 1


def test_a_second_program_trains_without_numpy(tmp_path: Path) -> None:
    home = {"GLASSNET_HOME": str(tmp_path / "home")}
    plan = "import glassnet.graph.plan as plan; plan.ExecutionPlan.run = None"
    (tmp_path / "sitecustomize.py").write_text(plan)  # run by every Python that finds it
    assert run("llvm", tmp_path, **home)[0] == 1
    first = run("llvm", **home)
    assert first[0] == 0
    assert run("llvm", tmp_path, **home) == first


def test_one_thread_gives_the_bits_of_two() -> None:
    assert run("llvm", OMP_NUM_THREADS="1")[:2] == run("llvm", OMP_NUM_THREADS="2")[:2]
