"""ExecutionPlan: a graph as a flat list of calls on raw arrays, replayed with NumPy.

A replay runs the very `forward` methods that eager execution runs, in the same order on the same arrays, so it gives
the same bits; what it leaves out is Python (layers, tape, checks) and new memory for large results (`buffers.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.graph.buffers import Buffers, Step
from glassnet.graph.ir import Call, Graph
from glassnet.typing import Array


class ExecutionPlan:
    """Replays a graph. Not thread-safe: a plan owns its slots."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._slots: list[Any] = [None] * len(graph.values)
        for array, number in graph.constants:
            self._slots[number] = array
        assigned = {number: variable for variable, number in graph.assigns}
        in_place = _updates_in_place(graph)
        self._buffers = Buffers(graph, _steps(graph, len(graph.calls) - len(in_place)))
        self._updates = [(call, tuple(assigned[r] for r in call.results)) for call in in_place]
        written = {r for call in in_place for r in call.results}
        self._assigns = [(variable, number) for variable, number in graph.assigns if number not in written]
        self._copied = _views_of({number for _, number in graph.variables} | set(graph.inputs), graph)
        """What may lie in memory that is not the plan's own: copied before it is given out or assigned."""

    def run(self, *arrays: Any, fed: list[Array] | None = None) -> list[Any]:
        """Fill the inputs, replay, assign the variables; returns the outputs as arrays."""
        graph, slots = self.graph, self._slots
        for number, array in zip(graph.inputs, arrays, strict=True):
            slots[number] = array
        for variable, number in graph.variables:
            slots[number] = variable.array
        for feed, array in zip(graph.feeds, graph.fed() if fed is None else fed):
            slots[feed.value] = array[0]
        for forward, inputs, results, single, last_used in self._buffers.steps(slots):
            found = forward(np, *[slots[i] for i in inputs])
            if single:
                slots[results[0]] = found
            else:
                for number, array in zip(results, found):
                    slots[number] = array
            for number in last_used:
                slots[number] = None  # where it has no buffer, its memory is warm: the next result gets it
        outputs = [np.array(slots[i]) if i in self._copied else slots[i] for i in graph.outputs]
        self._assign()
        return outputs

    def scan(self, rows: Array, *arrays: Any) -> list[Any]:
        """A step on the rows `rows[k]` of whole arrays for every k; outputs have an axis of steps in front."""
        return one_by_one(self, rows, arrays)

    def report(self) -> str:
        """Who runs the step."""
        return f"NumPy runs {len(self.graph.calls)} operations"

    def _assign(self) -> None:
        slots = self._slots
        new = [(v, np.array(slots[i]) if i in self._copied else slots[i]) for v, i in self._assigns]
        for call, variables in self._updates:
            targets = tuple(variable.array for variable in variables)
            call.op.forward(np, *[slots[i] for i in call.inputs], out=targets if len(targets) > 1 else targets[0])
        for variable, array in new:
            np.copyto(variable.array, array)
        self.graph.mark_assigned()


def one_by_one(plan: Any, rows: Array, arrays: Sequence[Any]) -> list[Any]:
    """What `scan` gives, step by step."""
    steps = [plan.run(*[array[own] for array in arrays]) for own in rows]
    return [np.stack(outputs) for outputs in zip(*steps)]


def _steps(graph: Graph, count: int) -> list[Step]:
    """The first `count` calls as flat tuples, each with the results that nothing needs after it."""
    kept = set(graph.outputs) | {i for _, i in graph.assigns} | {i for call in graph.calls[count:] for i in call.inputs}
    kept |= {value.id for value in graph.values if value.role != "result"}
    steps: list[Step] = []
    for call in reversed(graph.calls[:count]):
        last_used = tuple({*call.inputs, *call.results} - kept)
        kept.update(last_used)
        steps.append((call.op.forward, call.inputs, call.results, len(call.results) == 1, last_used))
    return steps[::-1]


def _updates_in_place(graph: Graph) -> tuple[Call, ...]:
    """The closing calls that may write into the variables they update: optimizer steps at the end of the graph.

    Such a call's results are all assigned, each to the variable whose content it may take over by `op.inplace`; nothing
    else reads those results, and nothing after the call (nor a view) reads the content that it overwrites.
    """
    content = {number: variable for variable, number in graph.variables}
    assigned = {number: variable for variable, number in graph.assigns}
    read = {i for call in graph.calls for i in call.inputs} | set(graph.outputs)
    views = _views_of(set(content), graph) - set(content)
    read_later: set[int] = set()
    count = 0
    for call in reversed(graph.calls):
        overwritten = [call.inputs[call.op.inputs.index(source)] for source in call.op.inplace.values()]
        takes_over = all(
            name in call.op.inplace
            and result in assigned
            and result not in read
            and content.get(call.inputs[call.op.inputs.index(call.op.inplace[name])]) is assigned[result]
            for name, result in zip(call.op.results, call.results, strict=True)
        )
        safe = all(i not in read_later and call.inputs.count(i) == 1 for i in overwritten)
        if call.phase != "update" or not takes_over or not safe or any(i in views for i in call.inputs):
            break
        read_later.update(call.inputs)
        count += 1
    return graph.calls[len(graph.calls) - count :]


def _views_of(sources: set[int], graph: Graph) -> set[int]:
    """The given values and all that may be views of their memory."""
    aliases = set(sources)
    for call in graph.calls:
        if call.op.kind == "view" and any(i in aliases for i in call.inputs):
            aliases.update(call.results)
    return aliases
