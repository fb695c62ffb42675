"""Brick: the lessons' hand-written layer, an object with `forward` and `backward`, as a layer of ours.

    class Dense:                                         class Tanh:
        parameters = ("weights", "bias")                     def forward(self, x): ...
        def forward(self, x): ...                            def backward(self, output_gradient): ...
        def backward(self, output_gradient): ...
            # returns the input's gradient and leaves self.gradients["weights"], self.gradients["bias"]

The lessons' first form, `backward(output_gradient, learning_rate)`, updates its own parameters at once; then the
optimizer leaves them alone.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Leaf, to_array, wrap
from glassnet.errors import ArgumentError, GradientError, SavingError, ShapeError
from glassnet.layers.base import Layer
from glassnet.registry import snake_case

__all__ = ["Brick"]


def as_layer(thing: Any) -> Layer:
    """A layer as it is, a hand-written brick as a `Brick`."""
    if isinstance(thing, Layer):
        return thing
    if callable(getattr(thing, "forward", None)) and callable(getattr(thing, "backward", None)):
        return Brick(thing)
    if isinstance(thing, type) and issubclass(thing, Layer):
        raise ArgumentError(f"{thing.__name__} is a class, not a layer", fix=f"write {thing.__name__}(...)")
    raise ArgumentError(
        "this is not a layer",
        expected="a layer, a list of layers, or an object with forward(x) and backward(gradient)", received=repr(thing),
        fix="gn.layers.Lambda(function) makes a layer of a function" if callable(thing) else None,
    )  # fmt: skip


class Brick(Layer):
    """A hand-written brick as a layer.

    Arguments:
        brick: an object with `forward(x)` and `backward(output_gradient)` or `backward(output_gradient,
            learning_rate)`; `brick.parameters` names its trained arrays, `brick.gradients[name]` holds their gradients
            after backward.
        columns: the brick works on one sample as a column of shape (n, 1); it is then fed sample by sample, and the
            parameter gradients are summed over the batch.
        learning_rate: for the self-updating form outside of `fit`; inside, the optimizer's rate is used.

    >>> class Double:
    ...     def forward(self, x): return 2 * x
    ...     def backward(self, output_gradient): return 2 * output_gradient
    >>> Brick(Double())(np.array([[1.0, 2.0]])).numpy().tolist()
    [[2.0, 4.0]]
    """

    formula = "y = brick.forward(x)"

    def __init__(self, brick: Any, columns: bool = False, learning_rate: float = 0.01, **kwargs: Any) -> None:
        self.brick, self.columns, self.learning_rate = brick, columns, learning_rate
        super().__init__(**kwargs)
        self._seen: Any = None
        """The array that the brick has processed last: only for this one can it go backward."""
        self.rate_of: Any = None
        """The optimizer whose learning rate a self-updating brick takes; set by `compile`."""
        self.updates_itself = len(inspect.signature(brick.backward).parameters) == 2
        names = () if self.updates_itself else tuple(getattr(brick, "parameters", ()))
        for name in names:
            if not isinstance(getattr(brick, name, None), np.ndarray):
                raise ArgumentError(
                    f"{self}: parameter {name!r} is not an array of the brick", expected=f"brick.{name}"
                )
        self.parameters = {name: self.add_weight_from(name) for name in names}

    @property
    def _prefix(self) -> str:
        return snake_case(type(self.brick).__name__)

    def add_weight_from(self, name: str) -> Any:
        """A variable that takes over one of the brick's arrays."""
        array = getattr(self.brick, name)
        return self.add_weight(array.shape, lambda shape, dtype: array.astype(dtype), name=name)

    def call(self, inputs: Any) -> Any:
        if self.updates_itself and not inputs.requires_grad:  # or, being first, it would never be asked to go backward
            inputs = wrap(inputs.data, Leaf("input", tracked=True))
        return apply(RunBrick(self), inputs, *[variable.value for variable in self.parameters.values()])

    def forward(self, x: Any, *parameters: Any) -> Any:
        """The brick's forward on raw arrays."""
        for name, array in zip(self.parameters, parameters):
            setattr(self.brick, name, array)
        self._seen = x
        if self.columns:
            return np.stack([self.brick.forward(sample.reshape(-1, 1)).reshape(-1) for sample in x])
        return self.brick.forward(x)

    def backward(self, x: Any, gradient: Any) -> tuple[Any, dict[str, Any]]:
        """The brick's backward on raw arrays: the input's gradient, and those of the parameters."""
        if not self.columns:
            if self._seen is not x:  # applied to something else in between
                self.forward(x)
            return self._backward(gradient)
        columns, totals = [], {name: np.zeros(v.shape, v.dtype) for name, v in self.parameters.items()}
        for sample, slope in zip(x, gradient):
            self.brick.forward(sample.reshape(-1, 1))  # a brick remembers only its last sample
            found, gradients = self._backward(slope.reshape(-1, 1))
            columns.append(np.asarray(found).reshape(-1))
            for name in totals:
                totals[name] += gradients[name]
        return np.stack(columns), totals

    def _backward(self, gradient: Any) -> tuple[Any, dict[str, Any]]:
        if self.updates_itself:
            rate = self.learning_rate if self.rate_of is None else self.rate_of.current_rate()
            return self.brick.backward(gradient, rate if self.trainable else 0.0), {}
        found = self.brick.backward(gradient)
        kept = getattr(self.brick, "gradients", {})
        missing = [name for name in self.parameters if name not in kept]
        if missing:
            raise GradientError(
                f"{self}: backward left no gradient for {', '.join(missing)}",
                expected="self.gradients[name] for every name in self.parameters",
            )
        return found, {name: kept[name] for name in self.parameters}

    def get_config(self) -> dict[str, Any]:
        raise SavingError(f"{self}: a hand-written brick cannot be saved in a file", fix="use model.save_weights")


class RunBrick(Op):
    """The forward and backward of a hand-written brick; there is no formula to see through, only its own code."""

    formula = r"y = \mathrm{brick}(x)"
    gradient = r"\bar x = \mathrm{backward}(\bar y)"
    saves = ("x",)
    order = 1

    layer: Brick

    def shapes(self, x: Spec, *parameters: Spec) -> Any:
        known = tuple(2 if size is None else size for size in x.shape)
        found = np.shape(self.forward(np, np.zeros(known, x.dtype)))
        if x.shape and x.shape[0] is None and len(found) > 0 and found[0] == 2:
            return (None, *found[1:])
        return found

    def forward(self, xp: Any, *x: Any) -> Any:
        return to_array(self.layer.forward(*x), x[0].dtype)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, *parameters: Any, needed: tuple[bool, ...]) -> Any:
        raw = [t if isinstance(t, np.ndarray) else t.data for t in (x, g)]
        found, gradients = self.layer.backward(*raw)
        found = to_array(found, raw[0].dtype)
        if found.shape != raw[0].shape:
            raise ShapeError(
                f"{self.layer}: backward returned another shape", expected=raw[0].shape, received=found.shape
            )
        return found, *[to_array(gradients[name], raw[0].dtype) for name in gradients]
