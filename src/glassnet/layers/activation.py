"""Activation layers: activation functions with settings or weights of their own. The derivatives stand at the ops."""

from __future__ import annotations

from typing import Any

from glassnet import activations, constraints, initializers, ops, regularizers
from glassnet.errors import ArgumentError
from glassnet.layers.base import InputSpec, Layer

__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class ReLU(Layer):
    """Rectified linear unit: y = max(x, 0), with three settings.

    y = max_value where x >= max_value; x where threshold < x < max_value; negative_slope · (x - threshold) below.

    Arguments:
        max_value: the largest output; None for no limit.
        negative_slope: slope below the threshold.
        threshold: above it the unit is on.

    >>> ReLU(max_value=6.0, negative_slope=0.5)(np.array([-2.0, 3.0, 9.0])).numpy().tolist()
    [-1.0, 3.0, 6.0]
    """

    formula = "y = max(x, 0)"
    supports_masking = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in {"max_value": max_value, "negative_slope": negative_slope, "threshold": threshold}.items():
            if value is not None and value < 0:
                raise ArgumentError(f"{self}: {name} cannot be negative", received=f"{name}={value}")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """A rectified linear unit that leaks: y = x where x > 0, else negative_slope · x; a unit that is off still learns.

    Arguments:
        negative_slope: slope for negative x, 0 or more.

    Source: Maas, Hannun and Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models.

    >>> LeakyReLU(0.5)(np.array([-2.0, 3.0])).numpy().tolist()
    [-1.0, 3.0]
    """

    formula = "y = max(x, 0) + negative_slope · min(x, 0)"
    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not negative_slope >= 0:
            raise ArgumentError(
                f"{self}: negative_slope cannot be negative", received=f"negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)


class ELU(Layer):
    """Exponential linear unit: y = x where x > 0, else α (eˣ - 1), which levels off at -α.

    Arguments:
        alpha: α, 0 or more.

    Source: Clevert, Unterthiner and Hochreiter (2016), Fast and Accurate Deep Network Learning by ELUs.

    >>> ELU()(np.array([-1000.0, 3.0])).numpy().tolist()
    [-1.0, 3.0]
    """

    formula = "y = x where x > 0, else α (eˣ - 1)"
    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not alpha >= 0:
            raise ArgumentError(f"{self}: alpha cannot be negative", received=f"alpha={alpha}")
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, self.alpha)


class Softmax(Layer):
    """Probabilities from logits: yₖ = e^xₖ / Σⱼ e^xⱼ, positive and with sum 1.

    Every output depends on every input; backward multiplies by the whole Jacobian ∂yₖ/∂xᵢ = yₖ ([k = i] - yᵢ), so any
    loss may follow. With cross-entropy behind it the two are computed as one, which stays exact for extreme logits.

    Arguments:
        axis: the axis of the classes.

    >>> Softmax()(np.array([[0.0, 0.0], [1000.0, -1000.0]])).numpy().tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    formula = "yₖ = e^xₖ / Σⱼ e^xⱼ"
    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.softmax(inputs, self.axis)


class PReLU(Layer):
    """A leaky rectified linear unit that learns its slope: y = x where x > 0, else α x.

    Arguments:
        alpha_initializer, alpha_regularizer, alpha_constraint: first values, penalty and bounds of α.
        shared_axes: axes along which one α serves all cells, the batch being axis 0: [1, 2] for images.

    Weights: alpha, of the shape of one sample, 1 along shared axes. Source: He, Zhang, Ren and Sun (2015), Delving Deep
    into Rectifiers, eq. 1.

    >>> PReLU(alpha_initializer="ones")(np.array([[-2.0, 3.0]])).numpy().tolist()
    [[-2.0, 3.0]]
    """

    formula = "y = max(x, 0) + α min(x, 0)"
    supports_masking = True

    def __init__(
        self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
        shared_axes: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (shared_axes,) if isinstance(shared_axes, int) else tuple(shared_axes or ())

    def build(self, input_shape: Any) -> None:
        ndim = len(input_shape)
        if not all(1 <= axis < ndim for axis in self.shared_axes):
            raise ArgumentError(
                f"{self}: shared_axes are axes of a sample", expected=f"1..{ndim - 1}", received=self.shared_axes
            )
        sizes = {axis: 1 if axis in self.shared_axes else input_shape[axis] for axis in range(1, ndim)}
        own = {axis: size for axis, size in sizes.items() if axis not in self.shared_axes}
        self.input_spec = InputSpec(ndim=ndim, axes=own)
        self.alpha = self.add_weight(
            tuple(sizes.values()), self.alpha_initializer, name="alpha", regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)
