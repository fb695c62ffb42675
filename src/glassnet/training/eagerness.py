"""Whether a step may be replayed without being asked for: only when every part of it is glassnet's own code."""

from __future__ import annotations

from typing import Any

from glassnet.layers.brick import Brick
from glassnet.layers.core import Lambda


def is_own(thing: Any) -> bool:
    """Whether a class, function or object comes from this package."""
    if thing is None or isinstance(thing, (str, int, float)):
        return True
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return isinstance(module, str) and module.startswith("glassnet.")


def reason_for_eager(model: Any, kind: str) -> str | None:
    """What in this model is the user's code, in words; None when nothing is."""
    step = getattr(type(model), f"{kind}_step")
    if not is_own(step):
        return f"{type(model).__name__}.{kind}_step is your code"
    for layer in model.flatten_layers():
        if isinstance(layer, Lambda):
            return f"Lambda {layer.name!r} is your code"
        if isinstance(layer, Brick):
            return f"{type(layer.brick).__name__}.forward is your code"
        for method in ("call", "__call__"):
            if not is_own(getattr(type(layer), method)):
                return f"{type(layer).__name__}.{method} is your code"
        for name in ("activation", "recurrent_activation", "activity_regularizer"):
            if not _is_own_object(getattr(layer, name, None)):
                return f"the {name} of {layer.name!r} is your code"
    for variable in model.variables:
        for name in ("regularizer", "constraint"):
            if not _is_own_object(getattr(variable, name)):
                return f"the {name} of {variable.path} is your code"
    if model.compiled and kind != "predict":
        return _reason_in_compiled(model)
    return None


def _is_own_object(thing: Any) -> bool:
    """An instance counts by its class, a function by its module."""
    return is_own(thing if hasattr(thing, "__name__") else type(thing)) or thing is None


def _reason_in_compiled(model: Any) -> str | None:
    for name in ("loss", "optimizer", "metrics", "weighted_metrics"):
        for thing in _flat(model._compile_arguments[name]):
            if not isinstance(thing, str) and not _is_own_object(thing):
                return f"the {name} {getattr(thing, '__name__', type(thing).__name__)} is your code"
    for method in ("compute_loss", "compute_metrics"):
        if not is_own(getattr(type(model), method)):
            return f"{type(model).__name__}.{method} is your code"
    return None


def _flat(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [item for part in structure.values() for item in _flat(part)]
    if isinstance(structure, (list, tuple)):
        return [item for part in structure for item in _flat(part)]
    return [structure]
