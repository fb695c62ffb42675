"""OpHook: the one instrument. Timer, NaN guard and recorder watch the same events.

With a hook installed every run of an operation is reported, forward and backward, including the operations that a vjp
calls. Without one the engine pays a single test of an empty tuple.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import Node, Tensor
from glassnet.errors import NonFiniteError

if TYPE_CHECKING:
    from glassnet.autograd.op import Op


class OpHook:
    """Base class; install with `with MyHook() as hook: ...`. Arrays must not be changed or kept without a copy."""

    def before(self, op: Op, inputs: tuple[Any, ...]) -> None:
        """Called before `op.forward` runs on raw arrays."""

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Called after `op.forward`, with outputs and residuals."""

    def on_tape(self, node: Node, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Called after `after` where the run was written on the tape, with the same arrays."""

    def before_vjp(self, node: Node, cotangent: Any) -> None:
        """Called before the vjp of a run on the tape; the operations that it calls are reported in between."""

    def after_vjp(self, node: Node, cotangent: Any, found: tuple[Any, ...]) -> None:
        """Called after the vjp, with the cotangents of the inputs."""

    def __enter__(self) -> Self:
        STATE.hooks = (*STATE.hooks, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        STATE.hooks = tuple(hook for hook in STATE.hooks if hook is not self)


class Timer(OpHook):
    """Seconds and calls per operation and phase.

    >>> import glassnet as gn
    >>> with Timer() as timer:
    ...     y = gn.ops.relu(gn.Tensor([1.0, -1.0]))
    >>> [(row.op, row.phase, row.calls) for row in timer.rows()]
    [('relu', 'forward', 1)]
    """

    class Row:
        """One line of the table."""

        def __init__(self, op: str, phase: str) -> None:
            self.op, self.phase, self.calls, self.seconds = op, phase, 0, 0.0

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Timer.Row] = {}
        self._started: list[float] = []

    def before(self, op: Op, inputs: tuple[Any, ...]) -> None:
        """Start the clock."""
        self._started.append(time.perf_counter())

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Stop the clock."""
        seconds = time.perf_counter() - self._started.pop()
        row = self._rows.setdefault((op.name, STATE.phase), Timer.Row(op.name, STATE.phase))
        row.calls += 1
        row.seconds += seconds

    def rows(self) -> list[Timer.Row]:
        """All rows, the slowest first."""
        return sorted(self._rows.values(), key=lambda row: -row.seconds)


class NanGuard(OpHook):
    """Raises at the first NaN or infinity, naming operation, layer, phase and batch.

    `fit` sets `batch`; a loop of your own may do the same.
    """

    def __init__(self) -> None:
        self.batch: int | None = None

    def after(self, op: Op, inputs: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Check what a forward run returned; of the operations that a vjp calls, only their result: see after_vjp."""
        if STATE.phase != "backward":
            self._check(op, inputs, results[: len(op.outputs)], op.outputs)

    def after_vjp(self, node: Node, cotangent: Any, found: tuple[Any, ...]) -> None:
        """Check the cotangents that a vjp returned."""
        op = node.op
        names = tuple(f"gradient of {name}" for name in op.input_names(len(node.inputs)))
        self._check(op, cotangent if isinstance(cotangent, tuple) else (cotangent,), found, names)

    def _check(self, op: Op, inputs: Any, results: Any, names: tuple[str, ...]) -> None:
        for name, array in zip(names, results, strict=False):
            bad = _first_non_finite(array)
            if bad is None:
                continue
            came_in = any(_first_non_finite(x) is not None for x in inputs)
            batch = "" if self.batch is None else f", batch {self.batch}"
            layer = "/".join(STATE.layers) or "no layer"
            raise NonFiniteError(
                f"{STATE.phase} of {op.name} in {layer}{batch}: {name} is not finite",
                expected="finite numbers",
                received=f"{bad[1]} at index {bad[0]}; its input was {'not finite already' if came_in else 'finite'}",
                fix="look for log(0), division by 0, a learning rate that is too large, or NaN in the data",
            )


def _first_non_finite(array: Any) -> tuple[tuple[int, ...], float] | None:
    data = array.data if isinstance(array, Tensor) else array
    if not isinstance(data, (np.ndarray, np.generic)) or data.dtype.kind != "f" or np.isfinite(data).all():
        return None
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(np.atleast_1d(data)))[0])
    return index, float(np.atleast_1d(data)[index])
