"""The text of `model.summary()`: layers, output shapes, formulas, parameter counts."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glassnet.autograd.functional import map_structure
from glassnet.autograd.tensor import Output, SymbolicNode, Tensor
from glassnet.layers.base import Layer, LayerCall, tensors_in
from glassnet.registry import snake_case

__all__ = ["summary_text"]

_GAP = "  "
_LEAST = {"layer": 16, "type": 9, "output": 12, "formula": 14}
"""Below these widths columns are not narrowed."""
_NOT_BUILT, _UNKNOWN = "not built", "?"


@dataclass(frozen=True)
class Row:
    """One layer in the table."""

    layer: str
    type: str
    output: str
    parameters: str
    formula: str
    marks: str

    @classmethod
    def of(cls, layer: Layer, depth: int, shapes: Shapes) -> Row:
        """The row of a layer."""
        waits = not layer.built and shapes.of(layer) == _UNKNOWN
        return cls(
            layer="  " * depth + _spelled(layer.name),
            type=_type_of(layer),
            output=_NOT_BUILT if waits else shapes.of(layer),
            parameters=_UNKNOWN if waits else f"{layer.count_params():,}",
            formula=_spelled(formula_of(layer)),
            marks="".join(f" [{mark}]" for mark in _marks_of(layer)),
        )


def summary_text(model: Any, width: int = 80) -> str:
    """Every layer with its output shape, parameters and formula, and what is trained.

    Arguments:
        width: characters per line.

    >>> import glassnet as gn
    >>> class Double(gn.layers.Layer):
    ...     formula = "y = 2 x"
    ...     def call(self, inputs): return 2.0 * inputs
    >>> print(summary_text(gn.Sequential([gn.Input((3,)), Double(name="twice")], name="net")))
    Sequential net: input (None, 3), output (None, 3)
    -------------------------------------------------
    layer  type    output     parameters  formula
    twice  Double  (None, 3)           0  y = 2 x
    -------------------------------------------------
    0 parameters
    """
    shapes = Shapes(model)
    title = f"{type(model).__name__} {_spelled(model.name)}: input {shapes.input}, output {shapes.output}"
    rows = list(_rows_of(model, shapes, 0))
    table, totals = _table(rows, width), _totals(model)
    if any(row.output == _NOT_BUILT for row in rows):
        totals.append("not built: weights come with the first call, or at once after an Input")
    rule = "-" * min(width, max(map(len, [title, *table, *totals])))
    return "\n".join([title[:width], rule, *table, rule, *totals])


def _rows_of(model: Any, shapes: Shapes, depth: int) -> Iterator[Row]:
    """The layers of a model, those of nested models indented below them."""
    for layer in model.layers:
        yield Row.of(layer, depth, shapes)
        if _is_model(layer):
            yield from _rows_of(layer, Shapes(layer), depth + 1)


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "layers")


def _type_of(layer: Any) -> str:
    brick = getattr(layer, "brick", None)
    return type(layer).__name__ if brick is None else type(brick).__name__


def formula_of(layer: Any) -> str:
    """What the layer computes, with the name of its activation and without a bias that it does not have."""
    if not layer.formula:
        return f"{len(layer.layers)} layers" if _is_model(layer) else f"y = {snake_case(_type_of(layer))}(x)"
    formula = str(layer.formula)
    if not getattr(layer, "use_bias", True):
        formula = re.sub(r" \+ b\b", "", formula)
    name = _activation_name(getattr(layer, "activation", None))
    if name == "linear":
        formula = re.sub(r"\bf\((.*)\)", r"\1", formula)
    return re.sub(r"\bf\(", f"{name}(", formula)


def _activation_name(activation: Any) -> str:
    name = getattr(activation, "__name__", None) or snake_case(type(activation).__name__)
    return name if activation is not None and name.isidentifier() else "f"


_SPELLED = {"·": "*", "√": "sqrt", "Σ": "sum ", "²": "^2", "ˣ": "^x"}


def _spelled(text: str) -> str:
    """The text for standard output: on a Windows code page √ becomes sqrt, γ gamma, ₁ 1."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"

    def spell(character: str) -> str:
        if character.encode(encoding, "ignore"):
            return character
        if unicodedata.name(character, "").startswith("GREEK") and character not in _SPELLED:
            return unicodedata.name(character).split()[-1].lower()
        return _SPELLED.get(character) or unicodedata.normalize("NFKD", character).encode("ascii", "replace").decode()

    return "".join(map(spell, text))


