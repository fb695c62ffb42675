r"""Update rules of optimizers as operations: w, its gradient g and the optimizer's slots in, their new values out.

They are ordinary ops, so an update is traced, replayed, explained with its numbers and checked against its rule like
anything else. Letters: w weight, g gradient, η = rate learning rate, t the number of the step, starting at 1. Decoupled
weight decay shrinks the weight by the factor 1 - ηλ before the step (Loshchilov and Hutter, 2019).

Large arrays are updated in pieces that stay in the processor's cache: the scratch arrays are then small and warm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.autograd.op import Domain, Op, apply
from glassnet.autograd.spec import Spec

__all__ = [
    "adadelta_update", "adagrad_update", "adam_update", "adamax_update", "amsgrad_update", "centered_rmsprop_update",
    "ema_update", "lion_update", "momentum_update", "nadam_update", "rmsprop_momentum_update", "rmsprop_update",
    "sgd_update",
]  # fmt: skip

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


def _blend(xp: Any, keep: float, before: Any, new: Any, out: Any) -> None:
    """One step of a running mean: out = keep · before + (1 - keep) · new."""
    share = new * (1 - keep)
    xp.multiply(before, keep, out=out)
    out += share


def _descend(xp: Any, w: Any, move: Any, decay: float, out: Any) -> None:
    """Write w (1 - decay) - move into out; `move` is scratch. 1 - decay itself would lose the digits of decay."""
    if decay:
        move += w * decay
    xp.subtract(w, move, out=out)


class _Update(Op):
    """Base of update rules: all results have the shape and dtype of w; there is no gradient through an update.

    A result takes over the memory of the input whose new value it is: w2 that of w.
    """

    kind = "opaque"
    promotes = False
    differentiable = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.inplace = {name: name.removesuffix("2") for name in cls.outputs}
        super().__init_subclass__(**kwargs)

    def shapes(self, w: Spec, *rest: Spec) -> Any:
        return (w.shape,) * len(self.outputs) if len(self.outputs) > 1 else w.shape

    def dtypes(self, w: Spec, *rest: Spec) -> Any:
        return (w.dtype,) * len(self.outputs)

    def new(self, xp: Any, w: Any, out: Any) -> Any:
        """The arrays to write into: those given, or fresh ones."""
        return tuple(xp.empty_like(w) for _ in self.outputs) if out is None else out


class SgdUpdate(_Update):
    r"""Gradient descent: w' = w - η g.

    The gradient points where the loss grows fastest, so a small step against it lowers the loss:
    L(w - η g) ≈ L(w) - η |g|².
    """

    rule = "w2 = w*(1 - rate*weight_decay) - rate*g"
    outputs = ("w2",)

    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, rate: Any, out: Any = None) -> Any:
        w2 = xp.empty_like(w) if out is None else out
        eta = float(rate)
        for new, old, slope in _pieces(w2, w, g):
            _descend(xp, old, slope * eta, eta * self.weight_decay, new)
        return w2


def sgd_update(w: Any, g: Any, rate: Any, weight_decay: float = 0.0) -> Any:
    """One step of gradient descent: the new weight.

    >>> sgd_update(np.array([1.0]), np.array([2.0]), 0.1)
    array([0.8])
    """
    return apply(SgdUpdate(weight_decay), w, g, rate)


class MomentumUpdate(_Update):
    r"""Gradient descent with momentum: v' = μ v - η g, w' = w + v'; Nesterov: w' = w + μ v' - η g.

    The velocity v averages past gradients with weights μ, μ², ...: steps that agree add up (to 1/(1-μ) times), steps
    that alternate cancel. Source: Sutskever et al. (2013), On the importance of initialization and momentum, eq. 1-4.
    """

    outputs = ("w2", "v2")

    momentum: float
    nesterov: bool = False
    weight_decay: float = 0.0

    def rule_for(self, *specs: Spec) -> str:
        step = "momentum*v2 - rate*g" if self.nesterov else "v2"
        return f"v2 = momentum*v - rate*g; w2 = w*(1 - rate*weight_decay) + {step}"

    def forward(self, xp: Any, w: Any, g: Any, v: Any, rate: Any, out: Any = None) -> Any:
        w2, v2 = self.new(xp, w, out)
        eta = float(rate)
        for new, velocity, old, slope, before in _pieces(w2, v2, w, g, v):
            step = slope * eta
            xp.multiply(before, self.momentum, out=velocity)
            velocity -= step
            move = step - velocity * self.momentum if self.nesterov else -velocity
            _descend(xp, old, move, eta * self.weight_decay, new)
        return w2, v2


def momentum_update(
    w: Any, g: Any, v: Any, rate: Any, momentum: float, nesterov: bool = False, weight_decay: float = 0.0
) -> Any:
    """One step of gradient descent with momentum: the new weight and velocity.

    >>> momentum_update(np.array([1.0]), np.array([2.0]), np.array([-0.1]), 0.1, momentum=0.5)
    (array([0.75]), array([-0.25]))
    """
    return apply(MomentumUpdate(momentum, nesterov, weight_decay), w, g, v, rate)


class AdagradUpdate(_Update):
    r"""Adagrad: each weight has its own rate, which shrinks with the gradients it has seen.

    1. s' = s + g² sums all squares since the start.
    2. w' = w - η g / √(s' + ε): a weight that saw much moves little, a rarely used one keeps moving.

    Trap: s only grows, so every rate tends to 0. Source: Duchi, Hazan and Singer (2011), Adaptive Subgradient Methods
    for Online Learning and Stochastic Optimization, section 1.1.
    """

    rule = "s2 = s + g**2; w2 = w*(1 - rate*weight_decay) - rate*g/sqrt(s2 + epsilon)"
    outputs = ("w2", "s2")
    domain = {"s": Domain(0.0, 4.0)}

    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, s: Any, rate: Any, out: Any = None) -> Any:
        w2, s2 = self.new(xp, w, out)
        eta = float(rate)
        for new, squares, old, slope, before in _pieces(w2, s2, w, g, s):
            xp.add(before, slope * slope, out=squares)
            move = eta * slope / xp.sqrt(squares + self.epsilon)
            _descend(xp, old, move, eta * self.weight_decay, new)
        return w2, s2


def adagrad_update(w: Any, g: Any, s: Any, rate: Any, epsilon: float = 1e-7, weight_decay: float = 0.0) -> Any:
    """One step of Adagrad: the new weight and sum of squares.

    >>> adagrad_update(np.array([1.0]), np.array([3.0]), np.array([16.0]), 0.5, epsilon=0.0)
    (array([0.7]), array([25.]))
    """
    return apply(AdagradUpdate(epsilon, weight_decay), w, g, s, rate)


class RmspropUpdate(_Update):
    r"""RMSprop: the gradient over the root of a running mean of its square.

    1. s' = ρ s + (1-ρ) g² forgets: gradients older than about 1/(1-ρ) steps no longer count (Adagrad never forgets).
    2. w' = w - η g / √(s' + ε): each weight moves by about η, whatever the scale of its gradient.

    ε stands under the root, as in Keras. Source: Tieleman and Hinton (2012), Neural Networks for Machine Learning,
    lecture 6.5.
    """

    rule = "s2 = rho*s + (1-rho)*g**2; w2 = w*(1 - rate*weight_decay) - rate*g/sqrt(s2 + epsilon)"
    outputs = ("w2", "s2")
    domain = {"s": Domain(0.0, 4.0)}

    rho: float = 0.9
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, s: Any, rate: Any, out: Any = None) -> Any:
        w2, s2 = self.new(xp, w, out)
        eta = float(rate)
        for new, square, old, slope, before in _pieces(w2, s2, w, g, s):
            _blend(xp, self.rho, before, slope * slope, square)
            move = eta * slope / xp.sqrt(square + self.epsilon)
            _descend(xp, old, move, eta * self.weight_decay, new)
        return w2, s2


def rmsprop_update(
    w: Any, g: Any, s: Any, rate: Any, rho: float = 0.9, epsilon: float = 1e-7, weight_decay: float = 0.0
) -> Any:
    """One step of RMSprop: the new weight and mean square.

    >>> rmsprop_update(np.array([1.0]), np.array([4.0]), np.array([16.0]), 0.5, epsilon=0.0)
    (array([0.5]), array([16.]))
    """
    return apply(RmspropUpdate(rho, epsilon, weight_decay), w, g, s, rate)


class RmspropMomentumUpdate(_Update):
    r"""RMSprop with momentum: s' = ρ s + (1-ρ) g², v' = μ v + η g / √(s' + ε), w' = w - v'.

    The scaled steps of RmspropUpdate take the place of η g in MomentumUpdate; v points downhill, as in Keras.
    """

    rule = "s2 = rho*s + (1-rho)*g**2; v2 = momentum*v + rate*g/sqrt(s2 + epsilon); w2 = w*(1 - rate*weight_decay) - v2"
    outputs = ("w2", "s2", "v2")
    domain = {"s": Domain(0.0, 4.0)}

    momentum: float
    rho: float = 0.9
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, s: Any, v: Any, rate: Any, out: Any = None) -> Any:
        w2, s2, v2 = self.new(xp, w, out)
        eta = float(rate)
        for new, square, velocity, old, slope, before_s, before_v in _pieces(w2, s2, v2, w, g, s, v):
            _blend(xp, self.rho, before_s, slope * slope, square)
            xp.multiply(before_v, self.momentum, out=velocity)
            velocity += eta * slope / xp.sqrt(square + self.epsilon)
            _descend(xp, old, velocity.copy(), eta * self.weight_decay, new)
        return w2, s2, v2


def rmsprop_momentum_update(
    w: Any, g: Any, s: Any, v: Any, rate: Any, momentum: float, rho: float = 0.9, epsilon: float = 1e-7,
    weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of RMSprop with momentum: the new weight, mean square and velocity.

    >>> w, g, s, v = np.array([1.0]), np.array([4.0]), np.array([16.0]), np.array([0.2])
    >>> rmsprop_momentum_update(w, g, s, v, 0.5, momentum=0.5, epsilon=0.0)
    (array([0.4]), array([16.]), array([0.6]))
    """
    return apply(RmspropMomentumUpdate(momentum, rho, epsilon, weight_decay), w, g, s, v, rate)


class CenteredRmspropUpdate(_Update):
    r"""Centered RMSprop: the gradient over its running standard deviation, with momentum μ (0 for none).

    1. a' = ρ a + (1-ρ) g and s' = ρ s + (1-ρ) g² are running means of g and g².
    2. s' - a'² is the running variance: what is left of g² when the steady part of the gradient is taken away.
    3. v' = μ v + η g / √(s' - a'² + ε), w' = w - v': where the gradient is steady, steps grow.

    Trap: a variance is never negative, but the rounded difference s' - a'² may be, by far more than ε; it is cut off
    at 0. Source: Graves (2013), Generating Sequences With Recurrent Neural Networks, eq. 38-45.
    """

    rule = (
        "a2 = rho*a + (1-rho)*g; s2 = rho*s + (1-rho)*g**2; v2 = momentum*v + rate*g/sqrt(s2 - a2**2 + epsilon);"
        "w2 = w*(1 - rate*weight_decay) - v2"
    )
    outputs = ("w2", "s2", "a2", "v2")
    domain = {"s": Domain(5.0, 9.0)}

    momentum: float = 0.0
    rho: float = 0.9
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, s: Any, a: Any, v: Any, rate: Any, out: Any = None) -> Any:
        results = self.new(xp, w, out)
        eta = float(rate)
        for new, square, mean, velocity, old, slope, before_s, before_a, before_v in _pieces(*results, w, g, s, a, v):
            _blend(xp, self.rho, before_s, slope * slope, square)
            _blend(xp, self.rho, before_a, slope, mean)
            variance = xp.maximum(square - mean * mean, 0)
            xp.multiply(before_v, self.momentum, out=velocity)
            velocity += eta * slope / xp.sqrt(variance + self.epsilon)
            _descend(xp, old, velocity.copy(), eta * self.weight_decay, new)
        return results


