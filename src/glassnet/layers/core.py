r"""Core layers: Input, Dense, EinsumDense, Masking, Activation, Flatten, Reshape, Lambda, Identity.

Every class has the same parts in the same order: what it computes, its arguments, `__init__`, `build` (weights for the
shape that arrives), `call` (the formula in ops). Derivatives are the business of the ops.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet import activations, constraints, initializers, ops, regularizers
from glassnet.autograd.op import Op, apply
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor, wrap
from glassnet.autograd.variable import Variable
from glassnet.config import floatx
from glassnet.errors import ArgumentError, GlassnetError, SavingError, ShapeError
from glassnet.layers.base import InputSpec, Layer, LayerCall
from glassnet.ops.shape import resolve_shape

__all__ = [
    "Activation", "Dense", "EinsumDense", "Flatten", "Identity", "Input", "InputLayer", "Lambda", "Masking",
    "Operation", "Reshape",
]  # fmt: skip


class InputLayer(Layer):
    """The entrance of a network: the shape of one sample.

    Arguments:
        shape: of one sample, without the batch axis; None for an open size.
        batch_size: a fixed batch size; open by default.
        dtype: of the data; float32 by default.

    >>> InputLayer((28, 28)).batch_shape
    (None, 28, 28)
    """

    formula = "y = x"
    supports_masking = True

    def __init__(
        self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype if dtype is not None and np.dtype(dtype).kind == "f" else None)
        sizes = (shape,) if isinstance(shape, int) else shape
        if not isinstance(sizes, (tuple, list)) or not all(size is None or _is_size(size) for size in sizes):
            raise ArgumentError(
                f"{self}: shape is that of one sample", expected="sizes, None for an open one",
                received=f"shape={shape!r}", fix="Input((784,))",
            )  # fmt: skip
        self.batch_shape = (batch_size, *sizes)
        self.input_dtype = np.dtype(dtype or floatx())

    def call(self, inputs: Any) -> Any:
        return inputs

    def output(self) -> Tensor:
        """The symbolic tensor to build on."""
        call = LayerCall(self, (), {})
        tensor = wrap(Spec(self.batch_shape, self.input_dtype), call)
        call.outputs = [tensor]
        return tensor


def Input(  # noqa: N802  # Keras's name
    shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None
) -> Tensor:
    """A symbolic tensor from which a functional Model is built.

    Arguments:
        shape: of one sample, without the batch axis.

    >>> Input((784,)).shape
    (None, 784)
    """
    return InputLayer(shape, batch_size, dtype, name).output()


class Dense(Layer):
    r"""Fully connected layer: y = activation(x W + b).

    Each of the O units adds up all I inputs, each times its own weight, and its bias. The derivation stands at
    `ops.linalg.Linear`.

    Arguments:
        units: O, the number of units.
        activation: a name or a function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer: penalties that are added to the loss.
        kernel_constraint, bias_constraint: what the weights are brought back to after each update.

    Weights: kernel W of shape (I, O), bias b of shape (O,). Input (..., I), output (..., O).

    >>> Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)
    """

    formula = "y = f(x W + b)"
    supports_masking = True

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer(units, f"{self}: units")
        self.activation = looked_up(activations, activation, f"{self}: activation")
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        if self.units == 1 and self.activation is activations.softmax:
            raise ArgumentError(
                f"{self}: softmax over a single unit is always 1", expected="one unit per class",
                received="units=1, activation='softmax'",
                fix="two classes and one unit: activation='sigmoid' with binary_crossentropy",
            )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        self.kernel = add_named_weight(self, "kernel", (input_shape[-1], self.units))
        self.bias = add_named_weight(self, "bias", (self.units,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        if self.bias is None:
            return self.activation(ops.matmul(inputs, self.kernel.value))
        return self.activation(ops.linear(inputs, self.kernel.value, self.bias.value))


class EinsumDense(Layer):
    r"""A dense layer whose sum is named: y = activation(einsum(equation, x, W) + b).

    "ab,bc->ac" is Dense. "abc,cde->abde" turns C features into D heads of E features, "abde,dec->abc" turns them back.

    Arguments:
        equation: letters of the input, of the kernel, and of the output; `...` on the left or on the right of input and
            output stands for all other axes.
        output_shape: sizes of the output without the batch axis and without what `...` stands for; None where the
            input says it.
        bias_axes: the output letters along which the bias differs; None: no bias.
        activation, kernel_*, bias_*: as in Dense.

    Weights: kernel W with one axis per letter, bias b.

    >>> EinsumDense("abc,cde->abde", output_shape=(None, 2, 5), bias_axes="de")(np.ones((3, 4, 6))).shape
    (3, 4, 2, 5)
    """

    formula = "y = f(einsum(equation, x, W) + b)"
    kernel_initializer: Any

    def __init__(
        self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        found = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation)
        if not found or (found[1], found[3]) != (found[5], found[7]) or (found[1] and found[3]):
            raise ArgumentError(
                f"{self}: equation",
                expected="'ab,bc->ac', '...a,ab->...b' or 'ab...,bc->ac...'",
                received=repr(equation),
            )
        self.equation, self.letters, self.dots_first = equation, (found[2], found[4], found[6]), bool(found[1])
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation, self.bias_axes = looked_up(activations, activation, f"{self}: activation"), bias_axes
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        self.input_spec = InputSpec(ndim=len(input_shape))
        inputs, kernel, output = self.letters
        sizes, elided = self._sizes(input_shape), len(input_shape) - len(inputs)
        summed = [letter for letter in kernel if letter not in output]
        kept = [letter for letter in kernel if letter in output]
        fans = math.prod(sizes[letter] or 1 for letter in summed), math.prod(sizes[letter] or 1 for letter in kept)
        self.kernel = add_named_weight(self, "kernel", tuple(sizes[letter] for letter in kernel))
        if isinstance(self.kernel_initializer, initializers.VarianceScaling):  # its fans are those of the whole sum
            drawn = self.kernel_initializer(fans, self.dtype).reshape([sizes[letter] for letter in summed + kept])
            self.kernel.assign(np.transpose(drawn, [(summed + kept).index(letter) for letter in kernel]))
        self.bias = None
        if self.bias_axes is not None:
            first = min(output.index(letter) for letter in self.bias_axes)
            shape = [sizes[letter] if letter in self.bias_axes else 1 for letter in output[first:]]
            self.bias = add_named_weight(self, "bias", (*shape, *(1,) * (0 if self.dots_first else elided)))

    def _sizes(self, input_shape: Any) -> dict[str, Any]:
        """The size of every letter, from the input and the output."""
        inputs, kernel, output = self.letters
        named = output if self.dots_first else output[1:]
        wrong = [c for c in kernel + (self.bias_axes or "") if c not in inputs + output]
        wrong += [c for c in output if c not in inputs + kernel] + [c for c in self.bias_axes or "" if c not in output]
        if len(input_shape) < len(inputs) or len(named) != len(self.partial_output_shape) or wrong:
            raise ShapeError(
                f"{self}: the equation {self.equation!r} does not fit"
                + (f": nothing says what {wrong[0]!r} is" if wrong else ""),
                expected=f"an input with the axes {inputs}, output_shape with one size for each of {', '.join(named)}",
                received=f"input {tuple(input_shape)}, output_shape {self.partial_output_shape}",
            )  # fmt: skip
        own = input_shape[-len(inputs) :] if self.dots_first else input_shape[: len(inputs)]
        sizes = dict(zip(inputs, own))
        for letter, size in zip(named, self.partial_output_shape):
            if None not in (size, sizes.get(letter)) and sizes[letter] != size:
                raise ShapeError(
                    f"{self}: axis {letter} has two sizes", expected=f"{sizes[letter]} of the input",
                    received=f"{size} in output_shape", fix="None takes it from the input",
                )  # fmt: skip
            sizes[letter] = sizes.get(letter) or size
        return sizes

    def call(self, inputs: Any) -> Any:
        y = ops.einsum(self.equation, inputs, self.kernel.value)
        return self.activation(y if self.bias is None else y + self.bias)


class Masking(Layer):
    """Marks the steps of a sequence that count: a step whose features all equal `mask_value` is padding.

    The mask goes on to the layers that follow; at padded steps the output is 0.

    Arguments:
        mask_value: the number that fills padded steps.

    Input and output (N, T, C).

    >>> Masking()(np.array([[[1.0, 0.0], [0.0, 0.0]]]))._keras_mask.numpy()
    array([[ True, False]])
    """

    formula = "y = x, with a mask where any feature differs from mask_value"

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.input_spec = InputSpec(min_ndim=2)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where any feature differs from `mask_value`."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        return ops.where(ops.expand_dims(self.compute_mask(inputs, None), -1), inputs, 0.0)


class Activation(Layer):
    """An activation function as a layer: y = f(x).

    Arguments:
        activation: f, a name or a function.

    >>> Activation("relu")(np.array([[-1.0, 2.0]])).numpy().tolist()
    [[0.0, 2.0]]
    """

    formula = "y = f(x)"
    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = looked_up(activations, activation, f"{self}: activation")

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class Flatten(Layer):
    """All axes of a sample as one: (N, H, W, C) becomes (N, H·W·C).

    >>> Flatten()(np.ones((2, 28, 28))).shape
    (2, 784)
    """

    formula = "y = the cells of x in one row"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        sizes = inputs.shape[1:]
        return ops.reshape(inputs, (inputs.shape[0], None if None in sizes else math.prod(sizes)))


class Reshape(Layer):
    """Each sample under another shape.

    Arguments:
        target_shape: of one sample, without the batch axis; one size may be -1.

    >>> Reshape((2, -1))(np.ones((5, 6))).shape
    (5, 2, 3)
    """

    formula = "y = the cells of x in another shape"

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        if self.target_shape.count(-1) > 1 or not all(size == -1 or _is_size(size) for size in self.target_shape):
            raise ArgumentError(
                f"{self}: target_shape", expected="sizes, one of which may be -1", received=self.target_shape
            )

    def call(self, inputs: Any) -> Any:
        sizes = resolve_shape(self.target_shape, inputs.shape[1:], str(self))  # one sample: the batch size may be open
        return ops.reshape(inputs, (inputs.shape[0], *sizes))


class Lambda(Layer):
    """A function as a layer: y = f(x). Its gradient is that of the ops it calls; weights it uses are not trained.

    A file cannot hold its code: only functions that are registered by name can be saved.

    Arguments:
        function: f, takes and returns tensors.
        mask: the mask of the output, or a function of (inputs, mask) that returns it; none by default.
        arguments: keyword arguments for f.

    >>> Lambda(lambda x: x * 2)(np.ones((1, 2))).numpy().tolist()
    [[2.0, 2.0]]
    """

    formula = "y = f(x)"

    def __init__(
        self, function: Callable[..., Any], mask: Any = None, arguments: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError(f"{self}: function is not callable", received=repr(function))
        self.function, self.mask, self.arguments = function, mask, arguments or {}
        self.supports_masking = self.makes_masks = mask is not None

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def call(self, inputs: Any) -> Any:
        return self.function(inputs, **self.arguments)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config({**config, "function": activations.deserialize(config["function"])})


class Operation(Layer):
    """One op of `gn.ops` as a layer: what `x + y` on symbolic tensors becomes in a functional model.

    Arguments:
        op: the Op, or its class name with `attributes`.
        constants: one entry per input of the op: an array, or None where a tensor of the model comes in.

    >>> x = Input((2,))
    >>> (x * 2.0).shape
    (None, 2)
    """

    makes_masks = False

    def __init__(
        self, op: Any, constants: Sequence[Any], attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.op: Op = op if isinstance(op, Op) else _op_class(op)(**(attributes or {}))
        self.constants = [None if c is None else np.asarray(c) for c in constants]
        operands = ["x" if c is None else str(c) if c.ndim == 0 else f"array {c.shape}" for c in self.constants]
        self.formula = f"y = {self.op.name}({', '.join(operands)})"

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: an op knows nothing of masks."""
        return None

    def call(self, inputs: Any) -> Any:
        given = iter(inputs)
        known = [c if c is None or c.dtype.kind != "f" else c.astype(self.dtype, copy=False) for c in self.constants]
        return apply(self.op, *[next(given) if c is None else c for c in known])

    def get_config(self) -> dict[str, Any]:
        constants = [None if c is None else {"dtype": c.dtype.name, "values": c.tolist()} for c in self.constants]
        own = {"op": type(self.op).__name__, "attributes": self.op.attributes, "constants": constants}
        return {"name": self.name, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        constants = [None if c is None else np.asarray(c["values"], c["dtype"]) for c in config["constants"]]
        return cls(config["op"], constants, config["attributes"], name=config["name"])


def _op_class(name: str) -> type[Op]:
    found = {cls.__name__: cls for cls in ops.op_classes()}
    if name not in found:
        raise SavingError(f"the file names an operation that this version does not have: {name!r}")
    return found[name]


class Identity(Layer):
    """The input itself: y = x; a placeholder.

    >>> Identity()(np.array([1.0, 2.0])).numpy().tolist()
    [1.0, 2.0]
    """

    formula = "y = x"
    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0


def positive_integer(value: Any, who: str) -> int:
    """The value as int; anything else is an ArgumentError."""
    if not _is_size(value) or value == 0:
        whole = isinstance(value, (float, np.floating)) and value > 0 and value == int(value)
        fix = f"write {int(value)}, and // where you divide" if whole else "for example 10"
        raise ArgumentError(f"{who} must be a positive integer", received=repr(value), fix=fix)
    return int(value)


def looked_up(module: Any, identifier: Any, who: str) -> Any:
    """`module.get(identifier)`; an error names the argument."""
    try:
        return module.get(identifier)
    except GlassnetError as error:
        error.where = who
        raise


def keep_weight_options(layer: Layer, name: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
    """Look up and keep what a layer was told about the weight of that name, until `add_named_weight` makes it."""
    option = name.removesuffix("_kernel")  # Keras calls the options of a depthwise_kernel depthwise_initializer, ...
    for kind, module, identifier in (
        ("initializer", initializers, initializer),
        ("regularizer", regularizers, regularizer),
        ("constraint", constraints, constraint),
    ):
        setattr(layer, f"{option}_{kind}", looked_up(module, identifier, f"{layer}: {option}_{kind}"))


def add_named_weight(layer: Layer, name: str, shape: Any, first_values: Any = None) -> Variable:
    """The weight of that name, with the options that the layer keeps for it; `first_values` replaces its initializer."""
    option = name.removesuffix("_kernel")
    initializer, regularizer, constraint = (
        getattr(layer, f"{option}_{kind}") for kind in ("initializer", "regularizer", "constraint")
    )
    return layer.add_weight(
        shape, first_values or initializer, name=name, regularizer=regularizer, constraint=constraint
    )
