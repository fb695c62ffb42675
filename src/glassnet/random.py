"""Random tensors, with Keras's names and arguments.

They are drawn through `feed`: at once in eager execution, and afresh before every replay of a traced step.

| seed | each call gives |
|---|---|
| None | new numbers from the generator that `set_random_seed` starts anew |
| an integer | the same numbers |
| a SeedGenerator | new numbers from it; its state can be saved |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import ops, seeds
from glassnet.autograd.op import feed
from glassnet.autograd.tensor import as_tensor
from glassnet.config import floatx
from glassnet.errors import ArgumentError
from glassnet.seeds import SeedGenerator
from glassnet.typing import Array, Shape

__all__ = [
    "SeedGenerator", "categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip

Draw = Callable[[SeedGenerator], Array]


class _Default:
    """The generator of calls without a seed: one per root seed."""

    root: Any = None
    generator: SeedGenerator

    def get(self) -> SeedGenerator:
        if self.root is not seeds._root:
            self.root, self.generator = seeds._root, SeedGenerator(name="default")
        return self.generator


_DEFAULT = _Default()


def default_generator() -> SeedGenerator | None:
    """What calls without a seed draw from; None before the first of them."""
    return _DEFAULT.generator if _DEFAULT.root is seeds._root else None


def _drawn(draw: Draw, seed: Any, shape: Any, dtype: Any) -> Any:
    """A Tensor of what `draw` takes from the generator that a seed stands for."""
    dtype = np.dtype(dtype or floatx())
    if seed is None:
        return feed(lambda: draw(_DEFAULT.get()), shape, dtype)
    if isinstance(seed, SeedGenerator):
        return feed(lambda: draw(seed), shape, dtype)
    return feed(lambda: draw(SeedGenerator(seed)), shape, dtype)


def _shape(shape: Any) -> Shape:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _float(dtype: Any, who: str) -> str:
    name = np.dtype(dtype or floatx()).name
    if name not in ("float32", "float64"):
        raise ArgumentError(f"random.{who}: unknown float type", expected="float32 or float64", received=name)
    return name


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers in [minval, maxval).

    >>> uniform((2, 3)).shape
    (2, 3)
    """
    shape, dtype = _shape(shape), _float(dtype, "uniform")
    return _drawn(lambda g: g.uniform(shape, dtype), seed, shape, dtype) * (maxval - minval) + minval


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers with the given mean and standard deviation.

    >>> normal((2,), mean=5.0, stddev=0.0).numpy()
    array([5., 5.], dtype=float32)
    """
    shape, dtype = _shape(shape), _float(dtype, "normal")
    return _drawn(lambda g: g.normal(shape, dtype), seed, shape, dtype) * stddev + mean


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers, drawn again where they lie further than two standard deviations from the mean.

    >>> bool(ops.all(ops.abs(truncated_normal((100,))) <= 2))
    True
    """
    shape, dtype = _shape(shape), _float(dtype, "truncated_normal")
    return _drawn(lambda g: truncated_normal_array(g, shape, dtype), seed, shape, dtype) * stddev + mean


def truncated_normal_array(generator: SeedGenerator, shape: Any, dtype: Any) -> Array:
    """Standard normal numbers between -2 and 2, as a raw array."""
    values = np.asarray(generator.normal(shape, dtype))
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.normal(np.count_nonzero(outside), dtype)
    return values


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers minval, ..., maxval - 1, all equally likely.

    >>> randint((3,), 7, 8).numpy()
    array([7, 7, 7], dtype=int32)
    """
    if not minval < maxval:
        raise ArgumentError("random.randint: there is no number to choose", expected="minval < maxval",
                            received=f"minval={minval}, maxval={maxval}")  # fmt: skip
    shape = _shape(shape)
    return _drawn(lambda g: g.generator.integers(minval, maxval, shape), seed, shape, dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Class numbers drawn with probabilities softmax(logits): shape (N, K) gives (N, num_samples).

    Adding a Gumbel number -ln(-ln u) to each logit makes the largest a sample (Gumbel, 1954).

    >>> categorical([[0.0, 100.0]], 3).numpy()
    array([[1, 1, 1]], dtype=int32)
    """
    logits = as_tensor(logits)
    if logits.ndim != 2:
        raise ArgumentError("random.categorical: logits must have two axes", expected="(N, K)", received=logits.shape)
    shape = (logits.shape[0], num_samples, logits.shape[1])
    noise = _drawn(lambda g: g.generator.gumbel(size=shape), seed, shape, logits.dtype)
    return ops.cast(ops.argmax(ops.expand_dims(logits, 1) + noise, axis=-1), dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The same slices along an axis in random order.

    >>> sorted(shuffle([3.0, 1.0, 2.0]).numpy().tolist())
    [1.0, 2.0, 3.0]
    """
    x = as_tensor(x)
    count = x.shape[axis]
    return ops.take(x, _drawn(lambda g: g.permutation(count), seed, (count,), "int64"), axis=axis)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """A random share `rate` of the inputs set to 0, the others scaled up by 1 / (1 - rate).

    Arguments:
        noise_shape: shape of the mask where it is to be shared along axes: size 1 there, None for the input's own size.

    >>> dropout([1.0, 2.0], 0.0).numpy()
    array([1., 2.], dtype=float32)
    """
    if not 0 <= rate < 1:
        raise ArgumentError("random.dropout: rate must be in [0, 1)", received=f"rate={rate}")
    inputs = as_tensor(inputs)
    given = noise_shape or (None,) * inputs.ndim
    shape = tuple(own if size is None else size for size, own in zip(given, inputs.shape))
    return ops.apply_dropout(inputs, _drawn(lambda g: g.uniform(shape, inputs.dtype), seed, shape, inputs.dtype), rate)