def centered_rmsprop_update(
    w: Any, g: Any, s: Any, a: Any, v: Any, rate: Any, momentum: float = 0.0, rho: float = 0.9, epsilon: float = 1e-7,
    weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of centered RMSprop: the new weight, mean square, mean and velocity."""
    return apply(CenteredRmspropUpdate(momentum, rho, epsilon, weight_decay), w, g, s, a, v, rate)


def _unbiased(rate: Any, t: Any, beta_1: float, beta_2: float) -> float:
    """Adam's learning rate with both bias corrections."""
    return float(rate) * math.sqrt(1 - beta_2 ** int(t)) / (1 - beta_1 ** int(t))


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
    domain = {"v": Domain(0.0, 4.0)}

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, out: Any = None) -> Any:
        w2, m2, v2 = self.new(xp, w, out)
        eta, decay = _unbiased(rate, t, self.beta_1, self.beta_2), float(rate) * self.weight_decay
        for new, mean, square, old, slope, before_m, before_v in _pieces(w2, m2, v2, w, g, m, v):
            _blend(xp, self.beta_1, before_m, slope, mean)
            _blend(xp, self.beta_2, before_v, slope * slope, square)
            move = xp.sqrt(square)
            move += self.epsilon
            xp.divide(mean, move, out=move)
            move *= eta
            _descend(xp, old, move, decay, new)
        return w2, m2, v2


