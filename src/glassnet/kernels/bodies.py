"""What a kernel computes, in the language of rules.

Most ops are compiled from their own rule. A few rules are written to be read: `exp(x) / sum exp(x)` is what softmax is,
but it overflows. Those have a second text here, the one that their `forward` follows; a test evaluates both.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, flat_size
from glassnet.autograd.spec import Spec
from glassnet.ops.attention import Attention, lowest
from glassnet.ops.convolution import ConvolutionTranspose
from glassnet.ops.elementwise import Cast
from glassnet.ops.indexing import AddAlongAxis, AddAt
from glassnet.ops.joining import Pad
from glassnet.ops.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm
from glassnet.ops.pooling import MaxPooling, MaxUnpooling
from glassnet.ops.reduction import Cumsum, Logsumexp
from glassnet.ops.shape import Place
from glassnet.typing import DType

_AXES, _LETTERS, _FEATURES, _ONES = "abdef", "abcdefgh", "kjlop", "uvwzt"
_SHIFTED = "m[...] = max_j {x}[...,j]; e[...,k] = exp({x}[...,k] - m[...]); s[...] = sum_j e[...,j]; "

BODIES: dict[str, str] = {
    "full_like": "y = where(isnan(x), value, value)",  # reads x for its shape alone
    "floor_divide": "y = floor_divide(a, b)",  # not floor(a / b): 1 / 0.1 is rounded to 10, but 0.1 goes 9 times into 1
    "softplus": "y = max(x, 0) + log1p(exp(-abs(x)))",
    "mish": "y = x*tanh(max(x, 0) + log1p(exp(-abs(x))))",
    "logaddexp": f"y = where(a == b, a + {math.log(2)}, max(a, b) + log1p(exp(-abs(a - b))))",  # of ∞ and ∞ it is ∞
    "sigmoid_crossentropy": "y = max(z, 0) - t*z + log1p(exp(-abs(z)))",
    "softmax": _SHIFTED.format(x="x") + "y[...,k] = e[...,k] / s[...]",
    "log_softmax": _SHIFTED.format(x="x") + "l[...] = log(s[...]); y[...,k] = x[...,k] - m[...] - l[...]",
    "sparse_softmax_crossentropy": _SHIFTED.format(x="z")
    + "p[...,k] = e[...,k] / s[...]; y[...] = log(s[...]) - (z[...,t[...]] - m[...])",
    "softmax_crossentropy": _SHIFTED.format(x="z")
    + "p[...,k] = e[...,k] / s[...]; l[...] = log(s[...]); y[...] = sum_k t[...,k]*(l[...] - (z[...,k] - m[...]))",
    # the product of all 1 - 0.96^i / 2 up to t, by the series of ln(1 - x) and sums of powers in closed form
    "nadam_update": "warm = exp(-(sum_{k<60} 0.48**(k+1)/(k+1)*(1 - 0.96**((k+1)*t))/(1 - 0.96**(k+1)))); "
    "now = beta_1*(1 - 0.5*0.96**t); ahead = beta_1*(1 - 0.5*0.96**(t+1)); product = beta_1**t*warm; "
    "m2 = beta_1*m + (1-beta_1)*g; v2 = beta_2*v + (1-beta_2)*g**2; "
    "w2 = w*(1 - rate*weight_decay) - (rate*ahead/(1 - product*ahead)*m2 + rate*(1-now)/(1-product)*g)"
    "/(sqrt(v2/(1 - beta_2**t)) + epsilon)",
}
"""By the names of ops; where an op has an axis, the last one is meant."""


def body_of(op: Op, inputs: Sequence[Spec]) -> str:
    """The text that is compiled for a call of an op; empty where there is none."""
    if op.name in BODIES:
        return _along(BODIES[op.name], getattr(op, "axis", -1), inputs[0].ndim)
    if isinstance(op, Cast) and inputs[0].dtype.kind == "f" and np.dtype(op.to).kind in "iu":
        return _truncated(np.dtype(op.to))
    if isinstance(op, Logsumexp):
        return _logsumexp(op, inputs[0])
    if isinstance(op, Cumsum):
        return _cumsum(op.axis, inputs[0].ndim)
    if isinstance(op, Attention):
        return _attention(op, *inputs)
    if isinstance(op, ConvolutionTranspose) and set(op.strides) != {1}:
        return _phases(op, *inputs)
    if isinstance(op, Pad) and op.value:
        return _padded(op, inputs[0])
    if isinstance(op, Place):
        return _placed(op)
    if isinstance(op, AddAt):
        return _add_at(inputs[0].ndim, inputs[1].ndim, op.axis)
    if isinstance(op, AddAlongAxis):
        return _add_along_axis(inputs[0].ndim, op.axis)
    if isinstance(op, MaxPooling):
        return f"{op.rule_for(*inputs)}; {_winner(op, inputs[0])}"
    if isinstance(op, MaxUnpooling) and op.pool_size == op.strides:
        return _unpooled(op)
    if isinstance(op, (LayerNorm, RmsNorm)):
        return _row_norm(op, inputs[1])
    if op.name == "layer_norm_gradient":
        return _row_gradient(op, inputs[0], inputs[3])
    if isinstance(op, GroupNorm):
        return _group_norm(op, inputs[0])
    if isinstance(op, BatchNorm):
        return _batch_norm(inputs[0])
    if op.name == "batch_norm_gradient":
        same = inputs[2].shape == inputs[3].shape
        return _batch_norm_gradient(inputs[1]) if same else _group_norm_gradient(op, inputs[1])
    return op.rule_for(*inputs)


def _along(text: str, axis: int, ndim: int) -> str:
    """A text about the last axis for another one: behind its letter stand those of the axes that follow.

    >>> _along("m[...] = max_j x[...,j]", 0, 2)
    'm[...,u] = max_j x[...,j,u]'
    """
    behind = "".join(f",{letter}" for letter in _ONES[: ndim - 1 - axis % ndim]) if ndim else ""
    return re.sub(r"\.\.\.(,[jk])?", rf"\g<0>{behind}", text)


def _truncated(dtype: DType) -> str:
    """Rounded towards 0; what does not fit gives the lowest number, or its last bits in a small type, which are 0."""
    end = 2 ** (8 * max(dtype.itemsize, 4) - 1)
    return f"y = where(abs(x) < {end}, x, {-end if dtype.itemsize >= 4 else 0})"


def _logsumexp(op: Logsumexp, x: Spec) -> str:
    """The largest number of a sum is taken off before the exponential, unless it is infinite."""
    letters = _LETTERS[: x.ndim]
    bound, cell = "".join(letters[axis] for axis in op.axes), ",".join(letters)
    own = ",".join(letter for axis, letter in enumerate(letters) if axis not in op.axes)
    top, level, y = f"top[{own}]", f"level[{own}]", op.rule_for(x).partition(" = ")[0]
    largest = f"max_{bound} x[{cell}]" if bound else f"x[{cell}]"
    return (
        f"{top} = {largest}; {level} = where(isinf({top}), 0, {top}); "
        f"{y} = {level} + log({_sum(bound)}exp(x[{cell}] - {level}))"
    ).replace("[]", "")


def _cumsum(axis: int, ndim: int) -> str:
    """What stands behind a cell does not enter, not even as 0 times infinity."""
    cell, at = ",".join(_LETTERS[:ndim]), _LETTERS[:ndim][axis]
    return f"y[{cell}] = sum_z where(z <= {at}, x[{cell.replace(at, 'z')}], 0)"


def _attention(op: Attention, q: Spec, k: Spec, v: Spec, m: Spec, u: Spec) -> str:
    """Steps 1 to 3 of Attention's derivation; a row's largest score is taken off before the exponential."""
    head, here = f"floor(h/{(q.shape[2] or 1) // (k.shape[2] or 1)})" if q.shape[2] != k.shape[2] else "h", "n,h,t,s"
    z = f"(sum_d q[n,t,h,d]*k[n,s,{head},d])*scale"
    allowed = [f"m[{_broadcast(m, here)}]"] * op.masked + ["t >= s"] * op.causal
    if allowed:
        z = f"where({' and '.join(allowed)}, {z}, {lowest(q.dtype):.17g})".replace("e+", "e")
    kept = f"w[{here}] = p[{here}]*[u[{_broadcast(u, here)}] >= rate]/(1 - rate); " if op.rate else ""
    return (
        f"z[{here}] = {z}; top[n,h,t] = max_s z[{here}]; x[{here}] = exp(z[{here}] - top[n,h,t]); "
        f"total[n,h,t] = sum_s x[{here}]; p[{here}] = x[{here}] / total[n,h,t]; {kept}"
        f"y[n,t,h,e] = sum_s {'w' if kept else 'p'}[{here}]*v[n,s,{head},e]"
    )


def _broadcast(x: Spec, cell: str) -> str:
    """The indices of a cell, 0 along axes of one number."""
    return ",".join("0" if size == 1 else letter for letter, size in zip(cell.split(","), x.shape))


def _add_at(rank: int, looked_up: int, axis: int) -> str:
    """Zeros, and the slices of x added one after the other."""
    letters = _LETTERS[:rank]
    before, own, after = letters[:axis], letters[axis : axis + looked_up], letters[axis + looked_up :]
    return _added(rank - looked_up + 1, [*before, f"i[{','.join(own)}]", *after], letters)


def _add_along_axis(rank: int, axis: int) -> str:
    letters = [*_LETTERS[:rank]]
    place = f"i[{','.join(letters)}]"
    return _added(rank, [*letters[:axis], place, *letters[axis + 1 :]], "".join(letters))


def _added(rank: int, place: list[str], letters: str) -> str:
    cell = f"y[{','.join(place)}]"
    return f"y[{','.join(_LETTERS[:rank])}] = 0; {cell} = {cell} + x[{','.join(letters)}]"


def _padded(op: Pad, x: Spec) -> str:
    """The frame's value wherever x does not reach."""
    letters = _LETTERS[: x.ndim]
    starts = [before for before, _ in op.widths]
    inside = [f"{a} >= {start} and {a} < {start + (n or 0)}" for a, start, n in zip(letters, starts, x.shape)]
    places = [f"{a}-{start}" for a, start in zip(letters, starts)]
    return f"y[{','.join(letters)}] = where({' and '.join(inside)}, x[{','.join(places)}], value)"


