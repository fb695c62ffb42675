"""Words and ids: layers that learn a vocabulary from data and turn texts, words or numbers into ids, or back.

They work on arrays of strings, which no network can compute with, so they run before the model: arrays in, a Tensor of
ids out (or, with `invert`, an array of words). A vocabulary learned with `adapt` is part of the layer's config.
"""

from __future__ import annotations

import re
import string
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from glassnet.autograd.tensor import Tensor, wrap
from glassnet.errors import ArgumentError, DataError
from glassnet.layers.base import Layer, tensors_in
from glassnet.layers.preprocessing import encoded
from glassnet.ops.image import checked_choice
from glassnet.typing import Array

__all__ = ["IntegerLookup", "StringLookup", "TextVectorization"]

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class Vocabulary(Layer, ABC):
    """A list of tokens, given or learned, behind the special ones: the mask token, if any, then the unknown ones."""

    formula = "y = the place of x in the vocabulary"

    def __init__(
        self, max_tokens: int | None, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary: Any,
        idf_weights: Any, invert: bool, output_mode: str, pad_to_max_tokens: bool, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.output_mode = checked_choice(output_mode, MODES, f"{self}: output_mode")
        if num_oov_indices < 0 or (max_tokens is not None and max_tokens <= 1):
            raise ArgumentError(
                f"{self}: there is no room for a vocabulary", expected="max_tokens > 1, num_oov_indices >= 0",
                received=f"{max_tokens=}, {num_oov_indices=}",
            )  # fmt: skip
        if (invert and output_mode != "int") or (pad_to_max_tokens and max_tokens is None):
            raise ArgumentError(
                f"{self}: the arguments do not fit together", received=f"{invert=}, {output_mode=}, {pad_to_max_tokens=}",
                expected='invert with output_mode "int", pad_to_max_tokens with max_tokens',
            )  # fmt: skip
        self.max_tokens, self.num_oov_indices, self.pad_to_max_tokens = max_tokens, num_oov_indices, pad_to_max_tokens
        self.mask_token, self.oov_token, self.invert = mask_token, oov_token, invert
        self.tokens: list[Any] = []
        self.idf_weights: list[float] | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    @property
    def special(self) -> list[Any]:
        """What stands before the vocabulary."""
        masks = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return masks + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by id; without the special ones on demand."""
        return [*(self.special if include_special_tokens else []), *self.tokens]

    def vocabulary_size(self) -> int:
        """How many ids there are."""
        return len(self.special) + len(self.tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take over a list of tokens, with or without the special ones in front."""
        if isinstance(vocabulary, str):
            raise ArgumentError(
                f"{self}: the vocabulary must be a list", received=repr(vocabulary),
                fix="read the file yourself: open(path).read().splitlines()",
            )  # fmt: skip
        listed = [self.plain(token) for token in np.asarray(vocabulary).tolist()]
        tokens = listed[len(self.special) :] if listed[: len(self.special)] == self.special else listed
        repeated = [token for token, count in Counter(tokens).items() if count > 1 or token == self.mask_token]
        if repeated or not tokens:
            raise ArgumentError(
                f"{self}: every token of a vocabulary stands there once", expected="a list of different tokens",
                received=f"{repeated[0]!r} again" if repeated else "an empty list",
                fix="list(dict.fromkeys(vocabulary)) keeps the first of each" if repeated else None,
            )  # fmt: skip
        if self.max_tokens is not None and len(self.special) + len(tokens) > self.max_tokens:
            raise ArgumentError(
                f"{self}: the vocabulary is longer than max_tokens", expected=f"at most {self.max_tokens} ids",
                received=f"{len(tokens)} tokens and {len(self.special)} special ones",
            )  # fmt: skip
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ArgumentError(f"{self}: idf_weights belong to output_mode 'tf_idf'", received=f"{idf_weights=}")
        self.tokens = tokens
        self.idf_weights = None if idf_weights is None else [float(w) for w in idf_weights]

    def adapt(self, data: Any) -> None:
        """Learn the vocabulary: the most frequent tokens first, equally frequent ones from z to a."""
        rows = self.rows_of(data)
        counts = Counter(token for row in rows for token in row if token != self.mask_token)
        if not counts:
            raise DataError(f"{self}: adapt needs data", received="no tokens")
        ordered = sorted(sorted(counts, reverse=True), key=counts.__getitem__, reverse=True)
        room = None if self.max_tokens is None else self.max_tokens - len(self.special)
        self.tokens = [token for token in ordered if token != self.oov_token][:room]
        if self.output_mode == "tf_idf":
            documents = Counter(token for row in rows for token in set(row))
            self.idf_weights = [float(np.log(1 + len(rows) / (1 + documents[token]))) for token in self.tokens]

    @abstractmethod
    def plain(self, token: Any) -> Any:
        """A token as it stands in the vocabulary."""

    def rows_of(self, data: Any) -> list[list[Any]]:
        """The samples of data as lists of tokens."""
        return [[self.plain(token) for token in np.ravel(row).tolist()] for row in _array(data)]

    def get_config(self) -> dict[str, Any]:
        learned = {"vocabulary": self.tokens or None}
        if self.output_mode == "tf_idf":
            learned["idf_weights"] = self.idf_weights
        return {**super().get_config(), **learned}


class Lookup(Vocabulary):
    """A table from tokens to their places in the vocabulary, or back."""

    @abstractmethod
    def bucket(self, token: Any) -> int:
        """Which of the ids of unknown tokens it gets."""

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if any(t.is_symbolic for t in tensors_in(inputs)):
            raise ArgumentError(
                f"{self} cannot stand in a model: it works on text and tables, not on tensors",
                fix="call it on the data before fit and predict, and give the model the ids",
            )
        if not self.tokens:
            raise ArgumentError(f"{self} has no vocabulary yet", fix="layer.adapt(data), or vocabulary=[...]")
        found = self.looked_up(inputs)
        return found if found.dtype.kind == "U" else wrap(found, None)

    def looked_up(self, inputs: Any) -> Array:
        """Ids, or what the output mode makes of them."""
        array = _array(inputs)
        if self.invert:
            tokens: Array = np.array(self.get_vocabulary())
            places = array.astype("int64")
            return np.where(places < len(tokens), tokens.take(places, mode="clip"), self.oov_token)
        ids = self.ids(array)
        return ids if self.output_mode == "int" else self.encoded(ids)

    def ids(self, array: Array) -> Array:
        """The id of every token."""
        table = {token: place for place, token in enumerate(self.tokens, len(self.special))}
        if self.mask_token is not None:
            table[self.mask_token] = 0 if self.output_mode == "int" else -1  # -1 is counted nowhere
        found = [self._id(self.plain(token), table) for token in array.ravel().tolist()]
        return np.array(found, "int64").reshape(array.shape)

    def _id(self, token: Any, table: dict[Any, int]) -> int:
        place = table.get(token)
        if place is not None:
            return place
        if not self.num_oov_indices:
            raise DataError(
                f"{self}: unknown token", expected="a token of the vocabulary", received=repr(token),
                fix="num_oov_indices=1 gives unknown tokens an id",
            )  # fmt: skip
        return len(self.special) - self.num_oov_indices + self.bucket(token)

    def encoded(self, ids: Array) -> Array:
        """One row of numbers per sample."""
        depth = self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()
        counted = encoded(
            ids, int(depth or 0), "count" if self.output_mode == "tf_idf" else self.output_mode, self.dtype
        )
        if self.idf_weights is None:
            return np.asarray(counted)
        unknown = [float(np.mean(self.idf_weights))] * len(self.special)
        weights = np.zeros(counted.shape[-1], self.dtype)
        weights[: self.vocabulary_size()] = [*unknown, *self.idf_weights]
        return np.asarray(counted * weights)


def _array(data: Any) -> Array:
    """Texts or numbers as an array with at least one axis; batches of a data set one after the other."""
    if isinstance(data, Tensor):
        data = data.numpy()
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, list, tuple, np.ndarray)):
        data = np.concatenate([np.asarray(batch) for batch in data])
    return np.atleast_1d(np.asarray(data))


