"""Index rules: one line of text that says what an operation computes, cell by cell.

    y[n,o] = sum_i x[n,i]*w[i,o] + b[o]          a contraction
    y = max(x, 0)                                element-wise: a bare name is the cell itself, broadcast
    y[...,k] = exp(x[...,k]) / sum_j exp(x[...,j])   `...` stands for any leading axes

Single letters in brackets are axes. There are arithmetic (`**` is power), comparisons, named scalar functions,
`sum_`/`max_`/`min_` over letters, which run as far as the arrays they index (`max_{u<2,v<2}` says how far where no
array does), affine indices such as `x[n, p*s+u-P]`, one lookup `W[idx[n,t],d]` and a guard
`[cond]`, which is 1 where the condition holds and 0 elsewhere. Other names are attributes of the op. Reads outside an
array are 0, and minus (plus) infinity under `max_` (`min_`). Several statements are separated by `;` and may use
earlier ones.

From this text come the formula with numbers in it, the cells a number came from, shape inference, element-wise kernels
and an independent evaluation in float64 that the tests hold against `forward`.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from glassnet.errors import GraphError, ShapeError, did_you_mean
from glassnet.typing import Array

# ---------------------------------------------------------------- the syntax tree


@dataclass(frozen=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True)
class Name:
    """An attribute of the op, or an axis letter used as a number."""

    name: str


@dataclass(frozen=True)
class Read:
    """One cell of an array: `x[n, p+u]`."""

    array: str
    indices: tuple[Expr, ...]


@dataclass(frozen=True)
class Dots:
    """`...` in an index list: all leading axes, broadcast as in NumPy."""


@dataclass(frozen=True)
class Call:
    """A named scalar function."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True)