def _placed(op: Place) -> str:
    """Every cell of the result asks whether the key names it, and by which cell of x."""
    letters, places, named = iter(_LETTERS), list[str](), list[str]()
    sizes = iter(op.shape)
    for item in op.key:
        if item is None:
            places.append("0")
            continue
        letter, size = next(letters), next(sizes)
        if isinstance(item, int):
            named.append(f"{letter} == {item % size}")
            continue
        cells = range(size)[slice(*item)]
        ahead = f"({letter}-{cells.start})" if cells.step > 0 else f"({cells.start}-{letter})"
        places.append(f"floor({ahead}/{abs(cells.step)})")
        if abs(cells.step) > 1:
            named.append(f"{ahead}%{abs(cells.step)} == 0")
    read = f"x[{','.join([*places, *(letter for letter, _ in zip(letters, sizes))])}]"
    body = f"where({' and '.join(named)}, {read}, 0)" if named else read
    return f"y[{','.join(_LETTERS[: len(op.shape)])}] = {body}"


def _phases(op: ConvolutionTranspose, x: Spec, w: Spec) -> str:
    """Cells h = s H + r with one remainder r meet every step-th tap: u = first + step U, where s divides h + p₀ - d u.

    So each remainder is a convolution without holes, which has no condition inside its sum.
    """
    _, image, taps, group = op.letters()
    border = op.border(op.size, tuple(n or 0 for n in w.shape[: op.rank]))
    statements, covers_all = list[str](), True
    for remainders in itertools.product(*[range(min(s, size or s)) for s, size in zip(op.strides, op.size)]):
        axes = [
            _phase(letters, r, w.shape[axis] or 0, op.strides[axis], op.dilation[axis], r + border[axis][0])
            for axis, (*letters, r) in enumerate(zip(image, taps, remainders))
        ]
        met = [phase for phase in axes if phase]
        if len(met) < op.rank:
            covers_all = False
            continue
        cells, places, weights, bounds = (",".join(part) for part in zip(*met))
        product = f"x[n,{places},{group}o]*w[{weights},c,{group}o]"
        statements.append(f"y[n,{cells},{group}c] = sum_{{{bounds},o<{w.shape[-1]}}} {product}")
    zeros = [] if covers_all else [f"y[n,{','.join(image)},{group}c] = 0"]
    return "; ".join(zeros + statements)


