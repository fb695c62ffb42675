"""L6, figures: what a network has learned and how, as pictures for a notebook, a lesson or a paper.

Every function returns a `Figure` that carries a description in words (`.alt_text`) and is written with
`.save("x.svg")`, `.pdf` or `.png`. All take `theme="light"`, `"dark"` or `"print"` (readable in grey), and `ax=`, to
draw into a place of your own figure. No display, no network and no global state of matplotlib is used.
"""

import importlib.util

from glassnet.errors import MissingDependency

if importlib.util.find_spec("matplotlib") is None:
    raise MissingDependency(
        "gn.plot draws with matplotlib, which is not installed",
        expected="the extra `plot`", fix="pip install matplotlib pillow",
    )  # fmt: skip

from glassnet.plot.attention import attention
from glassnet.plot.flow import flow
from glassnet.plot.graph import graph
from glassnet.plot.judgement import confusion, worst
from glassnet.plot.landscape import landscape
from glassnet.plot.layers import activations, gradients
from glassnet.plot.maps import feature_maps, kernels
from glassnet.plot.network import network
from glassnet.plot.plane import boundary, hidden_plane
from glassnet.plot.race import optimizer_race
from glassnet.plot.sheet import Figure
from glassnet.plot.training import curves
from glassnet.plot.weights import weights

__all__ = [
    "Figure", "activations", "attention", "boundary", "confusion", "curves", "feature_maps", "flow", "gradients",
    "graph", "hidden_plane", "kernels", "landscape", "network", "optimizer_race", "weights", "worst",
]  # fmt: skip