class Binary:
    """Arithmetic or a comparison of two cells."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Negative:
    """A minus sign."""

    operand: Expr


@dataclass(frozen=True)
class Reduce:
    """`sum_ij body`: the letters are bound inside the body. `max_{i<2,j<3} body` has extents (2, 3)."""

    kind: str
    letters: str
    body: Expr
    extents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Guard:
    """`[cond]`: 1 where the condition holds, else 0."""

    condition: Expr


Expr: TypeAlias = Number | Name | Read | Dots | Call | Binary | Negative | Reduce | Guard


@dataclass(frozen=True)
class Statement:
    """`target[indices] = body`."""

    target: str
    indices: tuple[Expr, ...]
    body: Expr


# ---------------------------------------------------------------- scalar functions and operators

_erf = np.vectorize(math.erf, otypes=[float])
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs, "arccos": np.arccos, "arcsin": np.arcsin, "arctan": np.arctan, "arctan2": np.arctan2,
    "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "erf": _erf, "exp": np.exp, "expm1": np.expm1,
    "floor": np.floor, "log": np.log, "log1p": np.log1p, "max": np.maximum, "min": np.minimum,
    "round": np.round, "sign": np.sign, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan,
    "tanh": np.tanh, "where": np.where, "isnan": np.isnan, "isinf": np.isinf,
}  # fmt: skip
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power, "%": np.mod,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
    "and": np.logical_and, "or": np.logical_or,
}  # fmt: skip
REDUCTIONS: dict[str, tuple[Callable[..., Any], float]] = {
    "sum": (np.sum, 0.0), "max": (np.max, -math.inf), "min": (np.min, math.inf),
}  # fmt: skip


def function_of(name: str) -> Callable[..., Any]:
    """The scalar function of that name."""
    if name not in FUNCTIONS:
        raise GraphError(f"rule: unknown function {name!r}", expected=", ".join(sorted(FUNCTIONS)))
    return FUNCTIONS[name]


def attribute_of(name: str, attributes: Mapping[str, Any]) -> Any:
    """The value of an attribute of the op."""
    if name not in attributes:
        raise GraphError(
            f"rule: {name!r} is neither an input, nor an axis letter, nor an attribute of the op",
            fix=did_you_mean(name, attributes),
        )
    return attributes[name]


# ---------------------------------------------------------------- parser

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:e-?\d+)?)"
    r"|(?P<reduce>(?:sum|max|min)_(?:[a-zA-Z]+|\{[a-zA-Z]<\d+(?:,[a-zA-Z]<\d+)*\})(?=\s+[\w(\[]))|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<symbol>\.\.\.|\*\*|<=|>=|==|!=|[-+*/%<>()\[\],=]))"
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_LEVELS = (("or",), ("and",), _COMPARISONS, ("+", "-"), ("*", "/", "%"))
_PRODUCT = len(_LEVELS) - 1


class _Parser:
    """Recursive descent over one statement; each method reads one level of precedence."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, position = text, list[tuple[str, str]](), 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise GraphError(f"rule: cannot read {text[position:]!r}", received=text)
            self.tokens.append((str(match.lastgroup), match.group().strip()))
            position = match.end()
        self.tokens.append(("end", ""))

    def next_is(self, *symbols: str) -> bool:
        return self.tokens[0][1] in symbols

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0)[1]
        if expected and token != expected:
            raise GraphError(f"rule: expected {expected!r} but found {token!r}", received=self.text)
        return token

    def statement(self) -> Statement:
        target = self.take()
        indices = self.indices() if self.next_is("[") else (Dots(),)
        self.take("=")
        body = self.binary(0)
        if not self.next_is(""):
            raise GraphError(f"rule: {self.tokens[0][1]!r} is left over", received=self.text)
        free = {index.name for index in indices if isinstance(index, Name)}
        taken = sorted(free & {letter for e in walk(body) if isinstance(e, Reduce) for letter in e.letters})
        if taken:
            raise GraphError(f"rule: {taken[0]!r} is an axis of the result and cannot be reduced", received=self.text)
        return Statement(target, indices, body)

    def binary(self, level: int) -> Expr:
        if level > _PRODUCT:
            return self.unary()
        left = self.binary(level + 1)
        while self.next_is(*_LEVELS[level]):
            left = Binary(self.take(), left, self.binary(level + 1))
            if left.operator in _COMPARISONS and self.next_is(*_COMPARISONS):
                raise GraphError("rule: comparisons do not chain", received=self.text, fix="write 0 < x and x < 1")
        return left

    def unary(self) -> Expr:
        if self.next_is("-"):
            self.take()
            return Negative(self.unary())
        base = self.atom()
        if self.next_is("**"):
            self.take()
            return Binary("**", base, self.unary())
        return base

    def atom(self) -> Expr:
        kind, token = self.tokens.pop(0)
        if kind == "number":
            return Number(float(token))
        if kind == "reduce":
            how, letters = token.split("_")
            bounds = [bound.split("<") for bound in letters.strip("{}").split(",")] if letters[0] == "{" else []
            letters = "".join(letter for letter, _ in bounds) or letters
            return Reduce(how, letters, self.binary(_PRODUCT), tuple(int(extent) for _, extent in bounds))
        if token == "(":
            inner = self.binary(0)
            self.take(")")
            return inner
        if token == "[":
            condition = self.binary(0)
            self.take("]")
            return Guard(condition)
        if kind == "name" and self.next_is("("):
            return Call(token, self.listed("(", ")"))
        if kind == "name" and self.next_is("["):
            return Read(token, self.indices())
        if kind == "name":
            return Name(token)
        raise GraphError(f"rule: unexpected {token or 'end'!r}", received=self.text)

    def indices(self) -> tuple[Expr, ...]:
        return self.listed("[", "]")

    def listed(self, opening: str, closing: str) -> tuple[Expr, ...]:
        self.take(opening)
        items: list[Expr] = []
        while not self.next_is(closing):
            if self.next_is("..."):
                self.take()
                items.append(Dots())
            else:
                items.append(self.binary(0))
            if not self.next_is(closing):
                self.take(",")
        self.take(closing)
        return tuple(items)


@functools.lru_cache(maxsize=1024)
def parse(rule: str) -> tuple[Statement, ...]:
    """The syntax tree of a rule.

    >>> parse("y[n] = sum_i x[n,i]")[0].body
    Reduce(kind='sum', letters='i', body=Read(array='x', indices=(Name(name='n'), Name(name='i'))), extents=())
    """
    return tuple(_Parser(part).statement() for part in rule.replace("\n", " ").split(";") if part.strip())


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression."""
    parts = _PARTS.get(type(expr))
    return parts(expr) if parts else ()


_PARTS: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Read: lambda e: e.indices, Call: lambda e: e.arguments, Binary: lambda e: (e.left, e.right),
    Negative: lambda e: (e.operand,), Guard: lambda e: (e.condition,), Reduce: lambda e: (e.body,),
}  # fmt: skip


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything inside it, outside first."""
    rest = [expr]
    while rest:
        part = rest.pop()
        yield part
        rest += children(part)[::-1]


def stated_extents(statement: Statement) -> dict[str, int]:
    """How far the letters run that a reduction bounds itself."""
    reductions = [expr for expr in walk(statement.body) if isinstance(expr, Reduce)]
    return {letter: extent for r in reductions for letter, extent in zip(r.letters, r.extents)}


