"""The explain page: one training step as one offline HTML file, every number with its formula and its line of code.

`page` writes a trace down as the JSON that `web/trace.js` reads; `explain` records the step first. A tensor after the
update is stored as the bits in which it differs from the one before, which is most often less.
"""

from __future__ import annotations

import html
import math
import operator
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glassnet.errors import ArgumentError, SavingError
from glassnet.explain.packing import array_to_json, op_to_json, trace_to_json
from glassnet.explain.recording import given_array, trace
from glassnet.explain.sequences import OPENED
from glassnet.explain.source import Line
from glassnet.explain.trace import Trace, TracedOp, TracedTensor
from glassnet.explain.wiggle import wiggle
from glassnet.saving.atomic import atomic_write
from glassnet.typing import Array
from glassnet.web.bundle import bundle
from glassnet.web.payload import encode_array, encode_change

MOST_VALUES = 2_000_000
"""Numbers embedded in one page; the tensors beyond are left out, largest first, and the page says so."""

MOST_LETTERS = 3_700_000
"""Letters that write them down; with all that is not numbers, a page of a transformer stays under 5 MB."""

_STYLES = ("theme.css", "views.css", "stage.css", "opened.css", "explain.css")
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
        write_page(path, self.html)

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(_title(self.trace, self.facts["title"]))}" '
            f'style="width: 100%; height: {_NOTEBOOK_HEIGHT}px; border: 0"></iframe>'
        )


def write_page(path: str | os.PathLike[str], text: str) -> None:
    """Write a page, whole or not at all."""
    try:
        with atomic_write(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:  # names a temporary file
        folder = Path(path).parent
        if not folder.exists():
            raise SavingError(
                f"{os.fspath(path)}: the page cannot be written", expected="a folder that exists",
                received=f"{folder}, which does not", fix=f"create the folder {folder} first",
            ) from None  # fmt: skip
        raise SavingError(
            f"{os.fspath(path)}: the page cannot be written", expected=f"a file that can be written in {folder}",
            received=error.strerror, fix="choose another file or folder",
        ) from None  # fmt: skip


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
    tokens: Sequence[str] | None = None,
    title: str | None = None,
) -> Explanation:
    """One training step of a model on one sample or a small batch, as a page; the model is the same afterwards.

    Arguments:
        loss, optimizer: those of `compile` by default.
        classes, columns: names of the outputs and of the inputs.
        tokens: names of the ids that a model of text reads; by default the classes, where there are as many.
        image: rows and columns, where the inputs are the pixels of an image.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    >>> explain(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse", optimizer="sgd").html[:15]
    '<!doctype html>'
    """
    x, y = given_array("x", x), given_array("y", y)
    if getattr(model, "built", False) and x.ndim == len(model.input_shape) - 1:
        x, y = x[None], y[None]  # one sample
    step = trace(model, x, y, loss, optimizer)
    inputs, outputs = step["x"].array.shape[1:], _output(step).array.shape[1:]
    facts = {
        "classes": _names("classes", classes, "output", *outputs[-1:]),
        "columns": _names("columns", columns, "input", *inputs[-1:]),
        "image": _rows_and_columns(image, math.prod(inputs)), "title": None if title is None else str(title),
        "tokens": None if tokens is None else [str(token) for token in tokens],
    }  # fmt: skip
    return Explanation(step, facts)


def _names(argument: str, given: Any, kind: str, count: int = 1) -> list[str] | None:
    """As many names as there are inputs or outputs."""
    if given is None:
        return None
    names = None if isinstance(given, str) or not np.iterable(given) else [str(name) for name in given]
    if names is None or len(names) != count:
        raise ArgumentError(
            f"explain: {argument} must name every {kind}", expected=f"{count} names",
            received=repr(given) if names is None else f"{len(names)}",
        )  # fmt: skip
    return names


def _rows_and_columns(image: Any, size: int) -> tuple[int, int] | None:
    """The shape of an image with as many pixels as there are inputs."""
    if image is None:
        return None
    try:
        rows, columns = (operator.index(length) for length in image)
    except (TypeError, ValueError):
        rows, columns = 0, 0
    if rows < 1 or rows * columns != size:
        raise ArgumentError(
            "explain: image is rows and columns of the input", expected=f"two numbers with product {size}",
            received=repr(image),
        )  # fmt: skip
    return rows, columns


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
    tokens: Sequence[str] | None = None,
    title: str | None = None,
) -> str:
    """A trace as an HTML page; the arguments are those of `explain`."""
    shape = step["x"].array.shape
    facts: dict[str, Any] = {
        "title": _title(step, title), "classes": classes, "columns": columns,
        "tokens": tokens, "image": image or _image_of(shape), "output": _output(step).ref,
    }  # fmt: skip
    return bundle("explain.js", title=facts["title"], styles=_STYLES, data={"trace": payload(step, facts)})


def _title(step: Trace, title: str | None) -> str:
    return title or f"{step.facts['model']}: one training step"


def _image_of(shape: tuple[int, ...]) -> list[int] | None:
    """Rows and columns, where the shape of the input says that it is a grey image."""
    return list(shape[1:3]) if len(shape) == 3 or (len(shape) == 4 and shape[3] == 1) else None


