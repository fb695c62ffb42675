r"""Optimizers: how gradients become new weights. The formulas stand in `ops/optimization.py`.

`build` packs all parameters into one block of memory, and gradients and slots into blocks of the same layout, so that
an element-wise rule runs over long contiguous runs instead of weight by weight. What already lies in a block stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from glassnet import ops, schedules
from glassnet.autograd.functional import no_grad
from glassnet.autograd.op import Op, apply, feed
from glassnet.autograd.state import CLOCK, STATE, phase, user_line
from glassnet.autograd.tensor import Tensor, as_tensor
from glassnet.autograd.variable import Variable
from glassnet.config import floatx
from glassnet.errors import ArgumentError, GradientError, SavingError
from glassnet.ops.optimization import AdamUpdate, MomentumUpdate, SgdUpdate
from glassnet.registry import Registry, snake_case
from glassnet.typing import Array

__all__ = ["SGD", "Adam", "Optimizer", "deserialize", "get", "serialize"]


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


class Run:
    """Neighbouring variables of a block that are updated as one flat array; `slots` lie alongside."""

    def __init__(self, variables: list[Variable], slots: dict[str, Array], gradients: Array) -> None:
        block: Block = variables[0].block
        self.variables = variables
        self.place = slice(block.places[variables[0]].start, block.places[variables[-1]].stop)
        alone = len(variables) == 1  # keeps its shape: constraints and norms may follow
        self.weight = variables[0] if alone else _view(block.array[self.place], variables)
        shape = self.weight.shape
        self.slots = [_view(slot[self.place].reshape(shape), variables) for slot in slots.values()]
        self.gradients = gradients[self.place]

    def gradient(self, gradients: dict[Variable, Any]) -> Any:
        """The gradients of its variables as one array of the run's shape."""
        parts = [gradients[v] for v in self.variables]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([g.data.reshape(-1) for g in parts], out=self.gradients)

    def touch(self, line: str) -> None:
        """Note that all its variables were written."""
        now = CLOCK.tick()
        for variable in self.variables:
            variable.leaf.changed_at, variable.leaf.changed_line = now, line


def _view(array: Array, variables: list[Variable]) -> Variable:
    """A Variable around memory that others own."""
    path = variables[0].path if len(variables) == 1 else f"{variables[0].path}..{variables[-1].path}"
    view = Variable(array, trainable=False, name=path)
    view.move_to(array)
    return view


