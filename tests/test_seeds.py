"""Seeding: one seed makes a program repeatable, and a generator's state can be saved."""

from __future__ import annotations

import json
import random as python_random
from typing import Any

import numpy as np
import pytest

from glassnet import initializers, layers
from glassnet.errors import ArgumentError
from glassnet.seeds import SeedGenerator, as_generator, set_random_seed


def some_draws() -> list[Any]:
    first, second = SeedGenerator(), SeedGenerator()
    return [first.uniform(4), second.normal(4), first.permutation(9), python_random.random(), np.random.random()]


def test_one_seed_repeats_every_source_of_randomness() -> None:
    set_random_seed(7)
    first = some_draws()
    set_random_seed(7)
    for a, b in zip(first, some_draws(), strict=True):
        np.testing.assert_array_equal(a, b)
    set_random_seed(8)
    assert not np.array_equal(first[0], some_draws()[0])


def test_children_of_the_root_are_independent_of_each_other() -> None:
    set_random_seed(0)
    draws = np.array([SeedGenerator().normal(20_000, "float64") for _ in range(4)])
    correlation = np.corrcoef(draws) - np.eye(4)
    assert np.abs(correlation).max() < 4 / np.sqrt(20_000)  # 4 standard errors


def test_an_explicit_seed_does_not_depend_on_the_root() -> None:
    set_random_seed(0)
    first = SeedGenerator(5).uniform(3)
    set_random_seed(1)
    np.testing.assert_array_equal(SeedGenerator(5).uniform(3), first)


def test_a_restored_state_continues_with_the_same_bits() -> None:
    generator = SeedGenerator(3)
    generator.uniform(5), generator.permutation(3)  # also the half-used 32 bits that integers leave behind
    state = json.loads(json.dumps(generator.state))
    expected = [generator.permutation(10), generator.uniform(4, "float32"), generator.normal(3, "float64")]
    other = SeedGenerator(99)
    other.state = state
    for a, b in zip(expected, [other.permutation(10), other.uniform(4, "float32"), other.normal(3, "float64")]):
        np.testing.assert_array_equal(a, b)


def test_the_dtype_is_the_one_asked_for() -> None:
    generator = SeedGenerator(0)
    assert [generator.uniform(2, d).dtype.name for d in ("float32", "float64")] == ["float32", "float64"]
    assert [generator.normal(2, d).dtype.name for d in ("float32", "float64")] == ["float32", "float64"]


def test_as_generator_keeps_a_generator_and_makes_one_of_an_integer() -> None:
    generator = SeedGenerator(1)
    assert as_generator(generator) is generator
    assert as_generator(4).seed == 4
    assert as_generator(4).get_config() == {"seed": 4, "name": "seed_generator"}


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_bad_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match=r"SeedGenerator: bad seed(.|\n)*an integer >= 0 or None"):
        SeedGenerator(seed)
    with pytest.raises(ArgumentError, match="set_random_seed: bad seed"):
        set_random_seed(seed)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda seed: layers.Dropout(0.5, seed=seed), (8, 6)),
        (lambda seed: layers.RandomFlip(seed=seed), (8, 4, 6, 1)),
        (lambda seed: layers.LSTM(3, dropout=0.5, seed=seed), (8, 4, 6)),
        (lambda seed: layers.Dense(4, kernel_initializer=initializers.HeNormal(seed)), (8, 6)),
    ],
    ids=["dropout", "augmentation", "recurrence", "initializer"],
)
def test_a_generator_given_as_seed_is_saved_by_its_own_seed(make: Any, shape: Any) -> None:
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape) / 100

    def drawn(build: Any) -> Any:
        set_random_seed(0)  # for what the layer draws besides
        return build()(x, training=True).numpy()

    layer = make(SeedGenerator(5))
    config = json.loads(json.dumps(layer.get_config()))
    assert type(layer).from_config(config).get_config() == config
    np.testing.assert_array_equal(drawn(lambda: type(layer).from_config(config)), drawn(lambda: make(SeedGenerator(5))))
    assert not np.array_equal(drawn(lambda: make(SeedGenerator(6))), drawn(lambda: make(SeedGenerator(5))))
