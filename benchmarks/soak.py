"""Mixed training, compilation and interruption for as long as you like: memory, threads and weights must stay in order.

    python -m benchmarks.soak --minutes 60

Networks of changing kinds and sizes are trained with "llvm"; every third training is interrupted as by Ctrl-C. After each
one the weights must be finite and the loss must have come down. The resident memory and the number of threads are written
after each; the end compares the second fifth of the run with the last: nothing may grow.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn

L = gn.layers


def network(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A network with its data: dense, convolutional or recurrent, of a size of its own."""
    samples, units = int(rng.integers(64, 400)), int(rng.integers(8, 96))
    kind = rng.choice(["dense", "convolution", "recurrence"])
    if kind == "dense":
        x, stack = rng.random((samples, 20), "float32"), [L.Dense(units, "tanh"), L.Dropout(0.1)]
    elif kind == "convolution":
        x = rng.random((samples, 10, 10, 2), "float32")
        filters = [L.Conv2D(units // 4 + 14, 3, activation="relu"), L.Conv2D(16, 3, padding="same")]
        stack = [*filters, L.MaxPooling2D(), L.Flatten()]
    else:
        x, stack = rng.random((samples, 7, 5), "float32"), [L.GRU(units)]
    y = (x.reshape(samples, -1)[:, :3].sum(axis=1) > 1.5).astype(int)
    model = gn.Sequential([gn.Input(x.shape[1:]), *stack, L.Dense(2, "softmax")])
    model.compile(str(rng.choice(["adam", "sgd", "rmsprop"])), "sparse_categorical_crossentropy")
    return model, x, y


def train(rng: np.random.Generator, interrupted: bool) -> None:
    """One training; raises where weights or loss are not as they should be."""
    model, x, y = network(rng)
    before = model.evaluate(x, y, verbose=0)
    alarm = threading.Timer(float(rng.uniform(0.05, 1.0)), os.kill, (os.getpid(), signal.SIGINT))
    if interrupted:
        alarm.start()
    model.fit(x, y, batch_size=int(rng.integers(8, 64)), epochs=10_000 if interrupted else 20, verbose=0)
    alarm.cancel()
    if interrupted != model.interrupted:
        raise SystemExit(f"interrupted: {interrupted} was asked for, {model.interrupted} is what fit says")
    after = model.evaluate(x, y, verbose=0)
    if not all(np.isfinite(w).all() for w in model.get_weights()) or not after < before + 0.1:
        raise SystemExit(f"the loss went from {before} to {after}")


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Train until the time is over and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", default="benchmarks/results/soak.json")
    options = parser.parse_args()
    gn.config.set_executor("llvm")
    rng, started, seen, count = np.random.default_rng(0), time.monotonic(), [], 0
    while time.monotonic() - started < 60 * options.minutes:
        train(rng, interrupted=count % 3 == 2)
        count += 1
        gc.collect()
        seen.append((round(time.monotonic() - started), round(resident(), 1), threading.active_count()))
        print(f"{seen[-1][0]:>6} s  {count:>5} trainings  {seen[-1][1]:>8} MB  {seen[-1][2]} threads", flush=True)
    fifth = len(seen) // 5
    early, late = (statistics.median(mb for _, mb, _ in part) for part in (seen[fifth : 2 * fifth], seen[-fifth:]))
    result = {"minutes": options.minutes, "trainings": count, "megabytes": [early, late],
              "threads": sorted({threads for _, _, threads in seen})}  # fmt: skip
    Path(options.out).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main()
