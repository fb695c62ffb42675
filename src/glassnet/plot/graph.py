"""The computation graph of a small expression: every operation with its value and its gradient."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path as MplPath

from glassnet.autograd.backward import pullback
from glassnet.autograd.hooks import OpHook
from glassnet.autograd.op import Op
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, GradientError
from glassnet.plot.sheet import finished, sheet, titled
from glassnet.plot.theme import Theme

_MOST_NODES = 60
_HALF = 0.36
"""Half the width of a box; columns are 1 apart."""
_SYMBOLS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "power": "^", "negative": "negate", "matmul": "@",
}  # fmt: skip


@dataclass(eq=False)
class Number:
    """One number of the expression: an input, a constant or the result of an operation."""

    label: str
    value: float
    gradient: float | None = None
    """Slope of the result in this number; None for a constant."""
    parents: list[Number] = field(default_factory=list)
    layer: int = 0
    height: float = 0.0


class _Runs(OpHook):
    """Every run of an operation, by the array that it gave."""

    def __init__(self) -> None:
        self.by_result: dict[int, tuple[Op, tuple[Any, ...], Any]] = {}

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Keep the arrays themselves: their identity joins the runs into a graph."""
        self.by_result[id(results[0])] = (op, inputs, results[0])


def graph(function: Callable[..., Any], *numbers: float, ax: Axes | None = None, theme: str = "light") -> Any:
    """The computation graph of `function(*numbers)`: in each box an operation, its value and its gradient.

    Arguments:
        function: computes one number from numbers, with Python's operators and `gn.ops`.
        numbers: its arguments, each a leaf with the name that the function gives it.

    >>> import glassnet as gn
    >>> gn.plot.graph(lambda a, b: a * b + b**3, -4.0, 2.0).alt_text
    'Computation graph of 5 numbers: result 0; slopes a 2, b 8.'
    """
    nodes = computation(function, *numbers)
    routes = lay_out(nodes)
    heights = [stop.height for route in routes for stop in route] or [0.0]
    layers, extent = nodes[0].layer + 1, max(heights) - min(heights) + 1
    with sheet(ax, theme, (max(1.06 * layers, 5.2), 0.86 * extent + 0.7)) as (ax, colours):
        for route in routes:
            _edge(ax, colours, route)
        for node in nodes:
            _box(ax, colours, node, nodes[0] is node)
        ax.set(xlim=(-0.5, layers - 0.5), ylim=(min(heights) - 0.5, max(heights) + 0.5))
        ax.set_axis_off()
        note = "in each box: operation, value, and ∂ = slope of the result in that number"
        titled(ax, colours, f"result {format_number(nodes[0].value, 6)}", note)
        leaves = [n for n in nodes if not n.parents and n.gradient is not None]
        slopes = ", ".join(f"{n.label} {format_number(n.gradient, 6)}" for n in leaves)
        told = f"result {format_number(nodes[0].value, 6)}; slopes {slopes}"
        return finished(ax, f"Computation graph of {len(nodes)} numbers: {told}.")


def computation(function: Callable[..., Any], *numbers: float) -> list[Number]:
    """The numbers behind `graph`, the result first."""
    names = list(inspect.signature(function).parameters)
    names += [f"argument {k}" for k in range(len(names), len(numbers))]
    leaves = [Tensor(np.float64(number), requires_grad=True) for number in numbers]
    with _Runs() as runs:
        result = function(*leaves)
    if not isinstance(result, Tensor) or result.shape != ():
        received = f"shape {result.shape}" if isinstance(result, Tensor) else type(result).__name__
        raise ArgumentError("plot.graph: the function must compute one number", received=received, fix=".sum()")
    if result.creator is None:
        raise GradientError("plot.graph: the result does not depend on the numbers", fix="use every argument")
    known = {id(leaf.data): Number(name, float(leaf.data)) for name, leaf in zip(names, leaves)}
    creators = {id(leaf.data): leaf.creator for leaf in leaves}
    found = _walk(result, runs, known, creators)
    slopes = pullback([result], [None], [c for c in creators.values() if c is not None], create_graph=False)
    for key, node in known.items():
        creator = creators.get(key)
        node.gradient = float(slopes[creator]) if creator in slopes else None
    return found


