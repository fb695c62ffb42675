r"""Fused losses on logits: stable for any logits, with the short gradients that the lessons use.

Letters: N samples, K classes. z are logits, p = softmax(z), t the target. The softmax losses give one value per
sample, the sigmoid loss one per cell; averaging over the batch, with its visible 1/n, is done by the loss classes.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Domain, Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Node, SymbolicNode, Tensor, wrap
from glassnet.config import epsilon
from glassnet.errors import DataError, ShapeError
from glassnet.ops.activation import Sigmoid, Softmax

__all__ = [
    "binary_crossentropy", "categorical_crossentropy", "ctc_loss", "sigmoid_crossentropy", "softmax_crossentropy",
    "sparse_categorical_crossentropy", "sparse_softmax_crossentropy", "squared_error",
]  # fmt: skip


class SquaredError(Op):
    r"""Mean over the last axis of the squared error: y = 1/K Σₖ (pₖ - tₖ)².

    1. ∂/∂pₖ (pₖ - tₖ)² = 2 (pₖ - tₖ); the other terms do not contain pₖ.
    2. p̄ₖ = 2/K (pₖ - tₖ) ȳ: the factor 2 of the square and the 1/K of the mean are both there.
    3. t enters with the opposite sign: t̄ = -p̄.

    Source: Nielsen, Neural Networks and Deep Learning, eq. 6 (there with 1/2 in place of 1/K).
    """

    formula = r"y = \frac{1}{K} \sum_k (p_k - t_k)^2"
    gradient = (r"\bar t_k = -\bar p_k", r"\bar p_k = \frac{2}{K}\,(p_k - t_k)\,\bar y")
    kind = "reduction"
    dtype = "float"
    saves = ("t", "p")

    def rule_for(self, t: Spec, p: Spec) -> str:
        return f"y[...] = (sum_k (p[...,k] - t[...,k])**2) / {p.shape[-1]}" if p.shape[-1] else ""

    def shapes(self, t: Spec, p: Spec) -> Any:
        if len(t.shape) != len(p.shape) or any(None not in (a, b) and a != b for a, b in zip(t.shape, p.shape)):
            raise ShapeError("squared_error: the shapes differ", expected=p.shape, received=t.shape)
        return p.shape[:-1]

    def forward(self, xp: Any, t: Any, p: Any) -> Any:
        error = p - t
        error *= error
        return error.sum(axis=-1) / p.shape[-1]

    def vjp(self, F: Any, g: Any, y: Any, t: Any, p: Any, needed: tuple[bool, ...]) -> Any:
        slope = (p - t) * (g[..., None] * (2 / p.shape[-1]))
        return -slope if needed[0] else None, slope

    def compose(self, F: Any, t: Any, p: Any) -> Any:
        return F.mean((p - t) * (p - t), axis=-1)


def squared_error(target: Any, output: Any) -> Any:
    """Mean over the last axis of (output - target)².

    >>> squared_error(np.array([[0.0, 2.0]]), np.array([[1.0, 4.0]]))
    array([2.5])
    """
    return apply(SquaredError(), target, output)


class SparseSoftmaxCrossentropy(Op):
    r"""Cross-entropy of integer labels from logits: y = -ln softmax(z)[t].

    1. y = ln Σₖ exp zₖ - z_t. With m = max z: y = ln Σₖ exp(zₖ - m) - (z_t - m), which cannot overflow.
    2. ∂/∂zₖ ln Σ exp = exp zₖ / Σ exp = pₖ, and ∂z_t/∂zₖ = [k = t].
    3. So z̄ₖ = (pₖ - [k = t]) ȳ: predicted minus wanted. p is kept as a residual.

    Source: Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.108-4.109.
    """

    gradient = (r"\bar z_k = (p_k - [k = t])\,\bar y",)
    rule = "y[...] = log(sum_k exp(z[...,k])) - z[...,t[...]]"
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
        if t.size and (t.min() < 0 or t.max() >= z.shape[-1]):
            _refuse_labels(t, z.shape[-1])
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
        picked = F.take_along_axis(F.log_softmax(z), F.expand_dims(t, -1), axis=-1)
        return -F.squeeze(picked, -1)


def _refuse_labels(labels: Any, classes: int) -> None:
    where = int(((labels < 0) | (labels >= classes)).argmax())
    raise DataError(
        "sparse_categorical_crossentropy: a label is out of range",
        expected=f"integers 0..{classes - 1} ({classes} classes)",
        received=f"{labels.reshape(-1)[where]} at position {where} of the batch",
        fix="count labels from 0, or give the last layer one unit per class",
    )  # fmt: skip


def sparse_softmax_crossentropy(logits: Any, labels: Any) -> Any:
    """-ln softmax(logits)[label] for every sample.

    Arguments:
        logits: shape (..., K).
        labels: integers in 0..K-1, shape (...).

    >>> sparse_softmax_crossentropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    array([0.6931])
    """
    return apply(SparseSoftmaxCrossentropy(), logits, labels)


class SoftmaxCrossentropy(Op):
    r"""Cross-entropy of a target distribution from logits: y = -Σₖ tₖ ln softmax(z)ₖ.

    1. ln softmax(z)ₖ = zₖ - ln Σⱼ exp zⱼ, so y = s ln Σⱼ exp zⱼ - Σₖ tₖ zₖ with s = Σₖ tₖ (1 for a distribution).
    2. ∂/∂zₖ ln Σ exp = pₖ, so z̄ₖ = (s pₖ - tₖ) ȳ: predicted minus wanted. p is kept as a residual.
    3. y is linear in t, so t̄ₖ = -ln softmax(z)ₖ ȳ.

    Trap: where p is rounded to 0 its logarithm is -∞; ln softmax(z)ₖ is computed as (zₖ - m) - ln Σⱼ exp(zⱼ - m) with
    m = max z. Source: Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.108-4.109.
    """

    gradient = (
        r"\bar z_k = \left(p_k \sum_j t_j - t_k\right)\bar y",
        r"\bar t_k = -\ln \mathrm{softmax}(z)_k\,\bar y",
    )
    rule = "y[...] = sum_k t[...,k]*(log(sum_j exp(z[...,j])) - z[...,k])"
    kind = "opaque"
    dtype = "float"
    residuals = ("p",)
    saves = ("z", "t", "p")
    order = 1

    def shapes(self, z: Spec, t: Spec) -> Any:
        if z.ndim != t.ndim or not z.ndim or any(None not in (a, b) and a != b for a, b in zip(z.shape, t.shape)):
            raise ShapeError(
                "softmax_crossentropy: targets and logits do not fit",
                expected=f"targets of shape {z.shape}",
                received=t.shape,
                fix="integer labels belong to sparse_softmax_crossentropy" if t.ndim < z.ndim else None,
            )
        return z.shape[:-1], z.shape

    def forward(self, xp: Any, z: Any, t: Any) -> Any:
        shifted = z - z.max(axis=-1, keepdims=True)
        p = xp.exp(shifted)
        total = p.sum(axis=-1, keepdims=True)
        p /= total
        return (t * (xp.log(total) - shifted)).sum(axis=-1), p

    def vjp(self, F: Any, g: Any, y: Any, z: Any, t: Any, needed: tuple[bool, ...]) -> Any:
        p, g = y[1], F.expand_dims(g, -1)
        return (
            (p * t.sum(axis=-1, keepdims=True) - t) * g if needed[0] else None,
            -F.log_softmax(z) * g if needed[1] else None,
        )

    def compose(self, F: Any, z: Any, t: Any) -> Any:
        return -(t * F.log_softmax(z)).sum(axis=-1)


def softmax_crossentropy(logits: Any, targets: Any) -> Any:
    """-Σₖ tₖ ln softmax(logits)ₖ for every sample.

    Arguments:
        logits: shape (..., K).
        targets: one probability per class, shape (..., K): one-hot, smoothed or any other distribution.

    >>> softmax_crossentropy(np.array([[0.0, 0.0]]), np.array([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    return apply(SoftmaxCrossentropy(), logits, targets)


class SigmoidCrossentropy(Op):
    r"""Binary cross-entropy from a logit: y = -t ln σ(z) - (1 - t) ln(1 - σ(z)), cell by cell.

    1. ln σ(z) = z - ln(1 + e^z) and ln(1 - σ(z)) = -ln(1 + e^z), so y = ln(1 + e^z) - t z.
    2. d/dz ln(1 + e^z) = e^z / (1 + e^z) = σ(z), so z̄ = (σ(z) - t) ȳ: predicted minus wanted, with no factor σ'
       that would stop the learning of a saturated output.
    3. t̄ = -z ȳ.

    Trap: e^z overflows, and ln(1 + e^z) - t z are two large numbers; max(z, 0) - t z + ln(1 + e^-|z|) is the same and
    exact. Source: Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.90-4.91.
    """

    gradient = (r"\bar z = (\sigma(z) - t)\,\bar y", r"\bar t = -z\,\bar y")
    rule = "y = log(1 + exp(z)) - t*z"
    kind = "elementwise"
    dtype = "float"
    saves = ("z", "t")
    domain = {"t": Domain(0.0, 1.0)}

    def forward(self, xp: Any, z: Any, t: Any, out: Any = None) -> Any:
        return xp.add(xp.maximum(z, 0) - t * z, xp.log1p(xp.exp(-xp.abs(z))), out=out)

    def vjp(self, F: Any, g: Any, y: Any, z: Any, t: Any, needed: tuple[bool, ...]) -> Any:
        return g * (F.sigmoid(z) - t) if needed[0] else None, -g * z if needed[1] else None

    def compose(self, F: Any, z: Any, t: Any) -> Any:
        return F.softplus(z) - t * z


def sigmoid_crossentropy(logits: Any, targets: Any) -> Any:
    """-t ln σ(z) - (1 - t) ln(1 - σ(z)) for every cell, from logits z and targets t in [0, 1].

    >>> sigmoid_crossentropy(np.array([0.0, 1e4, 1e4]), np.array([1.0, 1.0, 0.0])).round(4)
    array([6.931e-01, 0.000e+00, 1.000e+04])
    """
    return apply(SigmoidCrossentropy(), logits, targets)


# ---------------------------------------------------------------- sequences without alignment


class CtcLoss(Op):
    r"""Connectionist temporal classification: y = -ln of the probability that the frames spell the target t.

    1. In each frame a class k, or the blank _, is chosen with p[f,k] = softmax(z[f])ₖ. A path of choices spells what is
       left when repeats are merged and then blanks dropped: a a _ b b spells ab. Its probability is the product of p.
    2. Put blanks around the L labels: s = (_, t₁, _, t₂, ..., _), 2L + 1 states. A path that spells t walks along s: in
       each frame it stays, goes on by one state, or jumps over a blank between two different labels.
    3. α(f,i), the probability of all walks that are in state i at frame f, follows from the frame before:
       α(f,i) = p[f,sᵢ] (α(f-1,i) + α(f-1,i-1) + [jump] α(f-1,i-2)). Walks start in one of the first two states and end
       in one of the last two, so P = α(T,2L+1) + α(T,2L) and y = -ln P: T (2L+1) sums in place of one per path.
    4. β(f,i), the probability to come from state i at frame f to the end, runs likewise from the last frame back. Of P
       the share α(f,i) β(f,i) / P is in state i at frame f. The shares of all states with sᵢ = k are w[f,k], what of P
       passes through p[f,k]: w[f,k] = ∂ ln P / ∂ ln p[f,k], and Σₖ w[f,k] = 1.
    5. With ln pₖ = zₖ - ln Σ exp z: z̄[f,k] = (p[f,k] - w[f,k]) ȳ: predicted minus wanted. p - w is kept as a residual.

    Trap: α falls below the smallest number within some hundred frames, so its logarithm is computed. A target that the
    frames cannot spell is refused; a label that repeats needs a blank between. Source: Graves et al. (2006),
    Connectionist Temporal Classification, section 4.1 and eq. 16.
    """

    formula = r"y = -\ln \sum_{\pi\ \mathrm{spells}\ t}\ \prod_f \mathrm{softmax}(z_f)_{\pi_f}"
    gradient = (r"\bar z_{f,k} = (p_{f,k} - w_{f,k})\,\bar y",)
    kind = "opaque"
    residuals = ("slope",)
    saves = ("z", "t", "labels", "frames", "slope")
    promotes = False
    order = 1

    blank: int = 0

    def shapes(self, z: Spec, t: Spec, labels: Spec, frames: Spec) -> Any:
        fits = (z.ndim, t.ndim, labels.ndim, frames.ndim) == (3, 2, 1, 1)
        if not fits or len({t.shape[0], *labels.shape, *frames.shape, z.shape[0]} - {None}) > 1:
            raise ShapeError(
                "ctc_loss: targets and logits do not fit",
                expected="targets (batch, length), logits (batch, frames, classes), both lengths (batch,)",
                received=f"targets {t.shape}, logits {z.shape}, lengths {labels.shape} and {frames.shape}",
                fix="shorter targets are filled up to one length",
            )
        return z.shape[:1], z.shape

    def dtypes(self, z: Spec, t: Spec, labels: Spec, frames: Spec) -> Any:
        return z.dtype, z.dtype

    def forward(self, xp: Any, z: Any, t: Any, labels: Any, frames: Any) -> Any:
        _check_sequences(xp, z, t, labels, frames, self.blank)
        log_p = z - z.max(axis=-1, keepdims=True, initial=-xp.inf)
        log_p -= xp.log(xp.exp(log_p).sum(axis=-1, keepdims=True))
        states = _states(xp, t, labels, self.blank)
        emitted = xp.take_along_axis(log_p, states[:, None, :], axis=-1).astype("float64")  # sums of many frames
        jump = (states != self.blank) & (states != _moved(xp, states, 2, self.blank))
        n, i = xp.arange(len(z)), xp.arange(states.shape[1])
        alpha = _from_the_start(xp, emitted, jump)
        last = (i == 2 * labels[:, None]) | (i == 2 * labels[:, None] - 1)
        y = -xp.logaddexp.reduce(xp.where(last, alpha[n, frames - 1], -xp.inf), axis=-1)
        share = xp.exp(alpha + _to_the_end(xp, emitted, jump, last, frames) + y[:, None, None])
        wanted = xp.matmul(share.astype(z.dtype), (states[:, :, None] == xp.arange(z.shape[-1])).astype(z.dtype))
        inside = xp.arange(z.shape[1]) < frames[:, None]
        return y.astype(z.dtype), (xp.exp(log_p) - wanted) * inside[:, :, None]

    def vjp(self, F: Any, g: Any, y: Any, z: Any, t: Any, labels: Any, frames: Any, needed: tuple[bool, ...]) -> Any:
        return y[1] * F.reshape(g, (-1, 1, 1)), None, None, None

    def compose(self, F: Any, z: Any, t: Any, labels: Any, frames: Any) -> Any:
        count = F.expand_dims(labels, -1)
        kept = F.where(F.arange(t.shape[1]) < count, t, self.blank)
        pairs = F.reshape(F.stack([F.full_like(kept, self.blank), kept], axis=2), (len(t), 2 * t.shape[1]))
        states = F.concatenate([pairs, F.cast(count * 0 + self.blank, pairs.dtype)], axis=1)
        width = 2 * t.shape[1] + 1

        def moved(x: Any, by: int, fill: float) -> Any:
            return F.pad(x, ((0, 0), (by, 0)), constant_values=fill)[:, :width]

        jump = F.logical_and(states != self.blank, states != moved(states, 2, self.blank))
        log_p = F.log_softmax(z)
        emitted = [F.take_along_axis(log_p[:, f], states, axis=-1) for f in range(z.shape[1])]
        alpha = F.where(F.arange(width) < 2, emitted[0], _NO_WALK)
        for f in range(1, z.shape[1]):
            before = F.logaddexp(alpha, moved(alpha, 1, _NO_WALK))
            before = F.logaddexp(before, F.where(jump, moved(alpha, 2, _NO_WALK), _NO_WALK))
            alpha = F.where(f < F.expand_dims(frames, -1), before + emitted[f], alpha)
        last = F.logical_or(F.arange(width) == 2 * count, F.arange(width) == 2 * count - 1)
        return -F.logsumexp(F.where(last, alpha, _NO_WALK), axis=-1)


_NO_WALK = -1e30
"""The logarithm of 0 where gradients pass: e^(-∞ - -∞) would be NaN."""


def _states(xp: Any, t: Any, labels: Any, blank: int) -> Any:
    """The labels of each target with blanks around them, shape (batch, 2L + 1); blanks behind its end."""
    states = xp.full((len(t), 2 * t.shape[1] + 1), blank)
    states[:, 1::2] = xp.where(xp.arange(t.shape[1]) < labels[:, None], t, blank)
    return states


def _moved(xp: Any, x: Any, by: int, fill: Any) -> Any:
    """The values moved along the last axis by some states, to the right or (negative) to the left."""
    y = xp.full_like(x, fill)
    if by > 0:
        y[..., by:] = x[..., :-by]
    else:
        y[..., :by] = x[..., -by:]
    return y


def _three(xp: Any, stay: Any, on: Any, over: Any, jump: Any) -> Any:
    """Logarithm of the sum of the walks that stay, go on by one state and, where allowed, jump over one."""
    return xp.logaddexp(xp.logaddexp(stay, on), xp.where(jump, over, -xp.inf))


def _from_the_start(xp: Any, emitted: Any, jump: Any) -> Any:
    """Logarithms of α, shape (batch, frames, states)."""
    alpha = xp.full_like(emitted, -xp.inf)
    alpha[:, 0, :2] = emitted[:, 0, :2]
    for f in range(1, emitted.shape[1]):
        before = alpha[:, f - 1]
        moved = _moved(xp, before, 1, -xp.inf), _moved(xp, before, 2, -xp.inf)
        alpha[:, f] = emitted[:, f] + _three(xp, before, *moved, jump)
    return alpha


def _to_the_end(xp: Any, emitted: Any, jump: Any, last: Any, frames: Any) -> Any:
    """Logarithms of β, shape (batch, frames, states)."""
    beta = xp.full_like(emitted, -xp.inf)
    jump = _moved(xp, jump, -2, False)
    for f in reversed(range(emitted.shape[1])):
        if f + 1 < emitted.shape[1]:
            after = emitted[:, f + 1] + beta[:, f + 1]
            beta[:, f] = _three(xp, after, _moved(xp, after, -1, -xp.inf), _moved(xp, after, -2, -xp.inf), jump)
        beta[:, f] = xp.where((f == frames - 1)[:, None], xp.where(last, 0, -xp.inf), beta[:, f])
    return beta


def _check_sequences(xp: Any, z: Any, t: Any, labels: Any, frames: Any, blank: int) -> None:
    """Raise where a target holds no class, or its frames cannot spell it."""
    inside = xp.arange(t.shape[1]) < labels[:, None]
    wrong = inside & ((t < 0) | (t >= z.shape[-1]) | (t == blank))
    repeats = (inside[:, 1:] & (t[:, 1:] == t[:, :-1])).sum(axis=1)
    short = (frames > z.shape[1]) | (frames < xp.maximum(labels + repeats, 1)) | (labels > t.shape[1])
    if wrong.any():
        n, place = (int(index[0]) for index in xp.nonzero(wrong))
        raise DataError(
            "ctc_loss: a label is out of range",
            expected=f"classes 0..{z.shape[-1] - 1} without the blank, {blank}",
            received=f"{t[n, place]} in target {n}", fix="count labels from 1, or give the last layer one unit more",
        )  # fmt: skip
    if short.any():
        n = int(short.argmax())
        raise DataError(
            f"ctc_loss: target {n} cannot be spelled", expected="a frame for each label, and one between equal labels",
            received=f"{int(labels[n])} labels with {int(repeats[n])} repeats, {int(frames[n])} of {z.shape[1]} frames",
            fix="shorter targets, or more frames: less pooling and stride before the loss",
        )  # fmt: skip


def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-ln of the probability that the frames spell the target, over all ways to stretch it, for every sample.

    Arguments:
        target: integers, shape (batch, L); what stands behind the end of a target does not count.
        output: logits, shape (batch, T, K).
        target_length, output_length: how many labels and frames of each sample count, shape (batch,).
        mask_index: the class that means "no label", the blank.

    >>> logits = np.zeros((1, 2, 2))  # of the 4 paths __, _1, 1_ and 11 three spell "1"
    >>> ctc_loss(np.array([[1]]), logits, np.array([1]), np.array([2])).round(4)
    array([0.2877])
    """
    target, output = F.cast(operand(target), "int64"), operand(output)
    lengths = [F.cast(operand(length), "int64") for length in (target_length, output_length)]
    return apply(CtcLoss(mask_index), output, target, *lengths)


# ---------------------------------------------------------------- from probabilities or logits, as in Keras


def logits_behind(output: Any, op: type, axis: int = -1) -> Any:
    """The logits from which a Softmax or Sigmoid made these probabilities, or None.

    A loss on logits is exact where probabilities have long been rounded to 0 or 1, so a model that ends in an
    activation gets the same numbers as one that ends in logits.
    """
    node = output.creator if type(output) is Tensor else None
    if node is None or type(node) not in (Node, SymbolicNode) or type(node.op) is not op:
        return None
    if isinstance(node.op, Softmax) and (node.op.axis - axis) % output.ndim:
        return None
    return wrap(node.inputs[0], node.parents[0])


def _classes_last(x: Any, axis: int) -> Any:
    return x if axis in (-1, len(x.shape) - 1) else F.moveaxis(x, axis, -1)


def softmax_logits(output: Any, from_logits: bool, axis: int) -> Any:
    """Logits with the classes on the last axis; of probabilities the logarithm, because softmax(ln p) = p."""
    logits = output if from_logits else logits_behind(output, Softmax, axis)
    if logits is None:
        logits = F.log(F.maximum(output, epsilon()))
    return _classes_last(logits, axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t ln p - (1 - t) ln(1 - p) for every cell.

    Arguments:
        target: t, from 0 to 1, shape of `output`.
        output: probabilities p, or logits z with p = σ(z).

    >>> binary_crossentropy(np.array([1.0, 0.0]), np.array([0.5, 0.2])).round(4)
    array([0.6931, 0.2231])
    """
    output = operand(output)
    target = F.cast(operand(target), output.dtype)
    logits = output if from_logits else logits_behind(output, Sigmoid)
    if logits is not None:
        return sigmoid_crossentropy(logits, target)
    p = F.clip(output, epsilon(), 1 - epsilon())
    return -(target * F.log(p) + (1 - target) * F.log(1 - p))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-Σₖ tₖ ln pₖ for every sample, from targets that give each class a probability.

    Arguments:
        target: shape of `output`; one-hot, smoothed or any other distribution.
        output: probabilities (scaled to sum to 1), or logits.
        axis: the axis of the classes.

    >>> categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863])
    """
    output = operand(output)
    target = _classes_last(F.cast(operand(target), output.dtype), axis)
    return softmax_crossentropy(softmax_logits(output, from_logits, axis), target)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-ln p of the true class for every sample, from integer labels.

    Arguments:
        target: integers from 0, shape (batch,) or (batch, 1) for outputs (batch, K).
        output: probabilities (scaled to sum to 1), or logits.
        axis: the axis of the classes.

    >>> sparse_categorical_crossentropy(np.array([1]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863])
    """
    target, output = operand(target), operand(output)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = F.squeeze(target, -1)
    if target.dtype.kind not in "iu":
        target = F.cast(target, "int64")
    return sparse_softmax_crossentropy(softmax_logits(output, from_logits, axis), target)
