"""The training loop: `fit` is for epoch, for batch, train_step, callbacks.

Everything about data is in `data`, about display in callbacks, about losses and metrics in `compiled`. `fit` replays a
traced step by default where every part of it is glassnet's own; code of the user's own runs eagerly, and that is said
once, because a tracer cannot see a print, a counter or `np.random`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet import metrics as metrics_module
from glassnet import optimizers
from glassnet.autograd.functional import map_structure, no_grad
from glassnet.autograd.hooks import NanGuard
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Tensor, wrap
from glassnet.errors import ArgumentError, GlassnetError, GradientError, GraphError
from glassnet.graph.jit import jit
from glassnet.layers.base import Layer, any_added_losses
from glassnet.layers.masking import mask_of, with_mask
from glassnet.seeds import SeedGenerator
from glassnet.training import data as data_module
from glassnet.training.callbacks import CallbackList
from glassnet.training.compiled import CompiledLoss, CompiledMetrics, as_float, batch_size_of, total_loss
from glassnet.training.data import make_batches, unpack_x_y_sample_weight
from glassnet.training.eagerness import reason_for_eager

if TYPE_CHECKING:
    _MixedIn = Layer  # a Trainer is mixed into a Layer
else:
    _MixedIn = object


class _Known:
    """The model's variables as last walked; in an object of its own, where the walk does not find them again."""

    variables: list[Any] | None = None