class Optimizer:
    """Base of all optimizers. A subclass names its `slots` and defines `update_run`.

    Arguments:
        learning_rate: a number or a schedule from `gn.optimizers.schedules`.
        weight_decay: share of the learning rate by which weights shrink per step (decoupled decay).
        clipnorm: longest gradient of a single variable.
        clipvalue: largest entry of a gradient.
        global_clipnorm: longest gradient of all variables together.
    """

    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        self.name = name or snake_case(type(self).__name__)
        given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        for label, value in given.items():
            if value is not None and not value > 0:
                raise ArgumentError(f"{type(self).__name__}: {label} must be positive", received=f"{label}={value}")
        if sum(value is not None for value in given.values()) > 1:
            raise ArgumentError(f"{type(self).__name__}: only one clipping may be set", received=given)
        if weight_decay is not None and weight_decay < 0:
            raise ArgumentError(f"{type(self).__name__}: weight_decay must be >= 0", received=weight_decay)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, *given.values()
        self.iterations = Variable(np.zeros((), "int64"), trainable=False, name="iterations")
        self._schedule: Any = None
        self._rate = Variable(np.zeros((), "float64"), trainable=False, name="learning_rate")
        self.learning_rate = learning_rate
        self.built = False
        self._variables: list[Variable] = []
        self._runs: dict[tuple[int, ...], list[Run]] = {}
        self._memory: dict[Block, tuple[dict[str, Array], Array]] = {}

    # ------------------------------------------------------------ learning rate
    @property
    def learning_rate(self) -> Any:
        """The rate of the next step; assign a number or a schedule at any time."""
        return self._rate if self._schedule is None else as_tensor(np.float32(self.current_rate()))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, (Tensor, Variable)):
            self._schedule = value
            return
        rate = float(value)
        if not (np.isfinite(rate) and rate >= 0):
            raise ArgumentError(f"{type(self).__name__}: learning_rate must be a number >= 0", received=value)
        self._schedule = None
        self._rate.assign(np.asarray(rate))

    def current_rate(self) -> float:
        """The learning rate of the next step as a number."""
        if self._schedule is None:
            return float(self._rate.array)
        return float(self._schedule(int(self.iterations.array)))

    # ------------------------------------------------------------ memory
    @property
    def variables(self) -> list[Variable]:
        """Counter, learning rate and slots of the runs."""
        runs = [run for runs in self._runs.values() for run in runs]
        return [self.iterations, self._rate, *[slot for run in runs for slot in run.slots]]

    def build(self, variables: Iterable[Variable]) -> None:
        """Pack the variables into blocks and allocate gradients and slots beside them."""
        self._variables = list(variables)
        loose: dict[Any, list[Variable]] = {}
        for variable in self._variables:
            if variable.block is None:
                loose.setdefault(variable.dtype, []).append(variable)
        for group in loose.values():
            Block(group)
        for block in {id(v.block): v.block for v in self._variables}.values():
            if block not in self._memory:
                slots = {name: self.initial_slot(name, block.array) for name in self.slots}
                self._memory[block] = slots, np.empty_like(block.array)
        self.built = True

    def initial_slot(self, name: str, block: Array) -> Array:
        """The first content of a slot: zeros."""
        return np.zeros_like(block)

    def _runs_for(self, variables: Sequence[Variable]) -> list[Run]:
        # a trace and a recorder follow single variables, so that a weight read after its update is the new one
        separate = STATE.tracer is not None or bool(STATE.hooks)
        key = (separate, *[id(v) for v in variables])
        if key not in self._runs:
            if not self.built or any(v.block not in self._memory for v in variables):
                self.build(variables)
            groups: list[list[Variable]] = []
            for variable in sorted(variables, key=lambda v: (id(v.block), v.block.places[v].start)):
                last = groups[-1][-1] if groups else None
                joins = (
                    not separate
                    and last is not None
                    and last.block is variable.block
                    and last.block.places[last].stop == variable.block.places[variable].start
                    and last.constraint is None
                    and variable.constraint is None
                )
                groups[-1].append(variable) if joins else groups.append([variable])
            self._runs[key] = [Run(group, *self._memory[group[0].block]) for group in groups]
        return self._runs[key]

    # ------------------------------------------------------------ a step
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update the variables from their gradients.

        Arguments:
            grads: one gradient per variable.
            trainable_variables: those given to `build` by default.
        """
        variables = self._variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables):
            raise GradientError(f"{self.name}: one gradient per variable", expected=len(variables), received=len(grads))
        with phase("update"), no_grad():
            given = {v: as_tensor(g) for v, g in zip(variables, grads) if g is not None}
            if not given:
                raise GradientError(
                    f"{self.name}: no variable has a gradient",
                    fix="is the loss computed from the model's output, and is anything trainable?",
                )
            gradients = self._clipped(given)
            rate = feed(self.current_rate, (), floatx())
            step = self.iterations.value + 1
            line = "" if STATE.tracer is not None else user_line()
            for run in self._runs_for(list(gradients)):
                self.update_run(run, run.gradient(gradients), rate, step)
                if STATE.tracer is None:
                    run.touch(line)
            self.iterations.assign(step)
            for variable in gradients:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """`apply` with pairs of (gradient, variable)."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def update_run(self, run: Run, gradient: Any, rate: Any, step: Any) -> None:
        """Change `run.weight` and `run.slots` by one step; subclasses call `assign_results`."""
        raise ArgumentError(f"{type(self).__name__} must define update_run(self, run, gradient, rate, step)")

    def _clipped(self, gradients: dict[Variable, Any]) -> dict[Variable, Any]:
        if self.clipvalue is not None:
            return {v: ops.clip(g, -self.clipvalue, self.clipvalue) for v, g in gradients.items()}
        if self.clipnorm is not None:
            return {v: _shortened(g, ops.sqrt(ops.sum(g * g)), self.clipnorm) for v, g in gradients.items()}
        if self.global_clipnorm is not None:
            squares = [ops.sum(g * g) for g in gradients.values()]
            norm = ops.sqrt(sum(squares[1:], squares[0]))
            return {v: _shortened(g, norm, self.global_clipnorm) for v, g in gradients.items()}
        return gradients

    # ------------------------------------------------------------ state
    def state(self) -> dict[str, Array]:
        """Everything that the next step depends on, by name: counter, rate, and each slot of each variable."""
        found = {"iterations": self.iterations.numpy(), "learning_rate": self._rate.numpy()}
        for variable in self._variables:
            for name, slot in self._memory[variable.block][0].items():
                found[f"{name}/{variable.path}"] = slot[variable.block.places[variable]].reshape(variable.shape).copy()
        return found

    def load_state(self, state: dict[str, Array]) -> None:
        """Restore what `state` returned; the variables must be built."""
        own = self.state()
        if set(own) != set(state):
            missing, extra = sorted(set(own) - set(state)), sorted(set(state) - set(own))
            raise SavingError(f"{self.name}: the saved optimizer does not fit", expected=f"also {missing}", received=f"also {extra}")
        self.iterations.assign(state["iterations"])
        self._rate.assign(state["learning_rate"])
        for variable in self._variables:
            for name, slot in self._memory[variable.block][0].items():
                slot[variable.block.places[variable]] = state[f"{name}/{variable.path}"].reshape(-1)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        rate = schedules.serialize(self._schedule) if self._schedule is not None else float(self._rate.array)
        return {
            "name": self.name, "learning_rate": rate, "weight_decay": self.weight_decay, "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue, "global_clipnorm": self.global_clipnorm,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An optimizer from `get_config`."""
        rate = config.get("learning_rate")
        return cls(**{**config, "learning_rate": schedules.deserialize(rate) if isinstance(rate, dict) else rate})

    @property
    def decay(self) -> float:
        """Weight decay as a number."""
        return float(self.weight_decay or 0.0)


def _shortened(gradient: Any, norm: Any, longest: float) -> Any:
    """The gradient scaled down to `longest` where it is longer."""
    return gradient * (longest / ops.maximum(norm, longest))


def assign_results(op: Op, targets: Sequence[Variable], *inputs: Any) -> None:
    """Run an update rule into its targets: in place when eager, as assignments of the plan when traced."""
    if STATE.tracer is None and not STATE.hooks:
        out = tuple(target.array for target in targets)
        raw = [x if isinstance(x, np.ndarray) else as_tensor(x).data for x in inputs]
        op.forward(np, *raw, out=out if len(out) > 1 else out[0])
        return
    results = apply(op, *inputs)
    for target, result in zip(targets, results if isinstance(results, tuple) else (results,)):
        target.assign(result)


class SGD(Optimizer):
    """Gradient descent, with momentum where asked for.

    Arguments:
        momentum: 0 <= μ < 1, the share of the last step that is kept.
        nesterov: look ahead along the velocity.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> SGD(0.1).apply([[2.0]], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    def __init__(
        self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, weight_decay: float | None = None,
        clipnorm: float | None = None, clipvalue: float | None = None, global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        if not 0 <= momentum < 1:
            raise ArgumentError("SGD: momentum must be in [0, 1)", received=f"momentum={momentum}")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
        self.slots = ("momentum",) if self.momentum else ()  # type: ignore[misc]  # the slots depend on the setting

    def update_run(self, run: Run, gradient: Any, rate: Any, step: Any) -> None:
        """One step on a run."""
        if not self.momentum:
            assign_results(SgdUpdate(self.decay), [run.weight], run.weight.value, gradient, rate)
            return
        op = MomentumUpdate(self.momentum, self.nesterov, self.decay)
        (velocity,) = run.slots
        assign_results(op, [run.weight, velocity], run.weight.value, gradient, velocity.value, rate)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class Adam(Optimizer):
    """Steps of about the learning rate for every weight, whatever the scale of its gradient.

    Arguments:
        beta_1, beta_2: how much of the running means of gradient and squared gradient is kept.
        epsilon: keeps the division finite.

    >>> import glassnet as gn
    >>> w = gn.Variable([1.0])
    >>> Adam(0.1).apply([[2.0]], [w])
    >>> w.numpy()
    array([0.9], dtype=float32)
    """

    slots = ("m", "v")

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
        weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        for label, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise ArgumentError(f"{type(self).__name__}: {label} must be in [0, 1)", received=f"{label}={value}")
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)

    def update_run(self, run: Run, gradient: Any, rate: Any, step: Any) -> None:
        """One step on a run."""
        m, v = run.slots
        op = AdamUpdate(self.beta_1, self.beta_2, self.epsilon, self.decay)
        assign_results(op, [run.weight, m, v], run.weight.value, gradient, m.value, v.value, rate, step)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


_registry: Registry[Optimizer] = Registry("optimizer", Optimizer)
_registry.add(SGD, Adam)


def get(identifier: Any) -> Any:
    """An optimizer from a name, a config or an instance."""
    return _registry.get(identifier)


def serialize(optimizer: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An optimizer from its description."""
    return _registry.deserialize(config, custom_objects)
