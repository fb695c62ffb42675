r"""Tensors from nothing (zeros, ranges, the unit matrix), conversions, and facts about a tensor.

Functions that make a tensor from numbers alone return a Tensor of constants. Those that end in `_like` depend on a
tensor's shape, which may not be known yet while a model is built; so they are operations on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.config import floatx
from glassnet.errors import ArgumentError
from glassnet.ops.elementwise import Cast, cast
from glassnet.typing import Array, Shape

__all__ = [
    "arange", "array", "convert_to_numpy", "convert_to_tensor", "copy", "dtype", "empty", "empty_like", "eye", "full",
    "full_like", "is_tensor", "linspace", "ndim", "ones", "ones_like", "shape", "size", "stop_gradient", "zeros",
    "zeros_like",
]  # fmt: skip

# ---------------------------------------------------------------- constants


def zeros(shape: int | Sequence[int], dtype: Any = None) -> Tensor:
    """A tensor of zeros.

    >>> zeros((2, 3)).shape
    (2, 3)
    """
    return _constant(np.zeros, shape, dtype)


empty = zeros  # tensors are not written into, so cells with any number would serve nobody


def ones(shape: int | Sequence[int], dtype: Any = None) -> Tensor:
    """A tensor of ones.

    >>> ones(3)
    Tensor([1., 1., 1.], dtype=float32)
    """
    return _constant(np.ones, shape, dtype)


def _constant(make: Callable[..., Array], shape: int | Sequence[int], dtype: Any) -> Tensor:
    """What `make` makes; where the size of the batch is not known yet, a tensor without numbers."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    kind = np.dtype(dtype or floatx())
    return wrap(Spec(sizes, kind) if None in sizes else make(sizes, kind), None)


def full(shape: int | Sequence[int], fill_value: Any, dtype: Any = None) -> Any:
    """A tensor with the same value everywhere; `fill_value` is broadcast to the shape.

    >>> full((2, 2), 0.5)
    Tensor([[0.5, 0.5],
            [0.5, 0.5]], dtype=float32)
    """
    value = convert_to_tensor(fill_value, dtype)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return wrap(Spec(sizes, value.dtype), None) if None in sizes else F.broadcast_to(value, sizes)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """The unit matrix: ones on a diagonal, zeros elsewhere.

    Arguments:
        N: number of rows.
        M: number of columns; N by default.
        k: which diagonal; 1 is the one above the main diagonal.

    >>> eye(2, 3)
    Tensor([[1., 0., 0.],
            [0., 1., 0.]], dtype=float32)
    """
    return wrap(np.eye(N, M, k, dtype or floatx()), None)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Numbers from `start` up to, not including, `stop`; with one argument from 0 up to it.

    Whole numbers give integers, others the default float type.

    >>> arange(3), arange(0, 1, 0.5)
    (Tensor([0, 1, 2], dtype=int64), Tensor([0. , 0.5], dtype=float32))
    """
    step = 1 if step is None else step
    if step == 0:
        raise ArgumentError("arange: the step is 0, which never arrives", expected="step != 0", received=f"step={step}")
    found = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return wrap(found.astype(dtype or ("int64" if found.dtype.kind in "iub" else floatx()), copy=False), None)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers at equal distances from `start` to `stop`.

    Arguments:
        endpoint: whether `stop` itself is the last of them.
        retstep: return (numbers, distance) instead.
        axis: where the new axis goes when start or stop are arrays.

    >>> linspace(0.0, 1.0, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    if num < 0:
        raise ArgumentError("linspace: a negative number of samples", expected="num >= 0", received=f"num={num}")
    ends = convert_to_numpy(start), convert_to_numpy(stop)
    found, distance = np.linspace(*ends, num, endpoint, retstep=True, axis=axis)
    numbers = wrap(found.astype(dtype or floatx()), None)
    return (numbers, distance) if retstep else numbers


# ---------------------------------------------------------------- like another tensor


class FullLike(Op):
    r"""The same value everywhere, in the shape of x. It does not depend on the numbers in x: no gradient."""

    formula = r"y = v"
    kind = "elementwise"
    differentiable = False

    value: float
    to: str

    def shapes(self, x: Spec) -> Shape:
        return x.shape

    def dtypes(self, x: Spec) -> Any:
        return (np.dtype(self.to),)

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        if out is None:
            return xp.full(x.shape, self.value, self.to)
        out[...] = self.value
        return out


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """The value everywhere, in the shape of x and, unless told otherwise, its dtype.

    >>> full_like(np.array([1.0, 2.0]), 7)
    array([7., 7.])
    """
    x = operand(x)
    to = np.dtype(dtype or x.dtype)
    if np.ndim(fill_value) == 0 and not isinstance(fill_value, Tensor):
        return apply(FullLike(fill_value, to.name), x)
    return zeros_like(x, to) + cast(operand(fill_value), to)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of x and, unless told otherwise, its dtype.

    >>> zeros_like(np.array([1, 2]))
    array([0, 0])
    """
    return full_like(x, 0, dtype)


