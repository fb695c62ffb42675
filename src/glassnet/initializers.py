"""Initializers: the first values of weights.

A weight's variance decides whether signals grow or shrink from layer to layer. With fan_in inputs per unit, a sum of
fan_in independent terms has fan_in times the variance of one term, so keeping the variance needs Var(w) = 1/fan_in
(LeCun); keeping it forward and backward at once gives 2/(fan_in + fan_out) (Glorot); ReLU halves it: 2/fan_in (He).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.autograd.functional import no_grad
from glassnet.autograd.tensor import Tensor, to_array
from glassnet.config import floatx
from glassnet.errors import ArgumentError
from glassnet.random import truncated_normal_array
from glassnet.registry import Registry
from glassnet.seeds import SeedGenerator, as_generator, seed_config
from glassnet.typing import Array

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
    "Zeros", "deserialize", "get", "serialize",
]  # fmt: skip


class Initializer:
    """Base: `__call__(shape, dtype)` returns an array."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """An array of the shape."""
        raise ArgumentError(f"{type(self).__name__} must define __call__(self, shape, dtype=None)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An initializer from `get_config`."""
        return cls(**config)


class Constant(Initializer):
    """One value everywhere.

    >>> Constant(2.0)((2,))
    array([2., 2.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return np.full(shape, self.value, np.dtype(dtype or floatx()))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray) else self.value}


class Zeros(Initializer):
    """0 everywhere; for biases. For kernels it would keep all units of a layer equal for ever."""

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return np.zeros(shape, np.dtype(dtype or floatx()))


class Ones(Initializer):
    """1 everywhere; for scales."""

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return np.ones(shape, np.dtype(dtype or floatx()))


class _Random(Initializer):
    """A random initializer.

    Arguments:
        seed: an integer gives the same numbers in every call; None or a SeedGenerator draws on, so that two layers of
            one initializer differ.
    """

    def __init__(self, seed: Any = None) -> None:
        self._source = as_generator(seed)
        self.seed = self._source if isinstance(seed, dict) else seed

    def generator(self) -> SeedGenerator:
        """Where a call draws from."""
        return self._source if self.seed is None or isinstance(self.seed, SeedGenerator) else SeedGenerator(self.seed)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"seed": seed_config(self.seed)}


class RandomNormal(_Random):
    """Normal numbers with the given mean and standard deviation.

    >>> RandomNormal(stddev=0.5, seed=0)((100, 100)).std().round(1)
    np.float32(0.5)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return _typed(self.mean + self.stddev * self.generator().normal(shape, "float64"), dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal numbers, drawn again where they lie further than two standard deviations from the mean.

    >>> bool((abs(TruncatedNormal(stddev=1.0)((1000,))) <= 2).all())
    True
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return _typed(self.mean + self.stddev * truncated_normal_array(self.generator(), shape, "float64"), dtype)


class RandomUniform(_Random):
    """Uniform numbers in [minval, maxval).

    >>> bool((RandomUniform(1.0, 2.0)((1000,)) >= 1).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        return _typed(self.minval + (self.maxval - self.minval) * self.generator().uniform(shape, "float64"), dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


_TRUNCATED_DEVIATION = 0.87962566103423978
"""Of standard normal numbers cut at ±2: √(1 - 4 φ(2) / (2 Φ(2) - 1))."""


class VarianceScaling(_Random):
    """Random numbers of variance scale / fan.

    Arguments:
        mode: which fan: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "truncated_normal", "untruncated_normal" or "uniform".

    >>> VarianceScaling(1.0, "fan_avg", "uniform", seed=0)((784, 128)).std().round(3)
    np.float32(0.047)
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ArgumentError("VarianceScaling: scale must be positive", received=f"scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(
                "VarianceScaling: unknown mode", expected="fan_in, fan_out or fan_avg", received=repr(mode)
            )
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ArgumentError(
                "VarianceScaling: unknown distribution",
                expected="truncated_normal, untruncated_normal or uniform",
                received=repr(distribution),
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape."""
        fan_in, fan_out = compute_fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)  # the variance of U(-a, a) is a²/3
            return _typed(limit * (2 * self.generator().uniform(shape, "float64") - 1), dtype)
        if self.distribution == "untruncated_normal":
            return _typed(math.sqrt(variance) * self.generator().normal(shape, "float64"), dtype)
        deviation = math.sqrt(variance) / _TRUNCATED_DEVIATION
        return _typed(deviation * truncated_normal_array(self.generator(), shape, "float64"), dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **super().get_config()}


class _Named(VarianceScaling):
    """A VarianceScaling with a name of its own."""

    settings: tuple[float, str, str]

    def __init__(self, seed: Any = None) -> None:
        super().__init__(*self.settings, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return _Random.get_config(self)


class GlorotUniform(_Named):
    """Uniform with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio (2010), eq. 16."""

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio (2010)."""

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Named):
    """Uniform with variance 2 / fan_in, for ReLU layers. Source: He et al. (2015), eq. 10."""

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal with variance 2 / fan_in, for ReLU layers. Source: He et al. (2015), eq. 10."""

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform with variance 1 / fan_in. Source: LeCun et al. (1998), Efficient BackProp, section 4.6."""

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Truncated normal with variance 1 / fan_in. Source: LeCun et al. (1998), Efficient BackProp, section 4.6."""

    settings = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """A matrix with orthonormal rows or columns, times `gain`; keeps lengths, which recurrent layers need.

    Source: Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of learning.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """An array of the shape; axes but the last are taken together as rows."""
        if len(shape) < 2:
            raise ArgumentError("Orthogonal needs at least two axes", received=f"shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.generator().normal((max(rows, columns), min(rows, columns)), "float64"))
        q *= np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices
        return _typed(self.gain * (q if rows >= columns else q.T).reshape(shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"gain": self.gain, **super().get_config()}


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Array:
        """A matrix of the shape."""
        if len(shape) != 2:
            raise ArgumentError("Identity initializes matrices", expected="two axes", received=f"shape {shape}")
        return _typed(self.gain * np.eye(*shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"gain": self.gain}


def compute_fans(shape: Any) -> tuple[float, float]:
    """fan_in and fan_out of a kernel: its last two axes, times the size of the axes before (a convolution's window)."""
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _typed(values: Any, dtype: Any) -> Array:
    return np.asarray(values, np.dtype(dtype or floatx()))


_registry = Registry("initializer", Initializer, functions=True)
_registry.add(
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones, Orthogonal,
    RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
    normal=RandomNormal, uniform=RandomUniform, one=Ones, zero=Zeros,
)  # fmt: skip


def get(identifier: Any) -> Any:
    """An initializer from a name, a config, an instance or a function of (shape, dtype).

    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    if isinstance(identifier, (np.ndarray, list)):
        return Constant(np.asarray(identifier))
    return _registry.get(identifier)


def serialize(initializer: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An initializer from its description."""
    return _registry.deserialize(config, custom_objects)


def initial_array(initializer: Any, shape: Any, dtype: Any, who: str) -> Array:
    """Call an initializer and check what it returns."""
    with no_grad():
        found = initializer(shape, dtype=dtype)
    values = found.numpy() if isinstance(found, Tensor) else to_array(found)
    if values.shape != tuple(shape):
        raise ArgumentError(
            f"{who}: the initializer returned another shape", expected=tuple(shape), received=values.shape
        )
    return np.asarray(values, dtype)
