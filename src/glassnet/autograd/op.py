r"""The Op contract, and `apply`, the one way to run an operation.

An Op is one class that holds all there is to know about one piece of mathematics. Its author writes mathematics only:

    class Square(Op):
        '''Square of every cell. ... derivation ...'''
        rule = "y = x*x"                       # formula, shapes, kernels and the test oracle follow from it
        gradient = r"\bar x = 2 x \bar y"
        kind = "elementwise"
        saves = ("x",)                         # what vjp reads; everything else arrives there as a Spec

        def forward(self, xp, x, out=None):
            return xp.multiply(x, x, out=out)

        def vjp(self, F, g, y, x, needed):
            return 2 * x * g

The engine does the rest: dtypes, shape checks, broadcasting of cotangents, accumulation, recording, tracing, hooks.
Annotated class attributes are the constructor arguments (an Op is a frozen dataclass), so an op is hashable and
`(op, input Specs)` can key caches and plans.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, dataclass_transform

import numpy as np

from glassnet.autograd import rules
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE, user_line
from glassnet.autograd.tensor import Alias, Node, Output, SymbolicNode, Tensor, as_tensor, wrap
from glassnet.config import floatx
from glassnet.errors import DTypeError, GraphError, ShapeError
from glassnet.registry import snake_case
from glassnet.typing import DType, Shape

Kind = Literal["elementwise", "reduction", "contraction", "view", "opaque"]


@dataclass(frozen=True)
class Domain:
    """Where tests may sample an input, and the points where the derivative jumps."""

    low: float = -2.0
    high: float = 2.0
    kinks: tuple[float, ...] = ()


def _shapes_from_rule(op: Op, *inputs: Spec) -> Any:
    rule = op.rule_for(*inputs)
    if not rule:
        raise GraphError(f"{op.name} has neither a rule nor a shapes method")
    shapes = {name: spec.shape for name, spec in zip(op.input_names(len(inputs)), inputs)}
    known = rules.infer_shapes(rule, shapes, op.name)
    found = tuple(known[name] for name in op.results)
    return found if len(found) > 1 else found[0]


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(part) for part in value) if isinstance(value, (list, tuple)) else value


def _common_dtypes(op: Op, *inputs: Spec) -> tuple[DType, ...]:
    own = op.dtype if op.dtype not in ("", "float") else _wanted_dtype(op, inputs)
    return (np.dtype(own),) * len(op.results)


def _same_rule(op: Op, *inputs: Spec) -> str:
    return op.rule


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True, repr=False)
class Op:
    """One operation: attributes, forward, vjp, and what can be known about it. See the module's docstring."""

    formula: ClassVar[str] = ""
    """LaTeX of the result; derived from the rule where it is left empty."""
    gradient: ClassVar[str | tuple[str, ...]] = ""
    """LaTeX of the input cotangents, one per input."""
    rule: ClassVar[str] = ""
    """The index rule (see `autograd/rules.py`); every primitive that can be written as one has one."""
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    residuals: ClassVar[tuple[str, ...]] = ()
    """Further results of `forward` that only `vjp` sees."""
    saves: ClassVar[tuple[str, ...]] = ()
    """Names of the inputs, outputs and residuals whose values `vjp` reads."""
    kind: ClassVar[Kind] = "opaque"
    inplace: ClassVar[Mapping[str, str]] = {}
    """Output -> input whose memory it may take over."""
    dtype: ClassVar[str] = ""
    """The dtype of the outputs when it is not the common dtype of the inputs: "bool", "int64", ...; "float" means that
    integer inputs are first brought to the default float type."""
    promotes: ClassVar[bool] = True
    """Inputs share one dtype; False where inputs mean different things (values and indices)."""
    differentiable: ClassVar[bool] = True
    order: ClassVar[int] = 2
    """1: `vjp` cannot itself be differentiated; second derivatives go through `compose`."""
    domain: ClassVar[Mapping[str, Domain]] = {}

    inputs: ClassVar[tuple[str, ...]] = ()
    """Names of the inputs, read off `forward`; a single `*name` means any number of them."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if vars(cls).get("__annotations__"):
            doc = cls.__doc__
            dataclass(frozen=True, repr=False)(cls)
            cls.__doc__ = doc  # dataclass invents one where there is none
        else:
            own = hash(cls)
            cls.__hash__ = lambda self: own  # type: ignore[method-assign]  # ops without attributes are all equal
        if "forward" in vars(cls):
            parameters = list(inspect.signature(cls.forward).parameters.values())[2:]
            cls.inputs = tuple(p.name for p in parameters if p.name != "out")
        known = {*cls.inputs, *cls.outputs, *cls.residuals}
        for declared in (*cls.saves, *cls.inplace, *cls.inplace.values()):
            if cls.inputs and declared not in known:
                raise GraphError(f"{cls.__name__} declares {declared!r}", expected=f"one of {sorted(known)}")
        taken = vars(Op).keys() & vars(cls).get("__annotations__", {}).keys()
        if taken:
            raise GraphError(f"{cls.__name__}: {sorted(taken)} already mean something for every Op", fix="rename them")

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # a NumPy number would promote float32 to float64
                object.__setattr__(self, name, value.item())
            elif isinstance(value, list):
                object.__setattr__(self, name, _as_tuple(value))

    # ------------------------------------------------------------ written by the author of an op
    forward: ClassVar[Callable[..., Any]]
    """`forward(self, xp, *arrays, out=None)`: one array, or a tuple of outputs and residuals."""
    vjp: ClassVar[Callable[..., Any]]
    """`vjp(self, F, g, y, *inputs, needed)`: the cotangent of every input (None where it is not needed)."""
    compose: ClassVar[Callable[..., Any]]
    """`compose(self, F, *inputs)`: a fused op in primitives."""

    shapes: ClassVar[Callable[..., Any]] = _shapes_from_rule
    """`shapes(self, *specs)`: the output shape, or one per result; from the rule where an op does not state it."""
    dtypes: ClassVar[Callable[..., Any]] = _common_dtypes
    """`dtypes(self, *specs)`: one dtype per result; the common dtype of the inputs by default."""
    rule_for: ClassVar[Callable[..., str]] = _same_rule
    """`rule_for(self, *specs)`: the rule for inputs of these shapes; overridden where letters depend on the rank."""

    # ------------------------------------------------------------ derived
    @property
    def name(self) -> str:
        """The name in errors and graphs: the class name in snake case."""
        return snake_case(type(self).__name__)

    @property
    def results(self) -> tuple[str, ...]:
        """Names of everything `forward` returns."""
        return (*self.outputs, *self.residuals)

    @property
    def attributes(self) -> dict[str, Any]:
        """Constructor arguments by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def is_fused(self) -> bool:
        """Whether the op has a composition in primitives."""
        return hasattr(self, "compose")

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        """Specs of all results: the shape rule with the dtype rule."""
        shapes = self.shapes(*inputs)
        listed: tuple[Shape, ...] = shapes if len(self.results) > 1 else (shapes,)
        return tuple(Spec(tuple(s), d) for s, d in zip(listed, self.dtypes(*inputs), strict=True))

    def input_names(self, count: int) -> tuple[str, ...]:
        """One name per input; a variadic op numbers them: x1, x2, ..."""
        return self.inputs if len(self.inputs) == count else tuple(f"{self.inputs[0]}{i + 1}" for i in range(count))

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.attributes.items())
        return f"{self.name}({inside})"


