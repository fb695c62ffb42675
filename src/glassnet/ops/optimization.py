r"""Update rules of optimizers as operations: w, its gradient g and the optimizer's slots in, their new values out.

They are ordinary ops, so an update is traced, replayed, explained with its numbers and checked against its rule like
anything else. Letters: w weight, g gradient, η = rate learning rate, t the number of the step, starting at 1. Decoupled
weight decay shrinks the weight by the factor 1 - ηλ before the step (Loshchilov and Hutter, 2019).

Large arrays are updated in pieces that stay in the processor's cache: the scratch arrays are then small and warm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glassnet.autograd.op import Op, apply
from glassnet.autograd.spec import Spec

__all__ = ["adam_update", "momentum_update", "sgd_update"]

_PIECE = 16_384
"""Cells per piece: 64 kB of float32, so that a handful of arrays fits into a second-level cache."""


def _pieces(*arrays: Any) -> Iterator[tuple[Any, ...]]:
    """The same slices of several arrays of equal shape; each an array with axes, so that it can be written into."""
    if not arrays[0].ndim:
        arrays = tuple(a.reshape(1) for a in arrays)
    if arrays[0].size <= _PIECE or not all(a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, flat[0].size, _PIECE):
        yield tuple(a[start : start + _PIECE] for a in flat)


class _Update(Op):
    """Base of update rules: all results have the shape and dtype of w; there is no gradient through an update."""

    kind = "opaque"
    promotes = False
    differentiable = False

    def shapes(self, w: Spec, *rest: Spec) -> Any:
        return (w.shape,) * len(self.outputs) if len(self.outputs) > 1 else w.shape

    def dtypes(self, w: Spec, *rest: Spec) -> Any:
        return (w.dtype,) * len(self.outputs)


class SgdUpdate(_Update):
    r"""Gradient descent: w' = w - η g.

    The gradient points where the loss grows fastest, so a small step against it lowers the loss:
    L(w - η g) ≈ L(w) - η |g|².
    """

    rule = "w2 = w*(1 - rate*weight_decay) - rate*g"
    outputs = ("w2",)
    inplace = {"w2": "w"}

    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, rate: Any, out: Any = None) -> Any:
        w2 = xp.empty_like(w) if out is None else out
        rate = w.dtype.type(rate)
        for new, old, slope in _pieces(w2, w, g):
            step = slope * rate
            if self.weight_decay:
                step += old * (rate * w.dtype.type(self.weight_decay))
            xp.subtract(old, step, out=new)
        return w2


def sgd_update(w: Any, g: Any, rate: Any, weight_decay: float = 0.0) -> Any:
    """One step of gradient descent."""
    return apply(SgdUpdate(weight_decay), w, g, rate)


class MomentumUpdate(_Update):
    r"""Gradient descent with momentum: v' = μ v - η g, w' = w + v'; Nesterov: w' = w + μ v' - η g.

    The velocity v averages past gradients with weights μ, μ², ...: steps that agree add up (to 1/(1-μ) times), steps
    that alternate cancel. Source: Sutskever et al. (2013), On the importance of initialization and momentum, eq. 1-4.
    """

    outputs = ("w2", "v2")
    inplace = {"w2": "w", "v2": "v"}

    momentum: float
    nesterov: bool = False
    weight_decay: float = 0.0

    def rule_for(self, *specs: Spec) -> str:
        step = "momentum*v2 - rate*g" if self.nesterov else "v2"
        return f"v2 = momentum*v - rate*g; w2 = w*(1 - rate*weight_decay) + {step}"

    def forward(self, xp: Any, w: Any, g: Any, v: Any, rate: Any, out: Any = None) -> Any:
        w2, v2 = (xp.empty_like(w), xp.empty_like(w)) if out is None else out
        rate, mu = w.dtype.type(rate), w.dtype.type(self.momentum)
        for new, velocity, old, slope, before in _pieces(w2, v2, w, g, v):
            step = slope * rate
            decay = old * (rate * w.dtype.type(self.weight_decay)) if self.weight_decay else None
            xp.multiply(before, mu, out=velocity)
            velocity -= step
            move = velocity * mu - step if self.nesterov else velocity
            xp.add(old, move, out=new)
            if decay is not None:
                new -= decay
        return w2, v2


def momentum_update(
    w: Any, g: Any, v: Any, rate: Any, momentum: float, nesterov: bool = False, weight_decay: float = 0.0
) -> Any:
    """One step of gradient descent with momentum: the new weight and velocity."""
    return apply(MomentumUpdate(momentum, nesterov, weight_decay), w, g, v, rate)


class AdamUpdate(_Update):
    r"""Adam: a running mean m of the gradient over the root of a running mean v of its square.

    1. m' = β₁ m + (1-β₁) g and v' = β₂ v + (1-β₂) g² are exponential averages that start at 0.
    2. After t steps their weights sum to 1-β₁ᵗ and 1-β₂ᵗ, so m'/(1-β₁ᵗ) and v'/(1-β₂ᵗ) are unbiased.
    3. w' = w - η √(1-β₂ᵗ)/(1-β₁ᵗ) · m' / (√v' + ε): each weight moves by about η, whatever the scale of its gradient.
       (ε stands beside √v', as in the last paragraph of the paper's section 2.)

    Source: Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1.
    """

    rule = (
        "m2 = beta_1*m + (1-beta_1)*g; v2 = beta_2*v + (1-beta_2)*g**2;"
        "w2 = w*(1 - rate*weight_decay) - rate*sqrt(1-beta_2**t)/(1-beta_1**t)*m2/(sqrt(v2)+epsilon)"
    )
    outputs = ("w2", "m2", "v2")
    inplace = {"w2": "w", "m2": "m", "v2": "v"}

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, out: Any = None) -> Any:
        w2, m2, v2 = (xp.empty_like(w), xp.empty_like(w), xp.empty_like(w)) if out is None else out
        kind, time = w.dtype.type, float(t)
        eta = kind(float(rate) * (1 - self.beta_2**time) ** 0.5 / (1 - self.beta_1**time))
        decay = kind(float(rate) * self.weight_decay)
        b1, b2, c1, c2, epsilon = (kind(x) for x in (self.beta_1, self.beta_2, 1 - self.beta_1, 1 - self.beta_2, self.epsilon))
        for new, mean, square, old, slope, before_m, before_v in _pieces(w2, m2, v2, w, g, m, v):
            xp.multiply(before_m, b1, out=mean)
            scratch = slope * c1
            mean += scratch
            xp.multiply(before_v, b2, out=square)
            xp.multiply(slope, slope, out=scratch)
            scratch *= c2
            square += scratch
            xp.sqrt(square, out=scratch)
            scratch += epsilon
            xp.divide(mean, scratch, out=scratch)
            scratch *= eta
            if decay:
                scratch += old * decay
            xp.subtract(old, scratch, out=new)
        return w2, m2, v2


def adam_update(
    w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of Adam: the new weight, mean and mean square."""
    return apply(AdamUpdate(beta_1, beta_2, epsilon, weight_decay), w, g, m, v, rate, t)
