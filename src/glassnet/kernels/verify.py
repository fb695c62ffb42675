"""What must hold of the groups of a step, after fusion and after recomputation: a pass that breaks it is named.

Every number that is read has been given or computed before, from a cell that its array has; and what nests of one group
read of each other they read in their own row, because other rows may not be complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from glassnet.autograd import rules
from glassnet.autograd.rules import Call, Expr, Name, Read, Reduce
from glassnet.kernels.fuse import Group
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, bounds, reads_in, value_of


class BrokenPass(Exception):
    """A pass has made nests that would not compute what they should."""


class Verifier:
    """Looks at the groups of a step after each pass.

    Arguments:
        place: the shape and the memory of a value.
    """

    def __init__(self, place: Callable[[int], Place]) -> None:
        self.place = place
        self._seen: dict[int, Assignment] = {}
        """Assignments whose cells exist, by identity: what a pass leaves alone needs no second look."""

    def verify(self, name: str, groups: Iterable[Group], known: set[int]) -> None:
        """Raise unless the groups keep the rules.

        Arguments:
            name: of the pass they come from.
            known: memory that holds something before the first group; what they write is added.
        """
        for group in groups:
            for nest in group.nests:
                for assignment in nest.assignments:
                    for problem in self._problems(assignment, nest, known):
                        raise BrokenPass(f"{name}: {problem}")
                    self._seen[id(assignment)] = assignment
                    known.add(self.place(assignment.target).memory)
            if len(group.nests) > 1:
                for read in _of_other_rows(group):
                    raise BrokenPass(f"{name}: %{read.array} is read outside the row that the group is in")

    def _problems(self, assignment: Assignment, nest: Nest, known: set[int]) -> Iterator[str]:
        """What is wrong with what an assignment reads and with where it writes."""
        for read in assignment.reads():
            if self.place(value_of(read)).memory not in known:
                yield f"%{read.array} is read before it is computed"
        if id(assignment) in self._seen:
            return
        letters = dict(zip(nest.letters, nest.extents))
        for part in rules.walk(assignment.body):
            letters |= dict(zip(part.letters, part.extents)) if isinstance(part, Reduce) else {}
        own = tuple(map(Name, nest.letters))
        cell = Read(str(assignment.target), own if assignment.at is None else assignment.at)
        for read in (cell, *assignment.reads()):
            yield from _misplaced(read, self.place(value_of(read)).shape, letters)


def _misplaced(read: Read, shape: tuple[int, ...], letters: dict[str, int]) -> Iterator[str]:
    """What is wrong with the indices of a cell."""
    if len(read.indices) != len(shape):
        yield f"%{read.array} has {len(shape)} axes and is read at {len(read.indices)} indices"
        return
    for index, size in zip(read.indices, shape):
        unknown = {part.name for part in rules.walk(index) if isinstance(part, Name)} - letters.keys()
        if unknown:
            yield f"an index of %{read.array} names {', '.join(sorted(unknown))}, which is no loop"
        elif not _is_kept_inside(index):
            low, high = bounds(index, letters)
            if low < 0 or high >= size:
                yield f"an index of %{read.array} reaches from {low} to {high} along an axis of {size}"


def _is_kept_inside(index: Expr) -> bool:
    """Whether the kernel itself sees to it that an index stays in its axis: where a frame is asked for, and of lookups."""
    return (isinstance(index, Call) and index.function == "inside") or bool(reads_in(index))


def _of_other_rows(group: Group) -> Iterator[Read]:
    """What nests of a group read of each other in other rows than their own."""
    row, targets = tuple(Name(str(axis)) for axis in range(len(group.shared))), group.targets
    for nest in group.nests:
        for read in nest.reads():
            if value_of(read) in targets and value_of(read) not in nest.targets and read.indices[: len(row)] != row:
                yield read
