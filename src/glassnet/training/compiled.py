"""What `compile` was given, resolved against the model's outputs: one loss and a list of metrics per output."""

from __future__ import annotations

from typing import Any

from glassnet import losses, metrics, ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError
from glassnet.layers.base import tensors_in


class CompiledLoss:
    """The weighted sum of the losses of all outputs.

    Arguments:
        loss: one loss, or a list or dictionary of losses, one per output.
        loss_weights: factors, in the same structure.
    """

    def __init__(self, loss: Any, loss_weights: Any = None) -> None:
        self.given = loss
        self.losses = _resolved(loss, losses.get)
        self.weights = loss_weights

    def parts(self, y_true: Any, y_pred: Any) -> list[tuple[str, Any, float, Any, Any]]:
        """(name, loss, weight, target, prediction) of every output that has a loss."""
        if isinstance(self.losses, dict):
            _same_keys(self.losses, y_pred, "loss")
            return [
                (name, loss, _weight(self.weights, name), y_true[name], y_pred[name])
                for name, loss in self.losses.items()
                if loss is not None
            ]
        predictions = [y_pred] if not isinstance(y_pred, (list, tuple)) else list(y_pred)
        targets = [y_true] if not isinstance(y_pred, (list, tuple)) else list(y_true)
        chosen = self.losses if isinstance(self.losses, list) else [self.losses] * len(predictions)
        if not len(chosen) == len(predictions) == len(targets):
            raise ArgumentError(
                "one loss and one target per output are needed", expected=f"{len(predictions)} outputs",
                received=f"{len(chosen)} losses, {len(targets)} targets",
            )  # fmt: skip
        rows = zip(chosen, targets, predictions)
        return [(str(i), loss, _weight(self.weights, i), t, p) for i, (loss, t, p) in enumerate(rows) if loss is not None]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        total: Any = None
        for _, loss, weight, target, prediction in self.parts(y_true, y_pred):
            value = _value(loss, target, prediction, sample_weight)
            value = value if weight == 1.0 else value * weight
            total = value if total is None else total + value
        return total


def _value(loss: Any, target: Any, prediction: Any, sample_weight: Any) -> Any:
    if isinstance(loss, losses.Loss):
        return loss(target, prediction, sample_weight=sample_weight)
    values = loss(as_tensor(target), as_tensor(prediction))  # a plain function: one value per sample, averaged here
    return losses.reduce_values(values, sample_weight, "sum_over_batch_size", getattr(loss, "__name__", "loss"))


def _weight(weights: Any, key: Any) -> float:
    if weights is None:
        return 1.0
    return float(weights[key] if isinstance(weights, (dict, list, tuple)) else weights)


def _resolved(given: Any, get: Any) -> Any:
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _resolved(part, get) for name, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [_resolved(part, get) for part in given]
    return get(given)


def _same_keys(given: dict[str, Any], outputs: Any, what: str) -> None:
    if not isinstance(outputs, dict) or not set(given) <= set(outputs):
        known = sorted(outputs) if isinstance(outputs, dict) else "one unnamed output"
        raise ArgumentError(f"compile: {what} names outputs that do not exist", expected=known, received=sorted(given))


