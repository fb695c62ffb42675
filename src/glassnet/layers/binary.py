r"""Binary layers: every weight is -1 or +1, one bit, so that a product is no more than a change of sign.

What is trained are the latent weights behind the bits: real numbers from -1 to 1 of which only the sign counts. A small
step of the optimizer changes nothing that the network computes until, many steps later, a latent weight crosses 0. The
gradient that reaches it is explained at `ops.binary.Binarize`. A normalization after the layer brings its large
sums back to size. `gn.models.save_packed` writes the bits.
"""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.layers.convolution import Conv2D
from glassnet.layers.core import Dense

__all__ = ["BinaryConv2D", "BinaryDense"]


class BinaryDense(Dense):
    r"""Fully connected layer with weights of -1 and +1: y = f(x sign(W) + b).

    Arguments: those of `Dense`; `kernel_constraint` keeps the latent weights from -1 to 1, where their gradient passes.

    Weights: latent kernel W of shape (I, O), bias b of shape (O,). Input (..., I), output (..., O). Sources: Courbariaux,
    Bengio and David (2015), BinaryConnect; Courbariaux et al. (2016), Binarized neural networks.

    >>> layer = BinaryDense(1, kernel_initializer=lambda shape, dtype=None: np.array([[0.2], [-0.7]]))
    >>> layer(np.array([[3.0, 1.0]])).numpy()
    array([[2.]], dtype=float32)
    """

    formula = "y = f(x sign(W) + b)"

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, *, kernel_constraint: Any = "weight_clip",
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, activation, use_bias, kernel_constraint=kernel_constraint, **kwargs)

    def call(self, inputs: Any) -> Any:
        bits = ops.binarize(self.kernel.value)
        if self.bias is None:
            return self.activation(ops.matmul(inputs, bits))
        return self.activation(ops.linear(inputs, bits, self.bias.value))


class BinaryConv2D(Conv2D):
    r"""Convolution over images with weights of -1 and +1: y = f(x ⋆ sign(W) + b).

    Arguments: those of `Conv2D`; `kernel_constraint` keeps the latent weights from -1 to 1, where their gradient passes.

    Weights: latent kernel W (rows, columns, C / groups, O), bias b (O,). Input (N, H, W, C), output (N, H', W', O). Source:
    Courbariaux et al. (2016), Binarized neural networks.

    >>> BinaryConv2D(8, 3, padding="same")(np.ones((2, 28, 28, 1))).shape
    (2, 28, 28, 8)
    """

    formula = "y = f(x ⋆ sign(W) + b)"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", *,
        kernel_constraint: Any = "weight_clip", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, kernel_constraint=kernel_constraint, **kwargs)

    def call(self, inputs: Any) -> Any:
        bias = None if self.bias is None else self.bias.value
        return self.activation(ops.conv(inputs, ops.binarize(self.kernel.value), **self.reach, bias=bias))
