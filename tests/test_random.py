"""`gn.random`: distributions, the three kinds of seed, and fresh numbers in every replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import glassnet as gn
from glassnet import random
from glassnet.errors import ArgumentError

COUNT = 20_000
LOGITS = np.log([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])

DRAWS: dict[str, Callable[[Any], Any]] = {
    "uniform": lambda seed: random.uniform((50,), 2.0, 5.0, seed=seed),
    "normal": lambda seed: random.normal((50,), 1.0, 2.0, seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((50,), 1.0, 2.0, seed=seed),
    "randint": lambda seed: random.randint((50,), 0, 1000, seed=seed),
    "categorical": lambda seed: random.categorical(LOGITS, 50, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(50), seed=seed),
    "dropout": lambda seed: random.dropout(np.ones(50), 0.5, seed=seed),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (lambda: random.uniform((COUNT,), -1.0, 3.0, "float64", seed=0), stats.uniform(-1, 4)),
        (lambda: random.normal(COUNT, 1.0, 2.0, "float64", seed=0), stats.norm(1, 2)),
        (lambda: random.truncated_normal((COUNT,), 1.0, 2.0, "float64", seed=0), stats.truncnorm(-2, 2, 1, 2)),
    ],
)
def test_numbers_have_their_distribution(values: Any, expected: Any) -> None:
    assert stats.kstest(values().numpy(), expected.cdf).pvalue > 1e-3


def test_integers_are_equally_likely_and_stay_below_the_upper_end() -> None:
    values = random.randint((COUNT,), -2, 3, seed=0).numpy()
    assert values.dtype == "int32"
    assert set(values) == {-2, -1, 0, 1, 2}
    assert stats.chisquare(np.unique(values, return_counts=True)[1]).pvalue > 1e-3


def test_classes_come_with_the_probabilities_of_the_softmax() -> None:
    values = random.categorical(LOGITS, COUNT, dtype="int64", seed=0).numpy()
    assert values.shape == (2, COUNT)
    assert values.dtype == "int64"
    for row, p in zip(values, np.exp(LOGITS), strict=True):
        assert stats.chisquare(np.bincount(row, minlength=3), COUNT * p).pvalue > 1e-3


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shuffle_moves_whole_slices(axis: int) -> None:
    x = np.arange(60).reshape(6, 10)
    found = np.moveaxis(random.shuffle(x, axis, seed=1).numpy(), axis, 0)
    given = np.moveaxis(x, axis, 0)
    assert not np.array_equal(found, given)
    np.testing.assert_array_equal(found[np.argsort(found[:, 0])], given)


def test_dropout_keeps_the_expectation_and_shares_a_mask_along_axes_of_size_one() -> None:
    found = random.dropout(np.ones((COUNT, 3), "float32"), 0.25, noise_shape=(None, 1), seed=0).numpy()
    assert set(np.unique(found)) == {0.0, np.float32(1 / 0.75)}
    assert (found == found[:, :1]).all()
    assert abs(found.mean() - 1) < 4 * np.sqrt(0.25 / 0.75 / COUNT)


@every_draw
def test_an_integer_seed_gives_the_same_numbers_in_every_call(draw: Any) -> None:
    np.testing.assert_array_equal(draw(3).numpy(), draw(3).numpy())
    assert not np.array_equal(draw(3).numpy(), draw(4).numpy())


@every_draw
def test_a_generator_draws_on_and_can_be_set_back(draw: Any) -> None:
    generator = random.SeedGenerator(5)
    state = generator.state
    first, second = draw(generator).numpy(), draw(generator).numpy()
    assert not np.array_equal(first, second)
    generator.state = state
    np.testing.assert_array_equal(draw(generator).numpy(), first)


@every_draw
def test_without_a_seed_the_program_repeats_after_set_random_seed(draw: Any) -> None:
    gn.utils.set_random_seed(1)
    first = [draw(None).numpy() for _ in range(2)]
    gn.utils.set_random_seed(1)
    np.testing.assert_array_equal([draw(None).numpy() for _ in range(2)], first)
    assert not np.array_equal(first[0], first[1])


@every_draw
@pytest.mark.parametrize("kind", ["none", "integer", "generator"])
def test_every_replay_draws_what_eager_execution_would(draw: Any, kind: str) -> None:
    runs = []
    for replayed in (False, True):
        gn.utils.set_random_seed(9)
        seed = {"none": None, "integer": 4, "generator": random.SeedGenerator(2)}[kind]
        step = gn.jit(lambda seed=seed: draw(seed)) if replayed else lambda seed=seed: draw(seed)
        runs.append([step().numpy() for _ in range(3)])
    np.testing.assert_array_equal(*runs)
    assert (kind == "integer") == np.array_equal(runs[0][0], runs[0][1])


def test_gradients_flow_through_what_was_drawn() -> None:
    slope = gn.grad(lambda x: random.dropout(x, 0.5, seed=0).sum())(np.ones(200)).numpy()
    np.testing.assert_array_equal(slope, random.dropout(np.ones(200), 0.5, seed=0).numpy())
    by_scale = gn.grad(lambda s: random.normal((10,), stddev=s, dtype="float64", seed=0).sum())(np.float64(2.0))
    np.testing.assert_allclose(by_scale.numpy(), random.normal((10,), dtype="float64", seed=0).numpy().sum())


def test_float_types_are_floatx_or_as_asked() -> None:
    assert random.uniform((2,)).dtype == "float32"
    assert random.normal((2,), dtype="float64").dtype == "float64"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: random.uniform((2,), dtype="int32"), r"random\.uniform: unknown float type\n.*float32 or float64"),
        (lambda: random.randint((2,), 3, 3), r"there is no number to choose\n.*minval < maxval\n.*minval=3, maxval=3"),
        (lambda: random.categorical([0.0, 1.0], 2), r"logits must have two axes\n.*\(N, K\)\n.*\(2,\)"),
        (lambda: random.dropout([1.0], 1.0), r"random\.dropout: rate must be in \[0, 1\)\n.*rate=1\.0"),
        (lambda: random.normal((2,), seed="a"), r"SeedGenerator: bad seed\n.*an integer >= 0 or None"),
    ],
)
def test_errors_say_what_is_wrong(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
