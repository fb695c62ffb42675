"""Normalization layers: BatchNormalization."""

from __future__ import annotations

from typing import Any

from glassnet import constraints, initializers, ops, regularizers
from glassnet.layers.base import InputSpec, Layer
from glassnet.ops.shape import normalize_axis

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    r"""Brings each feature to mean 0 and variance 1 over the batch: y = γ (x - μ) / √(σ² + ε) + β.

    In training μ and σ² are those of the batch; their running averages, which inference uses, move by
    running = momentum · running + (1 - momentum) · batch. A frozen layer computes as at inference.

    Arguments:
        axis: the axis of the features; all others are averaged over.
        momentum: share of the running averages that is kept per step.
        epsilon: ε, keeps the division finite.
        center, scale: whether β and γ are there.
        *_initializer, *_regularizer, *_constraint: first values, penalties and bounds of the weights.

    Weights: gamma γ, beta β; not trained: moving_mean, moving_variance. Source: Ioffe and Szegedy (2015), Batch
    Normalization, algorithms 1 and 2.

    >>> BatchNormalization()(np.ones((2, 3))).shape
    (2, 3)
    """

    formula = "y = γ (x - μ) / √(σ² + ε) + β"

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Any) -> None:
        ndim = len(input_shape)
        axis = normalize_axis(self.axis, ndim, str(self))
        self.input_spec = InputSpec(ndim=ndim, axes={axis: input_shape[axis]})
        self.reduced = tuple(a for a in range(ndim) if a != axis)
        self.broadcast = tuple(input_shape[a] if a == axis else 1 for a in range(ndim))
        size = (input_shape[axis],)
        self.gamma = None if not self.scale else self.add_weight(
            size, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
            constraint=self.gamma_constraint,
        )  # fmt: skip
        self.beta = None if not self.center else self.add_weight(
            size, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
            constraint=self.beta_constraint,
        )  # fmt: skip
        self.moving_mean = self.add_weight(size, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            size, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self.trainable:
            mean = ops.mean(inputs, axis=self.reduced)
            deviation = inputs - ops.reshape(mean, self.broadcast)
            variance = ops.mean(deviation * deviation, axis=self.reduced)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            variance = self.moving_variance.value
            deviation = inputs - ops.reshape(self.moving_mean, self.broadcast)
        factor = 1.0 / ops.sqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * self.gamma
        y = deviation * ops.reshape(factor, self.broadcast)
        return y if self.beta is None else y + ops.reshape(self.beta, self.broadcast)

    def _move(self, running: Any, batch: Any) -> None:
        running.assign(running * self.momentum + batch.detach() * (1 - self.momentum))
