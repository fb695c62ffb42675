"""Labels and vectors brought into the form that a network wants."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.config import floatx
from glassnet.errors import DataError
from glassnet.typing import Array


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Integer labels as one-hot rows: shape (N,) or (N, 1) becomes (N, K).

    Arguments:
        num_classes: K; one more than the largest label by default.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "biuf" or not (np.isfinite(labels) & (labels == np.floor(labels))).all():
        raise DataError(
            "to_categorical: labels must be whole numbers", expected="integers from 0",
            received=f"dtype {labels.dtype}",
            fix="number the classes first: names, labels = np.unique(x, return_inverse=True)",
        )  # fmt: skip
    labels = labels.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise DataError(
            "to_categorical: a label is out of range", expected=f"0..{classes - 1} ({classes} classes)",
            received=f"labels from {labels.min()} to {labels.max()}",
        )  # fmt: skip
    rows = np.zeros((*labels.shape, classes), floatx())
    np.put_along_axis(rows, labels[..., None], 1, axis=-1)
    return rows


def normalize(x: Any, axis: int = -1, order: float = 2) -> Array:
    """Vectors along `axis` scaled to length 1; zero vectors stay.

    Arguments:
        order: which length: 1 sum of sizes, 2 Euclidean, np.inf the largest.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    vectors = np.asarray(x)
    lengths = np.linalg.norm(vectors, order, axis, keepdims=True)
    unit: Array = vectors / np.where(lengths == 0, 1, lengths)
    return unit
