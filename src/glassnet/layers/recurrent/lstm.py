"""LSTM and its cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.initializers import initial_array
from glassnet.layers.recurrent.cells import GatedCell
from glassnet.layers.recurrent.rnn import CellArguments, of_cell, shared
from glassnet.ops.recurrent import lstm_step


class LSTMCell(GatedCell):
    """One step of LSTM: c = f c₋₁ + i g, h = o activation(c), with gates i, f, o and candidate g of x W + h₋₁ U + b.

    Arguments: those of LSTM. States: [h, c], each (N, units). Returns: h and [h, c].

    >>> h, (h, c) = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    formula = "c = f c₋₁ + i g, h = o tanh(c)"
    sums = 4

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            recurrent_activation, units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """Width of state and carry."""
        return [self.units, self.units]

    def initial_bias(self) -> Any:
        """With `unit_forget_bias` 1 for the forget gates, which start open, and the initializer's numbers for the rest."""
        if not self.unit_forget_bias:
            return self.bias_initializer

        def open_forget_gates(shape: Any, dtype: Any = None) -> Any:
            first, rest = (
                initial_array(self.bias_initializer, (n * self.units,), np.dtype(dtype), f"{self} bias") for n in (1, 2)
            )
            return np.concatenate([first, np.ones_like(first), rest])

        return open_forget_gates

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        h, c = _two(states, str(self))
        inputs = self.dropped("inputs", inputs, self.dropout, training)
        h = self.dropped("state", h, self.recurrent_dropout, training)
        _, recurrent, bias = self.values()
        h, c = lstm_step(self.weighted(inputs, bias), h, c, recurrent, self.activation, self.recurrent_activation)
        return h, [h, c]

    def whole(self, sequences: Any, states: list[Any], mask: Any) -> tuple[Any, list[Any]]:
        outputs, h, c = ops.lstm(sequences, *self.values(), states[0], states[1], mask)
        return outputs, [h, c]


def _two(states: Any, who: str) -> Any:
    if not isinstance(states, (list, tuple)) or len(states) != 2:
        raise ArgumentError(f"{who}: states", expected="[h, c]", received=type(states).__name__)
    return states


class LSTM(CellArguments):
    r"""Long short-term memory: a carry c that gates i, f, o write to, keep, and read from.

    i, f, o = recurrent_activation and g = activation of their sums in xₜ W + hₜ₋₁ U + b;  cₜ = f cₜ₋₁ + i g;
    hₜ = o activation(cₜ). The carry runs through time with no weights in between, so gradients last over many steps. The
    derivation stands at `ops.recurrent.Lstm`.

    Arguments:
        units: size of the state h and of the carry c.
        activation, recurrent_activation: tanh and sigmoid run the whole sequence as one operation, others step by step.
        unit_forget_bias: the biases of the forget gates start at 1, so that the carry lasts from the beginning.
        kernel_, recurrent_ and bias_ initializer, regularizer, constraint: of W, U and b.
        dropout, recurrent_dropout, seed: as for SimpleRNN.
        return_sequences, return_state, go_backwards, stateful, unroll: as for RNN; the states are h and c.

    Weights, with blocks in the order i, f, g, o: kernel W (I, 4 units), recurrent_kernel U (units, 4 units), bias b
    (4 units,). Input (N, T, I). Source: Hochreiter and Schmidhuber (1997), Long Short-Term Memory.

    >>> LSTM(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    formula = "cₜ = f cₜ₋₁ + i g, hₜ = o tanh(cₜ)"
    recurrent_activation, unit_forget_bias = of_cell("recurrent_activation"), of_cell("unit_forget_bias")

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            name="lstm_cell", **shared(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
