"""Trace: one training step as data. Pages, figures, animations and texts only read it.

`trace` runs a real step (forward, loss, backward, update) under a `Recorder`, on a model that is found unchanged
afterwards, and gives every number a name: `dense/kernel@0` before the update and `dense/kernel@1` after it, its role, its
gradient, the operation that wrote it, that operation's rule, formula and lines of code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from glassnet import optimizers
from glassnet.autograd import rules
from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import phase
from glassnet.autograd.worked import Cell, Worked, work_cell
from glassnet.errors import ArgumentError, DataError, GraphError, SavingError
from glassnet.explain import describe
from glassnet.explain.recorder import Recorder, Run
from glassnet.explain.snapshot import unchanged
from glassnet.explain.source import Line, code_of
from glassnet.saving.archive import read_archive, write_archive
from glassnet.training.compiled import CompiledLoss, total_loss
from glassnet.training.trainer import Trainer
from glassnet.typing import Array
from glassnet.version import __version__

FORMAT = "trace/1"


@dataclass
class TracedTensor:
    """A tensor of the step."""

    ref: str
    """Its unique name; a cell is written `dense/kernel@0[3,1]`."""
    name: str
    symbol: str
    """A short name for formulas: W1, z1, a1."""
    role: str
    """input, target, param, act, grad, opt (state of the optimizer) or const."""
    array: Array
    axes: tuple[str, ...] = ()
    version: int | None = None
    """Of a parameter or optimizer state: 0 before the update, 1 after it."""
    of: int | None = None
    """The tensor that this is the gradient, or the optimizer's state, of."""
    grad: int | None = None
    """The gradient of the loss with respect to this tensor."""


@dataclass
class TracedOp:
    """One run of one operation."""

    name: str
    phase: str
    path: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    rule: str
    formula: str
    gradient: tuple[str, ...]
    words: str
    code: dict[str, Line]
    """forward and vjp of the operation; layer and user: the lines that called it."""
    backward_of: int | None = None
    inside_of: int | None = None
    op: Op | None = field(default=None, repr=False, compare=False)
    """The operation itself; a trace that was read from a file has none."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The outputs that the rule explains; without a rule, all of them."""
        return tuple(statement.target for statement in rules.parse(self.rule)) if self.rule else self.outputs