def reads_of(statement: Statement, arrays: Mapping[str, Any]) -> list[Read]:
    """Every read of an array in a statement; a bare name of an array is a read of `[...]`."""
    found = []
    for expr in walk(statement.body):
        if isinstance(expr, Read):
            if expr.array not in arrays:
                raise GraphError(f"rule: there is no array {expr.array!r} to read", expected=", ".join(arrays))
            found.append(expr)
        elif isinstance(expr, Name) and expr.name in arrays:
            found.append(Read(expr.name, (Dots(),)))
    return found


def expand_ellipsis(indices: tuple[Expr, ...], ndim: int, leading: int) -> tuple[Expr, ...]:
    """Write `...` out as numbered letters, right-aligned: with three leading axes they are '0', '1', '2'."""
    if not any(isinstance(index, Dots) for index in indices):
        return indices
    own = ndim - (len(indices) - 1)
    letters = [Name(str(axis)) for axis in range(leading - own, leading)]
    return tuple(new for index in indices for new in (letters if isinstance(index, Dots) else [index]))


def leading_axes(statement: Statement, shapes: Mapping[str, tuple[int | None, ...]]) -> int:
    """How many axes `...` stands for: the most that any array of the statement brings."""
    counts = [0]
    for read in reads_of(statement, shapes):
        if any(isinstance(index, Dots) for index in read.indices):
            counts.append(len(shapes[read.array]) - len(read.indices) + 1)
    return max(counts)


# ---------------------------------------------------------------- shape inference


def infer_shapes(
    rule: str, shapes: Mapping[str, tuple[int | None, ...]], who: str
) -> dict[str, tuple[int | None, ...]]:
    """The shape of every target, from the letters; an axis whose sizes disagree is a ShapeError."""
    known: dict[str, tuple[int | None, ...]] = dict(shapes)
    for statement in parse(rule):
        leading = leading_axes(statement, known)
        sizes: dict[str, int | None] = {}
        for read in reads_of(statement, known):
            shape = known[read.array]
            indices = expand_ellipsis(read.indices, len(shape), leading)
            if len(indices) != len(shape):
                raise ShapeError(
                    f"{who}: {read.array} has the wrong number of axes",
                    expected=f"{len(indices)} axes ({', '.join(i.name for i in indices if isinstance(i, Name))})",
                    received=f"shape {shape}",
                )
            for index, size in zip(indices, shape, strict=True):
                if isinstance(index, Name):
                    _merge_size(sizes, index.name, size, read.array, shape, who)
        target = expand_ellipsis(statement.indices, leading + len(statement.indices) - 1, leading)
        known[statement.target] = tuple(sizes.get(index.name) for index in target if isinstance(index, Name))
    return known


def _merge_size(sizes: dict[str, int | None], letter: str, size: int | None, array: str, shape: Any, who: str) -> None:
    old = sizes.setdefault(letter, size)
    broadcasts = letter.isdigit()
    if broadcasts and 1 in (old, size):  # beside a size of 1 the other one stands, even if it is not known yet
        sizes[letter] = size if old == 1 else old
    elif old is None or size is None:
        sizes[letter] = size if old is None else old
    elif size != old:
        axis = "shapes do not broadcast" if broadcasts else f"axis {letter} has two sizes"
        raise ShapeError(
            f"{who}: {axis}", expected=f"size {old}", received=f"size {size} in {array} {shape}",
            fix="give both the same size along this axis" + (", or 1 in one of them" if broadcasts else ""),
        )  # fmt: skip


# ---------------------------------------------------------------- evaluation over the whole index grid


