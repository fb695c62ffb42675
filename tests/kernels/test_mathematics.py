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
from glassnet.kernels.mathematics import FUNCTIONS

F32 = np.dtype("float32")
ORACLES = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "erf": scipy.special.erf, "abs": np.abs, "sign": np.sign,
           "sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "round": np.round}  # fmt: skip
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
]


def mapped(name: str, x: np.ndarray) -> np.ndarray:
    """A function over an array, by a kernel of its own."""
    module, lanes = Module(), machine().lanes
    function, builder = module.function("kernel", [POINTER, POINTER, I64])
    with loop(builder, 0, function.args[2], lanes) as i:
        source, target = (builder.gep(a, [i], source_etype=ir.FloatType()) for a in function.args[:2])
        value = Lanes(builder, builder.load(source, typ=vector_type(F32, lanes), align=4), F32, lanes)
        builder.store(FUNCTIONS[name](value).value, target, align=4)
    builder.ret_void()
    y = np.empty_like(x)
    library = module.compile()
    library.function("kernel", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(x.ctypes.data, y.ctypes.data, len(x))
    return y


@pytest.mark.parametrize("name", ORACLES)
def test_a_function_is_right_to_a_few_units_in_the_last_place(name: str) -> None:
    x = np.concatenate([np.linspace(-100, 100, 40_001), np.linspace(-2, 2, 40_001), SPECIAL]).astype("float32")
    x = np.resize(x, -(-len(x) // 64) * 64)
    with np.errstate(all="ignore"):
        expected = ORACLES[name](x.astype("float64"))
        wanted = expected.astype("float32")
    got = mapped(name, x)
    same = (np.isnan(wanted) & np.isnan(got)) | (wanted == got)
    with np.errstate(all="ignore"):
        near = np.abs(got - expected) <= 4e-7 * np.abs(expected) + 3e-38
    assert not np.any(~same & ~near), x[~same & ~near][:8]


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
