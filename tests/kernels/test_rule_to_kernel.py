"""The rule is enough to generate machine code: an element-wise rule becomes one llvmlite loop (a proof, not a product)."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from glassnet.autograd import rules
from glassnet.ops.activation import Relu
from glassnet.ops.elementwise import Multiply

ir = pytest.importorskip("llvmlite.ir", reason="the compiler is the optional extra `fast`")
llvm = pytest.importorskip("llvmlite.binding")

FLOAT, INT = ir.FloatType(), ir.IntType(64)


def emit(builder: Any, expr: Any, cells: dict[str, Any]) -> Any:
    """LLVM instructions for one cell of a rule's body."""
    match expr:
        case rules.Number(value):
            return ir.Constant(FLOAT, value)
        case rules.Name(name):
            return cells[name]
        case rules.Binary("*", left, right):
            return builder.fmul(emit(builder, left, cells), emit(builder, right, cells))
        case rules.Call("max", (left, right)):
            a, b = emit(builder, left, cells), emit(builder, right, cells)
            return builder.select(builder.fcmp_unordered("olt", a, b), b, a)
    raise NotImplementedError(expr)


def compile_rule(rule: str, names: tuple[str, ...]) -> Any:
    """`kernel(n, out, *inputs)` on float32 pointers."""
    module = ir.Module()
    pointers = [FLOAT.as_pointer()] * (len(names) + 1)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT, *pointers]), "kernel")
    count, out, *arrays = function.args
    entry, loop, done = (function.append_basic_block(name) for name in ("entry", "loop", "done"))
    start = ir.IRBuilder(entry)
    start.cbranch(start.icmp_signed(">", count, INT(0)), loop, done)
    builder = ir.IRBuilder(loop)
    i = builder.phi(INT)
    i.add_incoming(INT(0), entry)
    cells = {name: builder.load(builder.gep(array, [i])) for name, array in zip(names, arrays, strict=True)}
    builder.store(emit(builder, rules.parse(rule)[0].body, cells), builder.gep(out, [i]))
    following = builder.add(i, INT(1))
    i.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
    ir.IRBuilder(done).ret_void()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (len(names) + 1))
    return engine, kind(engine.get_function_address("kernel"))


@pytest.mark.parametrize("op", [Relu(), Multiply()], ids=lambda op: op.name)
def test_kernel_generated_from_the_rule_equals_forward(op: Any) -> None:
    engine, kernel = compile_rule(op.rule, op.inputs)
    arrays = [np.random.default_rng(i).normal(size=1000).astype("float32") for i, _ in enumerate(op.inputs)]
    out = np.empty(1000, "float32")
    kernel(1000, out.ctypes.data, *[a.ctypes.data for a in arrays])
    np.testing.assert_array_equal(out, op.forward(np, *arrays))
    assert engine is not None  # it owns the machine code
