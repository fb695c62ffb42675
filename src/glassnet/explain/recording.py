"""A real training step (forward, loss, backward, update), recorded as a Trace; the model is found unchanged afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import optimizers
from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import phase
from glassnet.autograd.worked import latex
from glassnet.errors import ArgumentError, DataError, GraphError
from glassnet.explain import describe
from glassnet.explain.recorder import Recorder, Run
from glassnet.explain.snapshot import unchanged
from glassnet.explain.source import code_of
from glassnet.explain.trace import Trace, TracedOp, TracedTensor, replay, updated
from glassnet.models.sequential import Sequential
from glassnet.training.compiled import CompiledLoss, total_loss
from glassnet.training.trainer import Trainer
from glassnet.typing import Array
from glassnet.version import __version__


def trace(model: Any, x: Any, y: Any, loss: Any = None, optimizer: Any = None) -> Trace:
    """Record one training step on a batch; the model is the same afterwards.

    Arguments:
        x, y: one batch, with the batch axis: x[:1] is one sample.
        loss, optimizer: those of `compile` by default.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.layers.Dense(2, activation="tanh"), gn.layers.Dense(1)])
    >>> step = trace(model, np.ones((1, 3)), np.ones((1, 1)), loss="mse", optimizer="sgd")
    >>> [f"{s.phase} {s.title}" for s in step.steps][:4]
    ['forward dense', 'forward dense_1', 'loss loss', 'backward loss']
    """
    model, x, y = _checked(model, x, y)
    compute_loss = _loss_of(model, loss, y)
    optimizer = model.optimizer if optimizer is None and model.compiled else optimizers.get(optimizer or "sgd")
    variables = list(model.trainable_variables)
    if not variables:
        raise GraphError(f"{model}: trace of a model without trainable weights", fix="set trainable = True on a layer")
    if any(optimizer.slots_of(v) is None for v in variables) and optimizer is not getattr(model, "optimizer", None):
        optimizer = type(optimizer).from_config(optimizer.get_config())  # the user's own takes charge of nothing new
    optimizer.build(variables)
    recorder, (state, versions) = Recorder(), describe.versions_of(model, optimizer)
    facts = _facts(model, loss, optimizer, x)
    with unchanged(model, optimizer):
        with recorder, np.errstate(all="ignore"):
            inputs = {recorder.number(x): "input", recorder.number(y): "target"}
            versions.before = [recorder.number(v.value) for v in state]
            model.zero_grad()
            outputs = _one_output(model(x, training=True))
            with phase("loss"):
                value = compute_loss(y, outputs)
            value.backward()
            found = {n: v.grad for n, v in zip(versions.before, state) if v.grad is not None}
            recorder.gradients |= {number: recorder.number(gradient) for number, gradient in found.items()}
            optimizer.apply([v.grad for v in variables], variables)
            versions.after = [_written(recorder, n, v.array) for n, v in zip(versions.before, state)]
        loss_number = recorder.number(value)
        made = _made(recorder, inputs, versions, loss_number, model.name)
        made.facts |= facts
        made.facts["loss_after"] = float(replay(made, updated(made))[loss_number])
    return made


def record(run: Callable[[], Any]) -> Trace:
    """Whatever operations a function runs, as a trace.

    >>> import glassnet as gn
    >>> [op.name for op in record(lambda: gn.ops.relu(gn.Tensor([1.0]) * 2)).ops]
    ['multiply', 'relu']
    """
    with Recorder() as recorder:
        run()
    return _made(recorder, {}, describe.Versions([], [], [], []), None, "")


def _written(recorder: Recorder, before: int, array: Array) -> int:
    """The number of a variable after the update: what an operation wrote in its place, else a new one."""
    for run in reversed(recorder.runs):
        places = dict(zip(run.op.input_names(len(run.inputs)), run.inputs))
        for output, written in zip(run.op.outputs, run.results):
            taken_from = places.get(run.op.inplace.get(output, ""))
            if (
                run.phase == "update"
                and taken_from == before
                and np.array_equal(recorder.arrays[written], array, equal_nan=True)
            ):
                return written
    return recorder.number(array)


def _checked(model: Any, x: Any, y: Any) -> Any:
    if isinstance(model, (list, tuple)):
        model = Sequential(list(model))
    if not isinstance(model, Trainer):
        raise ArgumentError("trace: this is not a model", expected="a Model, or a list of layers", received=repr(model))
    network: Any = model
    for name, given in (("x", x), ("y", y)):
        if isinstance(given, dict) or (
            isinstance(given, (list, tuple)) and any(hasattr(part, "shape") for part in given)
        ):
            raise ArgumentError(
                "trace: one input and one target are traced", expected="one array", received=f"{name} of {len(given)}"
            )
    x, y = given_array("x", x), given_array("y", y).copy()  # the input may be the target
    x = x.astype(network.dtype) if x.dtype.kind == "f" else x
    if x.ndim == 0 or len(x) == 0 or y.ndim == 0 or len(x) != len(y):
        raise DataError(
            "trace: x and y are one batch", expected="equally many samples, at least one",
            received=f"x {x.shape}, y {y.shape}", fix="one sample is x[:1], y[:1]",
        )  # fmt: skip
    if not network.built:
        with np.errstate(all="ignore"):
            network(x, training=False)
    return network, x, y


def given_array(name: str, given: Any) -> Array:
    """What a user gives as numbers."""
    try:
        return np.asarray(given)
    except ValueError as error:
        raise DataError(f"trace: {name} is no array", expected="rows of equal length", received=str(error)) from None


def _one_output(outputs: Any) -> Any:
    if isinstance(outputs, (list, tuple, dict)):
        raise ArgumentError("trace: one output is traced", received=f"{len(outputs)}", fix="a model of one output")
    return outputs


def _loss_of(model: Any, loss: Any, y: Array) -> Any:
    if loss is None and not model.compiled:
        raise ArgumentError("trace: there is no loss", fix="name one, such as loss='mse', or compile the model")
    if loss is None:
        if model._compiled_loss is not None:
            model._compiled_loss.check_targets(y)
        return lambda y, outputs: model.compute_loss(y=y, y_pred=outputs)
    compiled = CompiledLoss(loss, None, model)
    compiled.check_targets(y)
    return lambda y, outputs: total_loss([compiled(y, outputs, None), *model.losses])


def _facts(model: Any, loss: Any, optimizer: Any, x: Array) -> dict[str, Any]:
    chosen = loss if loss is not None else model.loss
    return {
        "glassnet": __version__, "numpy": np.__version__, "model": model.name, "samples": len(x),
        "loss": chosen if isinstance(chosen, str) else getattr(chosen, "name", None) or getattr(chosen, "__name__", "loss"),
        "optimizer": type(optimizer).__name__,
        "optimizer_config": {**optimizer.get_config(), "learning_rate": optimizer.current_rate()},
        "first_rate": optimizer.current_rate(ahead=-int(optimizer._iterations.array)),
        "own_train_step": type(model).train_step is not Trainer.train_step,
    }  # fmt: skip


def _made(
    recorder: Recorder, inputs: dict[int, str], versions: describe.Versions, loss: int | None, model: str
) -> Trace:
    """The trace out of what was recorded."""
    recorder.open_fused()
    tensors = [TracedTensor("", "", "", "", array) for array in recorder.arrays]
    for tensor, gradient in recorder.gradients.items():
        tensors[tensor].grad = gradient
        if tensors[gradient].of is None:
            tensors[gradient].of = tensor
    ops = [traced_op(run, recorder, model) for run in recorder.runs]
    describe.name_tensors(tensors, ops, inputs, versions, loss)
    for op in ops:
        op.words = describe.words_of_op(op, tensors)
    facts = {} if loss is None else {"loss_ref": tensors[loss].ref, "loss_before": float(tensors[loss].array)}
    return Trace(tensors, ops, describe.steps(ops, tensors), facts)


def traced_op(run: Run, recorder: Recorder, model: str) -> TracedOp:
    """A run of an operation with its rule and its lines of code; words come later, when tensors have names."""
    op = run.op
    rule = op.rule_for(*[Spec.of(recorder.arrays[number]) for number in run.inputs])
    code = {kind: code_of(op, kind) for kind in ("forward", "vjp")}
    return TracedOp(
        op.name, run.phase, describe.without_model(run.path, model), run.inputs, run.results, op.input_names(len(run.inputs)),
        op.results, op.attributes, rule, op.formula or latex(rule), _gradients(op),
        "", {**{kind: line for kind, line in code.items() if line is not None}, **run.lines},
        run.backward_of, run.inside_of, op,
    )  # fmt: skip


def _gradients(op: Op) -> tuple[str, ...]:
    return (op.gradient,) if isinstance(op.gradient, str) else tuple(op.gradient)
