r"""Metrics of the confusion matrix: true and false positives and negatives at one or many thresholds.

A prediction above the threshold is called positive. With tp, fp, tn, fn the (weighted) numbers of true and false
positives and negatives: precision = tp / (tp + fp), recall = tp / (tp + fn), false positive rate = fp / (fp + tn).
Letters: T thresholds, L labels that are judged apart (1 where all outputs are taken together), M predictions of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet import losses, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.autograd.variable import Variable
from glassnet.config import epsilon
from glassnet.errors import ArgumentError, ShapeError
from glassnet.metrics.metric import Metric
from glassnet.metrics.reduction import ratio
from glassnet.typing import Array


def confusion_counts(positive: Any, truth: Any, weights: Any) -> tuple[Any, Any, Any, Any]:
    """tp, fp, tn, fn, each of shape (L, T).

    Arguments:
        positive: what is called positive, booleans of shape (L, T, M).
        truth: 1 or 0, shape (L, M).
        weights: shape (L, M).
    """
    columns = ops.stack([weights * truth, weights], axis=-1)
    called = ops.matmul(ops.cast(positive, weights.dtype), columns)  # weights of positive calls: of true ones, of all
    tp, calls = called[..., 0], called[..., 1]
    totals = ops.sum(columns, axis=1)
    truths, everything = totals[..., :1], totals[..., 1:]
    return tp, calls - tp, everything - truths - (calls - tp), truths - tp


def _compared(y_true: Any, y_pred: Any, sample_weight: Any, metric: Metric) -> tuple[Any, Any, Any]:
    """Truth (0 or 1) and weight, as floats of the metric's dtype and of the predictions' shape; and the predictions."""
    y_true, y_pred = losses.same_shape(y_true, y_pred, metric.name)
    truth = ops.cast(y_true != 0, metric.dtype)
    return truth, y_pred, losses.reduce_values(ops.ones_like(truth), sample_weight, "none", metric.name)


def _checked_thresholds(thresholds: Any, default: float, who: str) -> list[float]:
    if thresholds is None:
        return [default]
    listed = [float(t) for t in thresholds] if isinstance(thresholds, (Sequence, np.ndarray)) else [float(thresholds)]
    if not listed or not all(0 <= t <= 1 for t in listed):
        raise ArgumentError(f"{who}: thresholds must lie in [0, 1]", received=f"thresholds={thresholds}")
    return listed


def _counts_at(thresholds: Array, truth: Any, scores: Any, weights: Any) -> list[Any]:
    """tp, fp, tn, fn of all outputs taken together, each of shape (T,)."""
    truth, scores, weights = (ops.reshape(x, (1, -1)) for x in (truth, scores, weights))
    above = ops.expand_dims(scores, 1) > thresholds.astype(scores.dtype)[:, None]
    return [count[0] for count in confusion_counts(above, truth, weights)]


_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _AtThresholds(Metric):
    """What metrics share that judge every prediction at one threshold or at several."""

    def __init__(self, thresholds: Any, default: float, name: str | None, dtype: Any) -> None:
        super().__init__(dtype or "float64", name)
        self.thresholds = thresholds
        self._thresholds = np.array(_checked_thresholds(thresholds, default, type(self).__name__))

    def add_count(self, name: str) -> Variable:
        """A state with one number per threshold."""
        return self.add_weight(self._thresholds.shape, name=name)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        thresholds = list(self._thresholds) if isinstance(self.thresholds, np.ndarray) else self.thresholds
        return {"thresholds": thresholds, **super().get_config()}


class _Count(_AtThresholds):
    """Base of the four counts of the confusion matrix."""

    which: int
    """The place of the count in tp, fp, tn, fn."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, 0.5, name, dtype)
        self.accumulator = self.add_count("accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        truth, scores, weights = _compared(y_true, y_pred, sample_weight, self)
        self.accumulator.assign_add(_counts_at(self._thresholds, truth, scores, weights)[self.which])

    def result(self) -> Any:
        """The count, one per threshold where several were given."""
        return self.accumulator.value if len(self._thresholds) > 1 else self.accumulator[0]


class TruePositives(_Count):
    """The (weighted) number of positives that are called so.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.

    >>> float(TruePositives()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]))
    2.0
    """

    which = 0


class FalsePositives(_Count):
    """The (weighted) number of negatives that are called positive: false alarms.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.

    >>> float(FalsePositives()([0, 0, 1, 1], [1.0, 1.0, 1.0, 0.0]))
    2.0
    """

    which = 1


class TrueNegatives(_Count):
    """The (weighted) number of negatives that are not called positive.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.

    >>> float(TrueNegatives()([0, 0, 1, 1], [1.0, 0.0, 1.0, 0.0]))
    1.0
    """

    which = 2


class FalseNegatives(_Count):
    """The (weighted) number of positives that are overlooked.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.

    >>> float(FalseNegatives()([0, 1, 1, 1], [0.0, 0.0, 0.0, 1.0]))
    2.0
    """

    which = 3


class _Share(_AtThresholds):
    """Base of Precision and Recall: true positives against all that are called, or are, positive."""

    which: int
    """The place in tp, fp, tn, fn of the mistakes that lower it."""

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(thresholds, 0.5 if top_k is None else -np.inf, name, dtype)  # below the top k stands -∞
        self.top_k, self.class_id = top_k, class_id
        self.true_positives = self.add_count("true_positives")
        self.mistakes = self.add_count(_COUNTS[self.which])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        truth, scores, weights = _compared(y_true, y_pred, sample_weight, self)
        if self.top_k is not None:
            _, best = ops.top_k(scores, self.top_k)
            chosen = ops.sum(ops.one_hot(best, scores.shape[-1]), axis=-2)
            scores = ops.where(chosen > 0, scores, -np.inf)
        if self.class_id is not None:
            truth, scores, weights = (x[..., self.class_id] for x in (truth, scores, weights))
        counts = _counts_at(self._thresholds, truth, scores, weights)
        self.true_positives.assign_add(counts[0])
        self.mistakes.assign_add(counts[self.which])

    def result(self) -> Any:
        """The share, one per threshold where several were given."""
        share = ratio(self.true_positives, self.true_positives + self.mistakes)
        return share if isinstance(self.thresholds, (Sequence, np.ndarray)) else share[0]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """Of what is called positive, the share that is: tp / (tp + fp), and 0 where nothing is called positive.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.
        top_k: only the k largest predictions of a sample can be calls, by default whatever their size.
        class_id: judge only this column of the predictions.

    >>> float(Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 0.0]))
    0.5
    """

    which = 1


class Recall(_Share):
    """Of what is positive, the share that is called so: tp / (tp + fn), and 0 where nothing is positive.

    Arguments:
        thresholds: one number or several in [0, 1]; a prediction above is a call. 0.5 by default.
        top_k: only the k largest predictions of a sample can be calls, by default whatever their size.
        class_id: judge only this column of the predictions.

    >>> round(float(Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 0.0])), 4)
    0.3333
    """

    which = 3


_HEIGHTS = {
    "interpolation": lambda a, b: (a + b) / 2,
    "minoring": ops.minimum,
    "majoring": ops.maximum,
}


class AUC(Metric):
    """Area under the curve that a moving threshold draws: recall over false positive rate, or precision over recall.

    Arguments:
        num_thresholds: points of the curve, evenly spaced in [0, 1] and one just outside at either end.
        curve: "ROC" or "PR".
        summation_method: between two points, "interpolation", the lower ("minoring") or the higher ("majoring") one.
        thresholds: the inner points, in place of evenly spaced ones.
        multi_label: one curve per label (column) and the mean of their areas, instead of all labels taken together.
        num_labels: number of labels, if `multi_label`; seen from the first batch by default.
        label_weights: weight per label, of its area if `multi_label`, else of its predictions.
        from_logits: predictions are logits; a sigmoid makes them probabilities.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
        name: str | None = None, dtype: Any = None, thresholds: Any = None, multi_label: bool = False,
        num_labels: int | None = None, label_weights: Any = None, from_logits: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(dtype or "float64", name)
        if num_thresholds < 2:
            raise ArgumentError("AUC: num_thresholds must be at least 2", received=f"num_thresholds={num_thresholds}")
        _check_choice("curve", curve, ("ROC", "PR"))
        _check_choice("summation_method", summation_method, tuple(_HEIGHTS))
        if num_labels is not None and not multi_label:
            raise ArgumentError("AUC: num_labels needs multi_label=True", received=f"num_labels={num_labels}")
        even = thresholds is None
        inner = np.linspace(0, 1, num_thresholds)[1:-1] if even else sorted(_checked_thresholds(thresholds, 0.5, "AUC"))
        self.thresholds = np.array([-epsilon(), *inner, 1 + epsilon()])
        self.curve, self.summation_method, self.multi_label = curve, summation_method, multi_label
        self.num_labels, self.from_logits = num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._given = {"num_thresholds": num_thresholds, "thresholds": None if even else list(inner)}
        if num_labels is not None or not multi_label:
            self._make_state(num_labels or 1)

    def _make_state(self, labels: int) -> None:
        shape = (labels, len(self.thresholds))
        self.true_positives = self.add_weight(shape, name="true_positives")
        self.false_positives = self.add_weight(shape, name="false_positives")
        self.true_negatives = self.add_weight(shape, name="true_negatives")
        self.false_negatives = self.add_weight(shape, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_pred = ops.sigmoid(as_tensor(y_pred)) if self.from_logits else y_pred
        truth, scores, weights = _compared(y_true, y_pred, sample_weight, self)
        if self.multi_label:
            if scores.ndim != 2 or scores.shape[1] != (self.num_labels or scores.shape[1]):
                expected = f"(batch, {self.num_labels or 'labels'})"
                raise ShapeError("AUC: one column of predictions per label", expected=expected, received=scores.shape)
            if not self.variables:
                self._make_state(scores.shape[1])
            rows = [ops.transpose(x) for x in (truth, scores, weights)]
        else:
            weights = weights if self.label_weights is None else weights * self.label_weights
            rows = [ops.reshape(x, (1, -1)) for x in (truth, scores, weights)]
        above = ops.expand_dims(rows[1], 1) > self.thresholds.astype(scores.dtype)[:, None]
        state = (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives)
        for variable, count in zip(state, confusion_counts(above, rows[0], rows[2])):
            variable.assign_add(count)

    def result(self) -> Any:
        """The area: the mean over the labels."""
        if not self.variables:
            return as_tensor(np.zeros((), self.dtype))
        areas = self._area()
        if not self.multi_label:
            return areas[0]
        if self.label_weights is None:
            return ops.mean(areas)
        return ratio(ops.sum(areas * self.label_weights), as_tensor(self.label_weights.sum()))

    def _area(self) -> Any:
        tp, fp = self.true_positives.value, self.false_positives.value
        recall = ratio(tp, tp + self.false_negatives)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._precision_recall_area(tp, fp)
        x, y = (ratio(fp, fp + self.true_negatives), recall) if self.curve == "ROC" else (recall, ratio(tp, tp + fp))
        heights = _HEIGHTS[self.summation_method](y[:, :-1], y[:, 1:])
        return ops.sum((x[:, :-1] - x[:, 1:]) * heights, axis=1)

    def _precision_recall_area(self, tp: Any, fp: Any) -> Any:
        """The area where tp and the number of calls p = tp + fp, not precision itself, are linear between two points.

        With tp = s p + c along a piece from p₁ to p₂, its part of the area is ∫ (tp / p) d tp / P
        = s ∫ (s + c/p) dp / P = s (s (p₂ - p₁) + c ln(p₂ / p₁)) / P, where P = tp + fn. If p₁ = 0, then c = 0.
        Source: Davis and Goadrich (2006), The Relationship Between Precision-Recall and ROC Curves, section 4.
        """
        p = tp + fp
        risen, calls = tp[:, :-1] - tp[:, 1:], ops.maximum(p[:, :-1] - p[:, 1:], 0.0)
        slope = ratio(risen, calls)
        offset = tp[:, 1:] - slope * p[:, 1:]
        steep = ops.where(p[:, 1:] > 0, ratio(p[:, :-1], p[:, 1:]), 1.0)
        return ops.sum(
            ratio(slope * (risen + offset * ops.log(steep)), tp[:, 1:] + self.false_negatives.value[:, 1:]), axis=1
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        weights: Array | None = self.label_weights
        return {
            **super().get_config(), **self._given, "curve": self.curve, "summation_method": self.summation_method,
            "multi_label": self.multi_label, "num_labels": self.num_labels,
            "label_weights": None if weights is None else weights.tolist(), "from_logits": self.from_logits,
        }  # fmt: skip


def _check_choice(argument: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ArgumentError(f"AUC: unknown {argument}", expected=" or ".join(choices), received=repr(value))
