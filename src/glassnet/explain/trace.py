"""Trace: one training step as data. Pages, figures, animations and texts only read it; `recording.py` makes it.

Every number has a name: `dense/kernel@0` before the update and `dense/kernel@1` after it, a role, a gradient, the
operation that wrote it, that operation's rule, formula and lines of code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from glassnet.autograd import rules
from glassnet.autograd.op import Op
from glassnet.autograd.worked import Cell, Worked, work_cell
from glassnet.errors import ArgumentError, GraphError, SavingError
from glassnet.explain.source import Line
from glassnet.saving.archive import read_archive, write_archive
from glassnet.typing import Array

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
        found = [tensor for tensor in self.tensors if tensor.role == role]
        return [t.ref for t in found if role != "param" or t.version is not None]  # a transposed weight has no version

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


# ---------------------------------------------------------------- the same step with other numbers


def replay(
    step: Trace, changes: dict[int, Array], dtype: Any = None, known: dict[int, Any] | None = None
) -> dict[int, Any]:
    """The forward pass and loss of a trace anew, with some tensors changed: the same operations, the same random bits.

    Arguments:
        changes: tensor number -> other values for it.
        dtype: a float type to compute in; that of the trace by default.
        known: what a replay without changes gave: only what depends on the changes is computed.

    Returns: the new value of every tensor of forward pass and loss, by number.
    """
    values: dict[int, Any] = {number: array for number, array in (known or {}).items() if number not in changes}
    changed = set(changes)

    def value(number: int) -> Any:
        if number not in values:
            array = changes.get(number, step.tensors[number].array)
            values[number] = array.astype(dtype) if dtype is not None and array.dtype.kind == "f" else array
        return values[number]

    for op in step.ops:
        if op.phase not in ("forward", "loss") or op.inside_of is not None:
            continue
        if known is not None and changed.isdisjoint(op.reads):
            continue
        changed.update(op.writes)
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