def _marks_of(layer: Any) -> Iterator[str]:
    if getattr(layer, "updates_itself", False):
        yield "updates itself"
    if not layer.trainable and layer.variables:
        yield "frozen"


# ------------------------------------------------------------ shapes
class Shapes:
    """Shapes of a model's input and output and of each layer's output, as far as they are known without data.

    The model runs once on symbolic tensors, which remember the layers that they went through.
    """

    def __init__(self, model: Any) -> None:
        self.input = self.output = _UNKNOWN
        self._of: dict[int, str] = {}
        inputs = _symbolic_inputs(model)
        if inputs is None or not model.built:
            return
        try:
            outputs = model.call(inputs)
        except Exception:  # a call of the user's own may need numbers; then the shapes stay unknown
            return
        self.input, self.output = _shape_text(inputs), _shape_text(outputs)
        for node in _nodes_before(outputs):
            if isinstance(node, LayerCall):
                self._of[id(node.layer)] = _shape_text(node.outputs)

    def of(self, layer: Any) -> str:
        """The layer's output shape, or "?"."""
        return self._of.get(id(layer), _UNKNOWN)


def _nodes_before(outputs: Any) -> Iterator[SymbolicNode]:
    """What computed the outputs, from the end to the beginning, each once."""
    seen: set[int] = set()
    stack = tensors_in(outputs)
    while stack:
        node = stack.pop().creator
        node = node.parents[0] if isinstance(node, Output) else node
        if isinstance(node, SymbolicNode) and id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(node.sources)


def _symbolic_inputs(model: Any) -> Any:
    ends = model._ends()
    if ends is None and model._built_for is not None:
        return map_structure(Tensor, model._built_for)
    return None if ends is None else ends[0]


def _shape_text(tensors: Any) -> str:
    return ", ".join(str(tuple(tensor.shape)) for tensor in tensors_in(tensors))


# ------------------------------------------------------------ the table
def _table(rows: list[Row], width: int) -> list[str]:
    header = Row("layer", "type", "output", "parameters", "formula", "")
    columns = {
        name: max(len(getattr(row, name)) for row in [header, *rows]) for name in vars(header) if name != "marks"
    }
    marks = max((len(row.marks) for row in rows), default=0)
    for name, least in sorted(_LEAST.items(), key=lambda item: item[0] != "formula"):  # the formula gives way first
        excess = sum(columns.values()) + marks + len(_GAP) * (len(columns) - 1) - width
        columns[name] = min(columns[name], max(least, columns[name] - max(excess, 0)))
    return [_line(row, columns) for row in [header, *rows]]


def _line(row: Row, columns: dict[str, int]) -> str:
    cells = []
    for name, size in columns.items():
        text = getattr(row, name)
        text = text if len(text) <= size else f"{text[: size - 2]}.."
        cells.append(f"{text:>{size}}" if name == "parameters" else f"{text:<{size}}")
    return _GAP.join(cells).rstrip() + row.marks


# ------------------------------------------------------------ the totals
def _totals(model: Any) -> list[str]:
    """How many parameters there are, of which kind, and which of them are trained."""
    variables = model.variables
    learned = [v for v in variables if not v.never_trainable]
    biases = _size(v for v in learned if v.name.endswith("bias"))
    kinds = {"weights": _size(learned) - biases, "biases": biases, "statistics": _size(variables) - _size(learned)}
    total = _size(variables)
    split = " + ".join(f"{size:,} {kind}" for kind, size in kinds.items() if size)
    lines = [f"{total:,} parameters" + (f": {split}" if total else "")]
    trained = _size(model.trainable_variables)
    if trained < _size(learned):
        lines.append(f"{trained:,} trained, {_size(learned) - trained:,} frozen")
    own = [layer.name for layer in model.flatten_layers() if getattr(layer, "updates_itself", False)]
    if own:
        lines.append(f"not counted: what {', '.join(own)} update{'s' * (len(own) == 1)} by itself")
    return lines


def _size(variables: Any) -> int:
    return sum(variable.size for variable in variables)
