r"""Normalization: brings groups of cells to mean 0 and variance 1, then scales and shifts them by trained factors.

    layer norm     the K features of each sample                          one mean per sample
    RMS norm       the same, divided by the root of the mean square       no mean is subtracted
    batch norm     one feature in all samples, rows and columns           one mean per feature
    group norm     some neighbouring features of one sample               one mean per sample and group

Letters: m is a group's mean, v its variance, s = √(v + ε), n = (x - m) / s the normalized input, γ and β the trained scale
and shift. The mean of x is rounded to the float type: for float32 and a mean of 10⁴ it is off by up to 0.0005, too much
beside a deviation of 1. So all forward passes here centre twice: they subtract the mean, then the mean of what is left.

These ops are fused for speed: each pass over an array costs more than what it computes. Their vjp runs one private op
(`_RowGradient`, `_ColumnGradient`) that writes the whole backward in few passes; second derivatives go through `compose`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, flat_size, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.config import epsilon as default_epsilon
from glassnet.config import floatx
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.elementwise import quiet
from glassnet.ops.shape import known_size, made_once, moveaxis, normalize_axes, normalize_axis
from glassnet.typing import Shape

__all__ = [
    "batch_norm", "batch_normalization", "group_norm", "layer_normalization", "moments", "rms_normalization",
]  # fmt: skip

_LETTERS = "ijklmnop"
"""Letters of the normalized axes in a rule."""
_LONG_ROW = 16384
"""Cells of the rows that a vector is repeated to: NumPy's inner loops over short rows cost more than they compute."""