# ---------------------------------------------------------------- dtype rules


def common_dtype(who: str, inputs: tuple[Spec, ...]) -> DType:
    """The dtype that inputs are brought to: one float type wins over integers and booleans; two of them are an error."""
    floats = {spec.dtype for spec in inputs if spec.dtype.kind == "f"}
    if len(floats) > 1:
        raise DTypeError(
            f"{who}: two different float types",
            expected="one float type",
            received=", ".join(str(spec.dtype) for spec in inputs),
            fix="convert one side: x.astype('float32')",
        )
    if floats:
        return floats.pop()
    return np.result_type(*[spec.dtype for spec in inputs]) if inputs else np.dtype(floatx())


def _wanted_dtype(op: Op, inputs: tuple[Spec, ...]) -> DType:
    """The dtype that an op's inputs are brought to."""
    common = common_dtype(op.name, inputs)
    return np.dtype(floatx()) if op.dtype == "float" and common.kind != "f" else common


# ---------------------------------------------------------------- apply


@dataclass(slots=True)
class Signature:
    """What is known about an op for inputs of given shapes and dtypes: checked once, then looked up."""

    inputs: tuple[Spec, ...]
    results: tuple[Spec, ...]
    cast: DType | None
    dropped_inputs: tuple[int, ...]
    """Positions that `saves` does not name: the tape keeps a Spec in their place."""
    dropped_results: tuple[int, ...]
    single: bool = field(init=False)

    def __post_init__(self) -> None:
        self.single = len(self.results) == 1


def _kept(arrays: Any, dropped: tuple[int, ...], specs: tuple[Spec, ...]) -> Any:
    """The arrays that backward reads, with a Spec in place of every other."""
    if not dropped:
        return arrays
    if len(dropped) == len(specs):
        return specs
    kept = list(arrays)
    for position in dropped:
        kept[position] = specs[position]
    return kept


_SIGNATURES: dict[Any, Signature] = {}
_MOST_SIGNATURES = 20_000
_ARRAYS = {np.ndarray, *(np.dtype(c).type for c in "?bhilqBHILQefd")}
_NUMBERS = {int, float, bool}
_WEAK = {*_NUMBERS, np.float32, np.float64}
"""Numbers that take the dtype of the tensors beside them; `np.sqrt(2.0)` is one of them."""


