"""Tensor: an array (or a Spec) that remembers which operation created it.

The tape is a graph of nodes. A `Node` keeps the operation, the nodes of its inputs and those arrays that the
operation's `saves` names; it never keeps the other tensors alive. A `Leaf` is where the tape begins: a Variable or a
tensor made with `requires_grad=True`; gradients arrive there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

import numpy as np

from glassnet.autograd.operators import F, Operators
from glassnet.autograd.spec import Spec, no_number
from glassnet.autograd.state import CLOCK
from glassnet.config import floatx
from glassnet.errors import ArgumentError, DataError, DTypeError, GradientError
from glassnet.typing import Array, DType

if TYPE_CHECKING:
    from glassnet.autograd.op import Op


class Node:
    """One run of an operation, as far as backward needs it."""

    __slots__ = ("base", "inputs", "op", "parents", "place", "results", "stamp", "tracked")

    def __init__(
        self, op: Op, parents: tuple[Node | None, ...], inputs: tuple[Any, ...], results: tuple[Any, ...]
    ) -> None:
        self.op, self.parents, self.tracked = op, parents, True
        self.inputs, self.results = inputs, results
        """Arrays that `op.saves` names; a Spec in place of every other."""
        self.stamp = CLOCK.now
        self.base: Leaf | None = None
        """The leaf whose memory the result is a view of."""
        self.place = ""
        """The layer, or file and line, where a variable was read."""


class SymbolicNode(Node):
    """A node on Specs: it also keeps the tensors around it, from which functional models are read."""

    __slots__ = ("sources", "symbols")

    sources: tuple[Tensor, ...]
    symbols: tuple[Any, ...]
    """The Specs of the results."""


class Leaf(Node):
    """The beginning of the tape: a Variable or a tensor with `requires_grad=True`."""

    __slots__ = ("changed_at", "changed_line", "grad", "name")

    def __init__(self, name: str, tracked: bool) -> None:
        self.parents, self.tracked, self.name = (), tracked, name
        self.base = self
        self.grad: Any = None
        self.changed_at, self.changed_line = 0, ""


class Alias(Node):
    """An untracked view of a variable's memory: no gradient flows, but backward must know when it is overwritten."""

    __slots__ = ()

    def __init__(self, base: Leaf) -> None:
        self.parents, self.tracked, self.base = (), False, base


class Output(Node):
    """One of several outputs of a node."""

    __slots__ = ("position",)

    def __init__(self, node: Node, position: int) -> None:
        self.parents, self.tracked, self.position = (node,), node.tracked, position
        self.base = None


