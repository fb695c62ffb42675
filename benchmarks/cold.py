"""What a user waits for: import, the first step, memory, and the time from a process's start to a trained network.

Every number comes from a process of its own that does nothing else: run by `benchmarks.compare`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import compare, contenders, workloads
from benchmarks.contenders import Contender
from benchmarks.workloads import Workload

TARGET = 0.97
MOST_EPOCHS = 15
MODULES = {"ours": "glassnet", "torch_twin": "torch", "jax_twin": "jax"}
STARTERS = ("glassnet compiled", "torch fused", "torch fused, channels last", "torch.compile", "jax jit")
MORE_STEPS = 10
"""After the first, before memory is read."""


# ---------------------------------------------------------------- the first step


@dataclass
class Clock:
    """Seconds between calls."""

    last: float

    def lap(self) -> float:
        before, self.last = self.last, time.perf_counter()
        return self.last - before


def first_step(contender: str, workload: str, weights: str) -> None:
    """In the fresh process: import, build, step, and how much memory it took."""
    import importlib
    import resource

    side = next(c for c in contenders.STEPS if c.name == contender)
    found = next(w for w in workloads.STEPS if w.name == workload)
    arrays = compare.read_weights(weights)
    clock, seconds = Clock(time.perf_counter()), {}
    importlib.import_module(MODULES[side.module])
    seconds["import"] = clock.lap()
    runner = side.runner(found, arrays)
    seconds["build"] = clock.lap()
    runner.advance(1)
    seconds["first_step"] = clock.lap()
    runner.advance(MORE_STEPS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    print(json.dumps(seconds | {"peak_mb": peak}))


def starts(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row per workload: medians of fresh processes, glassnet with an empty and with a filled cache."""
    sides = [c for c in contenders.STEPS if c.name in STARTERS and c.is_here(options.peer_python)]
    rows = []
    for workload in workloads.STEPS:
        if not re.search(options.only, workload.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            weights = compare.store_weights(workload, folder)
            tries: dict[str, list[dict[str, float]]] = {}
            for number in range(options.rounds):
                for side in sides:
                    if side.suits(workload) and re.search(options.side, side.name):
                        for name, said in _fresh(side, workload, weights, f"{folder}/{number}", options.peer_python):
                            tries.setdefault(name, []).append(said)
        medians = {name: _medians(t) for name, t in tries.items()}
        rows.append({"workload": workload.name, "starts": medians})
        print(f"\n{workload.name}")
        for name, t in medians.items():
            print(f"  {name:<32}" + "  ".join(f"{key} {value:.4g}" for key, value in t.items()), flush=True)
    return rows


def _fresh(
    side: Contender, workload: Workload, weights: str, home: str, peer: str
) -> Iterator[tuple[str, dict[str, float]]]:
    """A contender's start; ours twice, the second time with the cache that the first has filled."""
    ours = side.module == "ours"
    for suffix in (", cold cache", ", warm cache") if ours else ("",):
        command = [
            sys.executable if ours else peer,
            "-m",
            "benchmarks.cold",
            "first",
            side.name,
            workload.name,
            weights,
        ]
        # caches of the others are emptied as well, apart from what Python itself keeps
        caches = {"GLASSNET_HOME": home, "TORCHINDUCTOR_CACHE_DIR": home}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=compare.ROOT,
            env={**compare.child_environment(side), **caches},
        )  # fmt: skip
        yield side.name + suffix, json.loads(done.stdout.splitlines()[-1])


def _medians(tries: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(t[key] for t in tries), 4) for key in tries[0]}


# ---------------------------------------------------------------- 97 % on MNIST


def race(contender: str, seed: int) -> None:
    """In the fresh process: train 784-128-10 with Adam, batch 128, until an epoch ends with 97 % on the test images."""
    RACERS[contender](seed)


def _ours(seed: int) -> None:
    import glassnet as gn

    gn.config.set_executor("llvm")
    gn.utils.set_random_seed(seed)
    train, test = gn.datasets.mnist.load_data()
    (x, y), (x_test, y_test) = ((images.reshape(-1, 784) / 255.0, labels) for images, labels in (train, test))
    x, x_test = x.astype("float32"), x_test.astype("float32")
    model = gn.Sequential([gn.Input((784,)), gn.layers.Dense(128, "relu"), gn.layers.Dense(10)])
    model.compile(
        gn.optimizers.Adam(1e-3), gn.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    _until(
        lambda: model.fit(x, y, batch_size=128, validation_data=(x_test, y_test), verbose=0).history["val_accuracy"][0]
    )


def _torch(seed: int) -> None:
    import numpy as np
    import torch

    torch.manual_seed(seed)
    folder = Path(os.environ["GLASSNET_DATA"]) / "mnist"

    def read(name: str, offset: int) -> Any:
        found = next(folder.glob(f"{name}*"))
        data = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
        return np.frombuffer(data, np.uint8, offset=offset)

    x, x_test = (
        torch.from_numpy(read(f"{part}-images", 16).reshape(-1, 784) / np.float32(255)) for part in ("train", "t10k")
    )
    y, y_test = (torch.from_numpy(read(f"{part}-labels", 8).astype("int64")) for part in ("train", "t10k"))
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def epoch() -> float:
        for rows in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.inference_mode():
            return float((model(x_test).argmax(1) == y_test).float().mean())

    _until(epoch)


RACERS: dict[str, Callable[[int], None]] = {"glassnet": _ours, "torch": _torch}


def _until(epoch: Callable[[], float]) -> None:
    accuracy, epochs = 0.0, 0
    while accuracy < TARGET and epochs < MOST_EPOCHS:
        accuracy, epochs = epoch(), epochs + 1
    print(json.dumps({"epochs": epochs, "accuracy": accuracy}), flush=True)


def races(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row: seconds from the start of a process to its word that it is there, one seed per round."""
    runs: dict[str, list[dict[str, float]]] = {}
    torch_is_here = next(c for c in contenders.STEPS if c.needs == "torch").is_here(options.peer_python)
    with tempfile.TemporaryDirectory() as home:
        for seed in range(options.rounds):
            for name, racer, cache in [
                ("glassnet, cold cache", "glassnet", f"{home}/{seed}"), ("glassnet, warm cache", "glassnet", f"{home}/{seed}"),
                *([("torch", "torch", "")] if torch_is_here else []),
            ]:  # fmt: skip
                python = sys.executable if racer == "glassnet" else options.peer_python
                environment = compare.child_environment(
                    replace(contenders.STEPS[0], environment={"GLASSNET_HOME": cache})
                )
                started = time.perf_counter()
                done = subprocess.run(
                    [python, "-m", "benchmarks.cold", "race", racer, str(seed)], capture_output=True, text=True, check=True,
                    cwd=compare.ROOT, env=environment,
                )  # fmt: skip
                seconds = time.perf_counter() - started
                runs.setdefault(name, []).append(
                    {"seconds": round(seconds, 3), **json.loads(done.stdout.splitlines()[-1])}
                )
    found = {name: _medians(r) for name, r in runs.items()}
    for name, median in found.items():
        print(f"  to {TARGET:.0%}: {name:<24} {median['seconds']:.2f} s, {median['epochs']:.0f} epochs", flush=True)
    return [{"workload": f"784-128-10 to {100 * TARGET:.0f} % on MNIST", "runs": runs, "medians": found}]


if __name__ == "__main__":
    if sys.argv[1] == "first":
        first_step(*sys.argv[2:])
    else:
        race(sys.argv[2], int(sys.argv[3]))
