"""The case harness: one row per op states its inputs; every promise of the Op contract is checked for that row.

    CASES = [Case(Relu(), (3, 4)), Case(Linear(), (5, 3), (3, 2), (2,), empty=[(0, 3), (3, 2), (2,)])]
    test_contract = contract_test(CASES)

An input is a shape (sampled inside the op's domain, away from kinks), an array, or a function of a generator.
The oracle is the rule, else the composition, else the row's own `oracle=` in plain NumPy or SciPy: never `forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd import rules, worked
from glassnet.autograd.backward import run_vjp
from glassnet.autograd.op import Domain, Op, apply
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor
from glassnet.graph import ExecutionPlan, trace

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@dataclass
class Case:
    """One row: an op with its attributes, its inputs and, where no rule or composition reaches, its oracle."""

    op: Op
    inputs: Sequence[Any]
    oracle: Callable[..., Any] | None = None
    empty: Sequence[Any] | None = None
    label: str = ""

    def __init__(self, op: Op, *inputs: Any, oracle: Any = None, empty: Any = None, label: str = "") -> None:
        self.op, self.inputs, self.oracle, self.label = op, inputs, oracle, label
        self.empty = empty
        if empty is None and op.kind == "elementwise" and all(isinstance(i, tuple) for i in inputs):
            self.empty = [(0, 3)] * len(inputs)

    @property
    def id(self) -> str:
        shapes = "-".join("x".join(map(str, i)) if isinstance(i, tuple) else "fixed" for i in self.inputs)
        return f"{self.op!r}{self.label and ':' + self.label} {shapes}".replace(" ", "_")

    def arrays(self, dtype: str = "float64", seed: int = 0, given: Sequence[Any] | None = None) -> list[Any]:
        rng = np.random.default_rng(seed)
        specs = self.inputs if given is None else given
        names = self.op.input_names(len(specs))
        return [
            sample(item, self.op.domain.get(name, Domain()), rng, dtype)
            for item, name in zip(specs, names, strict=True)
        ]

    def floating(self) -> list[int]:
        return [i for i, a in enumerate(self.arrays()) if np.asarray(a).dtype.kind == "f"]


def sample(item: Any, domain: Domain, rng: np.random.Generator, dtype: str) -> Any:
    """An array for one input; floats take `dtype` and keep a distance of 0.05 from every kink."""
    if callable(item):
        item = item(rng)
    if not isinstance(item, tuple):
        array = np.array(item)
        return array.astype(dtype) if array.dtype.kind == "f" else array
    values = rng.uniform(domain.low, domain.high, item)
    for kink in domain.kinks:
        near = np.abs(values - kink) < 0.05
        values = np.where(near, kink + 0.05 + rng.uniform(0.0, 0.2, item), values)
    return values.astype(dtype)


def run(op: Op, *inputs: Any) -> tuple[Any, ...]:
    """All declared outputs of an op as a tuple."""
    result = apply(op, *inputs)
    return result if isinstance(result, tuple) else (result,)


def close(got: Any, expected: Any, what: str, tolerance: float | None = None) -> None:
    """max|a-b| <= tolerance * max|b|, the project's meaning of agreement; integers and NaN must be equal."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape} is not {expected.shape}"
    if got.dtype.kind != "f" or got.size == 0:
        np.testing.assert_array_equal(got, expected.astype(got.dtype), err_msg=what)
        return
    special = ~np.isfinite(expected)
    np.testing.assert_array_equal(np.where(special, got, 0), np.where(special, expected, 0), err_msg=what)
    got, expected = np.where(special, 0, got), np.where(special, 0, expected)
    limit = (tolerance or TOLERANCE[got.dtype.name]) * max(float(np.max(np.abs(expected))), 1e-3)
    error = float(np.max(np.abs(got.astype(float) - expected.astype(float))))
    assert error <= limit, f"{what}: off by {error:.3g}, allowed {limit:.3g}"


def rule_of(case: Case, arrays: list[Any]) -> str:
    return case.op.rule_for(*[Spec.of(np.asarray(a)) for a in arrays])


