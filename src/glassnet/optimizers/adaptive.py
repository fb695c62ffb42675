"""Optimizers that give each weight a rate of its own, from the gradients that it has seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autograd.op import Op
from glassnet.errors import ArgumentError
from glassnet.ops.optimization import (
    AdadeltaUpdate,
    AdagradUpdate,
    AdamaxUpdate,
    AdamUpdate,
    AmsgradUpdate,
    CenteredRmspropUpdate,
    LionUpdate,
    NadamUpdate,
    RmspropMomentumUpdate,
    RmspropUpdate,
)
from glassnet.optimizers.optimizer import Optimizer, check_shares
from glassnet.typing import Array


class Adagrad(Optimizer):
    """Each weight's rate shrinks with the sum of all its squared gradients: good for rare features.

    Arguments:
        initial_accumulator_value: where that sum starts.
        epsilon: keeps the division finite.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Adagrad(0.5, initial_accumulator_value=0.0).apply([[2.0]], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)
    """

    slots = ("s",)
    hyperparameters = ("initial_accumulator_value", "epsilon")

    def __init__(
        self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        if not initial_accumulator_value >= 0:
            raise ArgumentError("Adagrad: initial_accumulator_value must be >= 0", received=initial_accumulator_value)
        self.initial_accumulator_value, self.epsilon = float(initial_accumulator_value), float(epsilon)

    def initial_slot(self, name: str, block: Array) -> Array:
        """The sum of squares starts at `initial_accumulator_value`."""
        return np.full_like(block, self.initial_accumulator_value)

    def update_rule(self) -> Op:
        """The op of one step."""
        return AdagradUpdate(self.epsilon, self.decay)


class RMSprop(Optimizer):
    """The gradient over the root of a running mean of its square: steps of about the learning rate for every weight.

    Arguments:
        rho: how much of the running mean is kept.
        momentum: 0 <= μ < 1, the share of the last step that is kept.
        epsilon: keeps the division finite.
        centered: divide by the running standard deviation instead.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> RMSprop(0.1, rho=0.75).apply([[2.0]], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    hyperparameters = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name or "rmsprop",
        )  # fmt: skip
        check_shares(self, rho=rho, momentum=momentum)
        self.rho, self.momentum, self.epsilon = float(rho), float(momentum), float(epsilon)
        self.centered = bool(centered)
        self.slots = ("s", "a", "v") if self.centered else ("s", "v") if self.momentum else ("s",)

    def update_rule(self) -> Op:
        """The op of one step."""
        if self.centered:
            return CenteredRmspropUpdate(self.momentum, self.rho, self.epsilon, self.decay)
        if self.momentum:
            return RmspropMomentumUpdate(self.momentum, self.rho, self.epsilon, self.decay)
        return RmspropUpdate(self.rho, self.epsilon, self.decay)


class OfMoments(Optimizer):
    """What Adam and its kin share: running means of the gradient and of its size."""

    hyperparameters: tuple[str, ...] = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        check_shares(self, beta_1=beta_1, beta_2=beta_2)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)


class Adam(OfMoments):
    """Steps of about the learning rate for every weight, whatever the scale of its gradient.

    Arguments:
        beta_1, beta_2: how much of the running means of gradient and squared gradient is kept.
        epsilon: keeps the division finite.
        amsgrad: divide by the largest mean square so far.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Adam(0.1).apply([[2.0]], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    hyperparameters = (*OfMoments.hyperparameters, "amsgrad")

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        self.amsgrad = bool(amsgrad)
        self.slots = ("m", "v", "h") if self.amsgrad else ("m", "v")

    def update_rule(self) -> Op:
        """The op of one step."""
        update = AmsgradUpdate if self.amsgrad else AdamUpdate
        return update(self.beta_1, self.beta_2, self.epsilon, self.decay)


class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by learning_rate * weight_decay per step, outside the gradient.

    Source: Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> AdamW(0.1, weight_decay=0.5).apply([[2.0]], [w])
    >>> w.numpy().round(4)
    array([0.85], dtype=float32)
    """

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, amsgrad: bool = False, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        if weight_decay is None:
            raise ArgumentError(
                "AdamW: weight_decay must be a number", received=None, fix="Adam is AdamW without decay"
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps, name or "adamw",
        )  # fmt: skip


class Adamax(OfMoments):
    """Adam whose divisor is the largest gradient of late: robust where single gradients are very large.

    Arguments:
        beta_1: how much of the running mean of the gradient is kept.
        beta_2: how much of the largest gradient is kept from step to step.
        epsilon: keeps the division finite.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Adamax(0.1).apply([[2.0]], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    slots = ("m", "u")

    def update_rule(self) -> Op:
        """The op of one step."""
        return AdamaxUpdate(self.beta_1, self.beta_2, self.epsilon, self.decay)


class Nadam(OfMoments):
    """Adam with Nesterov's look ahead: the step takes the momentum of the next one.

    Arguments:
        beta_1, beta_2: how much of the running means of gradient and squared gradient is kept.
        epsilon: keeps the division finite.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Nadam(0.1).apply([[2.0]], [w])
    >>> bool(w.numpy() < 0.9)  # further than Adam
    True
    """

    slots = ("m", "v")

    def update_rule(self) -> Op:
        """The op of one step."""
        return NadamUpdate(self.beta_1, self.beta_2, self.epsilon, self.decay)


class Adadelta(Optimizer):
    """Steps as long as the last ones were: the formula needs no learning rate, and 1 is the one of the paper.

    Arguments:
        rho: how much of the running means of squared gradients and squared steps is kept.
        epsilon: keeps the division finite; the first steps are about its root.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Adadelta(1.0, rho=0.75, epsilon=0.25).apply([[2.0]], [w])  # 0.5 / √(1 + 0.25) · 2
    >>> w.numpy().round(4)
    array([0.1056], dtype=float32)
    """

    slots = ("s", "a")
    hyperparameters = ("rho", "epsilon")

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        check_shares(self, rho=rho)
        self.rho, self.epsilon = float(rho), float(epsilon)

    def update_rule(self) -> Op:
        """The op of one step."""
        return AdadeltaUpdate(self.rho, self.epsilon, self.decay)


class Lion(Optimizer):
    """Every weight moves by exactly the learning rate, in the direction of a blend of gradient and momentum.

    Use a third to a tenth of the rate that Adam would get.

    Arguments:
        beta_1: share of the momentum in the direction of the step.
        beta_2: how much of the momentum is kept.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0, 1.0])
    >>> Lion(0.25).apply([[2.0, -0.001]], [w])
    >>> w.numpy()
    array([0.75, 1.25], dtype=float32)
    """

    slots = ("m",)
    hyperparameters = ("beta_1", "beta_2")

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        check_shares(self, beta_1=beta_1, beta_2=beta_2)
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)

    def update_rule(self) -> Op:
        """The op of one step."""
        return LionUpdate(self.beta_1, self.beta_2, self.decay)