def adam_update(
    w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of Adam: the new weight, mean and mean square.

    >>> w, m, v = adam_update(np.array([1.0]), np.array([5.0]), np.zeros(1), np.zeros(1), 0.1, 1)
    >>> w.round(4)
    array([0.9])
    """
    return apply(AdamUpdate(beta_1, beta_2, epsilon, weight_decay), w, g, m, v, rate, t)


class AmsgradUpdate(_Update):
    r"""Adam whose rates never grow again: the largest mean square so far, h' = max(h, v'), stands under the root.

    w' = w - η √(1-β₂ᵗ)/(1-β₁ᵗ) · m' / (√h' + ε). Adam forgets a rare large gradient within 1/(1-β₂) steps and may then
    diverge; h remembers it. Source: Reddi, Kale and Kumar (2018), On the Convergence of Adam and Beyond, algorithm 2.
    """

    rule = (
        "m2 = beta_1*m + (1-beta_1)*g; v2 = beta_2*v + (1-beta_2)*g**2; h2 = max(h, v2);"
        "w2 = w*(1 - rate*weight_decay) - rate*sqrt(1-beta_2**t)/(1-beta_1**t)*m2/(sqrt(h2)+epsilon)"
    )
    outputs = ("w2", "m2", "v2", "h2")
    domain = {"v": Domain(0.0, 4.0), "h": Domain(0.0, 4.0)}

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, v: Any, h: Any, rate: Any, t: Any, out: Any = None) -> Any:
        results = self.new(xp, w, out)
        eta, decay = _unbiased(rate, t, self.beta_1, self.beta_2), float(rate) * self.weight_decay
        for new, mean, square, highest, old, slope, before_m, before_v, before_h in _pieces(*results, w, g, m, v, h):
            _blend(xp, self.beta_1, before_m, slope, mean)
            _blend(xp, self.beta_2, before_v, slope * slope, square)
            xp.maximum(before_h, square, out=highest)
            move = eta * mean / (xp.sqrt(highest) + self.epsilon)
            _descend(xp, old, move, decay, new)
        return results


def amsgrad_update(
    w: Any, g: Any, m: Any, v: Any, h: Any, rate: Any, t: Any, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of Adam with `amsgrad`: the new weight, mean, mean square and largest mean square."""
    return apply(AmsgradUpdate(beta_1, beta_2, epsilon, weight_decay), w, g, m, v, h, rate, t)


class AdamaxUpdate(_Update):
    r"""Adamax: Adam whose mean square is replaced by the largest gradient of late.

    1. Adam divides by the root of a mean of g². With the power p in place of 2, v' = β₂ᵖ v + (1-β₂ᵖ) |g|ᵖ and its p-th
       root; for p → ∞ the largest term alone remains: u' = max(β₂ u, |g|). It needs no bias correction.
    2. w' = w - η / (1-β₁ᵗ) · m' / (u' + ε), with m' as in Adam: no weight moves by more than about η.

    Source: Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, section 7.1 and algorithm 2.
    """

    rule = (
        "m2 = beta_1*m + (1-beta_1)*g; u2 = max(beta_2*u, abs(g));"
        "w2 = w*(1 - rate*weight_decay) - rate/(1-beta_1**t)*m2/(u2+epsilon)"
    )
    outputs = ("w2", "m2", "u2")
    domain = {"u": Domain(0.0, 4.0)}

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, u: Any, rate: Any, t: Any, out: Any = None) -> Any:
        w2, m2, u2 = self.new(xp, w, out)
        eta, decay = float(rate) / (1 - self.beta_1 ** int(t)), float(rate) * self.weight_decay
        for new, mean, largest, old, slope, before_m, before_u in _pieces(w2, m2, u2, w, g, m, u):
            _blend(xp, self.beta_1, before_m, slope, mean)
            xp.maximum(before_u * self.beta_2, xp.abs(slope), out=largest)
            _descend(xp, old, eta * mean / (largest + self.epsilon), decay, new)
        return w2, m2, u2


