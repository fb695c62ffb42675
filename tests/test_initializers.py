"""Initializers: their formulas as statistics of many draws, fans of every shape, seeds, round trips."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import glassnet as gn
from glassnet import initializers as init
from glassnet.errors import ArgumentError
from glassnet.initializers import compute_fans
from glassnet.seeds import SeedGenerator, set_random_seed

SHAPE = (300, 200)  # fan_in 300, fan_out 200; 60,000 numbers


def normal(std: float) -> Any:
    return stats.norm(0, std)


def cut(std: float) -> Any:
    """Normal, cut at two of its deviations, and widened so that the deviation is std again."""
    return stats.truncnorm(-2, 2, scale=std / stats.truncnorm(-2, 2).std())


def flat(limit: float) -> Any:
    return stats.uniform(-limit, 2 * limit)


# initializer and the distribution that its source asks for
DISTRIBUTIONS = [
    (init.RandomNormal, {"mean": 0.5, "stddev": 2.0}, stats.norm(0.5, 2.0)),
    (init.RandomUniform, {"minval": -1.0, "maxval": 3.0}, stats.uniform(-1, 4)),
    (init.TruncatedNormal, {"mean": 0.5, "stddev": 2.0}, stats.truncnorm(-2, 2, loc=0.5, scale=2.0)),
    (init.GlorotUniform, {}, flat(math.sqrt(6 / 500))),
    (init.GlorotNormal, {}, cut(math.sqrt(2 / 500))),
    (init.HeUniform, {}, flat(math.sqrt(6 / 300))),
    (init.HeNormal, {}, cut(math.sqrt(2 / 300))),
    (init.LecunUniform, {}, flat(math.sqrt(3 / 300))),
    (init.LecunNormal, {}, cut(math.sqrt(1 / 300))),
    (init.VarianceScaling, {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}, flat(math.sqrt(9 / 200))),
    (init.VarianceScaling, {"mode": "fan_avg", "distribution": "untruncated_normal"}, normal(math.sqrt(1 / 250))),
    (init.VarianceScaling, {"distribution": "normal"}, cut(math.sqrt(1 / 300))),
]
IDS = [f"{kind.__name__}-{'-'.join(map(str, settings.values()))}" for kind, settings, _ in DISTRIBUTIONS]


@pytest.mark.parametrize(("kind", "settings", "expected"), DISTRIBUTIONS, ids=IDS)
def test_numbers_have_the_distribution_of_the_source(kind: Any, settings: dict[str, Any], expected: Any) -> None:
    values = kind(**settings, seed=1)(SHAPE, "float64").ravel()
    assert stats.kstest(values, expected.cdf).pvalue > 1e-3
    low, high = expected.support()
    assert low <= values.min() <= values.max() <= high
    error = expected.std() / math.sqrt(values.size)
    assert abs(values.mean() - expected.mean()) < 4 * error
    assert values.std() == pytest.approx(expected.std(), rel=0.02)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((3, 3, 8, 16), (72, 144)), ((5, 8, 16), (40, 80))],
)
def test_fans_count_the_window_of_a_convolution(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(shape) == fans


def test_constants() -> None:
    np.testing.assert_array_equal(init.Zeros()((2, 2)), np.zeros((2, 2)))
    np.testing.assert_array_equal(init.Ones()((3,), "int64"), [1, 1, 1])
    np.testing.assert_array_equal(init.Constant([1.0, 2.0])((3, 2)), [[1, 2]] * 3)
    np.testing.assert_array_equal(init.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4)])
def test_orthogonal_rows_or_columns_have_length_gain_and_right_angles(shape: tuple[int, ...]) -> None:
    q = init.Orthogonal(gain=3.0, seed=0)(shape, "float64").reshape(-1, shape[-1])
    q = q if q.shape[0] <= q.shape[1] else q.T
    np.testing.assert_allclose(q @ q.T, 9 * np.eye(len(q)), atol=1e-12)


def test_orthogonal_prefers_no_direction() -> None:
    """A corner of a uniformly turned matrix is as often positive as negative; that of a bare QR factor never is."""
    corners = np.array([init.Orthogonal(seed=seed)((3, 3))[0, 0] for seed in range(400)])
    assert abs((corners > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(400)
    assert stats.kstest(corners, stats.uniform(-1, 2).cdf).pvalue > 1e-3  # the coordinate of a point on a sphere


@pytest.mark.parametrize(("kind", "settings"), [row[:2] for row in DISTRIBUTIONS] + [(init.Orthogonal, {})], ids=str)
def test_an_integer_seed_repeats_and_other_seeds_draw_on(kind: Any, settings: dict[str, Any]) -> None:
    fixed = kind(**settings, seed=3)
    np.testing.assert_array_equal(fixed((4, 4)), fixed((4, 4)))
    np.testing.assert_array_equal(fixed((4, 4)), kind(**settings, seed=3)((4, 4)))
    for seed in (None, SeedGenerator(3)):
        drawing_on = kind(**settings, seed=seed)
        assert not np.array_equal(drawing_on((4, 4)), drawing_on((4, 4)))


def test_set_random_seed_repeats_initializers_without_a_seed() -> None:
    set_random_seed(2)
    first = init.GlorotUniform()((3, 3))
    set_random_seed(2)
    np.testing.assert_array_equal(init.GlorotUniform()((3, 3)), first)


@pytest.mark.parametrize("kind", [k for k in vars(init).values() if isinstance(k, type) and k.__name__ in init.__all__])
def test_an_initializer_survives_a_file(kind: Any) -> None:
    if kind is init.Initializer:
        return
    own = kind(seed=5) if issubclass(kind, init._Random) else kind()
    again = init.deserialize(json.loads(json.dumps(init.serialize(own))))
    assert type(again) is kind
    np.testing.assert_array_equal(again((3, 2)), own((3, 2)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("he_normal", init.HeNormal), ("normal", init.RandomNormal), ("uniform", init.RandomUniform), ("ones", init.Ones),
     ("GlorotUniform", init.GlorotUniform), ("zeros", init.Zeros), ("orthogonal", init.Orthogonal)],
)  # fmt: skip
def test_names_of_keras_are_understood(name: str, kind: type) -> None:
    assert type(init.get(name)) is kind


def test_an_array_or_a_function_is_an_initializer() -> None:
    np.testing.assert_array_equal(init.get(np.array([1.0, 2.0]))((2,)), [1, 2])
    layer = gn.layers.Dense(2, kernel_initializer=lambda shape, dtype: np.full(shape, 7.0, dtype))
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.kernel.numpy(), np.full((3, 2), 7.0))


def test_the_dtype_is_floatx_unless_given() -> None:
    assert init.HeNormal()((2, 2)).dtype == "float32"
    assert init.HeNormal()((2, 2), "float64").dtype == "float64"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: init.VarianceScaling(scale=0.0), "VarianceScaling: scale must be positive"),
        (lambda: init.VarianceScaling(mode="fan"), r"unknown mode\n.*fan_in, fan_out or fan_avg\n.*'fan'"),
        (lambda: init.VarianceScaling(distribution="flat"), r"unknown distribution\n.*uniform\n.*'flat'"),
        (lambda: init.Orthogonal()((3,)), r"Orthogonal needs at least two axes\n.*\(3,\)"),
        (lambda: init.Identity()((3, 3, 3)), r"Identity initializes matrices\n.*two axes\n.*\(3, 3, 3\)"),
        (lambda: init.Initializer()((2,)), r"Initializer must define __call__\(self, shape, dtype=None\)"),
        (lambda: init.initial_array(lambda s, dtype: np.zeros(3), (2,), "float32", "Dense"), "returned another shape"),
        (lambda: init.HeNormal(seed=-1), "SeedGenerator: bad seed"),
    ],
)
def test_errors_say_what_is_wrong(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
