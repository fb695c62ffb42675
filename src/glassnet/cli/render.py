"""Images and numbers as text that any terminal, pipe or Windows code page can show, and as JSON."""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

from glassnet.explain.show import half_blocks
from glassnet.typing import Array

WIDTH = 80
_PER_ROW = 5
FEW = 20
"""From fewer samples no interval is told."""

_PLAIN = {
    "▀": "'", "▄": ".", "█": "#", "░": ".", "▒": "+", "▓": "*", "−": "-", "·": "*", "±": "+-", "×": "x", "→": "->",
    "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "∂": "d", "√": "sqrt ", "Σ": "sum ", "∫": "integral ", "∞": "inf",
    "⌊": "floor(", "⌋": ")", "λ": "lambda", "\u0304": "_bar", "✓": "ok", "✗": "FAIL",
}  # fmt: skip
_POSITIONS = {"<super>": "^", "<sub>": "_"}


def say(text: str = "", *, err: bool = False) -> None:
    """Print, with plain characters in place of those that the output's encoding cannot show."""
    stream = sys.stderr if err else sys.stdout
    stream.write(spelled(text, stream.encoding) + "\n")
    stream.flush()


def spelled(text: str, encoding: str | None = None) -> str:
    """The text in characters that the encoding has, by default that of standard output.

    >>> spelled("ȳ = √x² ± Σⱼ αⱼ", "ascii")
    'y_bar = sqrt x^2 +- sum _j alpha_j'
    """
    encoding = encoding or sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_spelled(character, encoding) for character in text)
    return text


def _spelled(character: str, encoding: str) -> str:
    if character.encode(encoding, "ignore"):
        return character
    if character in _PLAIN:
        return _PLAIN[character]
    name = unicodedata.name(character, "")
    if name.startswith("GREEK"):
        return name.split()[-1].lower()
    parts = unicodedata.decomposition(character).split()
    letters = [_spelled(chr(int(code, 16)), encoding) for code in parts if not code.startswith("<")]
    return _POSITIONS.get(parts[0], "") + "".join(letters) if parts else "?"


_ITEM = re.compile(r"[\w\[\],.* ]{1,40}(: | = )|\d+\. ")


def folded(text: str) -> str:
    """The text with its long lines broken at spaces; what goes on after `name: ` or `name = ` is set in."""
    lines: list[str] = []
    for line in text.split("\n"):
        start = line.lstrip()
        indent = " " * (len(line) - len(start)) + ("    " if _ITEM.match(start) else "")
        parts = textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines += parts if len(line) > WIDTH else [line]
    return "\n".join(lines)


def side_by_side(images: Sequence[Array], captions: Sequence[Sequence[str]]) -> str:
    """Images in rows of at most five, each with its caption lines below."""
    blocks = [[*half_blocks(image), *caption] for image, caption in zip(images, captions)]
    width = max(len(line) for block in blocks for line in block)
    per_row = max(min(_PER_ROW, WIDTH // (width + 2)), 1)
    gap = " " * min(4, (WIDTH - 2 - per_row * width) // max(per_row - 1, 1))
    rows = []
    for start in range(0, len(blocks), per_row):
        for parts in zip(*blocks[start : start + per_row]):
            rows.append("  " + gap.join(part.ljust(width) for part in parts))
        rows.append("")
    return "\n".join(row.rstrip() for row in rows[:-1])


def interval(correct: int, total: int) -> float:
    """Half the width of the 95 % Wilson interval of a share, in percent.

    >>> round(interval(350, 360), 1)
    1.8
    """
    z = 1.96
    p = correct / total
    return 100 * z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))


def percent(correct: int, total: int) -> str:
    """A share with its uncertainty, where there are enough samples to tell one.

    >>> percent(350, 360), percent(4, 4)
    ('97.2 % ± 1.8', '100.0 %')
    """
    share = f"{100 * correct / total:.1f} %"
    return f"{share} ± {interval(correct, total):.1f}" if total >= FEW else share


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON text; numbers that JSON lacks (infinity, NaN) become null.

    >>> as_json({"loss": float("nan"), "sizes": (2, 3)})
    '{"loss": null, "sizes": [2, 3]}'
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
