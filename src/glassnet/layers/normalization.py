"""Normalization layers: what flows through a network is kept near mean 0 and variance 1.

What they compute, and why their gradients are short, stands at the ops (`ops/normalization.py`).
"""

from __future__ import annotations

from typing import Any

from glassnet import initializers, layers, ops
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.core import add_named_weight, keep_weight_options, looked_up, positive_integer
from glassnet.ops.shape import NUMBER, normalize_axes, normalize_axis

__all__ = [
    "BatchNormalization", "GroupNormalization", "LayerNormalization", "LocalResponseNormalization", "RMSNormalization",
    "SpectralNormalization", "UnitNormalization",
]  # fmt: skip


class ScaleAndShift(Layer):
    """What normalization layers share: the trained scale γ and shift β behind the normalized input."""

    supports_masking = True

    def __init__(
        self, epsilon: float, center: bool, scale: bool, beta_initializer: Any, gamma_initializer: Any,
        beta_regularizer: Any, gamma_regularizer: Any, beta_constraint: Any, gamma_constraint: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        if not epsilon >= 0:
            raise ArgumentError(f"{self}: epsilon cannot be negative", received=f"epsilon={epsilon}")
        self.epsilon, self.center, self.scale = epsilon, center, scale
        keep_weight_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        keep_weight_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)

    def check_axis(self, axis: Any) -> int:
        """The axis, which is a single one."""
        if not isinstance(axis, NUMBER):
            raise ArgumentError(f"{self}: axis is the one axis of the features", received=f"axis={axis!r}")
        return int(axis)

    def build_factors(self, shape: Any) -> None:
        """Create γ and β, or None in their place."""
        self.gamma = add_named_weight(self, "gamma", shape) if self.scale else None
        self.beta = add_named_weight(self, "beta", shape) if self.center else None


class BatchNormalization(ScaleAndShift):
    r"""Brings each feature to mean 0 and variance 1 over the batch: y = γ (x - m) / √(v + ε) + β.

    In training m and v are those of the batch; their running averages, which inference uses, move by
    running = momentum · running + (1 - momentum) · batch. A frozen layer computes as at inference. Steps that a mask
    leaves out count neither in m nor in v. The derivation stands at `ops.normalization.BatchNorm`.

    Arguments:
        axis: the axis of the features; all others are averaged over.
        momentum: share of the running averages that is kept per step.
        epsilon: ε, keeps the division finite.
        center, scale: whether β and γ are there.
        *_initializer, *_regularizer, *_constraint: first values, penalties and bounds of the weights.

    Weights: gamma γ, beta β; not trained: moving_mean, moving_variance, each of shape (C,). Source: Ioffe and Szegedy
    (2015), Batch Normalization, algorithms 1 and 2.

    >>> BatchNormalization()(np.ones((2, 3))).shape
    (2, 3)
    """

    formula = "y = γ (x - m) / √(v + ε) + β"

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis, self.momentum = self.check_axis(axis), momentum
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"{self}: momentum is the share that is kept, 0 to 1", received=f"momentum={momentum}")
        self.moving_mean_initializer = looked_up(
            initializers, moving_mean_initializer, f"{self}: moving_mean_initializer"
        )
        self.moving_variance_initializer = looked_up(
            initializers, moving_variance_initializer, f"{self}: moving_variance_initializer"
        )

    def build(self, input_shape: Any) -> None:
        axis = normalize_axis(self.axis, len(input_shape), str(self))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: input_shape[axis]})
        size = (input_shape[axis],)
        self.build_factors(size)
        self.moving_mean = self.add_weight(size, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            size, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        if training and self.trainable:
            if mask is None:
                y, mean, variance = ops.batch_norm(inputs, self.gamma, self.beta, self.axis, self.epsilon)
            else:
                mean, variance = self._masked_moments(inputs, mask)
                y = self._normalized(inputs, mean, variance)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
            return y
        return self._normalized(inputs, self.moving_mean, self.moving_variance)

    def _normalized(self, inputs: Any, mean: Any, variance: Any) -> Any:
        return ops.batch_normalization(inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)

    def _move(self, running: Any, batch: Any) -> None:
        running.assign(running * self.momentum + batch.detach() * (1 - self.momentum))

    def _masked_moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance over the cells that the mask lets count."""
        axis = normalize_axis(self.axis, inputs.ndim, str(self))
        reduced = tuple(a for a in range(inputs.ndim) if a != axis)
        counts = ops.cast(ops.expand_dims(mask, tuple(range(mask.ndim, inputs.ndim))), inputs.dtype)
        counts = counts * ops.ones_like(inputs)
        M = ops.maximum(ops.sum(counts, reduced), 1)
        mean = ops.sum(counts * inputs, reduced) / M
        along = [-1 if a == axis else 1 for a in range(inputs.ndim)]
        distance = inputs - ops.reshape(mean, along)
        return mean, ops.sum(counts * distance * distance, reduced) / M


def _axes(axis: Any, who: str) -> Any:
    """One axis or several, as Keras's `axis`; "all of them" would mix the samples of a batch."""
    if isinstance(axis, NUMBER) or (
        isinstance(axis, (list, tuple)) and axis and all(isinstance(a, NUMBER) for a in axis)
    ):
        return axis
    raise ArgumentError(
        f"{who}: axis is one axis or several", expected="-1, or [1, 2]", received=f"axis={axis!r}", fix="axis=-1"
    )


class LayerNormalization(ScaleAndShift):
    r"""Brings the features of each sample to mean 0 and variance 1: y = γ (x - m) / √(v + ε) + β.

    Mean m and variance v are those of one sample (of one time step, one pixel) over `axis`, so training and inference
    compute the same, and samples do not see each other. The derivation stands at `ops.normalization.LayerNorm`.

    Arguments:
        axis: the axis of the features, or several whose cells are normalized together.
        epsilon: ε, keeps the division finite.
        center, scale: whether β and γ are there.
        *_initializer, *_regularizer, *_constraint: first values, penalties and bounds of the weights.

    Weights: gamma γ and beta β, with the sizes of the input along `axis`. Output: the shape of the input. Source: Ba,
    Kiros and Hinton (2016), Layer Normalization.

    >>> LayerNormalization()(np.array([[1.0, 2.0, 3.0]])).numpy().round(2)
    array([[-1.22,  0.  ,  1.22]], dtype=float32)
    """

    formula = "y = γ (x - m) / √(v + ε) + β"

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
        gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = _axes(axis, str(self))

    def build(self, input_shape: Any) -> None:
        axes = normalize_axes(self.axis, len(input_shape), str(self))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={a: input_shape[a] for a in axes})
        self.build_factors([input_shape[a] for a in axes])

    def call(self, inputs: Any) -> Any:
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)


