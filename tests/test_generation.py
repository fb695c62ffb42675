"""`generate`: what it draws follows the model's probabilities, and it hands the model what it has written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.errors import ArgumentError
from glassnet.lab.text import decoder
from glassnet.utils import generate, set_random_seed

P = np.array([0.5, 0.2, 0.2, 0.1])


class Table:
    """A model whose next id depends on the last one alone: row i of its table are the logits after i."""

    def __init__(self, logits: Any, steps: int = 3) -> None:
        self.logits, self.input_shape, self.read = np.asarray(logits), (None, steps), list[Any]()

    def predict_on_batch(self, ids: Any) -> Any:
        self.read.append(ids[0].copy())
        return self.logits[ids]


def shares(**options: Any) -> Any:
    """How often each id comes in 20,000 draws, all with the probabilities P."""
    written = list(generate(Table(np.tile(np.log(P), (4, 1))), [0], 20_000, **options, seed=1))
    return np.bincount(written, minlength=4) / 20_000


def test_ids_come_as_often_as_the_model_says():
    np.testing.assert_allclose(shares(), P, atol=0.012)  # 3.5 standard deviations of the largest share


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_a_power_of_the_probabilities(temperature: float):
    wanted = P ** (1 / temperature)
    np.testing.assert_allclose(shares(temperature=temperature), wanted / wanted.sum(), atol=0.012)


def test_top_k_leaves_the_odds_of_the_k_likeliest_and_nothing_else():
    np.testing.assert_allclose(shares(top_k=2), [5 / 7, 2 / 7, 0, 0], atol=0.012)
    np.testing.assert_array_equal(shares(top_k=9), shares())


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_k": 1}, {"temperature": 1e-6}])
def test_the_likeliest_is_taken_at_temperature_0_and_of_a_single_choice(options: dict[str, Any]):
    assert list(generate(Table(np.roll(np.eye(4), 1, axis=1)), [2], 5, **options)) == [3, 0, 1, 2, 3]


def test_the_model_reads_the_last_ids_first_fewer_and_then_as_many_as_it_can():
    model = Table(np.roll(np.eye(5), 1, axis=1))
    list(generate(model, [0, 1], 3, temperature=0))
    np.testing.assert_array_equal(model.read, [[0, 1, 0], [0, 1, 2], [1, 2, 3]])


def test_a_seed_decides_the_text():
    model = Table(np.zeros((4, 4)))
    first, again, other = (list(generate(model, [0], 20, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_ids_are_given_out_one_by_one_and_none_of_length_0():
    model = Table(np.zeros((4, 4)))
    next(generate(model, [0], 10**9))
    assert len(model.read) == 1
    assert list(generate(model, [0], 0)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ids": []}, "bad ids"), ({"length": -1}, "bad length"), ({"temperature": -0.1}, "bad temperature"),
        ({"temperature": float("nan")}, "bad temperature"), ({"temperature": float("inf")}, "bad temperature"),
        ({"top_k": 0}, "bad top_k"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_is_written(arguments: dict[str, Any], message: str):
    with pytest.raises(ArgumentError, match=f"generate: {message}"):
        generate(Table(np.zeros((4, 4))), **{"ids": [0], "length": 1, **arguments})


def test_a_step_of_the_transformer_does_not_look_at_later_ones():
    set_random_seed(0)
    model, rng = decoder(7, 10, 16, 2, 4), np.random.default_rng(0)
    ids = rng.integers(0, 7, (1, 10))
    changed = np.concatenate([ids[:, :6], (ids[:, 6:] + 1) % 7], axis=1)
    before, after = model.predict_on_batch(ids), model.predict_on_batch(changed)
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] != after[:, 6:]).any(axis=-1).all()
