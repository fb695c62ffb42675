"""Training steps of glassnet against PyTorch, side by side.

    python -m benchmarks.compare --out benchmarks/results/steps.json [--rounds 9]

Each contender is a process of its own, blocked on a pipe while another measures (idle BLAS threads of one library spin
and slow the other when both live in one process). Rounds of at least 0.2 s alternate, the first tenth of a round is
dropped, medians of rounds are compared. Equal work: after 20 steps from the same weights all losses agree to 1e-4.
Needs the extra `peers`; `--peer-python` names an interpreter that has it, where it is not this one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads import CONTENDERS, WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
CHECKED_STEPS = 20


def serve(contender: str, workload: str) -> None:
    """A contender's process: answers `losses` and `round SECONDS` on standard input."""
    step = CONTENDERS[contender](WORKLOADS[workload])
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "losses":
            answer: Any = [step() for _ in range(CHECKED_STEPS)]
        else:
            answer = measure(step, float(arguments[0]))
        print(json.dumps(answer), flush=True)


def measure(step: Any, seconds: float) -> float:
    """Seconds per step over a round whose first tenth is dropped."""
    started = time.perf_counter()
    while time.perf_counter() - started < seconds / 10:
        step()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(10):
            step()
        count += 10
    return (time.perf_counter() - begin) / count


class Contender:
    """The other end of a contender's pipe."""

    def __init__(self, name: str, workload: str, python: str) -> None:
        command = [python, "-m", "benchmarks.compare", "--serve", name, workload]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
        )  # fmt: skip

    def ask(self, request: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(workload: str, rounds: int, seconds: float, pythons: dict[str, str]) -> dict[str, Any]:
    """One row: medians and quartiles of every contender, and the ratios."""
    contenders = {name: Contender(name, workload, pythons[name.split()[0]]) for name in CONTENDERS}
    losses = {name: contender.ask("losses") for name, contender in contenders.items()}
    expected = losses["torch"]
    for name, found in losses.items():
        if not np.allclose(found, expected, rtol=1e-4, atol=1e-6):
            raise SystemExit(f"{workload}: {name} does other work than torch: {found[-1]} is not {expected[-1]}")
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(contender.ask(f"round {seconds}"))
    for contender in contenders.values():
        contender.close()
    medians = {name: statistics.median(t) for name, t in times.items()}
    return {
        "workload": workload,
        "microseconds": {
            name: {"median": round(1e6 * medians[name], 2), "quartiles": _rounded(statistics.quantiles(t))}
            for name, t in times.items()
        },
        "eager_ratio": round(medians["torch"] / medians["glassnet eager"], 3),
        "eager_ratio_to_fused": round(medians["torch fused"] / medians["glassnet eager"], 3),
        "replay_ratio": round(medians["torch"] / medians["glassnet replay"], 3),
        "compiled_ratio": round(medians["torch"] / medians["glassnet compiled"], 3),
        "compiled_ratio_to_fused": round(medians["torch fused"] / medians["glassnet compiled"], 3),
        "floor": WORKLOADS[workload].floor,
        "loss_after_20_steps": expected[-1],
    }


def _rounded(seconds: list[float]) -> list[float]:
    return [round(1e6 * second, 2) for second in seconds]


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    size = 1024
    a = np.random.default_rng(0).random((size, size), dtype="float32")
    a @ a
    started = time.perf_counter()
    for _ in range(5):
        a @ a
    rate = 5 * 2 * size**3 / (time.perf_counter() - started) / 1e9
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__,
            "numpy_gemm_gflops": round(rate, 1)}  # fmt: skip


def main() -> None:
    """Measure all workloads and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", nargs=2, metavar=("CONTENDER", "WORKLOAD"))
    parser.add_argument("--out", default="benchmarks/results/steps.json")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.25)
    parser.add_argument("--peer-python", default=sys.executable)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    pythons = {"glassnet": sys.executable, "torch": options.peer_python}
    rows = []
    for name in WORKLOADS:
        row = compare(name, options.rounds, options.seconds, pythons)
        rows.append(row)
        print(f"{name:<34} eager {row['eager_ratio']:.2f}x  replay {row['replay_ratio']:.2f}x  "
              f"compiled {row['compiled_ratio']:.2f}x, to fused {row['compiled_ratio_to_fused']:.2f}x  (floor {row['floor']}x) "
              + "  ".join(f"{k} {v['median']:.0f} us" for k, v in row["microseconds"].items()), flush=True)  # fmt: skip
    code = "import torch; print(torch.__version__)"
    torch_version = subprocess.run(
        [options.peer_python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    Path(options.out).write_text(
        json.dumps({"machine": {**machine(), "torch": torch_version}, "rows": rows}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
