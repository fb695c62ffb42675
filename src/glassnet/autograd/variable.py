"""Variable: what a training step may change, and the only thing it may change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np

from glassnet.autograd.operators import Operators
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import CLOCK, STATE, user_line
from glassnet.autograd.tensor import Leaf, Tensor, to_array, wrap
from glassnet.config import floatx
from glassnet.errors import ShapeError
from glassnet.typing import Array, DType


@final
class Variable(Operators):
    """A named array that is changed by `assign` and read through `.value`.

    Arguments:
        value: the initial values; Python floats become `gn.config.floatx()`.
        trainable: whether a gradient is collected for it.
        name: its name; layers add their own in front, giving `.path`.

    >>> w = Variable([1.0, 2.0], name="w")
    >>> w.assign_add([0.5, 0.5])
    >>> w.numpy()
    array([1.5, 2.5], dtype=float32)
    """

    __slots__ = ("_tensor", "_trainable", "block", "constraint", "name", "never_trainable", "path", "regularizer")

    def __init__(
        self, value: Any, dtype: Any = None, trainable: bool = True, name: str = "variable", path: str = ""
    ) -> None:
        array = np.array(to_array(value, dtype))  # a copy that nobody else holds
        if dtype is None and array.dtype == np.float64 and not isinstance(value, np.ndarray):
            array = array.astype(floatx())
        self.name, self.path = name, path or name
        self.regularizer: Any = None
        self.constraint: Any = None
        self.never_trainable = False
        """True for running statistics and the like, which stay untrained when their layer is unfrozen."""
        self.block: Any = None
        """The optimizer's block of memory in which the array lies, or None."""
        self._trainable = bool(trainable)
        self._tensor = wrap(array, Leaf(self.path, self._tracks(array)))

    def _tracks(self, array: Array) -> bool:
        return self._trainable and array.dtype.kind == "f"

    @property
    def value(self) -> Tensor:
        """The Tensor to compute with; inside a trace, the symbol that stands for it."""
        tracer = STATE.tracer
        return self._tensor if tracer is None else tracer.read(self)

    @property
    def leaf(self) -> Leaf:
        """Where gradients for this variable arrive."""
        leaf = self._tensor.creator
        assert isinstance(leaf, Leaf)
        return leaf

    @property
    def array(self) -> Array:
        """The raw array itself, for the engine; everybody else reads `.value` or copies with `.numpy()`."""
        array: Array = self._tensor.data
        return array

    @property
    def version(self) -> int:
        """Time of the last assignment; 0 before the first."""
        return self.leaf.changed_at

    @property
    def trainable(self) -> bool:
        """Whether a gradient is collected."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        self.leaf.tracked = self._tracks(self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.array.size

    @property
    def dtype(self) -> DType:
        """The dtype."""
        return self.array.dtype

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` collected, or None."""
        return self._tensor.grad

    def zero_grad(self) -> None:
        """Forget the collected gradient."""
        self.leaf.grad = None

    def numpy(self) -> Array:
        """A copy of the values."""
        return self.value.numpy()

    def assign(self, value: Any) -> None:
        """Write new values in place; the shape must stay."""
        if STATE.tracer is not None:
            STATE.tracer.assign(self, value)
            return
        data = value.value.data if isinstance(value, Operators) else to_array(value)
        if type(data) is Spec:
            return  # shape inference: there is no number to assign
        if tuple(data.shape) != self.shape:
            raise ShapeError(
                f"{self.path}: assign needs the variable's own shape",
                expected=self.shape,
                received=tuple(data.shape),
                fix="reshape the value, or make a new Variable",
            )
        np.copyto(self.array, data, casting="same_kind" if self.dtype.kind == "f" else "unsafe")
        self.touch(user_line())

    def assign_add(self, value: Any) -> None:
        """`assign(self + value)`."""
        self.assign(self.value + self._own_type(value))

    def assign_sub(self, value: Any) -> None:
        """`assign(self - value)`."""
        self.assign(self.value - self._own_type(value))

    def _own_type(self, value: Any) -> Any:
        """Plain arrays and lists in the variable's own dtype; tensors as they are."""
        return value if isinstance(value, (Operators, int, float)) else to_array(value).astype(self.dtype, copy=False)

    def touch(self, line: str) -> None:
        """Note that the array was written at `line`."""
        self.leaf.changed_at, self.leaf.changed_line = CLOCK.tick(), line

    def move_to(self, view: Array) -> None:
        """Let `view`, already holding the same values, be the array from now on (an optimizer's block)."""
        self._tensor.data = view

    def __repr__(self) -> str:
        return f"<Variable {self.path} shape={self.shape} dtype={self.dtype} trainable={self.trainable}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value.numpy(), dtype=dtype)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __len__(self) -> int:
        return len(self.value)
