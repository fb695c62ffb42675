"""What `glassnet explain` leaves: the page about one training step on one sample of a run's test set."""

from __future__ import annotations

from pathlib import Path

from glassnet.cli import runs
from glassnet.cli.prediction import rows_of_sample
from glassnet.datasets import CsvSchema
from glassnet.explain import explain


def write_page(run: str, sample: int, data: str | None, out: str | None) -> Path:
    """Write the page, by default as explain-N.html beside the model; returns its path."""
    kept = runs.load(run)
    source, task = kept.source(data), kept.task
    rows = rows_of_sample(source, sample)
    columns = CsvSchema.from_config(task.schema).feature_names if task.schema else None
    x, y = source.x_test[rows], source.y_test[rows]
    title = f"{task.name}, test sample {sample}"
    made = explain(kept.model, x, y, classes=task.class_names, columns=columns, title=title)
    path = Path(out) if out else runs.model_path(run).with_name(f"explain-{sample}.html")
    made.save(path)
    return path
