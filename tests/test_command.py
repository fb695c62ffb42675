"""The start of the `glassnet` command: it alone chooses BLAS kernels, in time, and never over the user's own choice."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import glassnet as gn
import glassnet_command
from glassnet_command import chosen_kernels, first_processor

AVX512 = "fpu sse2 avx avx2 fma avx512f avx512dq avx512cd avx512bw avx512vl avx512_bf16"
ZEN5 = {"vendor_id": "AuthenticAMD", "cpu family": "26", "model": "2", "flags": AVX512}


@pytest.mark.parametrize(
    ("cpu", "environment", "chosen"),
    [
        pytest.param(ZEN5, {}, "SkylakeX", id="Zen 5"),
        pytest.param({**ZEN5, "cpu family": "27"}, {}, "SkylakeX", id="what comes after it"),
        pytest.param({**ZEN5, "cpu family": "25"}, {}, None, id="Zen 4, which OpenBLAS knows"),
        pytest.param({**ZEN5, "vendor_id": "GenuineIntel", "cpu family": "6"}, {}, None, id="Intel"),
        pytest.param({**ZEN5, "flags": "avx avx2 fma"}, {}, None, id="a virtual machine that hides AVX-512"),
        pytest.param({**ZEN5, "flags": AVX512.replace("avx512vl", "")}, {}, None, id="a part of AVX-512"),
        pytest.param({"Hardware": "an ARM board"}, {}, None, id="ARM"),
        pytest.param({}, {}, None, id="not Linux"),
        pytest.param(ZEN5, {"OPENBLAS_CORETYPE": "Haswell"}, None, id="the user has chosen"),
        pytest.param(ZEN5, {"OPENBLAS_CORETYPE": ""}, None, id="the user wants no choice"),
    ],
)
def test_kernels_are_chosen_where_openblas_misjudges_the_processor(
    cpu: dict[str, str], environment: dict[str, str], chosen: str | None
) -> None:
    assert chosen_kernels(cpu, environment) == ({} if chosen is None else {"OPENBLAS_CORETYPE": chosen})


def test_its_examples_hold() -> None:
    assert doctest.testmod(glassnet_command) == (0, 3)


def test_only_the_first_processor_is_read() -> None:
    text = "processor\t: 0\nvendor_id\t: AuthenticAMD\npower management:\n\nprocessor\t: 1\nvendor_id\t: other\n"
    assert first_processor(text) == {"processor": "0", "vendor_id": "AuthenticAMD", "power management": ""}


PROGRAM = """
import os, sys, glassnet_command as command
assert "numpy" not in sys.modules and "OPENBLAS_CORETYPE" not in os.environ
command.first_processor = lambda text: ZEN5
class Loading:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(os.environ.get("OPENBLAS_CORETYPE"))
sys.meta_path.insert(0, Loading())
sys.argv = ["glassnet", "--version"]
START
print(os.environ.get("OPENBLAS_CORETYPE"))
"""


def printed(start: str) -> list[str]:
    """What stands in the environment when NumPy is loaded, and at the end."""
    env = {**os.environ, "PYTHONPATH": str(Path(glassnet_command.__file__).parent)}
    env.pop("OPENBLAS_CORETYPE", None)
    code = PROGRAM.replace("ZEN5", repr(ZEN5)).replace("START", start)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("glassnet ")]


def test_the_command_chooses_before_numpy_is_loaded() -> None:
    assert printed("try:\n    command.main()\nexcept SystemExit:\n    pass") == ["SkylakeX", "SkylakeX"]


def test_the_import_leaves_the_environment_alone() -> None:
    assert printed("import glassnet") == ["None", "None"]


def test_it_is_what_the_installed_command_runs() -> None:
    project = Path(gn.__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text("utf-8"))["project"]["scripts"] == {"glassnet": "glassnet_command:main"}
