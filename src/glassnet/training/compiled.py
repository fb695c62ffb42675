"""What `compile` was given, resolved against the model's outputs: one loss and a list of metrics per output."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet import losses, metrics, ops
from glassnet.autograd.functional import leaves
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ArgumentError, GlassnetError, did_you_mean
from glassnet.layers.base import tensors_in
from glassnet.layers.masking import mask_of


def outputs_of(y_pred: Any, names: list[str] | None) -> dict[str, Any]:
    """The outputs of a model by name.

    Arguments:
        names: what the model calls them, if it does; those of a dictionary are its keys.
    """
    if isinstance(y_pred, dict):
        return y_pred
    if not isinstance(y_pred, (list, tuple)):
        return {names[0] if names else "output": y_pred}
    if names is None or len(names) != len(y_pred):
        names = [f"output_{number}" for number in range(1, len(y_pred) + 1)]
    return dict(zip(names, y_pred))


def per_output(given: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """What was given for each output: in a dictionary by name, in a list in their order, or one thing for all."""
    if isinstance(given, dict) and "class_name" not in given:
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ArgumentError(
                f"{what} names an output that does not exist", expected=", ".join(names),
                received=", ".join(map(str, unknown)), fix=did_you_mean(str(unknown[0]), names),
            )  # fmt: skip
        return {name: given.get(name) for name in names}
    if isinstance(given, (list, tuple)) and (len(names) > 1 or len(given) == 1):
        if len(given) != len(names):
            raise ArgumentError(
                f"{what} does not fit the number of outputs", expected=f"{len(names)}: {', '.join(names)}",
                received=len(given), fix="give a list with one entry per output, None where there is none",
            )  # fmt: skip
        return dict(zip(names, given))
    return dict.fromkeys(names, given)


class CompiledLoss:
    """The weighted sum of the losses of all outputs.

    Arguments:
        loss: one loss, or a list or dictionary of losses, one per output.
        loss_weights: factors, in the same structure.
        model: whose outputs these are.
    """

    def __init__(self, loss: Any, loss_weights: Any, model: Any) -> None:
        _check_factors(loss_weights)
        self.losses, self.weights, self.model = _resolved(loss, losses.get), loss_weights, model
        self.rows: dict[str, tuple[Any, float]] | None = None
        """Loss and factor of every output that has a loss; known when the first output is."""
        self.trackers: dict[str, metrics.Mean] = {}
        """The mean loss of each output, where there are several."""

    def build(self, y_pred: Any) -> None:
        """Find the loss of every output."""
        names = list(outputs_of(y_pred, self.model.output_names))
        chosen, factors = per_output(self.losses, names, "loss"), per_output(self.weights, names, "loss_weights")
        self.rows = {
            name: (loss, 1.0 if factors[name] is None else float(factors[name]))
            for name, loss in chosen.items()
            if loss is not None
        }
        if len(self.rows) > 1:
            self.trackers = {name: metrics.Mean(name=f"{name}_loss") for name in self.rows}

    def check_targets(self, y_true: Any) -> None:
        """Look once through all targets for values that their loss cannot mean."""
        targets = outputs_of(y_true, self.model.output_names)
        if isinstance(self.losses, (dict, list)) and len(self.losses) != len(targets):
            return  # the first batch tells which fit
        for name, loss in per_output(self.losses, list(targets), "loss").items():
            if loss is not None and targets[name] is not None:
                try:
                    losses.check_targets(loss, targets[name])
                except GlassnetError as error:
                    error.where = f"{self.model}, output {name!r}"
                    raise

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch."""
        if self.rows is None:
            self.build(y_pred)
        outputs = outputs_of(y_pred, self.model.output_names)
        targets = per_output(y_true, list(outputs), "y")
        weights = per_output(sample_weight, list(outputs), "sample_weight")
        total: Any = None
        for name, (loss, factor) in (self.rows or {}).items():
            try:
                value = _value(loss, targets[name], outputs[name], weights[name])
            except GlassnetError as error:
                error.where = error.where or f"{self.model}, output {name!r}"
                raise
            if name in self.trackers:
                self.trackers[name].update_state(value.detach(), sample_weight=batch_size_of(outputs[name]))
            value = value if factor == 1.0 else value * factor
            total = value if total is None else total + value
        return total


def _check_factors(given: Any) -> None:
    if all(part is None or isinstance(part, (int, float, np.number)) for part in leaves(given)):
        return
    listed = given if isinstance(given, (list, tuple, dict)) else [given]
    raise ArgumentError(
        "compile: loss_weights", expected="numbers: the factor of each output's loss", received=repr(given),
        fix=f"metrics={listed!r}, if you mean metrics: loss_weights stand before them",
    )  # fmt: skip


