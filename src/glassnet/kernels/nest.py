"""Nests: what a step computes, as loops over index rules.

Every call of an operation becomes assignments such as `%4[0,1] = sum_i %0[0,i]*%2[i,1] + %3[1]`: the op's own rule with
its attributes put in, its arrays replaced by the values of the graph and the axes of the result named by position. The
loops of a nest run over those axes; only the letters of reductions keep their names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Call, Dots, Expr, Guard, Name, Negative, Number, Read, Reduce
from glassnet.autograd.spec import Spec
from glassnet.graph.ir import Call as GraphCall
from glassnet.kernels.bodies import body_of
from glassnet.kernels.mathematics import FUNCTIONS, OF_TWO
from glassnet.kernels.memory import Part
from glassnet.ops.elementwise import Cast
from glassnet.typing import Array, DType

FLOAT32 = np.dtype("float32")
POWERS = (0.5, 2.0, 3.0, 4.0)


COMPUTED = {"float32", "float64", "int64", "int32", "uint8", "bool"}
"""Types that formulas are computed in."""
READ = COMPUTED | {"int8", "int16", "uint16"}
"""Types that formulas may read, and that are cast to one another."""


class NotCompiled(Exception):
    """Why a call cannot become a kernel; it then runs as it is, with NumPy."""


@dataclass(frozen=True)
class Assignment:
    """One number per cell of the nest: `%target[0,1,...] = body`, or another cell of the target where `at` says so."""

    target: int
    body: Expr
    at: tuple[Expr, ...] | None = None

    def reads(self) -> list[Read]:
        """Every read of an array, inside indices too."""
        return self._reads

    @functools.cached_property
    def _reads(self) -> list[Read]:
        return reads_in(self.body)

    def reductions(self) -> list[Reduce]:
        """The outermost reductions."""
        return self._reductions

    @functools.cached_property
    def _reductions(self) -> list[Reduce]:
        return list(_outermost_reductions(self.body))


@dataclass(frozen=True, eq=False)
class Repetition:
    """What nests belong to that run in order, round after round; between rounds only the beginnings of arrays change."""

    rounds: int


@dataclass(frozen=True)
class Nest:
    """Loops over axes "0", "1", ... of these extents, and what is computed in each cell, in order."""

    extents: tuple[int, ...]
    assignments: tuple[Assignment, ...]
    follows: bool = False
    """Whether it runs in the rows of the nest before it: what that one has computed is read while it is in the cache."""
    repetition: Repetition | None = None

    @functools.cached_property
    def letters(self) -> tuple[str, ...]:
        """The axes from the outermost to the innermost."""
        return tuple(str(axis) for axis in range(len(self.extents)))

    @functools.cached_property
    def targets(self) -> tuple[int, ...]:
        """What it computes."""
        return tuple(a.target for a in self.assignments)

    def reads(self) -> list[Read]:
        """Every read of an array."""
        return self._reads

    @functools.cached_property
    def _reads(self) -> list[Read]:
        return [read for assignment in self.assignments for read in assignment.reads()]

    @functools.cached_property
    def lookups(self) -> list[Read]:
        """Every read of an index: one inside another read."""
        return [inner for read in self.reads() for index in read.indices for inner in reads_in(index)]

    @property
    def is_elsewhere(self) -> bool:
        """Whether what its cells compute stands in other cells of the result."""
        return any(a.at is not None for a in self.assignments)

    @property
    def scatters(self) -> bool:
        """Whether its cells add to places that an array of indices names, one cell after the other."""
        return any(isinstance(index, Read) for a in self.assignments for index in a.at or ())

    @functools.cached_property
    def is_contraction(self) -> bool:
        """Whether products are summed whose factors serve many cells each: these are worth blocking into registers."""
        return any(_is_contraction(r) for a in self.assignments for r in a.reductions())

    def with_assignment(self, assignment: Assignment) -> Nest:
        """The same loops computing one thing more."""
        return replace(self, assignments=(*self.assignments, assignment))


def _is_contraction(node: Reduce) -> bool:
    """Whether of two factors each runs over an axis of the result that the other does not know."""
    if node.kind != "sum" or not isinstance(node.body, Binary) or node.body.operator != "*":
        return False
    axes = [letters_of(read) - {*node.letters} for read in reads_in(node.body)]
    return any(a - b and b - a for a in axes for b in axes)


def reads_in(expr: Expr) -> list[Read]:
    """Every read of an array in a formula, inside indices too."""
    return [part for part in rules.walk(expr) if isinstance(part, Read)]


def letters_of(read: Read) -> set[str]:
    """The letters that an element's place depends on."""
    return {part.name for index in read.indices for part in rules.walk(index) if isinstance(part, Name)}


