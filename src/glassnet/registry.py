"""Registries: names to classes, for strings such as "adam" and for configs read from files.

A file may name only what stands in a registry; nothing is ever imported by a name that a file contains.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from glassnet.errors import ArgumentError, SavingError, did_you_mean

T = TypeVar("T")
_CUSTOM: dict[str, Any] = {}
_MOST_LISTED = 40
"""Names that an error lists in full."""


def snake_case(name: str) -> str:
    """`GlorotUniform` -> `glorot_uniform`; `LeakyReLU` -> `leaky_re_lu`, as Keras names layers."""
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


class Registry(Generic[T]):
    """Classes of one kind by name, with lookup by string, config, instance or class.

    Arguments:
        kind: what the things are, for error messages: "optimizer", "initializer", ...
        base: the base class of all members.
        functions: whether a plain function is accepted as well.
    """

    def __init__(self, kind: str, base: type[T], functions: bool = False) -> None:
        self.kind, self.base, self.functions = kind, base, functions
        self.classes: dict[str, Any] = {}

    def add(self, *classes: Any, **aliases: Any) -> None:
        """Register classes under their own and their snake-case name, and further names."""
        for cls in classes:
            self.classes[cls.__name__] = cls
            self.classes[snake_case(cls.__name__)] = cls
        self.classes.update(aliases)

    def get(self, identifier: Any) -> Any:
        """The object that an identifier stands for: a name, a config, a class, an instance, None."""
        if identifier is None or isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, str):
            return self._made(self.find(identifier))
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return self._made(identifier)
        if self.functions and callable(identifier):
            return identifier
        raise ArgumentError(
            f"not a usable {self.kind}",
            expected=f"a name, an instance of {self.base.__name__}{' or a function' if self.functions else ''}",
            received=repr(identifier),
        )

    def _made(self, found: Any) -> Any:
        if not isinstance(found, type):
            return found
        needed = [
            p.name
            for p in inspect.signature(found).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        if needed:
            raise ArgumentError(
                f"{self.kind} {found.__name__} cannot be made from its name alone",
                expected=f"an instance with {', '.join(needed)}",
                fix=f"pass {found.__name__}(...)",
            )
        return found()

    def find(self, name: str) -> Any:
        """The class or function registered under a name."""
        found = self.classes.get(name, self.classes.get(name.lower(), _CUSTOM.get(name)))
        if found is None:
            own = sorted({n for n in self.classes if n == n.lower()})
            raise ArgumentError(
                f"unknown {self.kind} {name!r}",
                expected=_nearest(name.lower(), own),
                fix=did_you_mean(name.lower(), own) or "one of these names, or an object",
            )
        return found

    def serialize(self, thing: Any) -> Any:
        """`{"class_name": ..., "config": ...}`, or the registered name of a function."""
        if thing is None:
            return None
        if isinstance(thing, self.base) and not inspect.isfunction(thing):
            name = _registered_name(type(thing)) or type(thing).__name__
            return {"class_name": name, "config": thing.get_config()}  # type: ignore[attr-defined]  # every member has it
        for name, value in {**self.classes, **_CUSTOM}.items():
            if value is thing:
                return name
        raise SavingError(
            f"the {self.kind} {getattr(thing, '__name__', thing)!r} cannot be saved: a file cannot hold its code",
            fix="decorate it with @gn.saving.register_keras_serializable()",
        )

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """The object that `serialize` described."""
        if config is None:
            return None
        if isinstance(config, str):
            return (custom_objects or {}).get(config) or self.get(config)
        if not isinstance(config, dict) or "class_name" not in config:
            raise SavingError(
                f"not the config of a {self.kind}", expected="class_name and config", received=repr(config)
            )
        cls = (custom_objects or {}).get(config["class_name"]) or self.find(config["class_name"])
        if hasattr(cls, "from_config"):
            return cls.from_config(config.get("config", {}))
        return cls(**config.get("config", {}))


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: a class or function of yours that model files may name as `package>name`.

    >>> @register_keras_serializable("mine")
    ... def double(x): return x * 2
    >>> get_registered_name(double)
    'mine>double'
    """

    def register(thing: Any) -> Any:
        _CUSTOM[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def _registered_name(thing: Any) -> str | None:
    return next((name for name, value in _CUSTOM.items() if value is thing), None)


def get_registered_name(obj: Any) -> str:
    """The name under which a thing was registered, or its own name."""
    return _registered_name(obj) or str(obj.__name__)


def get_registered_object(name: str) -> Any:
    """The registered thing of that name, or None."""
    return _CUSTOM.get(name)


def _nearest(name: str, known: list[str]) -> str:
    """All known names, or of very many the eight that are most like the given one."""
    if len(known) <= _MOST_LISTED:
        return ", ".join(known)
    return ", ".join(sorted(difflib.get_close_matches(name, known, n=8, cutoff=0.0))) + ", ..."
