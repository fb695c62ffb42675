r"""L-BFGS: Newton's method whose curvature is read off the last few steps, for full batches.

1. Newton's step -H⁻¹ g leads to the minimum of a quadratic function at once; H, the matrix of second derivatives, is
   too large to keep. Each step s = w' - w and change of gradient y = g' - g tell of it that H s ≈ y.
2. BFGS keeps the inverse that is nearest to the last one and obeys y ↦ s: with ρ = 1 / (s·y),
   H⁻¹' = (1 - ρ s yᵀ) H⁻¹ (1 - ρ y sᵀ) + ρ s sᵀ. It stays positive where s·y > 0, so -H⁻¹ g goes downhill.
3. L-BFGS multiplies g by the last m of these factors, from both sides, without ever forming a matrix: from the newest
   pair back a = ρ s·q, q ← q - a y; then q ← q · (s·y) / (y·y) of the newest; and forth again b = ρ y·q, q ← q + (a - b) s.

Source: Nocedal and Wright (2006), Numerical Optimization, algorithms 7.4 and 7.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from glassnet import ops
from glassnet.autograd.state import STATE, user_line
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError, GradientError
from glassnet.optimizers.memory import Run
from glassnet.optimizers.optimizer import Optimizer

Vector = list[Any]
"""One number per number of the weights: a tensor for each run of neighbouring weights."""


class LBFGS(Optimizer):
    """Newton's method with the curvature of the last steps: for small problems, all samples in every batch.

    `minimize` is the usual way: it searches along each direction for a step that is long enough and goes downhill. In
    `fit`, use batch_size=None: each batch is one step of the length `learning_rate` without a search, as PyTorch's
    LBFGS does with max_iter=1; gradients of differing batches would be taken for curvature.

    Arguments:
        learning_rate: length of a step in units of Newton's; where `minimize` begins to search.
        history_size: pairs of steps and changes of gradient that are remembered.

    >>> import glassnet as gn
    >>> w = gn.Variable([3.0, 3.0])
    >>> loss = lambda: (w[0] - 1.0) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    >>> loss_at_the_end = LBFGS().minimize(loss, [w])
    >>> w.numpy().round(2)
    array([1., 1.], dtype=float32)
    """

    def __init__(self, learning_rate: Any = 1.0, history_size: int = 10, name: str | None = None) -> None:
        super().__init__(learning_rate, name=name)
        if not (isinstance(history_size, int) and history_size >= 1):
            raise ArgumentError(
                "LBFGS: history_size must be a whole number of at least 1", received=f"history_size={history_size}",
                fix="10 is usual; more costs memory: two copies of the weights each",
            )  # fmt: skip
        self.history_size = history_size
        pairs = [f"{kind}{i}" for kind in "sy" for i in range(history_size)]
        self.slots = (*pairs, "step", "gradient")

    def _update(self, gradients: dict[Variable, Any], rate: Any, step: Any, due: Any) -> None:
        runs = self._whole(list(gradients))
        g = _joined(runs, gradients)
        direction = self._direction(runs, g)
        size = sum(ops.sum(ops.abs(part)) for part in g)
        length = ops.where(step == 1, ops.minimum(1.0, 1.0 / size), 1.0)  # the curvature is not known yet
        moves = [towards * length * ops.cast(rate, towards.dtype) for towards in direction]
        _place(runs, [run.weight.value + move for run, move in zip(runs, moves)])
        self._keep(runs, moves, g)
        self.constrain(gradients)

    def _whole(self, variables: list[Variable]) -> list[Run]:
        return self._runs_for(variables, joined=STATE.tracer is None and not STATE.hooks)

    def _keep(self, runs: list[Run], moves: Vector, gradients: Vector) -> None:
        for run, move, gradient in zip(runs, moves, gradients):
            run.slots["step"].assign(move)
            run.slots["gradient"].assign(gradient)

    def _direction(self, runs: list[Run], g: Vector) -> Vector:
        """-H⁻¹ g, after the pair of the last step was remembered."""
        self._remember(runs, g)
        kept = range(self.history_size)
        pairs = [([r.slots[f"s{i}"].value for r in runs], [r.slots[f"y{i}"].value for r in runs]) for i in kept]
        products = [_dot(s, y) for s, y in pairs]  # 0 where there is no pair yet
        q, shares = g, []
        for (s, y), product in zip(reversed(pairs), reversed(products)):
            shares.append(_ratio(_dot(s, q), product))
            q = _sum(q, y, -shares[-1])
        newest = pairs[-1][1]
        scale = ops.where(products[-1] > 0, _ratio(products[-1], _dot(newest, newest)), 1.0)
        q = [part * scale for part in q]
        for (s, y), product, share in zip(pairs, products, reversed(shares)):
            q = _sum(q, s, share - _ratio(_dot(y, q), product))
        return [-part for part in q]

    def _remember(self, runs: list[Run], g: Vector) -> None:
        """Move the pairs up by one and put the last step behind them, if the slope along it has risen."""
        s = [run.slots["step"].value for run in runs]
        y = [part - run.slots["gradient"].value for run, part in zip(runs, g)]
        curved = _dot(s, y) > 1e-10
        for kind, newest in (("s", s), ("y", y)):
            for run, last in zip(runs, newest):
                places = [run.slots[f"{kind}{i}"] for i in range(self.history_size)]
                for place, value in zip(places, [*[place.value for place in places[1:]], last]):
                    place.assign(ops.where(curved, value, place.value))

    # ------------------------------------------------------------ a loop of its own
    def minimize(
        self, loss: Callable[[], Any], var_list: Iterable[Variable], max_iter: int = 100, tolerance: float = 1e-6
    ) -> float:
        """Minimize a function of variables; returns the last value.

        Arguments:
            loss: computes the loss, a scalar Tensor, from the present values; called at least once per iteration.
            max_iter: the most iterations.
            tolerance: stop where no entry of the gradient is larger.
        """
        runs = self._whole(list(var_list))
        value, g = _evaluated(loss, runs)
        for _ in range(max_iter):
            if max(float(ops.max(ops.abs(part))) for part in g) <= tolerance:
                break
            direction = self._direction(runs, g)
            length, lower, slopes = self._search(loss, runs, value, g, direction)
            if not length:
                break  # rounding hides any further descent
            self._keep(runs, [part * length for part in direction], g)
            value, g = lower, slopes
            self._iterations.assign(self._iterations.value + 1)
        return value

    def _search(
        self, loss: Callable[[], Any], runs: list[Run], value: float, g: Vector, direction: Vector
    ) -> tuple[float, float, Vector]:
        """A length along the direction with its loss and gradients; 0 where there is none.

        Long enough: the slope has flattened to 0.9 of what it was; downhill enough: by 1e-4 of what the first slope
        promised (Wolfe's conditions). Lengths are halved between one too short and one too long, doubled before.
        """
        start = [run.weight.numpy() for run in runs]
        slope = float(_dot(direction, g))
        low, high, length = 0.0, math.inf, self.current_rate()
        for _ in range(40):
            _place(runs, _sum(start, direction, length))
            found, slopes = _evaluated(loss, runs)
            if not found <= value + 1e-4 * length * slope:
                high = length
            elif float(_dot(direction, slopes)) < 0.9 * slope:
                low = length
            else:
                return length, found, slopes
            length = (low + high) / 2 if high < math.inf else 2 * length
        _place(runs, start)
        return 0.0, value, g

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        return {"name": self.name, "learning_rate": config["learning_rate"], "history_size": self.history_size}


def _dot(a: Vector, b: Vector) -> Any:
    return sum(ops.sum(x * y) for x, y in zip(a, b))


def _sum(a: Vector, b: Vector, factor: Any) -> Vector:
    """The vector a + factor b."""
    return [x + y * factor for x, y in zip(a, b)]


def _ratio(a: Any, b: Any) -> Any:
    """The quotient a / b, and 0 for b = 0."""
    return ops.where(b == 0, 0.0, a / ops.where(b == 0, 1.0, b))


def _joined(runs: list[Run], gradients: dict[Variable, Any]) -> Vector:
    """The gradients in the layout of the runs."""
    parts = [[gradients[v] for v in run.variables] for run in runs]
    return [p[0] if len(p) == 1 else ops.concatenate([ops.reshape(g, (-1,)) for g in p]) for p in parts]


def _place(runs: list[Run], values: Vector) -> None:
    """Give all weights new values."""
    for run, value in zip(runs, values):
        run.weight.assign(value)
        if STATE.tracer is None:
            run.touch(user_line())


def _evaluated(loss: Callable[[], Any], runs: list[Run]) -> tuple[float, Vector]:
    """The loss and its gradients."""
    variables = [v for run in runs for v in run.variables]
    for variable in variables:
        variable.zero_grad()
    value = loss()
    if not isinstance(value, Tensor):
        raise GradientError(
            "LBFGS.minimize: the loss is not a Tensor", expected="a function that computes the loss with gn.ops",
            received=repr(value), fix="return the loss itself, not float(loss)",
        )  # fmt: skip
    value.backward()
    return float(value), _joined(runs, {v: ops.zeros_like(v.value) if v.grad is None else v.grad for v in variables})
