"""The intermediate representation of a step: values, and the calls of operations that connect them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glassnet.autograd.op import Op
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import CLOCK, user_line
from glassnet.autograd.variable import Variable
from glassnet.typing import Array

Role = Literal["input", "variable", "feed", "constant", "result"]


@dataclass(frozen=True)
class Value:
    """One array of the step: its number, where it comes from, shape and dtype."""

    id: int
    role: Role
    spec: Spec
    name: str = ""

    def __str__(self) -> str:
        return f"%{self.id}" + (f":{self.name}" if self.name else "")


@dataclass(frozen=True)
class Call:
    """One run of an operation."""

    op: Op
    inputs: tuple[int, ...]
    results: tuple[int, ...]
    phase: str
    layers: str


@dataclass(frozen=True)
class Feed:
    """A value that Python makes before each step."""

    value: int
    make: Callable[[], Any]
    many: Callable[[int], Any] | None = None
    """The numbers of the next so many steps, where they follow from the number of the step."""


@dataclass(frozen=True)
class Graph:
    """A traced step. `values[k].id == k`; calls are in execution order."""

    values: tuple[Value, ...]
    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: tuple[tuple[Variable, int], ...]
    """Variables that the step reads, with the value that stands for what they hold at its beginning."""
    feeds: tuple[Feed, ...]
    constants: tuple[tuple[Any, int], ...]
    assigns: tuple[tuple[Variable, int], ...]
    """Variables that the step changes, with the value that they hold at its end."""

    def __str__(self) -> str:
        lines = [f"graph({', '.join(str(self.values[i]) for i in self.inputs)})"]
        phase = ""
        for call in self.calls:
            if call.phase != phase:
                phase = call.phase
                lines.append(f"  {phase}:")
            names = ", ".join(str(self.values[i]) for i in call.inputs)
            results = ", ".join(str(self.values[i]) for i in call.results)
            shapes = ", ".join(f"{self.values[i].spec.dtype}{list(self.values[i].spec.shape)}" for i in call.results)
            layer = f"    # {call.layers}" if call.layers else ""
            lines.append(f"    {results} = {call.op!r} {names} -> {shapes}{layer}")
        lines += [f"  assign {variable.path} = {self.values[i]}" for variable, i in self.assigns]
        lines.append(f"  return {', '.join(str(self.values[i]) for i in self.outputs)}")
        return "\n".join(lines)

    def fed(self, steps: int = 1) -> list[Array]:
        """What Python makes before the next steps: one array per feed, with an axis of steps in front."""
        specs = [self.values[feed.value].spec for feed in self.feeds]
        found = [np.empty((steps, *[int(extent or 0) for extent in spec.shape]), spec.dtype) for spec in specs]
        single = [(array, feed.make) for array, feed in zip(found, self.feeds) if feed.many is None]
        for array, feed in zip(found, self.feeds):
            if feed.many is not None:
                array[...] = feed.many(steps)
        for step in range(steps if single else 0):  # step by step: two feeds may draw from one generator
            for array, make in single:
                array[step] = make()
        return found

    def mark_assigned(self) -> None:
        """Note on the variables that a step has changed them, and where it was called."""
        now, line = CLOCK.tick(), user_line() if self.assigns else ""
        for variable, _ in self.assigns:
            variable.leaf.changed_at, variable.leaf.changed_line = now, line

    def meaning(self) -> str:
        """All that the numbers of a step follow from, apart from the data; empty where an op is not this package's own.

        Variables and layers may have any names. What an op computes is in the sources, for those that we know.
        """
        if not all(type(call.op).__module__.startswith("glassnet.") for call in self.calls):
            return ""
        contents = dict(self.variables)
        parts = (
            [(value.role, value.spec) for value in self.values],
            [(type(call.op).__module__, repr(call.op), call.inputs, call.results) for call in self.calls],
            self.inputs, self.outputs, [*contents.values()], [feed.value for feed in self.feeds],
            [(number, hashlib.sha256(array.tobytes()).hexdigest()) for array, number in self.constants],
            [(contents[variable], number) for variable, number in self.assigns],
        )  # fmt: skip
        return repr(parts)

    def difference(self, other: Graph) -> str | None:
        """What differs first between two traces of the same step, or None when they are equal."""
        for number, (mine, theirs) in enumerate(zip(self.calls, other.calls, strict=False)):
            if (mine.op, mine.inputs, mine.results) != (theirs.op, theirs.inputs, theirs.results):
                return f"call {number}: {mine.op!r} of {mine.layers or 'no layer'} became {theirs.op!r}"
        if len(self.calls) != len(other.calls):
            return f"{len(self.calls)} operations became {len(other.calls)}"
        if self.values != other.values or self.outputs != other.outputs:
            return "the shapes or the order of the values changed"
        if _names(self.variables) != _names(other.variables):
            return "other variables were read"
        for (mine_array, i), (their_array, _) in zip(self.constants, other.constants, strict=True):
            if not np.array_equal(mine_array, their_array, equal_nan=mine_array.dtype.kind == "f"):
                return f"the constant {self.values[i]} changed: a number that Python made was about to be frozen"
        if _names(self.assigns) != _names(other.assigns):
            return "other variables were assigned, or the same ones with other values"
        return None


def _names(pairs: tuple[tuple[Variable, int], ...]) -> list[tuple[int, int]]:
    """Variables by identity: `==` would compare their contents."""
    return [(id(variable), number) for variable, number in pairs]
