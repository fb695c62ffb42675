"""The page on which one draws a picture and the network says what it sees: one offline file with the weights in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from glassnet.autograd.functional import no_grad
from glassnet.errors import ArgumentError, GraphError, ShapeError, did_you_mean
from glassnet.explain.packing import array_to_json, op_to_json, trace_to_json
from glassnet.explain.recorder import Recorder
from glassnet.explain.recording import traced_op
from glassnet.explain.trace import TracedOp
from glassnet.typing import Array
from glassnet.version import __version__
from glassnet.web.bundle import bundle
from glassnet.web.payload import encode_array

MOST_VALUES = 4_000_000
"""Weights of one page: more would make a file of over 15 MB."""


@dataclass(frozen=True)
class Form:
    """How the pictures of a data set were made; lengths are shares of the frame's side."""

    subject: str
    """What the pictures show: "digit" or "garment"."""
    box: tuple[float, float]
    """Width and height that the ink may fill."""
    pen: float
    """Width of the pen."""
    line: bool = True
    """Whether every drawing is redrawn with a line of one width."""
    upright: bool = False
    """Whether slanted drawings are set upright."""
    stretch: bool = False
    """Whether a wide drawing is squeezed until it has the height of the box."""
    ink: float | None = None
    """The share of inked pixels, where the width of the lines was chosen to reach it."""
    centre: str = "box"
    """What lies in the middle of the frame: the "box" around the ink, or its centre of "mass"."""


FORMS = {
    # NIST's programs made 32 x 32 bitmaps. Measured on the data: every digit is 32 high, about 20 wide and upright, and
    # 30 % of it is ink.
    "digits": Form("digit", box=(20 / 32, 1.0), pen=3.5 / 32, upright=True, stretch=True, ink=0.3),
    # Y. LeCun: fitted into 20 x 20 pixels, then centred by mass in 28 x 28. The line is measured: 13 % are ink.
    "mnist": Form("digit", box=(20 / 28, 20 / 28), pen=2.6 / 28, centre="mass"),
    # H. Xiao et al.: the longer side fills 28 pixels. A photograph is an area, so the pen is a broad one.
    "fashion_mnist": Form("garment", box=(1.0, 1.0), pen=5 / 28, line=False),
}


def draw_page(model: Any, data_set: str, class_names: list[str], max_value: float) -> str:
    """A page that recognises drawings with `model`, as HTML.

    Arguments:
        data_set: "digits", "mnist" or "fashion_mnist": a drawing is prepared as its pictures were.
        max_value: the brightest pixel of those pictures.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((8, 8)), gn.layers.Flatten(), gn.layers.Dense(10, "softmax")])
    >>> page = draw_page(model, "digits", list("0123456789"), 16)
    >>> page.startswith("<!doctype html>"), "<title>Draw a digit" in page
    (True, True)
    """
    if data_set not in FORMS:
        raise ArgumentError(
            "draw_page: unknown data set", expected=", ".join(FORMS), received=data_set,
            fix=did_you_mean(data_set, FORMS),
        )  # fmt: skip
    size = _side(model)
    trace = forward_trace(model, np.zeros((1, *model.input_shape[1:]), "float32"))
    _check_outputs(trace, model, class_names)
    form = FORMS[data_set]
    facts = {"classes": class_names, "maxValue": max_value, "form": asdict(form) | {"size": size}}
    return bundle(
        "draw.js", title=f"Draw a {form.subject} · {model.name}", styles=("theme.css", "views.css", "draw.css"),
        data={"trace": trace, "draw": facts},
    )  # fmt: skip


def _side(model: Any) -> int:
    """Pixels along a side of the model's square input."""
    shape = tuple(model.input_shape)
    if len(shape) not in (3, 4) or shape[1] is None or shape[1] != shape[2] or shape[3:] not in ((), (1,)):
        raise ShapeError(
            "draw_page: the model's input is no square grey image", expected="(None, 28, 28)", received=shape
        )
    return int(shape[1])


