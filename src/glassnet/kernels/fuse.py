"""Fusion: nests that can share their loops are put together, so that numbers stay in registers and caches.

Two nests over the same cells become one nest when the second reads what the first computes in the cell it is in: the
number never leaves its register. Nests with the same outermost extent become one group when the second stays in the
row of the first: the row is still in the cache. A contraction is blocked into registers and therefore a group of its
own; what follows cell by cell (bias, activation, the update of the very weights) becomes its epilogue. So is a nest that
writes other cells than its own: the result is complete only behind its loops.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from glassnet.autograd.rules import Name, Read
from glassnet.kernels.nest import Nest, Repetition, is_own_cell, row_axis, value_of

_ENOUGH = 8
"""Matrices that keep the threads busy."""


@dataclass
class Group:
    """Nests that run in one loop over their first axis, in order; with one nest also without such an axis."""

    nests: list[Nest] = field(default_factory=list)

    @property
    def shared(self) -> tuple[int, ...]:
        """The extents of the outer axes that go round all its nests, so that inside only a row is touched."""
        return self.nests[0].extents[: 1 if self.is_written_by_rows else shared_axes(self.nests)]

    @property
    def targets(self) -> set[int]:
        """Everything it computes."""
        return {target for nest in self.nests for target in nest.targets}

    @property
    def repetition(self) -> Repetition | None:
        """What it is repeated with."""
        return self.nests[0].repetition

    @property
    def is_written_by_rows(self) -> bool:
        """Whether its nests were meant to share their rows."""
        return any(nest.follows for nest in self.nests)

    @property
    def reads(self) -> set[int]:
        """Everything it reads."""
        return {value_of(read) for nest in self.nests for read in nest.reads()}

    def accesses(self) -> Iterator[Read]:
        """Every cell that is read or written."""
        for nest in self.nests:
            own = tuple(map(Name, nest.letters))
            yield from nest.reads()
            yield from (Read(str(a.target), own if a.at is None else a.at) for a in nest.assignments)


def fused(nests: Iterable[Nest], memory: Mapping[int, int]) -> list[Group]:
    """The nests in groups, in an order that keeps every reader behind what it reads.

    Arguments:
        memory: value -> the value whose memory it is, for views and results that take over memory.
    """
    groups: list[Group] = []
    writers: dict[int, int] = {}  # of each piece of memory: the last group that writes it
    for nest in nests:
        first = max((writers.get(owner, 0) for owner in _owners(map(value_of, nest.reads()), memory)), default=0)
        candidates = reversed(range(first, len(groups)))
        if nest.follows:
            position = len(groups) - 1
            groups[position].nests.append(nest)
        else:
            position = next((k for k in candidates if _join(groups[k], nest, memory)), len(groups))
        if position == len(groups):
            groups.append(Group([nest]))
        for owner in _owners(nest.targets, memory):
            writers[owner] = max(position, writers.get(owner, 0))
    return groups


def _join(group: Group, nest: Nest, memory: Mapping[int, int]) -> bool:
    """Put a nest into a group if both may share loops; whether that was done."""
    if group.repetition is not nest.repetition:
        return False
    needed = _owners(map(value_of, nest.reads()), memory)
    for position in reversed(range(len(group.nests))):
        host, behind = group.nests[position], group.nests[position + 1 :]
        if host.extents == nest.extents and _same_cells(host, nest, memory) and not _needs(nest, behind, memory):
            joined = [*group.nests[:position], host.with_assignment(nest.assignments[0]), *behind]
            if len(joined) == 1 or _share_rows(joined, memory):
                group.nests = joined
                return True
        if _owners(host.targets, memory) & needed:
            break
    if _owners(group.targets, memory) & needed and _share_rows([*group.nests, nest], memory):
        group.nests.append(nest)
        return True
    return False


def _needs(nest: Nest, others: list[Nest], memory: Mapping[int, int]) -> bool:
    targets = _owners((target for other in others for target in other.targets), memory)
    return bool(targets & _owners(map(value_of, nest.reads()), memory))


def _owners(values: Iterable[int], memory: Mapping[int, int]) -> set[int]:
    """The values whose memory these values are in."""
    return {memory.get(value, value) for value in values}


def _same_cells(host: Nest, nest: Nest, memory: Mapping[int, int]) -> bool:
    """Whether a nest reads of its host only the cell it is in, and brings no contraction of its own."""
    if nest.is_elsewhere or host.is_elsewhere:
        return False
    if nest.is_contraction or (host.is_contraction and any(a.reductions() for a in nest.assignments)):
        return False
    if not _has_in_common(host, nest):
        return False
    rank, written = len(nest.extents), _owners(host.targets, memory)
    if written & _owners(map(value_of, nest.lookups), memory):  # an index comes from memory, number by number
        return False
    for read in nest.reads():
        value = value_of(read)
        if memory.get(value, value) in written and not (value in host.targets and is_own_cell(read, rank)):
            return False
    return bool(nest.extents) or not any(a.reductions() for a in nest.assignments)


def _has_in_common(host: Nest, nest: Nest) -> bool:
    """Whether a nest reads what its host computes; where neither sums anything, no more is asked.

    Sums want lanes of their own: along the result or along what is summed.
    """
    if not any(assignment.reductions() for assignment in (*host.assignments, *nest.assignments)):
        return True
    known = set(host.targets) if host.is_contraction else {*host.targets, *map(value_of, host.reads())}
    return any(value_of(read) in known for read in nest.reads())


def _share_rows(nests: Sequence[Nest], memory: Mapping[int, int]) -> bool:
    """Whether nests may run row by row; with a contraction, in the matrices along two axes or more."""
    targets = {target for nest in nests for target in nest.targets}
    written = _owners(targets, memory)
    reads = [value_of(read) for nest in nests for read in nest.reads()]
    is_written_by_rows = any(nest.follows for nest in nests)
    judged = nests[-1:] if is_written_by_rows else nests
    if any(memory.get(v, v) in written and v not in targets for v in reads) or any(n.is_elsewhere for n in judged):
        return False
    depth = shared_axes(nests)
    if is_written_by_rows:
        return depth >= 1 and not nests[-1].is_contraction
    if not any(nest.is_contraction for nest in nests):
        return depth >= 1
    turns = any(isinstance(a.body, Read) for nest in nests for a in nest.assignments)  # in squares, on its own
    return not turns and depth >= 2 and math.prod(nests[0].extents[:depth]) >= _ENOUGH


def shared_axes(nests: Sequence[Nest]) -> int:
    """How many outer axes nests have in common, along which each reads of the others only the cell it is in."""
    targets = {target for nest in nests for target in nest.targets}
    depth = min(map(_rows_within, nests))
    for nest in nests:
        depth = min(depth, _in_common(nest.extents, nests[0].extents))
        for read in nest.reads():
            if value_of(read) in targets:
                depth = min(depth, _in_common(read.indices, [Name(letter) for letter in nest.letters]))
    return depth


def _rows_within(nest: Nest) -> int:
    """How many outer axes may be plain loops: the two others of a contraction lie in registers."""
    rank = len(nest.extents)
    if not nest.is_contraction:
        return rank
    return rank - 2 if row_axis(nest) == rank - 2 else 0


def _in_common(a: Sequence[object], b: Sequence[object]) -> int:
    """How many items two sequences begin with that are equal.

    >>> _in_common("outer", "out")
    3
    """
    return len(list(itertools.takewhile(bool, map(operator.eq, a, b))))
