"""From nests to instructions: loops over cells, blocks of cells in registers, reductions inside.

A block is `rows` x `columns` of cells: rows along one axis, columns in lanes along the last. Every sum of a block is
accumulated in registers while one loop runs over what is summed; then the rest of the formulas is computed cell by cell
on registers, and only what others read is stored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Call, Expr, Guard, Name, Negative, Number, Read, Reduce
from glassnet.kernels.lanes import Lanes, first_lanes, full, vector_type
from glassnet.kernels.llvm import I8, I64, external, machine
from glassnet.kernels.loops import loop, number, pieces
from glassnet.kernels.mathematics import FUNCTIONS, OF_TWO
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, affine, is_scalar, letters_of, reads_in, value_of, within_panel
from glassnet.typing import DType

BOOL, UINT8, INT32, INT64 = (np.dtype(name) for name in ("bool", "uint8", "int32", "int64"))
FLOAT64 = np.dtype("float64")
_COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_UNROLL = 2
"""Steps of a reduction written out one after the other."""
LATENCY = 8
"""Sums that must be in flight so that no step waits for the one before it."""
_LONG = 512
"""Numbers added one to the other before their sum joins a total: n of them lose n roundings, blocks lose n/512 + 512."""


@dataclass(frozen=True)
class Cell:
    """Cells of a block that one register holds: a row, and lanes from a column on.

    `spare` lanes at the end hold no cell: they are not read from memory and not written to it.
    """

    row: int = 0
    column: int = 0
    width: int = 1
    spare: int = 0


@dataclass
class Position:
    """Where the loops stand: every letter as a value at run time plus a number known now."""

    letters: dict[str, tuple[Any, int]] = field(default_factory=dict)
    row: str = ""
    lane: str = ""

    def at(self, **letters: Any) -> Position:
        """With more letters fixed."""
        return Position({**self.letters, **letters}, self.row, self.lane)


class Emitter:
    """Writes nests into one function. `pointers` are its arguments, one per beginning of values in memory."""

    def __init__(
        self,
        builder: Any,
        places: Callable[[int], Place],
        pointers: dict[tuple[int, int, int], Any],
        stored: Callable[[int], bool],
    ) -> None:
        self.builder, self.place, self.pointers, self.stored = builder, places, pointers, stored
        self._written: dict[Any, Any] = {}

    # ------------------------------------------------------------ one block of cells
    def block(self, nest: Nest, position: Position, cells: list[Cell]) -> None:
        """Compute and store all assignments of a nest for these cells."""
        first = nest.assignments[0]
        if len({cell.row for cell in cells}) > 1 and not (
            len(nest.assignments) == 1 and first.body == first.reductions()[0]
        ):
            self._row_by_row(nest, position, cells)
        else:
            self._cells(nest, position, cells, {})

    def _row_by_row(self, nest: Nest, position: Position, cells: list[Cell]) -> None:
        """The sums of a block at once, and what follows them in a loop over its rows: a twelfth of the code."""
        sums = {
            node: self.reduction(node, nest.assignments[0], position, cells, {})
            for node in nest.assignments[0].reductions()
        }
        columns = [cell for cell in cells if cell.row == cells[0].row]
        rows = len(cells) // len(columns)
        kept = {node: [self._spilled(found, column, rows) for column in columns] for node, found in sums.items()}
        value, constant = position.letters[position.row]
        with loop(self.builder, 0, rows) as row:
            at = position.at(**{position.row: (row if value is None else self.builder.add(value, row), constant)})
            own = {
                node: {replace(c, row=0): sums[node][c].new(load(row)) for c, load in zip(columns, loads)}
                for node, loads in kept.items()
            }
            self._cells(nest, at, [replace(cell, row=0) for cell in columns], own)

    def _spilled(self, found: dict[Cell, Lanes], column: Cell, rows: int) -> Callable[[Any], Any]:
        """Put the registers of a column of a block on the stack; returns what loads the one of a row."""
        kind = vector_type(found[column].dtype, column.width)
        with self.builder.goto_entry_block():
            stack = self.builder.alloca(kind, rows)
        for row in range(rows):
            register = found[replace(column, row=row)]
            self.builder.store(register.value, self.builder.gep(stack, [I64(row)], source_etype=kind))
        return lambda row: self.builder.load(self.builder.gep(stack, [row], source_etype=kind), typ=kind)

    def _cells(
        self, nest: Nest, position: Position, cells: list[Cell], known: dict[Reduce, dict[Cell, Lanes]]
    ) -> None:  # fmt: skip
        """The cells one after the other; `known` are sums that have been computed."""
        computed: dict[tuple[int, Cell], Lanes] = {}
        loaded: dict[Any, Lanes] = {}
        writes: list[tuple[Read, Cell, Lanes]] = []
        own = tuple(Name(letter) for letter in nest.letters)
        for assignment in nest.assignments:
            sums = {
                node: known.get(node) or self.reduction(node, assignment, position, cells, computed)
                for node in assignment.reductions()
            }
            dtype = self.place(assignment.target).dtype
            for cell in cells:
                own_sums = {node: found[cell] for node, found in sums.items()}
                scope = _Scope(self, position, cell, computed, own_sums, loaded)
                result = scope.value(assignment.body, dtype)
                computed[assignment.target, cell] = result
                if self.stored(assignment.target):
                    place = own if assignment.at is None else assignment.at
                    writes.append((Read(str(assignment.target), place), cell, result))
        for target, cell, result in writes:
            self.store(target, position, cell, result)

    # ------------------------------------------------------------ reductions
    def reduction(
        self, node: Reduce, assignment: Assignment, position: Position, cells: list[Cell],
        computed: dict[tuple[int, Cell], Lanes],
    ) -> dict[Cell, Lanes]:  # fmt: skip
        """The sums (maxima, minima) of a block: one loop per letter, all cells accumulated at once."""
        target = self.place(assignment.target).dtype
        dtype = target if target.kind == "f" or node.kind == "sum" else self.natural(node.body) or INT64
        along = self.lane_of_reduction(node, position)
        *outer, inner = zip(node.letters, node.extents)
        settled = _settled_letter(node)
        width = machine().lanes if along else 1
        steps = inner[1] // width
        ways = max(1, min(-(-LATENCY // len(cells)), steps))
        unroll = max(1, min(max(_UNROLL, ways), steps))
        sums = _Sums(self.builder, node.kind, dtype, cells, ways, width, bool(settled))
        with ExitStack() as loops:
            letters = {}
            for letter, extent in outer:
                letters[letter] = (loops.enter_context(loop(self.builder, 0, extent)), 0)
                if letter == settled:
                    loops.callback(sums.settle)
            here = position.at(**letters)
            for start, stop, lanes, times in _strips(inner[1], width, unroll):
                with self.steps(start, stop, lanes * times, sums if settled == inner[0] else None) as i:
                    for step in range(times):
                        at = here.at(**{inner[0]: (i, step * lanes)})
                        self.accumulate(sums, step % ways, node, at, computed, inner[0] if along else "", lanes)
        return sums.results()

    @contextmanager
    def steps(self, start: int, stop: int, step: int, sums: _Sums | None) -> Iterator[Any]:
        """A loop over steps of a reduction; the sums, if given, are settled every now and then."""
        block = max(_LONG // step, 1) * step
        if sums is None or stop - start <= block:
            with loop(self.builder, start, stop, step) as i:
                yield i
            return
        with loop(self.builder, start, stop, block) as begin:
            end = self.builder.add(begin, I64(block))
            is_whole = self.builder.icmp_signed("<", end, I64(stop))
            with loop(self.builder, begin, self.builder.select(is_whole, end, I64(stop)), step) as i:
                yield i
            sums.settle()

    def accumulate(
        self, sums: _Sums, way: int, node: Reduce, position: Position, computed: dict[tuple[int, Cell], Lanes],
        along: str, lanes: int,
    ) -> None:  # fmt: skip
        """Add one step of the reduction to every cell's sum."""
        known: dict[Any, Lanes] = {}
        for cell in sums.cells:
            own = Cell(cell.row, 0, lanes) if along else cell
            at = Position(position.letters, position.row, along) if along else position
            mine = {(v, own): found.wide(own.width) for (v, at_cell), found in computed.items() if at_cell == cell}
            scope = _Scope(self, at, own, mine, {}, known)
            match node.body:
                case Binary("*", left, right) if node.kind == "sum":
                    a, b = scope.value(left, sums.dtype), scope.value(right, sums.dtype)
                    sums.add_product(way, cell, a, b)
                case body:
                    sums.add(way, cell, scope.value(body, sums.dtype))

    def lane_of_reduction(self, node: Reduce, position: Position) -> bool:
        """Whether the lanes lie along the reduction itself: where the nest has none, and all reads are contiguous."""
        if position.lane:
            return False
        reads = reads_in(node.body)
        strides = [self.stride(read, node.letters[-1]) for read in reads]
        return bool(reads) and all(s in (0, self.place(value_of(r)).dtype.itemsize) for s, r in zip(strides, reads))

    # ------------------------------------------------------------ memory
    def stride(self, read: Read, letter: str) -> int | None:
        """Bytes from one read to the next along a letter; None where the way is not straight."""
        total = 0
        for index, stride, _ in self.layout(read):
            terms = within_panel(index, machine().lanes)
            if terms is None:
                if any(isinstance(e, Name) and e.name == letter for e in rules.walk(index)):
                    return None
                continue
            total += terms[0].get(letter, 0) * stride
        return total

    def layout(self, read: Read) -> list[tuple[Expr, int, int]]:
        """(index, stride in bytes, size) per axis; one index for all axes walks through contiguous memory."""
        place = self.place(value_of(read))
        if len(read.indices) == 1 < len(place.shape):
            return [(read.indices[0], place.dtype.itemsize, place.size // place.dtype.itemsize)]
        return list(zip(read.indices, place.strides, place.shape, strict=True))

    def load(self, read: Read, position: Position, cell: Cell) -> Lanes:
        """The numbers of one register."""
        place = self.place(value_of(read))
        step = self.stride(read, position.lane) if position.lane else 0
        if step == 0 or cell.width == 1:
            return self._vector(self.address(read, position, cell), place.dtype, Cell()).wide(cell.width)
        if step == place.dtype.itemsize:
            return self._vector(self.address(read, position, cell), place.dtype, cell)
        return self._gathered(read, position, cell, place.dtype)

    def _gathered(self, read: Read, position: Position, cell: Cell, dtype: DType) -> Lanes:
        value = full(self.builder, 0, dtype, cell.width)
        for lane in range(cell.width - cell.spare):
            one = Cell(cell.row, cell.column + lane, 1)
            element = self._vector(self.address(read, position, one), dtype, one)
            value = value.new(self.builder.insert_element(value.value, element.value, number(lane)))
        return value

    def _vector(self, address: Any, dtype: DType, cell: Cell) -> Lanes:
        if dtype == BOOL:  # in memory a truth value takes a byte
            return self._vector(address, UINT8, cell).to(BOOL)
        if cell.spare:
            return first_lanes(self.builder, address, dtype, cell.width, cell.width - cell.spare)
        value = self.builder.load(address, typ=vector_type(dtype, cell.width), align=dtype.itemsize)
        return Lanes(self.builder, value, dtype, cell.width)

    def store(self, target: Read, position: Position, cell: Cell, lanes: Lanes) -> None:
        """Write one register into memory; one with spare lanes in parts, as what a masked store wrote is slow to read."""
        place = self.place(value_of(target))
        lanes = lanes.to(UINT8) if place.dtype == BOOL else lanes
        step = self.stride(target, position.lane) if position.lane else 0
        assert cell.width == 1 or step == place.dtype.itemsize, "a result lies contiguous"
        for start, width in pieces(cell.width - cell.spare, cell.width):
            address = self.address(target, position, replace(cell, column=cell.column + start))
            self.builder.store(lanes.part(start, width).value, address, align=place.dtype.itemsize)

    def address(self, read: Read, position: Position, cell: Cell) -> Any:
        """Where the first number of a register stands."""
        place = self.place(value_of(read))
        moving, fixed = None, 0
        for index, stride, size in self.layout(read):
            terms = affine(index)
            if terms is None:
                value = self.lookup(index, position, cell, size)
                moving = self._plus(moving, value, stride)
            else:
                moving, ahead = self._along(terms, position, cell, stride, moving)
                fixed += ahead
        pointer = self.pointers[place.base]
        if moving is not None:
            pointer = self._once("gep", pointer, moving)
        return self._once("gep", pointer, fixed) if fixed else pointer

    def _along(self, terms: tuple[dict[str, int], int], position: Position, cell: Cell, stride: int, start: Any) -> Any:
        """A straight way from `start` on: the part that moves at run time, and what is known now."""
        moving, fixed = start, terms[1] * stride
        for letter, factor in terms[0].items():
            value, constant = self.letter(letter, position, cell)
            fixed += factor * stride * constant
            moving = self._plus(moving, value, factor * stride)
        return moving, fixed

    def letter(self, letter: str, position: Position, cell: Cell) -> tuple[Any, int]:
        """A letter's value at run time (None for 0) and the number to be added."""
        value, constant = position.letters[letter]
        if letter == position.lane:
            constant += cell.column
        elif letter == position.row:
            constant += cell.row
        return value, constant

    def lookup(self, index: Expr, position: Position, cell: Cell, size: int) -> Any:
        """An index that stands in an array, kept inside; a negative one counts from the end.

        Indices in the data that are out of range are refused before the plan runs.
        """
        terms = affine(index.arguments[0]) if isinstance(index, Call) else None
        if terms is not None:
            moving, fixed = self._along(terms, position, cell, 1, None)
            found = number(fixed) if moving is None else self._once("add", moving, fixed)
            return self._once("smin", self._once("smax", found, 0), size - 1)
        scope = _Scope(self, position, Cell(cell.row, cell.column, 1), {}, {})
        found = scope.value(index, INT64)
        if isinstance(index, Read):
            found = found.compare("lt", 0).where(found + size, found)
        return found.maximum(found.full(0)).minimum(found.full(size - 1)).value

    def _plus(self, total: Any, value: Any, factor: int) -> Any:
        if value is None or not factor:
            return total
        product = value if factor == 1 else self._once("mul", value, factor)
        return product if total is None else self._once("add", total, product)

    def _once(self, name: str, left: Any, right: Any) -> Any:
        """A step towards an address; the one from before where this block has it: cells of a block share most of them."""
        key = (self.builder.block, name, left, right)
        if key not in self._written:
            if name == "gep":
                found = self.builder.gep(left, [number(right)], source_etype=I8)
            elif name in ("smax", "smin"):
                function = external(self.builder, f"llvm.{name}.i64", I64, [I64, I64])
                found = self.builder.call(function, [left, number(right)])
            else:
                found = getattr(self.builder, name)(left, number(right), flags=["nsw"])
            self._written[key] = found
        return self._written[key]

    # ------------------------------------------------------------ types
    def natural(self, expr: Expr) -> DType | None:
        """The type that an expression has by what it reads; None where it is weak."""
        match expr:
            case Read():
                return self.place(value_of(expr)).dtype
            case Guard() | Name() | Number():
                return None
            case Binary(operator) if operator in _COMPARISONS or operator in ("and", "or"):
                return BOOL
            case Call("isnan" | "isinf"):
                return BOOL
            case Call("where", (_, *chosen)):
                return self._strongest(chosen)
            case _:
                return self._strongest(rules.children(expr))

    def _strongest(self, parts: Any) -> DType | None:
        found = [dtype for dtype in map(self.natural, parts) if dtype is not None]
        floats = [dtype for dtype in found if dtype.kind == "f"]
        return max(floats or found, key=lambda dtype: dtype.itemsize, default=None)


class _Scope:
    """The evaluation of formulas for one register of cells."""

    def __init__(
        self, emitter: Emitter, position: Position, cell: Cell, computed: dict[tuple[int, Cell], Lanes],
        sums: dict[Reduce, Lanes], known: dict[Any, Lanes] | None = None,
    ) -> None:  # fmt: skip
        self.emitter, self.position, self.cell = emitter, position, cell
        self.computed, self.sums, self.known = computed, sums, {} if known is None else known

    def value(self, expr: Expr, dtype: DType) -> Lanes:
        """The numbers of an expression, in this type."""
        if self.cell.width > 1 and not isinstance(expr, Number) and self._is_uniform(expr):
            return self._once(expr, dtype).wide(self.cell.width)
        match expr:
            case Number(value):
                return full(self.emitter.builder, value, dtype, self.cell.width)
            case Name(letter):
                return self._letter(letter).to(dtype)
            case Read():
                return self._read(expr).to(dtype)
            case Reduce():
                return self.sums[expr].to(dtype)
            case Negative(operand):
                return -self.value(operand, dtype)
            case Guard(condition):
                return self.truth(condition).to(dtype)
            case Binary(operator, left, right):
                return self._binary(operator, left, right, dtype)
            case Call(function, arguments):
                return self._call(function, arguments, dtype)
        raise AssertionError(f"{expr} was not refused")

    def truth(self, condition: Expr) -> Lanes:
        """A condition, as bool lanes; that of a border is looked at once for all of them."""
        if self.cell.width > 1 and not reads_in(condition) and self._is_uniform(condition):
            return self._once(condition, BOOL).wide(self.cell.width)
        match condition:
            case Binary(operator, left, right) if operator in _COMPARISONS:
                key = (condition, self.cell)
                if key not in self.known:
                    dtype = self.emitter._strongest((left, right)) or INT64
                    dtype = INT32 if dtype.kind in "iu" and dtype.itemsize < 4 else dtype  # letters may be larger
                    a, b = self.value(left, dtype), self.value(right, dtype)
                    self.known[key] = a.compare(_COMPARISONS[operator], b)
                return self.known[key]
            case Binary("and", left, right):
                return self.truth(left) & self.truth(right)
            case Binary("or", left, right):
                return self.truth(left) | self.truth(right)
            case Call(("isnan" | "isinf") as function, (argument,)):
                return FUNCTIONS[function](self.value(argument, self.emitter.natural(argument) or FLOAT64))
        return self.value(condition, self.emitter.natural(condition) or INT64).to(BOOL)

    def _is_uniform(self, expr: Expr) -> bool:
        """Whether all lanes hold the same number, made of more than one part."""
        if not isinstance(expr, (Binary, Call, Negative)):
            return False
        for part in rules.walk(expr):
            if isinstance(part, Reduce) or (isinstance(part, Name) and part.name == self.position.lane):
                return False
            if isinstance(part, Read) and (value_of(part), self.cell) in self.computed:
                return False
            if isinstance(part, Read) and self.emitter.stride(part, self.position.lane) != 0:
                return False
        return True

    def _once(self, expr: Expr, dtype: DType) -> Lanes:
        """One number for all lanes; in float64 where only numbers of the whole step enter: 1 - β^t would lose digits."""
        key = (expr, dtype, self.cell.row)
        if key not in self.known:
            exact = FLOAT64 if dtype.kind == "f" and is_scalar(expr) else dtype
            one = _Scope(self.emitter, self.position, Cell(self.cell.row, self.cell.column, 1), {}, {}, self.known)
            self.known[key] = one.value(expr, exact).to(dtype)
        return self.known[key]

    def _letter(self, letter: str) -> Lanes:
        value, constant = self.emitter.letter(letter, self.position, self.cell)
        start = full(self.emitter.builder, constant, INT64, 1)
        if value is not None:
            start = start + start.new(value) if constant else start.new(value)
        found = start.wide(self.cell.width)
        if letter == self.position.lane and self.cell.width > 1:
            steps = vector_type(INT64, self.cell.width)
            found = found + found.new(steps(list(range(self.cell.width))))
        return found

    def _read(self, read: Read) -> Lanes:
        own = self.computed.get((value_of(read), self.cell))
        if own is not None:
            return own
        letters = letters_of(read)
        row = self.cell.row if self.position.row in letters else None
        column = self.cell.column if self.position.lane in letters else None
        key = (read, row, column, self.cell.width)
        if key not in self.known:
            self.known[key] = self.emitter.load(read, self.position, self.cell)
        return self.known[key]

    def _binary(self, operator: str, left: Expr, right: Expr, dtype: DType) -> Lanes:
        if operator in _COMPARISONS or operator in ("and", "or"):
            return self.truth(Binary(operator, left, right)).to(dtype)
        if operator == "**":
            return self._power(left, right, dtype)
        a = self.value(left, dtype)
        match operator:
            case "+":
                return a + self.value(right, dtype)
            case "-":
                return a - self.value(right, dtype)
            case "*":
                return a * self.value(right, dtype)
            case "/" if dtype.kind == "f":
                return a / self.value(right, dtype)
            case "%" if isinstance(right, Number) and dtype.kind == "i":
                return a - _floor_divided(a, int(right.value)) * int(right.value)
            case "%":
                return self._of_two("remainder", left, right, dtype)
        raise AssertionError(f"{operator} in {dtype} was not refused")

    def _power(self, base: Expr, exponent: Expr, dtype: DType) -> Lanes:
        if isinstance(exponent, Number) and exponent.value in (2.0, 3.0, 4.0):
            x = self.value(base, dtype)
            return {2.0: lambda: x * x, 3.0: lambda: x * x * x, 4.0: lambda: (x * x) * (x * x)}[exponent.value]()
        if isinstance(exponent, Number) and exponent.value == 0.5:
            return self.value(base, dtype).intrinsic("sqrt")
        return self._of_two("power", base, exponent, dtype)

    def _of_two(self, function: str, left: Expr, right: Expr, dtype: DType) -> Lanes:
        """A function of two numbers; whole ones are taken as wide as division needs them."""
        wide = dtype if dtype.kind == "f" else INT64
        return OF_TWO[function](self.value(left, wide), self.value(right, wide)).to(dtype)

    def _call(self, function: str, arguments: tuple[Expr, ...], dtype: DType) -> Lanes:
        match function, arguments:
            case "inside", (index,):  # whoever reads there keeps it inside
                return self.value(index, dtype)
            case "floor", (Binary("/", part, Number(by)),) if dtype.kind == "i":
                return _floor_divided(self.value(part, dtype), int(by))
            case "where", (condition, yes, no):
                key = (condition, yes, no, dtype, self.cell)
                if key not in self.known:
                    self.known[key] = self.truth(condition).where(self.value(yes, dtype), self.value(no, dtype))
                return self.known[key]
            case (("max" | "min"), (left, right)):
                return OF_TWO[function](self.value(left, dtype), self.value(right, dtype))
            case _, (left, right):
                return self._of_two(function, left, right, dtype)
            case (("isnan" | "isinf"), _):
                return self.truth(Call(function, arguments)).to(dtype)
        return FUNCTIONS[function](self.value(arguments[0], dtype))


def _floor_divided(a: Lanes, by: int) -> Lanes:
    """Rounded down, as indices are; machines round towards 0."""
    quotient = a / a.full(by)
    return quotient - (a - quotient * by).compare("lt", 0).to(a.dtype)


def _settled_letter(node: Reduce) -> str:
    """The letter of a long sum whose steps end a block: what is summed inside them has half of `_LONG` numbers or more."""
    *outer, (inner, inside) = zip(node.letters, node.extents)
    if node.kind != "sum" or inside > 2 * _LONG:
        return inner if node.kind == "sum" else ""
    for letter, extent in reversed(outer):
        if inside >= _LONG // 2:
            return letter
        inside *= extent
    return ""


def _strips(extent: int, width: int, unroll: int) -> Iterator[tuple[int, int, int, int]]:
    """A reduction's extent as loops: (start, stop, lanes per step, steps side by side)."""
    whole = extent // (width * unroll) * (width * unroll)
    if whole:
        yield 0, whole, width, unroll
    start = whole
    for offset, lanes in pieces(extent - whole, width):
        yield start + offset, start + offset + lanes, lanes, 1


class _Sums:
    """The accumulators of a block, in `ways` independent copies."""

    def __init__(
        self, builder: Any, kind: str, dtype: DType, cells: list[Cell], ways: int, width: int, is_long: bool
    ) -> None:
        self.builder, self.kind, self.dtype, self.cells, self.ways, self.width = (
            builder,
            kind,
            dtype,
            cells,
            ways,
            width,
        )
        self.start = {"sum": 0.0, "max": -np.inf, "min": np.inf}[kind]
        if dtype.kind != "f" and kind != "sum":
            low, high = (0, 1) if dtype == BOOL else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            self.start = {"max": low, "min": high}[kind]
        self.slots = {(way, cell): self._slot(cell) for way in range(ways) for cell in cells}
        self.totals = {cell: self._slot(cell) for cell in cells if is_long}

    def _lanes(self, cell: Cell) -> int:
        """Lanes of an accumulator: along the reduction or along the cells."""
        return self.width if self.width > 1 else cell.width

    def _slot(self, cell: Cell) -> Any:
        """Memory for one accumulator: LLVM keeps it in a register."""
        with self.builder.goto_entry_block():
            slot = self.builder.alloca(vector_type(self.dtype, self._lanes(cell)))
        self.builder.store(full(self.builder, self.start, self.dtype, self._lanes(cell)).value, slot)
        return slot

    def settle(self) -> None:
        """Take what was summed so far into totals, and begin anew."""
        for (_, cell), slot in self.slots.items():
            total = self._load(self.totals[cell], cell) + self._load(slot, cell)
            self.builder.store(total.value, self.totals[cell])
            self.builder.store(total.full(0).value, slot)

    def _load(self, slot: Any, cell: Cell) -> Lanes:
        width = self._lanes(cell)
        value = self.builder.load(slot, typ=vector_type(self.dtype, width))
        return Lanes(self.builder, value, self.dtype, width)

    def _merged(self, a: Lanes, b: Lanes) -> Lanes:
        return a + b if self.kind == "sum" else a.maximum(b) if self.kind == "max" else a.minimum(b)

    def add(self, way: int, cell: Cell, value: Lanes) -> None:
        """Take a number into the sum; the lanes of a tail go to the first lanes."""
        before = self._load(self.slots[way, cell], cell)
        if value.width < before.width:
            low = self._merged(before.part(0, value.width), value)
            after = _with_first(before, low)
        else:
            after = self._merged(before, value)
        self.builder.store(after.value, self.slots[way, cell])

    def add_product(self, way: int, cell: Cell, a: Lanes, b: Lanes) -> None:
        """Take a product into the sum."""
        if a.width < self._lanes(cell):
            self.add(way, cell, a * b)
            return
        after = a.fma(b, self._load(self.slots[way, cell], cell))
        self.builder.store(after.value, self.slots[way, cell])

    def results(self) -> dict[Cell, Lanes]:
        """The copies put together, and the lanes too where they lay along the reduction."""
        found = {}
        for cell in self.cells:
            slots = [self.slots[way, cell] for way in range(self.ways)]
            slots += [self.totals[cell]] if self.totals else []
            total = functools.reduce(self._merged, [self._load(slot, cell) for slot in slots])
            while self.width > 1 and total.width > 1:
                total = self._merged(*total.halves())
            found[cell] = total
        return found


def _with_first(lanes: Lanes, first: Lanes) -> Lanes:
    """Lanes with their first ones replaced."""
    for lane in range(first.width):
        value = first.value if first.width == 1 else first.part(lane, 1).value
        lanes = lanes.new(lanes.builder.insert_element(lanes.value, value, number(lane)))
    return lanes
