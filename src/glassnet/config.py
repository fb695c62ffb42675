"""Global settings: the default float type and the small constant epsilon (Keras's names), and who runs compiled steps."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from glassnet.errors import ArgumentError

__all__ = [
    "convolution_tile", "epsilon", "executor", "floatx", "image_data_format", "set_convolution_tile", "set_epsilon",
    "set_executor", "set_floatx",
]  # fmt: skip

_EXECUTORS = ("auto", "numpy", "llvm")
_executor = "auto"
_FLOAT_TYPES = {"float32", "float64"}
_floatx = np.dtype("float32")
_epsilon = 1e-7
_convolution_tile = 2


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


def convolution_tile() -> int:
    """Results along each axis that a compiled 3x3 convolution computes together.

    >>> convolution_tile()
    2
    """
    return _convolution_tile


def set_convolution_tile(value: int) -> None:
    """Choose how compiled 3x3 convolutions multiply (Winograd's minimal filtering).

    Arguments:
        value: 2, the default, takes 16 products for 2x2 results and rounds as the definition does; 4 takes 36 for 4x4
            and rounds about ten times as much; 1 is the definition, 9 for each result.
    """
    global _convolution_tile
    if value not in (1, 2, 4):
        raise ArgumentError("set_convolution_tile: no such tile", expected="1, 2 or 4", received=repr(value))
    _convolution_tile = value


def cache_folder() -> Path:
    """Where downloads and machine code are kept: the folder that GLASSNET_HOME names, else `~/.cache/glassnet`."""
    return Path(os.environ.get("GLASSNET_HOME") or "~/.cache/glassnet").expanduser()
