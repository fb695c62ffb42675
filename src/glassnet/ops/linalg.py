r"""Products of matrices: `linear` (a dense layer's mathematics), `matmul`.

Letters: N samples, I inputs, O outputs. Everything here follows from one identity. For Y = X W and any cotangent G of
the shape of Y, a small change of the inputs changes the result's inner product with G by

    <G, dX W> + <G, X dW>  =  <G Wᵀ, dX> + <Xᵀ G, dW>,

so the cotangent of X is G Wᵀ and the cotangent of W is Xᵀ G: multiply by the other factor, transposed, on the same
side.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.ops.shape import expand_dims, squeeze

__all__ = ["linear", "matmul"]


class Linear(Op):
    r"""y = x w + b, the weighted sums of a dense layer, in one pass.

    Derivation, with L the loss and ȳ = ∂L/∂y:

    1. One cell: y[n,o] = Σᵢ x[n,i] w[i,o] + b[o].
    2. x[n,i] enters every y[n,o] with factor w[i,o], so x̄[n,i] = Σₒ ȳ[n,o] w[i,o]: x̄ = ȳ wᵀ.
    3. w[i,o] enters y[n,o] of every sample n with factor x[n,i], so w̄[i,o] = Σₙ x[n,i] ȳ[n,o]: w̄ = xᵀ ȳ.
    4. b[o] enters y[n,o] of every sample with factor 1, so b̄[o] = Σₙ ȳ[n,o]: a sum over the batch.

    The bias is not saved: no cotangent reads it. Source: Nielsen, Neural Networks and Deep Learning, ch. 2, BP1-BP4.
    """

    formula = r"y = x\,w + b"
    gradient = (r"\bar x = \bar y\,w^\top", r"\bar w = x^\top \bar y", r"\bar b = \sum_n \bar y_n")
    rule = "y[...,o] = sum_i x[...,i]*w[i,o] + b[o]"
    kind = "contraction"
    saves = ("x", "w")

    def forward(self, xp: Any, x: Any, w: Any, b: Any, out: Any = None) -> Any:
        y = xp.matmul(x, w, out=out)
        y += b
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return (
            g @ w.T if needed[0] else None,
            _rows(x).T @ _rows(g) if needed[1] else None,
            _rows(g).sum(axis=0) if needed[2] else None,
        )

    def compose(self, F: Any, x: Any, w: Any, b: Any) -> Any:
        return x @ w + b


def _rows(x: Any) -> Any:
    """All leading axes as one axis of samples."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def linear(x: Any, w: Any, b: Any) -> Any:
    """Weighted sums and bias, x w + b, of a dense layer.

    Arguments:
        x: shape (..., I).
        w: shape (I, O).
        b: shape (O,).

    Returns: shape (..., O).

    >>> linear(np.array([[1.0, 2.0]]), np.array([[10.0], [100.0]]), np.array([0.5]))
    array([[210.5]])
    """
    return apply(Linear(), x, w, b)


class Matmul(Op):
    r"""Matrix product y = a b over the last two axes, with leading axes broadcast.

    1. One cell: y[n,o] = Σᵢ a[n,i] b[i,o].
    2. By the identity at the top of this file ā = ȳ bᵀ and b̄ = aᵀ ȳ.
    3. Leading axes are independent copies. Where one side was broadcast over such an axis, its cotangent is summed
       over the copies.
    """

    formula = r"y = a\,b"
    gradient = (r"\bar a = \bar y\,b^\top", r"\bar b = a^\top \bar y")
    rule = "y[...,n,o] = sum_i a[...,n,i]*b[...,i,o]"
    kind = "contraction"
    saves = ("a", "b")

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return xp.matmul(a, b, out=out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return (
            F.sum_to(g @ F.swapaxes(b, -1, -2), a.shape) if needed[0] else None,
            F.sum_to(F.swapaxes(a, -1, -2) @ g, b.shape) if needed[1] else None,
        )


def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes; a vector on either side is taken as one row or column.

    Arguments:
        x1: shape (..., N, I) or (I,).
        x2: shape (..., I, O) or (I,).

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    x1, x2 = operand(x1), operand(x2)
    if len(x1.shape) >= 2 and len(x2.shape) >= 2:
        return apply(Matmul(), x1, x2)
    rows = expand_dims(x1, 0) if len(x1.shape) == 1 else x1
    columns = expand_dims(x2, -1) if len(x2.shape) == 1 else x2
    y = apply(Matmul(), rows, columns)
    if len(x2.shape) == 1:
        y = squeeze(y, -1)
    return squeeze(y, -1 if len(x2.shape) == 1 else -2) if len(x1.shape) == 1 else y
