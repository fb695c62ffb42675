"""The checker where numbers are noisy: a confident classifier on raw pixels has tiny gradients and a rounded loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.gradcheck_slopes import scatter
from glassnet.autograd.op import apply
from glassnet.errors import GradientError
from glassnet.losses import SparseCategoricalCrossentropy
from glassnet.ops.activation import Relu


class SlightlyWrong(Relu):
    """relu whose gradient is wrong by 0.05 %: everywhere, or in the first unit."""

    everywhere: bool = True

    def vjp(self, F: Any, g: Any, y: Any, *inputs: Any, needed: Any) -> Any:
        found = super().vjp(F, g, y, *inputs, needed=needed)
        return found * np.where(np.arange(y.shape[-1]) == 0, 1.0005, 1.0005 if self.everywhere else 1.0)


def confident(seed: int, margin: float, relu: Any = None) -> tuple[Any, list[Any]]:
    """The loss of a network that is right by `margin`, on four pictures of 100 pixels of 0 to 255."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((4, 100)) < 0.8, 0.0, rng.integers(1, 256, (4, 100)))
    w1, b1, w2 = rng.normal(size=(100, 32)) / 10, rng.normal(size=32) / 10, rng.normal(size=(32, 10))
    logits = np.maximum(x / 255 @ w1 + b1, 0) @ w2
    first, second = np.sort(logits, axis=1)[:, [-1, -2]].T
    w2 *= margin / (first - second).min()
    crossentropy = SparseCategoricalCrossentropy(from_logits=True)

    def loss(x: Any, w1: Any, b1: Any, w2: Any) -> Any:
        hidden = apply(relu or Relu(), ops.linear(x * (1 / 255), w1, b1))
        return crossentropy(logits.argmax(axis=1), ops.matmul(hidden, w2))

    return loss, [x, w1, b1, w2]


@pytest.mark.parametrize("margin", [8.0, 12.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_right_gradients_of_a_confident_network_pass(seed: int, margin: float) -> None:
    function, inputs = confident(seed, margin)
    report = check_gradients(function, *inputs)
    assert min(array.directions for array in report.arrays) == 4
    assert min(array.entries / min(np.prod(array.shape), 200) for array in report.arrays) > 0.9


@pytest.mark.parametrize("margin", [8.0, 12.0])
@pytest.mark.parametrize("seed", range(6))
def test_its_wrong_gradients_are_caught(seed: int, margin: float) -> None:
    function, inputs = confident(seed, margin, SlightlyWrong())
    report = check_gradients(function, *inputs, raise_on_failure=False)
    assert [array.ok for array in report.arrays] == [False, False, False, True]
    assert "b1 (32,): analytic = numeric x 1.0005" in report.diagnosis


def test_one_wrong_unit_among_tiny_gradients_is_located() -> None:
    function, inputs = confident(0, 12.0, SlightlyWrong(everywhere=False))
    with pytest.raises(GradientError, match=r"b1 \(32,\): 1 of \d+ entries differ\n.*b1\[0\]: analytic"):
        check_gradients(function, *inputs)


def test_a_gradient_that_is_0_up_to_rounding_passes_beside_a_noisy_value() -> None:
    x = np.random.default_rng(0).normal(size=(8, 3))

    def centred(b: Any, s: Any) -> Any:
        y = 1e6 * (x + b)
        return ((y - y.mean(axis=0)) * s).sum(axis=1)

    assert check_gradients(centred, np.ones(3), np.ones(3)).ok


def test_a_value_too_noisy_for_any_slope_is_no_pass_and_told_in_words() -> None:
    noisy = lambda x: ((x + 1e9) - 1e9).sum()  # noqa: E731
    report = check_gradients(noisy, np.linspace(0, 1, 500), per_entry=20, raise_on_failure=False)
    assert not report.ok
    assert "or its values are too noisy" in report.diagnosis
    assert str(report).split("\n")[2].endswith("unseen")


def test_directions_that_cannot_be_compared_are_told_in_words() -> None:
    report = check_gradients(ops.relu, np.where(np.arange(4000) % 100, 0.0, 1.0), per_entry=1000)
    assert report.arrays[0].directions == 0
    assert str(report).endswith("\nx (4000,): 4 of 4 random directions met kinks only")


def test_scatter_finds_the_noise_on_a_smooth_function_with_a_kink() -> None:
    t = np.linspace(0, 1e-3, 400)
    noise = 1e-9 * np.random.default_rng(0).normal(size=400)
    assert scatter(np.sin(t) + np.maximum(t - 4e-4, 0) + noise) == pytest.approx(1e-9, rel=0.2)
    assert scatter(np.full(16, np.nan)) == 0


@pytest.mark.parametrize("name", ["w", "a_block_of_layers/hidden_layer_number_1/kernel"])
def test_a_printed_report_is_at_most_80_columns_wide(name: str) -> None:
    weight = gn.Variable(np.ones((3, 2)), path=name)
    wrong = lambda x: apply(SlightlyWrong(), ops.matmul(x, weight))  # noqa: E731
    report = check_gradients(wrong, np.ones((4000, 3)), raise_on_failure=False, order=1)
    assert max(map(len, str(report).split("\n"))) <= 80
    assert name in report.diagnosis
