"""Draws what a step costs as one number of it changes: `python -m benchmarks.scaling`, from the stored table."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # after the choice of what draws
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.tables import stored

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks-scaling.svg"
PANELS = {
    "batch": "rows of a batch", "width": "hidden units", "depth": "hidden layers of 128", "rows": "rows of the data set",
}  # fmt: skip
LOOKS = {
    "glassnet scan, 2 threads": ("glassnet, 2 threads", "#0072b2", "-", "o"),
    "glassnet scan, 1 thread": ("glassnet, 1 thread", "#0072b2", "--", "s"),
    "torch fused, 2 threads": ("PyTorch, 2 threads", "#d55e00", "-", "^"),
    "torch fused, 1 thread": ("PyTorch, 1 thread", "#d55e00", "--", "v"),
}


def draw() -> None:
    """Four panels, both axes logarithmic: a straight line of slope 1 is a cost in proportion."""
    plt.rcParams.update(
        {
            "svg.hashsalt": "glassnet",
            "svg.fonttype": "none",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    rows = stored("scaling")["rows"]
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.2), sharey=True, layout="constrained")
    for (kind, title), panel in zip(PANELS.items(), panels, strict=True):
        own = [row for row in rows if row["workload"].startswith(kind)]
        sizes = [int(row["workload"].split()[1]) for row in own]
        for name, (label, color, line, marker) in LOOKS.items():
            found = [
                (size, row["microseconds"][name]["median"])
                for size, row in zip(sizes, own)
                if name in row["microseconds"]
            ]
            panel.loglog(*zip(*found), color=color, linestyle=line, marker=marker, markersize=4, label=label)
        panel.xaxis.set_major_locator(FixedLocator(sizes))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45 if max(sizes) > 999 else 0)
        panel.set_xlabel(title)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("microseconds of a step")
    figure.align_xlabels()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    draw()
