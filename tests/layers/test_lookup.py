"""Lookup layers: vocabularies and ids as in Keras's documentation, ways back, configs, texts to sequences, error texts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError
from glassnet.layers import IntegerLookup, StringLookup, TextVectorization

WORDS = [["a", "c", "d"], ["d", "z", "b"]]


def test_the_most_frequent_words_come_first_and_ties_run_from_z_to_a() -> None:
    layer = StringLookup()
    layer.adapt(WORDS)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    small = StringLookup(max_tokens=3)
    small.adapt(WORDS)
    assert small.get_vocabulary() == ["[UNK]", "d", "z"]


def test_ids_start_after_the_special_tokens() -> None:
    vocabulary = ["a", "b", "c", "d"]
    assert StringLookup(vocabulary=vocabulary)(WORDS).numpy().tolist() == [[1, 3, 4], [4, 0, 2]]
    masked = StringLookup(vocabulary=vocabulary, mask_token="")
    assert masked([["a", "", "?"]]).numpy().tolist() == [[2, 0, 1]]
    assert masked.get_vocabulary() == ["", "[UNK]", *vocabulary]
    assert StringLookup(vocabulary=vocabulary, num_oov_indices=0)(["a", "d"]).numpy().tolist() == [0, 3]
    assert (
        masked.vocabulary_size() == StringLookup(vocabulary=["", "[UNK]", *vocabulary], mask_token="").vocabulary_size()
    )


def test_several_ids_for_unknown_tokens_share_them_out() -> None:
    numbers = IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    assert numbers([[12, 1138, 42], [37, 1000, 36]]).numpy().tolist() == [[2, 4, 5], [1, 0, 3]]
    words = StringLookup(vocabulary=["a"], num_oov_indices=5)
    ids = words([f"word {n}" for n in range(50)]).numpy()
    assert set(ids.tolist()) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(ids, words([f"word {n}" for n in range(50)]).numpy())


def test_invert_goes_back() -> None:
    there = StringLookup(vocabulary=["a", "b", "c", "d"])
    back = StringLookup(vocabulary=there.get_vocabulary(), invert=True)
    assert back(there(WORDS)).tolist() == [["a", "c", "d"], ["d", "[UNK]", "b"]]
    assert IntegerLookup(vocabulary=[7, 9], invert=True)([2, 0, 1]).numpy().tolist() == [9, -1, 7]


def test_rows_mark_count_and_weigh_words() -> None:
    vocabulary, words = ["a", "b", "c", "d"], [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    marked = StringLookup(vocabulary=vocabulary, output_mode="multi_hot")
    assert marked(words).numpy().tolist() == [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]
    counted = StringLookup(vocabulary=vocabulary, output_mode="count", max_tokens=6, pad_to_max_tokens=True)
    assert counted(words).numpy().tolist() == [[0, 1, 0, 1, 2, 0], [2, 0, 1, 0, 1, 0]]
    weighed = StringLookup(vocabulary=vocabulary, idf_weights=[0.25, 0.75, 0.6, 0.4], output_mode="tf_idf")
    np.testing.assert_allclose(weighed(words), [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], rtol=1e-6)
    one = StringLookup(vocabulary=vocabulary, output_mode="one_hot")
    assert one(["b", "?"]).numpy().tolist() == [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]


def test_adapt_learns_how_rare_a_word_is() -> None:
    layer = StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "a"], ["a", "b"], ["a", "c"]])
    assert layer.idf_weights == pytest.approx([np.log(1 + 3 / 4), np.log(1 + 3 / 2), np.log(1 + 3 / 2)])


TEXTS = ["The earth, the wind!", "and FIRE: the fire", "wind"]


def text_layers() -> list[Any]:
    return [
        TextVectorization(), TextVectorization(output_sequence_length=2), TextVectorization(4), TextVectorization(ngrams=2),
        TextVectorization(split="character", standardize="lower"), TextVectorization(output_mode="count", ngrams=(2,)),
        TextVectorization(output_mode="tf_idf", max_tokens=20, pad_to_max_tokens=True),
        StringLookup(mask_token="wind"), StringLookup(output_mode="multi_hot"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(9))
def test_what_was_learned_is_in_the_config(number: int) -> None:
    layer = text_layers()[number]
    layer.adapt(TEXTS)
    again = gn.layers.deserialize(json.loads(json.dumps(gn.layers.serialize(layer))))
    assert again.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(again([*TEXTS, "water"]).numpy(), layer([*TEXTS, "water"]).numpy())


def test_texts_are_made_plain_split_and_filled_up() -> None:
    layer = TextVectorization()
    layer.adapt(TEXTS)
    assert layer.get_vocabulary() == ["", "[UNK]", "the", "wind", "fire", "earth", "and"]
    assert layer(np.array([["Earth & fire"], ["water"]])).numpy().tolist() == [[5, 4], [1, 0]]
    assert layer("the wind").numpy().tolist() == [2, 3]
    kept = TextVectorization(standardize=None, vocabulary=["Fire!"])
    assert kept(["Fire! fire"]).numpy().tolist() == [[2, 1]]
    pairs = TextVectorization(ngrams=2)
    pairs.adapt(["a b", "a b"])
    assert pairs.get_vocabulary()[2:] == ["b", "a b", "a"]


def test_own_functions_make_texts_plain_and_split_them() -> None:
    layer = TextVectorization(
        standardize=lambda texts: np.char.replace(texts, "<br>", " "), split=lambda texts: [t.split("|") for t in texts]
    )
    layer.adapt(["a<br>b|c"])
    assert layer.get_vocabulary()[2:] == ["c", "a b"]


def test_a_text_classifier_learns_from_ids() -> None:
    gn.utils.set_random_seed(0)
    texts = ["good film", "very good", "a good one", "bad film", "very bad", "a bad one"] * 4
    layer = TextVectorization(output_mode="multi_hot")
    layer.adapt(texts)
    model = gn.Sequential([gn.layers.Dense(1, "sigmoid")])
    model.compile(gn.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    labels = np.tile([1, 1, 1, 0, 0, 0], 4)[:, None]
    history = model.fit(layer(texts), labels, epochs=10, verbose=0).history
    assert history["accuracy"][-1] == 1.0


@pytest.mark.parametrize(
    ("run", "error", "problem"),
    [
        (lambda: StringLookup()(["a"]), ArgumentError, r"has no vocabulary yet\n  fix:      layer.adapt\(data\)"),
        (lambda: StringLookup(vocabulary="words.txt"), ArgumentError, r"must be a list\n.*\n  fix:.*splitlines"),
        (lambda: StringLookup(vocabulary=["a", "b", "a"]), ArgumentError, "stands there once\n.*\n  received: 'a' again"),
        (lambda: StringLookup(vocabulary=[]), ArgumentError, "an empty list"),
        (lambda: StringLookup(3, vocabulary=["a", "b", "c"]), ArgumentError, "longer than max_tokens\n.*at most 3 ids"),
        (lambda: StringLookup(1), ArgumentError, "no room for a vocabulary"),
        (lambda: StringLookup(invert=True, output_mode="count"), ArgumentError, "do not fit together"),
        (lambda: StringLookup(output_mode="counts"), ArgumentError, "output_mode is unknown\n.*\n.*\n.*'count'"),
        (lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), DataError, "unknown token\n.*\n  received: 'b'"),
        (lambda: StringLookup(vocabulary=["a"], output_mode="tf_idf"), ArgumentError, "idf_weights belong to"),
        (lambda: StringLookup().adapt([]), DataError, "adapt needs data"),
        (lambda: TextVectorization(split="words"), ArgumentError, "split is unknown"),
        (lambda: TextVectorization(output_mode="count", output_sequence_length=3), ArgumentError, "a length of sequences"),
        (lambda: IntegerLookup(vocabulary=[1])(gn.Input((2,), dtype="int32")), ArgumentError, "cannot stand in a model"),
    ],
)  # fmt: skip
def test_lookups_refuse(run: Any, error: type, problem: str) -> None:
    with pytest.raises(error, match=problem):
        run()
