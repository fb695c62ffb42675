"""Where an optimizer's numbers lie: parameters in blocks, gradients and slots beside them in the same layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd.state import CLOCK
from glassnet.autograd.variable import Variable
from glassnet.typing import Array


class Block:
    """Variables side by side in one array."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.array: Array = np.concatenate([v.array.reshape(-1) for v in variables])
        self.places: dict[Variable, slice] = {}
        start = 0
        for variable in variables:
            place = self.places[variable] = slice(start, start + variable.size)
            variable.move_to(self.array[place].reshape(variable.shape))
            variable.block = self
            start = place.stop

    def follows(self, a: Variable, b: Variable) -> bool:
        """Whether b lies directly behind a."""
        return a.block is b.block is self and self.places[a].stop == self.places[b].start


@dataclass
class Companions:
    """What one optimizer keeps beside a block: arrays of the block's layout."""

    slots: dict[str, Array]
    gradients: Array

    def slots_of(self, place: slice, shape: tuple[int, ...], path: str) -> dict[str, Variable]:
        """The slots beside a part of the block, as Variables."""
        return {name: view(slot[place].reshape(shape), f"{name}/{path}") for name, slot in self.slots.items()}


class Run:
    """Neighbouring variables of a block that are updated as one flat array.

    Arguments:
        slots: those of the variable, where it is alone.
    """

    def __init__(self, variables: list[Variable], companions: Companions, slots: dict[str, Variable]) -> None:
        block: Block = variables[0].block
        place = slice(block.places[variables[0]].start, block.places[variables[-1]].stop)
        self.variables, self.gradients = variables, companions.gradients[place]
        if len(variables) == 1:
            self.weight, self.slots = variables[0], slots
            return
        path = f"{variables[0].path}..{variables[-1].path}"
        self.weight = view(block.array[place], path)
        self.slots = companions.slots_of(place, self.weight.shape, path)

    def gradient(self, gradients: dict[Variable, Any]) -> Any:
        """The gradients of its variables as one array of the run's shape."""
        parts = [gradients[v] for v in self.variables]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([g.data.reshape(-1) for g in parts], out=self.gradients)

    def updated(self) -> list[Variable]:
        """What an update changes: weights and slots, not the gradients that wait for it."""
        return [self.weight, *[slot for name, slot in self.slots.items() if name != "accumulator"]]

    def touch(self, line: str) -> None:
        """Note that all its variables were written."""
        now = CLOCK.tick()
        for variable in self.variables:
            variable.leaf.changed_at, variable.leaf.changed_line = now, line


def view(array: Array, path: str) -> Variable:
    """A Variable around memory that others own."""
    variable = Variable(array, trainable=False, name=path)
    variable.move_to(array)
    return variable
