r"""Attention: every query looks at all keys and takes a weighted mean of their values; and rows of a table by number.

Letters: N samples, T queries, S keys, H heads of the queries, K heads of keys and values (H is a multiple of K: each
key head serves H/K query heads, in order), D features of a head, E features of a value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.autograd.op import Domain, Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.errors import DataError, DTypeError, ShapeError
from glassnet.ops.indexing import Take
from glassnet.typing import DType, Shape

__all__ = ["attention_and_weights", "dot_product_attention", "embedding_lookup"]

Shapes = tuple[Shape, Shape]


def lowest(dtype: Any) -> float:
    """The score of a forbidden key: e to it is 0, and it is finite, so that a row of nothing else gives no NaN."""
    return float(np.finfo(dtype).min) * 0.7


class Attention(Op):
    r"""Scaled dot-product attention: y = dropout(softmax(c q kᵀ, where allowed)) v, for every sample and head.

    For one sample and head, with q (T, D), k (S, D), v (S, E) and the scale c, mostly 1/√D:

    1. Scores zₜₛ = c Σ_d qₜ_d kₛ_d; where key s is forbidden to query t, zₜₛ is a large negative constant instead.
    2. Weights pₜₛ = exp zₜₛ / Σᵣ exp zₜᵣ: each row t adds up to 1, and a forbidden key has 0.
    3. A weight survives dropout where u ≥ rate, scaled up: wₜₛ = pₜₛ [uₜₛ ≥ rate] / (1 - rate). yₜₑ = Σₛ wₜₛ vₛₑ.

    Backward, from ȳ (and from p̄, should the weights be used too):

    4. y is a product of matrices: v̄ = wᵀ ȳ and w̄ = ȳ vᵀ; through the dropout p̄ₜₛ += w̄ₜₛ [uₜₛ ≥ rate] / (1 - rate).
    5. The Jacobian of a softmax row: ∂pₛ/∂zᵣ = pₛ ([s = r] - pᵣ). Hence z̄ᵣ = Σₛ p̄ₛ pₛ ([s = r] - pᵣ)
       = pᵣ (p̄ᵣ - Σₛ p̄ₛ pₛ): what a key brings more than the row's mean. A constant score has z̄ = 0.
    6. z is a product again: q̄ = c z̄ k and k̄ = c z̄ᵀ q. A key head that serves several query heads adds up their parts.

    Trap: a query to which all keys are forbidden gets the same weight for each (all its scores are equal), not NaN.
    Source: Vaswani et al. (2017), Attention Is All You Need, eq. 1; grouped heads: Ainslie et al. (2023), GQA.
    """

    formula = r"y_t = \sum_s w_{ts}\,v_s,\quad p_{ts} = \mathrm{softmax}_s(c\,q_t \cdot k_s)"
    gradient = (
        r"\bar q = c\,\bar z\,k,\quad \bar z_{ts} = p_{ts}\,(\bar p_{ts} - \textstyle\sum_r \bar p_{tr} p_{tr})",
        r"\bar k = c\,\bar z^\top q",
        r"\bar v = w^\top \bar y",
        r"\bar u = 0",
    )
    kind = "contraction"
    outputs = ("y", "p")
    saves = ("q", "k", "v", "m", "u", "p")
    promotes = False
    order = 1
    domain = {"u": Domain(0.0, 1.0)}

    scale: float
    causal: bool = False
    masked: bool = True
    rate: float = 0.0

    def shapes(self, q: Spec, k: Spec, v: Spec, m: Spec, u: Spec) -> Shapes:
        _require_fitting(q, k, v)
        weights = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
        for name, x in (("mask", m), ("random bits", u)):
            if x.ndim != 4 or any(None not in (a, b) and a not in (1, b) for a, b in zip(x.shape, weights)):
                raise ShapeError(
                    f"attention: the {name} do not fit" if name != "mask" else "attention: the mask does not fit",
                    expected=f"(batch, heads, queries, keys) = {weights}, or 1 in place of a size", received=x.shape,
                    fix="a mask of the keys (batch, keys) becomes mask[:, None, None, :]" if x.ndim == 2 else None,
                )  # fmt: skip
        return (*q.shape[:3], v.shape[3]), weights

    def dtypes(self, q: Spec, k: Spec, v: Spec, m: Spec, u: Spec) -> tuple[DType, ...]:
        if len({q.dtype, k.dtype, v.dtype}) > 1 or q.dtype.kind != "f":
            raise DTypeError(
                "attention: query, key and value need one float type", received=f"{q.dtype}, {k.dtype}, {v.dtype}",
                fix="convert: x.astype('float32')",
            )  # fmt: skip
        return q.dtype, q.dtype

    def forward(self, xp: Any, q: Any, k: Any, v: Any, m: Any, u: Any) -> Any:
        heads = k.shape[2]
        z = xp.matmul(_rows(xp, q, heads), _turned(xp, _rows(xp, k, heads)))
        z *= self.scale
        p = z.reshape(q.shape[0], q.shape[2], q.shape[1], k.shape[1])
        allowed = self.allowed(m, p.shape)
        if allowed is not None:
            p = xp.where(allowed, p, xp.asarray(lowest(p.dtype), p.dtype))
        if p.size:
            p -= p.max(axis=-1, keepdims=True)
        xp.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        y = xp.matmul(_grouped(xp, self.dropped(p, u), heads), _rows(xp, v, heads))
        return _columns(xp, y, q.shape[:3]), p

    def allowed(self, m: Any, shape: Any) -> Any:
        """Which key each query may look at; None: all. In causal attention query t sees the keys 0..t."""
        if not self.causal:
            return m if self.masked else None
        seen = np.arange(shape[2])[:, None] >= np.arange(shape[3])
        return m & seen if self.masked else seen

    def dropped(self, p: Any, u: Any) -> Any:
        """The weights after dropout."""
        return p * (u >= self.rate) * (1 / (1 - self.rate)) if self.rate else p

    def vjp(self, F: Any, g: Any, y: Any, q: Any, k: Any, v: Any, m: Any, u: Any, needed: tuple[bool, ...]) -> Any:
        (gy, gp), p, heads = g, y[1], k.shape[2]
        gv = None
        if gy is not None:
            gy = _rows(F, gy, heads)
            w = _grouped(F, self.dropped(p, u), heads)
            gv = _columns(F, F.matmul(_turned(F, w), gy), v.shape[:3]) if needed[2] else None
            gw = F.reshape(F.matmul(gy, _turned(F, _rows(F, v, heads))), p.shape)
            gp = self.dropped(gw, u) if gp is None else gp + self.dropped(gw, u)
        gz = p * (gp - (gp * p).sum(axis=-1, keepdims=True)) * self.scale
        if self.masked:  # a forbidden key has p = 0, but for a query to which all are forbidden
            gz = gz * self.allowed(m, p.shape)
        gz = _grouped(F, gz, heads)
        gq = _columns(F, F.matmul(gz, _rows(F, k, heads)), q.shape[:3]) if needed[0] else None
        gk = _columns(F, F.matmul(_turned(F, gz), _rows(F, q, heads)), k.shape[:3]) if needed[1] else None
        return gq, gk, gv, None, None

    def compose(self, F: Any, q: Any, k: Any, v: Any, m: Any, u: Any) -> Any:
        z = F.einsum("nthd,nshd->nhts", q, _served(F, k, q)) * self.scale
        allowed = self.allowed(m, z.shape)
        p = F.softmax(z if allowed is None else F.where(allowed, z, lowest(z.dtype)))
        w = F.apply_dropout(p, F.broadcast_to(u, p.shape), self.rate) if self.rate else p
        return F.einsum("nhts,nshe->nthe", w, _served(F, v, q)), p


def _rows(xp: Any, x: Any, heads: int) -> Any:
    """(N, T, H, D) as one matrix per sample and key head: (N, K, H/K · T, D)."""
    n, t, h, d = x.shape
    return xp.reshape(xp.transpose(x, (0, 2, 1, 3)), (n, heads, h // heads * t, d))


def _grouped(xp: Any, x: Any, heads: int) -> Any:
    """(N, H, T, S) as one matrix per sample and key head: (N, K, H/K · T, S)."""
    n, h, t, s = x.shape
    return xp.reshape(x, (n, heads, h // heads * t, s))


def _columns(xp: Any, x: Any, shape: Any) -> Any:
    """Undo `_rows`: (N, K, H/K · T, E) becomes (N, T, H, E)."""
    n, t, h = shape
    return xp.transpose(xp.reshape(x, (n, h, t, x.shape[-1])), (0, 2, 1, 3))


def _turned(xp: Any, x: Any) -> Any:
    return xp.transpose(x, (0, 1, 3, 2))


def _served(F: Any, x: Any, q: Any) -> Any:
    """Keys or values (N, S, K, D) with one copy per query head: (N, S, H, D)."""
    heads, queries = x.shape[2], q.shape[2]
    return x if heads == queries else F.take(x, np.repeat(np.arange(heads), queries // heads), axis=2)


def _require_fitting(q: Spec, k: Spec, v: Spec) -> None:
    """Raise a ShapeError unless query, key and value belong together."""

    def differ(a: Any, b: Any) -> bool:
        return None not in (a, b) and a != b

    problem = None
    if not q.ndim == k.ndim == v.ndim == 4:
        problem = "query, key and value need 4 axes"
    elif differ(q.shape[3], k.shape[3]):
        problem = "query and key need the same number of features"
    elif any(differ(a, b) for a, b in zip(k.shape[:3], v.shape[:3])) or differ(q.shape[0], k.shape[0]):
        problem = "each key needs one value, and each sample its own keys"
    elif not k.shape[2] or (q.shape[2] or 0) % k.shape[2]:
        problem = "the heads of the query must be a multiple of those of the key"
    if problem:
        raise ShapeError(
            f"attention: {problem}",
            expected="query (batch, T, heads, D), key (batch, S, key heads, D), value (batch, S, key heads, E)",
            received=f"{q.shape}, {k.shape}, {v.shape}",
        )


def attention_and_weights(
    query: Any, key: Any, value: Any, mask: Any = None, scale: float | None = None, is_causal: bool = False,
    random_bits: Any = None, rate: float = 0.0,
) -> Any:  # fmt: skip
    """`dot_product_attention` together with its weights: y of shape (N, T, H, E) and p of shape (N, H, T, S).

    Arguments:
        query, key, value, mask, scale, is_causal: as of `dot_product_attention`.
        random_bits: u in [0, 1), shape (N, H, T, S), for dropout of the weights with this `rate`; p is before it.

    >>> q, k, v = np.ones((1, 1, 1, 2)), np.ones((1, 2, 1, 2)), np.array([0.0, 1.0]).reshape(1, 2, 1, 1)
    >>> y, p = attention_and_weights(q, k, v)
    >>> p
    array([[[[0.5, 0.5]]]])
    """
    query, key, value = operand(query), operand(key), operand(value)
    scale = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    op = Attention(scale, bool(is_causal), mask is not None, 0.0 if random_bits is None else float(rate))
    mask = np.ones((1, 1, 1, 1), bool) if mask is None else F.cast(operand(mask), "bool")
    while len(mask.shape) < 4:
        mask = F.expand_dims(mask, 0)
    return apply(op, query, key, value, mask, np.ones((1, 1, 1, 1)) if random_bits is None else random_bits)


def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
    is_causal: bool = False, attn_logits_soft_cap: float | None = None,
) -> Any:  # fmt: skip
    """Each query's mean of the values, weighted by softmax(scale · query · key).

    Arguments:
        query: (N, T, H, D). key: (N, S, K, D). value: (N, S, K, E). H is a multiple of K.
        bias: added to the scores, broadcast to (N, H, T, S).
        mask: True where a key may be looked at, broadcast to (N, H, T, S).
        scale: 1/√D by default.
        is_causal: query t sees the keys 0..t only.
        attn_logits_soft_cap: c, bends the scores to c tanh(score / c).

    >>> x = np.array([[0.0], [10.0]]).reshape(1, 2, 1, 1)
    >>> dot_product_attention(x, x, x).round(3).reshape(-1)
    array([ 5., 10.])
    """
    if bias is None and attn_logits_soft_cap is None:
        return attention_and_weights(query, key, value, mask, scale, is_causal)[0]
    query, key, value = operand(query), operand(key), operand(value)
    _require_fitting(Spec.of(query), Spec.of(key), Spec.of(value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    z = F.einsum("nthd,nshd->nhts", query, _served(F, key, query)) * scale
    if attn_logits_soft_cap is not None:
        z = attn_logits_soft_cap * F.tanh(z / attn_logits_soft_cap)
    if bias is not None:
        z = z + bias
    if is_causal:
        seen = np.arange(query.shape[1])[:, None] >= np.arange(key.shape[1])
        mask = seen if mask is None else F.logical_and(mask, seen)
    p = F.softmax(z if mask is None else F.where(mask, z, lowest(z.dtype)))
    return F.einsum("nhts,nshe->nthe", p, _served(F, value, query))


class Lookup(Take):
    r"""Rows of a table by number: y[..., d] = W[i[...], d]. Equal to i as one-hot rows times W, without the zeros.

    1. Each y is a copy of the row of W that i names.
    2. A row may have been copied several times or never, so W̄ adds up the ȳ of all its copies: only touched rows have
       a gradient other than 0.

    Unlike `take`, a number below 0 is an error as well. Source: Bengio et al. (2003), A Neural Probabilistic Language
    Model, section 2.
    """

    formula = r"y_j = W_{i_j}"
    gradient = (r"\bar W_k = \sum_{j:\,i_j = k} \bar y_j",)
    saves = ("i",)

    axis: int = 0

    def forward(self, xp: Any, x: Any, i: Any) -> Any:
        if i.size and (i.min() < 0 or i.max() >= x.shape[0]):
            _refuse_ids(i, x.shape[0])
        return super().forward(xp, x, i)


def _refuse_ids(ids: Any, count: int) -> None:
    where = np.unravel_index(int(((ids < 0) | (ids >= count)).argmax()), ids.shape)
    place = ", ".join(str(int(part)) for part in where)
    raise DataError(
        "embedding: an id is out of range", expected=f"integers 0..{count - 1} (a vocabulary of {count})",
        received=f"{ids[where]} at position [{place}]",
        fix="make input_dim the largest id + 1, or map unknown tokens to an id of their own",
    )  # fmt: skip


def embedding_lookup(table: Any, ids: Any) -> Any:
    """Rows of a table by number.

    Arguments:
        table: shape (vocabulary, D).
        ids: integers 0..vocabulary - 1, any shape.

    >>> embedding_lookup(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([1, 1, 0]))
    array([[2., 3.],
           [2., 3.],
           [0., 1.]])
    """
    return apply(Lookup(), table, ids)
