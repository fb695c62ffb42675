"""What `glassnet explain` leaves: the page about one training step on one sample of a run's test set."""

from __future__ import annotations

from pathlib import Path

from glassnet.cli import runs
from glassnet.cli.prediction import rows_of_sample
from glassnet.cli.report import explain_sample


def write_page(run: str, sample: int, data: str | None, out: str | None) -> Path:
    """Write the page, by default as explain-N.html beside the model; returns its path."""
    kept = runs.load(run)
    source = kept.source(data)
    rows_of_sample(source, sample)  # refuses a sample that the test set does not have
    path = Path(out) if out else runs.model_path(run).with_name(f"explain-{sample}.html")
    explain_sample(kept.model, source, sample).save(path)
    return path
