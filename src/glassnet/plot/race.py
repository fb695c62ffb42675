"""Optimizers side by side on a surface with two parameters, from the same start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from glassnet import optimizers as optimizers_module
from glassnet.autograd.variable import Variable
from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError, did_you_mean
from glassnet.optimizers import SGD, Adam, Optimizer, RMSprop
from glassnet.plot.sheet import finished, sheet, titled
from glassnet.plot.theme import MARKERS, Theme
from glassnet.typing import Array


@dataclass(frozen=True)
class Surface:
    """A function of two parameters that is to be made small."""

    height: Callable[[Any, Any], Any]
    low: tuple[float, float]
    high: tuple[float, float]
    """The corners of the window that is drawn."""
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    rate: float
    """A learning rate at which plain gradient descent does not diverge."""


SURFACES = {
    "rosenbrock": Surface(
        lambda u, v: (1 - u) ** 2 + 100 * (v - u**2) ** 2, (-2.0, -1.0), (2.0, 3.0), (-1.5, -0.5), ((1.0, 1.0),), 6e-4
    ),
    "himmelblau": Surface(
        lambda u, v: (u**2 + v - 11) ** 2 + (u + v**2 - 7) ** 2, (-5.5, -5.5), (5.5, 5.5), (0.2, -0.6),
        ((3.0, 2.0), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127)), 4e-3,
    ),
    "valley": Surface(lambda u, v: u**2 / 20 + v**2, (-8.0, -3.2), (4.0, 3.2), (-7.0, 2.4), ((0.0, 0.0),), 0.3),
    "saddle": Surface(
        lambda u, v: u**2 - v**2 + v**4 / 4, (-2.0, -2.4), (2.0, 2.4), (-1.7, 0.02),
        ((0.0, 2**0.5), (0.0, -(2**0.5))), 0.05,
    ),
}  # fmt: skip
"""Rosenbrock's curved valley, Himmelblau's four minima, a long straight valley, and a saddle between two minima."""


def optimizer_race(
    optimizers: Mapping[str, Any] | Sequence[Any] | None = None, surface: str = "rosenbrock",
    start: tuple[float, float] | None = None, steps: int = 300, ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The ways of several optimizers down the same surface.

    Arguments:
        optimizers: names or optimizers, or a dictionary that labels them; SGD, momentum, RMSprop and Adam by default.
        surface: "rosenbrock", "himmelblau", "valley" or "saddle".
        start: where all begin; a point of the surface's own by default.

    >>> import glassnet as gn
    >>> gn.plot.optimizer_race(["adam", "rmsprop"], "saddle", steps=5).alt_text
    'Optimizer race on saddle, 5 steps: rmsprop ends at 2.853, adam ends at 2.872.'
    """
    chosen = _surface(surface)
    paths = race(optimizers, surface, start, steps)
    finals = {name: float(chosen.height(*path[-1])) for name, path in paths.items()}
    order = sorted(paths, key=lambda name: (not np.isfinite(finals[name]), finals[name]))
    with sheet(ax, theme, (6.4, 4.6)) as (ax, colours):
        _contours(ax, colours, chosen)
        for k, name in enumerate(paths):
            _draw(ax, colours, paths[name], name, k)
        ax.plot(*np.transpose(chosen.minima), "+", ms=11, mew=1.6, color=colours.text, ls="none", zorder=5)
        ax.plot(*next(iter(paths.values()))[0], "o", ms=7, mfc=colours.page, mec=colours.text, mew=1.4, zorder=6)
        ax.set(xlim=(chosen.low[0], chosen.high[0]), ylim=(chosen.low[1], chosen.high[1]), xlabel="u", ylabel="v")
        handles = {line.get_label(): line for line in ax.get_lines()}
        ax.legend(
            [handles[name] for name in order], [f"{name}\n{_ending(finals[name])}" for name in order],
            loc="upper left", bbox_to_anchor=(1.01, 1.0), labelcolor=colours.text, title="value at the end",
            labelspacing=0.8, borderaxespad=0.0, alignment="left", title_fontsize=8,
        ).get_title().set_color(colours.dim)  # fmt: skip
        titled(
            ax, colours, f"{steps} steps on {surface}", "ring: start · cross: minimum · a mark every tenth of the way"
        )
        told = ", ".join(f"{name} ends at {format_number(finals[name])}" for name in order)
        return finished(ax, f"Optimizer race on {surface}, {steps} steps: {told}.")


