"""What `check_gradients` differentiates: functions on the tape and hand-written bricks behind one interface.

A subject is a pure function of its checked arrays. `value(points)` computes the outputs at other values of them, `pull`
the analytic gradients at the base point. Variables, seeds, layer dtypes and bricks are given back as they were.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from glassnet import config
from glassnet.autograd.backward import pullback, run_vjp
from glassnet.autograd.functional import map_structure
from glassnet.autograd.op import Op, apply
from glassnet.autograd.state import recording
from glassnet.autograd.tensor import Leaf, Tensor, as_tensor, to_array, wrap
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError, DTypeError, GradientError
from glassnet.typing import Array

LEARNING_RATE = 0.25
"""With which a brick of the two-argument form updates itself; a power of two, so dividing by it is exact."""

FLOAT64 = np.dtype("float64")


class Subject(Protocol):
    """A pure function of its checked arrays, and its analytic gradients."""

    title: str
    names: list[str]
    base: list[Array]
    shapes: dict[str, tuple[int, ...]]
    """Of every input, checked or not: sizes by which a diagnosis explains a factor."""

    def value(self, points: list[Array]) -> list[Array]:
        """The floating outputs at `points`, one array per name."""

    def pull(self, cotangents: list[Array]) -> list[Array | None]:
        """The analytic gradient of <cotangents, outputs> at the base point, per name; None where none arrives."""


@contextmanager
def opened(function: Any, inputs: tuple[Any, ...]) -> Iterator[Subject]:
    """The subject of a check; inside the block everything it owns computes in float64."""
    parts = list(function) if isinstance(function, (list, tuple)) else [function]
    if all(map(_is_brick, parts)):
        yield BrickSubject(parts, inputs)
        return
    for part in parts:
        if isinstance(part, type) or not (callable(part) or isinstance(part, Op)):
            raise ArgumentError(
                "check_gradients: the first argument cannot be called",
                expected="an op, a function of Tensors, a layer, a model, a loss, or a brick with forward and backward",
                received=repr(part),
                fix=f"make one first: {part.__name__}(...)" if isinstance(part, type) else None,
            )
    function = parts[0] if len(parts) == 1 else _in_turn(parts)
    owners = _owners(function)
    if any(getattr(owner, "built", True) is False for owner in owners):  # a lazy layer makes its weights now
        with recording(False):
            _call(function, [map_structure(_plain, _to_arrays(x, config.floatx())) for x in inputs])
    variables = _unique(v for owner in owners for v in _variables_of(owner))
    layers = _unique(part for o in owners if hasattr(o, "flatten_layers") for part in o.flatten_layers())
    generators = _unique(g for owner in owners for g in getattr(owner, "seed_generators", {}).values())
    with _in_float64(variables, layers, generators):
        yield TapeSubject(function, [_to_arrays(x, FLOAT64) for x in inputs], variables, generators)


@contextmanager
def _in_float64(variables: list[Variable], layers: list[Any], generators: list[Any]) -> Iterator[None]:
    """Variables hold float64 copies, layers and new tensors take float64; afterwards all is as before, bit for bit."""
    arrays, dtypes = [v.array for v in variables], [layer.dtype for layer in layers]
    states, floatx = [g.state for g in generators], config.floatx()
    try:
        config.set_floatx("float64")
        for variable, array in zip(variables, arrays):
            variable.move_to(array.astype(_wide(array.dtype)))
        for layer in layers:
            layer.dtype = _wide(layer.dtype)
        yield
    finally:
        config.set_floatx(floatx)
        for variable, array in zip(variables, arrays):
            variable.move_to(array)
        for layer, dtype in zip(layers, dtypes):
            layer.dtype = dtype
        for generator, state in zip(generators, states):
            generator.state = state


def _wide(dtype: Any) -> Any:
    return FLOAT64 if np.dtype(dtype).kind == "f" else dtype


class TapeSubject:
    """Anything that computes with Tensors: an op, a function, a loss, a layer or a model."""

    def __init__(self, function: Any, arguments: list[Any], variables: list[Variable], generators: list[Any]) -> None:
        self.function, self.arguments, self.order = function, arguments, 1
        self.state = [(v, v.numpy()) for v in variables]
        self.seeds = [(g, g.state) for g in generators]
        self.trainable = [v for v in variables if v.trainable and v.dtype.kind == "f"]
        self.title = title_of(function)
        leaves = [
            pair
            for name, argument in zip(_argument_names(function, len(arguments)), arguments)
            for pair in _named_leaves(name, argument)
        ]
        self.shapes = {name: array.shape for name, array in leaves}
        checked = [(name, array) for name, array in leaves if array.dtype.kind == "f"]
        self.names = [name for name, _ in checked] + [v.path for v in self.trainable]
        self.base = [array for _, array in checked] + [v.numpy() for v in self.trainable]
        self.cotangents: list[Array] = []

    def derivative(self, cotangents: list[Array]) -> TapeSubject:
        """The gradients of <cotangents, outputs> as a subject of their own: its derivative is the second."""
        second = copy.copy(self)
        second.order, second.cotangents = 2, cotangents
        return second

    def value(self, points: list[Array]) -> list[Array]:
        """The floating outputs at `points`."""
        results, _ = self.run(points, record=False)
        return [np.array(y.data) for y in results]

    def pull(self, cotangents: list[Array]) -> list[Array | None]:
        """The analytic gradients, by the engine."""
        results, leaves = self.run(self.base, record=True)
        try:
            found = pullback(results, cotangents, leaves, create_graph=False)
        except GradientError:
            refused = self.refused(cotangents) if isinstance(self.function, Op) and self.order == 1 else None
            if refused is None:
                raise
            return refused
        return [np.array(as_tensor(found[leaf]).data) if leaf in found else None for leaf in leaves]

    def refused(self, cotangents: list[Array]) -> list[Array | None] | None:
        """Cotangents that the engine refused because of their shapes, as they are: for a diagnosis in words."""
        op = self.function
        if len(op.outputs) > 1:
            return None
        results = op.forward(np, *self.arguments)
        floating = tuple(x.dtype.kind == "f" for x in self.arguments)
        results = results if type(results) is tuple else (results,)
        answers = run_vjp(op, cotangents[0], results, tuple(self.arguments), floating)
        found = [None if g is None else np.asarray(g) for g, checked in zip(answers, floating) if checked]
        misshapen = any(g is not None and g.shape != x.shape for g, x in zip(found, self.base))
        return found if misshapen else None

    def run(self, points: list[Array], record: bool) -> tuple[list[Tensor], list[Leaf]]:
        """Call the function at `points`; returns its floating results and the leaves of the checked arrays."""
        inputs, leaves = iter(points), list[Leaf]()

        def placed(array: Array) -> Tensor:
            if array.dtype.kind != "f":
                return wrap(array, None)
            leaves.append(Leaf("input", tracked=True))
            return wrap(next(inputs), leaves[-1])

        arguments = [map_structure(placed, argument) for argument in self.arguments]
        for variable, array in self.state:
            np.copyto(variable.array, array)
        for variable in self.trainable:
            np.copyto(variable.array, next(inputs))
            leaves.append(variable.leaf)
        for generator, state in self.seeds:
            generator.state = state
        with recording(True):  # also for numbers alone: a loss on probabilities finds its logits on the tape
            results = _floating_tensors(_call(self.function, arguments))
        if self.order == 2:
            found = pullback(results, self.cotangents, leaves, create_graph=record)
            results = [as_tensor(found[leaf]) for leaf in leaves if leaf in found]
        return results, leaves


class BrickSubject:
    """A hand-written brick, or a list of them; every run is on a fresh copy.

    `forward(x)` gives the output. `backward(output_gradient)` returns the gradient of x and leaves `gradients[name]`
    for every attribute named in `parameters`; the other form `backward(output_gradient, learning_rate)` updates the
    attributes at once.
    """

    def __init__(self, bricks: list[Any], inputs: tuple[Any, ...]) -> None:
        self.title = ", ".join(title_of(brick) for brick in bricks)
        if len(inputs) != 1:
            raise ArgumentError(f"check_gradients of {self.title}: forward takes one input", received=len(inputs))
        self.bricks = copy.deepcopy(bricks)
        x = np.array(to_array(inputs[0]), FLOAT64)
        self.owned = _parameters_of(self.bricks, x)
        """(position of the brick, name of the attribute) of every parameter."""
        (name,) = _argument_names(bricks[0], 1)
        self.names = [name, *(p if len(bricks) == 1 else f"[{position}].{p}" for position, p in self.owned)]
        self.base = [x, *(np.array(getattr(self.bricks[i], p), FLOAT64) for i, p in self.owned)]
        self.shapes = {name: x.shape}

    @property
    def updates(self) -> bool:
        """Whether any has the form `backward(output_gradient, learning_rate)`, which updates its arrays at once."""
        return any(map(_updates_itself, self.bricks))

    def at(self, points: list[Array]) -> list[Any]:
        """Copies of the bricks with their parameters at `points`."""
        bricks = copy.deepcopy(self.bricks)
        for (position, name), array in zip(self.owned, points[1:]):
            setattr(bricks[position], name, array.copy())
        return bricks

    def value(self, points: list[Array]) -> list[Array]:
        """What `forward` returns."""
        return [np.array(_forward(self.at(points), points[0]))]

    def pull(self, cotangents: list[Array], learning_rate: float = LEARNING_RATE) -> list[Array | None]:
        """What `backward` returns and leaves behind; an update tells its gradient by (before - after) / rate."""
        bricks = self.at(self.base)
        _forward(bricks, self.base[0])
        gradient: Any = cotangents[0].copy()
        for brick in reversed(bricks):
            if gradient is not None:
                gradient = (
                    brick.backward(gradient, learning_rate) if _updates_itself(brick) else brick.backward(gradient)
                )
        found = [gradient]
        for (position, name), before in zip(self.owned, self.base[1:]):
            brick = bricks[position]
            if _updates_itself(brick):
                found.append((before - np.asarray(getattr(brick, name))) / learning_rate)
            else:
                found.append(getattr(brick, "gradients", {}).get(name))
        return [None if g is None else np.array(g, FLOAT64) for g in found]


def _is_brick(function: Any) -> bool:
    own = isinstance(function, (Op, type)) or hasattr(function, "trainable_variables")
    return hasattr(function, "forward") and hasattr(function, "backward") and not own


def _updates_itself(brick: Any) -> bool:
    parameters = inspect.signature(brick.backward).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) >= 2


def _forward(bricks: list[Any], x: Array) -> Any:
    y: Any = x.copy()
    for brick in bricks:
        y = brick.forward(y)
    return y


def _parameters_of(bricks: list[Any], x: Array) -> list[tuple[int, str]]:
    """The names a brick declares; of an updating one without them, its floating arrays that `forward` leaves alone."""
    used = copy.deepcopy(bricks)
    before = [dict(vars(brick)) for brick in used]
    _forward(used, x)
    found = []
    for position, (brick, attributes) in enumerate(zip(used, before)):
        names = getattr(brick, "parameters", None)
        if names is None and _updates_itself(brick):
            arrays = {n: a for n, a in attributes.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"}
            names = [name for name, array in arrays.items() if getattr(brick, name) is array]
        for name in names or ():
            if not hasattr(brick, name):
                raise ArgumentError(
                    f"check_gradients: {title_of(brick)}.parameters names {name!r}, which it does not have",
                    expected="names of its array attributes",
                )
            found.append((position, name))
    return found


# ---------------------------------------------------------------- the function and what it owns


def _in_turn(parts: list[Any]) -> Callable[[Any], Any]:
    """A list of layers as one function."""

    def network(inputs: Any) -> Any:
        for part in parts:
            inputs = part(inputs)
        return inputs

    return network


def _call(function: Any, arguments: list[Any]) -> Any:
    try:
        return apply(function, *arguments) if isinstance(function, Op) else function(*arguments)
    except DTypeError as error:
        error.add_note("check_gradients computes in float64: pass the other arrays as inputs too, or make them float64")
        raise


def _owners(function: Any) -> list[Any]:
    """The layers, models and Variables that a call reaches: the function itself, or those its code names."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, Op):
        return []
    reached = [function, getattr(function, "__self__", None)]
    if inspect.isfunction(function) or inspect.ismethod(function):
        named = inspect.getclosurevars(function)
        for value in [*named.nonlocals.values(), *named.globals.values()]:
            reached.extend(value if isinstance(value, (list, tuple)) else [value])
    return _unique(x for x in reached if isinstance(x, Variable) or _holds_variables(x))


