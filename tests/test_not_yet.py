"""`docs/not-yet.md` names what is absent, and everything of Keras that is."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from golden.make_keras_api import JSON_FILE

import glassnet as gn

PAGE = Path(__file__).parents[1] / "docs" / "not-yet.md"
KERAS = json.loads(JSON_FILE.read_text(encoding="utf-8"))["names"]
NAMED = [
    f"{place}.{name}".removeprefix("gn.")
    for place, names in re.findall(r"^\| `([\w.]+)` \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
]


def exists(name: str) -> bool:
    """Whether glassnet has a thing of this name."""
    try:
        functools.reduce(getattr, name.split("."), gn)
    except AttributeError:
        return False
    return True


def listed(name: str) -> bool:
    """Whether the page names a thing, or the module that it lies in."""
    return any(name == entry or name.startswith(f"{entry}.") for entry in NAMED)


def test_what_the_page_names_is_absent() -> None:
    assert [name for name in NAMED if exists(name)] == []
    assert len(NAMED) == len(set(NAMED)) > 300


def test_every_class_and_function_of_keras_is_here_or_on_the_page() -> None:
    objects = [name for name, entry in KERAS.items() if entry["kind"] in ("class", "function")]
    assert [name for name in objects if not exists(name) and not listed(name)] == []


def test_every_second_name_of_a_layer_that_is_here_is_here_too() -> None:
    seconds = {name: str(entry["of"]) for name, entry in KERAS.items() if entry["kind"] == "alias"}
    layers = {name: first for name, first in seconds.items() if name.startswith("layers.") and exists(first)}
    assert [name for name in layers if not exists(name)] == []
    assert layers["layers.MaxPool2D"] == "layers.MaxPooling2D"