def adamax_update(
    w: Any, g: Any, m: Any, u: Any, rate: Any, t: Any, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of Adamax: the new weight, mean and largest gradient.

    >>> w, m, u = adamax_update(np.array([1.0]), np.array([5.0]), np.zeros(1), np.zeros(1), 0.1, 1)
    >>> w.round(4)
    array([0.9])
    """
    return apply(AdamaxUpdate(beta_1, beta_2, epsilon, weight_decay), w, g, m, u, rate, t)


_WARMING = np.cumprod(1 - 0.5 * 0.96 ** np.arange(1, 1001))
"""The products of 1 - 0.96ⁱ/2 for i = 1..t; from 1000 on they do not change any more."""


class NadamUpdate(_Update):
    r"""Nadam: Adam with Nesterov's look ahead, the momentum rising from about β₁/2 to β₁.

    1. m' and v' as in Adam. The momentum of step t is μₜ = β₁ (1 - 0.96ᵗ/2), and Πₜ = μ₁ μ₂ ... μₜ.
    2. Nesterov takes the next step's momentum already: m̂ = μₜ₊₁ m' / (1-Πₜ₊₁) + (1-μₜ) g / (1-Πₜ).
    3. w' = w - η m̂ / (√(v'/(1-β₂ᵗ)) + ε).

    Source: Dozat (2016), Incorporating Nesterov Momentum into Adam, algorithm 2.
    """

    formula = (
        r"w' = w - \eta\,\frac{\mu_{t+1} m' / (1-\Pi_{t+1}) + (1-\mu_t)\,g / (1-\Pi_t)}"
        r"{\sqrt{v'/(1-\beta_2^t)} + \epsilon}"
    )
    outputs = ("w2", "m2", "v2")
    domain = {"v": Domain(0.0, 4.0)}

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, out: Any = None) -> Any:
        w2, m2, v2 = self.new(xp, w, out)
        eta, step = float(rate), int(t)
        now, ahead = (self.beta_1 * (1 - 0.5 * 0.96**i) for i in (step, step + 1))
        product = self.beta_1**step * float(_WARMING[min(step, len(_WARMING)) - 1])
        of_mean, of_slope = eta * ahead / (1 - product * ahead), eta * (1 - now) / (1 - product)
        for new, mean, square, old, slope, before_m, before_v in _pieces(w2, m2, v2, w, g, m, v):
            _blend(xp, self.beta_1, before_m, slope, mean)
            _blend(xp, self.beta_2, before_v, slope * slope, square)
            move = of_mean * mean + of_slope * slope
            move /= xp.sqrt(square / (1 - self.beta_2**step)) + self.epsilon
            _descend(xp, old, move, eta * self.weight_decay, new)
        return w2, m2, v2


def nadam_update(
    w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, weight_decay: float = 0.0,
) -> Any:  # fmt: skip
    """One step of Nadam: the new weight, mean and mean square."""
    return apply(NadamUpdate(beta_1, beta_2, epsilon, weight_decay), w, g, m, v, rate, t)


class AdadeltaUpdate(_Update):
    r"""Adadelta: steps in the unit of the weights, so that it needs no learning rate (η = 1).

    1. s' = ρ s + (1-ρ) g² is a running mean of squared gradients, as in RMSprop.
    2. d = √(a + ε) / √(s' + ε) · g, with a the running mean of squared steps: a gradient has the unit 1/w, and this
       ratio the unit w², so d has the unit of w, as a step of Newton's method has.
    3. a' = ρ a + (1-ρ) d² and w' = w - η d.

    Trap: a starts at 0, so the first steps are about √ε. Source: Zeiler (2012), ADADELTA: An Adaptive Learning Rate
    Method, algorithm 1.
    """

    rule = (
        "s2 = rho*s + (1-rho)*g**2; a2 = rho*a + (1-rho)*(a + epsilon)/(s2 + epsilon)*g**2;"
        "w2 = w*(1 - rate*weight_decay) - rate*sqrt(a + epsilon)/sqrt(s2 + epsilon)*g"
    )
    outputs = ("w2", "s2", "a2")
    domain = {"s": Domain(0.0, 4.0), "a": Domain(0.0, 4.0)}

    rho: float = 0.95
    epsilon: float = 1e-7
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, s: Any, a: Any, rate: Any, out: Any = None) -> Any:
        w2, s2, a2 = self.new(xp, w, out)
        eta = float(rate)
        for new, square, steps, old, slope, before_s, before_a in _pieces(w2, s2, a2, w, g, s, a):
            _blend(xp, self.rho, before_s, slope * slope, square)
            move = xp.sqrt(before_a + self.epsilon) / xp.sqrt(square + self.epsilon) * slope
            _blend(xp, self.rho, before_a, move * move, steps)
            _descend(xp, old, move * eta, eta * self.weight_decay, new)
        return w2, s2, a2


def adadelta_update(
    w: Any, g: Any, s: Any, a: Any, rate: Any, rho: float = 0.95, epsilon: float = 1e-7, weight_decay: float = 0.0
) -> Any:
    """One step of Adadelta: the new weight, mean square of gradients and of steps.

    >>> w, s, a = adadelta_update(np.array([1.0]), np.array([2.0]), np.array([4.0]), np.array([0.25]), 1.0, epsilon=0.0)
    >>> w.round(4), s.round(4)  # a step of √0.25 / √4 · 2
    (array([0.5]), array([4.]))
    """
    return apply(AdadeltaUpdate(rho, epsilon, weight_decay), w, g, s, a, rate)


class LionUpdate(_Update):
    r"""Lion: every weight moves by exactly η, in the direction on which gradient and momentum agree.

    1. w' = w - η sign(β₁ m + (1-β₁) g): the sign of a blend that looks more at the new gradient, ...
    2. m' = β₂ m + (1-β₂) g: ... than the momentum that is kept, which remembers longer (β₂ > β₁).

    It keeps one number per weight where Adam keeps two. Steps are larger than Adam's: a third to a tenth of its rate is
    usual, with as much more weight decay. Source: Chen et al. (2023), Symbolic Discovery of Optimization Algorithms,
    program 1.
    """

    rule = "w2 = w*(1 - rate*weight_decay) - rate*sign(beta_1*m + (1-beta_1)*g); m2 = beta_2*m + (1-beta_2)*g"
    outputs = ("w2", "m2")

    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def forward(self, xp: Any, w: Any, g: Any, m: Any, rate: Any, out: Any = None) -> Any:
        w2, m2 = self.new(xp, w, out)
        eta = float(rate)
        for new, mean, old, slope, before in _pieces(w2, m2, w, g, m):
            move = eta * xp.sign(self.beta_1 * before + (1 - self.beta_1) * slope)
            _blend(xp, self.beta_2, before, slope, mean)
            _descend(xp, old, move, eta * self.weight_decay, new)
        return w2, m2


def lion_update(
    w: Any, g: Any, m: Any, rate: Any, beta_1: float = 0.9, beta_2: float = 0.99, weight_decay: float = 0.0
) -> Any:
    """One step of Lion: the new weight and momentum.

    >>> lion_update(np.array([1.0]), np.array([5.0]), np.array([-1.0]), 0.25, beta_1=0.75, beta_2=0.5)  # 0.5 > 0
    (array([0.75]), array([2.]))
    """
    return apply(LionUpdate(beta_1, beta_2, weight_decay), w, g, m, rate)


class EmaUpdate(_Update):
    r"""Running (exponential moving) average of a weight: a' = μ a + (1-μ) w, and a' = w in the first step.

    After t steps a = (1-μ) Σᵢ μ^(t-i) wᵢ + μ^(t-1) w₁ (sum over i = 2..t): about the mean of the last 1/(1-μ) weights,
    in which the noise of single steps cancels. Source: Polyak and Juditsky (1992), Acceleration of Stochastic
    Approximation by Averaging.
    """

    rule = "a2 = where(t > 1, momentum*a + (1-momentum)*w, w)"
    outputs = ("a2",)

    momentum: float

    def forward(self, xp: Any, a: Any, w: Any, t: Any, out: Any = None) -> Any:
        a2 = xp.empty_like(a) if out is None else out
        keep = self.momentum if int(t) > 1 else 0.0
        for new, before, weight in _pieces(a2, a, w):
            _blend(xp, keep, before, weight, new)
        return a2


def ema_update(a: Any, w: Any, t: Any, momentum: float) -> Any:
    """The running average after step t, counted from 1.

    >>> ema_update(np.array([1.0]), np.array([3.0]), 2, momentum=0.75)
    array([1.5])
    """
    return apply(EmaUpdate(momentum), a, w, t)