def _holds_variables(x: Any) -> bool:
    return hasattr(x, "trainable_variables") and not isinstance(x, type)


def _variables_of(owner: Any) -> list[Variable]:
    if isinstance(owner, Variable):
        return [owner]
    found: list[Variable] = list(getattr(owner, "variables", owner.trainable_variables))
    return found


def _unique(things: Any) -> list[Any]:
    return list({id(thing): thing for thing in things}.values())


def title_of(function: Any) -> str:
    """What a report calls the function."""
    if isinstance(function, functools.partial):
        return title_of(function.func)
    name = getattr(function, "name", None) or getattr(function, "__name__", None)
    if not isinstance(name, str):
        return type(function).__name__
    return "the function" if name == "<lambda>" else name


def _argument_names(function: Any, count: int) -> list[str]:
    if isinstance(function, Op):
        return list(function.input_names(count))
    for method in ("call", "forward"):
        function = getattr(function, method, function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a callable written in C
        parameters = {}.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names, *(f"x{i + 1}" for i in range(len(names), count))][:count]


# ---------------------------------------------------------------- arrays and structures


def _to_arrays(value: Any, dtype: Any) -> Any:
    """The same structure with arrays of our own at its leaves, floats in `dtype`; a list of numbers is one array."""
    if isinstance(value, dict):
        return {key: _to_arrays(part, dtype) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and not _is_numbers(value):
        return type(value)([_to_arrays(part, dtype) for part in value])
    array = to_array(value)
    return np.array(to_array(value, dtype) if array.dtype.kind == "f" else array)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_numbers(part) for part in value)
    return isinstance(value, (int, float, np.generic))


def _named_leaves(name: str, value: Any) -> list[tuple[str, Array]]:
    """The arrays of a structure in `map_structure`'s order, named by their path."""
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in _named_leaves(f"{name}[{key!r}]", part)]
    if isinstance(value, (list, tuple)):
        return [leaf for i, part in enumerate(value) for leaf in _named_leaves(f"{name}[{i}]", part)]
    return [(name, value)]


def _plain(array: Array) -> Tensor:
    return wrap(array, None)


def _floating_tensors(result: Any) -> list[Tensor]:
    found: list[Any] = []
    map_structure(found.append, result)
    return [t for t in map(as_tensor, found) if t.dtype.kind == "f"]
