"""MkDocs hook: the page of formulas and derivations, written from the Op classes themselves."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from glassnet.autograd.op import Op  # after the path is set
from glassnet.ops import op_classes

INTRODUCTION = """# Formulas and derivations

Every operation of glassnet is one class, and this page is written from those classes: the docstring with its
derivation, the rule (the formula cell by cell, in the language that tests and explanations evaluate) and the LaTeX of
its gradient. A bar over a letter is its cotangent: the slope of the final result in that array.
"""


def on_files(files: Any, config: Any) -> Any:
    """Add the page `api/derivations.md` to the site."""
    families: dict[str, list[str]] = {}
    for op in op_classes():
        families.setdefault(op.__module__.rpartition(".")[2], []).append(section(op))
    parts = [f"## {family}\n\n{''.join(sections)}" for family, sections in families.items()]
    files.append(File.generated(config, "api/derivations.md", content="\n".join([INTRODUCTION, *parts])))
    return files


def section(op: type[Op]) -> str:
    """One operation in Markdown."""
    gradients = [op.gradient] if isinstance(op.gradient, str) else op.gradient
    facts = {"rule": [op.rule], "formula": [op.formula], "gradient": gradients}
    shown = [f"```text title='{name}'\n{chr(10).join(lines)}\n```\n\n" for name, lines in facts.items() if any(lines)]
    return f"### {op.__name__}\n\n{inspect.getdoc(op)}\n\n{''.join(shown)}"
