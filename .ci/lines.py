"""Code lines per folder against their caps: no blank lines, comments or docstrings are counted.

A cap is raised only in a commit that says why.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

CAPS = {
    "src/glassnet/autograd": 2600, "src/glassnet/ops": 5200, "src/glassnet/graph": 880, "src/glassnet/kernels": 3860,
    "src/glassnet/layers": 4300, "src/glassnet/models": 800, "src/glassnet/training": 1950,
    "src/glassnet/datasets": 1250, "src/glassnet/saving": 400, "src/glassnet/explain": 1700,
    "src/glassnet/plot": 2050, "src/glassnet/animate": 1350, "src/glassnet/web": 200, "src/glassnet/lab": 2600,
    "src/glassnet/cli": 1350, "src/glassnet": 32350, "tests": 28100, "benchmarks": 1850, "examples": 400, "docs": 260,
}  # fmt: skip
FRONT_CAPS = {"src/glassnet/web/*.js": 8500, "src/glassnet/web/*.css": 850}
"""Of the pages: lines that are neither blank nor comment."""
FILE_CAP = 500
TESTS_PER_SOURCE = 1.5


def code_lines(path: Path) -> int:
    """Lines of a file that hold code."""
    text = path.read_text(encoding="utf-8")
    docs: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docs.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def front_lines(path: Path) -> int:
    """Lines of a module or style sheet that hold code."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))


def main() -> int:
    """Print the table; 1 when a cap is passed."""
    root = Path(__file__).resolve().parent.parent
    counts = {path: code_lines(path) for folder in ("src", "tests", "benchmarks", "examples", "docs")
              for path in (root / folder).rglob("*.py")}  # fmt: skip
    too_long = []
    totals = {}
    for folder, cap in CAPS.items():
        totals[folder] = sum(n for path, n in counts.items() if path.is_relative_to(root / folder))
        print(f"{folder:<24}{totals[folder]:>7} of {cap}")
        if totals[folder] > cap:
            too_long.append(f"{folder} has {totals[folder]} code lines, its cap is {cap}")
    for pattern, cap in FRONT_CAPS.items():
        found = {path: front_lines(path) for path in root.glob(pattern)}
        print(f"{pattern:<24}{sum(found.values()):>7} of {cap}")
        if sum(found.values()) > cap:
            too_long.append(f"{pattern} has {sum(found.values())} code lines, its cap is {cap}")
        counts |= found
    for path, n in counts.items():
        if n > FILE_CAP:
            too_long.append(f"{path.relative_to(root)} has {n} code lines, the cap of a file is {FILE_CAP}")
    ratio = totals["tests"] / totals["src/glassnet"]
    print(f"tests / src = {ratio:.2f}")
    if ratio > TESTS_PER_SOURCE:
        too_long.append(f"tests are {ratio:.2f} x src, the cap is {TESTS_PER_SOURCE}")
    for line in too_long:
        print("too long:", line)
    return bool(too_long)


if __name__ == "__main__":
    sys.exit(main())