def _walk(result: Tensor, runs: _Runs, known: dict[int, Number], creators: dict[int, Any]) -> list[Number]:
    """All numbers behind the result, in the order in which they are reached from it; constants go into the labels."""
    waiting, order = [(result.data, result.creator)], []
    while waiting:
        data, creator = waiting.pop(0)
        creators[id(data)] = creator
        node = known.setdefault(id(data), Number("", float(data)))
        if node in order:
            continue
        order.append(node)
        if id(data) not in runs.by_result:
            continue
        op, inputs, _ = runs.by_result[id(data)]
        if any(np.shape(x) != () for x in inputs):
            raise ArgumentError(
                "plot.graph draws single numbers", received=f"{op.name} of {[np.shape(x) for x in inputs]}"
            )
        node.label = _label(
            op, [format_number(float(x)) if parent is None else "" for x, parent in _pairs(inputs, creator)]
        )
        for x, parent in _pairs(inputs, creator):
            if parent is not None:
                node.parents.append(known.setdefault(id(x), Number("", float(x))))
                waiting.append((x, parent))
    return order


def _pairs(inputs: tuple[Any, ...], creator: Any) -> list[tuple[Any, Any]]:
    return list(zip(inputs, creator.parents))


def _label(op: Op, constants: list[str]) -> str:
    """`+`, `2 × ·`, `relu`: the operation, with its constants in place."""
    symbol = _SYMBOLS.get(op.name, op.name)
    if not any(constants):
        return symbol
    parts = [text or "·" for text in constants]
    return (
        f"{parts[0]} {symbol} {parts[1]}"
        if op.name in _SYMBOLS and len(parts) == 2
        else f"{symbol}({', '.join(parts)})"
    )


# ------------------------------------------------------------ layout, from left to right
def lay_out(nodes: list[Number]) -> list[list[Number]]:
    """Give each number a column behind its parents and a height; returns the stops of every edge, in free lanes."""
    if len(nodes) > _MOST_NODES:
        raise ArgumentError(
            "plot.graph: the expression is too large for one picture", expected=f"at most {_MOST_NODES} numbers",
            received=len(nodes), fix="draw a part of it",
        )  # fmt: skip
    for node in reversed(_consumers_first(nodes)):
        node.layer = 1 + max((parent.layer for parent in node.parents), default=-1)
    layers: list[list[Number]] = [[] for _ in range(nodes[0].layer + 1)]
    for node in nodes:
        layers[node.layer].append(node)
    routes = []
    for node in nodes:
        for parent in dict.fromkeys(node.parents):
            lanes = [Number("", 0.0, layer=layer) for layer in range(parent.layer + 1, node.layer)]
            for lane in lanes:
                layers[lane.layer].append(lane)
            routes.append([parent, *lanes, node])
    _settle(layers, routes)
    return routes


def _consumers_first(nodes: list[Number]) -> list[Number]:
    """Each number after everything that reads it (Kahn's algorithm)."""
    waiting = dict.fromkeys(nodes, 0)
    for node in nodes:
        for parent in node.parents:
            waiting[parent] += 1
    order = [node for node, consumers in waiting.items() if consumers == 0]
    for node in order:  # grows while it is walked
        for parent in node.parents:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                order.append(parent)
    return order


