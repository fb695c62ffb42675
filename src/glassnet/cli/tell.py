"""`glassnet show NAME`: an op or a layer, told from its own contract and source."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from glassnet import layers, ops
from glassnet.autograd.op import Op
from glassnet.autograd.worked import latex
from glassnet.cli.render import WIDTH, folded, spelled
from glassnet.errors import ArgumentError, did_you_mean
from glassnet.layers.base import Layer
from glassnet.registry import snake_case


def tell(name: str) -> str:
    """Formula, derivative, derivation and code of an op or layer."""
    classes = {snake_case(cls.__name__): cls for cls in ops.op_classes()}
    if name.lower() in classes or name in {cls.__name__ for cls in classes.values()}:
        return _tell_op(classes[name.lower() if name.lower() in classes else snake_case(name)])
    found = layers.registry.classes.get(name)
    if isinstance(found, type) and issubclass(found, Layer):
        return _tell_layer(found)
    if name in ops.__all__:
        return _tell_function(name, getattr(ops, name))
    known = [*classes, *(cls.__name__ for cls in layers.registry.classes.values()), *ops.__all__]
    raise ArgumentError(f"there is no op or layer {name!r}", fix=did_you_mean(name, known) or "glassnet show linear")


def _tell_op(cls: type[Op]) -> str:
    facts = [("rule", cls.rule), ("formula", cls.formula or (latex(cls.rule) if cls.rule else ""))]
    facts += [("gradient", line) for line in ([cls.gradient] if isinstance(cls.gradient, str) else cls.gradient)]
    facts += [("saves", ", ".join(cls.saves) or "nothing for backward")]
    lines = "\n".join(_fact(label, text) for label, text in facts if text)
    title = f"{snake_case(cls.__name__)}  (op, {cls.kind}; inputs {', '.join(cls.inputs)})"
    return "\n\n".join([title, _doc(cls), lines, *_codes(cls, Op, "shapes", "forward", "vjp", "compose")])


def _fact(label: str, text: str) -> str:
    line = f"{label:<9} {spelled(text)}"
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False)


def _tell_layer(cls: type[Layer]) -> str:
    parts = [f"{cls.__name__}  (layer)", _signature(cls.__name__, cls.__init__), _doc(cls)]
    return "\n\n".join(parts + _codes(cls, Layer, "build", "call", "__call__"))


def _tell_function(name: str, function: Any) -> str:
    parts = [f"{name}  (a composition of ops)", _signature(name, function), _doc(function), _code(function)]
    return "\n\n".join(parts)


def _signature(name: str, function: Any) -> str:
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))  # annotations are kept as text
    text = text.replace("self, ", "").removesuffix(" -> None")
    return textwrap.fill(name + text, WIDTH, subsequent_indent="    ")


def _doc(thing: Any) -> str:
    """The docstring at the width of the output: a line that is too long is one with the line after it."""
    lines: list[str] = []
    for line in inspect.cleandoc(thing.__doc__ or "").split("\n"):
        if lines and len(lines[-1]) > WIDTH and _goes_on(lines[-1], line):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return folded(spelled("\n".join(lines)))


def _goes_on(before: str, line: str) -> bool:
    """Whether a line of a docstring is of the same paragraph as the one before, and no item of a list."""
    start = line.lstrip()
    return bool(start) and not re.match(r">>>|\d+\. |[\w*, ]+: ", start) and _indent(line) >= _indent(before)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _codes(cls: type, base: type, *names: str) -> list[str]:
    """The lines of those methods that are more than the base class's, inherited ones too."""
    methods = [getattr(cls, name) for name in names if getattr(cls, name, None) is not getattr(base, name, None)]
    return [_code(method) for method in methods if callable(method)]


def _code(function: Any) -> str:
    lines, start = inspect.getsourcelines(function)
    module = inspect.getmodule(function)
    where = f"{module.__name__.replace('.', '/')}.py:{start}" if module else ""
    code = re.sub(r'\n *""".*?"""', "", "".join(lines), count=1, flags=re.DOTALL)  # the docstring stands above it
    return f"{where}\n{textwrap.dedent(code).rstrip()}"
