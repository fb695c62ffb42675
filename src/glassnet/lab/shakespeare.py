"""Karpathy's nanoGPT in its settings for a computer without GPU: a transformer reads Shakespeare and writes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.datasets import tinyshakespeare
from glassnet.datasets.text import decode, encode, vocabulary
from glassnet.lab.row import Row
from glassnet.lab.text import TRAINING, decoder, fit, nats, windows
from glassnet.utils import generate, set_random_seed

CONTEXT, WIDTH, BLOCKS, HEADS, BATCH, STEPS, RATE = 64, 128, 4, 4, 12, 2000, 1e-3
RHYME = """One, two, buckle my shoe;
Three, four, knock at the door;
Five, six, pick up sticks;
Seven, eight, lay them straight;
Nine, ten, a big fat hen.
"""


def run(seed: int, quick: bool) -> dict[str, Any]:
    """2,000 steps on pieces from anywhere in the first nine tenths of the text; scored on all of the last tenth."""
    set_random_seed(seed)
    text = RHYME * 10 if quick else tinyshakespeare.load_data()
    characters, steps = vocabulary(text), 3 if quick else STEPS
    ids = encode(text, characters)
    train, val = np.split(ids, [int(0.9 * len(ids))])
    model = decoder(len(characters), CONTEXT, WIDTH, BLOCKS, HEADS)
    starts = np.random.default_rng(seed).integers(0, len(train) - CONTEXT, steps * BATCH)
    seconds = fit(model, *windows(train, starts, CONTEXT), BATCH, RATE, shuffle=False)
    written = generate(model, encode("\n", characters), 30 if quick else 500, temperature=0.8, seed=seed)
    return {
        "settings": {
            "network": "4 blocks, 4 heads, width 128, context 64, gelu, normalized first, no dropout", "steps": steps,
            "optimizer": TRAINING, "rate": RATE, "batch_size": BATCH, "train": len(train), "validation": len(val),
            "measure": "mean of -ln p over the last tenth of the text, in windows of 64 characters side by side",
            "text": "500 characters at temperature 0.8",
        },
        "obtained": {
            "params": model.count_params(),
            "val_loss": nats(model, *windows(val, np.arange(0, len(val) - CONTEXT, CONTEXT), CONTEXT)),
            "train_seconds": seconds,
            "text": decode(written, characters).strip(),
        },
    }  # fmt: skip


ROW = Row("A3", "Karpathy, nanoGPT, settings without GPU", "1.88 after 2,000 steps",
          "val_loss <= 1.95, train_seconds <= 1800")  # fmt: skip
