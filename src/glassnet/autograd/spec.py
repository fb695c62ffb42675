"""Spec: a shape and a dtype without values; what shape inference and tracing compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from glassnet.autograd.state import user_line
from glassnet.errors import GraphError
from glassnet.typing import DType, Shape


@dataclass(frozen=True, slots=True)
class Spec:
    """The shape and dtype of an array; a dimension may be None (not known yet).

    >>> Spec((None, 784), np.dtype("float32"))
    Spec((None, 784), float32)
    """

    shape: Shape
    dtype: DType

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements; an unknown dimension raises."""
        total = 1
        for extent in self.shape:
            if extent is None:
                raise GraphError(f"the size of {self!r} is not known yet")
            total *= extent
        return total

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype})"

    @classmethod
    def of(cls, array: Any) -> Spec:
        """The Spec of anything with a shape and a dtype."""
        return cls(tuple(array.shape), np.dtype(array.dtype))


def no_number(what: str) -> NoReturn:
    """Refuse to turn a symbolic value into a number: none exists yet, so none can be frozen into a plan."""
    raise GraphError(
        f"{what} of a symbolic tensor was asked at {user_line()}: while a model is built or a step is traced there are "
        "no numbers yet",
        fix="decide with ops such as gn.ops.where, or run the step eagerly (run_eagerly=True)",
    )
