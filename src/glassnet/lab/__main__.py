"""`python -m glassnet.lab`: list the rows, run one, or write the page of results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from glassnet.errors import GlassnetError
from glassnet.lab import rows
from glassnet.lab.results import measure, number, page, store, stored

RESULTS, PAGE = Path("results/lab"), Path("docs/lab.md")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; results and page are looked for in the current folder, a checkout of glassnet."""
    parser = argparse.ArgumentParser(prog="python -m glassnet.lab", description=main.__doc__)
    parser.add_argument("--render", action="store_true", help=f"write {PAGE} from {RESULTS}")
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="run one row and store its result")
    run.add_argument("id", help="the row, such as N7")
    run.add_argument("--seeds", type=int, default=3, help="how many runs, each with a seed of its own")
    run.add_argument("--quick", action="store_true", help="seconds on the built-in digits; nothing is stored")
    given = parser.parse_args(arguments)
    try:
        if given.command == "run":
            run_row(given.id, given.seeds, given.quick)
        elif given.render:
            PAGE.parent.mkdir(parents=True, exist_ok=True)
            PAGE.write_text(page(stored(RESULTS)), encoding="utf-8", newline="\n")
            print(f"wrote {PAGE}")
        else:
            list_rows()
    except GlassnetError as error:
        raise SystemExit(f"error: {error.one_line()}") from None


def list_rows() -> None:
    """Every row with what is reported and what is asked for."""
    for row in rows():
        print(f"{row.id:<8}{row.source}: {row.reported}")
        print(f"{'':<8}{row.criterion}")


def run_row(id: str, seeds: int, quick: bool) -> None:
    """Measure a row and tell what was obtained."""
    record = measure(id, seeds, quick)
    for name, value in record["obtained"].items():
        print(f"{name:<26}{value if isinstance(value, str) else number(value, decimals=4)}")
    print(f"{'criterion':<26}{record['criterion']}: {'holds' if record['holds'] else 'does not hold'}")
    if quick:
        print("a quick run: its accuracies mean nothing, and nothing is stored")
    else:
        print(f"wrote {store(record, RESULTS)}")


if __name__ == "__main__":
    main()
