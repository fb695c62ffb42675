"""Karpathy's makemore: names that nobody has yet, with a GRU and with a transformer.

A name is read as `.emma` and predicted as `emma.`: its end is one of the characters that are scored, its begin is not.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from glassnet.datasets import names
from glassnet.datasets.text import decode, encode
from glassnet.lab.row import Row
from glassnet.lab.text import TRAINING, decoder, fit, nats
from glassnet.layers import GRU, Dense, Embedding, Input
from glassnet.models import Sequential
from glassnet.typing import Array
from glassnet.utils import generate, set_random_seed

END, LONGEST, HELD_OUT = ".", 16, 1000
LETTERS = END + "abcdefghijklmnopqrstuvwxyz"
FEW_NAMES = "ada alan blaise carl emmy ernst grace hedy ida john kurt leon lise marie niels nora paul rosa sofia yann"


def as_labels(words: list[str]) -> tuple[Array, Array]:
    """Names as ids x (N, 16), which begin with the end sign, and the next ids y (N, 16), with -1 behind the end."""
    x, y = np.zeros((len(words), LONGEST), "int64"), np.full((len(words), LONGEST), -1)
    for row, word in enumerate(words):
        ids = encode(END + word + END, LETTERS)
        x[row, : len(ids) - 1], y[row, : len(ids) - 1] = ids[:-1], ids[1:]
    return x, y


def split(words: list[str], held_out: int = HELD_OUT) -> tuple[list[str], list[str], list[str]]:
    """Training, validation and test names: makemore's split, with names for our choices taken from its training names."""
    order = np.random.default_rng(42).permutation(len(words))
    mixed = [words[i] for i in order]
    return mixed[: -2 * held_out], mixed[-2 * held_out : -held_out], mixed[-held_out:]


def gru(units: int) -> Sequential:
    """A recurrent network of one layer."""
    recurrent = GRU(units, return_sequences=True)
    return Sequential([
        Input((LONGEST,), dtype="int64"), Embedding(len(LETTERS), 32), recurrent, Dense(len(LETTERS)),
    ])  # fmt: skip


def written_names(model: Any, count: int, seed: int) -> list[str]:
    """Names that the model makes up."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        ids = generate(model, [0], LONGEST - 1, seed=int(rng.integers(2**32)))
        found.append(decode(itertools.takewhile(lambda number: number != 0, ids), LETTERS))
    return found


def learn(model: Any, about: dict[str, Any], seed: int, quick: bool) -> dict[str, Any]:
    """Train on the training names; the test names are looked at once, after all was chosen by the validation names."""
    words, held_out = (FEW_NAMES.split(), 4) if quick else (names.load_data(), HELD_OUT)
    train, val, test = split(words, held_out)
    unseen = sorted(set(test) - set(train))
    epochs = 2 if quick else about["epochs"]
    seconds = fit(model, *as_labels(train), about["batch_size"], about["rate"], epochs)
    scores = {name: nats(model, *as_labels(part)) for name, part in (("val", val), ("test", test), ("unseen", unseen))}
    return {
        "settings": {
            **about, "epochs": epochs, "optimizer": TRAINING, "train": len(train), "validation": len(val), "test": len(test),
            "unseen": f"the {len(unseen)} different test names that are not among the training names",
            "measure": "mean of -ln p over all letters and the end sign of all names, padding not counted",
        },
        "obtained": {
            "params": model.count_params(), **scores, "train_seconds": seconds,
            "text": "\n".join(written_names(model, 20, seed)),
        },
    }  # fmt: skip


def with_gru(seed: int, quick: bool) -> dict[str, Any]:
    """A recurrent network reads the name, and keeps in mind what it needs of it."""
    set_random_seed(seed)
    about = {"network": "embedding 32, GRU 192", "batch_size": 64, "rate": 4e-3, "epochs": 8}
    return learn(gru(192), about, seed, quick)


def with_transformer(seed: int, quick: bool) -> dict[str, Any]:
    """Every letter looks at all letters before it."""
    set_random_seed(seed)
    network = "4 blocks, 4 heads, width 64, context 16, gelu, normalized first, no dropout, N(0, 0.1²)"
    about = {"network": network, "batch_size": 64, "rate": 4e-3, "epochs": 10}
    return learn(decoder(len(LETTERS), LONGEST, 64, 4, 4, stddev=0.1), about, seed, quick)


ROWS = {
    Row("A2G", "Karpathy, makemore", "no number for its GRU", "test <= 2.05"): with_gru,
    Row("A2T", "Karpathy, makemore", "a transformer of about 200,000 parameters: about 1.92",
        "params <= 220000, test <= 2.0"): with_transformer,
}  # fmt: skip
