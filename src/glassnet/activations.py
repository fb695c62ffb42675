"""Activation functions by name: what `activation="relu"` means. The mathematics stands in `ops/activation.py`.

`relu` and `gelu` have further arguments or other defaults here than in `gn.ops`; in both places they are Keras's.
"""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.op import operand
from glassnet.ops.activation import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from glassnet.ops.binary import binarize
from glassnet.registry import Registry

__all__ = [
    "binarize", "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip


def linear(x: Any) -> Any:
    """No activation: the input itself."""
    return x


def exponential(x: Any) -> Any:
    """eˣ, cell by cell.

    >>> exponential(np.array([0.0]))
    array([1.])
    """
    return ops.exp(x)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), cell by cell, with three settings that bend the ramp.

    Arguments:
        negative_slope: slope below the threshold.
        max_value: the largest result.
        threshold: cells up to here are off: 0, or negative_slope · (x - threshold).

    >>> relu(np.array([-2.0, 0.5, 1.5, 9.0]), negative_slope=0.5, max_value=6, threshold=1)
    array([-1.5 , -0.25,  1.5 ,  6.  ])
    """
    if max_value is None and not threshold:
        return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    x = operand(x)
    y = x * (x > threshold)
    if max_value is not None:
        y = ops.clip(y, 0, max_value)
    return y - negative_slope * ops.relu(threshold - x) if negative_slope else y


def gelu(x: Any, approximate: bool = False) -> Any:
    """Gaussian error linear unit x Φ(x); `approximate` puts tanh in place of erf.

    >>> gelu(np.array([1.0])).round(4)
    array([0.8413])
    """
    return ops.gelu(x, approximate)


class _Function:
    """Stands for "any function" as the base of the registry."""


_registry: Registry[Any] = Registry("activation", _Function, functions=True)
_registry.add(
    **{function.__name__: function for function in (
        binarize, celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
        log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
        sparse_plus, sparse_sigmoid, tanh, tanh_shrink, threshold,
    )},
    hard_swish=hard_silu, swish=silu,
)  # fmt: skip


def get(identifier: Any) -> Any:
    """An activation function from its name, a function, a layer or None (no activation).

    >>> get("relu").__name__
    'relu'
    """
    return linear if identifier is None else _registry.get(identifier)


def serialize(activation: Any) -> Any:
    """The name of an activation function."""
    return _registry.serialize(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An activation function from its name."""
    return _registry.deserialize(config, custom_objects)