class Trainer(_MixedIn):
    """compile, fit, evaluate, predict. Mixed into Model."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = False
        self.interrupted = False
        """Whether Ctrl-C ended the last `fit`."""
        self.history: Any = None
        self._compile_arguments: dict[str, Any] | None = None
        self._loss_tracker = metrics_module.Mean(name="loss")
        self._shuffler = SeedGenerator(name="shuffle")
        self._steps: dict[str, Any] = {}
        self._said: set[str] = set()
        self._known = _Known()

    # ------------------------------------------------------------ compile
    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
        weighted_metrics: Any = None, run_eagerly: bool = False, jit_compile: Any = "auto",
    ) -> None:  # fmt: skip
        """Choose optimizer, loss and metrics.

        Arguments:
            loss: a name, a Loss, a function (y_true, y_pred), or a list or dictionary of them, one per output.
            metrics: names, Metrics or functions; "accuracy" chooses its kind by the shapes.
            run_eagerly: never replay a traced step.
            jit_compile: "auto" replays where every part is glassnet's own; True replays always and checks that the
                step is the same each time; False never.
        """
        if jit_compile not in ("auto", True, False):
            raise ArgumentError("compile: jit_compile", expected="'auto', True or False", received=repr(jit_compile))
        self._compile_arguments = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly, "jit_compile": jit_compile,
        }  # fmt: skip
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights, self)
        self._compiled_metrics = CompiledMetrics(metrics, weighted_metrics, loss, self)
        self.run_eagerly, self.jit_compile = bool(run_eagerly), jit_compile
        self._steps, self._known = {}, _Known()
        layer: Any
        for layer in self.flatten_layers():
            if getattr(layer, "updates_itself", False):
                layer.rate_of = self.optimizer

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compile_arguments is not None

    def _require_compiled(self, who: str) -> None:
        if not self.compiled:
            raise GraphError(
                f"{self}: {who} before compile", expected="a model with optimizer and loss",
                received="neither", fix="model.compile(optimizer='adam', loss=...)",
            )  # fmt: skip

    # ------------------------------------------------------------ one step
    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on one batch: forward, loss, backward, update, metrics. Override it for a loop of your own.

        Arguments:
            data: (x, y, sample_weight), without the parts that there are not.

        Returns: the metrics so far, by name.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
        self._loss_tracker.update_state(loss.detach(), sample_weight=batch_size_of(y_pred))
        results = self.compute_metrics(x, y, y_pred, sample_weight)
        variables = [v for v in self._all_variables if v.trainable]
        if loss.requires_grad:
            loss.backward()
        elif variables:
            raise GradientError(
                f"{self}: the loss does not depend on the weights", expected="differentiable ops from y_pred to the loss",
                received="a loss without a gradient",
                fix="argmax, rounding, comparisons and NumPy functions have none: use others of gn.ops",
            )  # fmt: skip
        if variables:
            self.optimizer.apply([v.value.grad for v in variables], variables)  # last: a plan then updates in place
        return results

    def test_step(self, data: Any) -> dict[str, Any]:
        """One evaluation step: forward, loss, metrics."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        # recorded like a training step: from the tape a loss on probabilities finds the exact logits behind them
        y_pred = self(x, training=False)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
        self._loss_tracker.update_state(loss.detach(), sample_weight=batch_size_of(y_pred))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One prediction step: forward."""
        x, _, _ = unpack_x_y_sample_weight(data)
        with no_grad():
            return self(x, training=False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for variable in self._all_variables:
            variable.zero_grad()

    @property
    def _all_variables(self) -> list[Any]:
        """All variables; walking through the layers once per `fit` is enough."""
        if self._known.variables is None or not self.built:
            self._known.variables = self.variables
        return self._known.variables

    def _extra_losses(self) -> list[Any]:
        """`self.losses` without a walk through the layers where none has called `add_loss`."""
        if any_added_losses():
            return self.losses
        return [v.regularizer(v.value) for v in self._all_variables if v.regularizer is not None and v.trainable]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The compiled loss plus everything in `self.losses`."""
        extra = self._extra_losses()
        if self._compiled_loss is None and not extra:
            raise ArgumentError(
                f"{self}: there is no loss", expected="a number to make small", received="loss=None",
                fix="compile(loss=...), or add_loss inside a layer",
            )  # fmt: skip
        if self._compiled_loss is not None and y is None:
            raise ArgumentError(
                f"{self}: the loss needs targets", expected="x and y", received="y=None",
                fix="fit(x, y); to reproduce its input a network is trained with fit(x, x)",
            )  # fmt: skip
        own = [] if self._compiled_loss is None else [self._compiled_loss(y, y_pred, sample_weight)]
        return total_loss([*own, *extra])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Add the batch to the compiled metrics; returns all metrics so far."""
        with no_grad():
            if y is not None:
                detached = map_structure(
                    lambda t: with_mask(t.detach(), mask_of(t)) if isinstance(t, Tensor) else t, y_pred
                )
                self._compiled_metrics.update_state(y, detached, sample_weight)
            return self.get_metrics_result()

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the compiled metrics, and Metrics held in attributes."""
        own = [value for value in vars(self).values() if isinstance(value, metrics_module.Metric)]
        compiled = self._compiled_metrics.metrics if self.compiled else []
        parts = self._compiled_loss.trackers.values() if self.compiled and self._compiled_loss is not None else []
        return list({id(m): m for m in [self._loss_tracker, *parts, *compiled, *own]}.values())

    @property
    def metrics_names(self) -> list[str]:
        """Names of the metrics."""
        return [metric.name for metric in self.metrics]

    def get_metrics_result(self) -> dict[str, Any]:
        """All metrics so far, by name."""
        labels = self._compiled_metrics.labels if self.compiled else {}
        return {labels.get(id(metric), metric.name): metric.result() for metric in self.metrics}

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    # ------------------------------------------------------------ eager or replayed
    def _step(self, kind: str) -> Any:
        """The step function: replayed where allowed, else eager."""
        if kind not in self._steps:
            function = getattr(self, f"{kind}_step")
            if self._replays(kind):
                self._steps[kind] = jit(lambda *data: function(data))
            else:
                self._steps[kind] = lambda *data: function(data)
        return self._steps[kind]

    def step_report(self, kind: str = "train") -> str:
        """How the steps of `fit` ("train"), `evaluate` ("test") or `predict` have run: the report of `gn.jit`, or why not.

        >>> import glassnet as gn
        >>> gn.Sequential([gn.layers.Dense(1)]).step_report("predict")
        'no predict step has run'
        """
        step = self._steps.get(kind)
        if step is None:
            return f"no {kind} step has run"
        if isinstance(step, jit):
            return step.report()
        return f"eager: {reason_for_eager(self, kind) or 'as compile asked'}"

    def _replays(self, kind: str) -> bool:
        if not self.compiled:
            return reason_for_eager(self, kind) is None
        if self.run_eagerly or self.jit_compile is False:
            return False
        if self.jit_compile is True:
            return True
        reason = reason_for_eager(self, kind)
        if reason is not None and reason not in self._said and kind == "train":
            self._said.add(reason)
            print(f"eager: {reason}; jit_compile=True replays it")
        return reason is None

    def _run(self, kind: str, batch: Any) -> Any:
        """One step on raw arrays."""
        with self._explained():
            self._prepare(batch)
            return self._step(kind)(*_present(batch))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors say which model they are about; overflow shows in the loss, TerminateOnNaN and NanGuard name it."""
        try:
            with np.errstate(all="ignore"):
                yield
        except GlassnetError as error:
            if error.where is None and str(self) not in error.problem:
                error.where = str(self)
            raise

    def _prepare(self, batch: Any) -> None:
        """Build weights, metrics and optimizer eagerly, before anything is traced."""
        if not self.built:
            with no_grad():
                self(map_structure(lambda a: a[:1], batch[0]), training=False)
            self._known.variables = None
        if not self.compiled:
            return
        known = self._compiled_loss is None and not self._compiled_metrics.wanted  # a step of one's own needs nothing
        if not known and self._compiled_metrics.rows is None and batch[1] is not None:
            with no_grad():
                y_pred = self(batch[0], training=False)
                self._compiled_metrics.build(batch[1], y_pred)
                if self._compiled_loss is not None:
                    self._compiled_loss.build(y_pred)
        if not self.optimizer.built:
            variables = [v for v in self._all_variables if v.trainable]
            if variables:
                self.optimizer.build(variables)

    # ------------------------------------------------------------ fit
    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = 32, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
        class_weight: dict[int, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
        steps_per_epoch: int | None = None, validation_steps: int | None = None,
        validation_batch_size: int | None = 32, validation_freq: int = 1,
    ) -> Any:  # fmt: skip
        """Train; returns a History. Ctrl-C ends it after the current step and leaves a usable model.

        Arguments:
            x, y: arrays, lists of arrays, or a generator or Sequence of batches (x, y).
            batch_size: samples per step; None takes all at once, 1 is the lessons' online learning.
            validation_split: share of the last samples that are only evaluated on.
            class_weight: factor of the loss per class index.
        """
        self._require_compiled("fit")
        self._known.variables = None
        if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 0:
            raise ArgumentError(
                "fit: epochs must be an integer >= 0", received=repr(epochs),
                fix="EarlyStopping ends a long training where it no longer helps" if epochs == -1 else "epochs=10",
            )  # fmt: skip
        if validation_split:
            (x, y, sample_weight), validation_data = data_module.split_validation(
                (x, y, sample_weight), validation_split
            )
        if class_weight is not None:
            sample_weight = data_module.class_weights(y, class_weight, sample_weight)
        batches = make_batches(x, y, sample_weight, batch_size, shuffle, self._shuffler, steps_per_epoch, "fit")
        if self._compiled_loss is not None and isinstance(batches, data_module.ArrayBatches):
            self._compiled_loss.check_targets(batches.parts[1])
        validation = self._validation(validation_data, validation_batch_size, validation_steps)
        listed = CallbackList(callbacks, add_history=True, add_progbar=bool(verbose), model=self, verbose=verbose,
                              epochs=epochs, steps=steps_per_epoch or batches.steps)  # fmt: skip
        self.stop_training = self.interrupted = False
        with _interruptible(self) as interrupt:
            listed.on_train_begin()
            logs: dict[str, Any] = {}
            for epoch in range(max(initial_epoch, listed.initial_epoch), epochs):
                self.reset_metrics()
                listed.on_epoch_begin(epoch)
                results = self._train_epoch(batches, steps_per_epoch, listed, interrupt, epochs - epoch)
                logs = {name: as_float(value) for name, value in results.items()}
                if validation is not None and (epoch + 1) % validation_freq == 0 and not interrupt.is_set():
                    repeats = -(-(epochs - epoch) // validation_freq)
                    logs |= {
                        f"val_{name}": value for name, value in self._evaluate(validation, listed, repeats).items()
                    }
                listed.on_epoch_end(epoch, logs)
                if self.stop_training or interrupt.is_set():
                    break
            self.optimizer.finalize_variable_values([v for v in self._all_variables if v.trainable])
            listed.on_train_end(logs)
        return self.history

    def _train_epoch(
        self, batches: Any, steps: int | None, listed: Any, interrupt: threading.Event, repeats: int
    ) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for found in self._batches("train", batches, steps, listed, repeats):
            results = found
            if self.stop_training or interrupt.is_set():
                break
        return results

    def _batches(self, kind: str, batches: Any, steps: int | None, listed: Any, repeats: int = 1) -> Iterator[Any]:
        """The results of steps on all batches: after each, or where no callback must hear of each, after several.

        Arguments:
            repeats: how many epochs are still to come, with this one.
        """
        batch_begins, batch_ends = (getattr(listed, f"on_{kind}_batch_{when}") for when in ("begin", "end"))
        if isinstance(batches, data_module.ArrayBatches) and not listed.watches_batches(kind) and not STATE.hooks:
            with self._explained():
                self._prepare(batches.first())
            if isinstance(self._step(kind), jit):
                yield from self._runs_of_steps(kind, batches, steps, batch_ends, repeats)
                return
        for number, batch in enumerate(batches.epoch()):
            if steps is not None and number == steps:
                return
            for hook in STATE.hooks:
                if isinstance(hook, NanGuard):
                    hook.batch = number
            batch_begins(number)
            results = self._run(kind, batch)
            batch_ends(number, {"outputs": results} if kind == "predict" else results)
            yield results

    def _runs_of_steps(
        self, kind: str, batches: Any, steps: int | None, batch_ends: Any, repeats: int
    ) -> Iterator[Any]:
        """Steps on arrays in memory, as many at a time as take a moment; the last batch may be smaller."""
        size = batches.batch_size
        order = batches.order()[: None if steps is None else steps * size]
        whole = len(order) // size
        data, before = _present(batches.parts), 0
        for rows in (order[: whole * size].reshape(whole, size), order[None, whole * size :]):
            pieces = self._step(kind).pieces(rows, *data, repeats=repeats) if rows.size else iter(())
            while True:
                with self._explained():
                    done, results = next(pieces, (0, None))
                if not done:
                    break
                if kind == "predict":
                    results = map_structure(lambda t: wrap(t.data.reshape(-1, *t.shape[2:]), None), results)
                else:
                    results = map_structure(lambda t: t[-1] if isinstance(t, Tensor) else t, results)
                batch_ends(before + done - 1, {"outputs": results} if kind == "predict" else results)
                yield results
            before += len(rows)

    def _validation(self, given: Any, batch_size: int | None, steps: int | None) -> Any:
        if given is None:
            return None
        parts = unpack_x_y_sample_weight(tuple(given) if isinstance(given, list) else given)
        return make_batches(*parts, batch_size, False, self._shuffler, steps, "fit: validation_data")

    # ------------------------------------------------------------ evaluate and predict
    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = 32, verbose: Any = "auto", sample_weight: Any = None,
        steps: int | None = None, callbacks: Any = None, return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """Loss and metrics on data; a list (or one number), or a dictionary with `return_dict`."""
        self._require_compiled("evaluate")
        self._known.variables = None
        batches = make_batches(x, y, sample_weight, batch_size, False, self._shuffler, steps, "evaluate")
        listed = CallbackList(callbacks, add_progbar=bool(verbose), model=self, verbose=verbose, epochs=1,
                              steps=steps or batches.steps)  # fmt: skip
        logs = self._evaluate(batches, listed)
        if return_dict:
            return logs
        values = list(logs.values())
        return values if len(values) > 1 else values[0]

    def _evaluate(self, batches: Any, listed: Any, repeats: int = 1) -> dict[str, Any]:
        self.reset_metrics()
        listed.on_test_begin()
        results: dict[str, Any] = {}
        for found in self._batches("test", batches, None, listed, repeats):
            results = found
        logs = {name: as_float(value) for name, value in results.items()}
        listed.on_test_end(logs)
        return logs

    def predict(
        self, x: Any, batch_size: int | None = 32, verbose: Any = 0, steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The outputs for all samples, as NumPy arrays."""
        batches = make_batches(x, None, None, batch_size, False, self._shuffler, steps, "predict")
        listed = CallbackList(callbacks, add_progbar=bool(verbose) and verbose != "auto", model=self, verbose=verbose,
                              epochs=1, steps=steps or batches.steps)  # fmt: skip
        listed.on_predict_begin()
        found = [map_structure(lambda t: t.numpy(), outputs)
                 for outputs in self._batches("predict", batches, None, listed)]  # fmt: skip
        listed.on_predict_end()
        return _joined(found)

    # ------------------------------------------------------------ single batches
    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
                       return_dict: bool = False) -> Any:  # fmt: skip
        """One update on one batch; returns loss and metrics of this batch."""
        self._require_compiled("train_on_batch")
        if class_weight is not None:
            sample_weight = data_module.class_weights(y, class_weight, sample_weight)
        return self._on_batch("train", x, y, sample_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch."""
        self._require_compiled("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, return_dict)

    def _on_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
        (batch,) = make_batches(x, y, sample_weight, None, False, self._shuffler, None, f"{kind}_on_batch").epoch()
        self.reset_metrics()
        logs = {name: as_float(value) for name, value in self._run(kind, batch).items()}
        return logs if return_dict else list(logs.values()) if len(logs) > 1 else next(iter(logs.values()))

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        return map_structure(lambda t: t.numpy(), self._run("predict", (data_module.as_arrays(x, "x"), None, None)))

    @property
    def state_generators(self) -> dict[str, SeedGenerator]:
        """All sources of randomness that training draws from."""
        return {"shuffle": self._shuffler, **self.seed_generators}


def _present(batch: Any) -> list[Any]:
    """x, y and sample_weight as far as there are any; None only stands where something follows it."""
    has_gap = batch[1] is None and batch[2] is not None
    return list(batch) if has_gap else [part for part in batch if part is not None]


def _joined(parts: list[Any]) -> Any:
    """Batches of outputs as whole arrays, in the structure of the outputs."""
    if isinstance(parts[0], dict):
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], (list, tuple)):
        return [_joined([part[i] for part in parts]) for i in range(len(parts[0]))]
    return np.concatenate(parts)


@contextmanager
def _interruptible(trainer: Any) -> Iterator[threading.Event]:
    """Turn Ctrl-C into a request to stop after the current step; a second Ctrl-C stops at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def on_interrupt(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        trainer.stop_training = trainer.interrupted = True

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