class _Grid:
    """Evaluates a statement for all cells at once: every letter is one axis of a common index grid."""

    def __init__(self, statement: Statement, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> None:
        self.arrays, self.attributes = arrays, attributes
        shapes = {name: array.shape for name, array in arrays.items()}
        self.leading = leading_axes(statement, shapes)
        self.extents: dict[str, int] = stated_extents(statement)
        for read in reads_of(statement, arrays):
            indices = expand_ellipsis(read.indices, arrays[read.array].ndim, self.leading)
            for index, size in zip(indices, arrays[read.array].shape, strict=True):
                if isinstance(index, Name):
                    # a broadcast axis takes the size that is not 1, which may be 0
                    old = self.extents.get(index.name)
                    self.extents[index.name] = size if old is None or (old == 1 and index.name.isdigit()) else old

    def letters(self, statement: Statement, out_shape: tuple[int, ...]) -> list[str]:
        target = expand_ellipsis(statement.indices, len(out_shape), self.leading)
        free = [index.name for index in target if isinstance(index, Name)]
        self.extents.update(zip(free, out_shape, strict=True))
        bound = sorted({letter for e in walk(statement.body) if isinstance(e, Reduce) for letter in e.letters})
        self.axis = {letter: axis for axis, letter in enumerate([*free, *bound])}
        for letter in self.axis:
            if letter in self.arrays:
                raise GraphError(f"rule: {letter!r} is an axis letter and an input at once", fix="rename the letter")
            if letter not in self.extents:
                raise GraphError(f"rule: nothing says how far {letter!r} runs", fix=f"read an array at a bare {letter}")
        return free

    def run(self, statement: Statement, out_shape: tuple[int, ...]) -> Array:
        free = self.letters(statement, out_shape)
        with np.errstate(all="ignore"):
            value = np.asarray(self.value(statement.body, 0.0))
        full = value.reshape((1,) * (len(self.axis) - value.ndim) + value.shape)
        shape = (*out_shape, *(1,) * (len(self.axis) - len(free)))
        return np.broadcast_to(full, shape).reshape(out_shape).copy()

    def value(self, expr: Expr, outside: float) -> Any:
        match expr:
            case Number(value):
                return value
            case Name(name):
                return self.name(name, outside)
            case Read():
                return self.read(expr, outside)
            case Call(function, arguments):
                return function_of(function)(*[self.value(a, outside) for a in arguments])
            case Binary(operator, left, right):
                return OPERATORS[operator](self.value(left, outside), self.value(right, outside))
            case Negative(operand):
                return np.negative(self.value(operand, outside))
            case Guard(condition):
                return np.asarray(self.value(condition, outside), dtype=float)
            case Reduce(kind, letters, body):
                return self.reduce(kind, letters, body)
        raise GraphError(f"rule: {expr} has no value")

    def name(self, name: str, outside: float) -> Any:
        if name in self.arrays:
            return self.read(Read(name, (Dots(),)), outside)
        if name in self.axis:
            shape = [1] * len(self.axis)
            shape[self.axis[name]] = self.extents[name]
            return np.arange(self.extents[name]).reshape(shape)
        return attribute_of(name, self.attributes)

    def read(self, read: Read, outside: float) -> Any:
        array = self.arrays[read.array]
        where, inside = [], np.ones((1,) * len(self.axis), dtype=bool)
        for index, size in zip(expand_ellipsis(read.indices, array.ndim, self.leading), array.shape, strict=True):
            position = np.asarray(self.value(index, 0.0)).astype(np.intp)
            if isinstance(index, Name) and index.name.isdigit() and size == 1:
                position = np.zeros_like(position)  # a broadcast axis
            inside = inside & (position >= 0) & (position < size)
            where.append(np.clip(position, 0, max(size - 1, 0)))
        if array.ndim == 0:
            return array.reshape((1,) * len(self.axis))
        if array.size == 0:
            return np.full(inside.shape, outside)
        return np.where(inside, array[tuple(where)], outside)

    def reduce(self, kind: str, letters: str, body: Expr) -> Any:
        function, start = REDUCTIONS[kind]
        cells = np.asarray(self.value(body, start))
        axes = tuple(self.axis[letter] for letter in letters)
        full = list(cells.shape) if cells.ndim == len(self.axis) else [1] * len(self.axis)
        for letter in letters:
            full[self.axis[letter]] = self.extents[letter]
        return function(np.broadcast_to(cells, full), axis=axes, keepdims=True, initial=start)


def evaluate(
    rule: str,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Any],
    out_shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, Array]:
    """Every target of the rule, computed cell by cell in float64: slow, and independent of any `forward`.

    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> evaluate("y[n] = sum_i x[n,i]*c", {"x": x}, {"c": 10}, {"y": (2,)})["y"]
    array([30., 70.])
    """
    known = {
        name: np.asarray(a, dtype=float if np.asarray(a).dtype.kind == "f" else None) for name, a in arrays.items()
    }
    results: dict[str, Array] = {}
    for statement in parse(rule):
        grid = _Grid(statement, known, attributes)
        shape = out_shapes.get(statement.target)
        if shape is None:  # an intermediate of the rule
            inferred = infer_shapes(rule, {n: a.shape for n, a in known.items()}, "rule")[statement.target]
            shape = tuple(int(size or 0) for size in inferred)
        known[statement.target] = results[statement.target] = grid.run(statement, shape)
    return results
