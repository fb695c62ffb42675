"""Merging layers: several inputs become one. Add and Concatenate, each also as a function."""

from __future__ import annotations

import functools
import operator
from typing import Any

from glassnet import ops
from glassnet.errors import ArgumentError
from glassnet.layers.base import Layer

__all__ = ["Add", "Concatenate", "add", "concatenate"]


def _several(inputs: Any, who: str) -> list[Any]:
    if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
        received = f"a list of {len(inputs)}" if isinstance(inputs, (list, tuple)) else "a single array"
        raise ArgumentError(f"{who} takes a list of at least 2 inputs", received=received, fix="layer([x1, x2])")
    return list(inputs)


class Add(Layer):
    """Sum of its inputs, cell by cell: y = x₁ + x₂ + ...

    Every input gets the whole gradient of y, which is why a skip connection `Add()([x, f(x)])` lets it pass unweakened.

    Input: a list of arrays of one shape, or of shapes that broadcast.

    >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy().tolist()
    [[11.0, 22.0]]
    """

    formula = "y = x₁ + x₂ + ..."

    def call(self, inputs: Any) -> Any:
        return functools.reduce(operator.add, _several(inputs, str(self)))


class Concatenate(Layer):
    """Its inputs one after the other along one axis: y = [x₁, x₂, ...]; each gets its own part of the gradient.

    Arguments:
        axis: the axis along which the sizes add up; 0 is the batch.

    Input: a list of arrays that are equally large along all other axes.

    >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).numpy().tolist()
    [[1.0, 2.0, 3.0]]
    """

    formula = "y = [x₁, x₂, ...]"

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(_several(inputs, str(self)), axis=self.axis)


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of tensors, as a layer.

    >>> add([np.array([1.0]), np.array([10.0])]).numpy().tolist()
    [11.0]
    """
    return Add(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """A list of tensors one after the other along `axis`, as a layer.

    >>> concatenate([np.array([1.0]), np.array([2.0])]).numpy().tolist()
    [1.0, 2.0]
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
