"""Generated data with a picture one can hold in the head: two inputs, a few classes, or one curve.

Every function returns (x, y) with x float32 (N, D), rows in random order and the same for the same `seed`.
Classes are int32 (N,), targets to regress on float32 (N, 1). The formulas are those of the field's usual
demonstrations: `xor_cloud`, `circles`, `gauss`, `reg_plane` and `reg_gauss` of TensorFlow Playground, whose
`noise` (0 to 0.5) moves a point before it is labelled and so blurs the border; `spiral` and `sine` of the
book Neural Networks from Scratch.
"""

from __future__ import annotations

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.typing import Array

__all__ = [
    "addition",
    "blobs",
    "circles",
    "gauss",
    "moons",
    "reg_gauss",
    "reg_plane",
    "sine",
    "spiral",
    "xor",
    "xor_cloud",
]

_Pair = tuple[Array, Array]


def xor() -> _Pair:
    """The truth table of exclusive or: x (4, 2), y float32 (4, 1).

    >>> x, y = xor()
    >>> x.tolist(), y.ravel().tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0])
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return x, (x[:, :1] != x[:, 1:]).astype(np.float32)


def xor_cloud(samples: int = 200, noise: float = 0.0, seed: int = 0) -> _Pair:
    """Points in the square from -5 to 5; class 1 where both coordinates have the same sign."""
    rng = _rng("xor_cloud", samples, seed)
    x = rng.uniform(-5, 5, (samples, 2))
    x += np.where(x > 0, 0.3, -0.3)  # a gap along the axes
    moved = x + noise * rng.uniform(-5, 5, x.shape)
    return _classes(x, moved[:, 0] * moved[:, 1] >= 0)


def circles(samples: int = 200, noise: float = 0.0, seed: int = 0) -> _Pair:
    """A disc of radius 2.5 (class 1) inside a ring from radius 3.5 to 5 (class 0)."""
    rng = _rng("circles", samples, seed)
    inner = rng.permutation(samples) % 2 == 0
    radius = np.where(inner, rng.uniform(0, 2.5, samples), rng.uniform(3.5, 5, samples))
    x = radius[:, None] * _on_circle(rng.uniform(0, 2 * np.pi, samples))
    moved = x + noise * rng.uniform(-5, 5, x.shape)
    return _classes(x, np.hypot(moved[:, 0], moved[:, 1]) < 2.5)


def moons(samples: int = 200, noise: float = 0.1, seed: int = 0) -> _Pair:
    """Two half circles of radius 1 that reach into each other; `noise` is the standard deviation in x.

    >>> x, y = moons(6, seed=1)
    >>> x.shape, x.dtype.name, np.bincount(y).tolist()
    ((6, 2), 'float32', [3, 3])
    """
    rng = _rng("moons", samples, seed)
    label = rng.permutation(samples) % 2
    upper = _on_circle(np.pi * rng.uniform(0, 1, samples))
    x = np.where(label[:, None] == 0, upper, [1.0, 0.5] - upper)
    return _classes(x + noise * rng.standard_normal(x.shape), label)


def spiral(samples: int = 300, classes: int = 3, noise: float = 0.2, seed: int = 0) -> _Pair:
    """Arms that wind out from the middle to radius 1, one per class; `noise` is the deviation in angle."""
    rng = _rng("spiral", samples, seed, at_least=2 * classes)
    order = rng.permutation(samples)
    label, step = order % classes, order // classes
    radius = step / (-(-samples // classes) - 1)
    angle = 4 * (label + radius) + noise * rng.standard_normal(samples)
    return _classes(radius[:, None] * _on_circle(2.5 * angle)[:, ::-1], label)


def blobs(samples: int = 300, classes: int = 3, features: int = 2, deviation: float = 1.0, seed: int = 0) -> _Pair:
    """Round Gaussian clouds, one per class, around centres drawn in the cube from -10 to 10."""
    rng = _rng("blobs", samples, seed, at_least=classes)
    centres = rng.uniform(-10, 10, (classes, features))
    label = rng.permutation(samples) % classes
    return _classes(centres[label] + deviation * rng.standard_normal((samples, features)), label)


def gauss(samples: int = 200, noise: float = 0.0, seed: int = 0) -> _Pair:
    """Two Gaussian clouds around (2, 2), class 1, and (-2, -2); their variance is 0.5 + 7 noise."""
    rng = _rng("gauss", samples, seed)
    label = rng.permutation(samples) % 2
    spread = np.sqrt(0.5 + 7 * noise) * rng.standard_normal((samples, 2))
    return _classes(np.where(label[:, None] == 1, 2.0, -2.0) + spread, label)


def sine(samples: int = 1000) -> _Pair:
    """One period of the sine in order: x (N, 1) from 0 to below 1, y = sin(2 pi x)."""
    _rng("sine", samples, 0)
    x = np.arange(samples)[:, None] / samples
    return _targets(x, np.sin(2 * np.pi * x))


def addition(samples: int = 200, seed: int = 0) -> _Pair:
    """The sum of two numbers from 0 to 1, for a network to find: y = x[:, 0] + x[:, 1]."""
    x = _rng("addition", samples, seed).uniform(0, 1, (samples, 2))
    return _targets(x, x.sum(axis=1, keepdims=True))


def reg_plane(samples: int = 200, noise: float = 0.0, seed: int = 0) -> _Pair:
    """A tilted plane over the square from -6 to 6: y = (x[:, 0] + x[:, 1]) / 10."""
    rng = _rng("reg_plane", samples, seed)
    x = rng.uniform(-6, 6, (samples, 2))
    moved = x + noise * rng.uniform(-6, 6, x.shape)
    return _targets(x, moved.sum(axis=1, keepdims=True) / 10)


def reg_gauss(samples: int = 200, noise: float = 0.0, seed: int = 0) -> _Pair:
    """Six cones of radius 2, alternately +1 and -1 high, on the square from -6 to 6; 0 between them."""
    rng = _rng("reg_gauss", samples, seed)
    centres = np.array([(column, row) for row in (2.5, -2.5) for column in (-4, 0, 4)])
    signs = np.array([1, -1, 1, -1, 1, -1])
    x = rng.uniform(-6, 6, (samples, 2))
    moved = x + noise * rng.uniform(-6, 6, x.shape)
    distances = np.linalg.norm(moved[:, None] - centres, axis=2)
    nearest = distances.argmin(axis=1)
    height = np.clip(1 - distances.min(axis=1) / 2, 0, 1)
    return _targets(x, (signs[nearest] * height)[:, None])


def _rng(name: str, samples: int, seed: int, at_least: int = 1) -> np.random.Generator:
    """The generator of one set, once the number of points is known to be possible."""
    if samples < at_least:
        raise ArgumentError(f"toy.{name}: too few samples", expected=f"at least {at_least}", received=samples)
    return np.random.default_rng(seed)


def _on_circle(angle: Array) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _classes(x: Array, label: Array) -> _Pair:
    return x.astype(np.float32), label.astype(np.int32)


def _targets(x: Array, y: Array) -> _Pair:
    return x.astype(np.float32), y.astype(np.float32)
