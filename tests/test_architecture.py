"""The architecture as written: imports point down the levels, imports are light, public names are documented and every
operation has its row in a case table."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import glassnet as gn
from glassnet.autograd.op import Op

ROOT, TESTS = Path(gn.__file__).parent, Path(__file__).parent
LEVELS = [
    "errors config typing seeds registry version utils backends datasets saving",
    "autograd",
    "ops",
    "graph kernels",
    "layers losses optimizers schedules initializers regularizers constraints metrics activations random",
    "models training callbacks",
    "explain web plot animate onnx sklearn distributed lab",
    "cli studio __main__",
]
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts.split()}
PACKAGE = len(LEVELS)
"""The level of `glassnet/__init__.py`: it imports everything, so nothing may import from it."""

PARTS = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))} - {"__init__"}
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]
MODULES = [m.name for m in pkgutil.walk_packages([str(ROOT)], "glassnet.") if not m.name.endswith("__main__")]


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a file, inside functions too, as a dotted name; `from glassnet import ops` gives glassnet.ops."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "glassnet":
            yield from ((node, f"glassnet.{a.name}" if a.name in PARTS else "glassnet") for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def test_every_part_has_a_level():
    assert not PARTS - LEVEL.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path):
    own = LEVEL[path.relative_to(ROOT).parts[0].removesuffix(".py")]
    for node, name in imports_of(path):
        assert not name.startswith("."), f"line {node.lineno}: a relative import"
        package, *parts = name.split(".")
        if package == "glassnet":
            level = LEVEL[parts[0]] if parts else PACKAGE
            assert level <= own, f"line {node.lineno}: level {own} imports {name} of level {level}"


def test_importing_glassnet_loads_nothing_heavy():
    heavy = "{'rich', 'typer', 'scipy', 'matplotlib', 'llvmlite', 'PIL', 'unittest', 'asyncio'}"
    code = f"import sys, glassnet; print(sorted({heavy} & {{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["glassnet", *MODULES])
def test_public_names_exist_and_are_documented(module: str):
    loaded = importlib.import_module(module)
    assert loaded.__doc__, "the module has no docstring"
    names = getattr(loaded, "__all__", [])
    assert len(set(names)) == len(names)
    for name in names:
        thing = getattr(loaded, name)
        if callable(thing):
            assert (vars(thing) if isinstance(thing, type) else {"__doc__": thing.__doc__}).get("__doc__"), name


WITHOUT_ROW = {
    "Cast": "changes the dtype that the harness holds fixed: tests/ops/test_elementwise.py",
    "StopGradient": "slope 1, gradient 0 by decree: tests/ops/test_creation.py",
    "RunBrick": "runs the user's own code: tests/layers/test_brick.py",
}


def subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def rows(path: Path) -> list[Any]:
    """The cases of a case table."""
    spec = importlib.util.spec_from_file_location(f"rows_of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table = getattr(module, "test_contract", None)
    return [case for mark in table.pytestmark for case, _ in mark.args[1]] if table is not None else []


def test_every_operation_has_a_row_in_a_case_table():
    for module in MODULES:
        importlib.import_module(module)
    operations = {op for op in subclasses(Op) if op.__module__.startswith("glassnet.") and op.__name__[0] != "_"}
    proved = {type(case.op) for path in sorted((TESTS / "ops").glob("test_*.py")) for case in rows(path)}
    assert {op.__name__ for op in operations - proved} == WITHOUT_ROW.keys()
