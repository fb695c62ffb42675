r"""F-scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, ShapeError
from glassnet.metrics.metric import Metric
from glassnet.metrics.reduction import ratio

_AVERAGES = ("micro", "macro", "weighted", None)


class FBetaScore(Metric):
    """(1 + β²) tp / ((1 + β²) tp + β² fn + fp): the harmonic mean of precision and recall, recall β times as important.

    Arguments:
        average: None: one score per class; "macro": their mean; "weighted": their mean weighted by how often a class
            is true; "micro": the score of all decisions taken together.
        threshold: a prediction above is a call; None: the largest of each row is the call.

    >>> scores = FBetaScore(beta=1.0, average="macro")([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    >>> round(float(scores), 4)
    0.6667
    """

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str = "fbeta_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype or "float64", name)
        who = type(self).__name__
        if average not in _AVERAGES:
            raise ArgumentError(
                f"{who}: unknown average", expected=", ".join(map(str, _AVERAGES)), received=repr(average)
            )
        if not beta > 0:
            raise ArgumentError(f"{who}: beta must be positive", received=f"beta={beta}", fix="1 is the usual F1 score")
        if threshold is not None and not 0 < threshold <= 1:
            raise ArgumentError(f"{who}: threshold must lie in (0, 1]", received=f"threshold={threshold}")
        self.average, self.beta, self.threshold = average, beta, threshold

    def _make_state(self, classes: int) -> None:
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_weight(shape, name="true_positives")
        self.false_positives = self.add_weight(shape, name="false_positives")
        self.false_negatives = self.add_weight(shape, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_true, y_pred = losses.same_shape(y_true, y_pred, self.name)
        if y_pred.ndim != 2:
            raise ShapeError(
                f"{type(self).__name__}: one column per class", expected="(batch, classes)", received=y_pred.shape,
                fix="flatten the axes between batch and classes into the batch",
            )  # fmt: skip
        if not self.variables:
            self._make_state(y_pred.shape[1])
        if self.threshold is None:  # a row of zeros calls nothing
            called = ops.logical_and(y_pred >= ops.max(y_pred, axis=-1, keepdims=True), ops.abs(y_pred) > 1e-9)
        else:
            called = y_pred > self.threshold
        truth, calls = ops.cast(y_true, self.dtype), ops.cast(called, self.dtype)
        w = losses.reduce_values(ops.ones_like(truth), sample_weight, "none", self.name)
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add(ops.sum(w * truth * calls, axis=axis))
        self.false_positives.assign_add(ops.sum(w * (1 - truth) * calls, axis=axis))
        self.false_negatives.assign_add(ops.sum(w * truth * (1 - calls), axis=axis))

    def result(self) -> Any:
        """The score, one per class without an average."""
        if not self.variables:
            return as_tensor(np.zeros((), self.dtype))
        truths = self.true_positives + self.false_negatives
        hits, factor = (1 + self.beta**2) * self.true_positives, self.beta**2
        scores = ratio(hits, hits + factor * self.false_negatives + self.false_positives)
        if self.average == "weighted":
            return ratio(ops.sum(scores * truths), ops.sum(truths))
        return ops.mean(scores) if self.average == "macro" else scores

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


class F1Score(FBetaScore):
    """2 tp / (2 tp + fn + fp): the harmonic mean of precision and recall.

    Arguments:
        average: None: one score per class; "macro": their mean; "weighted": their mean weighted by how often a class
            is true; "micro": the score of all decisions taken together.
        threshold: a prediction above is a call; None: the largest of each row is the call.

    >>> float(F1Score(average="micro", threshold=0.5)([[1, 0], [1, 1]], [[0.9, 0.1], [0.2, 0.8]]))
    0.8
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["beta"]
        return config