def apply(op: Op, *inputs: Any) -> Any:
    """Run an operation: arrays in, arrays out; a Tensor, Variable, list or number in, a Tensor out.

    On plain arrays only `forward` runs, which is how backward computes without writing a tape. On Tensors the run is
    recorded where a gradient may be asked for, and on Specs only the shape rule runs.
    """
    arrays = False
    for x in inputs:
        kind = type(x)
        if kind is Tensor:
            return _apply_to_tensors(op, inputs)
        if kind in _ARRAYS or isinstance(x, np.ndarray):  # also a subclass, such as a memory map
            arrays = True
        elif kind not in _NUMBERS:
            return _apply_to_tensors(op, inputs)
    if not arrays:
        return _apply_to_tensors(op, inputs)
    if (len(inputs) > 1 and op.promotes) or op.dtype == "float":
        inputs = _harmonised(op, inputs)
    if STATE.hooks:
        return _without_residuals(op, _observed(op, inputs))
    result = op.forward(np, *inputs)
    return result if type(result) is not tuple else _without_residuals(op, result)


def operand(x: Any) -> Any:
    """Something with a shape: arrays, Tensors and Variables as they are, lists and numbers as a Tensor."""
    return x if hasattr(x, "shape") else as_tensor(x)


def _without_residuals(op: Op, result: Any) -> Any:
    if not op.residuals:
        return result
    return result[0] if len(op.outputs) == 1 else result[: len(op.outputs)]


