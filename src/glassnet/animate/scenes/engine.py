"""The door to manim, an extra of its own: `mn` is manim, imported when the first thing of it is used."""

from __future__ import annotations

import importlib
from typing import Any

from glassnet.errors import MissingDependency


class _Manim:
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of any object is not asked of manim
            raise AttributeError(name)
        try:
            found = getattr(importlib.import_module("manim"), name)
        except ImportError as error:
            raise MissingDependency(
                "gn.animate.scenes plays on manim, which is not installed",
                expected="the extra `manim`", received=error, fix="pip install manim",
            ) from error  # fmt: skip
        setattr(self, name, found)  # so that the next use finds it here
        return found


mn: Any = _Manim()
