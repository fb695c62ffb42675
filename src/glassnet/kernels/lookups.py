"""Indices that stand in arrays: `y[j] = x[i[j]]`. Which of them must be looked at before a step, so that none is refused.

NumPy refuses an index that leaves its axis. A kernel cannot: it keeps every index inside. So an op is compiled only where
its indices come from the data, from a variable that the step leaves alone (both are looked at before each step) or from
an op that gives no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from glassnet.autograd.rules import Read
from glassnet.graph.ir import Call, Graph
from glassnet.kernels.nest import Nest, NotCompiled, value_of
from glassnet.ops.elementwise import Cast
from glassnet.ops.indexing import Argsort, FlatIndex, TopK
from glassnet.ops.loss import SparseSoftmaxCrossentropy
from glassnet.ops.reduction import Argmax
from glassnet.typing import Array, DType


@dataclass(frozen=True)
class Lookup:
    """Numbers of an array that are used as indices: cast to these types in turn, they must lie in low..high-1."""

    source: int
    types: tuple[DType, ...]
    low: int
    high: int

    def accepts(self, array: Array) -> bool:
        """Whether all numbers lie there."""
        with np.errstate(invalid="ignore"):  # what is no number becomes the lowest index, and that is none
            for dtype in self.types:
                array = array.astype(dtype)
        return not array.size or bool(array.min() >= self.low and array.max() < self.high)


class Lookups:
    """Finds out where the indices of calls come from."""

    def __init__(self, graph: Graph) -> None:
        self.specs, self.constants = [value.spec for value in graph.values], {n: array for array, n in graph.constants}
        self.makers = {result: call for call in graph.calls for result in call.results}
        assigned = {id(variable) for variable, _ in graph.assigns}
        self.known = {*graph.inputs, *(number for v, number in graph.variables if id(v) not in assigned)}
        """What does not change while steps run."""

    def of(self, call: Call, nests: Iterable[Nest], shape: Callable[[int], tuple[int, ...]]) -> Iterator[Lookup]:
        """What must be looked at before the nests of a call may run; raises where that is not enough.

        An index that is computed from a number, as the winner of a window is, NumPy does not refuse either.
        """
        is_label = isinstance(call.op, SparseSoftmaxCrossentropy)  # a position may count from the end
        for read in (read for nest in nests for read in nest.reads()):
            for index, size in zip(read.indices, shape(value_of(read))):
                if isinstance(index, Read):
                    lookup = Lookup(*self._source(value_of(index)), 0 if is_label else -size, size)
                    if lookup.source in self.known:
                        yield lookup
                    elif not self._is_safe(lookup):
                        raise NotCompiled("its indices are known only while the step runs")

    def _source(self, value: int) -> tuple[int, tuple[DType, ...]]:
        """The value whose numbers another one shows, and the types that they are cast to on the way."""
        types: list[DType] = []
        while value in self.makers and (isinstance(op := self.makers[value].op, Cast) or op.kind == "view"):
            types[:0] = [np.dtype(op.to)] if isinstance(op, Cast) else []
            value = self.makers[value].inputs[0]
        return value, tuple(types)

    def _is_safe(self, lookup: Lookup) -> bool:
        """Whether nobody needs to look: at a constant, or at what an op gives from 0 to a known number."""
        if lookup.source in self.constants:
            return lookup.accepts(self.constants[lookup.source])
        maker = self.makers.get(lookup.source)
        if maker is None or lookup.source != maker.results[-1] or any(dtype.kind == "f" for dtype in lookup.types):
            return False
        match maker.op:
            case Argmax(axis=axis) | Argsort(axis=axis):
                count = self.specs[maker.inputs[0]].shape[axis]
            case TopK():
                count = self.specs[maker.inputs[0]].shape[-1]
            case FlatIndex(sizes=sizes) if None not in sizes:
                count = math.prod(size or 0 for size in sizes)
            case _:
                return False
        return (count or 0) <= lookup.high
