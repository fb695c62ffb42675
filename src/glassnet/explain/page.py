"""The explain page: one training step as one offline HTML file, every number with its formula and its line of code.

`page` writes a trace down as the JSON that `web/trace.js` reads; `explain` records the step first. A tensor after the
update is stored as the bits in which it differs from the one before, which is most often less.
"""

from __future__ import annotations

import html
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.explain.recording import trace
from glassnet.explain.trace import Trace, TracedOp, TracedTensor, TraceStep
from glassnet.explain.wiggle import wiggle
from glassnet.saving.atomic import atomic_write
from glassnet.typing import Array
from glassnet.web.bundle import bundle
from glassnet.web.payload import ENCODING, encode_array, rule_to_json

MOST_VALUES = 2_000_000
"""Numbers embedded in one page; the tensors beyond are left out, largest first, and the page says so."""

_STYLES = ("theme.css", "views.css", "stage.css", "explain.css")
_NOTEBOOK_HEIGHT = 900


@dataclass
class Explanation:
    """One recorded step and the page about it; a notebook shows the page."""

    trace: Trace
    facts: dict[str, Any]

    @cached_property
    def html(self) -> str:
        """The whole page."""
        return page(self.trace, **self.facts)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page as a file that needs nothing else."""
        with atomic_write(path) as file:
            file.write(self.html.encode("utf-8"))

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(_title(self.trace, self.facts["title"]))}" '
            f'style="width: 100%; height: {_NOTEBOOK_HEIGHT}px; border: 0"></iframe>'
        )


def explain(
    model: Any,
    x: Any,
    y: Any,
    loss: Any = None,
    optimizer: Any = None,
    *,
    classes: Sequence[str] | None = None,
    image: tuple[int, int] | None = None,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> Explanation:
    """One training step of a model on one sample or a small batch, as a page; the model is the same afterwards.

    Arguments:
        loss, optimizer: those of `compile` by default.
        classes, columns: names of the outputs and of the inputs.
        image: rows and columns, where the inputs are the pixels of an image.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    >>> explain(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse", optimizer="sgd").html[:15]
    '<!doctype html>'
    """
    x, y = np.asarray(x), np.asarray(y)
    if getattr(model, "built", False) and x.ndim == len(model.input_shape) - 1:
        x, y = x[None], y[None]  # one sample
    step = trace(model, x, y, loss, optimizer)
    facts = {"classes": classes, "image": image, "columns": columns, "title": title}
    _check_facts(step, facts)
    return Explanation(step, facts)


def _check_facts(step: Trace, facts: dict[str, Any]) -> None:
    """Names and shapes that do not belong to this model are refused."""
    inputs, outputs = step["x"].array.shape[1:], _output(step).array.shape[1:]
    for name, kind, shape in (("classes", "output", outputs), ("columns", "input", inputs)):
        given = facts[name]
        if given is not None and (isinstance(given, str) or len(given) != shape[-1:][0]):
            raise ArgumentError(
                f"explain: {name} must name every {kind}", expected=f"{shape[-1]} names", received=f"{len(given)}"
            )
    image = facts["image"]
    if image is not None and (len(image) != 2 or math.prod(image) != math.prod(inputs)):
        raise ArgumentError(
            "explain: image is rows and columns of the input", expected=f"two numbers with product {math.prod(inputs)}",
            received=image,
        )  # fmt: skip


def _output(step: Trace) -> TracedTensor:
    """What the model answers."""
    return step.tensors[list(step.in_phase("forward"))[-1].writes[0]]


# ---------------------------------------------------------------- the payload


def page(
    step: Trace,
    *,
    classes: Sequence[str] | None = None,
    image: tuple[int, int] | None = None,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> str:
    """A trace as an HTML page; the arguments are those of `explain`."""
    shape = step["x"].array.shape
    facts: dict[str, Any] = {
        "title": _title(step, title), "classes": classes and list(classes), "columns": columns and list(columns),
        "image": list(image) if image else _image_of(shape), "output": _output(step).ref,
    }  # fmt: skip
    return bundle("explain.js", title=facts["title"], styles=_STYLES, data={"trace": payload(step, facts)})


def _title(step: Trace, title: str | None) -> str:
    return title or f"{step.facts['model']}: one training step"


def _image_of(shape: tuple[int, ...]) -> list[int] | None:
    """Rows and columns, where the shape of the input says that it is a grey image."""
    return list(shape[1:3]) if len(shape) == 3 or (len(shape) == 4 and shape[3] == 1) else None


def payload(step: Trace, facts: dict[str, Any]) -> dict[str, Any]:
    """The trace as the page reads it: JSON with the arrays as text."""
    embedded = _embedded(step)
    counts = {
        "embedded": sum(step.tensors[n].array.size for n in embedded),
        "values": sum(t.array.size for t in step.tensors),
    }
    before = {t.name: n for n, t in enumerate(step.tensors) if t.version == 0 and n in embedded}
    return {
        "format": "trace/1",
        "meta": _plain({**step.facts, **facts, **counts}),
        "rules": {op.rule: rule_to_json(op.rule) for op in step.ops if op.rule},
        "tensors": [
            _tensor(number, step, before if number in embedded else None) for number in range(len(step.tensors))
        ],
        "ops": [_op(number, op) for number, op in enumerate(step.ops)],
        "steps": [_step(number, part) for number, part in enumerate(step.steps)],
        "wiggle": _wiggles(step) if counts["embedded"] == counts["values"] else [],
    }  # fmt: skip


def _wiggles(step: Trace) -> list[dict[str, Any]]:
    """The curves of the loss over single weights, without those that leave the numbers."""
    found = wiggle(step)
    return [curve for curve in found if np.isfinite([*curve["losses"], curve["slope"], curve["difference"]]).all()]


def _embedded(step: Trace) -> set[int]:
    """The tensors whose numbers are in the page: all, or the smallest ones up to the limit."""
    chosen, count = set(), 0
    for number, tensor in sorted(enumerate(step.tensors), key=lambda pair: pair[1].array.size):
        count += tensor.array.size
        if count <= MOST_VALUES:
            chosen.add(number)
    return chosen


def _tensor(number: int, step: Trace, before: dict[str, int] | None) -> dict[str, Any]:
    """One tensor; `before` holds the embedded versions from before the update, None where this one is not embedded."""
    tensor = step.tensors[number]
    array = tensor.array.astype(np.float32) if tensor.array.dtype == np.float16 else tensor.array
    base = before.get(tensor.name) if before and tensor.version == 1 and array.dtype == np.float32 else None
    kept = array if base is None else array.view(np.uint32) - step.tensors[base].array.view(np.uint32)
    return {
        "id": number, "ref": tensor.ref, "name": tensor.name, "symbol": tensor.symbol, "role": tensor.role,
        "version": tensor.version, "of": tensor.of, "grad": tensor.grad, "shape": list(array.shape),
        "axes": list(tensor.axes), "dtype": array.dtype.name, "encoding": ENCODING, "base": base,
        "buffer": None if before is None else encode_array(kept), "stats": _stats(array),
    }  # fmt: skip


def _stats(array: Array) -> dict[str, Any]:
    finite = array[np.isfinite(array)].astype(float)
    known = {"min": finite.min(), "max": finite.max(), "mean": finite.mean()} if finite.size else {}
    counts = {"nan": np.isnan(array).sum(), "inf": np.isinf(array).sum()}
    return {"min": 0.0, "max": 0.0, "mean": 0.0} | {name: value.item() for name, value in {**known, **counts}.items()}


def _op(number: int, op: TracedOp) -> dict[str, Any]:
    return {
        "id": number, "op": op.name, "phase": op.phase, "path": op.path, "reads": op.reads, "inputs": op.inputs,
        "writes": op.writes, "outputs": op.outputs, "attrs": _plain(op.attributes), "rule": op.rule,
        "formula": op.formula, "gradient": [line for line in op.gradient if line], "words": op.words,
        "code": {kind: asdict(line) for kind, line in op.code.items()},
        "backward_of": op.backward_of, "inside_of": op.inside_of,
    }  # fmt: skip


def _step(number: int, step: TraceStep) -> dict[str, Any]:
    return {"id": number} | asdict(step)


def _plain(value: Any) -> Any:
    """What JSON can say; numbers that it cannot are words."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if isinstance(value, (bool, int, str, type(None))) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