def _settle(layers: list[list[Number]], routes: list[list[Number]], sweeps: int = 32) -> None:
    """Order each column by its neighbours to the left, then to the right, and pull every stop to the mean of both."""
    before: dict[Number, list[Number]] = {}
    after: dict[Number, list[Number]] = {}
    for route in routes:
        for left, right in pairwise(route):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    for layer in layers:
        for place, stop in enumerate(layer):
            stop.height = place - (len(layer) - 1) / 2
    for sweep in range(sweeps):
        forward, last = sweep % 2 == 0, sweep >= sweeps // 2
        for layer in layers if forward else reversed(layers):
            near = {stop: (before if forward else after).get(stop, []) for stop in layer}
            if last:
                near = {stop: [*before.get(stop, []), *after.get(stop, [])] for stop in layer}
            _place(layer, {stop: _mean_height(near[stop] or [stop]) for stop in layer}, sort=not last)


def _place(layer: list[Number], wanted: dict[Number, float], sort: bool) -> None:
    """Bring the stops of a column near the heights they want, and keep them apart."""
    if sort:
        layer.sort(key=wanted.__getitem__)
    for below, stop in zip([None, *layer], layer):
        gap = 0.0 if below is None else 1.0 if below.label and stop.label else 0.62
        stop.height = wanted[stop] if below is None else max(wanted[stop], below.height + gap)
    shift = sum(wanted[stop] - stop.height for stop in layer) / len(layer)
    for stop in layer:
        stop.height += shift


def _mean_height(stops: list[Number]) -> float:
    return sum(stop.height for stop in stops) / len(stops)


# ------------------------------------------------------------ drawing
def _edge(ax: Axes, colours: Theme, route: list[Number]) -> None:
    """A smooth line through the stops, level where it meets a box."""
    start, end = route[0], route[-1]
    stops = [(start.layer + _HALF, start.height)]
    stops += [(lane.layer + side * _HALF, lane.height) for lane in route[1:-1] for side in (-1, 1)]
    stops.append((end.layer - _HALF - 0.03, end.height))
    codes, points = [MplPath.MOVETO], [stops[0]]
    for (x0, y0), (x1, y1) in pairwise(stops):
        middle = (x0 + x1) / 2
        points += [(middle, y0), (middle, y1), (x1, y1)]
        codes += [MplPath.CURVE4] * 3
    ax.add_patch(FancyArrowPatch(
        path=MplPath(points, codes), arrowstyle="-|>", mutation_scale=7, color=colours.dim, lw=0.9, zorder=1,
        shrinkA=0, shrinkB=0,
    ))  # fmt: skip


def _box(ax: Axes, colours: Theme, node: Number, is_result: bool) -> None:
    """Operation and value in a solid frame, the gradient on a dashed shelf below."""
    x, y, tall = node.layer, node.height, 0.30
    ax.add_patch(FancyBboxPatch(
        (x - _HALF, y - 0.06), 2 * _HALF, tall + 0.06, boxstyle="round,pad=0,rounding_size=0.05", fc=colours.page,
        ec=colours.text if node.parents else colours.line, lw=2.0 if is_result else 1.1, zorder=2,
    ))  # fmt: skip
    ax.text(x, y + 0.19, node.label, ha="center", va="center", fontsize=8.5, color=colours.dim, zorder=3)
    value = format_number(node.value, 4)
    ax.text(
        x, y + 0.04, value, ha="center", va="center", fontsize=9, fontweight="bold", zorder=3,
        color=colours.sign_colour(node.value),
    )  # fmt: skip
    if node.gradient is None:
        return
    ax.add_patch(Rectangle(
        (x - _HALF + 0.03, y - 0.27), 2 * _HALF - 0.06, 0.19, fc=colours.page, ec=colours.gradient_colour(node.gradient),
        lw=0.9, ls=(0, (3, 2)), zorder=2,
    ))  # fmt: skip
    ax.text(
        x, y - 0.178, f"∂ {format_number(node.gradient, 4)}", ha="center", va="center", fontsize=8, zorder=3,
        color=colours.gradient_colour(node.gradient),
    )  # fmt: skip