def expected_of(case: Case, arrays: list[Any]) -> tuple[Any, ...] | None:
    """What the independent oracle gives, in float64."""
    wide = [a.astype("float64") if np.asarray(a).dtype.kind == "f" else a for a in arrays]
    if case.oracle is not None:
        found = case.oracle(*wide)
        return found if isinstance(found, tuple) else (found,)
    rule = rule_of(case, arrays)
    if rule:
        shapes = {name: y.shape for name, y in zip(case.op.outputs, run(case.op, *arrays), strict=True)}
        names = case.op.input_names(len(wide))
        found = rules.evaluate(rule, dict(zip(names, wide, strict=True)), case.op.attributes, shapes)
        return tuple(found[name] for name in case.op.outputs)
    if case.op.is_fused:
        found = case.op.compose(F, *wide)
        return found if isinstance(found, tuple) else (found,)
    return None


def directional(
    case: Case, arrays: list[Any], number: int, direction: Any, weights: list[Any], h: float = 1e-3
) -> float:
    """d/dt <weights, op(..., x + t direction, ...)> by a central difference of sixth order."""

    def at(t: float) -> float:
        moved = [a + t * direction if i == number else a for i, a in enumerate(arrays)]
        return float(sum(np.sum(w * y) for w, y in zip(weights, run(case.op, *moved), strict=True) if w is not None))

    return (45 * (at(h) - at(-h)) - 9 * (at(2 * h) - at(-2 * h)) + (at(3 * h) - at(-3 * h))) / (60 * h)


