"""Every row of every op's case table through the compiler: what becomes a kernel gives what `forward` gives."""

from __future__ import annotations

import ctypes
import importlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.op import apply
from glassnet.autograd.tensor import Tensor
from glassnet.graph import trace
from glassnet.ops.convolution import ConvolutionKernel, ConvolutionTranspose
from glassnet.ops.normalization import BatchNorm, LayerNorm

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
        assert {type(stage.call.op).__name__ for stage in plan.compilation.stages if stage.call} <= WITH_NUMPY
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


FAR = np.array([[200, 0, -200, 89, -89], [200, 1e4, -1e4, 3e38, -104], [-50, 0, 20, -20, 200]], "float32")
"""Beyond 88 exponentials are infinite in float32."""


def of_logits(x: Any) -> list[Any]:
    """Everything that has exponentials of what may be large."""
    ops, y = gn.ops, gn.ops.flip(x, 1)
    summed = [ops.logsumexp(x, axis, keepdims=kept) for axis in (0, 1, (0, 1), ()) for kept in (False, True)]
    shared = [f(x, axis) for f in (ops.softmax, ops.log_softmax) for axis in (0, 1)]
    stacked = [ops.softmax(ops.stack([x, y]), axis) for axis in (0, 1)]
    return [
        *summed, *shared, *stacked, ops.softplus(x), ops.mish(x), ops.log_sigmoid(x), ops.logaddexp(x, y),
        ops.sigmoid_crossentropy(x, ops.clip(y, 0, 1)), ops.sigmoid(x), ops.silu(x),
    ]  # fmt: skip


def test_exponentials_of_large_numbers_do_not_overflow() -> None:
    for found, y in zip(CompiledPlan(trace(of_logits, FAR)[0]).run(FAR), of_logits(Tensor(FAR)), strict=True):
        np.testing.assert_allclose(found, y.numpy(), rtol=1e-5, atol=1e-7)


def test_nan_and_infinity_stay_where_numpy_has_them() -> None:
    x, ops = np.array([[1, np.inf, 2, -np.inf], [3, np.nan, np.nan, 0], [np.inf] * 4], "float32"), gn.ops

    def step(x: Any) -> list[Any]:
        y = ops.roll(x, 1, 0)
        return [*(f(x, axis) for f in (ops.argmax, ops.argmin, ops.cumsum, ops.logsumexp) for axis in (0, 1)),
                ops.logaddexp(x, y), ops.softplus(x), ops.mish(x)]  # fmt: skip

    with np.errstate(all="ignore"):
        expected = step(Tensor(x))
    for found, y in zip(CompiledPlan(trace(step, x)[0]).run(x), expected, strict=True):
        np.testing.assert_allclose(found, y.numpy(), rtol=1e-6)


def test_a_row_of_features_is_normalized_as_a_batch_of_cells() -> None:
    x = np.array([1, -2, 3], "float32")
    (found,) = CompiledPlan(trace(lambda x: gn.ops.batch_norm(x)[0], x)[0]).run(x)
    np.testing.assert_array_equal(found, gn.ops.batch_norm(Tensor(x))[0].numpy())