class RMSNormalization(Layer):
    r"""Divides each sample by the root of its mean square: y = γ x / √(mean(x²) + ε).

    Layer normalization without the mean and the shift: a third less work, and in transformers as good. The derivation
    stands at `ops.normalization.RmsNorm`.

    Arguments:
        axis: the axis of the features, or several whose cells are normalized together.
        epsilon: ε, keeps the division finite.

    Weights: scale γ, with the sizes of the input along `axis`. Output: the shape of the input. Source: Zhang and Sennrich
    (2019), Root Mean Square Layer Normalization.

    >>> RMSNormalization()(np.array([[3.0, 4.0]])).numpy().round(2)
    array([[0.85, 1.13]], dtype=float32)
    """

    formula = "y = γ x / √(mean(x²) + ε)"
    supports_masking = True

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = _axes(axis, str(self)), epsilon

    def build(self, input_shape: Any) -> None:
        axes = normalize_axes(self.axis, len(input_shape), str(self))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={a: input_shape[a] for a in axes})
        self.scale = self.add_weight([input_shape[a] for a in axes], "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)


class GroupNormalization(ScaleAndShift):
    r"""Brings each group of neighbouring features of a sample to mean 0 and variance 1: y = γ (x - m) / √(v + ε) + β.

    Mean m and variance v are those of one group in one sample, over all its pixels: unlike batch normalization it does
    not depend on the batch, which may be a single image. One group is layer normalization over the whole sample, as
    many groups as features is instance normalization. The derivation stands at `ops.normalization.GroupNorm`.

    Arguments:
        groups: how many; it divides the number of features; -1 is one group per feature.
        axis: the axis of the features.
        epsilon: ε, keeps the division finite.
        center, scale: whether β and γ are there.
        *_initializer, *_regularizer, *_constraint: first values, penalties and bounds of the weights.

    Weights: gamma γ, beta β of shape (C,). Source: Wu and He (2018), Group Normalization.

    >>> GroupNormalization(groups=2)(np.array([[1.0, 3.0, 10.0, 30.0]])).numpy().round(2)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    formula = "y = γ (x - m) / √(v + ε) + β"

    def __init__(
        self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
        gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.groups = -1 if groups == -1 else positive_integer(groups, f"{self}: groups")
        self.axis = self.check_axis(axis)

    def build(self, input_shape: Any) -> None:
        axis = normalize_axis(self.axis, len(input_shape), str(self))
        features = input_shape[axis]
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: features})
        self.group_count = features if self.groups == -1 else self.groups
        if features is not None and features % self.group_count:
            divisors = [str(n) for n in range(1, features + 1) if features % n == 0]
            raise ArgumentError(
                f"{self}: {features} features cannot be split into {self.groups} equal groups",
                expected=f"a divisor of {features}: {', '.join(divisors)}", received=f"groups={self.groups}",
                fix="groups=1 takes all features together, groups=-1 each one alone",
            )  # fmt: skip
        self.build_factors((features,))

    def call(self, inputs: Any) -> Any:
        return ops.group_norm(inputs, self.group_count, self.gamma, self.beta, self.axis, self.epsilon)


class UnitNormalization(Layer):
    """Divides each sample by its length: y = x / |x|.

    Arguments:
        axis: the axis along which the length is taken, or several.

    Zeros stay zeros. Output: the shape of the input.

    >>> UnitNormalization()(np.array([[3.0, 4.0]])).numpy().round(2)
    array([[0.6, 0.8]], dtype=float32)
    """

    formula = "y = x / |x|"
    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axes(axis, str(self))

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, self.axis, order=2, epsilon=1e-12)


class LocalResponseNormalization(Layer):
    """Divides each cell by the activity of its neighbours among the features: y = x / (k + α Σ x²)^β.

    The sum runs over the n features around the cell's own, at the same pixel; strong features damp their neighbours.

    Arguments:
        n: how many features the sum runs over, an odd number.
        k, alpha, beta: k, α and β of the formula. α multiplies the sum itself, as in the paper; PyTorch's `alpha` is
            divided by n first, so its alpha is n times this one.

    Input (N, ..., C), output of the same shape. Source: Krizhevsky, Sutskever and Hinton (2012), ImageNet
    Classification with Deep Convolutional Neural Networks, section 3.3.

    >>> LocalResponseNormalization(n=3, k=1.0, alpha=1.0, beta=1.0)(np.array([[1.0, 2.0, 0.0]])).numpy().round(3)
    array([[0.167, 0.333, 0.   ]], dtype=float32)
    """

    formula = "y = x / (k + α Σ x²)^β"

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n, self.k, self.alpha, self.beta = positive_integer(n, f"{self}: n"), k, alpha, beta
        if n % 2 == 0 or not k > 0:
            raise ArgumentError(
                f"{self}: n is an odd number of features, and k is above 0", received=f"n={n}, k={k}", fix="n=5, k=2.0"
            )
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: Any) -> Any:
        around = self.n // 2
        squares = ops.pad(inputs * inputs, ((0, 0),) * (inputs.ndim - 1) + ((around, around),))
        activity = squares[..., : inputs.shape[-1]]
        for shift in range(1, self.n):
            activity = activity + squares[..., shift : shift + inputs.shape[-1]]
        return inputs / (self.k + self.alpha * activity) ** self.beta


class SpectralNormalization(Layer):
    r"""A layer whose kernel is divided by its largest singular value before every training step: W ← W / σ(W).

    So the layer stretches no input by more than 1, which keeps the critic of a GAN smooth. σ = vᵀ W u is found by power
    iteration: v ← W u / |W u|, u ← Wᵀ v / |Wᵀ v|; u is kept between the steps, in which W changes little, so that one
    iteration per step is enough.

    Arguments:
        layer: a layer with a `kernel` (Dense, convolutions) or `embeddings`, as a matrix with its last axis as columns.
        power_iterations: how often v and u are improved per step.

    Weights: those of the layer; not trained: vector_u of shape (1, columns). Source: Miyato et al. (2018), Spectral
    Normalization for Generative Adversarial Networks, algorithm 1.

    >>> from glassnet.layers import Dense
    >>> SpectralNormalization(Dense(2))(np.ones((1, 3)), training=True).shape
    (1, 2)
    """

    formula = "y = layer(x) with W / σ(W) for W"
    supports_masking = True

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer: Layer = looked_up(layers, layer, f"{self}: layer")
        self.power_iterations = positive_integer(power_iterations, f"{self}: power_iterations")

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), trainable=False, name="vector_u"
        )

    @property
    def kernel(self) -> Variable:
        """The weight that is normalized; it belongs to the wrapped layer."""
        for name in ("kernel", "embeddings"):
            if isinstance(found := getattr(self.layer, name, None), Variable):
                return found
        raise ArgumentError(
            f"{self}: {self.layer} has neither a kernel nor embeddings",
            expected="a Dense, convolution or Embedding layer",
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self.layer.trainable:
            self._normalize_kernel()
        return self.layer(inputs)

    def _normalize_kernel(self) -> None:
        kernel = self.kernel.value.detach()
        matrix, u = ops.reshape(kernel, (-1, kernel.shape[-1])), self.vector_u.value
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, matrix.T))
            u = ops.normalize(ops.matmul(v, matrix))
        sigma = ops.sum(ops.matmul(v, matrix) * u)
        zero = ops.equal(sigma, 0)  # of a kernel of zeros, which stays as it is
        self.vector_u.assign(ops.where(zero, self.vector_u.value, u))
        self.kernel.assign(kernel / ops.where(zero, 1, sigma))