def _phase(letters: list[str], r: int, taps: int, s: int, d: int, ahead: int) -> tuple[str, str, str, str] | None:
    """Along one axis: the cells, the pixels that they read, the taps, and how many; None where no tap meets them."""
    (h, u), step = letters, s // math.gcd(s, d)
    first = next((tap for tap in range(min(step, taps)) if (ahead - d * tap) % s == 0), None)
    if first is None:
        return None
    pixel = f"{h}+{(ahead - d * first) // s}-{d * step // s}*{u}"
    return f"{s}*{h}+{r}", pixel, f"{first}+{step}*{u}", f"{u}<{-(-(taps - first) // step)}"


def _sum(letters: str) -> str:
    """The sum over these letters; over none it is the number itself."""
    return f"sum_{letters} " if letters else ""


def _row_norm(op: LayerNorm | RmsNorm, gamma: Spec) -> str:
    """The features of a sample, with what their gradient asks for: n and 1/s; d is what the rounded mean has left."""
    k, K, one = ",".join(_FEATURES[: op.trailing]), flat_size(gamma.shape), ",".join(_ONES[: op.trailing])
    bound, level, shift = k.replace(",", ""), "", ""
    if isinstance(op, LayerNorm):
        level, shift = " - m[...] - d[...]", f" + beta[{k}]"
    mean = (
        f"m[...] = (sum_{bound} x[...,{k}]) / {K}; d[...] = (sum_{bound} (x[...,{k}] - m[...])) / {K}; "
        if level
        else ""
    )
    return (
        f"{mean}v[...] = (sum_{bound} (x[...,{k}]{level})**2) / {K}; s[...] = 1 / sqrt(v[...] + epsilon); "
        f"r[...,{one}] = s[...]; n[...,{k}] = (x[...,{k}]{level})*s[...]; y[...,{k}] = n[...,{k}]*gamma[{k}]{shift}"
    )