@pytest.mark.parametrize("axes", [(1, 0), (0, 2, 1), (2, 1, 0), (0, 2, 3, 1), (1, 3, 2, 0)])
def test_arrays_are_turned_in_squares_with_what_is_left_over(axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random((37, 50, 18, 21)[: len(axes)], "float32")
    graph, _ = trace(lambda x: [gn.ops.transpose(x, axes), gn.ops.transpose(2.0 * x, axes)], x)
    once, twice = CompiledPlan(graph, threads=2).run(x)
    np.testing.assert_array_equal(once, x.transpose(axes))
    np.testing.assert_array_equal(twice, 2 * x.transpose(axes))


def guarded(array: np.ndarray) -> np.ndarray:
    """The array in memory that ends where a page begins that nobody may touch."""
    whole = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = np.frombuffer(mmap.mmap(-1, whole + mmap.PAGESIZE), np.uint8)
    behind = ctypes.c_void_p(memory[whole:].ctypes.data)
    assert ctypes.CDLL(None).mprotect(behind, mmap.PAGESIZE, 0) == 0
    copy = memory[whole - array.nbytes : whole].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.skipif(os.name != "posix", reason="pages are guarded by mprotect")
@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(
    ("processor", "width"),
    [*[("own", width) for width in (3, 5, 6, 7, 10, 20, 30)], ("avx2", 3), ("avx2", 6), ("avx2", 30), ("sse2", 6)],
    indirect=["processor"],
)
def test_sums_of_any_width_are_numpys_and_touch_nothing_behind_an_array(width: int) -> None:
    rng, shapes = np.random.default_rng(width), [(13, 9), (width, 5), (2, 7, 7, width), (3, 3, width, 5)]
    inputs = [guarded(rng.normal(size=shape).astype("float32")) for shape in shapes]
    inputs.append(guarded(rng.random((13, width)) < 0.5))
    w, b = gn.Variable(rng.random((9, width), "float32")), gn.Variable(rng.random(width, "float32"))
    for variable in (w, b):
        variable.move_to(guarded(variable.array))

    def loss(w: Any, b: Any, x: Any, head: Any, images: Any, kernel: Any, mask: Any) -> Any:
        hidden = gn.ops.where(mask, gn.ops.tanh(x @ w + b), 0.5)
        maps = gn.ops.conv(images, kernel), gn.ops.max_pool(images, 2)
        return sum(gn.ops.sum(y**2) for y in (hidden @ head, *maps))

    def step(*inputs: Any) -> list[Any]:
        of_w, of_b, *found = gn.grad(loss, argnums=range(6))(w.value, b.value, *inputs)
        w.assign(w - 0.01 * of_w)
        b.assign(b - 0.01 * of_b)
        return found

    plan = CompiledPlan(trace(step, *inputs)[0], threads=2)
    before = w.numpy(), b.numpy()
    found = [*plan.run(*inputs), w.numpy(), b.numpy()]
    w.assign(before[0]), b.assign(before[1])
    for y, expected in zip(found, [*step(*map(Tensor, inputs)), w, b], strict=True):
        close(y, expected.numpy(), f"{width} lanes", 1e-5)


def test_a_product_of_few_rows_has_a_part_for_each_of_two_threads() -> None:
    x, w = np.ones((10, 784), "float32"), np.ones((784, 30), "float32")
    (product,) = CompiledPlan(trace(lambda x, w: x @ w, x, w)[0], threads=2).kernels
    assert product.units >= 2


@pytest.mark.parametrize("norm", [LayerNorm(), BatchNorm()])
def test_numbers_far_from_zero_are_normalized_as_exactly_as_by_numpy(norm: Any) -> None:
    rng = np.random.default_rng(0)
    x, ones, zeros = rng.normal(1e4, 1, (96, 96)).astype("float32"), np.ones(96, "float32"), np.zeros(96, "float32")
    exact = norm.forward(np, *[array.astype("float64") for array in (x, ones, zeros)])[0]
    plan = CompiledPlan(trace(lambda *a: apply(norm, *a), x, ones, zeros)[0], threads=1)
    assert np.max(np.abs(plan.run(x, ones, zeros)[0] - exact)) < 1e-5  # with a mean that is rounded once: 2e-3


@pytest.mark.parametrize("height", [1, 2])
def test_an_image_smaller_than_the_stride_has_its_gradient(height: int) -> None:
    delta, w = np.ones((2, 1, 1, 2), "float32"), np.ones((2, 2, 3, 2), "float32")
    op = ConvolutionTranspose(strides=(3, 3), padding=((2, 1), (1, 0)), size=(height, height))
    plan = CompiledPlan(trace(lambda d, w: apply(op, d, w), delta, w)[0], threads=2)
    np.testing.assert_allclose(plan.run(delta, w)[0], op.forward(np, delta, w), rtol=1e-6)


WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "bool"]