def payload(step: Trace, facts: dict[str, Any]) -> dict[str, Any]:
    """The trace as the page reads it: JSON with the arrays as text."""
    arrays = [t.array.astype(np.float32) if t.array.dtype == np.float16 else t.array for t in step.tensors]
    texts = _texts(step, arrays)
    counts = {"embedded": sum(arrays[number].size for number in texts), "values": sum(array.size for array in arrays)}
    tensors = [_tensor(step, number, array, texts.get(number, _Text())) for number, array in enumerate(arrays)]
    code: dict[Line, int] = {}  # many operations share their lines
    ops = [_op(number, op, code) for number, op in enumerate(step.ops)]
    return trace_to_json({**step.facts, **facts, **counts}, tensors, ops) | {
        "code": list(map(asdict, code)),
        "steps": [{"id": number} | asdict(part) for number, part in enumerate(step.steps)],
        "wiggle": _wiggles(step) if counts["embedded"] == counts["values"] else [],
    }  # fmt: skip


def _wiggles(step: Trace) -> list[dict[str, Any]]:
    """The curves of the loss over single weights, without those that leave the numbers."""
    with np.errstate(all="ignore"):
        found = wiggle(step)
    return [curve for curve in found if np.isfinite([*curve["losses"], curve["slope"], curve["difference"]]).all()]


class _Text(NamedTuple):
    """The numbers of a tensor as the page stores them."""

    letters: str | None = None
    """None where they are not in the page."""
    base: int | None = None
    """The tensor from which the letters say only the difference."""
    factor: float = 1.0
    """What is taken of the base."""
    added: int | None = None
    """The tensor that a running mean took in."""
    power: int = 0
    """Of what was taken in; 0 where nothing was."""


def _texts(step: Trace, arrays: list[Array]) -> dict[int, _Text]:
    """The tensors whose numbers are in the page: all, or those of opened operations and the smallest, up to the limits."""
    found: dict[int, _Text] = {}
    before = {tensor.name: number for number, tensor in enumerate(step.tensors) if tensor.version == 0}
    reshaped = {op.writes[0]: op.reads[0] for op in step.ops if op.name == "reshape"}
    shares = {number: _shares(op) for op in step.ops for number in op.writes}
    values, letters = MOST_VALUES, MOST_LETTERS
    opened = {n for op in step.in_phase("forward") if op.name in OPENED for n in (*op.reads, *op.writes)}
    for number in sorted(range(len(arrays)), key=lambda number: (number not in opened, arrays[number].size)):
        array, tensor = arrays[number], step.tensors[number]
        if array.size > values:
            continue
        base = before.get(tensor.name) if tensor.version == 1 else reshaped.get(number)
        base = base if base in found and array.dtype == np.float32 == arrays[base].dtype else None
        if base is None:
            text = _Text(encode_array(array))
        else:
            slope = None if tensor.of is None else step.tensors[tensor.of].grad
            added = slope if slope in found and arrays[slope].dtype == np.float32 else None
            news = None if added is None else arrays[added]
            factor, power, difference = encode_change(
                arrays[base].reshape(array.shape), array, shares.get(number, ()), news
            )
            text = _Text(difference, base, factor, added if power else None, power)
        if len(text.letters or "") <= letters:
            values, letters = values - array.size, letters - len(text.letters or "")
            found[number] = text
        elif number not in opened:
            break  # all others are as large
    return found


def _shares(op: TracedOp) -> list[float]:
    """Attributes that may say which share of an old value is kept."""
    return [value for value in op.attributes.values() if isinstance(value, float) and 0 < value < 1]


def _tensor(step: Trace, number: int, array: Array, text: _Text) -> dict[str, Any]:
    tensor = step.tensors[number]
    return {
        "id": number, **array_to_json(tensor.ref, array, text.letters), "base": text.base, "factor": text.factor,
        "added": text.added, "power": text.power,
        "name": tensor.name, "symbol": tensor.symbol, "role": tensor.role, "version": tensor.version, "of": tensor.of,
        "grad": tensor.grad, "axes": list(tensor.axes), "stats": _stats(array),
    }  # fmt: skip


def _stats(array: Array) -> dict[str, Any]:
    finite = array[np.isfinite(array)].astype(float)
    known = {"min": finite.min(), "max": finite.max(), "mean": finite.mean()} if finite.size else {}
    counts = {"nan": np.isnan(array).sum(), "inf": np.isinf(array).sum()}
    return {"min": 0.0, "max": 0.0, "mean": 0.0} | {name: value.item() for name, value in {**known, **counts}.items()}


def _op(number: int, op: TracedOp, code: dict[Line, int]) -> dict[str, Any]:
    return {
        "id": number, **op_to_json(op), "formula": op.formula, "gradient": [line for line in op.gradient if line],
        "words": op.words, "code": {kind: code.setdefault(line, len(code)) for kind, line in op.code.items()},
        "backward_of": op.backward_of, "inside_of": op.inside_of,
    }  # fmt: skip
