"""The stored results as Markdown: the table of README.md and the page docs/benchmarks.md. Nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
OURS = ("glassnet scan", "glassnet compiled")
"""Our own loop: many steps per call; one call per step where that is missing."""
FUSED = ("torch fused", "torch fused, channels last")
"""PyTorch at its best without settings from outside: of these the faster one."""
TUNED = ("torch fused, malloc tuned", "torch fused, channels last, malloc tuned")
DEFAULT = ("torch", "torch channels last")
LEADING = ("CNN", "784-128-10")
"""What README begins with: usual networks, not the largest ratios."""

Row = dict[str, Any]


def stored(table: str) -> dict[str, Any]:
    """A table's file; no rows where it was not measured yet."""
    path = RESULTS / f"{table}.json"
    empty: dict[str, Any] = {"machine": {}, "rows": []}
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else empty
    return found


def micro(row: Row, names: Sequence[str]) -> float | None:
    """Microseconds of the fastest of these contenders."""
    return min((row["microseconds"][n]["median"] for n in names if n in row["microseconds"]), default=None)


def ours(row: Row) -> float | None:
    """Microseconds of our own loop."""
    return next((row["microseconds"][n]["median"] for n in OURS if n in row["microseconds"]), None)


def ratio(row: Row, names: Sequence[str] = FUSED) -> float | None:
    """How many times longer they take than our own loop."""
    theirs, own = micro(row, names), ours(row)
    return None if theirs is None or own is None else theirs / own


def duration(value: float | None) -> str:
    """Microseconds with a fitting unit, three digits."""
    if value is None:
        return "–"
    for limit, size, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms")):
        if value < limit:
            return f"{_three_digits(value / size)} {unit}"
    return f"{_three_digits(value / 1e6)} s"


def times(value: float | None) -> str:
    """A ratio."""
    return "–" if value is None else f"{_three_digits(value) if value >= 10 else f'{value:.2f}'} x"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(cells: Sequence[str]) -> list[str]:
    return [_line(cells), "|---" + "|--:" * (len(cells) - 1) + "|"]


# ---------------------------------------------------------------- README


def readme() -> list[str]:
    """The usual networks first, then the cold start, the rest, and the means."""
    found = stored("steps")
    on, rows = found["machine"], found["rows"]
    lines = [
        "Time of one training step (forward, loss, backward, update), each library in its own loop on "
        f"{on['cores']} cores of {on['cpu']}, PyTorch {on['torch']} with its fused optimizer and its faster memory format. "
        "glassnet with the extra `fast` and `gn.config.set_executor(\"llvm\")`. Everything else that was measured, JAX, "
        "Numba, Keras and scikit-learn among it: [docs/benchmarks.md](docs/benchmarks.md).", "",
        *_head(["", "glassnet", "PyTorch", "ratio"]),
    ]  # fmt: skip
    leading = sorted((r for r in rows if any(w in r["workload"] for w in LEADING)), key=_place_in_lead)
    for row in leading:
        lines.append(_step_line(row))
    for row in stored("race")["rows"]:
        cold, torch = (row["medians"].get(name, {}).get("seconds") for name in ("glassnet, cold cache", "torch"))
        if cold and torch:
            cells = [
                f"{row['workload']}, from the start of the process",
                f"{cold:.1f} s",
                f"{torch:.1f} s",
                times(torch / cold),
            ]
            lines.append(_line(cells))
    lines += [_step_line(row) for row in sorted(rows, key=lambda row: bool(row["call_bound"])) if row not in leading]
    return [*lines, "", *_means(rows)]


def _place_in_lead(row: Row) -> int:
    return next(place for place, word in enumerate(LEADING) if word in row["workload"])


def _step_line(row: Row) -> str:
    return _line([row["workload"], duration(ours(row)), duration(micro(row, FUSED)), times(ratio(row))])


def _means(rows: Sequence[Row]) -> list[str]:
    """Geometric means of the ratios, the call-bound rows apart."""
    found = []
    for what, wanted in (("where calls cost most (SGD rows)", True), ("where arithmetic does (all others)", False)):
        ratios = [r for row in rows if row["call_bound"] is wanted and (r := ratio(row)) is not None]
        if ratios:
            found.append(f"{times(geometric_mean(ratios))} {what}")
    return [f"Geometric means: {'; '.join(found)}."] if found else []


# ---------------------------------------------------------------- the page

METHOD = """# Benchmarks

Written by `python docs/render_readme.py` from `benchmarks/results/`; measured by `python -m benchmarks.compare --store`.

Each contender is a process of its own that is blocked while another measures; rounds alternate, the first tenth of a
round is dropped, and the table shows medians of rounds (quartiles stand in the JSON). All begin with the same weights
and see the same batches, and only who has PyTorch's losses to 1e-4 over the first steps takes part. Both sides at the
same level: own loop against own loop, `fit` against the usual loop.
"""


def page() -> str:
    """All tables."""
    parts = [METHOD, *_machine_lines(stored("steps")["machine"])]
    for title, table, notes in [
        ("Training steps, own loop against own loop", "steps", _ratio_lines),
        ("An epoch of the public loops", "fit", _epoch_lines),
        ("Forward passes", "inference", lambda rows, on: []),
    ]:
        found = stored(table)
        groups = [[r for r in found["rows"] if r.get("call_bound", False) is wanted] for wanted in (False, True)]
        if found["rows"]:
            parts.append(f"\n## {title}")
        for rows in filter(None, groups):
            parts += ["", *_matrix(rows, found["machine"], notes)]
            parts += [
                f"\nLeft out of {r['workload']}: {n}: {why}." for r in rows for n, why in r.get("left_out", {}).items()
            ]
    return "\n".join([*parts, *_start_lines(), *_race_lines(), *_scaling_lines(), *_product_lines()]) + "\n"


