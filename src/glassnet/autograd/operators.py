"""Python's operators for Tensor and Variable, each one call of the function of the same meaning.

The engine knows no particular operation. `F`, the function set of `glassnet.ops`, is registered here when that
package is imported; operators and every `vjp` reach the operations through it.
"""

from __future__ import annotations

from typing import Any


class FunctionSet:
    """The functions of `glassnet.ops` by name: `F.matmul`, `F.relu`, ..."""

    def register(self, functions: dict[str, Any]) -> None:
        """Add public functions; called by `glassnet.ops` when it is imported."""
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"glassnet.ops has no function {name!r}")


F: Any = FunctionSet()


class Operators:
    """Arithmetic, comparisons, indexing and a few methods, for Tensor and Variable alike."""

    __slots__ = ()

    __array_ufunc__ = None  # NumPy operators defer to ours, so `array * tensor` is recorded too

    @property
    def value(self) -> Any:
        """The Tensor to compute with."""
        return self

    def __add__(self, other: Any) -> Any:
        return F.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return F.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return F.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return F.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return F.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return F.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return F.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return F.divide(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return F.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return F.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return F.mod(self, other)

    def __rmod__(self, other: Any) -> Any:
        return F.mod(other, self)

    def __pow__(self, other: Any) -> Any:
        return F.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return F.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return F.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return F.matmul(other, self)

    def __neg__(self) -> Any:
        return F.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return F.abs(self)

    def __lt__(self, other: Any) -> Any:
        return F.less(self, other)

    def __le__(self, other: Any) -> Any:
        return F.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return F.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return F.greater_equal(self, other)

    def __eq__(self, other: object) -> Any:
        return F.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return F.not_equal(self, other)

    __hash__ = object.__hash__

    def __invert__(self) -> Any:
        return F.logical_not(self)

    def __and__(self, other: Any) -> Any:
        return F.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return F.logical_or(self, other)

    def __xor__(self, other: Any) -> Any:
        return F.logical_xor(self, other)

    def __getitem__(self, key: Any) -> Any:
        return F.get_item(self, key)

    @property
    def T(self) -> Any:  # noqa: N802  # NumPy's name
        """All axes in reverse order."""
        return F.transpose(self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """`gn.ops.sum` of this tensor."""
        return F.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """`gn.ops.mean` of this tensor."""
        return F.mean(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Any:
        """`gn.ops.reshape` of this tensor; the sizes may stand in one tuple or side by side."""
        return F.reshape(self, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)

    def astype(self, dtype: Any) -> Any:
        """`gn.ops.cast` of this tensor."""
        return F.cast(self, dtype)
