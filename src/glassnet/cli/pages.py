"""Commands that leave a page: one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from glassnet.cli import runs
from glassnet.errors import ArgumentError
from glassnet.explain.draw import FORMS, draw_page
from glassnet.explain.page import write_page


def draw(run: str, out: str | None) -> Path:
    """Write the page that recognises drawings, by default beside the model; returns its path."""
    kept = runs.load(run)
    task = kept.task
    if task.name not in FORMS or task.class_names is None:
        raise ArgumentError(
            f"draw: {run} did not learn from pictures", expected=f"a run of {', '.join(FORMS)}",
            received=f"a run of {task.name}", fix="glassnet train digits",
        )  # fmt: skip
    page = draw_page(kept.model, task.name, task.class_names, task.max_value)
    path = Path(out) if out else runs.model_path(run).with_name("draw.html")
    write_page(path, page)
    return path
