"""From a graph to what runs: groups of nests for the compiler, and single calls that NumPy runs between them."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from glassnet.autograd.rules import Expr, Name, Number, Read
from glassnet.autograd.spec import Spec
from glassnet.graph.ir import Call, Graph
from glassnet.kernels.copies import with_prepared_factors, with_staged_sums
from glassnet.kernels.fuse import Group, fused
from glassnet.kernels.lookups import Lookup, Lookups
from glassnet.kernels.memory import Part, Place, axes_of_view, contiguous, laid_out_like
from glassnet.kernels.nest import Assignment, Lowering, Nest, NotCompiled, is_own_cell, rebuilt, value_of
from glassnet.kernels.recompute import recomputed
from glassnet.kernels.recurrence import walked
from glassnet.kernels.verify import Verifier
from glassnet.kernels.winograd import fewer_products


@dataclass
class Stage:
    """Groups that run as one driver, or one call that NumPy runs."""

    groups: list[Group] = field(default_factory=list)
    call: Call | None = None
    reason: str = ""

    def moments(self) -> list[tuple[set[int], set[int]]]:
        """In order: the values that each group touches, and those that it takes from memory or leaves there."""
        if self.call is not None:
            touched = {*self.call.inputs, *self.call.results}
            return [(touched, touched)]
        return [(group.reads | group.targets, _read_from_memory(group)) for group in self.groups]


def _read_from_memory(group: Group) -> set[int]:
    """What is read from memory: everything but the cells that a nest has in registers."""
    return {value_of(r) for nest in group.nests for r in nest.reads() if value_of(r) not in nest.targets}


class Program:
    """The stages of a step, in order; and where its values live.

    Values beyond those of the graph are what rules keep between their statements, and copies. Every output gets memory
    of its own, and every variable holds its new content when the last stage is through.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.specs: list[Spec] = [value.spec for value in graph.values]
        self.places: dict[int, Place] = {}
        self.lowering = Lowering(self.specs, {number: array for array, number in graph.constants})
        self.made_for: dict[int, Call] = {}
        """Whose kernels the values belong to that the graph does not have."""
        self.outputs: list[int] = []
        self.lookups = set[Lookup]()
        """Indices that are looked at before each step."""
        self.stages = list(self._stages())
        verifier = Verifier(self.place)
        self._verify("fusion", verifier)
        self._recompute()
        self._verify("recomputation", verifier)
        self.updated_in_place = dict(self._in_place())
        for value, place in self.places.items():  # of the results, and of views of them
            memory = self.updated_in_place.get(place.memory, place.memory)
            self.places[value] = replace(place, memory=memory)
        self.kept = {*self.outputs, *self.updated_in_place}
        """What has to be in memory when the step ends."""
        self._append_assignments()

    def place(self, value: int) -> Place:
        """Where a value lives; in memory of its own unless something else was said."""
        if value not in self.places:
            part = self.lowering.parts.get(value)
            self.places[value] = contiguous(value, self.specs[value]) if part is None else self._part(part)
        return self.places[value]

    def _part(self, part: Part) -> Place:
        whole = self.place(part.whole)
        place = laid_out_like(whole, lambda array: array[part.index])
        assert place is not None, "a part shares its memory"
        return replace(place, advance=whole.advance + sum(map(operator.mul, part.moves, whole.strides)))

    def _stages(self) -> Iterator[Stage]:
        """The calls as groups of nests, with NumPy's calls between them."""
        nests, lookups = list[Nest](), Lookups(self.graph)
        for call in _needed_calls(self.graph):
            if call.op.kind == "view" and self._is_view(call):
                continue
            first = len(self.specs)
            try:
                self.lowering.check(call)
                found = fewer_products(call, self.lowering) or self._by_its_rule(call)
                self.lookups |= {*lookups.of(call, found, self.lowering.shape)}
                nests += [nest for nest in found if 0 not in nest.extents]
                self.made_for |= dict.fromkeys(range(first, len(self.specs)), call)
            except NotCompiled as reason:
                if nests:
                    yield Stage(self._fused(nests))
                yield Stage(call=call, reason=str(reason))
                nests = []
        nests += self._output_copies()
        if nests:
            yield Stage(self._fused(nests))

    def _by_its_rule(self, call: Call) -> list[Nest]:
        """The nests of a call as its rule says it, prepared to be fast."""
        lowered = walked(call, self.lowering) or self.lowering.nests(call)
        return with_prepared_factors(with_staged_sums(lowered, self.lowering), self.place, self.lowering)

    def _fused(self, nests: list[Nest]) -> list[Group]:
        for part in self.lowering.parts:
            self.place(part)
        direct = [replace(nest, assignments=tuple(map(self._without_views, nest.assignments))) for nest in nests]
        return fused(direct, {value: place.memory for value, place in self.places.items()})

    def _without_views(self, assignment: Assignment) -> Assignment:
        """An assignment that reads what the step computes itself, not the same cells by another name."""
        axes: dict[int, list[int | None]] = {}
        for value in {value_of(read) for read in assignment.reads()}:
            view = self.place(value)
            is_own = view.memory >= len(self.graph.values) or self.graph.values[view.memory].role == "result"
            found = axes_of_view(view, self.place(view.memory)) if is_own and view.memory != value else None
            if found is not None:
                axes[value] = found

        def direct(part: Expr) -> Expr | None:
            if not isinstance(part, Read) or value_of(part) not in axes:
                return None
            own = [Number(0) if axis is None else part.indices[axis] for axis in axes[value_of(part)]]
            return Read(str(self.place(value_of(part)).memory), tuple(own))

        at = assignment.at and tuple(rebuilt(index, direct) for index in assignment.at)
        return replace(assignment, body=rebuilt(assignment.body, direct), at=at) if axes else assignment

    def _verify(self, name: str, verifier: Verifier) -> None:
        """Raise if a pass has broken what all of them must keep."""
        known = {value.id for value in self.graph.values if value.role != "result"}
        known |= {value for value, spec in enumerate(self.specs) if 0 in spec.shape}  # nobody has to compute these
        for stage in self.stages:
            verifier.verify(name, stage.groups, known)
            known |= {*stage.call.results} if stage.call else set()

    def _is_view(self, call: Call) -> bool:
        (result,) = call.results
        place = laid_out_like(self.place(call.inputs[0]), functools.partial(call.op.forward, np))
        if place is not None:
            self.places[result] = place
        return place is not None

    def _output_copies(self) -> Iterator[Nest]:
        """Copies of outputs that have no memory of their own: views, inputs, contents of variables."""
        assigned = {number for _, number in self.graph.assigns}
        for number in self.graph.outputs:
            own = self.graph.values[number].role == "result" and self.place(number).memory == number
            if own and number not in assigned and number not in self.outputs:
                self.outputs.append(number)
            else:
                copy = self._copy(number)
                self.outputs.append(copy.targets[0])
                yield copy

    def _copy(self, value: int) -> Nest:
        """A nest that copies a value into a new one."""
        shape = self.place(value).shape
        body = Read(str(value), tuple(Name(str(axis)) for axis in range(len(shape))))
        return Nest(shape, (Assignment(self.lowering.new_value(self.specs[value]), body),))

    def _recompute(self) -> None:
        """Let kernels compute again what it does not pay to keep."""
        kept = [*self.outputs, *(result for _, result in self.graph.assigns)]
        kept += [v for stage in self.stages if stage.call for v in (*stage.call.inputs, *stage.call.results)]
        changed = {id(variable) for variable, _ in self.graph.assigns}
        overwritten = [content for variable, content in self.graph.variables if id(variable) in changed]
        found = iter(recomputed([g for s in self.stages for g in s.groups], self.place, kept, overwritten))
        for stage in self.stages:
            stage.groups = [group for group in itertools.islice(found, len(stage.groups)) if group.nests]
        self.stages = [stage for stage in self.stages if stage.groups or stage.call]

    # ------------------------------------------------------------ variables
    def _in_place(self) -> Iterable[tuple[int, int]]:
        """(result, content) of assigned variables that may be overwritten while the step runs: nobody reads on.

        A call of NumPy counts as a reader of all: it may refuse its numbers, and a refused step changes nothing.
        """
        contents = dict(self.graph.variables)
        taken_over = {self.place(result).memory for _, result in self.graph.assigns}
        parts = [part for stage in self.stages for part in ([stage.call] if stage.call else stage.groups)]
        written = dict[int, tuple[int, Group]]()  # value -> the first group that writes it
        read = dict[int, int]()  # memory -> the last part that reads from it
        for position, part in enumerate(parts):
            if isinstance(part, Group):
                written |= dict.fromkeys(part.targets - written.keys(), (position, part))
            seen = part.reads if isinstance(part, Group) else (*part.inputs, *contents.values())
            read |= {self.place(value).memory: position for value in seen}
        for variable, result in self.graph.assigns:
            content, (position, group) = contents[variable], written.pop(result, (-1, Group()))
            if self.place(result).memory != result or content in taken_over or read.get(content, 0) > position:
                continue
            if all(self._reads_own_cells(nest, content, result) for nest in group.nests):
                yield result, content

    def _reads_own_cells(self, nest: Nest, content: int, result: int) -> bool:
        reads = [read for read in nest.reads() if self.place(value_of(read)).memory == content]
        rank = len(nest.extents)
        return not reads or (
            result in nest.targets and all(value_of(r) == content and is_own_cell(r, rank) for r in reads)
        )

    def _append_assignments(self) -> None:
        """Copies into the variables that could not be overwritten; out of all sources first that lie in such variables."""
        contents = dict(self.graph.variables)
        sources = [(result, contents[variable]) for variable, result in self.graph.assigns]
        late = [(result, content) for result, content in sources if self.updated_in_place.get(result) != content]
        overwritten = {content for _, content in late}
        groups = []
        for position, (result, content) in enumerate(late):
            if self.place(result).memory in overwritten and self.place(result) != self.place(content):
                copy = self._copy(result)
                groups.append(Group([copy]))
                late[position] = (copy.targets[0], content)
        for result, content in late:
            copy = self._copy(result)
            self.places[copy.targets[0]] = self.place(content)
            self.kept.add(copy.targets[0])
            groups.append(Group([copy]))
        if groups and self.stages and self.stages[-1].call is None:
            self.stages[-1].groups += groups
        elif groups:
            self.stages.append(Stage(groups))


def _needed_calls(graph: Graph) -> list[Call]:
    """The calls whose results reach an output or a variable, in order."""
    needed = {*graph.outputs, *(number for _, number in graph.assigns)}
    found = []
    for call in reversed(graph.calls):
        if needed.intersection(call.results):
            needed.update(call.inputs)
            found.append(call)
    return found[::-1]
