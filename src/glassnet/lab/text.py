"""Models of text, letter by letter: the transformer, its training, and the measure of both experiments.

What is scored is the mean of -ln p(next character), in nats, over all characters to be predicted. Where pieces are
filled up to one length, the padding has the label -1 and counts nothing, neither in the sum nor in the number.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from glassnet.initializers import RandomNormal
from glassnet.layers import Add, Dense, Embedding, Input, LayerNormalization, PositionEmbedding, TransformerDecoder
from glassnet.losses import SparseCategoricalCrossentropy
from glassnet.models import Model
from glassnet.optimizers import AdamW
from glassnet.optimizers.schedules import CosineDecay
from glassnet.typing import Array

TRAINING = "AdamW(weight_decay=0.1, beta_2=0.99), gradient's norm at most 1, rate by warm-up and cosine to a tenth"


def decoder(
    characters: int, context: int, width: int, blocks: int, heads: int, dropout: float = 0.0, activation: str = "gelu",
    stddev: float = 0.02, name: str | None = None,
) -> Model:  # fmt: skip
    """A transformer that says of every character what comes next: ids (N, context) to logits (N, context, characters).

    Normalized first. The first weights are N(0, stddev²); GPT-2's 0.02 is small for a narrow network.
    """
    normal = RandomNormal(stddev=stddev)
    ids = Input((context,), dtype="int64")
    x = Embedding(characters, width, embeddings_initializer=normal, name="token")(ids)
    x = Add()([x, PositionEmbedding(context, initializer=normal, name="position")(x)])
    for _ in range(blocks):
        x = TransformerDecoder(4 * width, heads, dropout, activation, kernel_initializer=normal, normalize_first=True)(
            x
        )
    return Model(ids, Dense(characters, kernel_initializer=normal)(LayerNormalization(epsilon=1e-5)(x)), name=name)


def windows(ids: Array, starts: Array, context: int) -> tuple[Array, Array]:
    """Pieces of a text and the same pieces one character later, both (N, context)."""
    places = starts[:, None] + np.arange(context)
    return ids[places], ids[places + 1]


def next_character_loss() -> SparseCategoricalCrossentropy:
    """Mean of -ln p over all characters whose label is not -1."""
    return SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)


def fit(model: Any, x: Array, y: Array, batch_size: int, rate: float, epochs: int = 1, shuffle: bool = True) -> float:
    """AdamW with warm-up and half a cosine down to a tenth of the rate; returns the seconds it took."""
    steps = epochs * math.ceil(len(x) / batch_size)
    warm_up = min(100, steps // 10)
    falling = CosineDecay(0.0, max(steps - warm_up, 1), alpha=0.1, warmup_target=rate, warmup_steps=warm_up)
    model.compile(AdamW(falling, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0), loss=next_character_loss())
    started = time.perf_counter()
    model.fit(x, y, batch_size=batch_size, epochs=epochs, shuffle=shuffle, verbose=0)
    return time.perf_counter() - started


def nats(model: Any, x: Array, y: Array) -> float:
    """Mean of -ln p(next character) over all labels that are not -1, each counted once."""
    total = 0.0
    for start in range(0, len(x), 200):
        some = slice(start, start + 200)
        total += float(next_character_loss()(y[some], model.predict_on_batch(x[some]))) * np.sum(y[some] >= 0)
    return total / float(np.sum(y >= 0))
