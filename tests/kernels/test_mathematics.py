"""Functions on lanes against SciPy in float64, over their whole range and in the special places."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import scipy.special

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from llvmlite import ir

from glassnet.kernels.lanes import Lanes, transposed, vector_type
from glassnet.kernels.llvm import I64, POINTER, Module, machine
from glassnet.kernels.loops import loop, pieces
from glassnet.kernels.mathematics import FUNCTIONS, OF_TWO

F32 = np.dtype("float32")
ORACLES = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "erf": scipy.special.erf, "abs": np.abs, "sign": np.sign,
           "sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "round": np.round, "expm1": np.expm1,
           "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh,
           "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan}  # fmt: skip
OF_TWO_ORACLES = {"arctan2": np.arctan2, "power": np.power, "remainder": np.remainder,
                  "floor_divide": np.floor_divide}  # fmt: skip
SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1e-40,
    1e30,
    -1e30,
    88.5,
    -86.5,
    88.73,
    0.625,
    -0.625,
    1.0,
    2.0,
    0.5,
    2.5,
    3e8,
    1e-8,
    -1.0,
    89.2,
]


def mapped(function: Any, *arrays: np.ndarray) -> np.ndarray:
    """A function over arrays, by a kernel of its own."""
    module, lanes, dtype = Module(), machine().lanes, arrays[0].dtype
    kernel, builder = module.function("kernel", [POINTER] * (len(arrays) + 1))
    kind = vector_type(dtype, lanes)
    with loop(builder, 0, len(arrays[0]), lanes) as i:
        *sources, target = (builder.gep(a, [i], source_etype=vector_type(dtype, 1)) for a in kernel.args)
        loaded = [builder.load(source, typ=kind, align=dtype.itemsize) for source in sources]
        value = function(*[Lanes(builder, register, dtype, lanes) for register in loaded])
        builder.store(value.value, target, align=dtype.itemsize)
    builder.ret_void()
    y = np.empty_like(arrays[0])
    library = module.compile()
    run = library.function("kernel", *[ctypes.c_void_p] * (len(arrays) + 1))
    run(*[a.ctypes.data for a in (*arrays, y)])
    return y


@pytest.mark.parametrize("name", ORACLES)
def test_a_function_is_right_to_a_few_units_in_the_last_place(name: str) -> None:
    x = np.concatenate([np.linspace(-100, 100, 40_001), np.linspace(-2, 2, 40_001), SPECIAL]).astype("float32")
    x = np.resize(x, -(-len(x) // 64) * 64)
    with np.errstate(all="ignore"):
        expected = ORACLES[name](x.astype("float64"))
        wanted = expected.astype("float32")
    got = mapped(FUNCTIONS[name], x)
    same = (np.isnan(wanted) & np.isnan(got)) | (wanted == got)
    with np.errstate(all="ignore"):
        near = np.abs(got - expected) <= 4e-7 * np.abs(expected) + 3e-38
    assert not np.any(~same & ~near), x[~same & ~near][:8]


@pytest.mark.parametrize("name", OF_TWO_ORACLES)
def test_functions_of_two_numbers_are_numpys_even_beside_infinity_and_zero(name: str) -> None:
    some = np.float32(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.1, 2.0, -2.5, 3.0, 7.0, -7.5, 1e-30, 1e30, 100.0]
    )
    a, b = (x.reshape(-1).copy() for x in np.meshgrid(some, some))
    with np.errstate(all="ignore"):
        wanted = OF_TWO_ORACLES[name](a, b)
    np.testing.assert_allclose(mapped(OF_TWO[name], a, b), wanted, rtol=4e-7, atol=3e-38)


@pytest.mark.parametrize("name", ["remainder", "floor_divide"])
def test_whole_numbers_are_divided_as_numpy_divides_them(name: str) -> None:
    some = np.int64([0, 1, -1, 2, -2, 3, 7, -7, 8, 100, -100, 2**40, -(2**40), 2**63 - 1, -(2**63), 5])
    a, b = (x.reshape(-1).copy() for x in np.meshgrid(some, some))
    with np.errstate(all="ignore"):
        wanted = OF_TWO_ORACLES[name](a, b)
    np.testing.assert_array_equal(mapped(OF_TWO[name], a, b), wanted)


def test_registers_are_turned_as_a_matrix_is() -> None:
    module, lanes = Module(), machine().lanes
    function, builder = module.function("kernel", [POINTER, POINTER])
    kind, row = vector_type(F32, lanes), 4 * lanes
    at = [builder.gep(function.args[0], [I64(k * row)], source_etype=ir.IntType(8)) for k in range(lanes)]
    rows = [Lanes(builder, builder.load(p, typ=kind, align=4), F32, lanes) for p in at]
    for k, register in enumerate(transposed(rows)):
        target = builder.gep(function.args[1], [I64(k * row)], source_etype=ir.IntType(8))
        builder.store(register.value, target, align=4)
    builder.ret_void()
    x = np.arange(lanes * lanes, dtype="float32").reshape(lanes, lanes)
    y: Any = np.empty_like(x)
    library = module.compile()
    library.function("kernel", ctypes.c_void_p, ctypes.c_void_p)(x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, x.T)


@pytest.mark.parametrize("extent", [1, 2, 7, 16, 30, 63])
def test_pieces_cover_an_extent_once(extent: int) -> None:
    covered = [lane for start, lanes in pieces(extent, 16) for lane in range(start, start + lanes)]
    assert covered == list(range(extent))