def _value(loss: Any, target: Any, prediction: Any, sample_weight: Any) -> Any:
    if target is None:
        raise ArgumentError(
            "its loss needs targets", expected="an array in y", received="None",
            fix="add them to y, or give this output no loss",
        )  # fmt: skip
    if isinstance(loss, losses.Loss):
        return loss(target, prediction, sample_weight=sample_weight)
    name = getattr(loss, "__name__", "loss")
    prediction = as_tensor(prediction)
    mask = mask_of(prediction)
    values = loss(losses.in_float_type_of(prediction, target), prediction)  # one value per sample, averaged here
    if values is None:
        raise ArgumentError(
            f"the loss {name} returned nothing", expected="a tensor with one value per sample", received="None",
            fix="end it with return",
        )  # fmt: skip
    values, counted = as_tensor(values), None
    if mask is not None:
        values, counted = losses.masked_values(values, mask, None, name)
    return losses.reduce_values(values, sample_weight, "sum_over_batch_size", name, counted)


def _resolved(given: Any, get: Any) -> Any:
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _resolved(part, get) for name, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [_resolved(part, get) for part in given]
    return get(given)


class CompiledMetrics:
    """The metrics of all outputs, made when the first batch shows what the outputs look like.

    Arguments:
        given: names, functions, Metric objects: a list, or where there are several outputs a list or dictionary of lists.
        weighted: the same, for metrics that take the sample weights.
        loss: what `compile` was given; it helps to choose the kind of "accuracy".
        model: whose outputs these are.
    """

    def __init__(self, given: Any, weighted: Any, loss: Any, model: Any) -> None:
        self.given, self.weighted, self.loss, self.model = given, weighted, loss, model
        self.rows: list[tuple[str, metrics.Metric, bool]] | None = None
        """(output, metric, takes weights)"""
        self.labels: dict[int, str] = {}
        """The names under which metrics are reported, by `id`: with the output in front where there are several."""

    @property
    def wanted(self) -> bool:
        """Whether there are metrics at all."""
        return bool(self.given or self.weighted)

    @property
    def metrics(self) -> list[metrics.Metric]:
        """All Metric objects."""
        return [metric for _, metric, _ in self.rows or []]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Resolve names such as "accuracy" against the shapes of target and prediction."""
        if self.rows is not None:
            return
        outputs = outputs_of(y_pred, self.model.output_names)
        targets, chosen = per_output(y_true, list(outputs), "y"), per_output(self.loss, list(outputs), "loss")
        rows = [
            (name, _metric(item, targets[name], outputs[name], chosen[name]), weighted)
            for given, weighted in ((self.given, False), (self.weighted, True))
            for name, wanted in _wanted(given, list(outputs)).items()
            for item in wanted
        ]
        self.rows = rows
        self.labels = {}
        for name, metric, weighted in rows:
            front = f"{name}_" if len(outputs) > 1 else ""
            self.labels[id(metric)] = _free_label(front, metric.name, weighted, set(self.labels.values()))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to every metric."""
        self.build(y_true, y_pred)
        outputs = outputs_of(y_pred, self.model.output_names)
        targets = per_output(y_true, list(outputs), "y")
        weights = per_output(sample_weight, list(outputs), "sample_weight")
        for name, metric, weighted in self.rows or ():
            target = losses.in_float_type_of(outputs[name], targets[name])
            if weighted and weights[name] is not None:
                metric.update_state(target, outputs[name], sample_weight=weights[name])
            else:
                metric.update_state(target, outputs[name])


def _free_label(front: str, name: str, weighted: bool, taken: set[str]) -> str:
    """The name of a metric; where another one has it, that of a weighted one begins with weighted_, or a number ends it."""
    if weighted and front + name in taken:
        name = f"weighted_{name}"
    numbered = (f"{front}{name}_{number}" for number in itertools.count(1))
    return front + name if front + name not in taken else next(label for label in numbered if label not in taken)


def _wanted(given: Any, names: list[str]) -> dict[str, list[Any]]:
    """The metrics wanted for each output."""
    flat = isinstance(given, (list, tuple)) and not any(isinstance(item, (list, tuple)) for item in given)
    found = {names[0]: given} if flat and len(names) == 1 else per_output(given, names, "metrics")
    return {
        name: list(part) if isinstance(part, (list, tuple)) else [] if part is None else [part]
        for name, part in found.items()
    }


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
