"""What decides the bits of a run besides its seed: versions, BLAS kernel and thread count, and who runs the steps."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from glassnet.config import executor
from glassnet.graph.executor import why_not_compiled
from glassnet.version import __version__

__all__ = ["environment"]

_UNKNOWN = "unknown"


def environment() -> dict[str, str]:
    """Versions of glassnet and NumPy, name, version, kernel and threads of the BLAS library, and the executor.

    >>> sorted(environment())
    ['blas', 'blas_kernel', 'blas_threads', 'executor', 'glassnet', 'numpy']
    """
    config: Any = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    kernel, threads = _openblas("get_corename"), _openblas("get_num_threads")
    return {
        "glassnet": __version__,
        "numpy": np.__version__,
        "executor": _executor(),
        "blas": f"{blas.get('name', _UNKNOWN)} {blas.get('version', '')}".strip(),
        "blas_kernel": kernel().decode() if kernel else _UNKNOWN,
        "blas_threads": str(threads()) if threads else _UNKNOWN,
    }


def _executor() -> str:
    """The setting, and where steps may be compiled, with what."""
    compiles = executor() != "numpy" and not why_not_compiled()
    return f"{executor()}, llvmlite {version('llvmlite')}" if compiles else executor()


@functools.cache
def _openblas(function: str) -> Callable[[], Any] | None:
    """A function of the OpenBLAS library that NumPy has loaded, or None: other libraries do not tell."""
    try:
        import ctypes

        # a name that is looked up in NumPy's own module is also searched for in the libraries linked to it
        library = ctypes.CDLL(str(importlib.import_module("numpy._core._multiarray_umath").__file__))
        found = getattr(library, f"scipy_openblas_{function}64_")
        found.restype = ctypes.c_char_p if function == "get_corename" else ctypes.c_int
    except (ImportError, AttributeError, OSError):
        return None
    return found  # type: ignore[no-any-return]  # ctypes makes its functions at run time