def _by_row(xp: Any, function: Any, rows: Any, vector: Any, out: Any = None) -> Any:
    """`function` of every row of an array (..., n, K) with a vector (..., K); with `out`, into that contiguous array."""
    *leading, n, K = rows.shape
    times = _repeats(n, K)
    wide = (*leading, n // times, times * K)
    long = xp.tile(vector, times)[..., None, :]
    return function(rows.reshape(wide), long, out=None if out is None else out.reshape(wide)).reshape(rows.shape)


def _repeats(n: int, K: int) -> int:
    """How many of n rows of K cells are taken as one long row."""
    return math.gcd(n, max(1, _LONG_ROW // max(K, 1))) or 1


_BLOCK = 1 << 16
"""Cells of a part that stays in the processor's cache."""


# ---------------------------------------------------------------- along the features of one sample


def _means(xp: Any, rows: Any) -> Any:
    """The mean of each row as a column; a product with ones is several times as fast as a sum over short rows."""
    return rows @ xp.full((rows.shape[1], 1), 1 / rows.shape[1], rows.dtype)


class LayerNorm(Op):
    r"""Every sample brought to mean 0 and variance 1 over its K features, then scaled and shifted: y = γ n + β.

    With m = 1/K Σₖ xₖ, v = 1/K Σₖ (xₖ - m)², s = √(v + ε) and nₖ = (xₖ - m) / s:

    1. yₖ = γₖ nₖ + βₖ, so β̄ = Σ ȳ and γ̄ = Σ ȳ n, summed over the samples, and n̄ = γ ȳ.
    2. x enters n in three ways: in its own cell, through m and through v.
    3. Its own cell: nₖ = (xₖ - m) / s gives n̄ₖ / s.
    4. Through m: every nⱼ contains -m/s, and ∂m/∂xₖ = 1/K; together -(1/K Σⱼ n̄ⱼ) / s, the first mean. (v does not
       change with m: its slope -2/K Σ (xⱼ - m) is 0.)
    5. Through v: ∂nⱼ/∂v = -½ (xⱼ - m) / s³ = -½ nⱼ / s², and ∂v/∂xₖ = 2/K (xₖ - m) = 2/K nₖ s; together
       -nₖ (1/K Σⱼ n̄ⱼ nⱼ) / s, the second mean.
    6. x̄ₖ = (n̄ₖ - mean(n̄) - nₖ mean(n̄ n)) / s: what is left of n̄ has no part along 1 and none along n, because a
       shift or a stretch of x changes nothing.

    n and 1/s are kept as residuals. Source: Ba, Kiros and Hinton (2016), Layer Normalization, eq. 4.
    """

    formula = r"y = \gamma\,\frac{x - m}{\sqrt{v + \varepsilon}} + \beta"
    gradient = (
        r"\bar x_k = \frac{1}{s}\left(\bar n_k - \tfrac1K \sum_j \bar n_j - n_k\,\tfrac1K \sum_j \bar n_j n_j\right)",
        r"\bar \gamma = \sum \bar y\,n",
        r"\bar \beta = \sum \bar y",
    )
    kind = "opaque"
    dtype = "float"
    residuals = ("n", "r")
    saves = ("x", "gamma", "beta", "n", "r")
    order = 1

    trailing: int = 1
    epsilon: float = 1e-3

    def rule_for(self, x: Spec, gamma: Spec, beta: Spec) -> str:
        k, K = _LETTERS[: self.trailing], flat_size(gamma.shape)
        cell = ",".join(k)
        return (
            f"m[...] = (sum_{k} x[...,{cell}]) / {K}; v[...] = (sum_{k} (x[...,{cell}] - m[...])**2) / {K}; "
            f"y[...,{cell}] = (x[...,{cell}] - m[...]) / sqrt(v[...] + epsilon) * gamma[{cell}] + beta[{cell}]"
        )

    def shapes(self, x: Spec, gamma: Spec, beta: Spec) -> Any:
        return x.shape, x.shape, _one_per_row(x.shape, self.trailing)

    @quiet()
    def forward(self, xp: Any, x: Any, gamma: Any, beta: Any) -> Any:
        rows = x.reshape(-1, gamma.size)
        n = rows - _means(xp, rows)
        n -= _means(xp, n)  # what the rounded mean has left
        r = 1 / xp.sqrt(xp.einsum("nk,nk->n", n, n)[:, None] / gamma.size + x.dtype.type(self.epsilon))
        n *= r
        y = _by_row(xp, xp.multiply, n, gamma.reshape(-1))
        _by_row(xp, xp.add, y, beta.reshape(-1), out=y)
        return y.reshape(x.shape), n.reshape(x.shape), r.reshape(_one_per_row(x.shape, self.trailing))

    def vjp(self, F: Any, g: Any, y: Any, x: Any, gamma: Any, beta: Any, needed: tuple[bool, ...]) -> Any:
        return apply(_RowGradient(), g, y[1], y[2], gamma)

    def compose(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
        axes = tuple(range(-self.trailing, 0))
        distance = x - F.mean(x, axes, keepdims=True)
        return distance / F.sqrt(F.mean(distance * distance, axes, keepdims=True) + self.epsilon) * gamma + beta


class RmsNorm(Op):
    r"""Every sample divided by the root of its mean square, then scaled: y = γ n with n = x / s, s² = 1/K Σₖ xₖ² + ε.

    1. yₖ = γₖ nₖ, so γ̄ = Σ ȳ n over the samples, and n̄ = γ ȳ.
    2. xₖ enters its own cell: n̄ₖ / s. It enters every nⱼ through s: ∂s/∂xₖ = xₖ / (K s) = nₖ / K and
       ∂nⱼ/∂s = -nⱼ / s, together -nₖ (1/K Σⱼ n̄ⱼ nⱼ) / s.
    3. x̄ₖ = (n̄ₖ - nₖ mean(n̄ n)) / s: layer norm's without its first mean, because no mean is subtracted.

    n and 1/s are kept as residuals. Source: Zhang and Sennrich (2019), Root Mean Square Layer Normalization, eq. 4.
    """

    formula = r"y = \gamma\,\frac{x}{\sqrt{\frac1K \sum_k x_k^2 + \varepsilon}}"
    gradient = (
        r"\bar x_k = \frac{1}{s}\left(\bar n_k - n_k\,\tfrac1K \sum_j \bar n_j n_j\right)",
        r"\bar \gamma = \sum \bar y\,n",
    )
    kind = "opaque"
    dtype = "float"
    residuals = ("n", "r")
    saves = ("x", "gamma", "n", "r")
    order = 1

    trailing: int = 1
    epsilon: float = 1e-6

    def rule_for(self, x: Spec, gamma: Spec) -> str:
        k, K = _LETTERS[: self.trailing], flat_size(gamma.shape)
        cell = ",".join(k)
        return (
            f"q[...] = (sum_{k} x[...,{cell}]**2) / {K}; "
            f"y[...,{cell}] = x[...,{cell}] / sqrt(q[...] + epsilon) * gamma[{cell}]"
        )

    def shapes(self, x: Spec, gamma: Spec) -> Any:
        return x.shape, x.shape, _one_per_row(x.shape, self.trailing)

    @quiet()
    def forward(self, xp: Any, x: Any, gamma: Any) -> Any:
        rows = x.reshape(-1, gamma.size)
        r = 1 / xp.sqrt(xp.einsum("nk,nk->n", rows, rows)[:, None] / gamma.size + x.dtype.type(self.epsilon))
        n = rows * r
        y = _by_row(xp, xp.multiply, n, gamma.reshape(-1))
        return y.reshape(x.shape), n.reshape(x.shape), r.reshape(_one_per_row(x.shape, self.trailing))

    def vjp(self, F: Any, g: Any, y: Any, x: Any, gamma: Any, needed: tuple[bool, ...]) -> Any:
        return apply(_RowGradient(centred=False), g, y[1], y[2], gamma)[:2]

    def compose(self, F: Any, x: Any, gamma: Any) -> Any:
        mean_square = F.mean(x * x, tuple(range(-self.trailing, 0)), keepdims=True)
        return x / F.sqrt(mean_square + self.epsilon) * gamma


class _RowGradient(Op):
    """Cotangents of x, γ and β of LayerNorm (steps 1 and 6 of its derivation) or RmsNorm, in few passes."""

    outputs = ("x_bar", "gamma_bar", "beta_bar")
    differentiable = False
    name = "layer_norm_gradient"

    centred: bool = True

    def shapes(self, g: Spec, n: Spec, r: Spec, gamma: Spec) -> Any:
        return g.shape, gamma.shape, gamma.shape

    @quiet()
    def forward(self, xp: Any, g: Any, n: Any, r: Any, gamma: Any) -> Any:
        K, shape, of_features = gamma.size, g.shape, gamma.shape
        g, n, r, gamma = g.reshape(-1, K), n.reshape(-1, K), r.reshape(-1, 1), gamma.reshape(-1, 1)
        samples, product = xp.ones(len(g), g.dtype), g * n
        gamma_bar, beta_bar = samples @ product, samples @ g
        along_n = product @ gamma / K
        x_bar = _by_row(xp, xp.multiply, g, gamma[:, 0])
        if self.centred:
            x_bar -= g @ gamma / K
        x_bar -= xp.multiply(n, along_n, out=product)
        x_bar *= r
        return x_bar.reshape(shape), gamma_bar.reshape(of_features), beta_bar.reshape(of_features)


def _one_per_row(shape: Shape, trailing: int) -> Shape:
    return (*shape[:-trailing], *(1,) * trailing)


def _factors(who: str, x: Any, axes: tuple[int, ...], **given: Any) -> list[Any]:
    """Scale and shift with the sizes of x along the axes: what is given, or ones for `gamma` and zeros for `beta`."""
    sizes = tuple([known_size(x, axis, who) for axis in axes])
    if 0 in sizes or not sizes:
        raise ShapeError(f"{who}: there are no cells to normalize over", received=f"shape {tuple(x.shape)}, {axes=}")
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(floatx())
    found = []
    for name, factor in given.items():
        if not hasattr(factor, "shape"):
            factor = np.full(sizes, name != "beta", dtype) if factor is None else np.asarray(factor, dtype)
        if tuple(factor.shape) != sizes:
            raise ShapeError(
                f"{who}: {name} does not fit x of shape {tuple(x.shape)}", expected=f"shape {sizes}",
                received=f"shape {tuple(factor.shape)}", fix="give it one number for each cell along the axis",
            )  # fmt: skip
        found.append(factor)
    return found


_layer_norm = made_once(LayerNorm)


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """Every sample brought to mean 0 and variance 1 over `axis`, then scaled and shifted.

    Arguments:
        gamma, beta: factors and shifts with the sizes of x along `axis`; none by default.
        axis: one axis or several; the mean is taken over all of them together.
        epsilon: added to the variance, 1e-7 by default.

    >>> layer_normalization(np.array([[1.0, 2.0, 3.0]])).round(4)
    array([[-1.2247,  0.    ,  1.2247]])
    """
    x = operand(x)
    ndim = len(x.shape)
    axes = normalize_axes(axis, ndim, "layer_normalization")
    factors = _factors("layer_normalization", x, axes, gamma=gamma, beta=beta)
    last = range(ndim - len(axes), ndim)
    op = _layer_norm(len(axes), default_epsilon() if epsilon is None else epsilon)
    return moveaxis(apply(op, moveaxis(x, axes, last), *factors), last, axes)


_rms_norm = made_once(RmsNorm)


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """Every sample divided by the root of its mean square over `axis`, then scaled.

    Arguments:
        scale: factors with the sizes of x along `axis`; none by default.
        axis: one axis or several; the mean is taken over all of them together.
        epsilon: added to the mean square, 1e-7 by default.

    >>> rms_normalization(np.array([[3.0, 4.0]])).round(4)
    array([[0.8485, 1.1314]])
    """
    x = operand(x)
    ndim = len(x.shape)
    axes = normalize_axes(axis, ndim, "rms_normalization")
    factors = _factors("rms_normalization", x, axes, scale=scale)
    last = range(ndim - len(axes), ndim)
    op = _rms_norm(len(axes), default_epsilon() if epsilon is None else epsilon)
    return moveaxis(apply(op, moveaxis(x, axes, last), *factors), last, axes)


# ---------------------------------------------------------------- along the samples


def _sums(rows: Any) -> Any:
    """The sum of each column: (A, R, C) becomes (A, C)."""
    A, R, C = rows.shape
    times = _repeats(R, C)
    return rows.reshape(A, R // times, times * C).sum(axis=1).reshape(A, times, C).sum(axis=1)


def _products(xp: Any, a: Any, b: Any) -> Any:
    """The sum of a b down each column."""
    A, R, C = a.shape
    times = _repeats(R, C)
    wide = (A, R // times, times * C)
    return xp.einsum("arc,arc->ac", a.reshape(wide), b.reshape(wide)).reshape(A, times, C).sum(axis=1)


def _pooled(columns: Any, groups: int) -> Any:
    """Sums over each group of neighbouring columns, at each of its columns."""
    A, C = columns.shape
    if groups == C:
        return columns
    return columns.reshape(A, groups, C // groups).sum(axis=2).repeat(C // groups, axis=1)


class BatchNorm(Op):
    r"""Every feature brought to mean 0 and variance 1 over the M cells it has in the batch: y = γ n + β.

    With m = 1/M Σ x, v = 1/M Σ (x - m)², s = √(v + ε) and n = (x - m) / s, sums running over samples and pixels:

    1. y = γ n + β with one γ and one β for all M cells: β̄ = Σ ȳ, γ̄ = Σ ȳ n, and n̄ = γ ȳ.
    2. Through v: ∂n/∂v = -½ (x - m) / s³ = -½ n / s², so v̄ = -½ Σ n̄ n / s².
    3. Through m: ∂n/∂m = -1/s, so m̄ = -Σ n̄ / s. (v does not change with m: its slope -2/M Σ (x - m) is 0.)
    4. x enters its own n with slope 1/s, m with 1/M and v with 2/M (x - m) = 2/M n s. The three together:
       x̄ = n̄ / s + m̄ / M + v̄ 2/M n s = (n̄ - mean(n̄) - n mean(n̄ n)) / s.
    5. m and v are outputs too. What comes back to them joins m̄ and v̄ in step 4.

    Of the large arrays only x is kept: n would take as much memory again, and is soon computed anew. The variance is
    divided by M, not M - 1. Source: Ioffe and Szegedy (2015), Batch Normalization, section 3.
    """

    formula = r"y = \gamma\,\frac{x - m}{\sqrt{v + \varepsilon}} + \beta"
    gradient = (
        r"\bar x = \frac{1}{s}\left(\bar n - \tfrac1M \sum \bar n - n\,\tfrac1M \sum \bar n\,n\right)",
        r"\bar \gamma = \sum \bar y\,n",
        r"\bar \beta = \sum \bar y",
    )
    kind = "opaque"
    dtype = "float"
    outputs = ("y", "mean", "variance")
    residuals = ("m", "rest")
    saves = ("x", "gamma", "beta", "variance", "m", "rest")
    order = 1

    epsilon: float = 1e-3

    def rule_for(self, x: Spec, gamma: Spec, beta: Spec) -> str:
        if None in x.shape:
            return ""
        bound = _LETTERS[: x.ndim - 1]
        cell, M = ",".join(bound + "c"), flat_size(x.shape[:-1])
        return (
            f"mean[c] = (sum_{bound} x[{cell}]) / {M}; variance[c] = (sum_{bound} (x[{cell}] - mean[c])**2) / {M}; "
            f"y[{cell}] = (x[{cell}] - mean[c]) / sqrt(variance[c] + epsilon) * gamma[c] + beta[c]"
        )

    def shapes(self, x: Spec, gamma: Spec, beta: Spec) -> Any:
        return x.shape, *[gamma.shape] * 4

    def forward(self, xp: Any, x: Any, gamma: Any, beta: Any) -> Any:
        y, *statistics = _normalized(xp, x.reshape(1, -1, len(gamma)), gamma, beta, len(gamma), self.epsilon)
        return y.reshape(x.shape), *[found[0] for found in statistics]

    def vjp(self, F: Any, g: Any, y: Any, x: Any, gamma: Any, beta: Any, needed: tuple[bool, ...]) -> Any:
        by_y, by_mean, by_variance = g
        zeros = F.zeros_like(gamma)
        return apply(
            _ColumnGradient(1, gamma.shape[0], self.epsilon), F.zeros_like(x) if by_y is None else by_y, x, gamma, *y[2:],
            zeros if by_mean is None else by_mean, zeros if by_variance is None else by_variance,
        )  # fmt: skip

    def compose(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
        axes = tuple(range(len(x.shape) - 1))
        mean = F.mean(x, axes)
        variance = F.mean((x - mean) * (x - mean), axes)
        return (x - mean) / F.sqrt(variance + self.epsilon) * gamma + beta, mean, variance


class GroupNorm(Op):
    r"""Each sample's features in groups of neighbours, each group brought to mean 0 and variance 1: y = γ n + β.

    The M cells that share one mean m and one variance v are those of one group in one sample, over all pixels. The
    derivation is batch norm's (steps 1 to 4) with these M cells. Only step 1 differs: γ and β belong to a feature and
    not to a group, so γ̄ = Σ ȳ n and β̄ = Σ ȳ run over the samples and pixels, and n̄ = γ ȳ stands inside the two means.

    One group is layer norm over all but the samples; as many groups as features is instance norm. Source: Wu and He
    (2018), Group Normalization, eq. 1-7.
    """

    formula = r"y = \gamma\,\frac{x - m}{\sqrt{v + \varepsilon}} + \beta"
    gradient = BatchNorm.gradient
    kind = "opaque"
    dtype = "float"
    residuals = ("variance", "m", "rest")
    saves = ("x", "gamma", "beta", "variance", "m", "rest")
    order = 1

    groups: int
    epsilon: float = 1e-3

    def shapes(self, x: Spec, gamma: Spec, beta: Spec) -> Any:
        return x.shape, *[(x.shape[0], x.shape[-1])] * 3

    def forward(self, xp: Any, x: Any, gamma: Any, beta: Any) -> Any:
        rows = x.reshape(len(x), math.prod(x.shape[1:-1]), len(gamma))
        y, _, *statistics = _normalized(xp, rows, gamma, beta, self.groups, self.epsilon)
        return y.reshape(x.shape), *statistics

    def vjp(self, F: Any, g: Any, y: Any, x: Any, gamma: Any, beta: Any, needed: tuple[bool, ...]) -> Any:
        zeros = F.zeros_like(y[1])
        return apply(_ColumnGradient(x.shape[0], self.groups, self.epsilon), g, x, gamma, *y[1:], zeros, zeros)

    def compose(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
        grouped = x.reshape((*x.shape[:-1], self.groups, -1))
        axes = (*range(1, len(x.shape) - 1), len(x.shape))
        d = grouped - F.mean(grouped, axes, keepdims=True)
        return (d / F.sqrt(F.mean(d * d, axes, keepdims=True) + self.epsilon)).reshape(x.shape) * gamma + beta


@quiet()
def _normalized(xp: Any, rows: Any, gamma: Any, beta: Any, groups: int, epsilon: float) -> tuple[Any, ...]:
    """y, mean and variance at every column of (A, R, C), then the mean as it was subtracted and the mean of the rest."""
    M = rows.shape[1] * (rows.shape[2] // groups)
    if not M:
        raise ShapeError("normalization: there are no cells to take a mean of", expected="one sample or pixel, or more")
    m = _pooled(_sums(rows), groups) / M
    d = _by_row(xp, xp.subtract, rows, m)
    rest = _pooled(_sums(d), groups) / M
    variance = xp.maximum(_pooled(_products(xp, d, d), groups) / M - rest * rest, 0)
    scale = gamma / xp.sqrt(variance + rows.dtype.type(epsilon))
    _by_row(xp, xp.multiply, d, scale, out=d)
    _by_row(xp, xp.add, d, beta - rest * scale, out=d)
    return d, m + rest, variance, m, rest


class _ColumnGradient(Op):
    """Cotangents of x, γ and β of BatchNorm and GroupNorm (steps 1 to 5), in few passes.

    With d = x - m as computed and `rest` its mean, x̄ = slope ȳ + tilt (d - rest) + level: one slope per feature, one tilt
    and level per group.
    """

    outputs = ("x_bar", "gamma_bar", "beta_bar")
    differentiable = False
    name = "batch_norm_gradient"

    samples: int
    groups: int
    epsilon: float

    def shapes(self, g: Spec, x: Spec, gamma: Spec, *others: Spec) -> Any:
        return x.shape, gamma.shape, gamma.shape

    @quiet()
    def forward(
        self, xp: Any, g: Any, x: Any, gamma: Any, variance: Any, m: Any, rest: Any, by_mean: Any, by_variance: Any
    ) -> Any:
        A, C = self.samples, len(gamma)
        R = flat_size(x.shape[:-1]) // max(A, 1)
        times, M = _repeats(R, C), R * (C // self.groups)
        wide = (A, R // times, times * C)
        g, rows, x_bar = g.reshape(wide), x.reshape(wide), xp.empty(wide, x.dtype)
        long = functools.partial(_long, xp, A, times)
        m_long, sums, products = long(m), xp.zeros((A, wide[2]), x.dtype), xp.zeros((A, wide[2]), x.dtype)
        for a, b in _blocks(wide):
            sums[a] += g[a, b].sum(axis=1)
            products[a] += xp.einsum("arc,arc->ac", g[a, b], rows[a, b] - m_long[a])
        sums, products = (total.reshape(A, times, C).sum(axis=1) for total in (sums, products))
        products -= rest * sums
        r = 1 / xp.sqrt(variance + x.dtype.type(self.epsilon))
        tilt = (2 * by_variance - r * r * _pooled(gamma * r * products, self.groups)) / M
        level = (by_mean - _pooled(gamma * r * sums, self.groups)) / M - tilt * rest
        slope, tilt, level = long(gamma * r), long(tilt), long(level)
        for a, b in _blocks(wide):
            d = rows[a, b] - m_long[a]
            d *= tilt[a]
            d += level[a]
            part = xp.multiply(g[a, b], slope[a], out=x_bar[a, b])
            part += d
        return x_bar.reshape(x.shape), (products * r).sum(axis=0), sums.sum(axis=0)


def _long(xp: Any, A: int, times: int, vector: Any) -> Any:
    """One number per column, (A, C) or (C,), for rows of which `times` are taken as one: (A, 1, times C)."""
    return xp.tile(xp.broadcast_to(vector, (A, vector.shape[-1])), times)[:, None]


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Parts of an array (A, R, C) that stay in the processor's cache while they go through several steps."""
    A, R, C = shape
    samples = max(1, _BLOCK // max(R * C, 1))
    rows = max(1, _BLOCK // (samples * C))
    for a in range(0, A, samples):
        for r in range(0, R, rows):
            yield slice(a, a + samples), slice(r, r + rows)


class Standardize(Op):
    r"""Every feature shifted, scaled and shifted: y = (x - m) f + b, with one m, f and b per feature.

    1. x̄ = f ȳ.
    2. m, f and b of a feature enter all its cells with slopes -f, x - m and 1:
       m̄ = -Σ f ȳ, f̄ = Σ (x - m) ȳ and b̄ = Σ ȳ.

    x f + (b - m f) would be a pass shorter, but loses the digits of a small deviation from a large mean.
    """

    gradient = (
        r"\bar x = f\,\bar y",
        r"\bar m = -\sum f\,\bar y",
        r"\bar f = \sum (x - m)\,\bar y",
        r"\bar b = \sum \bar y",
    )
    rule = "y[...,c] = (x[...,c] - m[c])*f[c] + b[c]"
    kind = "opaque"
    dtype = "float"
    saves = ("x", "m", "f")

    @quiet()
    def forward(self, xp: Any, x: Any, m: Any, f: Any, b: Any) -> Any:
        rows = x.reshape(-1, len(m))
        y = _by_row(xp, xp.subtract, rows, m)
        _by_row(xp, xp.multiply, y, f, out=y)
        _by_row(xp, xp.add, y, b, out=y)
        return y.reshape(x.shape)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, m: Any, f: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        cells, x_bar = tuple(range(len(x.shape) - 1)), g * f
        return (
            x_bar,
            -F.sum(x_bar, cells) if needed[1] else None,
            F.sum((x - m) * g, cells) if needed[2] else None,
            F.sum(g, cells) if needed[3] else None,
        )


_batch_norm, _group_norm = made_once(BatchNorm), made_once(GroupNorm)


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, axis: int = -1, epsilon: float = 1e-3
) -> tuple[Any, Any, Any]:
    """Every feature brought to mean 0 and variance 1 over the batch, then scaled and shifted.

    Arguments:
        gamma, beta: one factor and shift per feature; none by default.
        axis: the axis of the features; the mean is taken over all others.
        epsilon: added to the variance.

    Returns: the result, and mean and variance (divided by the number of cells) of every feature.

    >>> y, mean, variance = batch_norm(np.array([[1.0], [3.0]]), epsilon=0.0)
    >>> y.tolist(), mean.tolist(), variance.tolist()
    ([[-1.0], [1.0]], [2.0], [1.0])
    """
    x = operand(x)
    axis = normalize_axis(axis, len(x.shape), "batch_norm")
    factors = _factors("batch_norm", x, (axis,), gamma=gamma, beta=beta)
    y, mean, variance = apply(_batch_norm(epsilon), moveaxis(x, axis, -1), *factors)
    return moveaxis(y, -1, axis), mean, variance


def group_norm(x: Any, groups: int, gamma: Any = None, beta: Any = None, axis: int = -1, epsilon: float = 1e-3) -> Any:
    """Groups of neighbouring features of each sample brought to mean 0 and variance 1, then scaled and shifted.

    Arguments:
        groups: how many; it divides the number of features.
        gamma, beta: one factor and shift per feature; none by default.
        axis: the axis of the features; axis 0 is that of the samples.

    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), groups=2, epsilon=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    x = operand(x)
    axis = normalize_axis(axis, len(x.shape), "group_norm")
    factors = _factors("group_norm", x, (axis,), gamma=gamma, beta=beta)
    if axis == 0 or groups < 1 or x.shape[axis] % groups:
        raise ArgumentError(
            "group_norm: the features cannot be split into equal groups", received=f"{groups=}, {axis=}",
            expected=f"a divisor of {x.shape[axis]}" if axis else "an axis of features: axis 0 is that of the samples",
        )  # fmt: skip
    return moveaxis(apply(_group_norm(groups, epsilon), moveaxis(x, axis, -1), *factors), -1, axis)


def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Any, Any]:
    """Mean and variance over `axes`.

    >>> moments(np.array([[1.0, 2.0], [3.0, 6.0]]), axes=0)
    (array([2., 4.]), array([1., 4.]))
    """
    return F.mean(x, axes, keepdims), F.var(x, axes, keepdims)


def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """Normalization by a given mean and variance, as batch norm does at inference: (x - mean) / √(variance + ε).

    Arguments:
        mean, variance, offset, scale: one number for each feature.
        axis: the axis of the features.

    >>> batch_normalization(np.array([[5.0]]), mean=[1.0], variance=[4.0], axis=-1, epsilon=0.0)
    array([[2.]])
    """
    x = operand(x)
    axis = normalize_axis(axis, len(x.shape), "batch_normalization")
    m, v, factor, shift = _factors(
        "batch_normalization", x, (axis,), mean=mean, variance=variance, scale=scale, beta=offset
    )
    factor = F.divide(factor, F.sqrt(F.add(v, epsilon)))
    return moveaxis(apply(Standardize(), moveaxis(x, axis, -1), m, factor, shift), -1, axis)
