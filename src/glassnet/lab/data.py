"""The images of an experiment as rows of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.datasets import DATASETS
from glassnet.typing import Array

QUICK = 500
"""Training images of a quick run."""


def flat_images(name: str, quick: bool) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """(x_train, y_train), (x_test, y_test): float32 rows of pixels from 0 to 1, and integer labels.

    Arguments:
        name: "mnist" or "fashion_mnist"; a quick run takes the built-in 8x8 digits in its place.
    """
    info = DATASETS["digits" if quick else name]
    (x_train, y_train), (x_test, y_test) = info.load_data()
    kept = slice(QUICK if quick else None)
    return (_rows(x_train[kept], info.max_value), y_train[kept]), (_rows(x_test, info.max_value), y_test)


def _rows(images: Array, most: int) -> Array:
    return images.reshape(len(images), -1) / np.float32(most)


def percent_right(outputs: Array, labels: Array) -> float:
    """How often the largest output is that of the true class, in percent."""
    return float(100 * np.mean(outputs.argmax(axis=-1) == labels))


def rounded(values: Any, decimals: int) -> list[Any]:
    """Numbers as (nested) lists, to be stored for a figure.

    >>> rounded(np.float32([0.123, 4.0]), 2)
    [0.12, 4.0]
    """
    lists: list[Any] = np.round(np.asarray(values, "float64"), decimals).tolist()
    return lists
