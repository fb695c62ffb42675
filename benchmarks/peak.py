"""What the processor could do at most: a loop of nothing but fused multiply-adds in registers, on all cores at once."""

from __future__ import annotations

import ctypes
import os
import time
from concurrent.futures import ThreadPoolExecutor

import llvmlite.binding as llvm

_CHAINS = 16
"""Independent sums, so that no multiply-add waits for the one before."""
_TURNS = 20_000_000


def peak_gflops(threads: int) -> float:
    """10⁹ float32 operations per second, the best of five tries."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    lanes = 16 if features.get("avx512f") else 8
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=3
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_loop(lanes)), target)
    run = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(engine.get_function_address("multiply_add"))
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            started = time.perf_counter()
            list(pool.map(run, [_TURNS] * threads))
            best = min(best, time.perf_counter() - started)
    return threads * _TURNS * _CHAINS * lanes * 2 / best / 1e9


def processor() -> str:
    """What LLVM takes this processor for, such as "znver4"."""
    return str(llvm.get_host_cpu_name())


def _loop(lanes: int) -> str:
    """`multiply_add(turns)` in LLVM's language."""
    vector, chains = f"<{lanes} x float>", range(_CHAINS)
    half = f"<{', '.join(['float 0.5'] * lanes)}>"
    starts = [f"%a{k} = phi {vector} [ {half}, %entry ], [ %b{k}, %loop ]" for k in chains]
    work = [
        f"%b{k} = call {vector} @llvm.fma.v{lanes}f32({vector} %a{k}, {vector} {half}, {vector} {half})" for k in chains
    ]
    sums = [f"%s{k + 1} = fadd {vector} %{f's{k}' if k else 'b0'}, %b{k}" for k in chains]
    return "\n".join([
        f"declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})", "define float @multiply_add(i64 %turns) {",
        "entry:", "br label %loop", "loop:", "%i = phi i64 [ 0, %entry ], [ %next, %loop ]", *starts, *work,
        "%next = add i64 %i, 1", "%more = icmp slt i64 %next, %turns", "br i1 %more, label %loop, label %end",
        "end:", *sums, f"%result = extractelement {vector} %s{_CHAINS}, i64 0", "ret float %result", "}",
    ])  # fmt: skip


if __name__ == "__main__":
    for count in range(1, (os.cpu_count() or 1) + 1):
        print(f"{count} threads: {peak_gflops(count):.0f} GF/s")