def _row_gradient(op: Any, g: Spec, gamma: Spec) -> str:
    """Steps 1 and 6 of LayerNorm's derivation, step 3 of RmsNorm's."""
    trailing, K = gamma.ndim, flat_size(gamma.shape)
    k, bound, of_row = ",".join(_FEATURES[:trailing]), _AXES[: g.ndim - trailing], "...," + ",".join("0" * trailing)
    own, cell = k.replace(",", ""), ",".join([*bound, k])
    mean = f"level[...] = (sum_{own} g[...,{k}]*gamma[{k}]) / {K}; " if op.centred else ""
    return (
        f"tilt[...] = (sum_{own} g[...,{k}]*gamma[{k}]*n[...,{k}]) / {K}; {mean}"
        f"x_bar[...,{k}] = (g[...,{k}]*gamma[{k}] {'- level[...] ' if op.centred else ''}- n[...,{k}]*tilt[...])"
        f"*r[{of_row}]; "
        f"gamma_bar[{k}] = {_sum(bound)}g[{cell}]*n[{cell}]; beta_bar[{k}] = {_sum(bound)}g[{cell}]"
    )


def _group_norm(op: GroupNorm, x: Spec) -> str:
    """The sums of every feature of a sample, then those of the features of a group."""
    bound, (cell, M, pooled) = _AXES[: x.ndim - 2], _groups(op.groups, x)
    return (
        f"q[n,c] = {_sum(bound)}x[{cell}]; m[n,c] = {pooled('q')} / {M}; "
        f"left[n,c] = {_sum(bound)}(x[{cell}] - m[n,c]); rest[n,c] = {pooled('left')} / {M}; "
        f"far[n,c] = {_sum(bound)}(x[{cell}] - m[n,c])**2; variance[n,c] = max({pooled('far')} / {M} - rest[n,c]**2, 0); "
        f"s[n,c] = gamma[c] / sqrt(variance[n,c] + epsilon); "
        f"y[{cell}] = (x[{cell}] - m[n,c])*s[n,c] + (beta[c] - rest[n,c]*s[n,c])"
    )


def _group_norm_gradient(op: Any, x: Spec) -> str:
    """Steps 1 to 4 of BatchNorm's derivation for the cells of a group: `_ColumnGradient.forward` in other words."""
    bound, (cell, M, pooled) = _AXES[: x.ndim - 2], _groups(op.groups, x)
    return (
        f"sums[n,c] = {_sum(bound)}g[{cell}]; q[n,c] = ({_sum(bound)}g[{cell}]*(x[{cell}] - m[n,c])) - rest[n,c]*sums[n,c]; "
        "r[n,c] = 1 / sqrt(variance[n,c] + epsilon); s[n,c] = gamma[c]*r[n,c]; "
        "by_q[n,c] = s[n,c]*q[n,c]; by_sums[n,c] = s[n,c]*sums[n,c]; "
        f"tilt[n,c] = (2*by_variance[n,c] - r[n,c]*r[n,c]*{pooled('by_q')}) / {M}; "
        f"level[n,c] = (by_mean[n,c] - {pooled('by_sums')}) / {M} - tilt[n,c]*rest[n,c]; "
        f"x_bar[{cell}] = g[{cell}]*s[n,c] + (x[{cell}] - m[n,c])*tilt[n,c] + level[n,c]; "
        "gamma_bar[c] = sum_n q[n,c]*r[n,c]; beta_bar[c] = sum_n sums[n,c]"
    )


