"""What the 3Blue1Brown rows claim, in reduced form on the built-in digits; their full results are stored."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import lab
from glassnet.initializers import RandomNormal
from glassnet.lab import gradient, labels, minima, noise, results, sixteen
from glassnet.lab.data import flat_images
from glassnet.utils import set_random_seed, to_categorical

RESULTS = Path(__file__).parents[2] / "results" / "lab"


def obtained(id: str, seed: int = 0) -> dict[str, Any]:
    """The numbers of a quick run."""
    found: dict[str, Any] = lab.run(id, seed, quick=True)["obtained"]
    return found


@cache
def unchanged(id: str) -> dict[str, Any]:
    """A quick run, made once for all tests that change nothing in it."""
    return lab.run(id, quick=True)


# ---------------------------------------------------------------- TB2: how many new images are right


def test_the_plan_is_chosen_without_the_test_images(monkeypatch: pytest.MonkeyPatch):
    def with_useless_test_images(name: str, quick: bool) -> Any:
        train, (x_test, y_test) = flat_images(name, quick)
        return train, (x_test, (y_test + 5) % 10)

    honest = obtained("TB2")
    monkeypatch.setattr(sixteen, "flat_images", with_useless_test_images)
    blind = obtained("TB2")
    chosen_by = [name for name in honest if name.startswith("val_") or name == "chosen"]
    assert {name: blind[name] for name in chosen_by} == {name: honest[name] for name in chosen_by}
    assert blind["test_accuracy"] != honest["test_accuracy"]


def test_the_lessons_plan_is_that_of_nielsens_code():
    plan = sixteen.PLANS["lesson"]
    first = plan.network(784).layers[0]
    assert isinstance(first.kernel_initializer, RandomNormal)
    assert (plan.rate, plan.batch_size, plan.epochs, plan.falling, plan.l2) == (10 / 2 * 3.0, 10, 30, False, 0)


def test_each_plan_changes_the_one_before():
    plans = list(sixteen.PLANS.values())
    changes = [
        {name for name in vars(plan) if getattr(plan, name) != getattr(before, name)}
        for before, plan in pairwise(plans)
    ]
    assert changes == [{"unit_weights"}, {"falling"}, {"l2"}, {"optimizer", "rate", "batch_size", "epochs"}]


# ---------------------------------------------------------------- TB3: weights as images


@pytest.mark.parametrize("plan", ["lesson", "scaled_weights"])
def test_weights_of_pixels_that_are_never_lit_keep_their_first_values_exactly(plan: str):
    (x, y), _ = flat_images("mnist", quick=True)
    dark = [pixel for pixel in range(64) if not any(x[:, pixel])]
    set_random_seed(3)
    model = sixteen.PLANS[plan].network(64)
    start = model.layers[0].get_weights()[0]
    sixteen.fit(model, sixteen.PLANS[plan], x, y, quick=True)
    moved = (model.layers[0].get_weights()[0] != start).any(axis=1)
    assert dark
    assert not moved[dark].any()
    assert moved.sum() == 64 - len(dark)


def test_a_penalty_takes_the_weights_of_dark_pixels_to_zero(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sixteen, "QUICK_EPOCHS", 60)
    found = obtained("TB3")
    assert found["largest_dark_small_weight"] < 1e-6
    assert found["dark_weights_moved"] == 0


def test_weights_from_a_wide_start_look_like_noise_and_small_ones_like_a_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sixteen, "QUICK_EPOCHS", 60)
    found = obtained("TB3")
    assert found["like_the_start"] > 0.7
    assert found["neighbours_alike"] < 0.2 < found["small_weights_alike"]


def test_neighbours_are_alike_in_a_gradient_and_not_in_noise():
    rng = np.random.default_rng(0)
    ramp = np.tile(np.arange(20.0), (1, 20))
    assert sixteen.neighbours_alike(ramp) == pytest.approx(1)
    assert abs(sixteen.neighbours_alike(rng.normal(size=(50, 400)))) < 0.05


# ---------------------------------------------------------------- TB4: confident answers to noise


def test_noise_is_refused_after_noise_was_learned_and_digits_are_not():
    found = unchanged("TB4")["obtained"]
    assert found["plain_noise_refused"] < 50
    for way in ("extra_class", "equal_targets"):
        assert found[f"{way}_noise_refused"] >= 95
        assert found[f"{way}_costs"] <= 4, "of 359 test digits"


def test_noise_that_was_not_learned_is_refused_less_often():
    found = unchanged("TB4")["obtained"]
    for way in ("extra_class", "equal_targets"):
        assert found["plain_shuffled_refused"] < found[f"{way}_shuffled_refused"] < found[f"{way}_noise_refused"]


def test_the_threshold_costs_what_it_may_cost():
    rng = np.random.default_rng(0)
    outputs, truth = rng.dirichlet(np.full(10, 0.2), size=2000), rng.integers(0, 10, 2000)
    truth[:1500] = outputs[:1500].argmax(axis=1)
    least = noise.threshold(outputs, truth)
    refused_and_right = (outputs.max(axis=1) < least) & (outputs.argmax(axis=1) == truth)
    assert refused_and_right.sum() == 30, "1.5 % of 2000"


def test_an_unsure_answer_and_the_eleventh_class_are_refusals():
    sure, unsure, eleventh = np.eye(11)[3], np.full(11, 1 / 11), np.eye(11)[10]
    outputs = {kind: np.stack([sure, unsure, eleventh, sure]) for kind in ("digits", "noise", "shuffled")}
    found = noise.judged(outputs, np.array([3, 0, 10, 4]), least=0.5)
    assert found == {"digits_right": 50, "noise_refused": 50, "shuffled_refused": 50}


# ---------------------------------------------------------------- TB5: the gradient


def test_all_slopes_are_those_of_backpropagation_by_hand():
    rng = np.random.default_rng(0)
    sizes = (5, 4, 3)
    parameters = [(rng.normal(size=(n, m)), rng.normal(size=m)) for n, m in pairwise(sizes)]
    x, targets = rng.random((7, 5)), np.eye(3)[rng.integers(0, 3, 7)]
    (W1, b1), (W2, b2) = parameters
    h = 1 / (1 + np.exp(-(x @ W1 + b1)))
    a = 1 / (1 + np.exp(-(h @ W2 + b2)))
    delta_2 = 2 / 7 * (a - targets) * a * (1 - a)  # BP1
    delta_1 = delta_2 @ W2.T * h * (1 - h)  # BP2
    wanted = [(x.T @ delta_1, delta_1.sum(axis=0)), (h.T @ delta_2, delta_2.sum(axis=0))]  # BP4, BP3
    assert float(gradient.cost(parameters, x, targets)) == pytest.approx(((a - targets) ** 2).sum() / 7)
    found = gradient.grad(gradient.cost)(parameters, x, targets)
    for (kernel, bias), (wanted_kernel, wanted_bias) in zip(found, wanted, strict=True):
        np.testing.assert_allclose(kernel.numpy(), wanted_kernel, atol=1e-12)
        np.testing.assert_allclose(bias.numpy(), wanted_bias, atol=1e-12)


def test_the_measured_slope_of_a_cubic_is_exact_and_leaves_the_weight_alone():
    weights = np.array([[1.0, 2.0]])
    slope = gradient.numerical_slope(lambda: float(weights[0, 1] ** 3), weights, (0, 1))
    assert slope == pytest.approx(12, abs=1e-10)
    assert weights.tolist() == [[1, 2]]


def test_a_gradient_that_is_wrong_by_a_thousandth_is_noticed(monkeypatch: pytest.MonkeyPatch):
    right = gradient.grad

    def slightly_wrong(function: Any) -> Any:
        return lambda *given: [[part * 1.001 for part in pair] for pair in right(function)(*given)]

    assert obtained("TB5", seed=1)["largest_relative_error"] < 1e-6
    monkeypatch.setattr(gradient, "grad", slightly_wrong)
    assert obtained("TB5", seed=1)["largest_relative_error"] > 5e-4


# ---------------------------------------------------------------- TB6: the landscape


@pytest.fixture
def descent() -> tuple[Any, Any, Any, gradient.CountedCost]:
    """A trained network, its path, its images, and the counter."""
    (x, y), _ = flat_images("mnist", quick=True)
    set_random_seed(0)
    counted, targets = gradient.CountedCost(), to_categorical(y, 10)
    model, path = gradient.descend(x, targets, 3, counted)
    return model, path, (x, targets), counted


def test_training_computes_the_cost_once_per_step_and_nowhere_else(descent: Any):
    model, path, (x, _), counted = descent
    assert counted.evaluations == 3 * len(x) // gradient.BATCH == int(model.optimizer.iterations)
    np.testing.assert_array_equal(path[-1], gradient.flat(model))


def test_counting_changes_nothing_in_training(descent: Any):
    _, path, (x, targets), _ = descent
    set_random_seed(0)
    plain = gradient.PLAN.network(64)
    plain.compile(gradient.SGD(gradient.PLAN.rate), loss="mse")
    plain.fit(x, targets, batch_size=gradient.BATCH, epochs=3, verbose=0)
    np.testing.assert_allclose(gradient.flat(plain), path[-1], atol=1e-5)


def test_the_slice_counts_its_own_evaluations_and_its_middle_is_the_models_loss(descent: Any):
    model, path, (x, targets), counted = descent
    loss, before = model.evaluate(x, targets, batch_size=len(x), verbose=0), counted.evaluations
    line = np.linspace(-1, 1, 5)
    directions, _, _ = gradient.plane_of(path)
    heights = gradient.cost_in_plane(model, counted, (x, targets), path[-1], (line, line), directions)
    assert counted.evaluations - before == 25
    assert heights[2, 2] == pytest.approx(loss, rel=1e-5)


def test_the_plane_holds_a_path_that_lies_in_a_plane():
    rng = np.random.default_rng(0)
    inside = rng.normal(size=(10, 2)) @ rng.normal(size=(2, 50)) + rng.normal(size=50)
    directions, coordinates, share = gradient.plane_of(inside)
    assert share == pytest.approx(100)
    np.testing.assert_allclose(inside[-1] + coordinates @ directions, inside, atol=1e-10)


# ---------------------------------------------------------------- TB7: labels that mean nothing


def test_the_labels_are_wrong_in_the_way_that_they_are_named():
    y = np.arange(10).repeat(1000)
    named = labels.training_labels(y, np.random.default_rng(0))
    assert len(set(zip(y, named["renamed"]))) == 10
    assert (named["renamed"] != y).all()
    assert (named["partial"] != y).mean() == pytest.approx(0.2, abs=0.02)
    wrong = named["partial"][(named["partial"] != y) & (y == 0)]
    assert sorted(set(wrong)) == list(range(1, 10)), "each image has a wrong name of its own"
    assert (named["random"] == y).mean() == pytest.approx(0.1, abs=0.02)


def test_random_labels_are_learned_slowly_and_mean_nothing_for_new_images():
    found = unchanged("TB7")["obtained"]
    assert found["true_train"] == 100
    assert found["random_train"] > 50, "far from the 10 % of guessing"
    assert found["random_test"] < 20 < found["true_test"]
    assert found["true_epochs_to_half"] < 10 < found["random_epochs_to_half"]
    assert found["true_straightness"] < 0.5 < 0.9 < found["random_straightness"]


def test_consistent_renaming_is_learned_like_the_true_names():
    found = unchanged("TB7")["obtained"]
    assert abs(found["renamed_minus_true"]) < 2
    assert found["partial_test"] < found["true_test"]


def test_wrong_names_are_seen_through_before_they_are_memorised():
    found = unchanged("TB7")["obtained"]
    assert found["mislabelled_seen_through"] > 90
    curves = unchanged("TB7")["figure"]["mislabelled"]
    early = int(np.argmax(curves["true_name"]))
    assert curves["given_name"][early] < curves["given_name"][-1]


def test_a_straight_line_is_straight_and_a_sudden_fall_is_not():
    assert labels.straightness([5.0, 4.0, 3.0, 2.0]) == pytest.approx(1)
    assert labels.straightness([5.0, 0.1, 0.1, 0.1, 0.1, 0.1]) < 0.5


# ---------------------------------------------------------------- TB8: many minima


def test_wide_networks_end_with_nearly_the_same_loss():
    found = unchanged("TB8")["obtained"]
    assert found["spread_10"] > 5 * found["spread_250"]
    assert found["test_loss_10"] > found["test_loss_250"]


def test_shrunken_images_are_means_of_three_by_three_pixels():
    image = np.zeros((28, 28), "float32")
    image[2:5, 5:8] = 1  # with the frame of one pixel: rows 3 to 5, columns 6 to 8
    shrunk = minima.ten_by_ten(image.reshape(1, 784)).reshape(10, 10)
    assert shrunk[1, 2] == pytest.approx(1)
    assert shrunk.sum() == pytest.approx(1)


# ---------------------------------------------------------------- what the figures are drawn from


FIGURES = ["TB2", "TB3", "TB4", "TB5", "TB6", "TB7", "TB8"]


@pytest.mark.parametrize("id", FIGURES)
def test_a_stored_figure_has_the_parts_of_a_run(id: str):
    stored, now = results.figure_data(id, RESULTS), unchanged(id)["figure"]
    assert stored.keys() == now.keys()


def test_the_stored_curves_end_where_the_stored_numbers_are():
    records = {record["id"]: record for record in results.stored(RESULTS)}
    curves, first = results.figure_data("TB2", RESULTS)["val_accuracy"], records["TB2"]["runs"][0]["obtained"]
    assert {f"val_{name}": curve[-1] for name, curve in curves.items()}.items() <= first.items()
    heights = np.array(results.figure_data("TB6", RESULTS)["cost"])
    assert heights.size == records["TB6"]["obtained"]["evaluations_for_slice"]
    assert heights[25, 25] == pytest.approx(records["TB6"]["runs"][0]["obtained"]["centre_cost"], abs=1e-5)
    assert sum(results.figure_data("TB3", RESULTS)["dark"]) == records["TB3"]["obtained"]["dark_pixels"]
