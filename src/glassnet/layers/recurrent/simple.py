"""SimpleRNN and its cell."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.layers.recurrent.cells import Cell
from glassnet.layers.recurrent.rnn import CellArguments, shared
from glassnet.ops.recurrent import rnn_step


class SimpleRNNCell(Cell):
    """One step of SimpleRNN: h = activation(x W + h₋₁ U + b).

    Arguments: those of SimpleRNN. States: [h], shape (N, units). Returns: h and [h].

    >>> h, states = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    formula = "h = f(x W + h₋₁ U + b)"

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        (h,) = states if isinstance(states, (list, tuple)) else [states]
        inputs = self.dropped("inputs", inputs, self.dropout, training)
        h = self.dropped("state", h, self.recurrent_dropout, training)
        _, recurrent, bias = self.values()
        h = rnn_step(self.weighted(inputs, bias), h, recurrent, self.activation)
        return h, [h]

    def whole(self, sequences: Any, states: list[Any], mask: Any) -> tuple[Any, list[Any]]:
        outputs, h = ops.simple_rnn(sequences, *self.values(), states[0], mask)
        return outputs, [h]


class SimpleRNN(CellArguments):
    r"""Fully connected recurrence over time: hₜ = activation(xₜ W + hₜ₋₁ U + b), starting at h = 0.

    The same W, U and b serve every step, so their gradients are sums over the steps. The derivation of backpropagation
    through time stands at `ops.recurrent`.

    Arguments:
        units: size of the state h.
        activation, use_bias: as for Dense; tanh runs the whole sequence as one operation, others step by step.
        kernel_, recurrent_ and bias_ initializer, regularizer, constraint: of W, U and b.
        dropout, recurrent_dropout: share of the inputs, and of the state, that are dropped in training; the same ones at
            every step of a sequence (Gal and Ghahramani, 2016).
        return_sequences, return_state, go_backwards, stateful, unroll: as for RNN.
        seed: an integer for repeatable dropout.

    Weights: kernel W (I, units), recurrent_kernel U (units, units), bias b (units,). Input (N, T, I).
    Source: Elman (1990), Finding Structure in Time.

    >>> SimpleRNN(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    formula = "hₜ = f(xₜ W + hₜ₋₁ U + b)"

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, name="simple_rnn_cell", **shared(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
