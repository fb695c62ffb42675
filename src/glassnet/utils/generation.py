"""Sequences that a model writes itself: it says how likely every next id is, one is drawn, and it reads on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.typing import Array


def generate(
    model: Any, ids: Any, length: int, temperature: float = 1.0, top_k: int | None = None, seed: int | None = None
) -> Iterator[int]:
    """The next `length` ids after `ids` (at least one), from a model of ids (N, T) that gives logits (N, T, V).

    Arguments:
        temperature: the logits are divided by it; below 1 likely ids become more likely, 0 takes the likeliest.
        top_k: only the k likeliest ids are drawn from; None: all.

    A step must not look at later ones; of a longer sequence the model reads the last T ids.

    >>> one_more = gn.layers.Embedding(10, 10, weights=np.roll(np.eye(10), 1, axis=1))
    >>> list(generate(gn.Sequential([gn.Input((2,), dtype="int64"), one_more]), [3], length=4, temperature=0))
    [4, 5, 6, 7]
    """
    start = np.asarray(ids, "int64").reshape(-1)
    checks = {
        "ids": (len(start) > 0, "at least one id to go on from", len(start)),
        "length": (length >= 0, "how many ids to write", length),
        "temperature": (0 <= temperature < np.inf, "0 or a positive number", temperature),
        "top_k": (top_k is None or top_k >= 1, "at least 1, or None for all", top_k),
    }
    for name, (fine, expected, received) in checks.items():
        if not fine:
            raise ArgumentError(f"generate: bad {name}", expected=expected, received=received)
    return _written(model, list(start), length, temperature, top_k, np.random.default_rng(seed))


def _written(
    model: Any, ids: list[int], length: int, temperature: float, top_k: int | None, rng: np.random.Generator
) -> Iterator[int]:
    steps = model.input_shape[1]
    window = np.zeros((1, steps), "int64")  # what stands behind the last id is not looked at: one shape for every call
    for _ in range(length):
        read = ids[-steps:]
        window[0, : len(read)] = read
        logits = np.asarray(model.predict_on_batch(window))[0, len(read) - 1]
        ids.append(_drawn(logits.astype("float64"), temperature, top_k, rng))
        yield ids[-1]


def _drawn(logits: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    likeliest = np.argsort(-logits, kind="stable")[:top_k]
    p = np.exp((logits[likeliest] - logits[likeliest[0]]) / temperature)
    return int(rng.choice(likeliest, p=p / p.sum()))