class StringLookup(Lookup):
    """Words to ids, or back with `invert`: 0 is any unknown word, then come the words of the vocabulary.

    Arguments:
        max_tokens: the largest number of ids; the most frequent words stay.
        num_oov_indices: how many ids unknown words share; with 0 they are an error.
        mask_token: a word that gets the id 0, such as "" for padding; the unknown ones come after it.
        vocabulary, idf_weights: the words, and their weights for "tf_idf"; without them `adapt(data)` learns both.
        output_mode: "int", or one row per sample: "one_hot", "multi_hot", "count", "tf_idf".
        pad_to_max_tokens: rows have `max_tokens` numbers even if there are fewer words.

    >>> layer = StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c"], ["d", "b"]]).numpy().tolist()
    [[1, 3], [0, 2]]
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None,
        oov_token: str = "[UNK]", vocabulary: Any = None, idf_weights: Any = None, invert: bool = False,
        output_mode: str = "int", pad_to_max_tokens: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, **kwargs,
        )  # fmt: skip

    def plain(self, token: Any) -> Any:
        return token.decode("utf-8") if isinstance(token, bytes) else str(token)

    def bucket(self, token: Any) -> int:
        return zlib.crc32(token.encode("utf-8")) % self.num_oov_indices


class IntegerLookup(Lookup):
    """Whole numbers, such as keys of a data base, to ids 0, 1, 2, ..., or back with `invert`.

    Arguments:
        oov_token: what an unknown id becomes with `invert`.
        max_tokens, num_oov_indices, mask_token, vocabulary, idf_weights, output_mode, pad_to_max_tokens: as StringLookup.

    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138])
    >>> layer([[12, 1138], [42, 36]]).numpy().tolist()
    [[1, 3], [0, 2]]
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None,
        oov_token: int = -1, vocabulary: Any = None, *, idf_weights: Any = None, invert: bool = False,
        output_mode: str = "int", pad_to_max_tokens: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, **kwargs,
        )  # fmt: skip

    def plain(self, token: Any) -> Any:
        return int(token)

    def bucket(self, token: Any) -> int:
        return int(token) % self.num_oov_indices


PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")


class TextVectorization(StringLookup):
    """Texts to sequences of ids: made plain, split into words, looked up, filled up with 0; 1 is any unknown word.

    Arguments:
        max_tokens: the largest number of ids; the most frequent words stay.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of an array of texts.
        split: "whitespace", "character", None, or a function from an array of texts to a list of words for each.
        ngrams: also groups of neighbouring words: 2 is single words and pairs, (2, 3) is pairs and triples.
        output_mode: "int", or one row per text: "multi_hot", "count", "tf_idf".
        output_sequence_length: cut or fill up to this length; by default the longest text decides.
        pad_to_max_tokens, vocabulary, idf_weights: as StringLookup.

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer(["foo qux bar", "Qux, baz!"]).numpy().tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    def __init__(
        self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace",
        ngrams: Any = None, output_mode: str = "int", output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False, vocabulary: Any = None, idf_weights: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            max_tokens, 1, "", "[UNK]", vocabulary, idf_weights, False, output_mode, pad_to_max_tokens, **kwargs
        )
        plain = ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
        splits = ("whitespace", "character", None)
        self.standardize = (
            standardize if callable(standardize) else checked_choice(standardize, plain, f"{self}: standardize")
        )
        self.split = split if callable(split) else checked_choice(split, splits, f"{self}: split")
        if output_sequence_length is not None and (output_mode != "int" or output_sequence_length < 1):
            raise ArgumentError(
                f"{self}: output_sequence_length is a length of sequences of ids", expected='at least 1, output_mode "int"',
                received=f"{output_sequence_length=}, {output_mode=}",
            )  # fmt: skip
        self.ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self.output_sequence_length = output_sequence_length

    def rows_of(self, data: Any) -> list[list[str]]:
        texts = np.array([self.plain(text) for text in _array(data).ravel().tolist()])
        if callable(self.standardize):
            texts = self.standardize(texts)
        elif self.standardize:
            texts = np.char.lower(texts) if "lower" in self.standardize else texts
            if "strip" in self.standardize:
                texts = np.array([PUNCTUATION.sub("", text) for text in texts.tolist()])
        if callable(self.split):
            rows = [list(map(str, words)) for words in self.split(texts)]
        else:
            ways: dict[Any, Callable[[str], list[str]]] = {
                "whitespace": str.split,
                "character": list,
                None: lambda t: [t],
            }
            rows = list(map(ways[self.split], texts.tolist()))
        return rows if self.ngrams is None else [self._grouped(words) for words in rows]

    def _grouped(self, words: list[str]) -> list[str]:
        """Groups of neighbouring words, the small groups first."""
        return [" ".join(words[i : i + n]) for n in self.ngrams for i in range(len(words) - n + 1)]

    def looked_up(self, inputs: Any) -> Array:
        rows = self.rows_of(inputs)
        length = self.output_sequence_length or max(map(len, rows), default=0)
        words = np.full((len(rows), length), "", dtype=object)
        for line, found in zip(words, rows):
            line[: len(found)] = found[:length]
        ids = super().looked_up(words)
        return ids[0] if isinstance(inputs, str) else ids
