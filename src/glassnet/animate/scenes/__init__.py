"""Videos for a lesson by manim (extra `manim`): the learner's own network, from a trace or a recorded training.

    trace = gn.trace(model, x[:1], y[:1])
    gn.animate.scenes.ForwardPass(trace).save("forward.mp4", quality="high")

`pace=2` gives twice the time to read. Whoever writes manim scenes makes one out of it, adds to it and plays it with
manim's own command (`manim -qh lesson.py Forward`):

    class Forward(gn.animate.scenes.ForwardPass(trace).scene):
        pass

No TeX is needed.
"""

from glassnet.animate.scenes.step import BackwardPass, ForwardPass
from glassnet.animate.scenes.story import Story
from glassnet.animate.scenes.training import WeightsEvolving, XorWarp

__all__ = ["BackwardPass", "ForwardPass", "Story", "WeightsEvolving", "XorWarp"]
