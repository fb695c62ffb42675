r"""The base of all optimizers: learning rate, clipping, decay, constraints, state. Formulas: `ops/optimization.py`.

`build` packs all parameters into one block of memory, and gradients and slots into blocks of the same layout, so that
an element-wise rule runs over long contiguous runs instead of weight by weight. What already lies in a block stays.
"""

from __future__ import annotations

import inspect
import re
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.op import Op, apply, feed
from glassnet.autograd.state import STATE, user_line
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError, GradientError, SavingError
from glassnet.ops.optimization import EmaUpdate
from glassnet.optimizers import schedules
from glassnet.optimizers.memory import Block, Companions, Run
from glassnet.registry import snake_case
from glassnet.typing import Array


class Optimizer:
    """Base of all optimizers. A subclass defines `update_step`, or `update_rule` for a rule that works cell by cell.

    Arguments:
        learning_rate: a number, a schedule from `gn.optimizers.schedules`, or a function of the step or of nothing.
        weight_decay: share of the learning rate by which weights shrink per step (decoupled decay).
        clipnorm: longest gradient of a single variable.
        clipvalue: largest entry of a gradient.
        global_clipnorm: longest gradient of all variables together.
        use_ema: keep a running mean of each weight; `finalize_variable_values` puts the means in place of the weights.
        ema_momentum: share of the old mean that an update keeps.
        ema_overwrite_frequency: put the means in place of the weights after every so many updates.
        gradient_accumulation_steps: update once per so many steps, by the mean of their gradients.

    >>> import glassnet as gn
    >>> class SignDescent(gn.optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         variable.assign_sub(learning_rate * gn.ops.sign(gradient))
    >>> w = gn.Variable([1.0, 1.0])
    >>> SignDescent(0.5).apply([[3.0, -0.1]], [w])
    >>> w.numpy()
    array([0.5, 1.5], dtype=float32)
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays that are kept for each variable, in the letters of the formulas; see `slot`."""
    hyperparameters: tuple[str, ...] = ()
    """Names of a subclass's own constructor arguments, kept as attributes; `get_config` reports them."""

    def __init__(
        self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self.name = name or snake_case(type(self).__name__)
        given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        for label, value in given.items():
            if value is not None and not value > 0:
                raise ArgumentError(f"{type(self).__name__}: {label} must be positive", received=f"{label}={value}")
        if sum(value is not None for value in given.values()) > 1:
            raise ArgumentError(f"{type(self).__name__}: only one clipping may be set", received=given)
        if weight_decay is not None and not weight_decay >= 0:
            raise ArgumentError(f"{type(self).__name__}: weight_decay must be >= 0", received=weight_decay)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, *given.values()
        _check_averaging(self, use_ema, ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps)
        self.use_ema, self.ema_momentum = bool(use_ema), float(ema_momentum)
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._undecayed: tuple[set[Variable], list[str]] = set(), []
        self._iterations = Variable(np.zeros((), "int64"), trainable=False, name="iterations")
        self._rate = Variable(np.zeros((), "float64"), trainable=False, name="learning_rate")
        self._schedule: Any = None
        self.learning_rate = learning_rate
        self.built = False
        self._traced_steps: weakref.WeakKeyDictionary[Any, _Count] = weakref.WeakKeyDictionary()
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._companions: dict[Block, Companions] = {}
        self._runs: dict[tuple[int, ...], list[Run]] = {}

    # ------------------------------------------------------------ written by subclasses
    def update_rule(self) -> Op | None:
        """The op of a cell-by-cell rule: w, g, the slots, rate (and the step t) in; new w and slots out."""
        return None

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Assign a variable, and its slots, their values after one step. Called where there is no `update_rule`."""
        raise ArgumentError(
            f"{type(self).__name__} has no rule",
            fix="define update_step(self, gradient, variable, learning_rate)",
        )

    def initial_slot(self, name: str, block: Array) -> Array:
        """The first content of a slot beside a block of parameters: zeros."""
        return np.zeros_like(block)

    def slot(self, name: str, variable: Variable) -> Variable:
        """What the optimizer keeps for a variable under that name."""
        return self._slots[variable][name]

    @property
    def iterations(self) -> Any:
        """The number of updates so far; a schedule counts steps, of which an update may take several."""
        every = self.gradient_accumulation_steps
        return self._iterations if every is None else self._iterations.value // every

    # ------------------------------------------------------------ learning rate
    @property
    def learning_rate(self) -> Any:
        """The rate of the next step; assign a number or a schedule at any time."""
        return self._rate if self._schedule is None else self._next_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, (Tensor, Variable)):
            self._schedule, self._schedule_of_step = value, _takes_argument(value)
            return
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = np.nan
        if not (np.isfinite(rate) and rate >= 0):
            raise ArgumentError(
                f"{type(self).__name__}: learning_rate must be a number >= 0", received=repr(value),
                fix="for example 0.01, or a schedule of gn.optimizers.schedules",
            )  # fmt: skip
        self._schedule = None
        self._rate.assign(np.asarray(rate))

    def current_rate(self, ahead: int = 0) -> float:
        """The learning rate of the next step, or of one that many steps ahead, as a number."""
        if self._schedule is None:
            return float(self._rate.array)
        step = int(self._iterations.array) + ahead
        return float(self._schedule(step) if self._schedule_of_step else self._schedule())

    def _next_rate(self) -> Tensor:
        """The same as a Tensor; in a plan, steps that it takes before this one are not counted yet when it is fed."""
        if STATE.tracer is None:
            return feed(self.current_rate, (), "float64")
        count = self._traced_steps.setdefault(STATE.tracer, _Count())
        ahead = count.steps

        def many(replays: int) -> Any:
            if self._schedule is None:
                return self.current_rate()
            return [self.current_rate(replay * count.steps + ahead) for replay in range(replays)]

        return feed(self.current_rate, (), "float64", many)

    # ------------------------------------------------------------ memory
    @property
    def variables(self) -> list[Variable]:
        """Counter, learning rate, and the slots of each variable."""
        return [self._iterations, self._rate, *[slot for slots in self._slots.values() for slot in slots.values()]]

    def slots_of(self, variable: Variable) -> dict[str, Variable] | None:
        """What is kept beside a variable, by name; None before `build` has taken charge of it."""
        return self._slots.get(variable)

    def build(self, variables: Iterable[Variable]) -> None:
        """Take charge of variables: pack them into a block and allocate gradients and slots beside it."""
        new = [v for v in dict.fromkeys(variables) if v not in self._slots]
        loose: dict[Any, list[Variable]] = {}
        for variable in new:
            if variable.block is None:
                loose.setdefault(variable.dtype, []).append(variable)
        for group in loose.values():
            Block(group)
        for variable in new:
            block: Block = variable.block
            if block not in self._companions:
                slots = {name: self.initial_slot(name, block.array) for name in self.slots}
                if self.use_ema:
                    slots["average"] = block.array.copy()
                if self.gradient_accumulation_steps is not None:
                    slots["accumulator"] = np.zeros_like(block.array)
                self._companions[block] = Companions(slots, np.empty_like(block.array))
            path = f"{self.name}/{variable.path}"
            self._slots[variable] = self._companions[block].slots_of(block.places[variable], variable.shape, path)
        self.built = True

    def _runs_for(self, variables: Sequence[Variable], joined: bool) -> list[Run]:
        """The variables grouped into runs; `joined`: neighbours are updated together."""
        key = (joined, *[id(v) for v in variables])
        if key not in self._runs:
            if any(v not in self._slots for v in variables):
                self.build(variables)
            order = {block: position for position, block in enumerate(self._companions)}
            groups: list[list[Variable]] = []
            for variable in sorted(variables, key=lambda v: (order[v.block], v.block.places[v].start)):
                last = groups[-1][-1] if groups else None
                alike = last is not None and self.decays(last) == self.decays(variable)
                if joined and alike and variable.block.follows(last, variable):
                    groups[-1].append(variable)
                else:
                    groups.append([variable])
            self._runs[key] = [Run(group, self._companions[group[0].block], self._slots[group[0]]) for group in groups]
        return self._runs[key]

    # ------------------------------------------------------------ a step
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update the variables from their gradients.

        Arguments:
            grads: one gradient per variable; where it is None, the variable stays.
            trainable_variables: those given to `build` by default.
        """
        variables = list(self._slots if trainable_variables is None else trainable_variables)
        before, STATE.phase, STATE.recording = (STATE.phase, STATE.recording), "update", False
        try:
            gradients = self._checked(grads, variables)
            rate, step = self._next_rate(), self._next_step()
            every = self.gradient_accumulation_steps
            if every is None:
                self._update(self._clipped(gradients), rate, step, True)
            else:
                due, gradients = self._accumulated(gradients, step, every)
                if due is not False:
                    self._update(self._clipped(gradients), rate, (step - 1) // every + 1, due)
            self._iterations.assign(step)
        finally:
            STATE.phase, STATE.recording = before

    def _accumulated(self, gradients: dict[Variable, Any], step: Any, every: int) -> tuple[Any, dict[Variable, Any]]:
        """Whether an update is due, a Tensor in a trace; and the mean gradients since the last update."""
        self.build(gradients)
        due = step % every == 0
        found = {}
        for variable, gradient in gradients.items():
            accumulator = self.slot("accumulator", variable)
            total = accumulator.value + gradient
            accumulator.assign(ops.where(due, 0.0, total))
            found[variable] = total / every
        return due if STATE.tracer is not None else bool(due), found

    def _update(self, gradients: dict[Variable, Any], rate: Any, step: Any, due: Any) -> None:
        rule = self.update_rule()
        # a trace and a recorder follow single variables, so that a weight read after its update is the new one
        joined = rule is not None and STATE.tracer is None and not STATE.hooks
        line = "" if STATE.tracer is not None else user_line()
        runs = self._runs_for(list(gradients), joined)
        before = [] if due is True else [(v, v.value) for run in runs for v in run.updated()]
        for run in runs:
            gradient = run.gradient(gradients)
            if rule is None:
                self._update_alone(run.weight, gradient, rate)
            else:
                own = rule if self.decays(run.variables[0]) else _without_decay(rule)
                settings = (rate, step) if rule.inputs[-1] == "t" else (rate,)
                _assign_results(own, [run.weight, *[run.slots[name] for name in self.slots]], gradient, settings)
            if self.use_ema:
                mean = EmaUpdate(self.ema_momentum)
                _assign_results(mean, [run.slots["average"]], run.weight.value, (step,))
            if STATE.tracer is None:
                run.touch(line)
        if self.use_ema and self.ema_overwrite_frequency is not None:
            self._overwrite(list(gradients), step % self.ema_overwrite_frequency == 0)
        self.constrain(gradients)
        for variable, old in before:  # a plan has no branches: it computes the update in every step
            variable.assign(ops.where(due, variable.value, old))

    def constrain(self, variables: Iterable[Variable]) -> None:
        """Bring variables back to what their constraints allow."""
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))

    def _overwrite(self, variables: Sequence[Variable], now: Any) -> None:
        """Put the means in place of the weights, if it is time."""
        if STATE.tracer is None and not bool(now):
            return
        for variable in variables:
            variable.assign(ops.where(now, self.slot("average", variable).value, variable.value))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """With `use_ema`: put the running means in place of the weights, at the end of training.

        >>> import glassnet as gn
        >>> w, optimizer = gn.Variable([0.0]), gn.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([[-1.0]], [w])  # w: 1, 2; its mean: 1, 1.5
        >>> optimizer.finalize_variable_values([w])
        >>> w.numpy()
        array([1.5], dtype=float32)
        """
        if self.use_ema:
            self._overwrite([v for v in var_list if v in self._slots], True)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of weight decay; to be called before training. A file does not remember it.

        Arguments:
            var_list: the variables.
            var_names: words of which the name of a variable contains one, such as "bias"; regular expressions.
        """
        if self.built:
            raise ArgumentError(
                f"{type(self).__name__}: exclude_from_weight_decay comes too late: weights were updated already",
                expected="a call before build, fit or apply", fix="call it right after the optimizer is made",
            )  # fmt: skip
        self._undecayed = set(var_list or ()), list(var_names or ())

    def decays(self, variable: Variable) -> bool:
        """Whether weight decay, where there is any, acts on a variable."""
        variables, words = self._undecayed
        return variable not in variables and not any(re.search(word, variable.name) for word in words)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """`apply` with pairs of (gradient, variable)."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def _next_step(self) -> Any:
        """The number of this step, counted from 1."""
        if STATE.tracer is not None:
            self._traced_steps.setdefault(STATE.tracer, _Count()).steps += 1
            return self._iterations.value + 1
        return wrap(self._iterations.array + 1, None)

    def _checked(self, grads: Sequence[Any], variables: Sequence[Variable]) -> dict[Variable, Any]:
        """The gradients that there are, by variable."""
        if len(grads) != len(variables):
            raise GradientError(f"{self.name}: one gradient per variable", expected=len(variables), received=len(grads))
        found = {v: as_tensor(g) for v, g in zip(variables, grads) if g is not None}
        if not found:
            raise GradientError(
                f"{self.name}: no variable has a gradient",
                fix="is the loss computed from the model's output, and is anything trainable?",
            )
        for variable, gradient in found.items():
            if gradient.shape != variable.shape:
                raise GradientError(
                    f"{self.name}: the gradient of {variable.path} has another shape", expected=variable.shape,
                    received=gradient.shape, fix="are gradients and variables in the same order?",
                )  # fmt: skip
        return found

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

    def _update_alone(self, variable: Variable, gradient: Any, rate: Any) -> None:
        rate = ops.cast(rate, variable.dtype)
        if self.weight_decay and self.decays(variable):
            variable.assign(variable.value * (1 - rate * self.weight_decay))
        self.update_step(gradient, variable, rate)

    # ------------------------------------------------------------ state
    def _named_state(self, names: Mapping[Variable, str]) -> dict[str, Variable]:
        """Counter, rate, and `slot/name of the variable`; equal names are told apart by a number."""
        found = {"iterations": self._iterations, "learning_rate": self._rate}
        times: Counter[str] = Counter()
        for variable, slots in self._slots.items():
            name = names.get(variable, variable.path)
            times[name] += 1
            number = "" if times[name] == 1 else f"#{times[name]}"
            found |= {f"{kind}/{name}{number}": slot for kind, slot in slots.items()}
        return found

    def state(self, names: Mapping[Variable, str] | None = None) -> dict[str, Array]:
        """Everything that the next step depends on, by name: counter, rate, and each slot of each variable.

        Arguments:
            names: of the variables; their paths by default.
        """
        return {name: variable.numpy() for name, variable in self._named_state(names or {}).items()}

    def load_state(self, state: dict[str, Array], names: Mapping[Variable, str] | None = None) -> None:
        """Restore what `state` returned for these names; the variables must be built."""
        own = self._named_state(names or {})
        problems = [f"missing {name}" for name in own if name not in state]
        problems += [f"extra {name}" for name in state if name not in own]
        for name in own.keys() & state.keys():
            if own[name].shape != state[name].shape:
                problems.append(f"{name} has shape {state[name].shape}, not {own[name].shape}")
        if problems:
            raise SavingError(
                f"{self.name}: the saved state is that of another optimizer or other variables",
                expected="exactly the names that state() gives after build(variables)", received="; ".join(problems),
            )  # fmt: skip
        for name, variable in own.items():
            variable.assign(np.asarray(state[name]))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        rate = schedules.serialize(self._schedule) if self._schedule is not None else float(self._rate.array)
        return {
            "name": self.name, "learning_rate": rate, "weight_decay": self.weight_decay, "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue, "global_clipnorm": self.global_clipnorm, "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum, "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
            **{name: getattr(self, name) for name in self.hyperparameters},
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """An optimizer from `get_config`."""
        rate = config.get("learning_rate")
        rate = schedules.deserialize(rate, custom_objects) if isinstance(rate, (dict, str)) else rate
        return cls(**{**config, "learning_rate": rate})

    @property
    def decay(self) -> float:
        """Weight decay as a number."""
        return float(self.weight_decay or 0.0)


class _Count:
    """How many updates a traced step takes."""

    steps = 0


def check_shares(who: Optimizer, **shares: float) -> None:
    """Raise unless every argument lies in [0, 1)."""
    for label, value in shares.items():
        if not 0 <= value < 1:
            raise ArgumentError(f"{type(who).__name__}: {label} must be in [0, 1)", received=f"{label}={value}")


def _check_averaging(
    who: Optimizer, use_ema: bool, ema_momentum: float, overwrite: int | None, accumulation: int | None
) -> None:
    name = type(who).__name__
    if not 0 <= ema_momentum <= 1:
        raise ArgumentError(f"{name}: ema_momentum must be in [0, 1]", received=f"ema_momentum={ema_momentum}")
    if overwrite is not None and not (use_ema and isinstance(overwrite, int) and overwrite >= 1):
        raise ArgumentError(
            f"{name}: ema_overwrite_frequency must be a whole number of at least 1, with use_ema=True",
            received=f"ema_overwrite_frequency={overwrite}, use_ema={use_ema}",
        )
    if accumulation is not None and not (isinstance(accumulation, int) and accumulation >= 2):
        raise ArgumentError(
            f"{name}: gradient_accumulation_steps must be a whole number of at least 2",
            received=f"gradient_accumulation_steps={accumulation}", fix="None updates in every step",
        )  # fmt: skip


def _without_decay(rule: Op) -> Op:
    attributes = rule.attributes
    return type(rule)(**{**attributes, "weight_decay": 0.0}) if "weight_decay" in attributes else rule


def _takes_argument(function: Any) -> bool:
    """Whether a learning rate function wants the step; Keras's want nothing."""
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    return True


def _shortened(gradient: Any, norm: Any, longest: float) -> Any:
    """The gradient scaled down to `longest` where it is longer."""
    return gradient * (longest / ops.maximum(norm, longest))


def _assign_results(rule: Op, targets: Sequence[Variable], gradient: Any, settings: Sequence[Any]) -> None:
    """Run an update rule into its targets: in place when eager, as assignments of the plan when traced."""
    if STATE.tracer is None and not STATE.hooks:
        out = tuple([target.array for target in targets])
        slope = gradient if isinstance(gradient, np.ndarray) else gradient.data
        rule.forward(np, out[0], slope, *out[1:], *[x.data for x in settings], out=out if len(out) > 1 else out[0])
        return
    values = [target.value for target in targets]
    results = apply(rule, values[0], gradient, *values[1:], *settings)
    for target, result in zip(targets, results if isinstance(results, tuple) else (results,)):
        target.assign(result)