class CompiledMetrics:
    """The metrics of all outputs, made when the first batch shows what the outputs look like.

    Arguments:
        metrics: names, functions, Metric objects, in a list, or in a list or dictionary per output.
        weighted_metrics: the same, for metrics that take the sample weights.
    """

    def __init__(self, given: Any, weighted: Any, loss: Any) -> None:
        self.given, self.weighted, self.loss = given, weighted, loss
        self.rows: list[tuple[Any, metrics.Metric, bool]] | None = None
        """(output key, metric, takes weights)"""

    @property
    def metrics(self) -> list[metrics.Metric]:
        """All Metric objects."""
        return [metric for _, metric, _ in self.rows or []]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Resolve names such as "accuracy" against the shapes of target and prediction."""
        if self.rows is not None:
            return
        self.rows = []
        for given, weighted in ((self.given, False), (self.weighted, True)):
            for key, wanted in _per_output(given, y_pred):
                target, prediction = _at(y_true, key), _at(y_pred, key)
                for item in wanted:
                    metric = _metric(item, target, prediction, _at(self.loss, key) if _is_nested(self.loss) else self.loss)
                    if key is not None and not isinstance(item, metrics.Metric):
                        metric.name = f"{key}_{metric.name}"
                    self.rows.append((key, metric, weighted))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to every metric."""
        self.build(y_true, y_pred)
        for key, metric, weighted in self.rows or ():
            target, prediction = _at(y_true, key), _at(y_pred, key)
            if weighted and sample_weight is not None:
                metric.update_state(target, prediction, sample_weight=sample_weight)
            else:
                metric.update_state(target, prediction)


def _is_nested(loss: Any) -> bool:
    return isinstance(loss, (list, tuple)) or (isinstance(loss, dict) and "class_name" not in loss)


def _per_output(given: Any, y_pred: Any) -> list[tuple[Any, list[Any]]]:
    """(output key, metrics wanted for it); the key is None where there is a single output."""
    if given is None:
        return []
    if isinstance(given, dict):
        _same_keys(given, y_pred, "metrics")
        return [(name, part if isinstance(part, (list, tuple)) else [part]) for name, part in given.items()]
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if isinstance(y_pred, (list, tuple)):
        if len(listed) == len(y_pred) and any(isinstance(part, (list, tuple)) for part in listed):
            return [(i, list(part) if isinstance(part, (list, tuple)) else [part]) for i, part in enumerate(listed)]
        return [(i, listed) for i in range(len(y_pred))]
    if isinstance(y_pred, dict):
        return [(name, listed) for name in y_pred]
    return [(None, listed)]


def _at(structure: Any, key: Any) -> Any:
    return structure if key is None or structure is None else structure[key]


ACCURACY = ("accuracy", "acc")
CROSSENTROPY = ("crossentropy", "ce")


def _metric(item: Any, target: Any, prediction: Any, loss: Any) -> metrics.Metric:
    """A Metric from a name, a function or a Metric; "accuracy" chooses its kind by the shapes and the loss."""
    if isinstance(item, str) and item in (*ACCURACY, *CROSSENTROPY):
        kind = "accuracy" if item in ACCURACY else "crossentropy"
        metric: metrics.Metric = metrics.get(f"{_kind_of(target, prediction, loss)}_{kind}")
        metric = type(metric)() if isinstance(metric, metrics.Metric) else metrics.MeanMetricWrapper(metric)
        metric.name = item
        return metric
    found = metrics.get(item)
    if isinstance(found, metrics.Metric):
        if isinstance(item, str):
            found.name = item
        return found
    return metrics.MeanMetricWrapper(found, name=item if isinstance(item, str) else None)


def _kind_of(target: Any, prediction: Any, loss: Any) -> str:
    name = getattr(loss, "name", None) or (loss if isinstance(loss, str) else getattr(loss, "__name__", ""))
    target, prediction = as_tensor(target), as_tensor(prediction)
    if prediction.ndim == 0 or prediction.shape[-1] == 1 or "binary" in str(name):
        return "binary"
    if target.ndim < prediction.ndim or target.shape[-1] == 1 or str(name).startswith("sparse"):
        return "sparse_categorical"
    return "categorical"


def total_loss(parts: list[Any]) -> Any:
    """The sum of loss and penalties."""
    return sum(parts[1:], parts[0])


def batch_size_of(y_pred: Any) -> int:
    """Number of samples of a batch."""
    return int(tensors_in(y_pred)[0].shape[0])


def as_float(value: Any) -> Any:
    """A metric's value as a Python number where it is a scalar tensor."""
    array = ops.convert_to_numpy(value)
    return float(array) if array.ndim == 0 else array
