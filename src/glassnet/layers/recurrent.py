"""Recurrent layers: SimpleRNN."""

from __future__ import annotations

from typing import Any

from glassnet import activations, initializers, ops
from glassnet.errors import ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.core import positive_integer

__all__ = ["SimpleRNN"]


class SimpleRNN(Layer):
    r"""Fully connected recurrence over time: hₜ = activation(xₜ W + hₜ₋₁ U + b), starting at h = 0.

    The same W, U and b serve every step, so their gradients are sums over the steps.

    Arguments:
        units: size of the state h.
        return_sequences: all states (N, T, units) instead of the last one (N, units).

    Weights: kernel W (I, units), recurrent_kernel U (units, units), bias b (units,). Input (N, T, I) with a known T.

    >>> SimpleRNN(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    formula = "hₜ = f(xₜ W + hₜ₋₁ U + b)"

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", return_sequences: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.units = positive_integer(units, f"{self}: units")
        self.activation = activations.get(activation)
        self.use_bias, self.return_sequences = use_bias, return_sequences
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, self.units), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        steps = inputs.shape[1]
        if not steps:
            raise ShapeError(
                f"{self}: the number of time steps must be known and not 0", expected="(batch, time, features)",
                received=tuple(inputs.shape),
            )  # fmt: skip
        kernel, recurrent = self.kernel.value, self.recurrent_kernel.value
        weighted = ops.matmul(inputs, kernel) if self.bias is None else ops.linear(inputs, kernel, self.bias.value)
        state = self.activation(weighted[:, 0])
        states = [state]
        for step in range(1, steps):
            state = self.activation(weighted[:, step] + ops.matmul(state, recurrent))
            states.append(state)
        return ops.stack(states, axis=1) if self.return_sequences else state