def _groups(groups: int, x: Spec) -> tuple[str, int, Callable[[str], str]]:
    """A cell of x, how many cells a group has, and the sum of an array over the group that feature c is in."""
    size = (x.shape[-1] or 1) // groups
    M = flat_size(x.shape[1:-1]) * size
    return ",".join(["n", *_AXES[: x.ndim - 2], "c"]), M, lambda name: (
        f"(sum_{{j<{size}}} {name}[n,floor(c/{size})*{size}+j])" if size > 1 else f"{name}[n,c]"
    )  # fmt: skip


def _batch_norm(x: Spec) -> str:
    """The cells of a feature; what the rounded mean has left is taken off too."""
    bound, M = _AXES[: x.ndim - 1], flat_size(x.shape[:-1])
    cell = ",".join(bound + "c")
    return (
        f"m[c] = ({_sum(bound)}x[{cell}]) / {M}; rest[c] = ({_sum(bound)}(x[{cell}] - m[c])) / {M}; "
        f"mean[c] = m[c] + rest[c]; variance[c] = ({_sum(bound)}(x[{cell}] - m[c] - rest[c])**2) / {M}; "
        f"s[c] = gamma[c] / sqrt(variance[c] + epsilon); y[{cell}] = (x[{cell}] - m[c] - rest[c])*s[c] + beta[c]"
    )


def _batch_norm_gradient(x: Spec) -> str:
    """Steps 1 to 5 of BatchNorm's derivation, with x - mean = (x - m) - rest."""
    bound, M = _AXES[: x.ndim - 1], flat_size(x.shape[:-1])
    cell = ",".join(bound + "c")
    return (
        f"beta_bar[c] = {_sum(bound)}g[{cell}]; q[c] = {_sum(bound)}g[{cell}]*(x[{cell}] - m[c] - rest[c]); "
        "r[c] = 1 / sqrt(variance[c] + epsilon); gamma_bar[c] = q[c]*r[c]; s[c] = gamma[c]*r[c]; "
        f"tilt[c] = (2*by_variance[c] - r[c]*r[c]*s[c]*q[c]) / {M}; level[c] = (by_mean[c] - s[c]*beta_bar[c]) / {M}; "
        f"x_bar[{cell}] = g[{cell}]*s[c] + (x[{cell}] - m[c] - rest[c])*tilt[c] + level[c]"
    )


def _tap_number(taps: Sequence[str], sizes: Sequence[int]) -> str:
    """The number of a tap, counted row by row: (u*3 + v)*3 + z."""
    number = taps[0]
    for tap, size in zip(taps[1:], sizes[1:]):
        number = f"({number})*{size} + {tap}"
    return number


def _winner(op: Any, x: Spec) -> str:
    """Which tap of a window its maximum came from: the first that is as large."""
    read = f"x[n,{op.cells(x.shape[1:-1], 'uvz')},c]"
    here, number = f"n,{op.pixels},c", _tap_number("uvz"[: op.rank], op.pool_size)
    return f"winner[{here}] = min_{{{op.bounds}}} where({read} == y[{here}] or isnan({read}), {number}, 255)"


def _unpooled(op: Any) -> str:
    """Windows side by side: every cell of the image lies in one of them, and asks whether it won."""
    letters, borders = "hij"[: op.rank], op.border(op.size)
    places = [f"({letter}+{border[0]})" for letter, border in zip(letters, borders)]
    window = ",".join(f"floor({place}/{size})" for place, size in zip(places, op.pool_size))
    own = _tap_number([f"({place}%{size})" for place, size in zip(places, op.pool_size)], op.pool_size)
    return f"y[n,{','.join(letters)},c] = x[n,{window},c]*[winner[n,{window},c] == {own}]"
