"""Global settings: the default float type and the small constant epsilon (Keras's names), and who runs compiled steps."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from glassnet.errors import ArgumentError

__all__ = ["epsilon", "executor", "floatx", "image_data_format", "set_epsilon", "set_executor", "set_floatx"]

_EXECUTORS = ("auto", "numpy", "llvm")
_executor = "auto"
_FLOAT_TYPES = {"float32", "float64"}
_floatx = np.dtype("float32")
_epsilon = 1e-7


def floatx() -> str:
    """The default float type of new arrays and variables, as a name.

    >>> floatx()
    'float32'
    """
    return _floatx.name


def set_floatx(value: str) -> None:
    """Set the default float type: "float32" or "float64"."""
    global _floatx
    if value not in _FLOAT_TYPES:
        raise ArgumentError("set_floatx: unknown float type", expected="'float32' or 'float64'", received=repr(value))
    _floatx = np.dtype(value)


def epsilon() -> float:
    """The small constant that keeps logarithms and divisions of probabilities finite.

    >>> epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small constant of `epsilon()`."""
    global _epsilon
    _epsilon = float(value)


def image_data_format() -> str:
    """Always "channels_last": images are (N, H, W, C)."""
    return "channels_last"


def executor() -> str:
    """Who runs a step that `gn.jit` or `fit` has traced: "auto", "numpy" or "llvm".

    >>> executor()
    'auto'
    """
    return _executor


def set_executor(value: str) -> None:
    """Choose who runs traced steps.

    Arguments:
        value: "numpy"; "llvm" compiles every step (extra `fast`); "auto", the default, compiles where llvmlite is
            installed and there are so many steps that it pays.
    """
    global _executor
    if value not in _EXECUTORS:
        raise ArgumentError(
            "set_executor: unknown executor", expected="'auto', 'numpy' or 'llvm'", received=repr(value)
        )
    _executor = value


def cache_folder() -> Path:
    """Where downloads and machine code are kept: the folder that GLASSNET_HOME names, else `~/.cache/glassnet`."""
    return Path(os.environ.get("GLASSNET_HOME") or "~/.cache/glassnet").expanduser()
