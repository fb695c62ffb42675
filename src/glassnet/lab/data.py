"""The images of an experiment as rows of pixels."""

from __future__ import annotations

import numpy as np

from glassnet import datasets
from glassnet.typing import Array

QUICK = 500
"""Training images of a quick run."""


def flat_images(name: str, quick: bool) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """(x_train, y_train), (x_test, y_test): float32 rows of pixels from 0 to 1, and integer labels.

    Arguments:
        name: "mnist" or "fashion_mnist"; a quick run takes the built-in 8x8 digits in its place.
    """
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data() if quick else getattr(datasets, name).load_data()
    most = np.float32(datasets.DATASETS["digits" if quick else name].max_value)
    kept = slice(QUICK if quick else None)
    return (_rows(x_train[kept]) / most, y_train[kept]), (_rows(x_test) / most, y_test)


def _rows(images: Array) -> Array:
    return images.reshape(len(images), -1).astype("float32")


def percent_right(outputs: Array, labels: Array) -> float:
    """How often the largest output is that of the true class, in percent."""
    return float(100 * np.mean(outputs.argmax(axis=-1) == labels))
