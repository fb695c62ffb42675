"""L6, films: how a training bent a boundary, formed weights and went downhill, and how one step flows there and back.

Each function takes what a `gn.callbacks.Recorder` kept, or a trace, and returns an `Animation`: shown by notebooks, and
written with `.save("x.gif")`, `.webp`, `.png` (animated) or `.mp4`. No display and no network is used. The videos of
`gn.animate.scenes` are played by manim, an extra of its own.
"""

import importlib.util

from glassnet.errors import MissingDependency

if importlib.util.find_spec("matplotlib") is None or importlib.util.find_spec("PIL") is None:
    raise MissingDependency(
        "gn.animate draws with matplotlib and Pillow, which are not installed",
        expected="the extra `plot`", fix="pip install matplotlib pillow",
    )  # fmt: skip

from glassnet.animate import scenes
from glassnet.animate.animation import Animation
from glassnet.animate.convolution import convolution
from glassnet.animate.flow import backprop
from glassnet.animate.training import boundary, hidden_plane, landscape, weights

__all__ = ["Animation", "backprop", "boundary", "convolution", "hidden_plane", "landscape", "scenes", "weights"]
