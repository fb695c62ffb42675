"""Formulas of nests, with values by their numbers."""

from __future__ import annotations


class Numbers:
    """In place of names: %5 is v5."""

    def __getitem__(self, value: int) -> str:
        return f"v{value}"
