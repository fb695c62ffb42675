r"""Comparisons, logic and choosing: cells that are true or false, and what is done with them.

A comparison jumps from false to true and is flat everywhere else, so no gradient flows through it; it flows through
the values that `where` chooses. A comparison with NaN is false, except `not_equal`, which is true.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, common_dtype, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.config import floatx
from glassnet.errors import ArgumentError
from glassnet.ops.elementwise import absolute, add, cast, multiply, quiet, subtract
from glassnet.typing import DType

__all__ = [
    "allclose", "equal", "greater", "greater_equal", "isclose", "isfinite", "isinf", "isnan", "less", "less_equal",
    "logical_and", "logical_not", "logical_or", "logical_xor", "not_equal", "where",
]  # fmt: skip

_NUMBERS = {bool, int, float}  # not their subclasses: a NumPy number has a dtype of its own

# ---------------------------------------------------------------- comparisons


class Greater(Op):
    r"""1 where a > b. Piecewise constant: no gradient."""

    rule = "y = a > b"
    kind = "elementwise"
    dtype = "bool"
    differentiable = False

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.greater(a, b, out=out)


def greater(x1: Any, x2: Any) -> Any:
    """x1 > x2, cell by cell.

    >>> greater(np.array([1.0, 3.0]), 2.0)
    array([False,  True])
    """
    return apply(Greater(), x1, x2)


def less(x1: Any, x2: Any) -> Any:
    """x1 < x2, cell by cell.

    >>> less(np.array([1.0, 3.0]), 2.0)
    array([ True, False])
    """
    return greater(x2, x1)


class GreaterEqual(Op):
    r"""1 where a >= b. Piecewise constant: no gradient."""

    rule = "y = a >= b"
    kind = "elementwise"
    dtype = "bool"
    differentiable = False

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.greater_equal(a, b, out=out)


def greater_equal(x1: Any, x2: Any) -> Any:
    """x1 >= x2, cell by cell.

    >>> greater_equal(np.array([1.0, 2.0]), 2.0)
    array([False,  True])
    """
    return apply(GreaterEqual(), x1, x2)


def less_equal(x1: Any, x2: Any) -> Any:
    """x1 <= x2, cell by cell.

    >>> less_equal(np.array([1.0, 2.0]), 1.0)
    array([ True, False])
    """
    return greater_equal(x2, x1)


class Equal(Op):
    r"""1 where a = b. Piecewise constant: no gradient. NaN equals nothing, not even itself."""

    rule = "y = a == b"
    kind = "elementwise"
    dtype = "bool"
    differentiable = False

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.equal(a, b, out=out)


def equal(x1: Any, x2: Any) -> Any:
    """x1 == x2, cell by cell.

    >>> equal(np.array([1, 2]), 2)
    array([False,  True])
    """
    return apply(Equal(), x1, x2)


def not_equal(x1: Any, x2: Any) -> Any:
    """x1 != x2, cell by cell.

    >>> not_equal(np.array([1, 2]), 2)
    array([ True, False])
    """
    return logical_not(equal(x1, x2))


def isnan(x: Any) -> Any:
    """True where a cell is NaN: the only value that differs from itself.

    >>> isnan(np.array([1.0, np.nan, np.inf]))
    array([False,  True, False])
    """
    return not_equal(x, x)


def isinf(x: Any) -> Any:
    """True where a cell is plus or minus infinity.

    >>> isinf(np.array([1.0, np.nan, -np.inf]))
    array([False, False,  True])
    """
    return equal(absolute(x), math.inf)


def isfinite(x: Any) -> Any:
    """True where a cell is neither NaN nor infinite.

    >>> isfinite(np.array([1.0, np.nan, np.inf]))
    array([ True, False, False])
    """
    return less(absolute(x), math.inf)


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """True where |x1 - x2| <= atol + rtol |x2|; infinities are close to themselves only.

    Arguments:
        equal_nan: whether two NaN count as close.

    >>> isclose(np.array([1.0, 2.0]), np.array([1.0 + 1e-9, 2.1]))
    array([ True, False])
    """
    with quiet():  # infinity - infinity
        near = less_equal(absolute(subtract(x1, x2)), add(multiply(absolute(x2), rtol), atol))
    close = logical_or(logical_and(near, isfinite(x2)), equal(x1, x2))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all cells are close to each other; see `isclose`.

    >>> bool(allclose(np.array([1.0, 2.0]), np.array([1.0 + 1e-9, 2.0])))
    True
    """
    return F.all(isclose(x1, x2, rtol, atol, equal_nan))


