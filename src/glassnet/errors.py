"""Errors that say who, which argument, what was expected, what arrived and the likely fix.

Every error a user can reach is a `GlassnetError` and, for `except` clauses written for plain Python, also the
built-in exception of the same meaning. All share one layout, so a message can be read at a glance:

    Dense 'fc1': inputs has the wrong shape
      expected: (batch, 784)
      received: (784,)
      fix:      add a batch axis: x[None]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GlassnetError(Exception):
    """Base of every error that glassnet raises on purpose."""

    def __init__(
        self,
        problem: str,
        *,
        expected: object = None,
        received: object = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.expected, self.received, self.fix = problem, expected, received, fix
        self.where: str | None = None
        """The layer, by its path in the model; filled in by the layer through which the error passes."""
        super().__init__(problem)

    @property
    def details(self) -> list[tuple[str, object]]:
        """The filled-in parts after the problem, in reading order."""
        parts = [("expected", self.expected), ("received", self.received), ("fix", self.fix)]
        return [(label, value) for label, value in parts if value is not None]

    @property
    def headline(self) -> str:
        """Where and what."""
        return f"{self.where}: {self.problem}" if self.where else self.problem

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {label + ':':<9} {value}" for label, value in self.details)])

    def one_line(self) -> str:
        """The same text on one line, for the command line."""
        return "; ".join([self.headline, *(f"{label}: {value}" for label, value in self.details)])


class ArgumentError(GlassnetError, ValueError):
    """An argument has a value that cannot be used."""


class ShapeError(GlassnetError, ValueError):
    """Arrays whose shapes do not fit the operation or the layer."""


class DTypeError(GlassnetError, TypeError):
    """A type or dtype that the operation cannot use."""


class DataError(GlassnetError, ValueError):
    """Data that cannot be trained on or read: NaN, unequal rows, labels out of range, broken files."""


class GraphError(GlassnetError, RuntimeError):
    """A model graph or a trace that cannot be built or replayed."""


class GradientError(GlassnetError, RuntimeError):
    """A gradient that does not exist or would be wrong."""


class NonFiniteError(GlassnetError, FloatingPointError):
    """The first NaN or infinity, located by the NaN guard."""


class SavingError(GlassnetError, ValueError):
    """A model or weight file that cannot be written or read."""


class DownloadError(GlassnetError, OSError):
    """A data set that could not be fetched and is not at hand."""


class MissingDependency(GlassnetError, ImportError):
    """An optional extra that is not installed."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A fix line for a misspelt name, or None when nothing is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None