def _machine_lines(on: dict[str, Any]) -> list[str]:
    """What it was measured on."""
    known = {"cpu": "processor", "cpu_kind": "kind", "cores": "cores", "peak_gflops": "peak, GF/s (multiply-adds in registers)",
             "numpy_gemm_gflops": "NumPy's matrix product of 1024³, GF/s",
             "torch_gemm_gflops": "PyTorch's, GF/s"}  # fmt: skip
    facts = [f"{text}: {on[key]}" for key, text in known.items() if key in on]
    versions = [f"{key} {value}" for key, value in on.items() if key not in known and isinstance(value, str)]
    return [f"Measured on {'; '.join([*facts, *versions])}."]


Notes = Callable[[Sequence[Row], dict[str, Any]], list[list[Any]]]


def _matrix(rows: Sequence[Row], on: dict[str, Any], notes: Notes) -> list[str]:
    """A line per contender, a column per workload."""
    names = list(dict.fromkeys(name for row in rows for name in row["microseconds"]))
    lines = _head(["", *[row["workload"] for row in rows]])
    lines += [_line([name, *[duration(micro(row, [name])) for row in rows]]) for name in names]
    return lines + [_line(cells) for cells in notes(rows, on)]


def _ratio_lines(rows: Sequence[Row], on: dict[str, Any]) -> list[list[Any]]:
    """Ratios to our own loop, and how much of the processor we use."""
    lines: list[list[Any]] = [
        [f"**{what} / glassnet**", *[f"**{times(ratio(row, names))}**" for row in rows]]
        for what, names in (
            ("PyTorch fused", FUSED),
            ("PyTorch default", DEFAULT),
            ("PyTorch fused, malloc tuned", TUNED),
        )
    ]
    lines.append(["aimed at (fused)", *[f"{row['floor']:g} x" for row in rows]])
    rates = [row["flop"] / own / 1e3 if row.get("flop") and (own := ours(row)) else None for row in rows]
    if on.get("peak_gflops") and any(rates) and not rows[0].get("call_bound"):
        lines.append(["glassnet, GF/s", *[f"{rate:.0f}" if rate else "–" for rate in rates]])
        lines.append(
            ["share of the peak", *[f"{100 * rate / on['peak_gflops']:.0f} %" if rate else "–" for rate in rates]]
        )
    return lines


def _epoch_lines(rows: Sequence[Row], on: dict[str, Any]) -> list[list[Any]]:
    """`fit` against the others, and what it costs over its bare steps."""

    def over(*names: str) -> list[str]:
        return [times(a / b if (a := micro(r, names)) and (b := micro(r, ["glassnet fit"])) else None) for r in rows]

    bare = [(micro(r, ["glassnet fit"]) or 0) / (micro(r, ["glassnet bare steps"]) or 1) - 1 for r in rows]
    return [
        ["**PyTorch's loop / our fit**", *over("torch loop", "torch loop, channels last")],
        ["**PyTorch's DataLoader loop / our fit**", *over("torch DataLoader loop")],
        ["**Keras's fit / our fit**", *over("keras fit on jax", "keras fit on torch")],
        ["fit over its bare steps", *[f"{100 * part:+.0f} %" for part in bare]],
    ]


def _start_lines() -> list[str]:
    """Seconds of import and first step, and memory, in fresh processes."""
    rows = stored("start")["rows"]
    if not rows:
        return []
    lines = [
        "\n## The first step of a fresh process\n",
        "Seconds of import (on top of NumPy's) + building + first step, and the most memory that the process held after "
        "eleven steps.\n",
    ]
    names = list(dict.fromkeys(name for row in rows for name in row["starts"]))
    lines += _head(["", *names])
    for row in rows:
        cells = [row["starts"].get(name) for name in names]
        lines.append(_line([row["workload"], *[_start(cell) if cell else "–" for cell in cells]]))
    return lines


def _start(found: dict[str, float]) -> str:
    seconds = " + ".join(f"{found[key]:.2f}" for key in ("import", "build", "first_step"))
    return f"{seconds} s, {found['peak_mb']:.0f} MB"


def _race_lines() -> list[str]:
    """From nothing to a trained network."""
    lines = []
    for row in stored("race")["rows"]:
        lines += [
            f"\n## {row['workload']}, from the start of the process\n",
            *_head(["", "seconds", "epochs", "accuracy"]),
        ]
        lines += [
            _line([name, f"{m['seconds']:.2f}", f"{m['epochs']:g}", f"{100 * m['accuracy']:.2f} %"])
            for name, m in row["medians"].items()
        ]
    return lines


def _scaling_lines() -> list[str]:
    """The plots of benchmarks/scaling.py."""
    if not (RESULTS / "scaling.json").exists():
        return []
    return [
        "\n## Cost against size, and one thread against two\n",
        "![Time of a step against batch, width, depth, data size and threads](benchmarks-scaling.svg)",
    ]


def _product_lines() -> list[str]:
    """Single kernels as shares of the peak."""
    found = stored("products")
    if not found["rows"]:
        return []
    peak = found["machine"]["peak_gflops"]
    lines = [
        "\n## Single kernels\n",
        f"GF/s, and share of the peak of {peak} GF/s. A convolution's operations are those of its definition: Winograd's "
        "way needs fewer, so it can be beyond the peak.\n",
    ]
    names = list(dict.fromkeys(name for row in found["rows"] for name in row["microseconds"]))
    lines += _head(["", *names])
    for row in found["rows"]:
        rates = [row["flop"] / time / 1e3 if (time := micro(row, [name])) else None for name in names]
        lines.append(_line([row["workload"], *["–" if r is None else f"{r:.0f} ({r / peak:.0%})" for r in rates]]))
    return lines
