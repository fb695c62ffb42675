"""Losses of classes, watched as metrics."""

from __future__ import annotations

from typing import Any

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.metrics.reduction import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name: -t ln p - (1 - t) ln(1 - p).

    >>> round(float(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name, for one-hot targets: -ln of the predicted probability of the true class.

    >>> round(float(CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **settings)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean of the loss of the same name, for integer labels: -ln of the predicted probability of the true class.

    Arguments:
        ignore_class: a label whose samples are left out of the mean.

    >>> round(float(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **settings)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        ignored = self._settings["ignore_class"]
        if ignored is not None:
            y_true = as_tensor(y_true)
            if y_true.ndim == as_tensor(y_pred).ndim:
                y_true = ops.squeeze(y_true, -1)
            counted = ops.cast(y_true != ignored, self.dtype)
            sample_weight = losses.reduce_values(counted, sample_weight, "none", self.name)
        super().update_state(y_true, y_pred, sample_weight)


class KLDivergence(MeanMetricWrapper):
    """Mean of Σₖ tₖ ln(tₖ / pₖ): how far predicted distributions are from the wanted ones.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Hinge(MeanMetricWrapper):
    """Mean of max(1 - t y, 0), for labels -1 and 1.

    >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [-3.0]]))
    0.25
    """

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean of max(1 - t y, 0)², for labels -1 and 1.

    >>> float(SquaredHinge()([[1.0], [-1.0]], [[0.5], [-3.0]]))
    0.125
    """

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean miss of the margin of 1 between the true class and every other, for one-hot targets.

    >>> float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.5, 1.0, 0.25]]))
    0.5
    """

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
