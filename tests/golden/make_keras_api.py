"""Write `keras_api.json`: Keras's public names, arguments and plain defaults, as facts to compare ours with.

Run by hand in an environment that has Keras, from the repository root:

    KERAS_BACKEND=torch python tests/golden/make_keras_api.py

An entry is `{"kind": "class" | "function" | "method", "arguments": [[name, default], ...]}`. A class lists
its constructor's arguments. Names are written as in a Python signature: `*` before keyword-only arguments,
`*name` and `**name` for collected ones. A default is its `repr`, null where the argument is required,
`<type>` where it is an object. Other entries are `{"kind": "property"}` and, for a second name of one object,
`{"kind": "alias", "of": name}`.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

JSON_FILE = Path(__file__).with_name("keras_api.json")
# fmt: off
MODULES = [
    "layers", "models", "ops", "ops.image", "losses", "metrics", "optimizers", "optimizers.schedules",
    "callbacks", "initializers", "regularizers", "constraints", "activations", "utils", "random", "saving",
    "tree", "config",
    "datasets.boston_housing", "datasets.california_housing", "datasets.cifar10", "datasets.cifar100",
    "datasets.fashion_mnist", "datasets.imdb", "datasets.mnist", "datasets.reuters",
    "",  # `keras` itself: last, so that its names are the aliases
]
CLASSES_WITH_METHODS = [
    "layers.Layer", "layers.Normalization", "models.Model", "models.Sequential", "losses.Loss",
    "metrics.Metric", "optimizers.Optimizer", "optimizers.schedules.LearningRateSchedule",
    "callbacks.Callback", "callbacks.CallbackList", "initializers.Initializer", "regularizers.Regularizer",
    "constraints.Constraint", "random.SeedGenerator", "utils.PyDataset", "utils.Progbar",
]
# fmt: on
Arguments = list[list[str | None]]
Entry = dict[str, Any]


def default_text(value: object) -> str | None:
    """The default as text that is the same in every run: no addresses, no array contents."""
    if value is inspect.Parameter.empty:
        return None
    if value is None or isinstance(value, bool | int | float | str | tuple | list):
        return repr(value)
    return f"<{type(value).__name__}>"


def arguments_of(function: Callable[..., Any], *, skip_self: bool = False) -> Arguments:
    """The arguments of a function, or of a class's constructor."""
    if inspect.isclass(function):
        constructor = function.__init__
        return [] if constructor is object.__init__ else arguments_of(constructor, skip_self=True)
    arguments: Arguments = []
    keyword_only_begun = False
    for parameter in list(inspect.signature(function).parameters.values())[skip_self:]:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only_begun:
            arguments.append(["*", None])
        keyword_only_begun |= parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        bare = parameter.replace(annotation=parameter.empty, default=parameter.empty)
        arguments.append([str(bare), default_text(parameter.default)])  # str writes the stars
    return arguments


def object_entry(value: object) -> Entry:
    """The facts about a public object of a module."""
    if not callable(value):
        return {"kind": "value"}
    return {"kind": "class" if inspect.isclass(value) else "function", "arguments": arguments_of(value)}


def member_entry(owner: type, name: str) -> Entry:
    """The facts about a method or property of a class; a plain class attribute is as good as a property."""
    member = getattr(owner, name)
    if not callable(member):
        return {"kind": "property"}
    bound = isinstance(inspect.getattr_static(owner, name), classmethod | staticmethod)
    return {"kind": "method", "arguments": arguments_of(member, skip_self=not bound)}


def public_objects() -> Iterator[tuple[str, object]]:
    """(name, object) of everything public in Keras's MODULES."""
    for path in MODULES:
        module = importlib.import_module(f"keras.{path}".rstrip("."))
        for name, value in sorted(vars(module).items()):
            if not name.startswith("_") and not inspect.ismodule(value):
                yield f"{path}.{name}".lstrip("."), value


def own_methods(owner: type, listed: list[type]) -> Iterator[str]:
    """Public methods defined by Keras, not by its backend's base layer, that no listed parent already has."""
    parents = [cls for cls in listed if cls is not owner and issubclass(owner, cls)]
    for name in dir(owner):
        definer = next((cls for cls in owner.__mro__ if name in vars(cls)), type)
        by_keras = definer.__module__.startswith("keras.src.")
        by_backend_layer = definer.__module__.startswith("keras.src.backend.torch.layer")
        inherited = any(issubclass(parent, definer) for parent in parents)
        public = name == "__call__" or not name.startswith("_")
        if public and by_keras and not by_backend_layer and not inherited:
            yield name


def collect() -> dict[str, Entry]:
    """All entries, by name."""
    objects = dict(public_objects())
    names_of: dict[int, list[str]] = {}
    for name, value in objects.items():
        names_of.setdefault(id(value), []).append(name)
    entries: dict[str, Entry] = {}
    for name, value in objects.items():
        called = getattr(value, "__name__", None)
        canonical = min(names_of[id(value)], key=lambda other: other.rpartition(".")[2] != called)
        entries[name] = object_entry(value) if name == canonical else {"kind": "alias", "of": canonical}
    listed = {name: value for name in CLASSES_WITH_METHODS if isinstance(value := objects[name], type)}
    for name, owner in listed.items():
        for method in own_methods(owner, list(listed.values())):
            entries[f"{name}.{method}"] = member_entry(owner, method)
    return entries


def render(version: str, entries: dict[str, Entry]) -> str:
    """The JSON text: sorted, one line per name, so that a new Keras release reads well as a diff."""
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())]
    return f'{{"keras_version": {json.dumps(version)}, "names": {{\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    import keras

    JSON_FILE.write_text(render(keras.__version__, collect()), encoding="utf-8")
