"""Under pytest-xdist each process has a processor of its own, so libraries that start threads in it only slow all down."""

from __future__ import annotations

import os

if (
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1
):  # read by NumPy's BLAS and by our team when they are loaded
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def pytest_configure() -> None:
    """Let also the small results of tests lie in the arena of a replay."""
    from glassnet.graph import buffers

    buffers.LARGE = 1
