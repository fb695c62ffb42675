"""What is computed first so that the rest is fast: factors laid out anew for contractions, parts of long sums."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Call, Expr, Name, Number, Read, Reduce
from glassnet.autograd.spec import Spec
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, NotCompiled, affine, bounds, letters_of, rebuilt, value_of


class Values(Protocol):
    """Where new values come from."""

    specs: list[Spec]

    def new_value(self, spec: Spec) -> int:
        """A value that the graph does not have."""


def with_prepared_factors(nests: list[Nest], place: Callable[[int], Place], values: Values) -> list[Nest]:
    """The nests, each contraction behind the copies that make it fast.

    A factor that leaves its array is copied with a border first; one whose lanes are scattered is laid out anew: x Wᵀ
    reads W down a column.
    """
    found, known = list[Nest](), dict[Nest, str]()
    for nest in nests:
        if nest.is_contraction and len(nest.extents) > 1:
            (assignment,) = nest.assignments
            for node in assignment.reductions():
                for old, (copy, new) in _copies(node, nest, place, values):
                    same = _without_target(copy)
                    if same not in known:
                        found.append(replace(copy, repetition=nest.repetition))
                    new = Read(known.setdefault(same, new.array), new.indices)
                    assignment = replace(assignment, body=_replaced(assignment.body, old, new))
            nest = replace(nest, assignments=(assignment,))
        found.append(nest)
    return found


def _without_target(nest: Nest) -> Nest:
    """What a copy is, whatever it is called."""
    return Nest(nest.extents, tuple(replace(a, target=-1) for a in nest.assignments))


def _copies(
    node: Reduce, nest: Nest, place: Callable[[int], Place], values: Values
) -> Iterator[tuple[Expr, tuple[Nest, Read]]]:
    for part in list(rules.walk(node.body)):
        match part:
            case Call("where", (_, Read() as read, Number(outside))) if _leaves(read):
                yield part, _framed(read, outside, node, nest, place, values)
            case Call("where"):
                raise NotCompiled("a condition inside a sum")
            case Read() if not _leaves(part) and Name(nest.letters[-1]) in part.indices:
                factor = place(value_of(part))
                width = _panel_width(part, nest, factor)
                if width:
                    yield part, _panels(part, nest, factor, values, width)
                elif _is_scattered(part, nest.letters[-1], factor):
                    yield part, _copy(part, nest, factor, values)


def _leaves(read: Read) -> bool:
    """Whether a read is kept inside its array by force."""
    return any(_is_inside(index) for index in read.indices)


def _is_inside(index: Expr) -> bool:
    """Whether an index is kept inside its array by force."""
    return isinstance(index, Call) and index.function == "inside"


def _framed(
    read: Read, outside: float, node: Reduce, nest: Nest, place: Callable[[int], Place], values: Values
) -> tuple[Nest, Read]:
    """A nest that copies an array with a border, and the read of the copy, which never leaves it."""
    source, extents = place(value_of(read)), dict(zip(nest.letters, nest.extents))
    extents |= dict(zip(node.letters, node.extents))
    shape, inside, conditions, indices = list(source.shape), list[Expr](), list[Expr](), list[Expr]()
    for axis, index in enumerate(read.indices):
        here: Expr = Name(str(axis))
        if isinstance(index, Call) and _is_inside(index):
            low, high = bounds(index.arguments[0], extents)
            if affine(index.arguments[0]) is None:
                raise NotCompiled("an index inside a sum is not a sum of letters")
            shape[axis], shifted = high - low + 1, Binary("+", here, Number(low))
            conditions += [Binary(">=", shifted, Number(0)), Binary("<", shifted, Number(source.shape[axis]))]
            here, index = Call("inside", (shifted,)), Binary("-", index.arguments[0], Number(low))
        inside.append(here)
        indices.append(index)
    copy = values.new_value(Spec(tuple(shape), source.dtype))
    condition = functools.reduce(lambda a, b: Binary("and", a, b), conditions)
    body = Call("where", (condition, Read(read.array, tuple(inside)), Number(outside)))
    return Nest(tuple(shape), (Assignment(copy, body),)), Read(str(copy), tuple(indices))


def _is_scattered(read: Read, lane: str, place: Place) -> bool:
    """Whether neighbours along the lanes do not lie side by side, although one axis alone leads along them."""
    along = [stride for index, stride in zip(read.indices, place.strides) if lane in letters_of(Read("", (index,)))]
    return len(along) == 1 and along[0] != place.dtype.itemsize


def _copy(read: Read, nest: Nest, source: Place, values: Values) -> tuple[Nest, Read]:
    """A nest that copies an array with the axis of the lanes innermost, and the read of the copy."""
    lanes = read.indices.index(Name(nest.letters[-1]))
    order = [axis for axis in range(len(source.shape)) if axis != lanes] + [lanes]
    shape = tuple(source.shape[axis] for axis in order)
    copy = values.new_value(Spec(shape, source.dtype))
    body = Read(read.array, tuple(Name(str(order.index(axis))) for axis in range(len(order))))
    return Nest(shape, (Assignment(copy, body),)), Read(str(copy), tuple(read.indices[axis] for axis in order))


# ---------------------------------------------------------------- panels

_LARGE_FACTOR, _LARGE_RESULT = 2**20, 2**21
"""Bytes from which on panels pay: the factor does not stay in the cache, and each of its numbers serves many rows."""
_WIDTHS = (64, 48, 32, 16)
"""Columns of a panel; whole registers of every kind of processor."""


def _panel_width(read: Read, nest: Nest, factor: Place) -> int:
    """Columns of the panels that a factor is worth being cut into; 0 where it stays as it is."""
    result = math.prod(nest.extents) * factor.dtype.itemsize
    columns = factor.shape[read.indices.index(Name(nest.letters[-1]))]
    if factor.size < _LARGE_FACTOR or result < _LARGE_RESULT or columns != nest.extents[-1]:
        return 0
    return next((width for width in _WIDTHS if columns % width == 0 and columns > width), 0)


def _panels(read: Read, nest: Nest, source: Place, values: Values, width: int) -> tuple[Nest, Read]:
    """A nest that copies an array panel by panel, and the read of the copy.

    All that a block of cells reads of it along a sum lies in one piece; in a matrix of 2048 columns, the rows of a block
    lie a page apart from each other, and share few lines of the cache. Source: K. Goto and R. van de Geijn, Anatomy of
    High-Performance Matrix Multiplication (2008), section 4.
    """
    column = Name(nest.letters[-1])
    lanes, rank = read.indices.index(column), len(source.shape)
    others = [axis for axis in range(rank) if axis != lanes]
    shape = (source.shape[lanes] // width, *(source.shape[axis] for axis in others), width)
    own: dict[int, Expr] = {axis: Name(str(position)) for position, axis in enumerate(others, start=1)}
    own[lanes] = Binary("+", Binary("*", Number(width), Name("0")), Name(str(rank)))
    copy = values.new_value(Spec(shape, source.dtype))
    panel, within = Call("floor", (Binary("/", column, Number(width)),)), Binary("%", column, Number(width))
    body = Read(read.array, tuple(own[axis] for axis in range(rank)))
    return Nest(shape, (Assignment(copy, body),)), Read(
        str(copy), (panel, *(read.indices[axis] for axis in others), within)
    )


def _replaced(expr: Expr, old: Expr, new: Read) -> Expr:
    """The formula with a read in another's place."""
    return rebuilt(expr, lambda part: new if part == old else None)


