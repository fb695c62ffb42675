"""The rows of texts: the measure, the split and the network are those that the page tells."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.errors import ArgumentError
from glassnet.lab import names
from glassnet.lab.text import decoder, nats, windows


class Fixed:
    """A model that gives the same logits for every id, whatever came before."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table

    def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
        return self.table[x]


def test_the_measure_is_the_mean_over_all_characters_and_ends_and_never_over_padding():
    words = ["emma", "al", "maximilian", "b"] * 60  # more than one batch of 200, the last one smaller
    table = np.random.default_rng(0).normal(size=(27, 27)).astype("float32")
    log_p = table.astype("float64") - np.log(np.exp(table.astype("float64")).sum(axis=1, keepdims=True))
    letters = "." + "abcdefghijklmnopqrstuvwxyz"
    pairs = [pair for word in words for pair in zip("." + word, word + ".")]
    wanted = -np.mean([log_p[letters.index(a), letters.index(b)] for a, b in pairs])
    assert nats(Fixed(table), *names.as_labels(words)) == pytest.approx(wanted, rel=1e-6)


def test_a_name_is_read_from_its_begin_and_predicted_to_its_end():
    x, y = names.as_labels(["ab", "a" * 15])
    assert x[0].tolist() == [0, 1, 2] + [0] * 13
    assert y[0].tolist() == [1, 2, 0] + [-1] * 13
    assert y[1].tolist() == [1] * 15 + [0]


def test_a_name_with_another_letter_is_refused():
    with pytest.raises(ArgumentError, match=r"not in the vocabulary\n(?s:.*)received: 'ß'"):
        names.as_labels(["weiß"])


def test_the_split_gives_every_name_to_one_part_and_is_the_same_every_time():
    words = [str(i) for i in range(5000)]
    train, val, test = names.split(words)
    assert (len(train), len(val), len(test)) == (3000, 1000, 1000)
    assert sorted(train + val + test) == sorted(words)
    order = np.random.default_rng(42).permutation(5000)
    assert test == [str(i) for i in order[-1000:]]
    assert (train, val, test) == names.split(words)


def test_what_stands_in_the_padding_does_not_count():
    x, y = names.as_labels(["emma", "al"])
    model, changed = decoder(27, 16, 8, 1, 4), x.copy()
    changed[y < 0] = 5
    assert nats(model, x, y) == nats(model, changed, y)


def test_windows_hold_a_text_and_the_same_text_one_character_later():
    x, y = windows(np.arange(10) * 10, np.array([0, 5]), context=4)
    assert x.tolist() == [[0, 10, 20, 30], [50, 60, 70, 80]]
    assert y.tolist() == [[10, 20, 30, 40], [60, 70, 80, 90]]


def test_shakespeares_network_has_the_size_of_nanogpts():
    """Token and position tables, 4 blocks, the last normalization and the head, counted by hand."""
    width, characters, context = 128, 65, 64
    block = 4 * (width * width + width) + (width * 4 * width + 4 * width) + (4 * width * width + width) + 4 * width
    total = characters * width + context * width + 4 * block + 2 * width + width * characters + characters
    assert decoder(characters, context, width, 4, 4).count_params() == total == 818_241
