"""The `glassnet` command as it starts: it chooses the kernels of NumPy's BLAS, while that can still be chosen.

OpenBLAS knows processors by family and model, and gives those that it does not know the kernels of an older one: AMD's
family 26 (Zen 5) has AVX-512 and gets the AVX2 kernels of a Haswell, at half the speed. It asks its environment when
NumPy is loaded, and `import glassnet` loads NumPy; so this file stands beside the package. Nothing but the command sets
anything: who imports the library, or runs `python -m glassnet`, has OpenBLAS as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["main"]

_SETTING = "OPENBLAS_CORETYPE"
_FIRST_UNKNOWN_FAMILY = 26
_AVX512 = {"avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl"}
"""What OpenBLAS's kernels of that name are made of: the instructions of a Skylake-X."""


def chosen_kernels(cpu: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to the environment: nothing, unless OpenBLAS misjudges the processor and the user left it to decide.

    Arguments:
        cpu: fields of a processor as Linux names them in `/proc/cpuinfo`.

    >>> zen5 = {"vendor_id": "AuthenticAMD", "cpu family": "26", "flags": "avx512f avx512cd avx512dq avx512bw avx512vl"}
    >>> chosen_kernels(zen5, {}), chosen_kernels(zen5, {"OPENBLAS_CORETYPE": "Haswell"})
    ({'OPENBLAS_CORETYPE': 'SkylakeX'}, {})
    """
    family = cpu.get("cpu family", "")
    unknown = cpu.get("vendor_id") == "AuthenticAMD" and family.isdigit() and int(family) >= _FIRST_UNKNOWN_FAMILY
    if _SETTING in environment or not unknown or not set(cpu.get("flags", "").split()) >= _AVX512:
        return {}
    return {_SETTING: "SkylakeX"}


def first_processor(text: str) -> dict[str, str]:
    r"""The fields of the first processor of `/proc/cpuinfo`.

    >>> first_processor("vendor_id\t: AuthenticAMD\ncpu family\t: 26\n\nvendor_id\t: other")
    {'vendor_id': 'AuthenticAMD', 'cpu family': '26'}
    """
    lines = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines}


def main() -> None:
    """Choose, then run the command line."""
    try:
        cpu = first_processor(Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:  # not Linux
        cpu = {}
    os.environ.update(chosen_kernels(cpu, os.environ))
    from glassnet.cli import main as run

    run()