empty_like = zeros_like


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of x and, unless told otherwise, its dtype.

    >>> ones_like(np.array([5.0, 6.0]), "int32")
    array([1, 1], dtype=int32)
    """
    return full_like(x, 1, dtype)


# ---------------------------------------------------------------- conversions


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """A Tensor of a number, list, array or Variable.

    >>> convert_to_tensor([1, 2], "float32")
    Tensor([1., 2.], dtype=float32)
    """
    if sparse or ragged:
        kind = "sparse" if sparse else "ragged"
        raise ArgumentError(f"convert_to_tensor: there are no {kind} tensors", expected="a dense array")
    tensor = as_tensor(x)
    return tensor if dtype is None or tensor.dtype == np.dtype(dtype) else cast(tensor, dtype)


def array(x: Any, dtype: Any = None) -> Any:
    """A Tensor of a number, list, array or Variable, under NumPy's name.

    >>> array([1, 2])
    Tensor([1, 2], dtype=int64)
    """
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Any) -> Array:
    """A NumPy array with the values of x: a copy, so that changing it changes nothing else.

    >>> convert_to_numpy(ones(2))
    array([1., 1.], dtype=float32)
    """
    if isinstance(x, np.ndarray):
        return np.array(x)
    return as_tensor(x).numpy()


def copy(x: Any) -> Any:
    """The same values in memory of their own; gradients flow through.

    >>> copy(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    x = operand(x)
    return apply(Cast(np.dtype(x.dtype).name), x)


class StopGradient(Op):
    r"""y = x, but for gradients a constant: x̄ = 0 by decree, although the curve has slope 1."""

    formula = r"y = x"
    kind = "view"
    differentiable = False

    def shapes(self, x: Spec) -> Shape:
        return x.shape

    def forward(self, xp: Any, x: Any) -> Any:
        return x


def stop_gradient(variable: Any) -> Any:
    """The same values as a constant: no gradient flows back through them.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> (x * stop_gradient(x)).backward()
    >>> float(x.grad)
    3.0
    """
    return apply(StopGradient(), variable)


# ---------------------------------------------------------------- facts


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor.

    >>> is_tensor(ones(2)), is_tensor([1.0, 1.0])
    (True, False)
    """
    return isinstance(x, Tensor)


def shape(x: Any) -> Shape:
    """The shape as a tuple; a size that is not known yet is None.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(operand(x).shape)


def ndim(x: Any) -> int:
    """The number of axes.

    >>> ndim([[1, 2, 3]])
    2
    """
    return len(operand(x).shape)


def size(x: Any) -> int:
    """The number of cells.

    >>> size([[1, 2, 3]])
    3
    """
    return int(operand(x).size)


def dtype(x: Any) -> str:
    """The name of the dtype.

    >>> dtype([1.0, 2.0])
    'float32'
    """
    return str(np.dtype(operand(x).dtype).name)
