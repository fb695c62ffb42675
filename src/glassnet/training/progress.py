"""The progress line of `fit`: live in a terminal, one line per epoch in a log file."""

from __future__ import annotations

import sys
from typing import Any


class ProgbarLogger:
    """One line per epoch with loss and metrics."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.model: Any = None

    def set_model(self, model: Any) -> None:
        """Called once before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training."""
        self.params = params

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print the epoch."""
        numbers = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        sys.stdout.write(f"epoch {epoch + 1}/{self.params.get('epochs')}  {numbers}\n")
