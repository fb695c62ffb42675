"""Types and the shape letters used everywhere.

Letters mean the same in every formula, rule, docstring and error: N batch, H height, W width, C channels,
I inputs, O outputs, T time steps, K classes (or the window of a kernel).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""A raw array of the backend (NumPy here; CuPy arrays have the same methods)."""

Shape: TypeAlias = tuple[int | None, ...]
"""A shape; None stands for a size that is not known yet, mostly the batch axis."""

DType: TypeAlias = np.dtype[Any]
Axis: TypeAlias = int | tuple[int, ...] | None
