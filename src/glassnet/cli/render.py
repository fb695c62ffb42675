"""Images and numbers as text that any terminal, pipe or Windows code page can show."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np

from glassnet.typing import Array

_PLAIN = {
    "▀": "'", "▄": ".", "█": "#", "▁": "_", "▂": ".", "▃": "-", "▅": "=", "▆": "+", "▇": "*", "−": "-", "·": "*",
    "±": "+-", "→": "->", "×": "x", "σ": "sigma", "Σ": "sum", "≥": ">=", "≤": "<=", "…": "...", "ȳ": "gy", "∂": "d",
    "✓": "ok", "✗": "FAIL", "░": ".", "▒": "+", "▓": "*",
}  # fmt: skip


def say(text: str = "", *, err: bool = False) -> None:
    """Print, with plain characters in place of those that the output's encoding cannot show."""
    stream = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(_PLAIN.get(c, c) for c in text).encode(encoding, "replace").decode(encoding)
    stream.write(text + "\n")
    stream.flush()


def shrunk(image: Array, most: int = 16) -> Array:
    """An image of at most `most` x `most` cells, each the mean of the pixels it covers; grey, 0 to 1."""
    grey = image.mean(axis=-1) if image.ndim == 3 else image
    factor = math.ceil(max(grey.shape) / most)
    if factor > 1:
        rows, columns = (math.ceil(size / factor) * factor for size in grey.shape)
        padded = np.zeros((rows, columns))
        padded[: grey.shape[0], : grey.shape[1]] = grey
        grey = padded.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(1, 3))
    high = grey.max()
    return np.asarray(grey / high if high > 0 else grey, dtype=float)


def half_blocks(image: Array) -> list[str]:
    """An image as lines of half-block characters: two pixels above each other per character."""
    ink = shrunk(image) > 0.35
    if len(ink) % 2:
        ink = np.vstack([ink, np.zeros((1, ink.shape[1]), bool)])
    signs = np.array([" ", "▄", "▀", "█"])
    return ["".join(signs[2 * top + bottom]) for top, bottom in zip(ink[::2].astype(int), ink[1::2].astype(int))]


def side_by_side(images: Sequence[Array], captions: Sequence[Sequence[str]], per_row: int = 5, gap: int = 4) -> str:
    """Images in rows, each with its caption lines below."""
    blocks = []
    for image, caption in zip(images, captions):
        lines = half_blocks(image)
        width = max([len(lines[0]), *map(len, caption)]) + gap
        blocks.append([line.ljust(width) for line in [*lines, *caption]])
    rows = []
    for start in range(0, len(blocks), per_row):
        chosen = blocks[start : start + per_row]
        rows += ["".join(parts).rstrip() for parts in zip(*chosen)]
        rows.append("")
    return "\n".join("  " + row for row in rows[:-1])


def interval(correct: int, total: int) -> float:
    """Half the width of the 95 % Wilson interval of a share, in percent.

    >>> round(interval(350, 360), 1)
    1.8
    """
    z = 1.96
    p = correct / total
    return 100 * z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))


def percent(correct: int, total: int) -> str:
    """A share with its uncertainty.

    >>> percent(350, 360)
    '97.2 % ± 1.8'
    """
    return f"{100 * correct / total:.1f} % ± {interval(correct, total):.1f}"
