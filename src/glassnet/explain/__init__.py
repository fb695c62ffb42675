"""L6, seeing: a recorded training step, and its numbers in words. Data first, drawing second."""

from glassnet.explain.narrate import explain_text, narrate
from glassnet.explain.plane import decision_text, scatter_text
from glassnet.explain.recorder import Recorder, Run
from glassnet.explain.show import ShownPrediction, show_prediction, show_surface
from glassnet.explain.trace import Trace, TracedOp, TracedTensor, TraceStep, load_trace, record, trace

__all__ = [
    "Recorder", "Run", "ShownPrediction", "Trace", "TraceStep", "TracedOp", "TracedTensor", "decision_text",
    "explain_text", "load_trace", "narrate", "record", "scatter_text", "show_prediction", "show_surface", "trace",
]  # fmt: skip
