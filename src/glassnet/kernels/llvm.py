"""Machine code through LLVM: the processor we are on, a module under construction, and the library it becomes.

llvmlite only builds and compiles; what is built is written in `lanes` (vectors with operators) and `loops`.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

if tuple(int(part) for part in llvmlite.__version__.split(".")[:2]) < (0, 50):
    raise ImportError(f"llvmlite {llvmlite.__version__} is too old: glassnet needs 0.50 (pip install 'glassnet[fast]')")

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
POINTER, VOID = ir.PointerType(), ir.VoidType()


class Machine:
    """The processor: how many float32 numbers fit a register, and how many registers there are."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        wide = next((lanes for feature, lanes in (("avx512f", 16), ("avx", 8)) if features.get(feature)), 4)
        self.lanes: int = wide
        self.registers = 32 if wide == 16 else 16
        self.name, self.features = llvm.get_host_cpu_name(), features.flatten()
        self.triple = llvm.get_default_triple()

    def target(self) -> Any:
        """What LLVM translates for. Each library gets one of its own: it takes possession of it."""
        return llvm.Target.from_default_triple().create_target_machine(
            cpu=self.name, features=self._without_narrow_preference(), opt=3, jit=True, codemodel="jitdefault"
        )

    def _without_narrow_preference(self) -> str:
        """LLVM prefers 256-bit registers on some processors with 512-bit ones; the kernels ask for what they want."""
        return f"{self.features},-prefer-256-bit" if self.lanes == 16 else str(self.features)


@functools.cache
def machine() -> Machine:
    """The machine of this process."""
    return Machine()


class Module:
    """Functions under construction."""

    def __init__(self) -> None:
        self.module = ir.Module("glassnet")
        self.module.triple = machine().triple

    def function(self, name: str, arguments: Sequence[Any], result: Any = VOID) -> tuple[Any, Any]:
        """A new function and the builder that writes its body."""
        function = ir.Function(self.module, ir.FunctionType(result, list(arguments)), name)
        function.attributes.add("nounwind")
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def compile(self) -> Library:
        """Optimize and translate everything."""
        return Library(translated(str(self.module)))


def external(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """A function from outside the module: an intrinsic of LLVM or one of the C library."""
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, list(arguments)), name)


def translated(text: str) -> bytes:
    """Machine code, as an object file."""
    optimized, target = _optimized(text)
    code: bytes = target.emit_object(optimized)
    return code


def assembly(text: str) -> str:
    """The same machine code, to be read."""
    optimized, target = _optimized(text)
    return str(target.emit_assembly(optimized))


def _optimized(text: str) -> tuple[Any, Any]:
    """The module after LLVM's passes, and what it is to be translated for.

    Only those that look at one function: kernels stay functions of their own, and that halves the time it takes.
    """
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    target = machine().target()
    passes, builder = _passes(machine().name, machine().lanes)
    for function in parsed.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return parsed, target


@functools.cache
def _passes(processor: str, lanes: int) -> tuple[Any, Any]:
    """LLVM's passes for a processor with registers of so many lanes. Made once: llvmlite never frees them."""
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = tuning.loop_vectorization = tuning.slp_vectorization = False  # kernels say it
    builder = llvm.create_pass_builder(machine().target(), tuning)
    return builder.getFunctionPassManager(), builder


class Library:
    """Machine code in memory; it lives as long as this object."""

    def __init__(self, code: bytes) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine().target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.digest = hashlib.sha256(code).digest()

    def address(self, name: str) -> int:
        """Where a function begins."""
        return int(self._engine.get_function_address(name))

    def function(self, name: str, *arguments: Any) -> Any:
        """A function that Python can call; it gives up Python's lock while it runs."""
        return ctypes.CFUNCTYPE(None, *arguments)(self.address(name))