# ---------------------------------------------------------------- long sums

_LONG = 4096
"""Numbers of a sum that is worth two stages."""
_PARTS = 16
"""Into how many a long sum of products is cut at most: enough for the threads, few beside the numbers that are summed."""


def with_staged_sums(nests: list[Nest], values: Values) -> list[Nest]:
    """The nests, with long sums over several axes in two stages: all threads can help, and rounding stays small.

    A sum of n float32 numbers one after the other loses up to n roundings; n/k sums of k numbers lose n/k + k. Factors
    of a part stay in the cache for all cells of the result.
    """
    return [stage for nest in nests for stage in _stages(nest, values)]


def _stages(nest: Nest, values: Values) -> list[Nest]:
    (assignment,) = nest.assignments
    nodes = assignment.reductions()
    if len(nodes) != 1 or nodes[0].kind != "sum":
        return [nest]
    (node,) = nodes
    if len(node.letters) < 2 or math.prod(node.extents) < _LONG:
        return [nest]
    count = _part_count(nest, node) if nest.is_contraction else node.extents[0]
    if count == 1:
        return [nest]
    part = values.new_value(Spec((count, *nest.extents), values.specs[assignment.target].dtype))
    parts = replace(nest, extents=(count, *nest.extents), assignments=(Assignment(part, _part(node, nest, count)),))
    first = node.letters[0]
    total = Reduce("sum", first, Read(str(part), (Name(first), *map(Name, nest.letters))), (count,))
    body = rebuilt(assignment.body, lambda e: total if e is node else None)
    return [parts, replace(nest, assignments=(replace(assignment, body=body),))]


def _part_count(nest: Nest, node: Reduce) -> int:
    """Equal parts of the first axis of a sum of products; one where the parts would be many beside what is summed."""
    count = max(count for count in range(1, _PARTS + 1) if node.extents[0] % count == 0)
    return count if math.prod(nest.extents) <= math.prod(node.extents) else 1


def _part(node: Reduce, nest: Nest, count: int) -> Reduce:
    """The sum over one part of the first letter; the part is axis 0 of the nest now, the others follow."""
    first, others, size = node.letters[0], node.letters[1:], node.extents[0] // count
    new: dict[str, Expr] = {letter: Name(str(int(letter) + 1)) for letter in nest.letters}
    new[first] = Name("0") if size == 1 else Binary("+", Binary("*", Number(size), Name("0")), Name(first))
    body = rebuilt(node.body, lambda e: new.get(e.name) if isinstance(e, Name) else None)
    if size == 1:
        return Reduce("sum", others, body, node.extents[1:])
    return Reduce("sum", node.letters, body, (size, *node.extents[1:]))
