"""Layer: the brick. It owns variables, builds them on first use, and computes in `call` with ops only."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet import constraints, initializers, regularizers
from glassnet.autograd.functional import map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import SymbolicNode, Tensor, as_tensor, wrap
from glassnet.autograd.variable import Variable
from glassnet.config import floatx
from glassnet.errors import ArgumentError, GlassnetError, GraphError, SavingError, ShapeError, did_you_mean
from glassnet.layers.masking import USE, mask_of, masks_for_call, masks_of, may_carry_masks, pass_masks, with_mask
from glassnet.registry import Registry, snake_case
from glassnet.seeds import SeedGenerator, seed_config
from glassnet.typing import Shape

_NAMES: Counter[str] = Counter()
_WITH_ADDED_LOSSES: weakref.WeakSet[Layer] = weakref.WeakSet()


def any_added_losses() -> bool:
    """Whether any layer has called `add_loss` in its last forward pass."""
    return bool(_WITH_ADDED_LOSSES)


def clear_session() -> None:
    """Start counting automatic layer names anew: the next Dense is called `dense` again."""
    _NAMES.clear()


def automatic_name(prefix: str) -> str:
    """`dense`, `dense_1`, `dense_2`, ..."""
    count = _NAMES[prefix]
    _NAMES[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


class LayerCall(SymbolicNode):
    """A layer applied to symbolic tensors: the node from which functional models are read."""

    __slots__ = ("arguments", "keywords", "layer", "outputs", "result")

    def __init__(self, layer: Layer, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.layer, self.arguments, self.keywords = layer, arguments, keywords
        self.parents, self.tracked, self.base = (), False, None
        self.sources = tuple(tensors_in([*arguments, *keywords.values()]))
        self.outputs: list[Tensor] = []
        self.result: Any = None
        """The outputs in the structure in which the layer returned them."""


def tensors_in(structure: Any) -> list[Tensor]:
    """All tensors of a nested structure, in order."""
    found: list[Tensor] = []
    map_structure(lambda x: found.append(x) if isinstance(x, Tensor) else None, structure)
    return found


@dataclass(frozen=True)
class Construction:
    """The arguments with which a layer was made; in an object of its own, where no walk looks for sublayers."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class InputSpec:
    """What a layer accepts: number of axes and sizes of single axes.

    Arguments:
        axes: {axis: size}; -1 is the last axis.
    """

    def __init__(
        self, ndim: int | None = None, min_ndim: int | None = None, axes: dict[int, int | None] | None = None
    ) -> None:
        self.ndim, self.min_ndim, self.axes = ndim, min_ndim, axes or {}

    def check(self, shape: Shape, who: str) -> None:
        """Raise a ShapeError unless the shape fits."""
        ndim = len(shape)
        wrong_rank = ndim != (ndim if self.ndim is None else self.ndim) or ndim < (self.min_ndim or 0)
        wrong_axes = [a for a, size in self.axes.items() if size and -ndim <= a < ndim and shape[a] not in (size, None)]
        if not wrong_rank and not wrong_axes:
            return
        fix = None
        last = self.axes.get(-1)
        if wrong_rank and ndim == (self.ndim or self.min_ndim or 0) - 1:
            fix = "add a batch axis: x[None]"
        elif wrong_axes and last and ndim > 2 and _product(shape[1:]) == last:
            fix = "add Flatten() before it"
        elif wrong_axes == [-1]:
            fix = f"give it {last} features per row, or build the network for {shape[-1]}: Input(({shape[-1]},))"
        raise ShapeError(f"{who}: the input has the wrong shape", expected=self, received=shape, fix=fix)

    def __str__(self) -> str:
        count = self.ndim or self.min_ndim or 2
        sizes: list[str] = ["batch"] + ["any"] * (count - 1)
        for axis, size in self.axes.items():
            if size is not None:
                sizes[axis] = str(size)
        more = "" if self.ndim is not None or count > 2 else " (further axes may stand between)"
        return f"({', '.join(sizes)}){more}"


def _product(sizes: Any) -> int:
    return int(np.prod([size or 1 for size in sizes]))


