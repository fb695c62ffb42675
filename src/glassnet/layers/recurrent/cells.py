"""Cells: one step of a recurrence. What SimpleRNNCell, LSTMCell and GRUCell share, and cells on top of each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassnet import activations, ops, random
from glassnet.autograd.functional import map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor, wrap
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import Layer
from glassnet.layers.core import add_named_weight, keep_weight_options, looked_up, positive_integer
from glassnet.seeds import as_generator
from glassnet.typing import Shape


def zeros(shape: Shape, dtype: Any) -> Tensor:
    """A Tensor of zeros; on an open batch, one without numbers."""
    return wrap(Spec(shape, np.dtype(dtype)) if None in shape else np.zeros(shape, dtype), None)


def from_config(config: Any) -> Any:
    """The layer that a config describes; a layer as it is, a list item by item."""
    from glassnet.layers import registry  # it knows this file's classes, so it can come only later

    if isinstance(config, (list, tuple)):
        return [from_config(part) for part in config]
    return registry.deserialize(config) if isinstance(config, dict) else config


def checked_cell(cell: Any, who: str) -> Any:
    """The cell, if it is one."""
    if isinstance(cell, Layer) and getattr(cell, "state_size", None) is not None:
        return cell
    raise ArgumentError(
        f"{who}: not a cell", expected="a Layer with call(inputs, states) and state_size", received=repr(cell),
        fix="LSTMCell(32), or a layer of yours that sets self.state_size",
    )  # fmt: skip


def initial_state_of(cell: Any, batch_size: int | None) -> list[Any]:
    """The states with which a cell starts: its own, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        states = own(batch_size=1 if batch_size is None else batch_size)
        if batch_size is None:  # the cell needs a number, its states stand for any
            states = map_structure(lambda state: zeros((None, *state.shape[1:]), state.dtype), states)
        return list(states) if isinstance(states, (list, tuple)) else [states]
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return [zeros((batch_size, size), cell.dtype) for size in sizes]


def output_size_of(cell: Any) -> int:
    """How many numbers per step a cell puts out."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
    return int(size)


class Cell(Layer):
    """A kernel W for the inputs, a recurrent kernel U for the state, a bias b; and dropout, one mask per sequence."""

    bias_initializer: Any
    sums = 1
    """How many weighted sums a unit has."""

    def __init__(
        self, units: int, activation: Any, use_bias: bool, kernel_initializer: Any, recurrent_initializer: Any,
        bias_initializer: Any, kernel_regularizer: Any, recurrent_regularizer: Any, bias_regularizer: Any,
        kernel_constraint: Any, recurrent_constraint: Any, bias_constraint: Any, dropout: float,
        recurrent_dropout: float, seed: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.units = positive_integer(units, f"{self}: units")
        self.activation = looked_up(activations, activation, f"{self}: activation")
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(
            self, "recurrent_kernel", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0 <= rate < 1:
                raise ArgumentError(f"{self}: {name} must be in [0, 1)", received=f"{name}={rate}")
        self.seed, self.seed_generator = seed, as_generator(seed)
        self.dropout_masks: dict[str, Any] | None = None
        """The masks of the sequence that is running; None outside of a sequence, where each step draws its own."""

    @property
    def state_size(self) -> int | list[int]:
        """Width of the state, or of each of several."""
        return self.units

    @property
    def output_size(self) -> int:
        """Width of the output."""
        return self.units

    @property
    def is_standard(self) -> bool:
        """Whether its activations are those of the operation that runs a whole sequence."""
        return self.activation is activations.tanh

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for every state."""
        sizes = [self.state_size] if isinstance(self.state_size, int) else self.state_size
        return [zeros((batch_size, size), self.dtype) for size in sizes]

    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.sums * self.units,)

    def initial_bias(self) -> Any:
        """The initializer of the bias."""
        return self.bias_initializer

    def build(self, input_shape: Any) -> None:
        wide = self.sums * self.units
        self.kernel = add_named_weight(self, "kernel", (input_shape[-1], wide))
        self.recurrent_kernel = add_named_weight(self, "recurrent_kernel", (self.units, wide))
        self.bias = None
        if self.use_bias:
            self.bias = add_named_weight(self, "bias", self.bias_shape(), first_values=self.initial_bias())

    def values(self) -> tuple[Any, Any, Any]:
        """W, U and b to compute with; without a bias b is None."""
        return self.kernel.value, self.recurrent_kernel.value, None if self.bias is None else self.bias.value

    def weighted(self, inputs: Any, bias: Any) -> Any:
        """The weighted inputs x W + b."""
        if bias is None:
            return ops.matmul(inputs, self.kernel.value)
        return ops.linear(inputs, self.kernel.value, bias)

    def dropped(self, name: str, x: Any, rate: float, training: bool) -> Any:
        """In training x (N, ...) with a share of its features set to 0, at every step of a sequence the same ones."""
        if not training or not rate:
            return x
        mask = None if self.dropout_masks is None else self.dropout_masks.get(name)
        if mask is None:
            features = x if x.ndim == 2 else x[:, 0]
            mask = random.dropout(ops.ones_like(features), rate, seed=self.seed_generator)
            if self.dropout_masks is not None:
                self.dropout_masks[name] = mask
        return x * (mask if x.ndim == 2 else ops.expand_dims(mask, 1))


class GatedCell(Cell):
    """A cell whose gates have an activation of their own."""

    def __init__(self, recurrent_activation: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recurrent_activation = looked_up(activations, recurrent_activation, f"{self}: recurrent_activation")

    @property
    def is_standard(self) -> bool:
        """Whether they are tanh and sigmoid."""
        return super().is_standard and self.recurrent_activation is activations.sigmoid


@contextmanager
def one_mask_per_sequence(cell: Layer) -> Iterator[None]:
    """Inside, cells draw their dropout masks once."""
    cells = [part for part in cell.flatten_layers() if isinstance(part, Cell)]
    for part in cells:
        part.dropout_masks = {}
    try:
        yield
    finally:
        for part in cells:
            part.dropout_masks = None


class StackedRNNCells(Layer):
    """Several cells as one: at each step the output of a cell is the input of the next.

    Arguments:
        cells: a list of cells.

    States: a list with the states of each cell.

    >>> two = StackedRNNCells([gn.layers.LSTMCell(4), gn.layers.GRUCell(3)])
    >>> gn.layers.RNN(two)(np.ones((2, 5, 6))).shape
    (2, 3)
    """

    formula = "y = cell₂(cell₁(x))"

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ArgumentError("StackedRNNCells: cells is a list of cells", received=repr(cells))
        super().__init__(**{"dtype": getattr(cells[0], "dtype", None), **kwargs})
        self.cells = [checked_cell(cell, str(self)) for cell in cells]

    @property
    def state_size(self) -> list[Any]:
        """The state size of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """Width of the last cell's output."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The first states of each cell."""
        return [initial_state_of(cell, batch_size) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            if not cell.built:
                cell.build(shape)
            shape = (shape[0], output_size_of(cell))

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        if len(states) != len(self.cells):
            raise ShapeError(f"{self}: states of each cell", expected=len(self.cells), received=len(states))
        after = []
        for cell, own in zip(self.cells, states):
            inputs, new = cell(inputs, own)
            after.append(new)
        return inputs, after

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config({**config, "cells": from_config(config["cells"])})
