"""L6, seeing: a recorded training step, and its numbers in words. Data first, drawing second."""

from glassnet.explain.narrate import explain_text
from glassnet.explain.recorder import Recorder, Step

__all__ = ["Recorder", "Step", "explain_text"]
