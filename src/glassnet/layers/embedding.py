r"""Embeddings: numbers of things become rows of a table; and places in a sequence become vectors.

Letters: N samples, T steps, V rows of a vocabulary, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, DTypeError, ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.core import add_named_weight, keep_weight_options, positive_integer

__all__ = ["Embedding", "PositionEmbedding", "RotaryEmbedding", "SinePositionEncoding"]


class Embedding(Layer):
    r"""A trained vector for every id: y = W[i], the same as one-hot rows times W, without the zeros.

    A row of W gets the sum of the gradients of all places where its id stands; rows of other ids get 0. The derivation
    stands at `ops.attention.Lookup`.

    Arguments:
        input_dim: V, the size of the vocabulary; ids are 0..V-1.
        output_dim: D, the size of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of W.
        mask_zero: id 0 is padding: the output carries a mask that is False there. Row 0 is then of no other use.
        weights: W itself, to begin with (learned elsewhere).

    Weights: embeddings W (V, D). Input: ids of any shape (N, T); output (N, T, D).

    >>> Embedding(1000, 64)(np.array([[5, 17, 3]])).shape
    (1, 3, 64)
    """

    formula = "y = W[i]"

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
        weights: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.input_dim = positive_integer(input_dim, f"{self}: input_dim")
        self.output_dim = positive_integer(output_dim, f"{self}: output_dim")
        keep_weight_options(self, "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.mask_zero = self.supports_masking = self.makes_masks = bool(mask_zero)
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) and np.ndim(weights[0]) == 2 else [weights])

    def build(self, input_shape: Any) -> None:
        if not self.built:
            self.embeddings = add_named_weight(self, "embeddings", (self.input_dim, self.output_dim))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where the id is not 0."""
        return ops.not_equal(as_tensor(inputs), 0) if self.mask_zero else None

    def call(self, inputs: Any) -> Any:
        if inputs.dtype.kind not in "iu":
            if not inputs.is_symbolic and not np.array_equal(inputs.data, np.trunc(inputs.data)):
                raise DTypeError(
                    f"{self}: ids must be whole numbers", received=f"{inputs.dtype} with a fraction",
                    fix="a dictionary gives each word its number: ids = [vocabulary[word] for word in words]",
                )  # fmt: skip
            inputs = ops.cast(inputs, "int64")
        return ops.embedding_lookup(self.embeddings.value, inputs)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, without the numbers of the table."""
        return {key: value for key, value in super().get_config().items() if key != "weights"}


class PositionEmbedding(Layer):
    r"""A trained vector for every place in a sequence: yₜ = P[t], the same for all samples; add it to the tokens' vectors.

    Arguments:
        sequence_length: rows of P, the longest sequence.
        initializer: first values.

    Weights: position_embeddings P (sequence_length, D). Input (N, T, D), output (N, T, D). Source: Gehring et al.
    (2017), Convolutional Sequence to Sequence Learning, section 3.1.

    >>> x = np.zeros((2, 3, 4), "float32")
    >>> (x + PositionEmbedding(16)(x)).shape
    (2, 3, 4)
    """

    formula = "yₜ = P[t]"
    supports_masking = True

    def __init__(self, sequence_length: int, initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sequence_length = positive_integer(sequence_length, f"{self}: sequence_length")
        keep_weight_options(self, "position_embeddings", initializer, None, None)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})
        self.position_embeddings = add_named_weight(
            self, "position_embeddings", (self.sequence_length, input_shape[-1])
        )

    def call(self, inputs: Any, start_index: int = 0) -> Any:
        steps = inputs.shape[1]
        if steps is not None and start_index + steps > self.sequence_length:
            raise ShapeError(
                f"{self}: the sequence is longer than the table of positions",
                expected=f"at most {self.sequence_length} steps", received=f"{start_index + steps} steps",
                fix=f"sequence_length={start_index + steps}, or cut the sequences",
            )  # fmt: skip
        if None in inputs.shape:
            return inputs  # a model is being built: only the shape is asked for, and it is that of the input
        return ops.broadcast_to(self.position_embeddings.value[start_index : start_index + steps], inputs.shape)


class SinePositionEncoding(Layer):
    r"""A fixed vector for every place in a sequence, of sines and cosines of different wave lengths.

    y[t, 2j] = sin(t / L^(2j/D)), y[t, 2j+1] = cos(t / L^(2j/D)); the same for all samples. A shift by a fixed number of
    steps is a rotation of each pair (2j, 2j+1), so a layer can learn to look at relative places. No weights, any length.

    Arguments:
        max_wavelength: L; the longest wave is 2πL steps.

    Input (N, T, D), output (N, T, D). Source: Vaswani et al. (2017), Attention Is All You Need, section 3.5.

    >>> SinePositionEncoding()(np.zeros((1, 2, 4))).numpy().round(2)
    array([[[0.  , 1.  , 0.  , 1.  ],
            [0.84, 0.54, 0.01, 1.  ]]], dtype=float32)
    """

    formula = "y[t, 2j] = sin(t / L^(2j/D)), y[t, 2j+1] = cos(t / L^(2j/D))"
    supports_masking = True

    def __init__(self, max_wavelength: float = 10000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = _positive(max_wavelength, f"{self}: max_wavelength")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any, start_index: int = 0) -> Any:
        if None in inputs.shape:
            return inputs  # a model is being built: only the shape is asked for, and it is that of the input
        steps, features = inputs.shape[1:]
        column = np.arange(features)
        waves = self.max_wavelength ** -(2 * (column // 2) / features)
        angles = np.arange(start_index, start_index + steps)[:, None] * waves
        table = np.where(column % 2, np.cos(angles), np.sin(angles))
        return ops.broadcast_to(as_tensor(table.astype(inputs.dtype)), inputs.shape)


class RotaryEmbedding(Layer):
    r"""Turns the features of queries and keys by an angle that grows with their place in the sequence.

    Features j and j + D/2 are a point of a plane, turned by t / L^(2j/D). A product of a query at t and a key at s then
    depends on s - t alone. No weights.

    Arguments:
        max_wavelength: L; the slowest pair turns once in about 2πL steps.
        scaling_factor: steps are divided by it, to stretch a trained model to longer sequences.
        sequence_axis: the axis of the steps.
        feature_axis: the axis of the features, of even size.

    Input and output have one shape, (N, T, H, D). Source: Su et al. (2021), RoFormer, section 3.2.

    >>> RotaryEmbedding()(np.ones((1, 2, 1, 2))).numpy().round(2).reshape(2, 2)
    array([[ 1.  ,  1.  ],
           [-0.3 ,  1.38]], dtype=float32)
    """

    formula = "(xⱼ, xⱼ₊ₕ) turned by t / L^(2j/D), h = D/2"
    supports_masking = True

    def __init__(
        self, max_wavelength: float = 10000, scaling_factor: float = 1.0, sequence_axis: int = 1,
        feature_axis: int = -1, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.max_wavelength = _positive(max_wavelength, f"{self}: max_wavelength")
        self.scaling_factor = _positive(scaling_factor, f"{self}: scaling_factor")
        self.sequence_axis, self.feature_axis = sequence_axis, feature_axis

    def call(self, inputs: Any, start_index: int = 0) -> Any:
        ndim = inputs.ndim
        time, feature = self.sequence_axis % ndim, self.feature_axis % ndim
        steps, features = inputs.shape[time], inputs.shape[feature]
        if features is None or features % 2 or time == feature:
            raise ShapeError(
                f"{self}: features are turned in pairs", expected="an even number of features", received=inputs.shape
            )
        if steps is None:
            return inputs  # a model is being built: only the shape is asked for, and it is that of the input
        places = np.arange(start_index, start_index + steps) / self.scaling_factor
        angles = places[:, None] * self.max_wavelength ** -(2 * np.arange(features // 2) / features)
        shape = [steps if axis == time else features if axis == feature else 1 for axis in range(ndim)]
        angles = np.concatenate([angles, angles], axis=1)
        angles = (angles if time < feature else angles.T).reshape(shape)
        first, second = ops.split(inputs, 2, axis=feature)
        turned = ops.concatenate([-second, first], axis=feature)
        return inputs * np.cos(angles).astype(inputs.dtype) + turned * np.sin(angles).astype(inputs.dtype)


def _positive(value: Any, who: str) -> float:
    if not isinstance(value, (int, float)) or not value > 0:
        raise ArgumentError(f"{who} must be a positive number", received=repr(value))
    return value
