"""How pages are told of a trace: one writer of arrays, operations and their rules as JSON, for every page."""

from __future__ import annotations

import math
from typing import Any

from glassnet.explain.trace import FORMAT, TracedOp
from glassnet.typing import Array
from glassnet.web.payload import ENCODING, rule_to_json


def trace_to_json(meta: dict[str, Any], tensors: list[dict[str, Any]], ops: list[dict[str, Any]]) -> dict[str, Any]:
    """What every trace on a page has; a page adds its own parts.

    Arguments:
        tensors, ops: made of `array_to_json` and `op_to_json`; a tensor's number is its place.
    """
    rules = {op["rule"]: rule_to_json(op["rule"]) for op in ops if op["rule"]}
    return {"format": FORMAT, "meta": plain(meta), "rules": rules, "tensors": tensors, "ops": ops}


def array_to_json(ref: str, array: Array, text: str | None) -> dict[str, Any]:
    """An array under its name.

    Arguments:
        text: its numbers as `web.payload` writes them; None where they are not in the page.
    """
    return {
        "ref": ref, "shape": list(array.shape), "dtype": array.dtype.name, "encoding": ENCODING, "buffer": text,
    }  # fmt: skip


def op_to_json(op: TracedOp) -> dict[str, Any]:
    """What it takes to compute an operation by its rule."""
    return {
        "op": op.name, "phase": op.phase, "path": op.path, "rule": op.rule, "reads": op.reads, "inputs": op.inputs,
        "writes": op.writes, "outputs": op.outputs, "attrs": plain(op.attributes),
    }  # fmt: skip


def plain(value: Any) -> Any:
    """What JSON can say; numbers that it cannot are words."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    if isinstance(value, (bool, int, str, type(None))) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
