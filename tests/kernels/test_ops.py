"""Every row of every op's case table through the compiler: what becomes a kernel gives what `forward` gives."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.op import apply
from glassnet.autograd.tensor import Tensor
from glassnet.graph import trace
from glassnet.ops.convolution import ConvolutionKernel

from helpers.contract import Case, close, cotangents, run

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels.plan import CompiledPlan  # behind the check for its library

FAMILIES = sorted(path.stem for path in (Path(__file__).parents[1] / "ops").glob("test_*.py"))


def cases_of(family: str) -> list[Case]:
    """The rows of a family's case table."""
    table = getattr(importlib.import_module(f"ops.{family}"), "test_contract", None)
    found = [case for mark in table.pytestmark for case, _ in mark.args[1]] if table is not None else []
    return list({id(case): case for case in found}.values())


def values(case: Case, *inputs: Any) -> list[Any]:
    """What the op gives."""
    return list(run(case.op, *inputs))


def gradients(case: Case, *inputs: Any) -> list[Any]:
    """How <weights, op(inputs)> changes with every floating input."""
    floating = tuple(case.floating())
    if not floating or not case.op.differentiable:
        return []
    weights = cotangents(case, case.arrays(np.dtype(inputs[floating[0]].dtype).name))

    def weighted(*inputs: Any) -> Any:
        return sum((y * w).sum() for y, w in zip(run(case.op, *inputs), weights, strict=True) if w is not None)

    return list(gn.grad(weighted, argnums=floating)(*inputs))


def compiled(what: Callable[..., list[Any]], cases: list[Case], dtype: str) -> tuple[CompiledPlan, list[Any]]:
    """One plan that runs all cases, and its inputs."""
    arrays = [[np.asarray(a) for a in case.arrays(dtype)] for case in cases]

    def step(*inputs: Any) -> list[Any]:
        rest = iter(inputs)
        return [y for case in cases for y in what(case, *[next(rest) for _ in case.inputs])]

    flat = [array for own in arrays for array in own]
    graph, _ = trace(step, *flat)
    return CompiledPlan(graph, threads=2), flat


WITH_NUMPY = {
    "Argsort", "CtcLoss", "FlatIndex", "TopK",
}  # fmt: skip
"""Ops of which some case has no kernel in float32; everything else must have one."""


WIDE = ("test_attention", "test_convolution", "test_elementwise", "test_linalg", "test_pooling", "test_reduction")
"""Families that use every kind of loop: enough to try registers of other widths."""
ROWS = [
    *[("own", what, dtype, family) for what, dtype in ((values, "float32"), (values, "float64"), (gradients, "float32"))
      for family in FAMILIES],
    *[(other, values, "float32", family) for other in ("sse2", "avx2") for family in WIDE],
]  # fmt: skip


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(("processor", "what", "dtype", "family"), ROWS, indirect=["processor"])
def test_kernels_give_what_numpy_gives(family: str, what: Callable[..., list[Any]], dtype: str) -> None:
    cases = [case for case in cases_of(family) if all(np.asarray(a).size for a in case.arrays(dtype))]
    with np.errstate(all="ignore"):
        expected = [(case, what(case, *map(Tensor, case.arrays(dtype)))) for case in cases]
    expected = [(case, results) for case, results in expected if results]
    if not expected:
        pytest.skip("a family without a case table")
    plan, arrays = compiled(what, [case for case, _ in expected], dtype)
    if dtype == "float32":
        assert {type(stage.call.op).__name__ for stage in plan.stages if stage.call} <= WITH_NUMPY
    found = iter(plan.run(*arrays))
    for case, results in expected:
        for y in results:
            close(next(found), y.numpy(), case.id, 1e-5 if dtype == "float32" else 1e-10)


def test_long_sums_of_a_kernel_gradient_lose_no_more_than_numpys() -> None:
    rng = np.random.default_rng(0)
    x, delta = rng.random((16, 28, 28, 3), "float32"), rng.random((16, 28, 28, 20), "float32")
    op = ConvolutionKernel(kernel=(3, 3), padding="same")
    exact = op.forward(np, x.astype("float64"), delta.astype("float64"))
    plan = CompiledPlan(trace(lambda x, delta: apply(op, x, delta), x, delta)[0], threads=1)
    assert np.max(np.abs(plan.run(x, delta)[0] - exact)) <= 1e-6 * np.max(np.abs(exact))  # one by one it were 6e-6


@pytest.mark.parametrize("axes", [(1, 0), (0, 2, 1), (2, 1, 0), (0, 2, 3, 1), (1, 3, 2, 0)])
def test_arrays_are_turned_in_squares_with_what_is_left_over(axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random((37, 50, 18, 21)[: len(axes)], "float32")
    graph, _ = trace(lambda x: [gn.ops.transpose(x, axes), gn.ops.transpose(2.0 * x, axes)], x)
    once, twice = CompiledPlan(graph, threads=2).run(x)
    np.testing.assert_array_equal(once, x.transpose(axes))
    np.testing.assert_array_equal(twice, 2 * x.transpose(axes))
