"""Rules in words for people: a rule as LaTeX, one cell's formula with its numbers, and the cells it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.autograd.rules import (
    OPERATORS,
    REDUCTIONS,
    Binary,
    Call,
    Dots,
    Expr,
    Guard,
    Name,
    Negative,
    Number,
    Read,
    Reduce,
    Statement,
    attribute_of,
    expand_ellipsis,
    function_of,
    leading_axes,
    parse,
    reads_of,
    stated_extents,
    walk,
)
from glassnet.errors import GraphError
from glassnet.typing import Array

Cell = tuple[int, ...]


@dataclass
class Worked:
    """One cell of a result: the formula with numbers in it, its value, and the cells that were read."""

    text: str
    value: float
    sources: list[tuple[str, Cell]] = field(default_factory=list)


def format_number(value: Any, digits: int = 4) -> str:
    """A number with a true minus sign and as few digits as it needs.

    >>> format_number(-0.03140000), format_number(2.0)
    ('−0.0314', '2')
    """
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (int, np.integer)):  # a label or an index is shown in full
        return str(value).replace("-", "−")
    return f"{float(value):.{digits}g}".replace("-", "−")


class CellEvaluation:
    """Evaluates one statement at one cell, writing down the numbers on the way."""

    def __init__(
        self,
        statement: Statement,
        arrays: Mapping[str, Array],
        attributes: Mapping[str, Any],
        cell: Cell,
        terms: int,
    ) -> None:
        self.arrays, self.attributes, self.terms = arrays, attributes, terms
        self.leading = leading_axes(statement, {name: a.shape for name, a in arrays.items()})
        self.letters: dict[str, int] = {}
        target = expand_ellipsis(statement.indices, len(cell), self.leading)
        self.letters.update({index.name: at for index, at in zip(target, cell, strict=True) if isinstance(index, Name)})
        self.extents: dict[str, int] = stated_extents(statement)
        for read in reads_of(statement, arrays):
            shape = arrays[read.array].shape
            for index, size in zip(expand_ellipsis(read.indices, len(shape), self.leading), shape, strict=True):
                if isinstance(index, Name):
                    self.extents.setdefault(index.name, size)
        self.sources: list[tuple[str, Cell]] = []

    def work(self, expr: Expr, outside: float = 0.0) -> tuple[Any, str]:
        """The value of an expression and its text with numbers."""
        match expr:
            case Number(value):
                return value, format_number(value)
            case Name(name) if name in self.arrays:
                return self.read(Read(name, (Dots(),)), outside)
            case Name(name):
                number = self.letters[name] if name in self.letters else attribute_of(name, self.attributes)
                return number, format_number(number)
            case Read():
                return self.read(expr, outside)
            case Call(function, arguments):
                done = [self.work(argument, outside) for argument in arguments]
                with np.errstate(all="ignore"):
                    value = function_of(function)(*[v for v, _ in done])
                return value, f"{function}({', '.join(t for _, t in done)})"
            case Binary(operator, left, right):
                return self.binary(operator, left, right, outside)
            case Negative(operand):
                value, text = self.work(operand, outside)
                return np.negative(value), f"−{_bracketed(text, level_of(operand), PRODUCT)}"
            case Guard(condition):
                value, text = self.work(condition, outside)
                return float(value), f"[{text}]"
            case Reduce(kind, letters, body):
                return self.reduce(kind, letters, body)
        raise GraphError(f"{expr} has no value")

    def read(self, read: Read, outside: float) -> tuple[Any, str]:
        """The number a read finds, noted as a source; `outside` where it is outside the array."""
        array = self.arrays[read.array]
        indices = expand_ellipsis(read.indices, array.ndim, self.leading)
        place = []
        for index, size in zip(indices, array.shape):
            at = int(self.work(index)[0])
            place.append(0 if size == 1 and isinstance(index, Name) and index.name.isdigit() else at)
        if any(not 0 <= at < size for at, size in zip(place, array.shape)):
            return outside, format_number(outside)
        self.sources.append((read.array, tuple(place)))
        value = array[tuple(place)]
        return value, format_number(value)

    def binary(self, operator: str, left: Expr, right: Expr, outside: float) -> tuple[Any, str]:
        """Two parts joined, each in brackets where it needs them."""
        (a, a_text), (b, b_text) = self.work(left, outside), self.work(right, outside)
        with np.errstate(all="ignore"):
            value = OPERATORS[operator](a, b)
        needed_left, needed_right = needed_levels(operator)
        a_text = _bracketed(a_text, level_of(left), needed_left)
        b_text = _bracketed(b_text, level_of(right), needed_right)
        sign = {"*": "·", "-": " − ", "**": "^"}.get(operator, f" {operator} ")
        return value, f"{a_text}{sign}{b_text}"

    def is_no_term(self, expr: Expr) -> bool:
        """Whether a term is only there because letters run over more places than the sum has: [(h - u) % 2 == 0]."""
        match expr:
            case Binary("*", left, right):
                return self.is_no_term(left) or self.is_no_term(right)
            case Guard(condition) if not any(isinstance(part, Read) for part in walk(condition)):
                return not self.work(condition)[0]
        return False

    def reduce(self, kind: str, letters: str, body: Expr) -> tuple[Any, str]:
        """All terms; the text shows those that matter most and, for a sum, one number for the rest: it adds up."""
        function, start = REDUCTIONS[kind]
        terms = []
        outer = {letter: self.letters[letter] for letter in letters if letter in self.letters}
        for at in np.ndindex(*[self.extents[letter] for letter in letters]):
            self.letters.update(zip(letters, at))
            if kind != "sum" or not self.is_no_term(body):
                terms.append(self.work(body, start))
        for letter in letters:
            self.letters.pop(letter, None)
        self.letters.update(outer)
        total = function([value for value, _ in terms], initial=start)
        numbers = [float(value) for value, _ in terms]
        weights = {"sum": np.abs(numbers), "max": np.array(numbers), "min": -np.array(numbers)}[kind]
        order = [int(i) for i in np.argsort(-weights, kind="stable")[: self.terms]]
        hidden = len(terms) - len(order)
        if kind != "sum":
            return total, f"{kind}({', '.join(terms[i][1] for i in sorted(order))}{', …' if hidden else ''})"
        shown = [_bracketed(terms[i][1], level_of(body), PRODUCT) for i in sorted(order)]
        if hidden:
            rest = math.fsum(number for i, number in enumerate(numbers) if i not in order)
            shown.append(f"({hidden} other{'s' if hidden > 1 else ''}: {format_number(rest)})")
        return total, " + ".join(shown) if shown else "0"


OR, AND, COMPARISON, SUM, REDUCTION, PRODUCT, POWER, ATOM = range(8)
_LEVEL = {"or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "**": POWER}


def level_of(expr: Expr) -> int:
    """How tightly the outermost operation of an expression binds."""
    match expr:
        case Binary(operator):
            return _LEVEL.get(operator, COMPARISON)
        case Negative() | Reduce("sum"):
            return SUM
        case _:
            return ATOM


def needed_levels(operator: str) -> tuple[int, int]:
    """How tightly the left and the right operand must bind to stand without brackets."""
    own = _LEVEL.get(operator, COMPARISON)
    if operator == "**":
        return ATOM, POWER
    return own, own if operator == "*" else own + 1


def _bracketed(text: str, level: int, needed: int) -> str:
    """The text in brackets where it binds too loosely, or where it is a negative number beside an operator."""
    negative = level == ATOM and text.startswith("−") and needed > COMPARISON
    return f"({text})" if level < needed or negative else text


def work_cell(
    rule: str,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Any],
    cell: Cell,
    terms: int = 4,
    target: str = "",
) -> Worked:
    """One cell of the (last or named) target of a rule, worked out.

    Arguments:
        arrays: every input, and every earlier target that the rule itself uses.
        terms: how many terms of a sum are shown; the rest is one number.

    >>> x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0], [-4.0]]), np.array([0.5])
    >>> work_cell("y[n,o] = sum_i x[n,i]*w[i,o] + b[o]", {"x": x, "w": w, "b": b}, {}, (0, 0)).text
    '1·3 + 2·(−4) + 0.5'
    """
    statements = parse(rule)
    chosen = next((s for s in statements if s.target == target), statements[-1])
    worker = CellEvaluation(chosen, arrays, attributes, cell, terms)
    value, text = worker.work(chosen.body)
    return Worked(text, float(value), worker.sources)


# ---------------------------------------------------------------- LaTeX

_LATEX_FUNCTIONS = {"max": r"\max", "min": r"\min", "exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos",
                    "tan": r"\tan", "tanh": r"\tanh", "sinh": r"\sinh", "cosh": r"\cosh"}  # fmt: skip
_LATEX_OPERATORS = {"*": r"\,", "<=": r" \le ", ">=": r" \ge ", "!=": r" \ne ", "==": " = ", "and": r" \wedge ",
                    "or": r" \vee "}  # fmt: skip
_LATEX_NAMES = {"alpha", "beta", "delta", "epsilon", "gamma", "lambda", "mu", "rho", "sigma"}


def latex(rule: str) -> str:
    r"""A rule as LaTeX.

    >>> latex("y[n,o] = sum_i x[n,i]*w[i,o] + b[o]")
    'y_{n,o} = \\sum_{i} x_{n,i}\\,w_{i,o} + b_{o}'
    """
    lines = []
    for statement in parse(rule):
        indices = _latex_indices(statement.indices)
        lines.append(f"{_latex_name(statement.target)}{indices} = {_latex(statement.body)}")
    return r",\quad ".join(lines)


def _latex_name(name: str) -> str:
    if name in _LATEX_NAMES:
        return "\\" + name
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _latex_indices(indices: tuple[Expr, ...]) -> str:
    inside = ",".join(r"\dots" if isinstance(index, Dots) else _latex(index) for index in indices)
    return "" if inside == r"\dots" else f"_{{{inside}}}"


def _latex(expr: Expr) -> str:
    match expr:
        case Number(value):
            return f"{value:g}"
        case Name(name):
            return _latex_name(name)
        case Read(array, indices):
            return _latex_name(array) + _latex_indices(indices)
        case Call("sqrt", (inner,)):
            return rf"\sqrt{{{_latex(inner)}}}"
        case Call("abs", (inner,)):
            return rf"\lvert {_latex(inner)} \rvert"
        case Call("where", (condition, yes, no)):
            return rf"\begin{{cases}} {_latex(yes)} & {_latex(condition)} \\ {_latex(no)} & \text{{else}} \end{{cases}}"
        case Call(function, arguments):
            name = _LATEX_FUNCTIONS.get(function, rf"\operatorname{{{function}}}")
            return rf"{name}({', '.join(_latex(a) for a in arguments)})"
        case Binary("/", left, right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case Binary("**", left, right):
            return rf"{_latex_at(left, ATOM)}^{{{_latex(right)}}}"
        case Binary("%", left, right):
            return rf"{_latex_at(left, ATOM)} \bmod {_latex_at(right, ATOM)}"
        case Binary(operator, left, right):
            sign = _LATEX_OPERATORS.get(operator, f" {operator} ")
            needed_left, needed_right = needed_levels(operator)
            return f"{_latex_at(left, needed_left)}{sign}{_latex_at(right, needed_right)}"
        case Negative(operand):
            return f"-{_latex_at(operand, PRODUCT)}"
        case Guard(condition):
            return f"[{_latex(condition)}]"
        case Reduce(kind, letters, body, extents):
            sign = {"sum": r"\sum"}.get(kind, rf"\{kind}")
            over = [f"{letter}<{extent}" for letter, extent in zip(letters, extents)] or letters
            return rf"{sign}_{{{','.join(over)}}} {_latex_at(body, REDUCTION)}"
    raise GraphError(f"{expr} has no LaTeX form")


def _latex_at(expr: Expr, needed: int) -> str:
    """LaTeX of an operand, in brackets where it binds too loosely; a fraction brackets itself except under a power."""
    text = _latex(expr)
    level = REDUCTION if isinstance(expr, Reduce) else level_of(expr)  # what follows it would seem to belong to it
    fraction = isinstance(expr, Binary) and expr.operator == "/" and needed < ATOM
    return f"({text})" if level < needed and not fraction else text
