"""Who takes part, and how to reach each: module, function, its options, the interpreter and what must be installed."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from benchmarks.workloads import Array, Runner, Workload

TUNED = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_TOP_PAD_": "268435456"}
"""glibc keeps freed memory: PyTorch's fresh buffers then need no new pages."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison, in a process of its own."""

    name: str
    module: str
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    """Packages of the peers' interpreter; empty for glassnet, which runs in this one."""
    suits: Callable[[Workload], bool] = lambda workload: True
    environment: dict[str, str] = field(default_factory=dict)

    def runner(self, workload: Workload, weights: Sequence[Array]) -> Runner:
        """The contender at work, in this process."""
        make = getattr(importlib.import_module(f"benchmarks.{self.module}"), self.function)
        runner: Runner = make(workload, weights, **self.options)
        return runner

    def is_here(self, peer_python: str) -> bool:
        """Whether what it needs is installed."""
        if self.options.get("compiled") and shutil.which("c++") is None:
            return False
        if self.needs == "tinygrad" and shutil.which("clang") is None:
            return False
        return not self.needs or _has(peer_python, self.needs)


@cache
def _has(python: str, packages: str) -> bool:
    code = f"import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, {packages.split()})))"
    return subprocess.run([python, "-c", code]).returncode == 0


def _torch(name: str, function: str = "steps", tuned: bool = False, **options: Any) -> Contender:
    images_only = options.get("channels_last", False)
    return Contender(
        name, "torch_twin", function, options, "torch", lambda w: w.is_image or not images_only, TUNED if tuned else {}
    )


def _small(workload: Workload) -> bool:
    return workload.call_bound


def _classifier(workload: Workload) -> bool:
    return workload.is_dense and workload.loss == "crossentropy"


STEPS = [
    Contender("glassnet eager", "ours", "steps", {"jit": False}),
    Contender("glassnet replay", "ours", "steps"),
    Contender("glassnet replay, AVX-512 BLAS", "ours", "steps", environment={"OPENBLAS_CORETYPE": "SkylakeX"}),
    Contender("glassnet compiled", "ours", "steps", {"executor": "llvm"}),
    Contender("glassnet scan", "ours", "scan"),
    Contender("glassnet scan, tiles of 4x4", "ours", "scan", {"tile": 4}, suits=lambda w: w.is_image),
    _torch("torch"),
    _torch("torch fused", fused=True),
    _torch("torch fused, malloc tuned", fused=True, tuned=True),
    _torch("torch channels last", channels_last=True),
    _torch("torch fused, channels last", fused=True, channels_last=True),
    _torch("torch fused, channels last, malloc tuned", fused=True, channels_last=True, tuned=True),
    _torch("torch.compile", fused=True, compiled=True),
    Contender("jax jit", "jax_twin", "steps", needs="jax"),
    Contender("jax lax.scan", "jax_twin", "scan", needs="jax", suits=_small),
    Contender("numba loop", "dense_twins", "numba_loop", needs="numba", suits=_small),
    Contender("scikit-learn", "dense_twins", "scikit_learn", needs="sklearn", suits=_classifier),
    Contender("tinygrad", "dense_twins", "tinygrad", needs="tinygrad", suits=lambda w: w.is_dense),
]
EPOCHS = [
    Contender("glassnet fit", "ours", "fit"),
    Contender("glassnet bare steps", "ours", "bare_epochs"),
    _torch("torch loop", "epochs", loader=False),
    _torch("torch loop, channels last", "epochs", loader=False, channels_last=True),
    _torch("torch DataLoader loop", "epochs", loader=True),
    *[
        Contender(
            f"keras fit on {backend}",
            "keras_twin",
            "fit",
            {},
            f"keras {backend}",
            environment={"KERAS_BACKEND": backend},
        )
        for backend in ("jax", "torch")
    ],
]
PREDICTIONS = [
    Contender("glassnet predict", "ours", "predict", {"public": True}),
    Contender("glassnet compiled", "ours", "predict", {"public": False}),
    _torch("torch", "predict"),
    _torch("torch channels last", "predict", channels_last=True),
    _torch("torch.compile", "predict", compiled=True),
    Contender("jax jit", "jax_twin", "predict", needs="jax"),
]
PRODUCTS = [
    Contender("glassnet", "products", "compiled"),
    Contender("glassnet by definition", "products", "compiled", {"tile": 1}, suits=lambda w: w.is_image),
    Contender("numpy", "products", "with_numpy", suits=lambda w: not w.is_image),
    Contender("torch", "products", "with_torch", needs="torch"),
    Contender("torch channels last", "products", "with_torch", {"channels_last": True}, "torch", lambda w: w.is_image),
]
"""Single kernels."""
SCALING = [
    replace(
        side, name=f"{side.name}, {threads} thread{'s' * (threads > 1)}", environment={"OMP_NUM_THREADS": str(threads)}
    )
    for side in STEPS
    if side.name in ("glassnet scan", "torch fused")
    for threads in (1, 2)
]