def race(
    optimizers: Mapping[str, Any] | Sequence[Any] | None = None, surface: str = "rosenbrock",
    start: tuple[float, float] | None = None, steps: int = 300,
) -> dict[str, Array]:  # fmt: skip
    """The numbers behind `optimizer_race`: the parameters after every step, (steps + 1, 2) per optimizer."""
    chosen = _surface(surface)
    if steps < 1:
        raise ArgumentError("plot.optimizer_race: steps must be at least 1", received=steps)
    first = np.asarray(chosen.start if start is None else start, np.float64)
    if first.shape != (2,):
        raise ArgumentError("plot.optimizer_race: start", expected="two numbers (u, v)", received=start)
    return {name: _run(own, chosen, first, steps) for name, own in _runners(optimizers, chosen.rate).items()}


def _surface(name: str) -> Surface:
    if name not in SURFACES:
        raise ArgumentError(
            "plot.optimizer_race: there is no such surface", expected=", ".join(SURFACES), received=repr(name),
            fix=did_you_mean(str(name), SURFACES),
        )  # fmt: skip
    return SURFACES[name]


def _runners(given: Any, rate: float) -> dict[str, Optimizer]:
    """Optimizers by label."""
    if given is None:
        return {
            "SGD": SGD(rate),
            "momentum 0.9": SGD(rate / 2, momentum=0.9),
            "RMSprop": RMSprop(0.02),
            "Adam": Adam(0.1),
        }
    if not isinstance(given, Mapping):
        listed = [given] if isinstance(given, (str, Optimizer)) else list(given)
        given = {own if isinstance(own, str) else f"{type(own).__name__} {k}": own for k, own in enumerate(listed)}
    return {str(name): optimizers_module.get(own) for name, own in given.items()}


def _run(optimizer: Optimizer, surface: Surface, start: Array, steps: int) -> Array:
    """The way of a fresh copy of an optimizer."""
    runner = type(optimizer).from_config(optimizer.get_config())
    point = Variable(start, name="point")
    path = [start]
    with np.errstate(all="ignore"):  # a diverging run overflows, which is what is to be seen
        for _ in range(steps):
            point.zero_grad()
            surface.height(point.value[0], point.value[1]).backward()
            runner.apply([point.grad], [point])
            path.append(point.numpy())
    return np.stack(path)


def _contours(ax: Axes, colours: Theme, surface: Surface) -> None:
    """The surface in pale steps of equal ratio above its lowest point."""
    u, v = (np.linspace(surface.low[k], surface.high[k], 300) for k in (0, 1))
    height = surface.height(*np.meshgrid(u, v))
    lowest = min(float(surface.height(*point)) for point in surface.minima)
    above = np.log10(height - lowest + 1e-2 * np.median(height - lowest))
    levels = np.linspace(above.min(), above.max(), 15)
    ax.contourf(u, v, above, levels=levels, cmap=colours.ink, vmin=levels[0], vmax=levels[0] + 5 * np.ptp(levels))
    ax.contour(u, v, above, levels=levels, colors=[colours.line], linewidths=0.5, linestyles="solid")


def _draw(ax: Axes, colours: Theme, path: Array, name: str, k: int) -> None:
    finite = path[np.isfinite(path).all(axis=1)]
    ax.plot(
        *finite.T, color=colours.text if colours.in_grey else colours.class_colour(k), lw=1.8, label=name,
        ls=["-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5))][k % 4] if colours.in_grey else "-",
        marker=MARKERS[k % len(MARKERS)], markevery=max(1, len(finite) // 10), ms=5, mec=colours.text, mew=0.5, zorder=4,
    )  # fmt: skip


def _ending(value: float) -> str:
    return format_number(value, 3) if np.isfinite(value) else "diverged"