def _harmonised(op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Raw arrays of one dtype; Python numbers stay weak."""
    dtypes = {x.dtype for x in inputs if type(x) not in _NUMBERS}
    if len(dtypes) == 1 and next(iter(dtypes)).kind == "f":
        return inputs
    dtype = _wanted_dtype(op, tuple(Spec.of(x) for x in inputs if type(x) not in _NUMBERS))
    if dtype.kind != "f" and float in map(type, inputs):
        dtype = np.dtype(floatx())
    return tuple(x if type(x) in _NUMBERS else x.astype(dtype, copy=False) for x in inputs)


def _apply_to_tensors(op: Op, inputs: tuple[Any, ...]) -> Any:
    tensors: list[Tensor] = []
    known: list[Any] = [op]
    tracked = symbolic = False
    for x in inputs:
        if type(x) is not Tensor:
            if type(x) in _WEAK and op.promotes and len(inputs) > 1:
                return _apply_to_tensors(op, _typed_numbers(inputs))
            x = as_tensor(x)
        tensors.append(x)
        data, creator = x.data, x.creator
        known += (data.shape, data.dtype)
        if type(data) is Spec:
            symbolic = True
        if creator is not None and creator.tracked:
            tracked = True
    key = tuple(known)
    signature = _SIGNATURES.get(key) or _check(op, tensors, key)
    if signature.cast is not None:
        tensors = [t if t.dtype == signature.cast else F.cast(t, signature.cast) for t in tensors]
        return _apply_to_tensors(op, tuple(tensors))
    if symbolic:
        return _record_symbolic(op, tensors, signature, tracked and STATE.recording)
    arrays = tuple([t.data for t in tensors])
    result = op.forward(np, *arrays) if not STATE.hooks else _observed(op, arrays)
    results = (result,) if signature.single else result
    recorded = tracked and STATE.recording and op.differentiable
    node = _node(Node, op, tensors, arrays, results, signature) if recorded else _alias(op, tensors)
    return wrap(result, node) if signature.single else _wrapped(op, results, node)


def _alias(op: Op, tensors: list[Tensor]) -> Alias | None:
    """An untracked view remembers the variable whose memory it shows."""
    if op.kind != "view" or tensors[0].creator is None or tensors[0].creator.base is None:
        return None
    return Alias(tensors[0].creator.base)


def _typed_numbers(inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """All inputs as Tensors. Python numbers are weak: they take the dtype of the tensors beside them."""
    tensors = [as_tensor(x) for x in inputs]
    strong = [t.dtype for x, t in zip(inputs, tensors) if type(x) not in _WEAK]
    if not strong:
        return tuple(tensors)
    dtype = next((d for d in strong if d.kind == "f"), None)
    for position, x in enumerate(inputs):
        if type(x) in _WEAK:
            own = dtype or (np.dtype(floatx()) if isinstance(x, (float, np.floating)) else strong[0])
            if own.kind == "b" and type(x) is not bool:
                own = np.dtype("int64")
            tensors[position] = wrap(np.asarray(x, own), None)
    return tuple(tensors)


def _check(op: Op, tensors: list[Tensor], key: tuple[Any, ...]) -> Signature:
    specs = tuple(t.data if t.is_symbolic else Spec.of(t.data) for t in tensors)
    cast = None
    if op.promotes or op.dtype == "float":
        wanted = _wanted_dtype(op, specs)
        if any(s.dtype != wanted for s in specs):
            cast, specs = wanted, tuple(Spec(s.shape, wanted) for s in specs)
    if len(op.inputs) not in (1, len(specs)):
        raise ShapeError(f"{op.name}: wrong number of inputs", expected=", ".join(op.inputs), received=len(specs))
    names = op.input_names(len(specs)) if len(op.inputs) == len(specs) else op.inputs * len(specs)
    signature = Signature(
        specs,
        op.infer(*specs),
        cast,
        tuple(i for i, name in enumerate(names) if name not in op.saves),
        tuple(i for i, name in enumerate(op.results) if name not in op.saves),
    )
    if len(_SIGNATURES) >= _MOST_SIGNATURES:
        _SIGNATURES.clear()
    _SIGNATURES[key] = signature
    return signature


def _node(kind: Any, op: Op, tensors: list[Tensor], inputs: Any, results: Any, signature: Signature) -> Any:
    parents = tuple([t.creator for t in tensors])
    kept = _kept(inputs, signature.dropped_inputs, signature.inputs)
    node = kind(op, parents, kept, _kept(results, signature.dropped_results, signature.results))
    for parent in parents:
        if parent is not None and parent.base is not None:  # reads a variable: note where, for the version check
            node.place = STATE.layers[-1] if STATE.layers else user_line()
            if op.kind == "view":
                node.base = parent.base
            break
    if STATE.hooks:
        node.place = "/".join(STATE.layers)
        for hook in STATE.hooks:
            hook.on_tape(node, inputs, results)
    return node


def _wrapped(op: Op, results: Any, node: Node | None) -> Any:
    if len(op.outputs) == 1:
        return wrap(results[0], node)
    return tuple(
        wrap(y, Output(node, position) if node is not None and y.dtype.kind == "f" else None)
        for position, y in enumerate(results[: len(op.outputs)])
    )


def _record_symbolic(op: Op, tensors: list[Tensor], signature: Signature, tracked: bool) -> Any:
    """On Specs: no numbers, only the shapes; a tracer adds the run to its graph."""
    results = tuple([Spec(s.shape, s.dtype) for s in signature.results])  # fresh: identity names a traced value
    data = tuple([t.data for t in tensors])
    if STATE.tracer is not None:
        for tensor in tensors:
            _refuse_stale(op, tensor)
        STATE.tracer.record(op, data, results)
    tracked = tracked and op.differentiable
    if STATE.tracer is not None and not tracked:
        return _wrapped(op, results, None)
    node = _node(SymbolicNode, op, tensors, data, results, signature)
    node.tracked, node.sources, node.symbols = tracked, tuple(tensors), results
    if len(op.outputs) == 1:
        return wrap(results[0], node)
    return tuple(wrap(y, Output(node, i)) for i, y in enumerate(results[: len(op.outputs)]))


def _refuse_stale(op: Op, tensor: Tensor) -> None:
    """A variable's tensor from outside would be frozen into the plan."""
    if type(tensor.data) is not Spec and tensor.creator is not None and tensor.creator.base is not None:
        raise GraphError(
            f"{op.name}: the value of {tensor.creator.base.name} was taken before the trace",
            expected="variable.value, read inside the step",
            fix="read it inside the function, or pass the tensor as an argument",
        )


def _observed(op: Op, arrays: tuple[Any, ...]) -> Any:
    """`forward` with the hooks before and after it."""
    for hook in STATE.hooks:
        hook.before(op, arrays)
    result = op.forward(np, *arrays)
    for hook in reversed(STATE.hooks):
        hook.after(op, arrays, result if type(result) is tuple else (result,))
    return result


def feed(make: Callable[[], Any], shape: Shape, dtype: Any, many: Callable[[int], Any] | None = None) -> Tensor:
    """A value made by Python before each step: random bits, a scheduled learning rate.

    In eager execution `make` is called at once. In a trace it becomes an input that the plan fills by calling `make`
    before every replay, so nothing random or scheduled is frozen into the plan. A value that depends on how many steps
    have gone before has to be known ahead: `many` gives the values of the next so many steps.
    """
    if STATE.tracer is None and None in shape:
        return wrap(Spec(shape, np.dtype(dtype)), None)  # shape inference
    if STATE.tracer is None:
        return wrap(np.asarray(make(), dtype=dtype), None)
    result: Tensor = STATE.tracer.feed(make, shape, np.dtype(dtype), many)
    return result


def flat_size(shape: Shape) -> int:
    """Number of elements of a fully known shape."""
    return math.prod(int(extent or 0) for extent in shape)
