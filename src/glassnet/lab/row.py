"""Row: a claim of the lessons, and the criterion by which a run of ours is judged."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glassnet.errors import ArgumentError

_COMPARISON = re.compile(r"(\w+) (>=|<=|==|<|>) (\S+)")
_OPERATORS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Row:
    """One row of the table reported / obtained.

    Arguments:
        id: the short name under which the row is run and stored.
        source: who claims it, and where.
        reported: what they report.
        criterion: comparisons that must all hold for what is obtained (the mean over the seeds).

    >>> Row("N4", "Nielsen", "exercise", "params == 7850, accuracy >= 91").holds({"params": 7850, "accuracy": 90.2})
    False
    """

    id: str
    source: str
    reported: str
    criterion: str

    @property
    def comparisons(self) -> list[tuple[str, str, float]]:
        """The criterion as (name, sign, bound)."""
        found = [_COMPARISON.fullmatch(part) for part in self.criterion.split(", ")]
        if None in found:
            raise ArgumentError(
                f"row {self.id}: the criterion cannot be read",
                expected="comparisons such as 'accuracy >= 97.0', with commas between",
                received=repr(self.criterion),
            )
        return [(match[1], match[2], float(match[3])) for match in found if match]

    def holds(self, obtained: Mapping[str, Any]) -> bool:
        """Whether what was obtained meets every comparison."""
        return all(_OPERATORS[sign](obtained[name], bound) for name, sign, bound in self.comparisons)
