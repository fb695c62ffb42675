r"""Element-wise arithmetic and functions: each output cell depends on the input cells at the same place.

For y = f(a, b) the chain rule is cell by cell: ā = ∂f/∂a · ȳ. Nothing here mentions shapes: the engine broadcasts
forward and sums backward over whatever was repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply

__all__ = ["add", "cast", "greater", "identity", "multiply", "tanh"]


class Add(Op):
    r"""Sum of two cells. Both derivatives are 1, so ȳ flows to both sides unchanged."""

    gradient = (r"\bar a = \bar y", r"\bar b = \bar y")
    rule = "y = a + b"
    kind = "elementwise"
    inplace = {"y": "a"}

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.add(a, b, out=out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return g, g


def add(x1: Any, x2: Any) -> Any:
    """x1 + x2.

    >>> add(np.array([1.0, 2.0]), 10.0)
    array([11., 12.])
    """
    return apply(Add(), x1, x2)


class Multiply(Op):
    r"""Product of two cells. ∂(ab)/∂a = b and ∂(ab)/∂b = a: each side is scaled by the other."""

    gradient = (r"\bar a = b\,\bar y", r"\bar b = a\,\bar y")
    rule = "y = a*b"
    kind = "elementwise"
    saves = ("a", "b")
    inplace = {"y": "a"}

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.multiply(a, b, out=out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return g * b if needed[0] else None, g * a if needed[1] else None


def multiply(x1: Any, x2: Any) -> Any:
    """x1 * x2.

    >>> multiply(np.array([1.0, 2.0]), 10.0)
    array([10., 20.])
    """
    return apply(Multiply(), x1, x2)


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


class Identity(Op):
    r"""y = x: a second name for the same numbers; the cotangent passes through."""

    gradient = r"\bar x = \bar y"
    rule = "y = x"
    kind = "view"

    def forward(self, xp: Any, x: Any) -> Any:
        return x

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g


def identity(x: Any) -> Any:
    """The tensor itself, as a new node of the tape."""
    return apply(Identity(), x)


class Cast(Op):
    r"""The same numbers in another dtype; the cotangent is cast back."""

    formula = r"y = x"
    gradient = r"\bar x = \bar y"
    kind = "opaque"

    to: str

    def shapes(self, x: Any) -> Any:
        return x.shape

    def dtypes(self, x: Any) -> Any:
        return (np.dtype(self.to),)

    def forward(self, xp: Any, x: Any) -> Any:
        return x.astype(self.to)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return F.cast(g, x.dtype)


def cast(x: Any, dtype: Any) -> Any:
    """The same values in another dtype.

    >>> cast(np.array([1.7, 2.2]), "int32")
    array([1, 2], dtype=int32)
    """
    return apply(Cast(np.dtype(dtype).name), x)


class Tanh(Op):
    r"""Hyperbolic tangent: y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ).

    1. Quotient rule with s = eˣ - e⁻ˣ, c = eˣ + e⁻ˣ, s' = c, c' = s: y' = (c² - s²) / c² = 1 - y².
    2. x̄ = (1 - y²) ȳ; y is enough and x need not be kept.
    """

    gradient = r"\bar x = (1 - y^2)\,\bar y"
    rule = "y = tanh(x)"
    kind = "elementwise"
    dtype = "float"
    saves = ("y",)
    inplace = {"y": "x"}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.tanh(x, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (1 - y * y)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, cell by cell.

    >>> tanh(np.array([0.0]))
    array([0.])
    """
    return apply(Tanh(), x)
