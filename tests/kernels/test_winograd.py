"""3x3 convolutions with fewer products: the definition's numbers, its rounding, and where it is not taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.op import apply
from glassnet.errors import ArgumentError
from glassnet.graph import trace
from glassnet.ops.convolution import BiasedConvolution, Convolution, ConvolutionKernel, ConvolutionTranspose

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels.plan import CompiledPlan  # behind the check for its library
from glassnet.kernels.winograd import TILES


@pytest.fixture
def tile(request: pytest.FixtureRequest) -> Iterator[int]:
    gn.config.set_convolution_tile(request.param)
    yield request.param
    gn.config.set_convolution_tile(2)


def sides(x: Any, w: Any, delta: Any, b: Any, padding: str) -> list[tuple[Any, list[Any]]]:
    """A convolution with and without bias, and the gradients of its image and its kernel: (op, arrays)."""
    return [
        (Convolution(padding=padding), [x, w]),
        (BiasedConvolution(padding=padding), [x, w, b]),
        (ConvolutionTranspose(padding=padding, size=x.shape[1:3]), [delta, w]),
        (ConvolutionKernel(padding=padding, kernel=(3, 3)), [x, delta]),
    ]


def arrays(shape: tuple[int, ...], filters: int, padding: str) -> list[Any]:
    N, H, W, C = shape
    results = (N, H, W, filters) if padding == "same" else (N, H - 2, W - 2, filters)
    shapes = [shape, (3, 3, C, filters), results, (filters,)]
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype("float32") for shape in shapes]


def compiled(op: Any, given: list[Any]) -> CompiledPlan:
    return CompiledPlan(trace(lambda *xs: apply(op, *xs), *given)[0], threads=2)


def error(found: Any, op: Any, given: list[Any]) -> float:
    """The largest difference to float64, as a share of the largest number."""
    exact = op.forward(np, *[array.astype("float64") for array in given])
    return float(np.max(np.abs(found - exact)) / np.max(np.abs(exact)))


SHAPES = [
    ((8, 8, 8, 16), 16, "same"), ((9, 9, 12, 16), 33, "valid"), ((11, 7, 5, 20), 16, "same"), ((8, 3, 3, 16), 16, "valid"),
    ((8, 34, 34, 17), 64, "valid"), ((8, 1, 2, 16), 16, "same"),
]  # fmt: skip
"""Whole tiles and tiles that reach beyond the image, samples that cannot be halved, channels beside the registers' width."""


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("processor", ["sse2", "avx2", "own"], indirect=True)
@pytest.mark.parametrize(("tile", "bound"), [(2, 2e-6), (4, 2e-5)], indirect=["tile"])
@pytest.mark.parametrize(("shape", "filters", "padding"), SHAPES)
def test_all_sides_of_a_convolution_give_its_definition(
    tile: int, shape: tuple[int, ...], filters: int, padding: str, bound: float
) -> None:
    for op, given in sides(*arrays(shape, filters, padding), padding):
        plan = compiled(op, given)
        assert f"{TILES[tile].places} x " in plan.report(), "the products of a tile's places"
        assert error(plan.run(*given)[0], op, given) < bound, type(op).__name__


def test_tiles_of_two_round_like_the_definition_within_a_factor_of_two() -> None:
    """The root mean square of the differences to float64: the largest one depends on the numbers by a factor of two."""
    x, w, delta, b = arrays((8, 16, 16, 32), 32, "same")
    for op, given in sides(x, w, delta, b, "same"):
        exact = op.forward(np, *[array.astype("float64") for array in given])
        (found,), defined = compiled(op, given).run(*given), op.forward(np, *given)
        assert np.std(found - exact) < 2 * np.std(defined - exact), type(op).__name__


def test_a_nan_reaches_the_results_that_read_it_and_no_others() -> None:
    x, w, _, _ = arrays((8, 10, 10, 16), 16, "same")
    x[0, 5, 4, 3] = np.nan
    given = [x, w]
    (y,) = compiled(Convolution(padding="same"), given).run(*given)
    expected = np.zeros((10, 10), bool)
    expected[4:7, 3:6] = True
    np.testing.assert_array_equal(np.isnan(y[0]).any(-1), expected)
    np.testing.assert_array_equal(np.isnan(y[0]).all(-1), expected)


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("tile", [1], indirect=True)
def test_a_tile_of_one_is_the_definition() -> None:
    given = arrays((8, 8, 8, 16), 16, "same")[:2]
    assert "sum_{u<3,v<3,c<16}" in compiled(Convolution(padding="same"), given).report()


@pytest.mark.parametrize(
    ("op", "shape", "kernel"),
    [
        (Convolution(), (8, 8, 8, 8), (3, 3, 8, 16)), (Convolution(strides=(2, 2)), (8, 9, 9, 16), (3, 3, 16, 16)),
        (Convolution(dilation=(2, 2)), (8, 8, 8, 16), (3, 3, 16, 16)), (Convolution(), (8, 8, 8, 16), (5, 5, 16, 16)),
        (Convolution(grouped=True), (8, 8, 8, 2, 16), (3, 3, 16, 2, 16)), (Convolution(), (7, 8, 8, 16), (3, 3, 16, 16)),
    ],
)  # fmt: skip
def test_other_convolutions_follow_their_definition(op: Any, shape: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(shape).astype("float32"), rng.standard_normal(kernel).astype("float32")]
    plan = compiled(op, given)
    assert not any(nest.follows for kernel in plan.kernels for nest in kernel.group.nests)
    assert error(plan.run(*given)[0], op, given) < 2e-6


def test_a_step_is_traced_again_for_another_tile() -> None:
    x, w, _, _ = arrays((8, 8, 8, 16), 16, "same")
    gn.config.set_executor("llvm")
    run = gn.jit(lambda x, w: gn.ops.conv(x, w, padding="same"))
    first = run(x, w).numpy()
    gn.config.set_convolution_tile(4)
    try:
        assert not np.array_equal(run(x, w).numpy(), first)
        assert "executor was llvm, is llvm with convolution tiles of 4" in run.report()
    finally:
        gn.config.set_convolution_tile(2)
        gn.config.set_executor("auto")


def test_unknown_tiles_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no such tile\n  expected: 1, 2 or 4\n  received: 3"):
        gn.config.set_convolution_tile(3)
