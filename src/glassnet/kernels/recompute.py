"""Recomputation: what kernels compute again from what is in memory anyway, rather than keep it there.

The backward pass asks for many numbers of the forward pass. To write an array and to read it back takes longer than a few
multiplications, so a value whose formula has no sum is computed again by those who read it, if that saves bytes. GELU's
derivative asks for x/2, 1 + erf(x/√2) and exp(-x²/2): x is kept instead, one array for three.

Sums are never repeated. The same formula on the same numbers gives the same bits; a product that its reader adds would
not, as the processor rounds x*y + z once, so it is kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Call, Expr, Name, Negative, Number, Read, Reduce
from glassnet.kernels.fuse import Group
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, is_own_cell, reads_in, rebuilt, value_of

_SMALL = 1 << 16
"""Bytes that stay in the cache until somebody reads them."""
_CALL = 4
"""Bytes that memory gives while a register of numbers goes through erf, exp, ...: per number."""
_CHEAP = ("where", "max", "min", "abs", "sign")


def recomputed(
    groups: list[Group], place: Callable[[int], Place], kept: Iterable[int], overwritten: Iterable[int]
) -> list[Group]:
    """The groups of a step, of which some compute again what others keep no more; a group may be left empty.

    Arguments:
        place: where a value would lie in memory.
        kept: what has to be in memory, whoever reads it.
        overwritten: what does not stay as it is until the step ends.
    """
    choice = _Choice(groups, place, kept, overwritten)
    for group in groups:
        for nest in group.nests:
            choice.decide(nest)
    rewritten = [Group([_inlined(nest, choice.formulas) for nest in group.nests]) for group in groups]
    return _needed(rewritten, choice.owner, choice.kept)


@dataclass(frozen=True)
class _Site:
    """Where a value is read outside of its own nest: by whom, inside which formula and which sum."""

    group: int
    nest: Nest
    target: int
    read: Read
    parent: Expr | None
    total: Reduce | None

    @property
    def cells(self) -> int:
        """How many numbers are read here."""
        return math.prod(self.nest.extents) * (math.prod(self.total.extents) if self.total else 1)

    @property
    def takes_formulas(self) -> bool:
        """Whether a formula may stand here instead: lanes stay lanes, and a sum meets every number once."""
        named = [index.name for index in self.read.indices if isinstance(index, Name)]
        if self.nest.scatters or not all(isinstance(index, (Name, Number)) for index in self.read.indices):
            return False
        if self.total is not None:
            return not self.nest.is_contraction and sorted(named) == sorted([*self.nest.letters, *self.total.letters])
        lane = self.nest.letters[-1:]
        return len({*named}) == len(named) and (lane == tuple(named[-1:]) or not {*lane} & {*named})

    @property
    def adds(self) -> bool:
        """Whether a product here would be rounded together with a sum."""
        match self.parent:
            case None | Negative() | Reduce() | Binary("+" | "-"):
                return True
        return False


def _sites(group: int, nest: Nest) -> Iterator[_Site]:
    """Where a nest of a group reads what others compute."""
    for assignment in nest.assignments:
        for read, parent, total in _reads_within(assignment.body, None, None):
            if value_of(read) not in nest.targets:
                yield _Site(group, nest, assignment.target, read, parent, total)


def _reads_within(
    expr: Expr, parent: Expr | None, total: Reduce | None
) -> Iterator[tuple[Read, Expr | None, Reduce | None]]:
    """Every read of a formula, with the part that it belongs to and the sum that it is in."""
    if isinstance(expr, Read):
        yield expr, parent, total
    inner = expr if isinstance(expr, Reduce) else total
    for part in rules.children(expr):
        yield from _reads_within(part, expr, inner)


class _Choice:
    """Which values are computed again, and by which formulas."""

    def __init__(
        self, groups: list[Group], place: Callable[[int], Place], kept: Iterable[int], overwritten: Iterable[int]
    ) -> None:
        self.place, self.formulas = place, dict[int, Expr]()
        self.kept, self.overwritten = {*map(self.owner, kept)}, {*map(self.owner, overwritten)}
        self.sites: dict[int, list[_Site]] = {}
        """Who reads a piece of memory, by its owner."""
        self.reads: dict[int, set[int]] = {}
        """Which pieces of memory a group reads."""
        for number, group in enumerate(groups):
            sites = [site for nest in group.nests for site in _sites(number, nest)]
            self.reads[number] = {self.owner(value_of(site.read)) for site in sites}
            for site in sites:
                self.sites.setdefault(self.owner(value_of(site.read)), []).append(site)
        written = Counter(self.owner(target) for group in groups for nest in group.nests for target in nest.targets)
        self.overwritten |= {owner for owner, times in written.items() if times > 1}

    def owner(self, value: int) -> int:
        """The value whose memory a value is in."""
        return self.place(value).memory

    def in_memory(self, value: int) -> bool:
        """Whether a value has to be in memory as long as nothing is computed again."""
        return value in self.kept or value in self.sites

    def decide(self, nest: Nest) -> None:
        """Take values of a nest out of memory where that saves bytes; perhaps one more is put there instead."""
        asked = [assignment for assignment in nest.assignments if self._may_go(assignment)]
        seeds = [None, *(v for v in nest.targets if not self.in_memory(v))] if asked else []
        options = [(self._formulas(nest, asked, seed), seed) for seed in seeds]
        gains = [self._gain(*option) for option in options]
        if max(gains, default=0) > 0:
            self.formulas |= options[gains.index(max(gains))][0]

    def _may_go(self, assignment: Assignment) -> bool:
        """Whether all who read a value could compute it."""
        value, place = assignment.target, self.place(assignment.target)
        if value not in self.sites or value in self.kept | self.overwritten or assignment.at is not None:
            return False
        return place.dtype.kind == "f" and place.size >= _SMALL and place.is_contiguous and all(
            value_of(site.read) == value and self.place(site.target).dtype == place.dtype and site.takes_formulas
            for site in self.sites[value]
        )  # fmt: skip

    def _formulas(self, nest: Nest, asked: list[Assignment], seed: int | None) -> dict[int, Expr]:
        """What could be computed again if the seed were in memory, and how."""
        found: dict[int, Expr] = {}
        own = {a.target: a.body for a in nest.assignments if a.target != seed}
        dtype = self.place(asked[0].target).dtype

        def source(part: Expr) -> Expr | None:
            if not isinstance(part, Read):
                return None
            value = value_of(part)
            if value in self.formulas:
                return _at(self.formulas[value], part.indices)
            if value in own and self.place(value).dtype == dtype and (value in found or not self.in_memory(value)):
                return rebuilt(own[value], source)
            return part

        for assignment in asked:
            formula = rebuilt(assignment.body, source)
            if assignment.target != seed and self._is_exact(assignment.target, formula):
                found[assignment.target] = formula
        return found

    def _is_exact(self, value: int, formula: Expr) -> bool:
        """Whether a formula gives the same bits wherever the value is read, out of what is still there."""
        reads, rank = reads_in(formula), len(self.place(value).shape)
        if any(isinstance(part, Reduce) for part in rules.walk(formula)) or not all(map(self._is_source(value), reads)):
            return False
        if _is_product(formula) and any(site.adds for site in self.sites[value]):
            return False
        sums = [site.nest for site in self.sites[value] if site.total]
        is_whole = any(is_own_cell(read, rank) for read in reads)
        return not sums or (is_whole and not any(_inlined(nest, {value: formula}).is_contraction for nest in sums))

    def _is_source(self, value: int) -> Callable[[Read], bool]:
        """Whether a read takes numbers of a value's type that stay, and that lie as the value does along its last axis."""
        place = self.place(value)
        lane = Name(str(len(place.shape) - 1))

        def is_source(read: Read) -> bool:
            source, last = self.place(value_of(read)), read.indices[-1:]
            if source.dtype != place.dtype or source.memory in self.overwritten or lane in read.indices[:-1]:
                return False
            is_straight = last != (lane,) or source.strides[-1] == place.dtype.itemsize
            return is_straight and all(isinstance(index, (Name, Number)) for index in read.indices)

        return is_source

    def _gain(self, formulas: Mapping[int, Expr], seed: int | None) -> float:
        """Bytes that are neither written nor read any more, less what takes their place."""
        gain = 0.0 if seed is None else -float(self.place(seed).size)
        fresh: dict[int, set[int]] = {}
        for value, formula in formulas.items():
            sites = self.sites[value]
            groups = {site.group for site in sites}
            gain += self.place(value).size * (1 + len(groups))
            gain -= _calls(formula) * _CALL * sum(site.cells for site in sites)
            for group in groups:
                fresh.setdefault(group, set()).update(self.owner(value_of(read)) for read in reads_in(formula))
        return gain - sum(self.place(v).size for group, found in fresh.items() for v in found - self.reads[group])


