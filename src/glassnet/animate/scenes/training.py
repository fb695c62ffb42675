"""A whole training, from a Recorder: how the plane of the inputs is bent until a line parts it, how weights take shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from glassnet.animate.film import recorded, take, unchanged
from glassnet.animate.scenes.engine import mn
from glassnet.animate.scenes.mobjects import raster, tile, write
from glassnet.animate.scenes.story import Director, Story
from glassnet.animate.training import layer_with_kernel
from glassnet.autograd.worked import format_number
from glassnet.errors import ShapeError
from glassnet.models.model import Model
from glassnet.plot.judgement import names_for
from glassnet.plot.plane import bent_grid, checked_samples, chosen_layer, class_map, tinted, window
from glassnet.plot.sheet import grouped, limit_of
from glassnet.plot.theme import Theme
from glassnet.plot.tile import scale_of
from glassnet.plot.weights import image_shape_of
from glassnet.training.recorder import Recorder, Snapshot
from glassnet.typing import Array

_SIDE = 4.2
"""Of a plane, in units."""
_CELLS = 96
"""Of a tinted plane, per side."""
_SHAPES = ("Circle", "Square", "Triangle", "RegularPolygon")
"""By class, as manim names them."""


def _moment(snapshot: Snapshot) -> str:
    if snapshot.step == 0:
        return "before training"
    loss = "" if np.isnan(snapshot.loss) else f" · loss {format_number(snapshot.loss, 3)}"
    return f"step {grouped(snapshot.step)}{loss}"


@dataclass(frozen=True)
class _Plane:
    """A window of a plane on the screen."""

    low: Array
    high: Array
    centre: Array

    def at(self, points: Array) -> Array:
        """Where points (N, 2) are on the screen: (N, 3)."""
        flat = (np.asarray(points, float) - (self.low + self.high) / 2) / (self.high - self.low) * _SIDE
        return np.hstack([flat, np.zeros((len(flat), 1))]) + self.centre

    def drawn(self, colours: Theme, title: str, across: str, up: str) -> Any:
        """Its frame, title and the names of its axes."""
        frame = mn.Square(_SIDE, color=colours.line, stroke_width=2).move_to(self.centre)
        names = [
            write(title, 22, colours.text, bold=True).next_to(frame, mn.UP, buff=0.14),
            write(across, 18, colours.dim).next_to(frame, mn.DOWN, buff=0.12),
            write(up, 18, colours.dim).rotate(mn.PI / 2).next_to(frame, mn.LEFT, buff=0.12),
        ]
        return mn.VGroup(frame, *names)

    def tint(self, colours: Theme, model: Any) -> Any:
        """What a model of two inputs says everywhere, and the line between two classes."""
        maps = class_map(model, self.low, self.high, _CELLS)
        picture, said = tinted(colours, maps), maps.argmax(axis=-1)
        line = (said != np.roll(said, 1, axis=0)) | (said != np.roll(said, 1, axis=1))
        line[0], line[:, 0] = False, False
        picture[line] = to_rgb(colours.text)
        return raster(picture[::-1], _SIDE, _SIDE).move_to(self.centre).set_z_index(-2)


class XorWarp(Story):
    """How training bends the plane of two inputs into the plane of two hidden units, until a straight line parts the classes.

    Arguments:
        x, y: the samples (N, 2) and their classes.
        layer: with two units; by default the first such one.
        pace: seconds are multiplied by it: 2 is half as fast.

    >>> import glassnet as gn
    >>> x, y = gn.datasets.toy.xor()
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> _ = model.fit(x, y, verbose=0, callbacks=[recorder := gn.callbacks.Recorder(frames=2)])
    >>> XorWarp(recorder, model, x, y).names
    ['0', '1']
    """

    def __init__(
        self, recorder: Recorder, model: Any, x: Any, y: Any, layer: Any = None,
        class_names: Sequence[str] | None = None, theme: str = "dark", pace: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(theme, pace)
        self.model, self.snapshots = model, recorded("animate.scenes.XorWarp", recorder, model)
        self.x, self.truth = checked_samples(x, y, "animate.scenes.XorWarp")
        self.layer = chosen_layer(model, layer)
        if self.x.shape[1:] != (2,) or tuple(self.layer.output.shape[1:]) != (2,):
            raise ShapeError(
                "animate.scenes.XorWarp: two inputs, and two hidden units", expected="x (N, 2) and a layer of 2 units",
                received=f"x {self.x.shape}, {self.layer} with outputs {tuple(self.layer.output.shape)}",
            )  # fmt: skip
        self.names = names_for(int(self.truth.max()) + 1, class_names, "animate.scenes.XorWarp")
        self.front, self.back = Model(model.inputs, self.layer.output), Model(self.layer.output, model.output)

    def play(self, director: Director) -> None:
        """The input plane, its copy bent by the untrained layer, the training, the line and what it is among the inputs."""
        with unchanged(self.model):
            self._played(director)

    def _played(self, director: Director) -> None:
        bent = self._bent()
        low, high = window(np.concatenate([points for grid, places in bent for points in [*grid, places]]))
        inputs = _Plane(*window(self.x), np.array([-3.3, 0.32, 0.0]))
        hidden = _Plane(low, high, np.array([3.3, 0.32, 0.0]))
        unit = f"unit {{}} of {self.layer.name}"
        director.title(f"{self.model.name}: how a layer bends the plane")
        straight = self._grid([np.asarray(line) for line in _straight_grid(*window(self.x))], inputs)
        first = self._points(self.x, inputs)
        director.say("Every sample is a point in the plane of the two inputs.", "Can a straight line part the classes?")
        director.show(
            mn.FadeIn(inputs.drawn(self.colours, "inputs", "x₀", "x₁")), mn.FadeIn(straight), mn.FadeIn(first)
        )
        director.show(mn.FadeIn(self._legend(inputs)))
        director.read()
        director.say(
            f"The layer {self.layer.name} sends every point of that plane to a point of its own plane.",
            _moment(self.snapshots[0]),
        )
        grid, points = straight.copy(), first.copy()
        start = self._grid(bent[0][0], hidden), self._points(bent[0][1], hidden)
        director.show(
            mn.FadeIn(hidden.drawn(self.colours, f"plane of {self.layer.name}", unit.format(0), unit.format(1)))
        )
        director.show(mn.Transform(grid, start[0]), mn.Transform(points, start[1]), seconds=2.5)
        director.read()
        self._train(director, bent, grid, points, hidden)
        self._parted(director, inputs, hidden)

    def _bent(self) -> list[tuple[list[Array], Array]]:
        """The grid and the samples in the hidden plane, at each moment."""
        found = []
        for snapshot in self.snapshots:
            take(self.model, snapshot)
            grid = bent_grid(self.front, *window(self.x), lines=13, points=25)
            found.append((grid, np.asarray(self.front.predict(self.x, verbose=0))))
        return found

    def _train(
        self, director: Director, bent: list[tuple[list[Array], Array]], grid: Any, points: Any, hidden: _Plane
    ) -> None:
        """From moment to moment, the line of the next layer with it."""
        director.say("Training moves the weights, and they the plane. Tint: what the next layer says.")
        tint, counter = mn.VGroup(), mn.VGroup()
        for snapshot, (lines, places) in zip(self.snapshots, bent):
            take(self.model, snapshot)
            director.scene.remove(tint, counter)
            tint = hidden.tint(self.colours, self.back)
            counter = write(_moment(snapshot), 22, self.colours.text).move_to([0, -3.05, 0])
            director.scene.add(tint, counter)
            moved = mn.Transform(grid, self._grid(lines, hidden)), mn.Transform(points, self._points(places, hidden))
            director.show(*moved, seconds=9 / len(bent))
        director.wait(1.0)
        director.scene.remove(counter)

    def _parted(self, director: Director, inputs: _Plane, hidden: _Plane) -> None:
        """The same parting among the inputs."""
        said = np.asarray(self.model.predict(self.x, verbose=0))
        said = (said[:, 0] > 0.5).astype(int) if said.shape[1] == 1 else said.argmax(axis=1)
        right = int((said == self.truth).sum())
        director.say(
            f"What a straight line parts in the plane of {self.layer.name}, no straight line parts among the inputs.",
            f"{right} of {len(self.x)} samples are right",
        )
        director.show(mn.FadeIn(inputs.tint(self.colours, self.model)), seconds=1.2)
        director.read()
        director.wait(1.5)

    def _grid(self, lines: Sequence[Array], plane: _Plane) -> Any:
        made = mn.VGroup()
        for line in lines:
            path = mn.VMobject(stroke_color=self.colours.text, stroke_width=1.5, stroke_opacity=0.5)
            made.add(path.set_points_as_corners(plane.at(line)))
        return made.set_z_index(0)

    def _points(self, places: Array, plane: _Plane) -> Any:
        size = float(np.clip(1.1 / np.sqrt(len(places)), 0.07, 0.17))
        made = mn.VGroup()
        for place, k in zip(plane.at(places), self.truth):
            made.add(self._mark(int(k), size).move_to(place))
        return made.set_z_index(2)

    def _mark(self, k: int, size: float) -> Any:
        shape = getattr(mn, _SHAPES[k % len(_SHAPES)])().scale_to_fit_height(2 * size)
        return shape.set_fill(self.colours.class_colour(k), opacity=1).set_stroke(self.colours.text, width=2)

    def _legend(self, plane: _Plane) -> Any:
        """The shape of each class, between the planes."""
        entries = [
            mn.VGroup(self._mark(k, 0.11), write(str(name), 18, self.colours.text)).arrange(mn.RIGHT, buff=0.12)
            for k, name in enumerate(self.names)
        ]
        column = mn.VGroup(write("class", 16, self.colours.dim), *entries)
        column.arrange(mn.DOWN, buff=0.16, aligned_edge=mn.LEFT)
        return column.next_to(plane.centre + np.array([_SIDE / 2, 0.0, 0.0]), mn.RIGHT, buff=0.2)


def _straight_grid(low: Array, high: Array, lines: int = 13, points: int = 25) -> list[Array]:
    """The grid of the input plane that `bent_grid` bends."""
    found = []
    for axis in (0, 1):
        for fixed in np.linspace(low[1 - axis], high[1 - axis], lines):
            line = np.full((points, 2), fixed)
            line[:, axis] = np.linspace(low[axis], high[axis], points)
            found.append(line)
    return found


def _arranged(units: int, height: int, width: int) -> tuple[int, float]:
    """In how many columns so many pictures are largest, and the side of a cell then; full rows are preferred."""

    def cell(columns: int) -> float:
        return min(12.6 / (columns * (width + 1)), 4.7 / (-(-units // columns) * (height + 1)))

    columns = max(range(1, units + 1), key=lambda columns: cell(columns) * (0.85 if units % columns else 1.0))
    return columns, cell(columns)


class WeightsEvolving(Story):
    """How the weights of a layer took shape: each unit as a picture of its inputs, on one scale, over the falling loss.

    Arguments:
        layer: name, index or the layer itself; by default the first with a kernel.
        image_shape: (H, W) of the inputs; by default a square, and where I is none, the whole kernel as one matrix.
        pace: seconds are multiplied by it: 2 is half as fast.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.eye(4), np.eye(4, 3), verbose=0, callbacks=[recorder := gn.callbacks.Recorder(frames=2)])
    >>> WeightsEvolving(recorder, model).image
    (2, 2)
    """

    def __init__(
        self, recorder: Recorder, model: Any, layer: Any = None, image_shape: tuple[int, int] | None = None,
        theme: str = "dark", pace: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(theme, pace)
        self.model, self.snapshots = model, recorded("animate.scenes.WeightsEvolving", recorder, model)
        self.layer = layer_with_kernel(model, layer)
        with unchanged(model):
            self.kernels = [self._kernel(snapshot) for snapshot in self.snapshots]
        self.image = image_shape_of(len(self.kernels[0]), image_shape)
        self.limit = max(limit_of(kernel) for kernel in self.kernels)

    def _kernel(self, snapshot: Snapshot) -> Array:
        take(self.model, snapshot)
        return np.asarray(self.layer.kernel.numpy(), float)

    def play(self, director: Director) -> None:
        """Moment by moment."""
        inputs, units = self.kernels[0].shape
        director.title(f"{self.model.name}: the weights of {self.layer.name}")
        what = "each unit as a picture of its inputs" if self.image else "a row per input, a column per unit"
        self._scale(director)
        chart, dots = self._loss()
        director.scene.add(chart)
        director.say(f"{inputs} × {units} weights, {what}.")
        picture, dot = self._picture(self.kernels[0]), dots[0]
        director.show(mn.FadeIn(picture))
        director.read()
        director.say("")
        counter = mn.VGroup()
        for k, snapshot in enumerate(self.snapshots):
            director.scene.remove(picture, dot, counter)
            picture, dot = self._picture(self.kernels[k]), dots[k]
            counter = write(_moment(snapshot), 22, self.colours.text).move_to([0, -2.35, 0])
            director.scene.add(picture, dot, counter)
            director.wait(10 / len(self.snapshots))
        director.wait(2.0)

    def _picture(self, kernel: Array) -> Any:
        """All units side by side, or one matrix."""
        place = np.array([0.0, 0.72, 0.0])
        if self.image is None:
            made: Any = tile(self.colours, kernel, place, 4.2, "value", "param", self.limit).group
            return made
        (height, width), units = self.image, kernel.shape[1]
        columns, cell = _arranged(units, height, width)
        colour_map, norm = scale_of(self.colours, "value", self.limit)
        pictures = mn.VGroup()
        for unit in range(units):
            values = kernel[:, unit].reshape(self.image)
            drawn = raster(np.asarray(colour_map(norm(values)))[..., :3], width * cell, height * cell)
            frame = mn.Rectangle(width=width * cell, height=height * cell, color=self.colours.line, stroke_width=1)
            pictures.add(mn.VGroup(drawn, frame, *self._minus(values, cell)))
        return pictures.arrange_in_grid(cols=columns, buff=cell).move_to(place)

    def _minus(self, values: Array, cell: float) -> list[Any]:
        """A minus in each cell below 0 by more than a fiftieth of the scale, where the cells are large enough."""
        if cell < 0.1:
            return []
        height, width = values.shape
        lines = mn.VMobject(stroke_color=self.colours.page, stroke_width=1.6)
        for row, column in np.argwhere(values < -0.02 * self.limit):
            middle = np.array([(column + 0.5 - width / 2) * cell, (height / 2 - row - 0.5) * cell, 0.0])
            reach = np.array([0.25 * cell, 0.0, 0.0])
            lines.start_new_path(middle - reach)
            lines.add_line_to(middle + reach)
        return [lines]

    def _scale(self, director: Director) -> None:
        """Which colour is which weight."""
        colour_map, norm = scale_of(self.colours, "value", self.limit)
        ramp = np.linspace(-self.limit, self.limit, 41)[None]
        bar = raster(np.asarray(colour_map(norm(ramp)))[..., :3], 2.2, 0.18).move_to([5.1, -2.95, 0])
        ends = [
            write(format_number(value, 2), 15, self.colours.dim).next_to(bar, side, buff=0.1)
            for value, side in ((-self.limit, mn.LEFT), (self.limit, mn.RIGHT))
        ]
        director.scene.add(mn.VGroup(bar, *ends))

    def _loss(self) -> tuple[Any, list[Any]]:
        """The loss over the logarithm of the step, and the dot of each moment."""
        steps = np.log1p([snapshot.step for snapshot in self.snapshots])
        losses = np.array([snapshot.loss for snapshot in self.snapshots])
        known = np.isfinite(losses)
        low, high = (losses[known].min(), losses[known].max()) if known.any() else (0.0, 1.0)
        x = -5.8 + 8.7 * steps / max(steps[-1], 1e-9)
        y = -3.55 + 0.75 * (np.where(known, losses, high) - low) / max(high - low, 1e-9)
        places = np.stack([x, y, 0 * x], axis=1)
        line = mn.VMobject(stroke_color=self.colours.dim, stroke_width=2).set_points_as_corners(places[known])
        names = [
            write("loss", 16, self.colours.dim).move_to([-6.4, -3.2, 0]),
            write("step (logarithmic)", 15, self.colours.dim).move_to([4.3, -3.65, 0]),
        ]
        base = mn.Line([-5.8, -3.65, 0], [2.9, -3.65, 0], color=self.colours.line, stroke_width=1.5)
        dots = [mn.Dot(place, radius=0.08, color=self.colours.text) for place in places]
        return mn.VGroup(line, base, *names), dots
