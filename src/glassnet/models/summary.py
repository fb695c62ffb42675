"""The text of `model.summary()`: layers, shapes, formulas, parameter counts."""

from __future__ import annotations

from typing import Any


def summary_text(model: Any, width: int = 80) -> str:
    """A table of the layers."""
    lines = [f"{model.name}"]
    for layer in model.layers:
        lines.append(f"  {layer!s:<40} {layer.count_params():>12,}")
    trained = sum(v.size for v in model.trainable_variables)
    lines.append(f"parameters {model.count_params():,} ({trained:,} trained)")
    return "\n".join(lines)
