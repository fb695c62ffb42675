"""One group of nests as a function `kernel(pieces of memory..., first unit, last unit)`.

A unit is what one thread may take: a row of the outermost loop, a block of rows of a contraction, or a block of columns
where there is only one axis. Threads of a step call the same function with their own range of units.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from glassnet.autograd import rules
from glassnet.autograd.rules import Expr, Name, Number, Read
from glassnet.kernels.emit import LATENCY, Cell, Emitter, Position
from glassnet.kernels.fuse import Group
from glassnet.kernels.lanes import transposed
from glassnet.kernels.llvm import I64, POINTER, Module, machine
from glassnet.kernels.loops import loop, pieces, with_spare_lanes
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, affine, is_own_cell, reads_in, rebuilt, row_axis, value_of

_COLUMNS = 4
"""Registers side by side in a block."""
_ROWS = 14
"""Rows of a block at most: beyond, a row of factors serves enough of them, and code only grows."""
_STEPS = 4
"""Steps of a sum from which on a register with spare lanes is worth it: it waits for what was just stored in parts."""
_FLAT_UNIT = 4096
"""Numbers of a one-dimensional nest that make a unit: small enough to share, large enough to be worth a thread."""


class Kernel:
    """A group as a function of a module.

    Arguments:
        places: where each value lives.
        stored: whether anybody outside the group's registers reads a value.
    """

    function: Any = None
    """What it has become, once it was written."""

    def __init__(self, group: Group, places: Callable[[int], Place], stored: Callable[[int], bool]) -> None:
        self.group, self.places, self.stored = group, places, stored
        self.values = list(
            dict.fromkeys(v for nest in group.nests for v in (*map(value_of, nest.reads()), *nest.targets))
        )
        self.bases = list(dict.fromkeys(places(v).base for v in self.values if self._is_in_memory(v)))
        self.emitter = Emitter(None, places, {}, stored)  # until the kernel is written it only knows strides
        self.units = self._units()

    def write(self, module: Module, name: str) -> Any:
        """The function, which the module has from now on."""
        function, self.builder = module.function(name, [POINTER] * len(self.bases) + [I64, I64])
        for argument in function.args[: len(self.bases)]:
            argument.add_attribute("noalias")
        self.first, self.last = function.args[-2:]
        self.emitter = Emitter(self.builder, self.places, dict(zip(self.bases, function.args)), self.stored)
        self._write()
        self.builder.ret_void()
        return function

    @functools.cached_property
    def signature(self) -> str:
        """All that its code depends on, with values numbered in the order in which they appear: equal kernels have one."""
        numbers = {value: position for position, value in enumerate(self.values)}
        body = functools.partial(rebuilt, change=functools.partial(_renumbered, numbers))
        nests = [
            (n.extents, [(numbers[a.target], body(a.body), a.at and [*map(body, a.at)]) for a in n.assignments])
            for n in self.group.nests
        ]
        places = [self.places(value) for value in self.values]
        bases = {base: position for position, base in enumerate(self.bases)}
        where = [(bases.get(place.base), place.shape, place.dtype.str, place.strides) for place in places]
        return repr((nests, where, [self.stored(value) for value in self.values]))

    @property
    def work(self) -> int:
        """Operations of a round, roughly: cells times formulas times the steps of their reductions."""
        return sum(
            math.prod(nest.extents) * (1 + sum(math.prod(r.extents) for r in a.reductions()))
            for nest in self.group.nests for a in nest.assignments
        )  # fmt: skip

    def _is_in_memory(self, value: int) -> bool:
        return value not in self.group.targets or self.stored(value)

    # ------------------------------------------------------------ the shape of the loops
    def _units(self) -> int:
        nest = self.group.nests[0]
        if len(self.group.nests) > 1:
            return math.prod(self.group.shared)
        self.nest = _without_single_cells(collapsed(nest, self.places, self._is_in_memory))
        rank = len(self.nest.extents)
        if self._turned == 0 and rank == 2:
            return self._squares
        if rank == 0 or self.nest.scatters:
            return 1
        if self.nest.is_contraction and rank == 2:
            return len(self._row_blocks(self.nest))
        if rank == 1:
            return 1 if self._lane(self.nest) == "" else -(-self.nest.extents[0] // self._flat_unit())
        return math.prod(self.nest.extents[axis] for axis in self._plain_axes)

    @functools.cached_property
    def _plain_axes(self) -> list[int]:
        """The axes that are plain loops: the others lie in registers."""
        axes, lane = list(range(len(self.nest.extents))), self._lane(self.nest)
        if self._turned is not None:
            axes.remove(self._turned)
        elif lane and self.nest.is_contraction:
            axes.remove(row_axis(self.nest))
        return axes[:-1] if lane else axes

    def _flat_unit(self) -> int:
        return max(machine().lanes * _COLUMNS, min(_FLAT_UNIT, self.nest.extents[0] // 4 // 64 * 64))

    def _lane(self, nest: Nest) -> str:
        """The axis that lies in lanes: the last one, if what is summed along it is contiguous or the same number.

        Other numbers may be gathered from wherever they stand; results are written side by side or one by one.
        """
        if not nest.extents:
            return ""
        last = nest.letters[-1]
        placed = [Read(str(a.target), a.at) for a in nest.assignments if a.at is not None]
        summed = [read for a in nest.assignments for r in a.reductions() for read in reads_in(r.body)]
        summed = [read for read in summed if self._is_in_memory(value_of(read))]
        is_straight = all(self._lies_along(last, read) for read in placed) and all(
            self._lies_along(last, read) or self.emitter.stride(read, last) == 0 for read in summed
        )
        return last if is_straight else ""

    def _lies_along(self, letter: str, read: Read) -> bool:
        """Whether neighbours along a letter lie side by side."""
        return self.emitter.stride(read, letter) == self.places(value_of(read)).dtype.itemsize

    def _block_rows(self, columns: int) -> int:
        """Rows of a block: as many accumulators as leave registers for one row of factors and a broadcast number."""
        return max(1, min(_ROWS, (machine().registers - columns - 2) // columns))

    def _row_blocks(self, nest: Nest) -> list[tuple[int, int]]:
        """(start, rows) of the blocks of the axis of rows, as equal as they can be."""
        extent = nest.extents[row_axis(nest)]
        columns = min(_COLUMNS, len(_cut(nest, nest.extents[-1])))
        count = -(-extent // self._block_rows(columns))
        if len(nest.extents) == 2 and extent * columns >= 2 * LATENCY:
            count = max(count, 2)  # the only units there are: two threads share it
        size, larger = divmod(extent, count)
        starts = [k * size + min(k, larger) for k in range(count)]
        return [(start, size + (k < larger)) for k, start in enumerate(starts)]

    # ------------------------------------------------------------ the loops
    def _write(self) -> None:
        if len(self.group.nests) > 1:
            shared = self.group.shared
            with loop(self.builder, self.first, self.last) as unit:
                letters = self._letters_of_unit(unit, dict(enumerate(shared)))
                for nest in self.group.nests:
                    self._row(nest, letters, len(shared))
            return
        rank = len(self.nest.extents)
        if self._turned == 0 and rank == 2:
            self._transposition({}, self.first, self.last)
        elif rank == 0:
            self.emitter.block(self.nest, Position(), [Cell()])
        elif self.nest.scatters:
            self._cells(self.nest, {}, 0)
        elif rank == 1:
            self._flat()
        elif self.nest.is_contraction and rank == 2:
            self._contraction(self.nest, {}, self.first, self.last)
        else:
            with loop(self.builder, self.first, self.last) as unit:
                self._unit(self._letters_of_unit(unit, {axis: self.nest.extents[axis] for axis in self._plain_axes}))

    def _letters_of_unit(self, unit: Any, extents: dict[int, int]) -> dict[str, Any]:
        """The plain axes of a unit: units count through all of them, the last one fastest."""
        letters, (first, *others) = {}, extents
        for axis in reversed(others):
            extent = I64(extents[axis])
            letters[str(axis)] = (self.builder.urem(unit, extent), 0)
            unit = self.builder.udiv(unit, extent)
        return {str(first): (unit, 0), **letters}

    def _unit(self, letters: dict[str, Any]) -> None:
        """The cells of a unit: those of the axes in registers."""
        if self._turned is not None:
            self._transposition(letters, I64(0), I64(self._squares))
        elif self.nest.is_contraction and self._lane(self.nest):
            self._contraction(self.nest, letters, 0, len(self._row_blocks(self.nest)))
        else:
            self._cells(self.nest, letters, len(self._plain_axes))

    def _row(self, nest: Nest, letters: dict[str, Any], fixed: int) -> None:
        """The cells of a nest in one row of a group."""
        if not (nest.is_contraction and self._lane(nest)):
            self._cells(nest, letters, fixed)
            return
        assert row_axis(nest) == len(nest.extents) - 2, "rows and columns of a matrix are the last two axes"
        with self._loops(nest, letters, fixed, 2) as inside:
            self._contraction(nest, inside, 0, len(self._row_blocks(nest)))

    def _cells(self, nest: Nest, letters: dict[str, Any], fixed: int) -> None:
        """All cells of a nest whose first axes are fixed already."""
        lane = self._lane(nest) if len(nest.extents) > fixed else ""
        with self._loops(nest, letters, fixed, 1 if lane else 0) as inside:
            if not lane:
                self.emitter.block(nest, Position(inside), [Cell()])
            else:
                self._columns(nest, inside, nest.extents[-1], 0)

    @functools.cached_property
    def _turned(self) -> int | None:
        """The axis along which the numbers lie side by side in memory, where a nest only copies and its last one is another.

        Square blocks then go through registers, as a matrix is transposed.
        """
        nest, bodies = self.nest, [a.body for a in self.nest.assignments]
        reads = [body for body in bodies if isinstance(body, Read) and all(map(affine, body.indices))]
        if nest.is_elsewhere or len(reads) < len(bodies) or len(nest.extents) < 2:
            return None
        axes = {axis for axis, letter in enumerate(nest.letters) if all(self._lies_along(letter, r) for r in reads)}
        if len(axes) != 1 or any(self.places(value_of(read)).dtype.itemsize != 4 for read in reads):
            return None
        (axis,) = axes
        is_large = min(nest.extents[axis], nest.extents[-1]) >= machine().lanes
        return axis if is_large and axis < len(nest.extents) - 1 else None

    @property
    def _squares(self) -> int:
        """How many square blocks, the last one perhaps not whole, lie along the turned axis."""
        return -(-self.nest.extents[self._turned or 0] // machine().lanes)

    def _transposition(self, letters: dict[str, Any], first: Any, last: Any) -> None:
        """Square blocks through registers, from one row of them to another; what is left over goes number by number."""
        lanes, down, across = machine().lanes, str(self._turned), self.nest.letters[-1]
        rows, columns = self.nest.extents[int(down)], self.nest.extents[-1]
        whole_rows, whole = rows // lanes, columns // lanes * lanes
        with (
            loop(self.builder, first, self._at_most(last, whole_rows)) as block,
            loop(self.builder, 0, whole, lanes) as column,
        ):
            here = {**letters, down: (self.builder.mul(block, I64(lanes)), 0), across: (column, 0)}
            for assignment in self.nest.assignments:
                self._square(assignment, Position(here, across, down), Position(here, down, across))
        self._copied(letters, first, last, (whole, columns), rows)
        with self.builder.if_then(self.builder.icmp_signed("==", last, I64(self._squares))):
            self._copied(letters, I64(whole_rows), last, (0, whole), rows)

    def _square(self, assignment: Assignment, along_rows: Position, along_columns: Position) -> None:
        """One square block: read along its rows, turned, and written along its columns."""
        lanes, source = machine().lanes, assignment.body
        assert isinstance(source, Read)
        target = Read(str(assignment.target), tuple(Name(letter) for letter in self.nest.letters))
        square = [self.emitter.load(source, along_rows, Cell(k, 0, lanes)) for k in range(lanes)]
        for k, register in enumerate(transposed(square)):
            self.emitter.store(target, along_columns, Cell(k, 0, lanes), register)

    def _copied(self, letters: dict[str, Any], first: Any, last: Any, columns: tuple[int, int], rows: int) -> None:
        """The cells of some blocks of rows and some columns, one by one."""
        if columns[0] == columns[1]:
            return
        lanes, down, across = machine().lanes, str(self._turned), self.nest.letters[-1]
        stop = self._at_most(self.builder.mul(last, I64(lanes)), rows)
        with (
            loop(self.builder, self.builder.mul(first, I64(lanes)), stop) as row,
            loop(self.builder, *columns) as column,
        ):
            self.emitter.block(self.nest, Position({**letters, down: (row, 0), across: (column, 0)}), [Cell()])

    @contextmanager
    def _loops(self, nest: Nest, letters: dict[str, Any], fixed: int, inner: int) -> Iterator[dict[str, Any]]:
        """Plain loops over the axes between the fixed ones and the `inner` last ones."""
        with ExitStack() as stack:
            found = dict(letters)
            for axis in range(fixed, len(nest.extents) - inner):
                found[str(axis)] = (stack.enter_context(loop(self.builder, 0, nest.extents[axis])), 0)
            yield found

    def _flat(self) -> None:
        """One axis: its registers, several at a time; or, where lanes lie along a reduction, cell after cell."""
        extent, lane = self.nest.extents[0], self._lane(self.nest)
        if not lane:
            with loop(self.builder, 0, extent) as i:
                self.emitter.block(self.nest, Position({"0": (i, 0)}), [Cell()])
            return
        unit = self._flat_unit()
        whole = extent // unit
        last = self.builder.select(self.builder.icmp_signed("<", self.last, I64(whole)), self.last, I64(whole))
        with loop(self.builder, self.first, last) as k:
            self._columns(self.nest, {"0": (self.builder.mul(k, I64(unit)), 0)}, unit, 0)
        if extent % unit:
            with self.builder.if_then(self.builder.icmp_signed("==", self.last, I64(self.units))):
                self._columns(self.nest, {}, extent % unit, whole * unit)

    def _columns(self, nest: Nest, letters: dict[str, Any], extent: int, start: int) -> None:
        """The last axis in registers: a loop over blocks of several, then what is left."""
        lanes, last = machine().lanes, nest.letters[-1]
        base, constant = letters.get(last, (None, 0))
        width = lanes * (_COLUMNS if any(a.reductions() for a in nest.assignments) else 1)
        whole = extent // width * width
        if whole > width:
            with loop(self.builder, 0, whole, width) as column:
                at = column if base is None else self.builder.add(base, column)
                self._registers(nest, {**letters, last: (at, start + constant)}, width)
        else:
            whole = 0
        if whole < extent:
            self._registers(nest, {**letters, last: (base, start + constant + whole)}, extent - whole)

    def _registers(self, nest: Nest, letters: dict[str, Any], extent: int) -> None:
        cells = _cut(nest, extent)
        for first in range(0, len(cells), _COLUMNS):
            self.emitter.block(nest, Position(letters, "", nest.letters[-1]), cells[first : first + _COLUMNS])

    def _contraction(self, nest: Nest, letters: dict[str, Any], first: Any, last: Any) -> None:
        """Blocks of rows and columns: columns outside, so that their factors stay in the cache for all rows."""
        row, column = str(row_axis(nest)), nest.letters[-1]
        width = machine().lanes * _COLUMNS
        whole = nest.extents[-1] // width
        if whole > 1:
            with loop(self.builder, 0, whole * width, width) as at:
                self._row_loop(nest, {**letters, column: (at, 0)}, row, column, _cut(nest, width), first, last)
        start = whole * width if whole > 1 else 0
        rest = _cut(nest, nest.extents[-1] - start)
        for begin in range(0, len(rest), _COLUMNS):
            cut = rest[begin : begin + _COLUMNS]
            self._row_loop(nest, {**letters, column: (None, start)}, row, column, cut, first, last)

    def _row_loop(
        self, nest: Nest, letters: dict[str, Any], row: str, column: str, cut: list[Cell], first: Any, last: Any
    ) -> None:  # fmt: skip
        """The blocks of rows from `first` to `last`: the larger ones, then those with a row less."""
        blocks = self._row_blocks(nest)
        larger = sum(1 for _, size in blocks if size == blocks[0][1])
        self._equal_blocks(nest, letters, (row, column), cut, blocks[0], (first, self._at_most(last, larger), 0))
        if larger < len(blocks):
            begin = self._at_least(first, larger)
            self._equal_blocks(nest, letters, (row, column), cut, blocks[larger], (begin, last, larger))

    def _equal_blocks(
        self, nest: Nest, letters: dict[str, Any], names: tuple[str, str], cut: list[Cell],
        block: tuple[int, int], span: tuple[Any, Any, int],
    ) -> None:  # fmt: skip
        (row, column), (start, rows), (first, last, before) = names, block, span
        cells = [replace(cell, row=r) for r in range(rows) for cell in cut]
        with loop(self.builder, first, last) as k:
            at = self.builder.mul(self.builder.sub(k, I64(before)), I64(rows))
            self.emitter.block(nest, Position({**letters, row: (at, start)}, row, column), cells)

    def _at_most(self, value: Any, limit: int) -> Any:
        if isinstance(value, int):
            return min(value, limit)
        return self.builder.select(self.builder.icmp_signed("<", value, I64(limit)), value, I64(limit))

    def _at_least(self, value: Any, limit: int) -> Any:
        if isinstance(value, int):
            return max(value, limit)
        return self.builder.select(self.builder.icmp_signed(">", value, I64(limit)), value, I64(limit))


def _cut(nest: Nest, extent: int) -> list[Cell]:
    """Registers along the last axis: one with spare lanes for what is left, where each step of a sum gains by it.

    The processor must read under a mask; and a few steps must pay for numbers that have just been written in parts.
    """
    steps = max((math.prod(r.extents) for a in nest.assignments for r in a.reductions()), default=0)
    if machine().lanes < 8 or steps < _STEPS:
        return [Cell(0, start, width) for start, width in pieces(extent, machine().lanes)]
    return [Cell(0, *register) for register in with_spare_lanes(extent, machine().lanes)]


def _renumbered(numbers: dict[int, int], expr: Expr) -> Expr | None:
    """A read of a value by its number in the kernel."""
    if not isinstance(expr, Read):
        return None
    change = functools.partial(_renumbered, numbers)
    return Read(str(numbers[value_of(expr)]), tuple(rebuilt(index, change) for index in expr.indices))


def collapsed(nest: Nest, places: Callable[[int], Place], in_memory: Callable[[int], bool]) -> Nest:
    """A nest over one axis instead of several, if every array is read in the order in which it lies in memory."""
    if len(nest.extents) < 2 or any(a.reductions() or _names_letter(a.body) for a in nest.assignments):
        return nest
    rank = len(nest.extents)
    for read in nest.reads():
        if read.indices and not is_own_cell(read, rank):
            return nest
    touched = {value_of(read) for read in nest.reads()} | set(nest.targets)
    if not all(places(v).is_contiguous for v in touched if in_memory(v)):
        return nest
    flat = tuple(Assignment(a.target, _flattened(a.body)) for a in nest.assignments)
    return Nest((math.prod(nest.extents),), flat)


def _without_single_cells(nest: Nest) -> Nest:
    """The nest without its axes of one cell: the lanes then lie along channels where each has a convolution of its own."""
    kept = [axis for axis, extent in enumerate(nest.extents) if extent != 1]
    if len(kept) == len(nest.extents):
        return nest
    new: dict[str, Expr] = {letter: Number(0) for letter in nest.letters}
    new |= {str(axis): Name(str(position)) for position, axis in enumerate(kept)}

    def renamed(expr: Expr) -> Expr:
        return rebuilt(expr, lambda part: new.get(part.name) if isinstance(part, Name) else None)

    own = tuple(Name(letter) for letter in nest.letters)
    cells = [Assignment(a.target, renamed(a.body), tuple(map(renamed, a.at or own))) for a in nest.assignments]
    return Nest(tuple(nest.extents[axis] for axis in kept), tuple(cells))


def _names_letter(expr: Expr) -> bool:
    """Whether an axis is used as a number."""
    return isinstance(expr, Name) or (
        not isinstance(expr, Read) and any(_names_letter(part) for part in rules.children(expr))
    )


def _flattened(expr: Expr) -> Expr:
    """The formula with all reads along one axis."""
    return rebuilt(
        expr, lambda part: Read(part.array, (Name("0"),) if part.indices else ()) if isinstance(part, Read) else None
    )
