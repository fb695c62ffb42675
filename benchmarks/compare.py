"""glassnet against other libraries, side by side, each in a process of its own.

    python -m benchmarks.compare [steps fit inference scaling products start race] [--only NAME] [--with NAME] ...

`steps`: training steps, own loop against own loop. `fit`: epochs of the public loops. `inference`: forward passes.
`scaling`: steps where one number of a network changes (`python -m benchmarks.scaling` draws them). `products`: single
kernels against the processor's peak. `start`: import, first step and memory of a fresh process. `race`: from a
process's start to 97 % on MNIST.

A contender is blocked on a pipe while another measures (idle threads of one library spin and slow the other when both
live in one process). Rounds of at least 0.2 s alternate, the first tenth of a round is dropped, medians of rounds are
compared. Equal work: from the same weights all have the losses of PyTorch; who has not is left out, and the row says so.
`--store` renews the measured rows in benchmarks/results. `--peer-python` names an interpreter with the extra `peers`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import contenders, products, workloads
from benchmarks.contenders import Contender
from benchmarks.workloads import Runner, Workload

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TABLES: dict[str, tuple[list[Workload], list[Contender]]] = {
    "steps": (workloads.STEPS, contenders.STEPS),
    "fit": (workloads.EPOCHS, contenders.EPOCHS),
    "inference": (workloads.PREDICTIONS, contenders.PREDICTIONS),
    "scaling": (workloads.SCALING, contenders.SCALING),
    "products": (products.PRODUCTS, contenders.PRODUCTS),
}
PEERS = ("torch", "jax", "keras", "scikit-learn", "tinygrad", "numba")
REFERENCE = "torch"
"""Whose losses are right: the first contender whose name begins so."""


# ---------------------------------------------------------------- a contender's process


def serve(table: str, contender: str, workload: str, weights: str) -> None:
    """Answers `check STEPS`, `facts` and `round SECONDS` on standard input."""
    found = next(w for w in TABLES[table][0] if w.name == workload)
    arrays = read_weights(weights)
    runner = next(c for c in TABLES[table][1] if c.name == contender).runner(found, arrays)
    count = 0
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: Any = None
        if command == "check":
            answer = [float(number) for number in runner.advance(int(arguments[0]))]
        elif command == "facts":
            answer = runner.facts()
        else:
            count = count or calls_for(runner, float(arguments[0]) / 10)
            answer = measure(runner, count, float(arguments[0]))
        print("answer", json.dumps(answer), flush=True)


def calls_for(runner: Runner, seconds: float) -> int:
    """How many steps to ask for at a time, so that asking costs nothing beside them."""
    count = 1
    while True:
        started = time.perf_counter()
        runner.advance(count)
        if time.perf_counter() - started > seconds:
            return count
        count *= 2


def measure(runner: Runner, count: int, seconds: float) -> float:
    """Seconds per step over a round whose first tenth is dropped."""
    started = time.perf_counter()
    while time.perf_counter() - started < seconds / 10:
        runner.advance(count)
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        runner.advance(count)
        done += count
    return (time.perf_counter() - begin) / done


def read_weights(path: str) -> list[workloads.Array]:
    """What `initial_weights` was stored as."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def child_environment(contender: Contender) -> dict[str, str]:
    """Where the packages are, and what the contender wants."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, **contender.environment}


class Failed(Exception):
    """A contender that came to its end, with its last words."""


class Process:
    """The other end of a contender's pipe."""

    def __init__(self, table: str, contender: Contender, workload: Workload, weights: str, python: str) -> None:
        command = [python, "-m", "benchmarks.compare", "--serve", table, contender.name, workload.name, weights]
        self.notices = tempfile.TemporaryFile("w+")  # noqa: SIM115  # lives as long as the process
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.notices, text=True, cwd=ROOT,
            env=child_environment(contender),
        )  # fmt: skip

    def ask(self, request: str) -> Any:
        """The answer to one line; what else the library prints is passed over."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.said()) from None
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line.partition(" ")[2])
        raise Failed(self.said())

    def said(self) -> str:
        """The last thing it wrote to standard error."""
        self.notices.seek(0)
        lines = [line.strip() for line in self.notices if line.strip()]
        return lines[-1] if lines else "ended without a word"

    def warned(self) -> list[str]:
        """Warnings so far."""
        self.notices.seek(0)
        return [line.strip() for line in self.notices if "Warning: " in line]

    def close(self) -> None:
        """End of input is the end of the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


