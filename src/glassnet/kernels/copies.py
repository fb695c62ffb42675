"""Copies that make contractions fast: a factor that does not lie in lanes is laid out anew first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Expr, Name, Read, Reduce
from glassnet.autograd.spec import Spec
from glassnet.kernels.memory import Place
from glassnet.kernels.nest import Assignment, Nest, value_of


class Values(Protocol):
    """Where new values come from."""

    def new_value(self, spec: Spec) -> int:
        """A value that the graph does not have."""


def with_contiguous_factors(nests: list[Nest], place: Callable[[int], Place], values: Values) -> list[Nest]:
    """The nests, each contraction behind copies of the factors whose lanes are scattered: x Wᵀ reads W down a column."""
    found: list[Nest] = []
    for nest in nests:
        if nest.is_contraction and len(nest.extents) > 1:
            (assignment,) = nest.assignments
            for node in assignment.reductions():
                for read in [e for e in rules.walk(node.body) if isinstance(e, Read)]:
                    if _is_scattered(read, nest.letters[-1], place(value_of(read))):
                        copy, instead = _copy(read, node, nest, place, values)
                        found.append(copy)
                        assignment = replace(assignment, body=_replaced(assignment.body, read, instead))
            nest = replace(nest, assignments=(assignment,))
        found.append(nest)
    return found


def _is_scattered(read: Read, lane: str, place: Place) -> bool:
    """Whether neighbours along the lanes do not lie side by side; only plain indices can be laid out anew."""
    if not all(isinstance(index, Name) for index in read.indices):
        return False
    steps = {index.name: stride for index, stride in zip(read.indices, place.strides) if isinstance(index, Name)}
    return lane in steps and steps[lane] != place.dtype.itemsize


def _copy(read: Read, node: Reduce, nest: Nest, place: Callable[[int], Place], values: Values) -> tuple[Nest, Read]:
    """A nest that copies an array with the lanes innermost, and the read of the copy."""
    lane, source = nest.letters[-1], place(value_of(read))
    sizes = {index.name: size for index, size in zip(read.indices, source.shape) if isinstance(index, Name)}
    order = [name for name in sizes if name != lane] + [lane]
    copy = values.new_value(Spec(tuple(sizes[name] for name in order), source.dtype))
    renamed = {name: Name(str(axis)) for axis, name in enumerate(order)}
    body = Read(read.array, tuple(renamed[index.name] for index in read.indices if isinstance(index, Name)))
    extents = tuple(sizes[name] for name in order)
    return Nest(extents, (Assignment(copy, body),)), Read(str(copy), tuple(Name(name) for name in order))


def _replaced(expr: Expr, old: Read, new: Read) -> Expr:
    """The formula with one read in another's place; only products inside sums have such reads."""
    match expr:
        case Read():
            return new if expr == old else expr
        case Binary(operator, left, right):
            return Binary(operator, _replaced(left, old, new), _replaced(right, old, new))
        case Reduce(kind, letters, body, extents):
            return Reduce(kind, letters, _replaced(body, old, new), extents)
    return expr
