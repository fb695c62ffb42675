"""L6, seeing: a recorded training step, and its numbers in words. Data first, drawing second."""

from glassnet.explain.narrate import explain_text
from glassnet.explain.plane import decision_text, scatter_text
from glassnet.explain.recorder import Recorder, Step
from glassnet.explain.show import ShownPrediction, show_prediction, show_surface

__all__ = [
    "Recorder", "ShownPrediction", "Step", "decision_text", "explain_text", "scatter_text", "show_prediction",
    "show_surface",
]  # fmt: skip