@pytest.mark.parametrize("to", WHOLE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_cast_to_whole_ones_as_numpy_casts_them(dtype: str, to: str) -> None:
    ends = [sign * end for end in (2**31, 2**31 - 129, 2**63, 2**63 - 2**39, 3e9, 1e30, np.inf) for sign in (1, -1)]
    x = np.array([np.nan, 1.9, -1.9, 200, 255.9, 300.7, -300, -0.0, *ends], dtype)
    graph, _ = trace(lambda x: gn.ops.cast(x, to), x)
    plan = CompiledPlan(graph, threads=1)
    assert not any(stage.call for stage in plan.compilation.stages)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(plan.run(x)[0], x.astype(to))


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_are_cast_to_all_types_as_numpy_casts_them(dtype: str) -> None:
    x, types = np.arange(-300, 70_000, 37).astype(dtype), [*WHOLE, "float32", "float64"]
    plan = CompiledPlan(trace(lambda x: [gn.ops.cast(x, to) for to in types], x)[0], threads=1)
    assert not any(stage.call for stage in plan.compilation.stages)
    for found, to in zip(plan.run(x), types, strict=True):
        np.testing.assert_array_equal(found, x.astype(to))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "bool"])
def test_the_extremes_of_whole_numbers_are_exact(dtype: str) -> None:
    x = np.array([[2**24, 2**24 + 1, 2**24], [5, 2**53 + 1, 2**53], [-(2**62) - 1, -(2**62) - 2, 1 - 2**63]]).astype(
        dtype
    )
    found = [
        f for f in (gn.ops.argmax, gn.ops.argmin, gn.ops.max, gn.ops.min) if dtype != "int16" or "arg" in f.__name__
    ]
    plan = CompiledPlan(trace(lambda x: [f(x, axis) for f in found for axis in (0, 1)], x)[0], threads=1)
    assert not any(stage.call for stage in plan.compilation.stages)
    for y, f, axis in zip(plan.run(x), np.repeat(found, 2), [0, 1] * 4):
        np.testing.assert_array_equal(y, f(x, axis))


def test_truth_values_are_added_as_numpy_adds_them() -> None:
    x, y = np.array([True, True, False]), np.array([True, False, False])
    np.testing.assert_array_equal(CompiledPlan(trace(lambda x, y: x + y, x, y)[0]).run(x, y)[0], x + y)


ALONE: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "float16": (lambda x: x * 2.0, np.arange(4, dtype="float16")),
    ">f4": (lambda x: x * 2.0, np.arange(4, dtype=">f4")),
    "int8": (lambda x: x + x, np.arange(4, dtype="int8")),
    "uint32": (gn.ops.relu, np.arange(4, dtype="uint32")),
}


@pytest.mark.parametrize("name", ALONE)
def test_types_that_kernels_do_not_compute_in_are_left_to_numpy_and_copied_by_kernels(name: str) -> None:
    function, array = ALONE[name]

    def step(x: Any, y: Any) -> list[Any]:
        return [x, gn.ops.flip(x, 0), function(x), y * 2.0 + 1.0]

    given = array, np.ones((5, 7), "float32")
    plan = CompiledPlan(trace(step, *given)[0], threads=2)
    assert [stage.reason for stage in plan.compilation.stages if stage.call] == [f"kernels do not compute in {name}"]
    for found, y in zip(plan.run(*given), step(*map(Tensor, given)), strict=True):
        assert found.dtype.name == y.numpy().dtype.name
        np.testing.assert_array_equal(found, y.numpy())


EMPTY: dict[str, Callable[[Any], Any]] = {
    "rows": lambda x: gn.ops.softmax(gn.ops.flip(x, 0)),
    "columns": lambda x: gn.ops.transpose(x) @ gn.ops.relu(x) + 1.0,
    "matrices": lambda x: x @ gn.ops.transpose(x) + gn.ops.sum(x),
    "joined": lambda x: gn.ops.concatenate([x, gn.ops.ones((2, 3)), x]) * 2.0,
    "normalized": lambda x: gn.ops.layer_normalization(x),
    "gradients": lambda x: gn.grad(lambda x: gn.ops.sum(gn.ops.log_softmax(x) * x))(x),
}


@pytest.mark.parametrize("name", EMPTY)
def test_arrays_without_numbers_are_nothing_to_compute(name: str) -> None:
    x = np.ones((0, 3), "float32")
    plan = CompiledPlan(trace(EMPTY[name], x)[0], threads=2)
    assert not any(stage.call for stage in plan.compilation.stages)
    np.testing.assert_array_equal(plan.run(x)[0], EMPTY[name](Tensor(x)).numpy())