def cotangents(case: Case, arrays: list[Any], seed: int = 1) -> list[Any]:
    """A random cotangent per floating output, None for the others."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=y.shape).astype(y.dtype) if y.dtype.kind == "f" else None for y in run(case.op, *arrays)]


def pull(case: Case, arrays: list[Any], weights: list[Any], create_graph: bool = False) -> list[Tensor]:
    """Gradients of <weights, op(inputs)> for every floating input, through the engine."""
    tensors = [Tensor(a, requires_grad=True) if np.asarray(a).dtype.kind == "f" else a for a in arrays]
    loss = sum((y * w).sum() for y, w in zip(run(case.op, *tensors), weights, strict=True) if w is not None)
    return list(gradients_of(loss, [t for t in tensors if isinstance(t, Tensor)], create_graph))


def gradients_of(loss: Any, tensors: list[Tensor], create_graph: bool = False) -> list[Any]:
    loss.backward(create_graph=create_graph)
    return [t.grad if t.grad is not None else Tensor(np.zeros(t.shape, t.dtype)) for t in tensors]


# ---------------------------------------------------------------- the claims


def value_equals_oracle(case: Case) -> None:
    for dtype in ("float64", "float32"):
        arrays = case.arrays(dtype)
        expected = expected_of(case, arrays)
        assert expected is not None, f"{case.op!r} has neither rule, composition nor oracle"
        for got, want in zip(run(case.op, *arrays), expected, strict=True):
            close(got, want, f"value in {dtype}")


def specs_equal_results(case: Case) -> None:
    for dtype in ("float64", "float32"):
        arrays = case.arrays(dtype)
        inferred = case.op.infer(*[Spec.of(np.asarray(a)) for a in arrays])
        for got, spec in zip(run(case.op, *map(Tensor, arrays)), inferred, strict=False):
            assert (got.shape, got.dtype) == (spec.shape, spec.dtype)


def unknown_batch_keeps_rank(case: Case) -> None:
    arrays = case.arrays()
    known = case.op.infer(*[Spec.of(np.asarray(a)) for a in arrays])
    first = Spec((None, *np.shape(arrays[0])[1:]), np.asarray(arrays[0]).dtype)
    unknown = case.op.infer(first, *[Spec.of(np.asarray(a)) for a in arrays[1:]])
    for a, b in zip(known, unknown, strict=True):
        assert len(a.shape) == len(b.shape)
        assert all(v is None or u == v for u, v in zip(a.shape, b.shape, strict=True))


def gradient_equals_differences(case: Case) -> None:
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    gradients = pull(case, arrays, weights)
    for number, gradient in zip(case.floating(), gradients, strict=True):
        assert gradient.shape == arrays[number].shape, f"gradient of input {number}"  # sums hide a repeated axis
        scale = max(float(np.abs(gradient.numpy()).max()), 1e-3) if gradient.size else 1.0
        for seed in range(3):
            direction = np.random.default_rng(seed).normal(size=arrays[number].shape)
            numeric = directional(case, arrays, number, direction, weights)
            analytic = float(np.sum(gradient.numpy() * direction))
            error = abs(numeric - analytic)
            assert error <= 1e-7 * scale * max(np.sqrt(direction.size), 1), (
                f"gradient of input {number}: analytic {analytic:.10g}, numeric {numeric:.10g}"
            )


def pull_square(case: Case, arrays: list[Any], weights: list[Any], create_graph: bool = False) -> Any:
    """Leaves and gradients of <w, y²>: the cotangent 2wy depends on the inputs too."""
    tensors = [Tensor(a, requires_grad=True) if np.asarray(a).dtype.kind == "f" else a for a in arrays]
    loss = sum((y * y * w).sum() for y, w in zip(run(case.op, *tensors), weights, strict=True) if w is not None)
    leaves = [t for t in tensors if isinstance(t, Tensor)]
    return leaves, gradients_of(loss, leaves, create_graph)


def second_order_equals_differences(case: Case) -> None:
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    vectors = [np.random.default_rng(5).normal(size=arrays[i].shape) for i in case.floating()]

    def slope(at: list[Any]) -> float:
        gradients = pull_square(case, at, weights)[1]
        return float(sum(np.sum(g.numpy() * v) for g, v in zip(gradients, vectors, strict=True)))

    leaves, first = pull_square(case, arrays, weights, create_graph=True)
    inner = sum(((g * v).sum() for g, v in zip(first, vectors, strict=True)), Tensor(np.zeros((), "float64")))
    for leaf in leaves:
        leaf.zero_grad()
    second = [np.zeros(t.shape) for t in leaves]
    if inner.requires_grad:
        second = [g.numpy() for g in gradients_of(inner, leaves)]
    for number, gradient in zip(case.floating(), second, strict=True):
        direction = np.random.default_rng(7).normal(size=arrays[number].shape)

        def at(t: float, number: int = number, direction: Any = direction) -> float:
            return slope([a + t * direction if i == number else a for i, a in enumerate(arrays)])

        h = 1e-3
        numeric = (45 * (at(h) - at(-h)) - 9 * (at(2 * h) - at(-2 * h)) + (at(3 * h) - at(-3 * h))) / (60 * h)
        analytic = float(np.sum(gradient * direction))
        scale = max(abs(numeric), float(np.abs(gradient).max()) if gradient.size else 0.0, 1e-2)
        assert abs(numeric - analytic) <= 1e-6 * scale, f"second order, input {number}: {analytic} is not {numeric}"


def vjp_is_linear(case: Case) -> None:
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    once = pull(case, arrays, weights)
    twice = pull(case, arrays, [None if w is None else 2 * w for w in weights])
    none = pull(case, arrays, [None if w is None else 0 * w for w in weights])
    for a, b, zero in zip(once, twice, none, strict=True):
        close(b.numpy(), 2 * a.numpy(), "vjp(2g) is not 2 vjp(g)")
        assert not zero.numpy().any(), "vjp(0) is not 0"


def inputs_stay_untouched(case: Case) -> None:
    arrays = case.arrays()
    before = [np.array(a) for a in arrays]
    pull(case, arrays, cotangents(case, arrays)) if case.op.differentiable else run(case.op, *arrays)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


def strided_inputs_give_the_same(case: Case) -> None:
    arrays = case.arrays()
    strided = []
    for a in arrays:
        wide = np.zeros((*np.shape(a)[:-1], 2 * np.shape(a)[-1]) if np.ndim(a) else (), np.asarray(a).dtype)
        if np.ndim(a):
            wide[..., ::2] = a
            strided.append(wide[..., ::2])
        else:
            strided.append(a)
    for got, want in zip(run(case.op, *strided), run(case.op, *arrays), strict=True):
        close(got, want, "a non-contiguous input changed the result")


def float32_stays_float32(case: Case) -> None:
    arrays = case.arrays("float32")
    for y, spec in zip(run(case.op, *arrays), case.op.infer(*[Spec.of(np.asarray(a)) for a in arrays]), strict=False):
        assert y.dtype == spec.dtype
        assert y.dtype != np.float64
    if case.op.differentiable and case.floating():
        weights = cotangents(case, arrays)
        wide = [a.astype("float64") if np.asarray(a).dtype.kind == "f" else a for a in arrays]
        exact = pull(case, wide, [None if w is None else w.astype("float64") for w in weights])
        for gradient, expected in zip(pull(case, arrays, weights), exact, strict=True):
            assert gradient.dtype == np.float32
            close(gradient.numpy(), expected.numpy(), "float32 gradient", tolerance=1e-4)


def out_gives_the_same(case: Case) -> None:
    arrays = case.arrays("float32")
    fresh = case.op.forward(np, *arrays)
    many = isinstance(fresh, tuple)
    out = tuple(map(spoiled, fresh)) if many else spoiled(fresh)
    returned = case.op.forward(np, *arrays, out=out)
    for a, b in zip(returned if many else (returned,), out if many else (out,), strict=True):
        assert np.shares_memory(a, b) or a.size == 0, "forward returned something else than `out`"
    for a, b in zip(out if many else (out,), fresh if many else (fresh,), strict=True):
        np.testing.assert_array_equal(a, b)


def spoiled(like: Any) -> Any:
    """An array of the same shape and dtype, full of values that cannot be right."""
    return np.full(np.shape(like), np.nan if like.dtype.kind == "f" else 1, like.dtype)


def in_place_gives_the_same(case: Case) -> None:
    arrays = case.arrays("float32")
    fresh = case.op.forward(np, *arrays)
    results = fresh if isinstance(fresh, tuple) else (fresh,)
    copies = [np.array(a) for a in arrays]
    taken = [copies[case.op.inputs.index(case.op.inplace[name])] for name in case.op.results]
    if any(t.shape != y.shape for t, y in zip(taken, results, strict=True)):
        return  # broadcast: the planner does not take it over either
    case.op.forward(np, *copies, out=tuple(taken) if len(taken) > 1 else taken[0])
    for a, b in zip(taken, results, strict=True):
        np.testing.assert_array_equal(a, b)


def replay_equals_eager_bit_for_bit(case: Case) -> None:
    arrays = case.arrays("float32")
    differentiable = case.op.differentiable and bool(case.floating())
    weights = cotangents(case, arrays)

    def step(*inputs: Any) -> list[Any]:
        tensors = [gn.ops.identity(t) if isinstance(t, Tensor) else t for t in inputs]
        if not differentiable:
            return list(run(case.op, *tensors))
        leaves = [t.requires_grad_() for t in map(gn.ops.identity, tensors) if t.dtype.kind == "f"]
        leaf = iter(leaves)
        results = run(case.op, *[next(leaf) if t.dtype.kind == "f" else t for t in tensors])
        loss = sum((y * w).sum() for y, w in zip(results, weights, strict=True) if w is not None)
        return [*results, *gradients_of(loss, leaves)]

    graph, _ = trace(step, *map(np.asarray, arrays))
    plan = ExecutionPlan(graph)
    for _ in range(3):  # after the first run results lie in the plan's own memory
        replayed = plan.run(*map(np.asarray, arrays))
    eager = step(*map(Tensor, arrays))
    assert len(replayed) == len(eager)
    for a, b in zip(replayed, eager, strict=True):
        np.testing.assert_array_equal(np.asarray(a), b.numpy())


def zero_size_works(case: Case) -> None:
    arrays = case.arrays(given=case.empty)
    inferred = case.op.infer(*[Spec.of(np.asarray(a)) for a in arrays])
    for got, spec in zip(run(case.op, *arrays), inferred, strict=False):
        assert got.shape == spec.shape
    if case.op.differentiable and case.floating():
        weights = [None if w is None else w for w in cotangents(case, arrays)]
        shapes = [a.shape for a in arrays if np.asarray(a).dtype.kind == "f"]
        assert [g.shape for g in pull(case, arrays, weights)] == shapes


def fused_equals_composition(case: Case) -> None:
    arrays = case.arrays()
    composed = case.op.compose(F, *arrays)
    for got, want in zip(run(case.op, *arrays), composed if isinstance(composed, tuple) else (composed,), strict=True):
        close(got, want, "fused and composed differ")
    if not case.op.differentiable:
        return
    weights = cotangents(case, arrays)
    tensors = [Tensor(a, requires_grad=True) if np.asarray(a).dtype.kind == "f" else a for a in arrays]
    composed = case.op.compose(F, *tensors)
    results = composed if isinstance(composed, tuple) else (composed,)
    loss = sum((y * w).sum() for y, w in zip(results, weights, strict=True) if w is not None)
    expected = gradients_of(loss, [t for t in tensors if isinstance(t, Tensor)])
    for got, want in zip(pull(case, arrays, weights), expected, strict=True):
        close(got.numpy(), want.numpy(), "gradients of fused and composed differ")


def worked_numbers_equal_value(case: Case) -> None:
    arrays = case.arrays()
    rule = rule_of(case, arrays)
    results = dict(zip(case.op.outputs, run(case.op, *arrays), strict=True))
    known = dict(zip(case.op.input_names(len(arrays)), map(np.asarray, arrays), strict=True))
    known |= rules.evaluate(rule, known, case.op.attributes, {n: y.shape for n, y in results.items()})
    for name, y in results.items():
        if np.size(y):
            cell = tuple(np.random.default_rng(3).integers(0, y.shape)) if np.ndim(y) else ()
            found = worked.work_cell(rule, known, case.op.attributes, cell, target=name)
            close(
                np.float64(found.value),
                np.float64(np.asarray(y)[cell]),
                f"worked numbers of {name}{cell}: {found.text}",
            )
            assert found.text


def vjp_changes_nothing(case: Case) -> None:
    """Cotangent, inputs and results stay as they are: others may still need them."""
    arrays = [np.array(a) for a in case.arrays()]
    found = case.op.forward(np, *arrays)
    results = [np.array(y) for y in (found if isinstance(found, tuple) else (found,))]
    weights = [np.array(w) if w is not None else None for w in cotangents(case, arrays)]
    given = [*arrays, *results, *[w for w in weights if w is not None]]
    before = [a.copy() for a in given]
    g = tuple(weights) if len(case.op.outputs) > 1 else weights[0]
    run_vjp(case.op, g, tuple(results), tuple(arrays), tuple(a.dtype.kind == "f" for a in arrays))
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="vjp changed what it was given")


def one_needed_input_is_enough(case: Case) -> None:
    """Each gradient alone equals the one computed with all others."""
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    together = dict(zip(case.floating(), pull(case, arrays, weights), strict=True))
    for number in case.floating():
        tensors = [Tensor(a, requires_grad=True) if i == number else a for i, a in enumerate(arrays)]
        loss = sum((y * w).sum() for y, w in zip(run(case.op, *tensors), weights, strict=True) if w is not None)
        close(gradients_of(loss, [tensors[number]])[0].numpy(), together[number].numpy(), f"input {number} alone")


def one_output_alone_is_enough(case: Case) -> None:
    """A loss that uses one of several outputs: the cotangents of the others are None."""
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    total = [np.zeros(a.shape) for a in arrays if np.asarray(a).dtype.kind == "f"]
    for position, w in enumerate(weights):
        if w is not None:
            alone = [v if i == position else None for i, v in enumerate(weights)]
            total = [t + g.numpy() for t, g in zip(total, pull(case, arrays, alone), strict=True)]
    for got, want in zip(total, pull(case, arrays, weights), strict=True):
        close(got, want.numpy(), "gradients of single outputs do not add up")


def kinks_have_a_finite_gradient(case: Case) -> None:
    """Exactly at a kink, at 0 and for 0-d inputs the gradient is some finite number."""
    arrays = case.arrays()
    for number, name in enumerate(case.op.input_names(len(arrays))):
        domain = case.op.domain.get(name, Domain())
        for point in {0.0, *domain.kinks} if domain.low <= 0 <= domain.high else set(domain.kinks):
            moved = [np.full_like(a, point) if i == number else a for i, a in enumerate(arrays)]
            for gradient in pull(case, moved, cotangents(case, moved)):
                assert np.isfinite(gradient.numpy()).all(), f"gradient at {name} = {point} is not finite"
    for gradient in pull(case, [np.asarray(a).reshape(-1)[0] for a in arrays], [np.float64(1.0)]):
        assert gradient.shape == ()


def no_gradient_means_flat(case: Case) -> None:
    """An op that declares itself not differentiable has float outputs only where their slope is 0."""
    arrays = case.arrays()
    weights = cotangents(case, arrays)
    for number in case.floating():
        direction = np.random.default_rng(0).normal(size=arrays[number].shape)
        assert directional(case, arrays, number, direction, weights, h=1e-6) == 0.0, "it has a slope"


def cells_are_independent(case: Case) -> None:
    """Element-wise: changing one input cell changes no result cell but the one at its place."""
    arrays = case.arrays()
    if any(np.shape(a) != np.shape(arrays[0]) for a in arrays):
        return
    before = run(case.op, *arrays)[0]
    changed = [np.array(a) for a in arrays]
    for a in changed:
        a.reshape(-1)[0] += 0.01
    after = run(case.op, *changed)[0]
    np.testing.assert_array_equal(after.reshape(-1)[1:], before.reshape(-1)[1:])


def views_are_views(case: Case) -> None:
    """Kind "view" shares memory with its input; every other kind does not."""
    arrays = case.arrays()
    found = case.op.forward(np, *arrays)
    for y in found if isinstance(found, tuple) else (found,):
        shared = any(np.shares_memory(y, a) for a in arrays)
        assert shared == (case.op.kind == "view") or np.size(y) == 0, f"kind {case.op.kind}, shares memory: {shared}"


def is_documented(case: Case) -> None:
    op = case.op
    assert op.__doc__, "no docstring"
    assert op.formula or rule_of(case, case.arrays()), "no formula and no rule"
    assert op.gradient or not op.differentiable, "no gradient formula"
    if isinstance(op.gradient, tuple):
        floating = len(case.floating())
        assert len(op.gradient) in (floating, len(case.inputs)), "one gradient formula per input"
    if rule_of(case, case.arrays()):
        assert worked.latex(rule_of(case, case.arrays()))


ALWAYS = [
    value_equals_oracle, specs_equal_results, unknown_batch_keeps_rank, inputs_stay_untouched, views_are_views,
    strided_inputs_give_the_same, float32_stays_float32, replay_equals_eager_bit_for_bit, is_documented,
]  # fmt: skip
WITH_GRADIENT = [
    gradient_equals_differences, second_order_equals_differences, vjp_is_linear, vjp_changes_nothing,
    one_needed_input_is_enough,
]  # fmt: skip


def claims_for(case: Case) -> list[Callable[[Case], None]]:
    """The claims that a row's op makes."""
    claims = list(ALWAYS)
    if case.op.differentiable and case.floating():
        claims += WITH_GRADIENT
        if len(case.op.outputs) > 1:
            claims.append(one_output_alone_is_enough)
        if case.op.kind == "elementwise":
            claims.append(kinks_have_a_finite_gradient)
    elif case.floating():
        claims.append(no_gradient_means_flat)
    if case.op.kind == "elementwise":
        claims.append(cells_are_independent)
    if "out" in case.op.forward.__code__.co_varnames[: case.op.forward.__code__.co_argcount]:
        claims.append(out_gives_the_same)
        if set(case.op.inplace) == set(case.op.results):
            claims.append(in_place_gives_the_same)
    if case.empty is not None:
        claims.append(zero_size_works)
    if case.op.is_fused:
        claims.append(fused_equals_composition)
    if rule_of(case, case.arrays()):
        claims.append(worked_numbers_equal_value)
    return claims


def contract_test(cases: list[Case]) -> Any:
    """A test that checks every claim of every row."""
    pairs = [(case, claim) for case in cases for claim in claims_for(case)]

    @pytest.mark.parametrize(("case", "claim"), pairs, ids=[f"{c.id}-{claim.__name__}" for c, claim in pairs])
    def test_contract(case: Case, claim: Callable[[Case], None]) -> None:
        claim(case)

    return test_contract
