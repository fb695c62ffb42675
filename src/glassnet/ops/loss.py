r"""Fused losses on logits: stable for any logits, with the short gradients that the lessons use.

Letters: N samples, K classes. z are logits, p = softmax(z), t the target. All losses here are per sample, shape (...,);
averaging over the batch, with its visible 1/n, is done by the loss classes.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Op, apply
from glassnet.autograd.spec import Spec
from glassnet.errors import ShapeError

__all__ = ["sparse_softmax_crossentropy"]


class SparseSoftmaxCrossentropy(Op):
    r"""Cross-entropy of integer labels from logits: y = -log softmax(z)[t].

    1. y = log Σₖ exp zₖ - z_t. With m = max z: y = m + log Σₖ exp(zₖ - m) - z_t, which cannot overflow.
    2. ∂/∂zₖ log Σ exp = exp zₖ / Σ exp = pₖ, and ∂z_t/∂zₖ = [k = t].
    3. So z̄ₖ = (pₖ - [k = t]) ȳ: predicted minus wanted. p is kept as a residual.

    Source: Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.108-4.109.
    """

    gradient = (r"\bar z_k = (p_k - [k = t])\,\bar y",)
    rule = "y[...] = max_j z[...,j] + log(sum_k exp(z[...,k] - max_j z[...,j])) - z[...,t[...]]"
    kind = "opaque"
    residuals = ("p",)
    saves = ("z", "t", "p")
    promotes = False
    order = 1

    def shapes(self, z: Spec, t: Spec) -> Any:
        if z.ndim != t.ndim + 1 or any(a is not None and b is not None and a != b for a, b in zip(z.shape, t.shape)):
            raise ShapeError(
                "sparse_categorical_crossentropy: labels and predictions do not fit",
                expected="labels of shape (batch,) with predictions of shape (batch, classes)",
                received=f"labels {t.shape}, predictions {z.shape}",
                fix="one-hot labels belong to categorical_crossentropy" if z.shape == t.shape else None,
            )
        return t.shape, z.shape

    def dtypes(self, z: Spec, t: Spec) -> Any:
        return z.dtype, z.dtype

    def forward(self, xp: Any, z: Any, t: Any) -> Any:
        shifted = z - z.max(axis=-1, keepdims=True)
        p = xp.exp(shifted)
        total = p.sum(axis=-1, keepdims=True)
        p /= total
        picked = xp.take_along_axis(shifted, t[..., None], axis=-1)
        return (xp.log(total) - picked)[..., 0], p

    def vjp(self, F: Any, g: Any, y: Any, z: Any, t: Any, needed: tuple[bool, ...]) -> Any:
        p = y[1]
        return (p - F.one_hot(t, z.shape[-1], dtype=z.dtype)) * F.expand_dims(g, -1), None

    def compose(self, F: Any, z: Any, t: Any) -> Any:
        picked = F.take_along_axis(z, F.expand_dims(t, -1), axis=-1)
        return F.logsumexp(z, axis=-1) - F.squeeze(picked, -1)


def sparse_softmax_crossentropy(logits: Any, labels: Any) -> Any:
    """-log softmax(logits)[label] for every sample.

    Arguments:
        logits: shape (..., K).
        labels: integers in 0..K-1, shape (...).

    >>> sparse_softmax_crossentropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """
    return apply(SparseSoftmaxCrossentropy(), logits, labels)
