"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Op
from glassnet.ops.optimization import MomentumUpdate, SgdUpdate
from glassnet.optimizers.optimizer import Optimizer, check_shares


class SGD(Optimizer):
    """Gradient descent, with momentum where asked for.

    Arguments:
        momentum: 0 <= μ < 1, the share of the last step that is kept.
        nesterov: look ahead along the velocity.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> SGD(0.1).apply([[2.0]], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    hyperparameters = ("momentum", "nesterov")

    def __init__(
        self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, gradient_accumulation_steps, name,
        )  # fmt: skip
        check_shares(self, momentum=momentum)
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
        self.slots = ("v",) if self.momentum else ()

    def update_rule(self) -> Op:
        """The op of one step."""
        return MomentumUpdate(self.momentum, self.nesterov, self.decay) if self.momentum else SgdUpdate(self.decay)
