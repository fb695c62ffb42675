"""L6, seeing: a recorded training step, and its numbers in words, pictures and pages. Data first, drawing second.

The package is itself the function that makes the page: `gn.explain(model, x, y)`.
"""

import inspect
import sys
from types import ModuleType

from glassnet.explain.narrate import explain_text, narrate
from glassnet.explain.page import Explanation, explain
from glassnet.explain.plane import decision_text, scatter_text
from glassnet.explain.recorder import Recorder, Run
from glassnet.explain.recording import record, trace
from glassnet.explain.show import ShownPrediction, show_prediction, show_surface
from glassnet.explain.trace import Trace, TracedOp, TracedTensor, TraceStep, load_trace

__all__ = [
    "Explanation", "Recorder", "Run", "ShownPrediction", "Trace", "TraceStep", "TracedOp", "TracedTensor",
    "decision_text", "explain", "explain_text", "load_trace", "narrate", "record", "scatter_text",
    "show_prediction", "show_surface", "trace",
]  # fmt: skip


class _CallablePackage(ModuleType):
    """A package that is called like its function of the same name; everything in it is still imported from it."""

    __call__ = staticmethod(explain)
    __signature__ = inspect.signature(explain)


sys.modules[__name__].__class__ = _CallablePackage
