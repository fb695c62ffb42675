"""GRU and its cell."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.layers.recurrent.cells import GatedCell
from glassnet.layers.recurrent.rnn import CellArguments, of_cell, shared
from glassnet.ops.recurrent import gru_step


class GRUCell(GatedCell):
    """One step of GRU: h = u h₋₁ + (1 - u) g, with update gate u, reset gate r and candidate g of x and r h₋₁.

    Arguments: those of GRU. States: [h], shape (N, units). Returns: h and [h].

    >>> h, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    formula = "h = u h₋₁ + (1 - u) g"
    sums = 3

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
        seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            recurrent_activation, units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.reset_after = reset_after

    def bias_shape(self) -> tuple[int, ...]:
        """Reset after: one row for the sums over inputs, one for those over the state."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        (h,) = states if isinstance(states, (list, tuple)) else [states]
        inputs = self.dropped("inputs", inputs, self.dropout, training)
        read = self.dropped("state", h, self.recurrent_dropout, training)
        _, recurrent, bias = self.values()
        by_input, by_state = (bias[0], bias[1]) if bias is not None and self.reset_after else (bias, 0)
        h = gru_step(
            self.weighted(inputs, by_input), h, read, recurrent, by_state, self.activation, self.recurrent_activation,
            self.reset_after,
        )  # fmt: skip
        return h, [h]

    def whole(self, sequences: Any, states: list[Any], mask: Any) -> tuple[Any, list[Any]]:
        outputs, h = ops.gru(sequences, *self.values(), states[0], mask, self.reset_after)
        return outputs, [h]


class GRU(CellArguments):
    r"""Gated recurrent unit: the new state is a mixture of the last one and of a candidate.

    u, r = recurrent_activation of their sums in xₜ W + hₜ₋₁ U + b;  g = activation(xₜ W_g + b_g + r (hₜ₋₁ U_g + b'_g));
    hₜ = u hₜ₋₁ + (1 - u) g. The derivation stands at `ops.recurrent.Gru`.

    Arguments:
        units: size of the state h.
        activation, recurrent_activation: tanh and sigmoid run the whole sequence as one operation, others step by step.
        reset_after: whether the reset gate r works after the product with U_g, as above, or before it: (r hₜ₋₁) U_g.
        kernel_, recurrent_ and bias_ initializer, regularizer, constraint: of W, U and b.
        dropout, recurrent_dropout, seed: as for SimpleRNN.
        return_sequences, return_state, go_backwards, stateful, unroll: as for RNN.

    Weights, with blocks in the order u, r, g: kernel W (I, 3 units), recurrent_kernel U (units, 3 units), bias
    (2, 3 units), or (3 units,) for reset_after=False. Input (N, T, I).
    Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder.

    >>> GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    formula = "hₜ = u hₜ₋₁ + (1 - u) g"
    recurrent_activation, reset_after = of_cell("recurrent_activation"), of_cell("reset_after")

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False, reset_after: bool = True,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed, name="gru_cell",
            **shared(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