@final
class Tensor(Operators):
    """An n-dimensional array that can be differentiated through.

    Arguments:
        data: a number, nested lists, an array or another Tensor. Python floats become `gn.config.floatx()`.
        dtype: the dtype to convert to.
        requires_grad: collect a gradient for this tensor in `.grad` when `backward` is called on a result.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("_keras_mask", "creator", "data")

    data: Any
    creator: Node | None
    _keras_mask: Any
    """Which steps count; set by layers on the few tensors that have a mask, absent on all others."""

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            data = data.data
        if isinstance(data, np.ndarray):
            data = data.copy()  # later changes of the caller's array must not reach the tape
        self.data = data if isinstance(data, Spec) else to_array(data, dtype)
        self.creator = None
        if requires_grad:
            self.requires_grad_()

    # ------------------------------------------------------------ facts
    @property
    def shape(self) -> Any:
        """The shape; a symbolic tensor may have None in it."""
        return self.data.shape

    @property
    def dtype(self) -> DType:
        """The dtype."""
        dtype: DType = self.data.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.data.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.data.size)

    @property
    def is_symbolic(self) -> bool:
        """True when there is only a Spec and no values."""
        return type(self.data) is Spec

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError("len() of a tensor without axes")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        if self.is_symbolic:
            return f"Tensor({self.data!r})"
        text = np.array2string(np.asarray(self.data), separator=", ", prefix="Tensor(", threshold=200)
        tracked = ", requires_grad=True" if self.requires_grad and isinstance(self.creator, Leaf) else ""
        return f"Tensor({text}, dtype={self.dtype}{tracked})"

    # ------------------------------------------------------------ values
    def numpy(self) -> Array:
        """A copy of the values as a NumPy array."""
        if self.is_symbolic:
            no_number("numpy()")
        return np.array(self.data)

    def item(self) -> Any:
        """The only value as a Python number."""
        if self.is_symbolic:
            no_number("item()")
        return self.data.item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.is_symbolic:
            no_number("a NumPy array")
        return np.array(self.data, dtype=dtype)

    def __float__(self) -> float:
        if self.is_symbolic:
            no_number("float()")
        return float(self.data)

    def __int__(self) -> int:
        if self.is_symbolic:
            no_number("int()")
        return int(self.data)

    def __index__(self) -> int:
        if self.is_symbolic:
            no_number("an index")
        return int(self.data.__index__())

    def __bool__(self) -> bool:
        if self.is_symbolic:
            no_number("the truth value")
        return bool(self.data)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise ArgumentError(
            "a Tensor cannot be changed in place",
            received="x[...] = value",
            fix="x = gn.ops.slice_update(x, start_indices, updates), or assign to a Variable",
        )

    def __getstate__(self) -> Any:
        raise ArgumentError("a Tensor cannot be pickled", fix="save tensor.numpy(), or the model with model.save(path)")

    # ------------------------------------------------------------ the tape
    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows through this tensor."""
        return self.creator is not None and self.creator.tracked

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) collecting a gradient in `.grad`; returns the tensor itself."""
        if requires_grad and self.dtype.kind != "f":
            raise DTypeError(
                "only tensors of a floating type have a gradient", received=f"dtype {self.dtype}",
                fix="write 1.0 for 1, or convert: x.astype('float32')",
            )  # fmt: skip
        self.creator = Leaf("tensor", tracked=True) if requires_grad else None
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` collected here, or None; only leaves collect one."""
        leaf = self.creator
        if not isinstance(leaf, Leaf) or leaf.grad is None:
            return None
        return leaf.grad if type(leaf.grad) is Tensor else wrap(leaf.grad, None)

    def zero_grad(self) -> None:
        """Forget the collected gradient."""
        if isinstance(self.creator, Leaf):
            self.creator.grad = None

    def backward(self, gradient: Any = None, create_graph: bool = False) -> None:
        """Add the gradient of this scalar to `.grad` of every leaf it came from.

        Arguments:
            gradient: the cotangent of this tensor; needed unless it holds a single number.
            create_graph: record the backward pass too, so that gradients can be differentiated again.
        """
        from glassnet.autograd.backward import backward

        if self.creator is None:
            raise GradientError(
                "backward() was called on a tensor that no recorded operation created",
                fix="use a Variable or requires_grad=True on an input, and leave gn.no_grad()",
            )
        backward(self, gradient, create_graph)

    def detach(self) -> Tensor:
        """The same values, cut from the tape."""
        base = None if self.creator is None else self.creator.base
        return wrap(self.data, None if base is None else Alias(base))


def wrap(data: Any, creator: Node | None) -> Tensor:
    """A Tensor around an array as it is: no conversion, no copy."""
    tensor: Tensor = object.__new__(Tensor)
    tensor.data, tensor.creator = data, creator
    return tensor


def to_array(data: Any, dtype: Any = None) -> Any:
    """Numbers, nested lists and arrays as an array; Python floats take the default float type."""
    if type(data) is np.ndarray and dtype is None:
        if data.dtype.kind in "OUSMmcV":
            _refuse(data)
        return data
    if isinstance(data, Operators):
        data = data.value.data if not isinstance(data, Tensor) else data.data
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError("rows of unequal length cannot become one array", received=str(error)) from None
    if array.dtype.kind in "OUSMmcV":
        _refuse(array)
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        dtype = floatx()
    return array if dtype is None else array.astype(np.dtype(dtype), copy=False)


def _refuse(array: Array) -> None:
    what = {"U": "strings", "S": "bytes", "O": "Python objects", "c": "complex numbers"}.get(array.dtype.kind, "dates")
    raise DTypeError(
        f"{what} cannot become a tensor",
        expected="numbers or booleans",
        received=f"dtype {array.dtype}",
        fix="turn strings into numbers first (class names into indices)" if what == "strings" else None,
    )


def as_tensor(value: Any) -> Tensor:
    """The Tensor of a Variable, an array, a list or a number."""
    if type(value) is Tensor:
        return value
    if isinstance(value, Operators):
        tensor: Tensor = value.value
        return tensor
    if isinstance(value, (list, tuple)) and _holds_tensors(value):
        stacked: Tensor = F.stack([as_tensor(part) for part in value])
        return stacked
    return wrap(to_array(value), None)


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tensors(part) for part in value)
    return isinstance(value, Operators)
