"""`glassnet kernels show`: the step of a kept network, traced for a batch of zeros and compiled."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from glassnet.autograd.functional import map_structure
from glassnet.cli import runs
from glassnet.cli.render import WIDTH
from glassnet.graph import trace
from glassnet.graph.executor import compiler
from glassnet.training.compiled import outputs_of, per_output

_OPEN_AXIS = 16
"""Positions of an axis, other than that of the samples, that the network leaves open."""


def plan_of(run: str, batch: int) -> Any:
    """The compiled plan of the training step; of the prediction, if the network has no loss."""
    compile_plan = compiler("glassnet kernels")
    model = runs.load_model_of(run)
    x = map_structure(lambda tensor: _zeros(tensor.shape, tensor.dtype, batch), model.input)
    if not model.compiled or model.loss is None:
        return compile_plan(trace(lambda x: model.predict_step((x,)), x)[0])
    y = _targets(model, batch)
    model.train_on_batch(x, y)  # builds metrics and optimizer, which a trace must find built
    return compile_plan(trace(lambda x, y: model.train_step((x, y)), x, y)[0])


def report(plan: Any) -> str:
    """The report of a plan; what goes on in the next line is set in."""
    lines = []
    for line in plan.report().split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        lines += textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def _zeros(shape: tuple[int | None, ...], dtype: Any, batch: int) -> Any:
    return np.zeros((batch, *[_OPEN_AXIS if size is None else size for size in shape[1:]]), dtype)


def _targets(model: Any, batch: int) -> Any:
    """Targets of the kind that each output's loss takes: classes by number, or an array like the output."""
    outputs = outputs_of(model.output, model.output_names)
    losses = per_output(model.loss, list(outputs), "loss")
    found = {name: _target(output, losses[name], batch) for name, output in outputs.items()}
    return found if len(found) > 1 else next(iter(found.values()))


def _target(output: Any, loss: Any, batch: int) -> Any:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    by_number = "sparse" in name.lower()
    return _zeros(output.shape[:-1] if by_number else output.shape, "int64" if by_number else output.dtype, batch)