def _is_product(formula: Expr) -> bool:
    """Whether the last step of a formula is a multiplication."""
    match formula:
        case Negative(operand):
            return _is_product(operand)
        case Binary("*" | "**"):
            return True
    return False


def _calls(formula: Expr) -> int:
    """How many functions a formula calls that take many instructions."""
    return sum(isinstance(part, Call) and part.function not in _CHEAP for part in rules.walk(formula))


def _at(formula: Expr, indices: tuple[Expr, ...]) -> Expr:
    """A formula in the cell that stands at these indices."""
    return rebuilt(formula, lambda part: indices[int(part.name)] if isinstance(part, Name) else None)


def _inlined(nest: Nest, formulas: Mapping[int, Expr]) -> Nest:
    """A nest that computes again what it read from memory."""
    again = {value_of(read) for read in nest.reads()}.intersection(formulas).difference(nest.targets)

    def computed(part: Expr) -> Expr | None:
        if isinstance(part, Read) and value_of(part) in again:
            return _at(formulas[value_of(part)], part.indices)
        return None

    return _with([replace(a, body=rebuilt(a.body, computed)) for a in nest.assignments], nest) if again else nest


def _needed(groups: list[Group], owner: Callable[[int], int], kept: Iterable[int]) -> list[Group]:
    """The groups without what nobody reads."""
    needed, found = set(kept), list[Group]()
    for group in reversed(groups):
        if group.repetition is not None:  # the next round reads it, in groups that stand before this one too
            needed |= {owner(v) for g in groups if g.repetition is group.repetition for v in g.reads}
        nests = list[Nest]()
        for nest in reversed(group.nests):
            own = list[Assignment]()
            for assignment in reversed(nest.assignments):
                if owner(assignment.target) in needed:
                    own.insert(0, assignment)
                    needed |= {owner(value_of(read)) for read in assignment.reads()}
            if own:
                nests.insert(0, _with(own, nest) if len(own) < len(nest.assignments) else nest)
        found.insert(0, Group(nests))
    return found


def _with(assignments: Iterable[Assignment], nest: Nest) -> Nest:
    """The loops of a nest around other assignments."""
    return replace(nest, assignments=tuple(assignments))
