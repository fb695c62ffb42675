"""`glassnet show NAME`: an op or a layer, told from its own contract and source."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from glassnet import layers, ops
from glassnet.autograd.op import Op
from glassnet.autograd.worked import latex
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
    function = getattr(ops, name, None) if name in ops.__all__ else None
    if function is not None:
        return _tell_function(name, function)
    known = [*classes, *(cls.__name__ for cls in layers.registry.classes.values()), *ops.__all__]
    raise ArgumentError(f"there is no op or layer {name!r}", fix=did_you_mean(name, known) or "glassnet show linear")


def _tell_op(cls: type[Op]) -> str:
    parts = [f"{snake_case(cls.__name__)}  (op, {cls.kind}; inputs {', '.join(cls.inputs)})", _doc(cls)]
    if cls.rule:
        parts.append(f"rule       {cls.rule}")
    formula = cls.formula or (latex(cls.rule) if cls.rule else "")
    if formula:
        parts.append(f"formula    {formula}")
    for line in [cls.gradient] if isinstance(cls.gradient, str) else cls.gradient:
        if line:
            parts.append(f"gradient   {line}")
    parts.append(f"saves for backward: {', '.join(cls.saves) or 'nothing'}")
    methods = [method for method in ("forward", "vjp", "compose") if method in vars(cls)]
    return "\n\n".join(parts + [_code(vars(cls)[method]) for method in methods])


def _tell_layer(cls: type[Layer]) -> str:
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(cls.__init__)))
    signature = signature.replace("self, ", "").replace(" -> None", "")
    parts = [f"{cls.__name__}  (layer)", textwrap.fill(cls.__name__ + signature, 96, subsequent_indent="    "), _doc(cls)]
    return "\n\n".join(parts + [_code(vars(cls)[method]) for method in ("build", "call") if method in vars(cls)])


def _tell_function(name: str, function: Any) -> str:
    return "\n\n".join([f"{name}{inspect.signature(function)}  (a composition of ops)", _doc(function), _code(function)])


def _doc(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "")


def _code(function: Any) -> str:
    lines, start = inspect.getsourcelines(function)
    module = inspect.getmodule(function)
    where = f"{module.__name__.replace('.', '/')}.py:{start}" if module else ""
    return f"{where}\n{textwrap.dedent(''.join(lines)).rstrip()}"