# ---------------------------------------------------------------- logic; every number but 0 counts as true


class LogicalAnd(Op):
    r"""1 where both cells are true. Piecewise constant: no gradient."""

    rule = "y = a and b"
    kind = "elementwise"
    dtype = "bool"
    differentiable = False

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.logical_and(a, b, out=out)


def logical_and(x1: Any, x2: Any) -> Any:
    """True where both are.

    >>> logical_and(np.array([True, True]), np.array([True, False]))
    array([ True, False])
    """
    return apply(LogicalAnd(), x1, x2)


class LogicalOr(Op):
    r"""1 where at least one of two cells is true. Piecewise constant: no gradient."""

    rule = "y = a or b"
    kind = "elementwise"
    dtype = "bool"
    differentiable = False

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.logical_or(a, b, out=out)


def logical_or(x1: Any, x2: Any) -> Any:
    """True where at least one is.

    >>> logical_or(np.array([True, False]), np.array([False, False]))
    array([ True, False])
    """
    return apply(LogicalOr(), x1, x2)


def logical_not(x: Any) -> Any:
    """True where a cell is false, or 0.

    >>> logical_not(np.array([True, False]))
    array([False,  True])
    """
    return equal(x, False)


def logical_xor(x1: Any, x2: Any) -> Any:
    """True where exactly one of the two is.

    >>> logical_xor(np.array([True, True]), np.array([True, False]))
    array([False,  True])
    """
    return not_equal(logical_not(x1), logical_not(x2))


# ---------------------------------------------------------------- choosing


class Where(Op):
    r"""The cell of a where c is true, the cell of b elsewhere.

    1. Where c holds, y = a: slope 1 in a and 0 in b; elsewhere the other way round.
    2. So ā is ȳ where c holds and 0 elsewhere, and b̄ the rest of ȳ.

    Trap: the branch that is not chosen is computed all the same, and if its own gradient there is infinite, 0 · ∞ = NaN
    comes out behind it. Make the input of a branch harmless before, not its output after:
    log(where(x > 0, x, 1)), not where(x > 0, log(x), 0).
    """

    gradient = (r"\bar a = [c]\,\bar y", r"\bar b = [\lnot c]\,\bar y")
    rule = "y = where(c, a, b)"
    kind = "elementwise"
    saves = ("c",)
    promotes = False

    def dtypes(self, c: Spec, a: Spec, b: Spec) -> Any:
        return (a.dtype,)

    def forward(self, xp: Any, c: Any, a: Any, b: Any) -> Any:
        return xp.where(c, a, b)

    def vjp(self, F: Any, g: Any, y: Any, c: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return None, F.where(c, g, 0) if needed[1] else None, F.where(c, 0, g) if needed[2] else None


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, x2 elsewhere.

    >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    if x1 is None or x2 is None:
        raise ArgumentError(
            "where: a branch is missing",
            expected="where(condition, x1, x2)",
            received=f"{2 - (x1 is None) - (x2 is None)} of 2 branches",
            fix="positions of true cells, whose number depends on the values: np.nonzero(condition.numpy())",
        )
    condition = operand(condition)
    return apply(Where(), cast_to(condition, np.dtype("bool")), *_same_dtype("where", x1, x2))


def cast_to(x: Any, dtype: DType) -> Any:
    """The array as it is where it has the dtype already."""
    return x if x.dtype == dtype else cast(x, dtype)


def _same_dtype(who: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Two branches in their common dtype; Python numbers are weak and take that of the other branch."""
    strong = tuple(Spec((), operand(x).dtype) for x in (a, b) if type(x) not in _NUMBERS)
    weak = [type(x) for x in (a, b) if type(x) in _NUMBERS]
    dtype = common_dtype(who, strong) if strong else np.dtype(bool)
    if dtype.kind != "f" and float in weak:
        dtype = np.dtype(floatx())
    elif dtype.kind == "b" and int in weak:
        dtype = np.dtype("int64")
    return _in_dtype(a, dtype), _in_dtype(b, dtype)


def _in_dtype(x: Any, dtype: DType) -> Any:
    return np.asarray(x, dtype) if type(x) in _NUMBERS else cast_to(operand(x), dtype)
