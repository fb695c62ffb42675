"""Every planted fault is noticed by the test that its row names.

Each fault goes into a copy of the package, which the named test imports in a process of its own. That takes minutes,
so it belongs to the full tier: `python -m pytest tests/mutants -m full`. Every commit only checks that the table fits.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutants.mutant import Mutant
from mutants.mutants import MUTANTS

import glassnet as gn

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gn.__file__).parent
TESTS_FAILED = 1
"""pytest's exit status; a package that cannot even be imported gives another one, and is no proof."""

every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.fault for mutant in MUTANTS])


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run tests on the package in a folder, up to the first failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def _passing_without_fault() -> None:
    """All named tests, in one process: a failure proves something only where there was none before."""
    done = run(PACKAGE, *dict.fromkeys(shlex.split(mutant.test)[0] for mutant in MUTANTS))
    assert done.returncode == 0, done.stdout


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [mutant.fault for mutant in MUTANTS]
    assert sorted(names) == sorted(set(names))


@every_mutant
def test_the_row_fits_the_source_and_the_tests(mutant: Mutant) -> None:
    assert (PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.original) == 1
    file, _, name = shlex.split(mutant.test)[0].partition("::")
    assert re.search(rf"^(def )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.full
@pytest.mark.usefixtures("_passing_without_fault")
@every_mutant
def test_the_fault_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    copy = tmp_path / "glassnet"
    shutil.copytree(PACKAGE, copy)  # with its compiled files, which spares compiling all but one anew
    source = copy / mutant.file
    source.write_text(source.read_text(encoding="utf-8").replace(mutant.original, mutant.replacement), encoding="utf-8")
    done = run(copy, *shlex.split(mutant.test))
    assert done.returncode == TESTS_FAILED, f"'{mutant.fault}' survives:\n{done.stdout}"
