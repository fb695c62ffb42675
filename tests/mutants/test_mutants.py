"""Every planted fault is noticed by the test that its row names.

Each fault goes into a copy of the package, which the named test imports in a process of its own. That takes minutes,
so it belongs to the full tier: `python -m pytest tests/mutants -m full`. Every commit only checks that the table fits.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutants.mutants import MUTANTS, Mutant

import glassnet as gn

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gn.__file__).parent
TESTS_FAILED = 1
"""pytest's exit status; a package that cannot even be imported gives another one, and is no proof."""

every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.fault for mutant in MUTANTS])


def run(test: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a test on the package in `folder`."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *shlex.split(test)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@functools.cache
def output_without_fault(test: str) -> str:
    """What a test prints on the package as it is, or nothing if it passes."""
    done = run(test, PACKAGE.parent)
    return done.stdout if done.returncode else ""


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [mutant.fault for mutant in MUTANTS]
    assert sorted(names) == sorted(set(names))


@every_mutant
def test_the_row_fits_the_source_and_the_tests(mutant: Mutant) -> None:
    assert (PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.original) == 1
    file, _, name = shlex.split(mutant.test)[0].partition("::")
    assert re.search(rf"^(def )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.full
@every_mutant
def test_the_fault_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    assert not output_without_fault(mutant.test)
    copy = tmp_path / "glassnet"
    shutil.copytree(PACKAGE, copy)  # with its compiled files, which spares compiling all but one anew
    source = copy / mutant.file
    source.write_text(source.read_text(encoding="utf-8").replace(mutant.original, mutant.replacement), encoding="utf-8")
    done = run(mutant.test, tmp_path)
    assert done.returncode == TESTS_FAILED, f"'{mutant.fault}' survives:\n{done.stdout}"
