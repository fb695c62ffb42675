"""The route: one path of numbers through the network that pushes the true class up most, as `web/route.js` finds it.

From the output of the true class back to the input: at every operation the term of its rule that helps most. The page
follows the same rule, so that what is computed here about the numbers of the route is there where the page looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassnet.autograd.rules import Binary, Call, Expr, Guard, Name, Negative, Read, Reduce, children, evaluate, parse
from glassnet.autograd.worked import Cell, CellEvaluation
from glassnet.explain.trace import Trace, TracedOp
from glassnet.typing import Array

_SIGNALS = ("act", "input")


@dataclass
class _Place:
    """One number of the trace."""

    tensor: int
    cell: Cell


@dataclass
class _Term:
    """One part of the outermost sum of a rule: its value, its sign in the sum, and the numbers that it is made of."""

    value: float
    sign: int
    sources: list[_Place]
    is_one_of_many: bool
    """Whether it is a term of a reduction."""


def strongest_route(trace: Trace) -> list[str]:
    """The refs of the path, from input to output, in the sample with the largest loss.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.layers.Dense(1, name="dense")])
    >>> model.build((None, 2))
    >>> model.set_weights([np.array([[1.0], [2.0]]), np.zeros(1)])
    >>> step = gn.trace(model, np.ones((1, 2)), np.full((1, 1), 9.0), loss="mse", optimizer="sgd")
    >>> strongest_route(step)
    ['x[0,1]', 'dense/kernel@0[1,0]', 'dense/linear[0,0]']
    """
    writers = {number: op for op in trace.in_phase("forward") for number in op.writes}
    place, sign = _true_place(trace)
    route = [place]
    while (op := writers.get(place.tensor)) is not None:
        best = _best_term(trace, op, place, sign)
        if best is None:
            break
        weights = [source for source in best.sources if trace.tensors[source.tensor].role == "param"]
        for factor in (best.sign, *(trace.tensors[weight.tensor].array[weight.cell] for weight in weights)):
            sign = -sign if factor < 0 else sign
        place = _signals(trace, best, place)[0]
        route = [place, *weights, *route]
    return [_ref(trace, place) for place in route]


def _best_term(trace: Trace, op: TracedOp, place: _Place, sign: int) -> _Term | None:
    """The term that pushes a result most; where numbers of the same place are read, as by an activation, one of those."""
    reading = [term for term in _terms(trace, op, place) if _signals(trace, term, place)]
    own = [t for t in reading if not t.is_one_of_many and _signals(trace, t, place)[0].cell == place.cell]
    return max(own or reading, key=lambda term: sign * term.value, default=None)


def _signals(trace: Trace, term: _Term, place: _Place) -> list[_Place]:
    """The activations and inputs that a term reads; the one in the same place as the result comes first."""
    found = [source for source in term.sources if trace.tensors[source.tensor].role in _SIGNALS]
    return sorted(found, key=lambda source: source.cell != place.cell)


# ---------------------------------------------------------------- the terms of one cell


def _terms(trace: Trace, op: TracedOp, place: _Place) -> list[_Term]:
    """All terms of which a cell is the sum; none where no rule says how it is computed."""
    target = op.outputs[op.writes.index(place.tensor)]
    if not op.rule or target not in op.targets:
        return []
    numbers = dict(zip(op.outputs + op.inputs, op.writes + op.reads))
    arrays = {name: _precise(trace.tensors[number].array) for name, number in numbers.items() if name != target}
    statements = parse(op.rule)
    if any(statement.target not in numbers for statement in statements):
        arrays |= evaluate(op.rule, arrays, op.attributes, {target: trace.tensors[place.tensor].array.shape})
    statement = next(statement for statement in statements if statement.target == target)
    worker = CellEvaluation(statement, arrays, op.attributes, place.cell, terms=0)
    return [
        _Term(
            value, sign, [_Place(numbers[array], cell) for array, cell in sources if array in numbers], is_one_of_many
        )
        for value, sign, sources, is_one_of_many in _addends(worker, statement.body)
    ]


def _precise(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _addends(
    worker: CellEvaluation, expr: Expr, sign: int = 1, inside: bool = False
) -> Iterator[tuple[float, int, list[tuple[str, Cell]], bool]]:
    """The parts of the outermost sum, down to the single terms of its reductions."""
    match expr:
        case Binary("+" | "-" as operator, left, right) if not inside:
            yield from _addends(worker, left, sign)
            yield from _addends(worker, right, sign if operator == "+" else -sign)
        case Negative(operand) if not inside:
            yield from _addends(worker, operand, -sign)
        case Reduce("sum"):
            for body in _unrolled(worker, expr):
                yield from _addends(worker, body, sign, inside=True)
        case _:
            yield sign * float(worker.work(expr)[0]), sign, list(_read_cells(worker, expr)), inside


def _unrolled(worker: CellEvaluation, reduction: Reduce) -> Iterator[Expr]:
    """The body of a reduction once for each place along its letters, which are set meanwhile."""
    outer = dict(worker.letters)
    for at in np.ndindex(*[worker.extents[letter] for letter in reduction.letters]):
        worker.letters = outer | dict(zip(reduction.letters, at))
        yield reduction.body
    worker.letters = outer


def _read_cells(worker: CellEvaluation, expr: Expr) -> Iterator[tuple[str, Cell]]:
    """The cells whose numbers enter a value; not those that only say where to look or that are only tested."""
    match expr:
        case Guard():
            return
        case Read() | Name():
            worker.sources = []
            worker.work(expr)
            array = expr.array if isinstance(expr, Read) else expr.name
            yield from [source for source in worker.sources if source[0] == array][-1:]
        case Call("where", (_, *cases)):
            for case in cases:
                yield from _read_cells(worker, case)
        case Reduce("max" | "min"):  # only what won has a part in the value
            value = worker.work(expr)[0]
            won = [list(_read_cells(worker, b)) for b in _unrolled(worker, expr) if worker.work(b)[0] == value]
            yield from won[0] if won else []
        case Reduce():
            for body in _unrolled(worker, expr):
                yield from _read_cells(worker, body)
        case _:
            for part in children(expr):
                yield from _read_cells(worker, part)


# ---------------------------------------------------------------- where the route ends


def _true_place(trace: Trace) -> tuple[_Place, int]:
    """The output of the true class in the sample with the largest loss, and the way it should move."""
    sample = worst_sample(trace)
    number = list(trace.in_phase("forward"))[-1].writes[0]
    output = trace.tensors[number].array
    target = next(tensor.array for tensor in trace.tensors if tensor.role == "target")
    row = target[sample].reshape(-1)
    if output.shape[-1] == 1:
        cell = (sample, *[0] * (output.ndim - 1))
        return _Place(number, cell), -1 if row[0] < output[cell] else 1
    per_step = output.ndim == 3 and row.size == output.shape[1]
    at = int(np.flatnonzero(row >= 0)[-1:].sum()) if per_step else 0  # the last step whose label counts
    true = int(row[at]) if per_step or row.size == 1 else int(np.argmax(row))
    return _Place(number, (sample, *[at] * (output.ndim - 2), min(max(true, 0), output.shape[-1] - 1))), 1


def worst_sample(trace: Trace) -> int:
    """The sample of the batch with the largest loss."""
    for op in trace.in_phase("loss"):
        losses = trace.tensors[op.writes[0]].array
        if losses.ndim and len(losses) == trace.facts["samples"] and op.name != "cast":
            return int(np.argmax(losses.reshape(len(losses), -1).sum(axis=1, dtype=np.float64)))
    return 0


def _ref(trace: Trace, place: _Place) -> str:
    return f"{trace.tensors[place.tensor].ref}[{','.join(map(str, place.cell))}]"
