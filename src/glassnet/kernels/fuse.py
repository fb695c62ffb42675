"""Fusion: nests that can share their loops are put together, so that numbers stay in registers and caches.

Two nests over the same cells become one nest when the second reads what the first computes in the cell it is in: the
number never leaves its register. Nests with the same outermost extent become one group when the second stays in the
row of the first: the row is still in the cache. A contraction is blocked into registers and therefore a group of its
own; what follows cell by cell (bias, activation, the update of the very weights) becomes its epilogue. So is a nest that
writes other cells than its own: the result is complete only behind its loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from glassnet.autograd.rules import Name, Read
from glassnet.kernels.nest import Nest, is_own_cell, is_own_row, value_of


@dataclass
class Group:
    """Nests that run in one loop over their first axis, in order; with one nest also without such an axis."""

    nests: list[Nest] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The extent of the first axis; 1 where there is none."""
        return self.nests[0].extents[0] if self.nests[0].extents else 1

    @property
    def targets(self) -> set[int]:
        """Everything it computes."""
        return {target for nest in self.nests for target in nest.targets}

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
    for position in reversed(range(len(group.nests))):
        host = group.nests[position]
        if (
            host.extents == nest.extents
            and _same_cells(host, nest, memory)
            and not _needs(nest, group.nests[position + 1 :], memory)
        ):
            group.nests[position] = host.with_assignment(nest.assignments[0])
            return True
        if _owners(host.targets, memory) & _owners(map(value_of, nest.reads()), memory):
            break
    if _shares_rows(group, nest, memory):
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


def _shares_rows(group: Group, nest: Nest, memory: Mapping[int, int]) -> bool:
    """Whether a nest may run in the rows of a group."""
    if not nest.extents or nest.extents[0] != group.rows or not group.nests[0].extents:
        return False
    alone = [nest] if group.is_written_by_rows else [nest, *group.nests]
    if any(n.is_contraction or n.is_elsewhere for n in alone):
        return False
    written = _owners(group.targets, memory)
    touching = [read for read in nest.reads() if memory.get(value_of(read), value_of(read)) in written]
    return bool(touching) and all(value_of(read) in group.targets and is_own_row(read) for read in touching)
