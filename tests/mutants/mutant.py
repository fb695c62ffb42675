"""What a planted fault is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One fault."""

    fault: str
    file: str
    original: str
    replacement: str
    test: str
