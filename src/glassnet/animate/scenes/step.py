"""One training step, from a trace: forward from the input to the loss, and backward from the loss to the weights."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from glassnet.animate.scenes.engine import mn
from glassnet.animate.scenes.mobjects import Tile, arrow, tile, write
from glassnet.animate.scenes.story import Director, Story
from glassnet.autograd.worked import format_number
from glassnet.explain.trace import Trace, TracedOp, TraceStep
from glassnet.plot.sheet import grouped
from glassnet.plot.stages import Stage, stages_of, subscripted
from glassnet.typing import Array

_FEW_SOURCES = 6
"""The cells that a number came from are outlined where there are so few."""
_LONGEST = 64
"""A sum of more characters shows fewer of its terms."""


class _Step(Story):
    """What forward and backward have in common: the stages in a row."""

    def __init__(self, trace: Trace, theme: str = "dark", pace: float = 1.0) -> None:
        super().__init__(theme, pace)
        self.trace, self.stages = trace, stages_of(trace, f"animate.scenes.{type(self).__name__}")
        self.pitch = min(2.3, 13.5 / len(self.stages))

    def across(self, k: float) -> float:
        """The middle of stage k, in units from the middle of the screen."""
        return (k - (len(self.stages) - 1) / 2) * self.pitch

    def value_tile(self, stage: Stage, k: int, y: float, side: float) -> Tile:
        """The values of a stage."""
        return tile(self.colours, stage.value, np.array([self.across(k), y, 0]), side, stage.kind, stage.role)

    def named(self, stage: Stage, place: Tile) -> Any:
        """The name of a stage above its tile."""
        text = write(stage.title, 20, self.colours.text, bold=True, most=0.94 * self.pitch)
        return text.next_to(place.slot, mn.UP, buff=0.14).align_to(place.slot.get_top() + 0.36 * mn.UP, mn.UP)

    @property
    def samples(self) -> str:
        """Which samples are seen."""
        count, first = self.trace.facts["samples"], self.stages[0]
        if first.value.shape == first.shape:
            return "" if count == 1 else f"a row for each of {count} samples"
        return f"the first of {grouped(count)} samples"


class ForwardPass(_Step):
    """How a network turns an input into its answer: the values of each layer, and how their largest was computed.

    Arguments:
        trace: what `gn.trace(model, x, y)` returns; one sample, or up to 8 of few numbers, are seen best.
        pace: seconds are multiplied by it: 2 is half as fast.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1)])
    >>> video = ForwardPass(gn.trace(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse"), pace=1.5)
    >>> [stage.symbol for stage in video.stages]
    ['x', 'z₁', 'a₁', 'ŷ', 'L']
    """

    def play(self, director: Director) -> None:
        """From the input to the loss."""
        director.title(" · ".join(filter(None, [f"{self.trace.facts['model']}: forward", self.samples])))
        before: Tile | None = None
        for k, stage in enumerate(self.stages):
            side = min(1.5, 0.64 * self.pitch)
            place = self.value_tile(stage, k, -0.15, side)
            shape = "×".join(map(str, stage.shape))
            texts = mn.VGroup(self.named(stage, place), director.caption_of(place, stage.symbol, shape))
            if before is None:
                director.say("The input.")
                director.show(mn.FadeIn(place.group), mn.FadeIn(texts))
                director.wait(0.5)
            else:
                self._through(director, k, before, place, texts)
            before = place
        director.wait(1.5)

    def _through(self, director: Director, k: int, before: Tile, place: Tile, texts: Any) -> None:
        """From one stage to the next: arrow and weights, the result, and where its largest number came from."""
        stage = self.stages[k]
        weights = self._weights(stage, k)
        way = arrow(before.frame.get_right(), place.frame.get_left(), self.colours)
        director.say(*self._words(stage))
        director.show(mn.Create(way), *[mn.FadeIn(part) for _, part in weights.values()])
        director.show(mn.FadeIn(place.group, shift=0.4 * mn.RIGHT), mn.FadeIn(texts))
        boxes = self._outlines(stage, before, place, {ref: part for ref, (part, _) in weights.items()})
        director.show(*[mn.Create(box) for box in boxes], seconds=0.6)
        director.read()
        director.show(*[mn.FadeOut(box) for box in boxes], seconds=0.3)

    def _weights(self, stage: Stage, k: int) -> dict[str, tuple[Tile, Any]]:
        """The parameters above the arrow, kernel over bias, each with its symbol; by the name of the tensor."""
        found, y = {}, 2.3
        side = min(1.2, 0.55 * self.pitch)
        for weight in stage.weights[:2]:
            flat = weight.array if weight.array.ndim > 1 else weight.array[None]
            centre = np.array([self.across(k - 0.5), y, 0.0])
            place = tile(self.colours, flat, centre, side, "value", "param")
            symbol = write(subscripted(weight.symbol), 17, self.colours.text).next_to(place.group, mn.LEFT, buff=0.08)
            found[weight.ref] = (place, mn.Group(place.group, symbol))
            y -= side * 0.65 + 0.12
        return found

    def _words(self, stage: Stage) -> tuple[str, ...]:
        """What happens, and the largest number worked out."""
        if stage.op is None:
            return (_step_of(self.trace, "loss").words, *self._loss_line(stage))
        worked = _worked(self.trace, stage.op, _largest(stage.value))
        return (stage.op.words, *([worked] if worked else []))

    def _loss_line(self, stage: Stage) -> list[str]:
        answers = next(t.array for t in self.trace.tensors if t.role == "target")
        truth = f"y = {format_number(answers.ravel()[0])}   " if answers.size == 1 else ""
        return [f"{truth}{stage.symbol} = {format_number(float(stage.value))}"]

    def _outlines(self, stage: Stage, before: Tile, place: Tile, weights: dict[str, Tile]) -> list[Any]:
        """Boxes around the largest number of a stage and around the few that it came from."""
        if stage.op is None:
            return [place.outline(0, self.colours.text)]
        cell = _largest(stage.value)
        worked = self.trace.work(stage.op, cell)
        boxes = [place.outline(_flat(cell, stage.shape), self.colours.text)]
        sources = [] if worked is None or len(worked.sources) > _FEW_SOURCES else worked.sources
        tensors = dict(zip(stage.op.inputs, stage.op.reads))
        for name, source in sources:
            tensor = self.trace.tensors[tensors[name]]
            where = weights.get(tensor.ref, None if tensor.role == "param" else before)
            if where is not None:
                boxes.append(where.outline(_flat(source, tensor.array.shape), self.colours.text))
        return boxes


class BackwardPass(_Step):
    """How the error flows back: the gradient of each stage from right to left, those of the weights, the loss after it.

    Arguments:
        trace: what `gn.trace(model, x, y)` returns; one sample, or up to 8 of few numbers, are seen best.
        pace: seconds are multiplied by it: 2 is half as fast.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    >>> video = BackwardPass(gn.trace(model, np.ones((1, 2)), np.ones((1, 1)), loss="mse"), theme="light")
    >>> [stage.symbol for stage in video.stages if stage.gradient is not None]
    ['ŷ', 'L']
    """

    def play(self, director: Director) -> None:
        """From the loss back to the first weights."""
        director.title(" · ".join(filter(None, [f"{self.trace.facts['model']}: backward", self.samples])))
        side = min(1.3, 0.58 * self.pitch)
        tiles = [self.value_tile(stage, k, 2.0, side) for k, stage in enumerate(self.stages)]
        arrows = [arrow(a.frame.get_right(), b.frame.get_left(), self.colours) for a, b in itertools.pairwise(tiles)]
        names = [self.named(stage, place) for stage, place in zip(self.stages, tiles)]
        shelf = mn.Rectangle(width=14.0, height=3.15, stroke_width=0, fill_color=self.colours.text, fill_opacity=0.05)
        shelf.move_to([0, -0.39, 0])
        signs = write(
            "gradient: purple, raising the number raises the loss · green, it lowers it", 15, self.colours.dim
        )
        signs.move_to(shelf.get_corner(mn.UL) + np.array([0.15, -0.2, 0]), aligned_edge=mn.LEFT)
        director.say("The values of the forward pass.")
        director.show(*[mn.FadeIn(part.group) for part in tiles], *[mn.FadeIn(part) for part in [*arrows, *names]])
        director.show(mn.FadeIn(shelf), mn.FadeIn(signs))
        self._shelf(director, 0.95 * side)
        self._after(director, tiles[-1], side)

    def _shelf(self, director: Director, side: float) -> None:
        """Fills the shelf from right to left."""
        last = len(self.stages) - 1
        director.say("It begins at the end: when the loss rises by 1, the loss rises by 1.", "∂L/∂L = 1")
        right = self._gradient(director, self.stages[last], last, side, None)
        director.read()
        for step in self.trace.steps:
            if step.phase != "backward":
                continue
            for k in range(last - 1, -1, -1):
                if self._writes(step, self.stages[k].tensor.grad):
                    director.say(step.words, *self._lines(step, self.stages[k].tensor.grad, self.stages[k].gradient))
                    right = self._gradient(director, self.stages[k], k, side, right)
                    director.read()
            for k, stage in enumerate(self.stages):
                if any(self._writes(step, weight.grad) for weight in stage.weights):
                    self._weight_gradient(director, step, stage, k, side)

    def _writes(self, step: TraceStep, tensor: int | None) -> bool:
        return tensor is not None and tensor in step.writes

    def _gradient(self, director: Director, stage: Stage, k: int, side: float, right: Tile | None) -> Tile:
        """The gradient of a stage comes from the right."""
        assert stage.gradient is not None
        centre = np.array([self.across(k), -0.02, 0.0])
        place = tile(self.colours, stage.gradient, centre, side, "gradient", "grad")
        symbol = director.caption_of(place, f"∂L/∂{stage.symbol}")
        if right is not None:
            way = arrow(right.frame.get_left(), place.frame.get_right(), self.colours, dashed=True)
            director.show(mn.Create(way))
        director.show(mn.FadeIn(place.group, shift=0.4 * mn.LEFT), mn.FadeIn(symbol))
        return place

    def _weight_gradient(self, director: Director, step: TraceStep, stage: Stage, k: int, side: float) -> None:
        """The gradient of a layer's kernel, below and between the stages that it joins."""
        weight = next(weight for weight in stage.weights if self._writes(step, weight.grad))
        assert weight.grad is not None
        values = np.asarray(self.trace.tensors[weight.grad].array, float)
        centre = np.array([self.across(k - 0.5), -1.42, 0.0])
        place = tile(self.colours, np.atleast_2d(values), centre, 0.82 * side, "gradient", "grad")
        symbol = write(f"∂L/∂{subscripted(weight.symbol)}", 18, self.colours.text)
        symbol.next_to(place.group, mn.LEFT, buff=0.1)
        director.say(
            f"And the gradient of {subscripted(weight.symbol)}: what came in, times the error.",
            *self._lines(step, weight.grad, values),
        )
        director.show(mn.FadeIn(place.group, shift=0.3 * mn.DOWN), mn.FadeIn(symbol))
        director.read()

    def _lines(self, step: TraceStep, tensor: int | None, shown: Array | None) -> list[str]:
        """The largest number of a gradient worked out, after the numbers of the same step that it is made of."""
        assert tensor is not None
        assert shown is not None
        cell = _largest(shown)
        writers = {number: self.trace.ops[op] for op in step.ops for number in self.trace.ops[op].writes}
        writer = writers.get(tensor)
        parts = [] if writer is None else [writers[k] for k in writer.reads if k in writers and k != tensor]
        parts = [op for op in parts if op.name not in ("transpose", "reshape", "broadcast_to", "divide", "cast")]
        same = [
            op for op in parts if self.trace.tensors[op.writes[0]].array.shape == self.trace.tensors[tensor].array.shape
        ]
        lines = [_worked(self.trace, op, cell) for op in [*same[-1:], *([] if writer is None else [writer])]]
        return [line for line in lines if line]

    def _after(self, director: Director, loss: Tile, side: float) -> None:
        """The update, and the loss of the same samples after it."""
        before, after = (format_number(self.trace.facts[name]) for name in ("loss_before", "loss_after"))
        director.say(_step_of(self.trace, "update").words, f"loss on the same samples: {before}  →  {after}")
        value = np.array(self.trace.facts["loss_after"])
        new = tile(self.colours, value, loss.frame.get_center(), side, "value", "loss")
        director.show(mn.FadeOut(loss.group), mn.FadeIn(new.group))
        director.read()
        director.wait(1.5)


def _step_of(trace: Trace, phase: str) -> TraceStep:
    return next(step for step in trace.steps if step.phase == phase)


def _largest(shown: Array) -> tuple[int, ...]:
    """The place of the largest number."""
    sizes = np.where(np.isfinite(shown), np.abs(shown), -1.0)
    return tuple(int(k) for k in np.unravel_index(int(sizes.argmax()), shown.shape))


def _flat(cell: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(cell, shape)) if shape else 0


def _worked(trace: Trace, op: TracedOp, cell: tuple[int, ...]) -> str:
    """One cell with its numbers: z₁[0,1] = 0·1.2 + 0.3 = 0.3."""
    tries = (trace.work(op, cell, terms=terms) for terms in (4, 3, 2))
    worked = next(
        (found for found in tries if found is None or len(found.text) <= _LONGEST), trace.work(op, cell, terms=1)
    )
    if worked is None:
        return ""
    written = trace.tensors[op.writes[0]]
    symbol = subscripted(written.symbol)
    where = f"[{','.join(map(str, cell))}]" if cell and " " not in symbol else ""
    value = format_number(float(written.array[cell]))
    return f"{symbol}{where} = {worked.text}" + ("" if worked.text.strip("()") == value else f" = {value}")