def value_of(read: Read) -> int:
    """The value that a resolved read takes a number from."""
    return int(read.array)


def is_own_cell(read: Read, rank: int) -> bool:
    """Whether a read takes, in every cell of a nest, the number that stands in that very cell."""
    return read.indices == tuple(Name(str(axis)) for axis in range(rank))


def row_axis(nest: Nest) -> int:
    """The axis that lies beside the lanes in a contraction's blocks: one that the factor along the lanes does not know.

    It is the last such axis; each number of that factor then serves all rows of a block.
    """
    reads = [letters_of(read) for a in nest.assignments for r in a.reductions() for read in reads_in(r.body)]
    free = [axis for axis in nest.letters[:-1] if any(axis in own and nest.letters[-1] not in own for own in reads)
            and not any(axis in own and nest.letters[-1] in own for own in reads)]  # fmt: skip
    return int(free[-1]) if free else len(nest.extents) - 2


def rebuilt(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The formula with everything in another's place for which `change` gives something; outside first."""
    changed = change(expr)
    if changed is not None:
        return changed
    parts = [rebuilt(part, change) for part in rules.children(expr)]
    match expr:
        case Read(array):
            return Read(array, tuple(parts))
        case Call(function):
            return Call(function, tuple(parts))
        case Binary(operator):
            return Binary(operator, *parts)
        case Negative():
            return Negative(*parts)
        case Guard():
            return Guard(*parts)
        case Reduce(kind, letters, _, extents):
            return Reduce(kind, letters, parts[0], extents)
    return expr


def _outermost_reductions(expr: Expr) -> Iterator[Reduce]:
    if isinstance(expr, Reduce):
        yield expr
        return
    for child in rules.children(expr):
        yield from _outermost_reductions(child)


# ---------------------------------------------------------------- from calls to nests


class Lowering:
    """Turns calls into nests.

    Arguments:
        specs: of all values; it grows, because what a rule keeps between its statements becomes a value of its own.
        constants: values that are known now; single numbers stand in the code as they are.
    """

    def __init__(self, specs: list[Spec], constants: Mapping[int, Array]) -> None:
        self.specs, self.constants = specs, constants
        self.numbers = {value: array.item() for value, array in constants.items() if not array.ndim}
        self.parts: dict[int, Part] = {}
        """Values that are a part of another one."""
        self.letters: dict[int, str] = {}
        """What rules call the values that they compute."""

    def check(self, call: GraphCall) -> None:
        """Raise unless kernels can compute with all arrays of a call; single numbers stand in the code."""
        results = READ if isinstance(call.op, Cast) else COMPUTED
        for values, types in ((call.inputs, READ), (call.results, results)):
            for spec in (self.specs[value] for value in values if value not in self.numbers):
                if spec.dtype.name not in types or not spec.dtype.isnative:
                    raise NotCompiled(f"kernels do not compute in {spec.dtype}")

    def nests(self, call: GraphCall) -> list[Nest]:
        """One nest per statement of the call's rule."""
        inputs = [self.specs[i] for i in call.inputs]
        rule = body_of(call.op, inputs)
        if not rule:
            raise NotCompiled(f"{call.op.name} has no rule")
        if any(None in self.specs[i].shape for i in (*call.inputs, *call.results)):
            raise NotCompiled(f"{call.op.name} has an open shape")
        if {statement.target for statement in rules.parse(rule)} < {*call.op.results}:
            raise NotCompiled(f"the rule of {call.op.name} leaves out a result")
        arrays = dict(zip(call.op.input_names(len(inputs)), call.inputs))
        return self.written(rule, arrays, dict(zip(call.op.results, call.results)), call.op.attributes)

    def written(
        self, rule: str, arrays: dict[str, int], results: Mapping[str, int], attributes: Mapping[str, Any]
    ) -> list[Nest]:
        """One nest per statement of a rule; `arrays` knows what it has computed afterwards."""
        inputs, found = [self.specs[value] for value in arrays.values()], []
        for statement in rules.parse(rule):
            target = results.get(statement.target)
            if target is None:
                target = self._temporary(statement, arrays, inputs)
            arrays[statement.target], self.letters[target] = target, statement.target
            resolver = _Resolver(statement, arrays, self, attributes, self.shape(target))
            body = resolver.resolved(statement.body)
            check_formula(body, self.specs[target].dtype)
            found.append(Nest(resolver.loops, (Assignment(target, body, resolver.place()),)))
        return found

    def part(self, part: Part) -> int:
        """A part of a value as a value of its own, in the same memory."""
        shape = np.broadcast_to(np.empty((), bool), self.shape(part.whole))[part.index].shape
        self.parts[new := self.new_value(Spec(shape, self.specs[part.whole].dtype))] = part
        return new

    def is_all_true(self, value: int) -> bool:
        """Whether a value is known now, and true everywhere."""
        return value in self.constants and bool(self.constants[value].all())

    def new_value(self, spec: Spec) -> int:
        """A value that the graph does not have."""
        self.specs.append(spec)
        return len(self.specs) - 1

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value."""
        return tuple(int(extent or 0) for extent in self.specs[value].shape)

    def _temporary(self, statement: rules.Statement, arrays: Mapping[str, int], inputs: list[Spec]) -> int:
        shapes = {name: self.specs[value].shape for name, value in arrays.items()}
        leading = rules.leading_axes(statement, shapes)
        sizes = _extents(statement, {n: self.shape(v) for n, v in arrays.items()}, leading)
        rank = leading + len(statement.indices) - 1 if Dots() in statement.indices else len(statement.indices)
        letters = rules.expand_ellipsis(statement.indices, rank, leading)
        shape = tuple(sizes[letter.name] for letter in letters if isinstance(letter, Name))
        is_extreme = isinstance(statement.body, Reduce) and statement.body.kind != "sum"
        whole = inputs[0].dtype if is_extreme else FLOAT32
        dtype = next((s.dtype for s in inputs if s.dtype.kind == "f"), whole)
        return self.new_value(Spec(shape, dtype))


def _extents(statement: rules.Statement, shapes: Mapping[str, tuple[int, ...]], leading: int) -> dict[str, int]:
    """How far every letter runs that some array is read at."""
    extents = rules.stated_extents(statement)
    for read in rules.reads_of(statement, shapes):
        shape = shapes[read.array]
        for index, size in zip(rules.expand_ellipsis(read.indices, len(shape), leading), shape, strict=True):
            if isinstance(index, Name) and (extents.get(index.name, 1) == 1 or not index.name.isdigit()):
                extents[index.name] = size
    return extents


class _Resolver:
    """Writes a statement anew: attributes as numbers, arrays as values, free letters by position."""

    def __init__(
        self, statement: rules.Statement, arrays: Mapping[str, int], lowering: Lowering,
        attributes: Mapping[str, Any], out_shape: tuple[int, ...],
    ) -> None:  # fmt: skip
        self.statement, self.arrays, self.attributes = statement, arrays, attributes
        self.numbers, self.outside = lowering.numbers, 0.0
        self.shapes = {name: lowering.shape(value) for name, value in arrays.items()}
        self.leading = rules.leading_axes(statement, self.shapes)
        self.extents = _extents(statement, self.shapes, self.leading)
        self.target = rules.expand_ellipsis(statement.indices, len(out_shape), self.leading)
        for index, size in zip(self.target, out_shape):
            terms, first = affine(index) or ({}, 0)
            terms = terms if len(terms) == 1 else {}  # several letters: other arrays say how far they run
            self.extents |= {letter: (size - 1 - first) // factor + 1 for letter, factor in terms.items()}
        letters = [part.name for index in self.target for part in rules.walk(index) if isinstance(part, Name)]
        self.positions = {letter: str(axis) for axis, letter in enumerate(dict.fromkeys(letters))}

    @property
    def loops(self) -> tuple[int, ...]:
        """How far the letters on the left side run."""
        return tuple(self.extents[letter] for letter in self.positions)

    def place(self) -> tuple[Expr, ...] | None:
        """The cell that is written, where it is not the nest's own: `y[2*p+1] = x[p]`, `y[i[j]] = y[i[j]] + x[j]`."""
        if all(isinstance(index, Name) for index in self.target):
            return None
        place = self.resolved(Read(self.statement.target, self.target))
        return place.indices if isinstance(place, Read) else None

    def resolved(self, expr: Expr) -> Expr:
        """An expression of the right side."""
        match expr:
            case Name(name) if name in self.arrays:
                return self.resolved(Read(name, (Dots(),)))
            case Name(name) if name in self.extents:
                return Name(self.positions.get(name, name))
            case Name(name):
                return Number(_as_number(rules.attribute_of(name, self.attributes)))
            case Read(array, indices):
                return self.read(array, indices)
            case Call(function, arguments):
                return Call(function, tuple(self.resolved(a) for a in arguments))
            case Binary(operator, left, right):
                return Binary(operator, self.resolved(left), self.resolved(right))
            case Negative(operand):
                return Negative(self.resolved(operand))
            case Guard(condition):
                return Guard(self.resolved(condition))
            case Reduce(kind, letters, body):
                self.outside, before = rules.REDUCTIONS[kind][1], self.outside
                inner = self.resolved(body)
                self.outside = before
                return Reduce(kind, letters, inner, tuple(self.extents[letter] for letter in letters))
        return expr

    def read(self, array: str, indices: tuple[Expr, ...]) -> Expr:
        """A read of a value; where it may leave the array, what stands outside takes its place there."""
        if self.arrays[array] in self.numbers:
            return Number(float(self.numbers[self.arrays[array]]))
        found, conditions = list[Expr](), list[Expr]()
        for index, size in zip(
            rules.expand_ellipsis(indices, len(self.shapes[array]), self.leading), self.shapes[array], strict=True
        ):
            resolved = Number(0) if self.is_broadcast(index, size) else self.resolved(index)
            if isinstance(index, Read) and isinstance(resolved, Number) and resolved.value < 0:
                resolved = Number(resolved.value + size)  # it counts from the end
            low, high = self.bounds(resolved, size)
            if low < 0:
                conditions.append(Binary(">=", resolved, Number(0)))
            if high >= size:
                conditions.append(Binary("<", resolved, Number(size)))
            found.append(Call("inside", (resolved,)) if low < 0 or high >= size else resolved)
        read = Read(str(self.arrays[array]), tuple(found))
        if not conditions:
            return read
        return Call("where", (functools.reduce(_both, conditions), read, Number(self.outside)))

    def is_broadcast(self, index: Expr, size: int) -> bool:
        """Whether an axis of one number is read for all cells."""
        return isinstance(index, Name) and index.name.isdigit() and size == 1 != self.extents[index.name]

    def bounds(self, index: Expr, size: int) -> tuple[int, int]:
        """The least and the largest value of an index; a lookup's numbers are checked when the step runs."""
        if reads_in(index):
            return 0, size - 1
        return bounds(index, self.extents | {axis: self.extents[letter] for letter, axis in self.positions.items()})


def _both(a: Expr, b: Expr) -> Expr:
    return Binary("and", a, b)


def check_formula(expr: Expr, dtype: DType) -> None:
    """Raise unless there are instructions for all parts of a formula in this type."""
    match expr:
        case Read():
            return
        case Binary(("<" | "<=" | ">" | ">=" | "==" | "!=" | "and" | "or"), left, right):
            check_formula(left, FLOAT32)
            check_formula(right, FLOAT32)
            return
        case Binary("+" | "-") if dtype.kind == "b":
            raise NotCompiled("sums of truth values are no numbers")
        case Binary("/") if dtype.kind != "f":
            raise NotCompiled(f"division gives {dtype}")
        case Binary("**", _, exponent) if dtype.kind != "f" and not _is_known_power(exponent):
            raise NotCompiled(f"a power in {dtype}")
        case Guard(condition):
            check_formula(condition, FLOAT32)
            return
        case Call("where", (condition, yes, no)):
            check_formula(condition, FLOAT32)
            check_formula(yes, dtype)
            check_formula(no, dtype)
            return
        case Call(function) if function not in _functions(dtype):
            raise NotCompiled(f"{function} in {dtype}")
    for part in rules.children(expr):
        check_formula(part, dtype)


def _is_known_power(exponent: Expr) -> bool:
    return isinstance(exponent, Number) and exponent.value in POWERS


def is_scalar(expr: Expr) -> bool:
    """Whether only numbers of the whole step enter, and no axis."""
    parts = list(rules.walk(expr))
    return not any(isinstance(p, (Name, Reduce)) or (isinstance(p, Read) and p.indices) for p in parts)


def _functions(dtype: DType) -> set[str]:
    everywhere = {"max", "min", "abs", "sign", "isnan", "isinf", "floor_divide"}
    return everywhere | {*FUNCTIONS, *OF_TWO} if dtype.kind == "f" else everywhere


def _as_number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise NotCompiled(f"an attribute is {value!r}")
    return float(value)


def bounds(index: Expr, extents: Mapping[str, int]) -> tuple[int, int]:
    """The least and the largest value of an index.

    >>> bounds(rules.parse("y[p] = x[2*p-1]")[0].body.indices[0], {"p": 5})
    (-1, 7)
    """
    match index:
        case Number(value):
            return int(value), int(value)
        case Name(letter):
            return 0, extents[letter] - 1
        case Negative(operand):
            low, high = bounds(operand, extents)
            return -high, -low
        case Call("floor", (Binary("/", part, Number(by)),)):
            low, high = bounds(part, extents)
            return int(low // by), int(high // by)
        case Binary("%", _, Number(by)):
            return 0, int(by) - 1
        case Binary(("+" | "-" | "*") as operator, left, right):
            ends = [rules.OPERATORS[operator](a, b) for a in bounds(left, extents) for b in bounds(right, extents)]
            return int(min(ends)), int(max(ends))
    raise NotCompiled("an index is not made of letters")


def affine(index: Expr) -> tuple[dict[str, int], int] | None:
    """An index as factors of letters and a constant; None if it is not of that form.

    >>> affine(rules.parse("y[p] = x[2*p+1]")[0].body.indices[0])
    ({'p': 2}, 1)
    """
    match index:
        case Number(value) if value == int(value):
            return {}, int(value)
        case Name(letter):
            return {letter: 1}, 0
        case Negative(operand):
            return _scaled(affine(operand), -1)
        case Binary("+", left, right):
            return _summed(affine(left), affine(right))
        case Binary("-", left, right):
            return _summed(affine(left), _scaled(affine(right), -1))
        case Binary("*", left, right):
            a, b = affine(left), affine(right)
            if a is not None and b is not None and not (a[0] and b[0]):
                return _scaled(b, a[1]) if not a[0] else _scaled(a, b[1])
    return None


def within_panel(index: Expr, lanes: int) -> tuple[dict[str, int], int] | None:
    """`affine`, as an index goes within a panel of an axis: registers of so many lanes end where panels do."""
    match index:
        case Binary("%", Name() as letter, Number(width)) if width % lanes == 0:
            return affine(letter)
        case Call("floor", (Binary("/", Name(), Number(width)),)) if width % lanes == 0:
            return {}, 0
    return affine(index)


def _scaled(terms: tuple[dict[str, int], int] | None, factor: int) -> tuple[dict[str, int], int] | None:
    return None if terms is None else ({letter: factor * f for letter, f in terms[0].items()}, factor * terms[1])


def _summed(
    a: tuple[dict[str, int], int] | None, b: tuple[dict[str, int], int] | None
) -> tuple[dict[str, int], int] | None:
    if a is None or b is None:
        return None
    letters = {letter: a[0].get(letter, 0) + b[0].get(letter, 0) for letter in {**a[0], **b[0]}}
    return letters, a[1] + b[1]
