"""What a page needs from Python as JSON: arrays as short text, rules as syntax trees. `payload.js` reads the arrays."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from glassnet.autograd.rules import (
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
    parse,
)
from glassnet.typing import Array

ENCODING = "zlib-shuffle"
"""Little-endian bytes, all first bytes before all second bytes and so on, compressed by zlib, as base64."""


def encode_array(array: Array) -> str:
    """An array as text; shape and dtype travel beside it.

    Sorting the bytes by significance first puts the alike exponents of floats next to each other: 15 % less to send.

    >>> text = encode_array(np.array([1.0, 2.0], dtype="float32"))
    >>> zlib.decompress(base64.b64decode(text)).hex(" ")
    '00 00 00 00 80 00 3f 40'
    """
    whole = np.ascontiguousarray(array)
    little = whole.astype(whole.dtype.newbyteorder("<"), copy=False)
    shuffled = little.reshape(-1, 1).view(np.uint8).T.tobytes()
    return base64.b64encode(zlib.compress(shuffled, 9)).decode("ascii")


def encode_change(
    before: Array, after: Array, factors: Iterable[float] = (), new: Array | None = None
) -> tuple[float, int, str]:
    """A float32 array as the bits in which it differs from another one, or from what a running mean makes of it.

    Arguments:
        factors: shares of the old value that such a mean may keep.
        new: what it may take in for the rest, itself or its square.

    Returns: the factor that says most numbers, 1 or one of `factors`; which power of `new`, 0 for none of it; and the
    differences as text.

    >>> factor, power, text = encode_change(np.float32([2, 4]), np.float32([5, 2]), [0.5], np.float32([8, 0]))
    >>> factor, power, text == encode_array(np.zeros(2, "uint32"))
    (0.5, 1, True)
    """
    told = {(1.0, 0): before}
    if np.isfinite(before).all():  # the bits of a computed NaN are the processor's choice
        with np.errstate(over="ignore"):
            powers = {} if new is None or not np.isfinite(new).all() else {1: new, 2: new * new}
        for factor in factors:
            kept = before * np.float32(factor)
            told[factor, 0] = kept
            told |= {(factor, power): kept + taken * np.float32(1 - factor) for power, taken in powers.items()}
    best = max(told, key=lambda way: np.count_nonzero(told[way] == after))
    return *best, encode_array(after.view(np.uint32) - told[best].view(np.uint32))


def rule_to_json(rule: str) -> list[dict[str, Any]]:
    """The statements of a rule as JSON; every expression is a list that starts with its kind.

    >>> rule_to_json("y = 2*x")
    [{'target': 'y', 'indices': [['dots']], 'body': ['binary', '*', ['number', 2.0], ['name', 'x']]}]
    """
    return [
        {"target": s.target, "indices": [_expression(i) for i in s.indices], "body": _expression(s.body)}
        for s in parse(rule)
    ]


def _expression(expr: Expr) -> list[Any]:
    match expr:
        case Number(value):
            return ["number", value]
        case Name(name):
            return ["name", name]
        case Read(array, indices):
            return ["read", array, [_expression(index) for index in indices]]
        case Dots():
            return ["dots"]
        case Call(function, arguments):
            return ["call", function, [_expression(argument) for argument in arguments]]
        case Binary(operator, left, right):
            return ["binary", operator, _expression(left), _expression(right)]
        case Negative(operand):
            return ["negative", _expression(operand)]
        case Reduce(kind, letters, body, extents):
            return ["reduce", kind, letters, _expression(body), list(extents)]
        case Guard(condition):
            return ["guard", _expression(condition)]