def _check_outputs(trace: dict[str, Any], model: Any, class_names: list[str]) -> None:
    shape = trace["tensors"][trace["output"]]["shape"]
    if shape != [1, len(class_names)]:
        raise ShapeError(
            "draw_page: one output per class", expected=(None, len(class_names)), received=(None, *shape[1:])
        )
    outputs = np.asarray(model(np.ones((1, *model.input_shape[1:]), "float32"), training=False).numpy())
    if outputs.min() < 0 or not np.isclose(outputs.sum(), 1, atol=1e-3):
        raise ArgumentError(
            "draw_page: the outputs are no probabilities", expected="numbers from 0 to 1 that add up to 1",
            received=np.array2string(outputs[0], precision=3), fix="end the model with softmax",
        )  # fmt: skip


def forward_trace(model: Any, x: Array) -> dict[str, Any]:
    """The forward pass of a model as the page reads it: a trace with operations, rules and weights, and no training.

    Arguments:
        x: one sample with its batch axis. Its values do not matter: the page puts in its own.
    """
    recorder = Recorder()
    with recorder, no_grad():
        entry = recorder.number(x)
        names = {recorder.number(variable.value): f"{variable.path}@0" for variable in model.variables}
        output = recorder.number(model(x, training=False))
    runs = recorder.runs
    written = {number for run in runs for number in run.results}
    roles = {entry: "input"} | dict.fromkeys(names, "param") | dict.fromkeys(written, "act")
    kept = sorted({entry, output, *written, *(number for run in runs for number in run.inputs)})
    _check_size(recorder, [number for number in kept if roles.get(number) in (None, "param")])
    number_of = {number: position for position, number in enumerate(kept)}
    ops = [_op(traced_op(run, recorder, model.name), number_of) for run in runs]
    tensors = [
        _tensor(names.get(number, f"t{number_of[number]}"), roles.get(number, "const"), recorder.arrays[number])
        for number in kept
    ]
    return trace_to_json({"glassnet": __version__, "model": model.name, "samples": 1}, tensors, ops) | {
        "output": number_of[output],
        "layers": _layers(ops, {number_of[number] for number in names if number in number_of}),
    }


def _check_size(recorder: Recorder, embedded: list[int]) -> None:
    count = sum(recorder.arrays[number].size for number in embedded)
    if count > MOST_VALUES:
        raise ArgumentError(
            "draw_page: the model is too large for one page", expected=f"at most {MOST_VALUES:,} weights",
            received=f"{count:,}",
        )  # fmt: skip


def _op(op: TracedOp, number_of: dict[int, int]) -> dict[str, Any]:
    """An operation with the outputs that its rule gives."""
    if not op.rule:
        raise GraphError(
            f"draw_page: the page cannot recompute {op.name}, which has no index rule", received=op.path,
            fix="draw with a model without this operation",
        )  # fmt: skip
    results = [(name, number_of[number]) for name, number in zip(op.outputs, op.writes) if name in op.targets]
    outputs, writes = zip(*results)
    return op_to_json(
        replace(op, reads=tuple(number_of[number] for number in op.reads), writes=writes, outputs=outputs)
    )


def _tensor(ref: str, role: str, array: Array) -> dict[str, Any]:
    """A tensor; what the forward pass renews is not in the page."""
    return {"role": role, **array_to_json(ref, array, encode_array(array) if role in ("param", "const") else None)}


def _layers(ops: list[dict[str, Any]], weights: set[int]) -> list[dict[str, Any]]:
    """Each layer that has weights, with the last tensor it writes."""
    paths = {op["path"] for op in ops if weights.intersection(op["reads"])}
    last = {op["path"]: op["writes"][-1] for op in ops if op["path"] in paths}
    return [{"path": path, "tensor": tensor} for path, tensor in last.items()]