# ---------------------------------------------------------------- a row


def store_weights(workload: Workload, folder: str) -> str:
    """Initial weights of all contenders, in a file. Another process makes them: this one must stay idle."""
    path = f"{folder}/weights.npz"
    code = (
        "import sys, numpy as np; from benchmarks import ours, compare; w = next(w for ws, _ in compare.TABLES.values() "
        "for w in ws if w.name == sys.argv[1]); np.savez(sys.argv[2], *ours.initial_weights(w))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    subprocess.run([sys.executable, "-c", code, workload.name, path], check=True, cwd=ROOT, env=environment)
    return path


def row(
    table: str, workload: Workload, sides: Sequence[Contender], rounds: int, seconds: float, peer: str
) -> dict[str, Any]:
    """Medians and quartiles of every contender that does the same work."""
    times: dict[str, list[float]] = {}
    left_out: dict[str, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    losses: dict[str, list[float]] = {}
    notices: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = store_weights(workload, folder)
        running = {}
        for side in sides:
            process = Process(table, side, workload, weights, peer if side.needs else sys.executable)
            try:
                losses[side.name] = process.ask(f"check {workload.checked}")
                facts[side.name] = process.ask("facts")
                running[side.name] = process
            except Failed as problem:
                left_out[side.name] = str(problem)
        expected = next((found for name, found in losses.items() if name.startswith(REFERENCE)), None)
        for name in list(running):
            if expected is not None and (difference := other_work(losses[name], expected)):
                left_out[name] = difference
                running.pop(name).close()
        for _ in range(rounds):
            for name, process in running.items():
                times.setdefault(name, []).append(process.ask(f"round {seconds}"))
        for name, process in running.items():
            notices[name] = [line for line in process.warned() if "DeprecationWarning" not in line]
            process.close()
    found = {name: {"median": _micro(statistics.median(t)), "quartiles": _quartiles(t)} for name, t in times.items()}
    flop = next((f["flop"] for f in facts.values() if "flop" in f), workload.flop)
    return {
        "workload": workload.name, "call_bound": workload.call_bound, "microseconds": found,
        "floor": workload.floor, "flop": flop, "checked_steps": workload.checked,
        "last_checked_loss": expected[-1] if expected else None, "left_out": left_out,
        "notices": {name: said for name, said in notices.items() if said},
        "reports": {name: f["report"] for name, f in facts.items() if "report" in f},
    }  # fmt: skip


def other_work(found: list[float], expected: list[float]) -> str:
    """Where losses part from PyTorch's; nothing where they do not."""
    for number, (mine, right) in enumerate(zip(found, expected, strict=True), 1):
        if not np.isclose(mine, right, rtol=1e-4, atol=1e-6):
            return f"does other work: its loss number {number} is {mine:.7g}, PyTorch's {right:.7g}"
    return ""


def _micro(seconds: float) -> float:
    return float(f"{1e6 * seconds:.4g}")


def _quartiles(seconds: list[float]) -> list[float]:
    if len(seconds) < 2:
        return [_micro(seconds[0])] * 3
    return [_micro(part) for part in statistics.quantiles(seconds)]


def told(found: dict[str, Any], peak: float | None) -> str:
    """A row in words."""
    micro = found["microseconds"]
    lines = [f"\n{found['workload']}"]
    for name, t in sorted(micro.items(), key=lambda item: float(item[1]["median"])):
        rate = found["flop"] / t["median"] / 1e3 if found["flop"] and not found["call_bound"] else None
        share = f"{rate:8.0f} GF/s, {rate / peak:4.0%} of the peak" if rate and peak else ""
        lines.append(f"  {t['median']:>12.4g} us  {name:<42}{share}")
    lines += [f"  left out: {name}: {why}" for name, why in found["left_out"].items()]
    lines += [f"  {name} says: {text}" for name, said in found["notices"].items() for text in said]
    return "\n".join(lines)


# ---------------------------------------------------------------- the machine


def machine(peer: str | None = None) -> dict[str, Any]:
    """What the numbers were measured on: processor, versions, rates of matrix products.

    Arguments:
        peer: the interpreter of the other libraries.
    """
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    gemm = "import {0} as m; a = m.ones((1024, 1024), dtype=m.float32)"
    found: dict[str, Any] = {"cpu": model, "cores": os.cpu_count()}
    if hasattr(os, "getloadavg"):
        found["load_before"] = round(os.getloadavg()[0], 2)  # of other programs: above 0.5 the numbers are worth little
    if peer is not None:
        from benchmarks import peak

        found["cpu_kind"] = peak.processor()
        found["peak_gflops"] = round(peak.peak_gflops(os.cpu_count() or 1), 1)
        found["peak_gflops_of_one_thread"] = round(peak.peak_gflops(1), 1)
        theirs = _versions(peer)
        found |= {name: theirs[name] for name in PEERS if name in theirs}
        if "torch" in theirs:
            found["torch_gemm_gflops"] = _rate(peer, gemm.format("torch"))
    found["numpy_gemm_gflops"] = _rate(sys.executable, gemm.format("numpy"))
    own = _versions(sys.executable)
    found |= {name: own[name] for name in ("numpy", "llvmlite") if name in own}
    return found | {"python": platform.python_version()}


def _versions(python: str) -> dict[str, str]:
    """Packages that an interpreter has."""
    code = "import importlib.metadata as m, json; print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = json.loads(said)
    return found


def _rate(python: str, setup: str) -> float:
    """10⁹ operations per second of a product of two 1024 x 1024 matrices."""
    done = subprocess.run(
        [python, "-m", "timeit", "-u", "sec", "-s", setup, "a @ a"], capture_output=True, text=True, check=True
    )
    seconds = float(done.stdout.split("best of")[1].split(":")[1].split()[0])
    return round(2 * 1024**3 / seconds / 1e9, 1)


# ---------------------------------------------------------------- the command


def store(table: str, rows: list[dict[str, Any]], on: dict[str, Any]) -> None:
    """Renew these rows of a table; the others stay as they are."""
    path = RESULTS / f"{table}.json"
    old = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    kept = {r["workload"]: r for r in old} | {r["workload"]: r for r in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": on, "rows": list(kept.values())}, indent=1) + "\n", encoding="utf-8")


def measured(table: str, options: argparse.Namespace, on: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of one table that were asked for."""
    from benchmarks import cold

    fresh: dict[str, Callable[..., list[dict[str, Any]]]] = {"start": cold.starts, "race": cold.races}
    if table in fresh:
        return fresh[table](options)
    every, sides = TABLES[table]
    sides = [s for s in sides if re.search(options.side, s.name) and s.is_here(options.peer_python)]
    rows = []
    for workload in every:
        if re.search(options.only, workload.name):
            able = [side for side in sides if side.suits(workload)]
            rows.append(row(table, workload, able, options.rounds, options.seconds, options.peer_python))
            print(told(rows[-1], on.get("peak_gflops")), flush=True)
    return rows


def main() -> None:
    """Measure, tell, and store if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "tables", nargs="*", default=["steps", "fit", "inference", "scaling", "products", "start", "race"]
    )
    parser.add_argument("--only", default="", metavar="NAME", help="rows whose name holds this (a regular expression)")
    parser.add_argument("--with", dest="side", default="", metavar="NAME", help="contenders whose name holds this")
    parser.add_argument("--rounds", type=int, default=9, help="0 only compares the losses")
    parser.add_argument("--seconds", type=float, default=0.25, help="of a round")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    on = machine(options.peer_python)
    print(json.dumps(on))
    for table in options.tables:
        rows = measured(table, options, on)
        if options.store:
            store(table, rows, on)


if __name__ == "__main__":
    main()
