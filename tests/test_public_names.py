"""Every public name has a user: no function is kept because it might be useful to somebody one day.

A user is an example, a page of the docs, a lab row, a test beyond the name's own contract row, or another file of the
package; a name that scripts written for Keras need is its own reason, and so is a second name that Keras has for a thing
that is here under its first. The search is one by words, so it can overlook a name without a user (`add` is a word of
many lines), never the reverse.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from test_keras_api import KERAS, core_names, our_objects

import glassnet as gn

ROOT, PACKAGE = Path(__file__).parents[1], Path(gn.__file__).parent
MODULES = [
    "activations", "callbacks", "constraints", "datasets", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "optimizers.schedules", "random", "regularizers", "saving", "utils",
]  # fmt: skip
CORE = set(core_names())
WITHOUT_USER = {
    "datasets.CsvData": "what load_csv returns",
    "datasets.DatasetInfo": "what the values of DATASETS are",
    "ops.add_along_axis": "the vjp of take_along_axis, which finds it in the function set F",
    "ops.true_divide": "NumPy's and Keras's second name of divide",
    "utils.pack_x_y_sample_weight": "the opposite of unpack_x_y_sample_weight, as in Keras",
}
"""Names that stay although nothing here uses them, each with its reason."""

PYTHON = [path for folder in (PACKAGE, ROOT / "examples", ROOT / "tests") for path in sorted(folder.rglob("*.py"))]
NO_USERS = {Path(__file__), *(ROOT / "tests" / "mutants").glob("*.py"), *PACKAGE.rglob("__init__.py")}
PAGES = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LISTS = {"keras-differences.md", "not-yet.md"}  # these name what there is, and show no use of it


@cache
def second_names() -> set[str]:
    """Keras's further names of things that are here under their first name too, as the same object."""
    ours = our_objects()
    first = {name: str(entry["of"]) for name, entry in KERAS.items() if entry["kind"] == "alias" and name in ours}
    return {name for name, other in first.items() if ours.get(other) is ours[name]}


def uses(node: ast.AST) -> Iterator[str]:
    """Words that stand where something is used: names, attributes, whole strings; not what is only imported."""
    match node:
        case ast.Call(func=ast.Name(id="Case" | "LayerCase")):  # a contract row
            return
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return
        case ast.Attribute(value=ast.Name(id="np")):
            return
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
            yield word
    for child in ast.iter_child_nodes(node):
        yield from uses(child)


@cache
def words() -> dict[Path, set[str]]:
    """The words of every file that may be a user."""
    found = {path: set(uses(ast.parse(path.read_text("utf-8")))) for path in PYTHON if path not in NO_USERS}
    return found | {p: set(re.findall(r"\w+", p.read_text("utf-8"))) for p in PAGES if p.name not in LISTS}


def own_file(thing: object) -> Path | None:
    """Where a public class, function or module is defined."""
    return Path(inspect.getfile(thing)) if callable(thing) or inspect.ismodule(thing) else None


@pytest.mark.parametrize("path", MODULES)
def test_every_public_name_has_a_user(path: str) -> None:
    module = importlib.import_module(f"glassnet.{path}")
    without = set()
    for name in module.__all__:
        home = own_file(getattr(module, name))
        if f"{path}.{name}" in CORE | second_names():
            continue
        if not any(name in found for file, found in words().items() if file != home):
            without.add(f"{path}.{name}")
    assert without == {name for name in WITHOUT_USER if name.rpartition(".")[0] == path}