class Layer:
    """Base of all layers. A subclass defines `call`, and `build` where it has weights.

    Arguments:
        activity_regularizer: a penalty on the output, as a mean over the batch, added to the loss.
        trainable: whether its weights are trained.
        dtype: float type of its weights.
        name: unique within a model; made from the class name by default.

    >>> import glassnet as gn
    >>> class Scale(gn.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.ones((2, 3))).shape
    (2, 3)
    """

    formula: str = ""
    """What the layer computes, in one line of plain text for `summary`."""
    supports_masking: bool = False
    """Whether a mask of the input goes on to the output; so it does where a subclass defines `compute_mask`."""
    makes_masks: bool = False
    """Whether `compute_mask` may make a mask of an input that has none, as that of Embedding does."""
    _constructed_with: Construction

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_mask" in vars(cls):
            cls.supports_masking = vars(cls).get("supports_masking", True)
            cls.makes_masks = vars(cls).get("makes_masks", True)
        if "build" in vars(cls):
            cls.build = _marking_built(vars(cls)["build"])  # type: ignore[method-assign]  # a wrapped method

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        layer._constructed_with = Construction(args, kwargs)  # what get_config reports
        return layer

    def __init__(
        self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None, name: str | None = None,
        input_shape: Any = None, **unknown: Any,
    ) -> None:  # fmt: skip
        for argument in unknown:
            known = [*inspect.signature(type(self).__init__).parameters, *inspect.signature(Layer.__init__).parameters]
            known = [word for word in dict.fromkeys(known) if word not in ("self", "kwargs", "unknown")]
            raise ArgumentError(
                f"{type(self).__name__}: there is no argument {argument!r}", expected=", ".join(known),
                received=f"{argument}={unknown[argument]!r}", fix=did_you_mean(argument, known),
            )  # fmt: skip
        if name is not None and (not isinstance(name, str) or not name or "/" in name or "\\" in name):
            raise ArgumentError(f"{type(self).__name__}: bad name", expected="text without '/'", received=repr(name))
        self.name = name or automatic_name(self._prefix)
        self.dtype = np.dtype(dtype or floatx())
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.given_input_shape = None if input_shape is None else (None, *input_shape)
        self.input_spec: InputSpec | None = None
        self.built = False
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self._added_losses: list[Any] = []
        self._last_call: LayerCall | None = None
        """Its last application to symbolic tensors, by which `input` and `output` are known."""

    if not TYPE_CHECKING:  # a type checker would accept every misspelt attribute

        def __getattr__(self, name: str) -> Any:
            if "_added_losses" not in vars(self) and not name.startswith("__"):
                raise GraphError(
                    f"{type(self).__name__} is not ready: its __init__ did not call super().__init__()",
                    fix="make super().__init__() the first line of __init__",
                )
            if name in ("input", "output") and vars(self).get("_last_call") is not None:
                return self._last_call.arguments[0] if name == "input" else self._last_call.result
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ------------------------------------------------------------ written by subclasses
    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape (a list or dict of shapes where there are several inputs)."""

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise ArgumentError(f"{type(self).__name__} must define call(self, inputs)")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output, or a list of one per output, from that of the first input; None is no mask."""
        return previous_mask

    # ------------------------------------------------------------ weights
    def add_weight(
        self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True,
        regularizer: Any = None, constraint: Any = None, name: str | None = None,
    ) -> Variable:  # fmt: skip
        """A new Variable of this layer.

        Arguments:
            initializer: Glorot uniform by default, zeros for integers and booleans.
            regularizer: a penalty on it that is added to the loss.
            constraint: what it is brought back to after each update.
        """
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(size is None for size in shape):
            raise ShapeError(
                f"{self}: the size of a weight is not known", expected="known sizes", received=f"shape {shape}",
                fix="give the input a known last axis, for example Input((784,))",
            )  # fmt: skip
        kind = np.dtype(dtype or self.dtype)
        chosen = initializers.get(initializer or ("glorot_uniform" if kind.kind == "f" else "zeros"))
        name = name or f"weight_{len(self._weights)}"
        array = initializers.initial_array(chosen, shape, kind, f"{self} {name}")
        variable = Variable(array, trainable=trainable and self._trainable, name=name, path=f"{self.name}/{name}")
        variable.regularizer, variable.constraint = regularizers.get(regularizer), constraints.get(constraint)
        if not trainable:
            variable.never_trainable = True
        self._weights.append(variable)
        return variable

    @property
    def sublayers(self) -> list[Layer]:
        """Layers held in attributes, lists, tuples and dictionaries, in the order in which they were set."""
        return _unique(_parts_of(vars(self), Layer))

    @property
    def own_variables(self) -> list[Variable]:
        """Variables of this layer itself."""
        return _unique(_parts_of(vars(self), Variable))

    def flatten_layers(self) -> Iterator[Layer]:
        """The layer and everything inside it, each once."""
        seen: set[int] = set()
        stack: list[Layer] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer.sublayers))

    @property
    def variables(self) -> list[Variable]:
        """All variables, its own first."""
        return _unique(v for layer in self.flatten_layers() for v in layer.own_variables)

    weights = variables

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that training changes."""
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Variables that training leaves alone: frozen weights and running statistics."""
        return [v for v in self.variables if not v.trainable]

    trainable_weights, non_trainable_weights = trainable_variables, non_trainable_variables

    def named_variables(self) -> dict[str, Variable]:
        """Variables by their path inside this layer: `kernel`, `block/dense_1/kernel`; a shared one by its first path.

        An automatic layer name counts anew inside each parent, so that two equal models have equal paths.
        """
        own = self.own_variables
        found = dict(zip(_told_apart(v.name for v in own), own))
        parts = self.sublayers
        for name, layer in zip(_told_apart(layer._local_name for layer in parts), parts):
            for path, variable in layer.named_variables().items():
                if not any(variable is other for other in found.values()):
                    found[f"{name}/{path}"] = variable
        return found

    @property
    def _prefix(self) -> str:
        """What its automatic name starts with."""
        return snake_case(type(self).__name__)

    @property
    def _local_name(self) -> str:
        """Its name; an automatic one without the number, which depends on what was made before it."""
        prefix = self._prefix
        return prefix if re.fullmatch(rf"{re.escape(prefix)}(_\d+)?", self.name) else self.name

    @property
    def seed_generators(self) -> dict[str, SeedGenerator]:
        """Sources of randomness by the numbers of the layer and of the generator in it."""
        return {
            f"{number}/{position}": generator
            for number, layer in enumerate(self.flatten_layers())
            for position, generator in enumerate(_parts_of(vars(layer), SeedGenerator))
        }

    @property
    def trainable(self) -> bool:
        """Whether its weights are trained; setting it also sets everything inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        for layer in self.flatten_layers():
            layer._trainable = bool(trainable)
            for variable in layer.own_variables:
                variable.trainable = bool(trainable) and not variable.never_trainable

    def count_params(self) -> int:
        """Number of single weights."""
        return sum(variable.size for variable in self.variables)

    def get_weights(self) -> list[Any]:
        """Copies of all weights, in the order of `variables`."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: list[Any]) -> None:
        """Assign all weights, in the order of `variables`; nothing changes if one does not fit."""
        variables = self.variables
        arrays = [np.asarray(array) for array in weights]
        if len(arrays) != len(variables):
            raise ShapeError(
                f"{self}: wrong number of weights",
                expected=len(variables), received=len(arrays),
                fix="take the list from get_weights of the same architecture",
            )  # fmt: skip
        for variable, array in zip(variables, arrays):
            if variable.shape != array.shape:
                raise ShapeError(
                    f"{self}: {variable.path} does not fit", expected=variable.shape, received=array.shape,
                    fix="transpose it: Dense keeps (inputs, units)" if array.shape == variable.shape[::-1] else None,
                )  # fmt: skip
        for variable, array in zip(variables, arrays):
            variable.assign(array)

    # ------------------------------------------------------------ losses
    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the loss of this forward pass; called inside `call`."""
        if STATE.tracer is None and isinstance(loss, Tensor) and loss.is_symbolic:
            return  # shape inference: there is no number to add
        self._added_losses.append(loss)
        _WITH_ADDED_LOSSES.add(self)

    @property
    def losses(self) -> list[Any]:
        """Scalars to be added to the loss: those of `add_loss`, and the penalties of weight regularizers."""
        added = [loss for layer in self.flatten_layers() for loss in layer._added_losses]
        penalties = [v.regularizer(v.value) for v in self.trainable_variables if v.regularizer is not None]
        return added + penalties

    # ------------------------------------------------------------ calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        told = kwargs.pop("training", None)
        if not args or len(args) > 1 or kwargs:
            args, kwargs = self._as_arguments(args, kwargs)
        if args:
            x = args[0]
            if type(x) is not Tensor or (x.dtype.kind == "f" and x.dtype != self.dtype):
                args = (self._as_inputs(x), *args[1:])
        outermost, training = not STATE.layers, STATE.training
        if told is not None:
            STATE.training = bool(told)
        masked = bool(kwargs) or (USE.any and may_carry_masks(args))
        passed = {**kwargs, **masks_for_call(self._call_names, self._by_name(args, kwargs))} if masked else kwargs
        if self._call_takes_training:
            passed["training"] = bool(STATE.training)
        STATE.layers.append(self.name)
        try:
            if outermost and _WITH_ADDED_LOSSES:
                self._forget_added_losses()
            if self.input_spec is not None:
                self._check_input(self.input_spec, args[0])
            if not self.built:
                self._build_for(args, kwargs)
            result = self.call(*args, **passed)
            self.built = True
            if masked or self.makes_masks:
                result = self._with_masks(args, passed, result)
            if self.activity_regularizer is not None:
                for output in tensors_in(result):
                    size = output.shape[0] if output.ndim else None
                    self.add_loss(self.activity_regularizer(output) / (size or 1))
        except GlassnetError as error:
            if error.where is None and str(self) not in error.problem:
                error.where = f"{type(self).__name__} '{'/'.join(filter(None, STATE.layers))}'"
            raise
        finally:
            STATE.layers.pop()
            STATE.training = training
        if outermost and STATE.tracer is None:
            result = self._linked(result, args, kwargs, told)
        return result

    def _as_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The first argument by position, and arrays among the others as Tensors of this layer's float type."""
        if not args and self._call_names[:1] and self._call_names[0] in kwargs:
            args = (kwargs.pop(self._call_names[0]),)

        def tensor(x: Any) -> Any:
            return self._as_input(x) if isinstance(x, (np.ndarray, Tensor)) else x

        def argument(x: Any) -> Any:
            rows = isinstance(x, list) and bool(x) and isinstance(x[0], list) and _is_numbers(x)
            return self._as_input(x) if rows else map_structure(tensor, x)

        return (*args[:1], *map(argument, args[1:])), {name: argument(x) for name, x in kwargs.items()}

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self._call_names, args)), **kwargs}

    def _with_masks(self, args: tuple[Any, ...], passed: dict[str, Any], result: Any) -> Any:
        """The result with its masks; the mask of the first input is the one that `call` got, else the one on it."""
        inputs, given = args[0] if args else None, self._by_name(args, passed).get("mask")
        return pass_masks(self, inputs, masks_of(inputs) if given is None else given, result)

    def _check_input(self, spec: InputSpec, x: Any) -> None:
        if type(x) is not Tensor:
            raise ArgumentError(
                f"{self}: it takes one input", expected="one array", received=f"a {type(x).__name__} of {len(x)}",
                fix="join them first: gn.layers.concatenate([...])",
            )  # fmt: skip
        spec.check(x.shape, str(self))

    @functools.cached_property
    def _call_names(self) -> tuple[str, ...]:
        """The parameters of `call`, in order."""
        return tuple(inspect.signature(self.call).parameters)

    @functools.cached_property
    def _call_takes_training(self) -> bool:
        return "training" in self._call_names

    def _as_inputs(self, inputs: Any) -> Any:
        """An array, or a structure of arrays; a list of nothing but numbers is one array."""
        if isinstance(inputs, list) and _is_numbers(inputs):
            return self._as_input(inputs)
        return map_structure(self._as_input, inputs)

    def _as_input(self, x: Any) -> Any:
        """Arrays and lists as Tensors of this layer's float type; integers stay integers."""
        if x is None or isinstance(x, (str, bytes)):
            raise ArgumentError(f"{self}: the input is not an array", received=repr(x))
        tensor = as_tensor(x)
        if tensor.dtype.kind == "f" and tensor.dtype != self.dtype:
            recorded = tensor.creator is not None or tensor.is_symbolic
            cast = tensor.astype(self.dtype) if recorded else wrap(tensor.data.astype(self.dtype), None)
            return with_mask(cast, mask_of(tensor))
        return tensor

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the shape of the first input; a `build(query_shape, value_shape)` gets the shapes it names."""
        self.build(
            *[map_structure(lambda t: tuple(t.shape), x) for x in args[:1]], **self._further_shapes(args, kwargs)
        )
        self.built = True

    def _further_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        given = list(self._by_name(args, kwargs).items())[1:]
        wanted = inspect.signature(self.build).parameters
        return {
            f"{name}_shape": map_structure(lambda t: tuple(t.shape), value)
            for name, value in given
            if f"{name}_shape" in wanted and value is not None
        }

    def _forget_added_losses(self) -> None:
        for layer in self.flatten_layers():
            layer._added_losses.clear()
            _WITH_ADDED_LOSSES.discard(layer)

    def _linked(self, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        """On symbolic tensors: let the result remember this layer, so that a functional Model can be read off it."""
        if not any(t.is_symbolic for t in tensors_in(result)):
            return result
        kwargs.pop("training", None)
        if training is not None:  # `layer(x, training=False)` in a functional model holds for every run of it
            kwargs["training"] = training
        call = LayerCall(self, args, kwargs)
        linked = map_structure(
            lambda t: with_mask(wrap(Spec(t.shape, t.dtype), call), mask_of(t)) if isinstance(t, Tensor) else t, result
        )
        call.result, call.outputs, self._last_call = linked, tensors_in(linked), call
        return linked

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Specs of the output for symbolic inputs; weights are built on the way."""
        STATE.layers.append("")  # not outermost: nothing is linked
        try:
            return map_structure(lambda t: t.data, self(inputs, *args, **kwargs))
        finally:
            STATE.layers.pop()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output for inputs of this shape (None where a size is open); weights are built on the way."""
        return map_structure(lambda spec: spec.shape, self.compute_output_spec(symbolic_of(input_shape, self.dtype)))

    # ------------------------------------------------------------ description
    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, as plain data."""
        signature = inspect.signature(type(self).__init__)
        made = self._constructed_with
        given = signature.bind(self, *made.args, **made.kwargs).arguments
        given.pop(next(iter(signature.parameters)))
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                given |= given.pop(parameter.name, {})
        takes_all = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        base = {"trainable": self._trainable, "dtype": self.dtype.name}
        config = {key: value for key, value in base.items() if takes_all or key in signature.parameters}
        own = {key: serialized(value, f"{self}: {key}") for key, value in given.items() if key not in base}
        return {**config, **own, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from `get_config`."""
        parameters = inspect.signature(cls.__init__).parameters.values()
        takes_name = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
        arguments = dict(config)
        name = None if takes_name else arguments.pop("name", None)
        try:
            layer = cls(**arguments)
        except TypeError as error:
            raise ArgumentError(
                f"{cls.__name__} cannot be made from its config", received=str(error),
                fix="define get_config and from_config",
            ) from None  # fmt: skip
        layer.name = name or layer.name
        return layer

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}, built={self.built}>"


def _marking_built(build: Any) -> Any:
    """`build` that also counts when it is called directly, so that the first call does not build again."""

    @functools.wraps(build)
    def wrapped(layer: Layer, *args: Any, **kwargs: Any) -> Any:
        result = build(layer, *args, **kwargs)
        layer.built = True
        return result

    return wrapped


def symbolic_of(shape: Any, dtype: Any) -> Any:
    """Symbolic tensors for a shape, or for a list or dictionary of shapes."""
    if isinstance(shape, dict):
        return {key: symbolic_of(part, dtype) for key, part in shape.items()}
    if isinstance(shape, (list, tuple)) and shape and isinstance(shape[0], (list, tuple)):
        return [symbolic_of(part, dtype) for part in shape]
    return Tensor(Spec(tuple(shape), np.dtype(dtype)))


def serialized(value: Any, who: str) -> Any:
    """A constructor argument as plain data: numbers, text, lists, and objects by class name and config."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, SeedGenerator):
        return seed_config(value)
    if isinstance(value, (list, tuple)):
        return [serialized(item, who) for item in value]
    if isinstance(value, dict):
        return {str(key): serialized(item, who) for key, item in value.items()}
    for registry in _SERIALIZERS:
        if isinstance(value, registry.base):
            return registry.serialize(value)
    if not callable(value):
        raise ArgumentError(f"{who} cannot be saved", received=repr(value), fix="define get_config and from_config")
    for registry in _SERIALIZERS:
        with contextlib.suppress(SavingError):
            return registry.serialize(value)
    raise SavingError(
        f"{who} cannot be saved: a file cannot hold the code of a function", received=repr(value),
        fix="decorate it with @gn.saving.register_keras_serializable(), or write a Layer",
    )  # fmt: skip


_SERIALIZERS: list[Registry[Any]] = []


def register_serializer(registry: Registry[Any]) -> None:
    """Let constructor arguments of this registry's kind be saved."""
    _SERIALIZERS.append(registry)


def _parts_of(structure: Any, kind: type) -> Iterator[Any]:
    if isinstance(structure, kind):
        yield structure
    elif isinstance(structure, dict):
        for part in structure.values():
            yield from _parts_of(part, kind)
    elif isinstance(structure, (list, tuple)):
        for part in structure:
            yield from _parts_of(part, kind)


def _told_apart(names: Iterable[str]) -> list[str]:
    """The names with a number behind each that came before: dense, dense_1, ..."""
    used: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in used:
            number += 1
            free = f"{name}_{number}"
        used[free] = None
    return list(used)


def _is_numbers(structure: Any) -> bool:
    if isinstance(structure, (list, tuple)):
        return all(_is_numbers(part) for part in structure)
    return isinstance(structure, (bool, int, float, np.generic))


def _unique(items: Any) -> list[Any]:
    found: dict[int, Any] = {}
    for item in items:
        found.setdefault(id(item), item)
    return list(found.values())