@dataclass
class TraceStep:
    """What belongs together: one layer's forward pass, the loss, one layer's backward pass, one layer's update."""

    phase: str
    path: str
    title: str
    words: str
    ops: tuple[int, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


@dataclass
class Trace:
    """One training step as data; made by `gn.trace`."""

    tensors: list[TracedTensor]
    ops: list[TracedOp]
    steps: list[TraceStep]
    facts: dict[str, Any]
    """Names of model, loss and optimizer, loss before and after, number of samples, versions."""

    def __getitem__(self, ref: str) -> TracedTensor:
        """The tensor of that name."""
        for tensor in self.tensors:
            if tensor.ref == ref:
                return tensor
        raise ArgumentError(f"the trace has no tensor {ref!r}", expected=", ".join(self.refs("param")), received=ref)

    def refs(self, role: str) -> list[str]:
        """The names of all tensors of a role."""
        named = [tensor for tensor in self.tensors if tensor.role == role]
        return [
            tensor.ref for tensor in named if role != "param" or tensor.version is not None
        ]  # no transposed weights

    def in_phase(self, name: str) -> Iterator[TracedOp]:
        """The operations of a phase in order, without the parts of fused ones."""
        return (op for op in self.ops if op.phase == name and op.inside_of is None)

    def work(self, op: TracedOp, cell: Cell, output: int = 0, terms: int = 4) -> Worked | None:
        """One cell that an operation wrote, worked out with its numbers; None where there is no rule."""
        if not op.rule or op.outputs[output] not in op.targets:
            return None
        known = {name: self.tensors[number].array for name, number in zip(op.inputs, op.reads)}
        shapes = {name: self.tensors[number].array.shape for name, number in zip(op.outputs, op.writes)}
        if len(rules.parse(op.rule)) > 1:
            known |= rules.evaluate(op.rule, known, op.attributes, shapes)
        return work_cell(op.rule, known, op.attributes, cell, terms, op.outputs[output])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace as one file: JSON and binary arrays in a zip, no pickle."""
        config = {
            "trace": FORMAT, "facts": self.facts,
            "tensors": [{**_plain(tensor), "array": str(number)} for number, tensor in enumerate(self.tensors)],
            "ops": [_plain(op) for op in self.ops], "steps": [_plain(step) for step in self.steps],
        }  # fmt: skip
        write_archive(path, config, {str(number): tensor.array for number, tensor in enumerate(self.tensors)})


def _plain(part: TracedTensor | TracedOp | TraceStep) -> dict[str, Any]:
    """Fields that JSON can hold."""
    return {k: _json(v) for k, v in vars(part).items() if k not in ("array", "op")}


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _json(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_json(part) for part in value]
    if isinstance(value, Line):
        return asdict(value)
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read what `Trace.save` wrote; nothing in the file is executed."""
    config, arrays = read_archive(path)
    if config.get("trace") != FORMAT:
        raise SavingError(
            f"{os.fspath(path)} is not a trace of this version", expected=FORMAT, received=config.get("trace"),
            fix="record it anew with gn.trace",
        )  # fmt: skip
    tensors = [TracedTensor(**{**t, "axes": tuple(t["axes"]), "array": arrays[t["array"]]}) for t in config["tensors"]]
    return Trace(
        tensors, [_op_from(op) for op in config["ops"]], [_step_from(s) for s in config["steps"]], config["facts"]
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _op_from(config: dict[str, Any]) -> TracedOp:
    lists: dict[str, Any] = {name: tuple(config[name]) for name in ("reads", "writes", "inputs", "outputs", "gradient")}
    lists["attributes"] = {name: _tuples(value) for name, value in config["attributes"].items()}
    return TracedOp(**{**config, **lists, "code": {kind: Line(**line) for kind, line in config["code"].items()}})


def _step_from(config: dict[str, Any]) -> TraceStep:
    return TraceStep(**{**config, **{name: tuple(config[name]) for name in ("ops", "reads", "writes")}})


# ---------------------------------------------------------------- recording


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
    from glassnet.models.sequential import Sequential

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
    x, y = np.asarray(x), np.array(y)  # a copy of y: the input may be the target
    x = x.astype(network.dtype) if x.dtype.kind == "f" else x
    if x.ndim == 0 or len(x) == 0 or y.ndim == 0 or len(x) != len(y):
        raise DataError(
            "trace: x and y are one batch", expected="equally many samples, at least one",
            received=f"x {x.shape}, y {y.shape}", fix="gn.trace(model, x[:1], y[:1])",
        )  # fmt: skip
    if not network.built:
        with np.errstate(all="ignore"):
            network(x, training=False)
    return network, x, y


def _one_output(outputs: Any) -> Any:
    if isinstance(outputs, (list, tuple, dict)):
        raise ArgumentError("trace: one output is traced", received=f"{len(outputs)}", fix="a model of one output")
    return outputs


def _loss_of(model: Any, loss: Any, y: Array) -> Any:
    if loss is None and not model.compiled:
        raise ArgumentError("trace: there is no loss", fix="gn.trace(model, x, y, loss='mse'), or compile the model")
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
    ops = [_traced(run, recorder, model) for run in recorder.runs]
    describe.name_tensors(tensors, ops, inputs, versions, loss)
    for op in ops:
        op.words = describe.words_of_op(op, tensors)
    facts = {} if loss is None else {"loss_ref": tensors[loss].ref, "loss_before": float(tensors[loss].array)}
    return Trace(tensors, ops, describe.steps(ops, tensors), facts)


def _traced(run: Run, recorder: Recorder, model: str) -> TracedOp:
    op = run.op
    rule = op.rule_for(*[Spec.of(recorder.arrays[number]) for number in run.inputs])
    code = {kind: code_of(op, kind) for kind in ("forward", "vjp")}
    return TracedOp(
        op.name, run.phase, describe.without_model(run.path, model), run.inputs, run.results, op.input_names(len(run.inputs)),
        op.results, op.attributes, rule, op.formula or describe.latex(rule), _gradients(op),
        "", {**{kind: line for kind, line in code.items() if line is not None}, **run.lines},
        run.backward_of, run.inside_of, op,
    )  # fmt: skip


def _gradients(op: Op) -> tuple[str, ...]:
    return (op.gradient,) if isinstance(op.gradient, str) else tuple(op.gradient)


# ---------------------------------------------------------------- the same step with other numbers


def replay(step: Trace, changes: dict[int, Array], dtype: Any = None) -> dict[int, Any]:
    """The forward pass and loss of a trace anew, with some tensors changed: the same operations, the same random bits.

    Arguments:
        changes: tensor number -> other values for it.
        dtype: a float type to compute in; that of the trace by default.

    Returns: the new value of every tensor of forward pass and loss, by number.
    """
    values: dict[int, Any] = {}

    def value(number: int) -> Any:
        if number not in values:
            array = changes.get(number, step.tensors[number].array)
            values[number] = array.astype(dtype) if dtype is not None and array.dtype.kind == "f" else array
        return values[number]

    for op in step.ops:
        if op.phase not in ("forward", "loss") or op.inside_of is not None:
            continue
        if op.op is None:
            raise GraphError(
                "replay: a trace that was read from a file has no operations", fix="record it with gn.trace"
            )
        found = op.op.forward(np, *[value(number) for number in op.reads])
        for number, result in zip(op.writes, found if isinstance(found, tuple) else (found,)):
            values[number] = changes.get(number, result)
    return values


def updated(step: Trace) -> dict[int, Array]:
    """Each parameter's number before the update, with its values after it."""
    after = {t.name: t.array for t in step.tensors if t.role == "param" and t.version == 1}
    return {
        number: after[t.name]
        for number, t in enumerate(step.tensors)
        if t.role == "param" and t.version == 0 and t.name in after
    }
