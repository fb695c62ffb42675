"""Losses: values and reductions against plain NumPy, logits where probabilities are rounded to 0 or 1, and errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance

import glassnet as gn
from glassnet import losses, ops
from glassnet.errors import ArgumentError, DataError, GlassnetError, ShapeError

RNG = np.random.default_rng(0)
N, K = 6, 4
LABELS = np.array([0, 3, 1, 2, 2, 0])
ONE_HOT = np.eye(K)[LABELS]
BITS = RNG.integers(0, 2, (N, K)).astype(float)
LOGITS = RNG.normal(size=(N, K)) * 3
P, Q = special.softmax(LOGITS, axis=-1), special.expit(LOGITS)
SOFT = special.softmax(RNG.normal(size=(N, K)), axis=-1)
REAL = RNG.normal(size=(N, K)) * 3
SMOOTH = ONE_HOT * 0.8 + 0.2 / K
OWN_P = P[range(N), LABELS]
TRUE_Q = np.where(BITS == 1, Q, 1 - Q)
COUNTS, RATES = RNG.poisson(3.0, (N, K)).astype(float), np.exp(REAL / 3)

# loss, targets, predictions, one value per sample by its textbook formula
ROWS: dict[str, tuple[losses.Loss, Any, Any, Any]] = {
    "mse": (losses.MeanSquaredError(), REAL, LOGITS, ((LOGITS - REAL) ** 2).mean(-1)),
    "mae": (losses.MeanAbsoluteError(), REAL, LOGITS, abs(LOGITS - REAL).mean(-1)),
    "huber": (losses.Huber(2.0), REAL, LOGITS, special.huber(2.0, LOGITS - REAL).mean(-1)),
    "hinge": (losses.Hinge(), 2 * BITS - 1, LOGITS, np.clip(1 - (2 * BITS - 1) * LOGITS, 0, None).mean(-1)),
    "kl": (losses.KLDivergence(), SOFT, P, special.rel_entr(SOFT, P).sum(-1)),
    "bce": (losses.BinaryCrossentropy(), BITS, Q, -np.log(np.where(BITS == 1, Q, 1 - Q)).mean(-1)),
    "bce logits": (losses.BinaryCrossentropy(True), BITS, LOGITS, -np.log(np.where(BITS == 1, Q, 1 - Q)).mean(-1)),
    "bce smooth": (
        losses.BinaryCrossentropy(label_smoothing=0.2), BITS, Q,
        -((0.8 * BITS + 0.1) * np.log(Q) + (0.9 - 0.8 * BITS) * np.log(1 - Q)).mean(-1),
    ),
    "cce": (losses.CategoricalCrossentropy(), ONE_HOT, P, -np.log(OWN_P)),
    "cce soft": (losses.CategoricalCrossentropy(), SOFT, P, -(SOFT * np.log(P)).sum(-1)),
    "cce logits": (losses.CategoricalCrossentropy(True), ONE_HOT, LOGITS, -np.log(OWN_P)),
    "cce smooth": (losses.CategoricalCrossentropy(label_smoothing=0.2), ONE_HOT, P, -(SMOOTH * np.log(P)).sum(-1)),
    "cce, p not summing to 1": (losses.CategoricalCrossentropy(), ONE_HOT, 7 * P, -np.log(OWN_P)),
    "sparse": (losses.SparseCategoricalCrossentropy(), LABELS, P, -np.log(OWN_P)),
    "sparse column": (losses.SparseCategoricalCrossentropy(), LABELS[:, None], P, -np.log(OWN_P)),
    "sparse logits": (losses.SparseCategoricalCrossentropy(True), LABELS, LOGITS, -np.log(OWN_P)),
    "mape": (losses.MeanAbsolutePercentageError(), REAL, LOGITS, 100 * abs(1 - LOGITS / REAL).mean(-1)),
    "msle": (losses.MeanSquaredLogarithmicError(), COUNTS, RATES, (np.log((1 + RATES) / (1 + COUNTS)) ** 2).mean(-1)),
    "log cosh": (losses.LogCosh(), REAL, LOGITS, np.log(np.cosh(LOGITS - REAL)).mean(-1)),
    "poisson": (losses.Poisson(), COUNTS, RATES, (-stats.poisson.logpmf(COUNTS, RATES) - special.gammaln(1 + COUNTS)).mean(-1)),
    "cosine": (
        losses.CosineSimilarity(), REAL, LOGITS,
        np.array([distance.cosine(t, y) - 1 for t, y in zip(REAL, LOGITS, strict=True)]),
    ),
    "gaussian nll": (
        losses.GaussianNLL(full=True), REAL, np.hstack([LOGITS, RATES]),
        -stats.norm.logpdf(REAL, LOGITS, np.sqrt(RATES)).mean(-1),
    ),
    "squared hinge": (losses.SquaredHinge(), BITS, LOGITS, (np.clip(1 - (2 * BITS - 1) * LOGITS, 0, None) ** 2).mean(-1)),
    "categorical hinge": (
        losses.CategoricalHinge(), ONE_HOT, LOGITS,
        np.clip(1 + np.where(ONE_HOT == 1, 0, LOGITS).max(-1) - LOGITS[range(N), LABELS], 0, None),
    ),
    "nll": (losses.NegativeLogLikelihood(), LABELS, np.log(P), -np.log(OWN_P)),
    "nll column": (losses.NegativeLogLikelihood(), LABELS[:, None], REAL, -REAL[range(N), LABELS]),
    "binary focal": (losses.BinaryFocalCrossentropy(gamma=1.5), BITS, Q, (-((1 - TRUE_Q) ** 1.5) * np.log(TRUE_Q)).mean(-1)),
    "binary focal logits": (
        losses.BinaryFocalCrossentropy(True, 0.1, from_logits=True), BITS, LOGITS,
        (-np.where(BITS == 1, 0.1, 0.9) * (1 - TRUE_Q) ** 2 * np.log(TRUE_Q)).mean(-1),
    ),
    "categorical focal": (
        losses.CategoricalFocalCrossentropy(0.3, 1.5), ONE_HOT, P, -0.3 * (1 - OWN_P) ** 1.5 * np.log(OWN_P),
    ),
    "categorical focal smooth": (
        losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3, 0.4], from_logits=True, label_smoothing=0.2), ONE_HOT, LOGITS,
        -(np.array([0.1, 0.2, 0.3, 0.4]) * (1 - P) ** 2 * SMOOTH * np.log(P)).sum(-1),
    ),
    "generalized": (
        losses.CategoricalGeneralizedCrossEntropy(0.7), LABELS, P, (1 - OWN_P ** 0.7) / 0.7,
    ),
    "dice of rows": (losses.Dice(axis=-1), BITS, Q, 1 - 2 * (BITS * Q).sum(-1) / (BITS + Q).sum(-1)),
}  # fmt: skip
WEIGHTS = np.array([0.0, 1.0, 2.0, 0.5, 0.0, 3.0])


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_value_and_reductions_equal_the_formula(row: Any) -> None:
    loss, y_true, y_pred, each = row
    for reduction, plain, weighted in [
        ("sum_over_batch_size", each.mean(), (each * WEIGHTS).mean()),
        ("mean", each.mean(), (each * WEIGHTS).mean()),
        ("sum", each.sum(), (each * WEIGHTS).sum()),
        ("mean_with_sample_weight", each.mean(), np.average(each, weights=WEIGHTS)),
        ("none", each, each * WEIGHTS),
        (None, each, each * WEIGHTS),
    ]:
        loss.reduction = reduction
        np.testing.assert_allclose(loss(y_true, y_pred).numpy(), plain, rtol=1e-6)
        np.testing.assert_allclose(loss(y_true, y_pred, sample_weight=WEIGHTS).numpy(), weighted, rtol=1e-6)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_gradient_of_the_mean_equals_differences(row: Any) -> None:
    loss, y_true, y_pred, _ = row
    loss.reduction = "sum_over_batch_size"
    slope = gn.grad(lambda y: loss(y_true, y))(y_pred).numpy()
    for cell in [(0, 0), (3, 2), (5, 1)]:
        step = np.zeros_like(y_pred)
        step[cell] = 1e-6
        numeric = (float(loss(y_true, y_pred + step)) - float(loss(y_true, y_pred - step))) / 2e-6
        np.testing.assert_allclose(slope[cell], numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_traced_loss_equals_the_eager_one(row: Any) -> None:
    loss, y_true, y_pred, _ = row
    loss.reduction = "sum_over_batch_size"
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    assert float(gn.jit(lambda t, y: loss(t, y))(y_true, y_pred)) == float(loss(y_true, y_pred))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_config_round_trip_gives_an_equal_loss(row: Any) -> None:
    loss, y_true, y_pred, _ = row
    twin = losses.deserialize(losses.serialize(loss))
    assert type(twin) is type(loss)
    assert twin.get_config() == loss.get_config()
    np.testing.assert_array_equal(twin(y_true, y_pred).numpy(), loss(y_true, y_pred).numpy())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_float32_predictions_give_a_float32_loss(row: Any) -> None:
    loss, y_true, y_pred, _ = row
    assert loss(y_true, y_pred.astype("float32")).dtype == np.float32


# ---------------------------------------------------------------- gradients that the lessons state


def test_binary_crossentropy_from_logits_has_the_gradient_output_minus_label() -> None:
    """Bot Academy's delta_o = o - l, in float64 to 1e-12; the sum over 10 outputs is 10 times their mean."""
    z, label = RNG.normal(size=(1, 10)), np.eye(10)[[3]]
    o = special.expit(z)
    slope = gn.grad(lambda z: 10 * losses.BinaryCrossentropy(from_logits=True)(label, z))(z)
    np.testing.assert_allclose(slope.numpy(), o - label, rtol=0, atol=1e-12)
    slope = gn.grad(lambda z: losses.MeanSquaredError()(label, ops.sigmoid(z)))(z)
    np.testing.assert_allclose(slope.numpy(), 2 / 10 * (o - label) * o * (1 - o), rtol=0, atol=1e-12)


def test_mean_loss_gradient_is_the_average_of_the_gradients_of_single_samples() -> None:
    loss = losses.CategoricalCrossentropy(from_logits=True)
    whole = gn.grad(lambda z: loss(ONE_HOT, z))(LOGITS).numpy()
    for n in range(N):
        alone = gn.grad(lambda z, n=n: loss(ONE_HOT[n : n + 1], z))(LOGITS[n : n + 1]).numpy()
        np.testing.assert_allclose(whole[n : n + 1], alone / N, rtol=0, atol=1e-12)


# ---------------------------------------------------------------- rounded probabilities

FAR = np.array([[1e4, -1e4, -1e4, -1e4]])


def final_losses() -> dict[str, tuple[Any, Any, Any]]:
    """(loss on probabilities, target, activation); the target is as wrong as can be."""
    return {
        "binary": (losses.BinaryCrossentropy(), [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
        "categorical": (losses.CategoricalCrossentropy(), [[0.0, 1.0, 0.0, 0.0]], ops.softmax),
        "sparse": (losses.SparseCategoricalCrossentropy(), [1], ops.softmax),
        "kl": (losses.KLDivergence(), [[0.0, 1.0, 0.0, 0.0]], ops.softmax),
        "mse": (losses.MeanSquaredError(), [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
        "huber": (losses.Huber(), [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
        "binary focal": (losses.BinaryFocalCrossentropy(gamma=0.5), [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
        "categorical focal": (losses.CategoricalFocalCrossentropy(gamma=0.5), [[0.0, 1.0, 0.0, 0.0]], ops.softmax),
        "generalized": (losses.CategoricalGeneralizedCrossEntropy(), [1], ops.softmax),
        "dice": (losses.Dice(), [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", final_losses())
def test_probabilities_of_exactly_0_and_1_have_a_finite_loss_and_gradient(name: str, dtype: str) -> None:
    loss, target, activation = final_losses()[name]
    p = np.asarray(activation(FAR.astype(dtype)))
    assert set(np.unique(p)) == {0.0, 1.0}
    value, slope = gn.value_and_grad(lambda p: loss(target, p))(p)
    assert np.isfinite(float(value))
    assert float(value) > 0
    assert np.isfinite(slope.numpy()).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", final_losses())
def test_activation_then_loss_at_logits_of_1e4_is_finite(name: str, dtype: str) -> None:
    loss, target, activation = final_losses()[name]
    value, slope = gn.value_and_grad(lambda z: loss(target, activation(z)))(FAR.astype(dtype))
    assert np.isfinite(float(value))
    assert np.isfinite(slope.numpy()).all()


@pytest.mark.parametrize(
    ("loss", "target", "activation"),
    [
        (losses.BinaryCrossentropy, [[0.0, 1.0, 0.0, 1.0]], ops.sigmoid),
        (losses.CategoricalCrossentropy, [[0.0, 1.0, 0.0, 0.0]], ops.softmax),
        (losses.SparseCategoricalCrossentropy, [1], ops.softmax),
    ],
)
def test_loss_after_an_activation_is_the_loss_on_its_logits(loss: Any, target: Any, activation: Any) -> None:
    through = gn.value_and_grad(lambda z: loss()(target, activation(z)))(FAR)
    direct = gn.value_and_grad(lambda z: loss(from_logits=True)(target, z))(FAR)
    assert float(through[0]) == float(direct[0]) > 7000
    np.testing.assert_array_equal(through[1].numpy(), direct[1].numpy())
    assert through[1].numpy().any()  # a saturated output still learns


def test_softmax_along_another_axis_is_not_mistaken_for_the_logits() -> None:
    z = LOGITS[:K]
    p = special.softmax(z, axis=0)
    found = gn.grad(lambda z: losses.SparseCategoricalCrossentropy()(LABELS[:K], ops.softmax(z, axis=0)))(z).numpy()
    step = np.zeros_like(z)
    step[2, 1] = 1e-6

    def by_hand(z: Any) -> float:
        p = special.softmax(z, axis=0)
        return -np.log(p[range(K), LABELS[:K]] / p.sum(-1)).mean()

    np.testing.assert_allclose(found[2, 1], (by_hand(z + step) - by_hand(z - step)) / 2e-6, rtol=1e-6)
    assert p.shape == z.shape


# ---------------------------------------------------------------- settings


def test_classes_may_lie_on_another_axis() -> None:
    for loss, y_true in [
        (losses.CategoricalCrossentropy(axis=1, reduction="none"), np.moveaxis(np.eye(K)[LABELS.reshape(2, 3)], -1, 1)),
        (losses.SparseCategoricalCrossentropy(axis=1, reduction="none"), LABELS.reshape(2, 3)),
    ]:
        y_pred = np.moveaxis(P.reshape(2, 3, K), -1, 1)
        expected = -np.log(OWN_P).reshape(2, 3)
        np.testing.assert_allclose(loss(y_true, y_pred).numpy(), expected, rtol=1e-6)


def test_ignored_class_counts_neither_in_the_sum_nor_in_the_number_of_samples() -> None:
    labels = np.array([0, -1, 1, -1, 2, 0])
    each = -np.log(P[range(N), labels]) * (labels >= 0)
    for reduction, expected in [("mean", each.sum() / 4), ("sum", each.sum()), ("none", each)]:
        loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
        np.testing.assert_allclose(loss(labels, P).numpy(), expected, rtol=1e-6)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction="mean_with_sample_weight")
    kept = WEIGHTS * (labels >= 0)
    np.testing.assert_allclose(float(loss(labels, P, WEIGHTS)), np.average(each, weights=kept), rtol=1e-6)
    slope = gn.grad(lambda p: losses.SparseCategoricalCrossentropy(ignore_class=-1)(labels, p))(P).numpy()
    assert not slope[[1, 3]].any()


def test_a_batch_of_ignored_labels_has_the_loss_0() -> None:
    assert float(losses.SparseCategoricalCrossentropy(ignore_class=0)([0, 0], P[:2])) == 0.0


def test_weights_that_are_all_0_have_the_mean_0() -> None:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(loss([[1.0]], [[2.0]], sample_weight=[0.0])) == 0.0
    assert gn.grad(lambda y: loss([[1.0]], y, sample_weight=[0.0]))([[2.0]]).numpy() == 0.0


def test_a_column_of_weights_is_one_weight_per_sample() -> None:
    loss = losses.MeanSquaredError()
    assert float(loss(REAL, LOGITS, WEIGHTS[:, None])) == float(loss(REAL, LOGITS, WEIGHTS))


def test_weights_apply_to_every_step_of_a_sequence() -> None:
    y_true, y_pred = REAL.reshape(2, 3, K), LOGITS.reshape(2, 3, K)
    each = ((y_true - y_pred) ** 2).mean(-1)
    for weights in (np.array([1.0, 3.0]), WEIGHTS.reshape(2, 3)):
        full = np.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, (2, 3))
        loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
        np.testing.assert_allclose(float(loss(y_true, y_pred, weights)), np.average(each, weights=full), rtol=1e-6)


def test_hinge_takes_0_as_minus_1_only_in_a_batch_of_0_and_1() -> None:
    # 0/1 labels: max(1 + 0.5, 0) and max(1 - 0.5, 0); as they stand, 0 would cost 1
    np.testing.assert_array_equal(losses.hinge([[0.0], [1.0]], [[0.5], [0.5]]).numpy(), [1.5, 0.5])
    np.testing.assert_array_equal(losses.hinge([[-1.0], [1.0]], [[0.5], [0.5]]).numpy(), [1.5, 0.5])


def test_targets_of_a_vector_and_a_column_are_the_same() -> None:
    y = np.array([1.0, 2.0])
    assert float(losses.MeanSquaredError()(y, y[:, None] + 1)) == 1.0
    assert float(losses.MeanSquaredError()(y[:, None], y + 1)) == 1.0


def test_dtype_sets_the_float_type_of_the_computation() -> None:
    loss = losses.MeanSquaredError(dtype="float64")
    assert loss([[1.0]], [[2.0]]).dtype == np.float64
    assert losses.deserialize(losses.serialize(loss)).dtype == "float64"


def test_names_stand_for_functions_in_lower_case_and_classes_in_upper_case() -> None:
    for name in ("mse", "mae", "bce", "kld", "mape", "msle"):
        assert losses.get(name) is losses.get(name.upper())
    assert losses.get("kld") is losses.kl_divergence
    assert losses.serialize(losses.get("mae")) == "mean_absolute_error"
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).settings == {"delta": 3.0}


def test_own_loss_is_a_subclass_with_call() -> None:
    class Cubed(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)

    assert float(Cubed()([[0.0], [0.0]], [[1.0], [2.0]])) == 4.5
    assert float(Cubed.from_config(Cubed(reduction="sum").get_config())([[0.0], [0.0]], [[1.0], [2.0]])) == 9.0


def test_dice_of_a_batch_is_one_number_in_which_large_regions_weigh_more() -> None:
    both, t, p = BITS + Q, BITS, Q
    assert float(losses.Dice()(t, p)) == pytest.approx(1 - 2 * (t * p).sum() / both.sum(), rel=1e-6)
    assert float(losses.Dice(axis=(0, 1))(t, p)) == float(losses.Dice()(t, p))
    empty = np.zeros((2, 3))
    assert float(losses.Dice()(empty, empty)) == 1.0  # nothing was there to be found: Keras's convention


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_log_cosh_is_tanh_steep_and_never_overflows(size: float) -> None:
    e = np.float32([[size, -size]])
    value, slope = gn.value_and_grad(lambda y: losses.log_cosh(np.zeros((1, 2)), y))(e)
    expected = np.logaddexp(size, -size) - np.log(2)
    np.testing.assert_allclose(value.numpy(), [expected], rtol=1e-3 if size < 1 else 1e-6)
    np.testing.assert_allclose(slope.numpy(), np.tanh(e.astype(float)) / 2, rtol=1e-6, atol=1e-7)


def test_a_generalized_crossentropy_lies_between_crossentropy_and_absolute_error() -> None:
    near, far = (losses.categorical_generalized_cross_entropy(LABELS, P, q).numpy() for q in (1e-6, 1.0))
    np.testing.assert_allclose(near, -np.log(OWN_P), rtol=1e-4)
    np.testing.assert_allclose(far, 1 - OWN_P, rtol=1e-6)


# ---------------------------------------------------------------- sequences


def spells(path: tuple[int, ...], target: list[int]) -> bool:
    """Whether a path of classes gives the target when repeats are merged and then blanks (0) dropped."""
    return [k for k, _ in itertools.groupby(path) if k] == target


@pytest.mark.parametrize("target", [[], [1], [1, 2], [2, 2], [1, 2, 1], [1, 1, 2]])
def test_ctc_is_the_sum_over_all_paths(target: list[int]) -> None:
    frames = 4
    logits = RNG.normal(size=(1, frames, 3)) * 2
    p = special.softmax(logits[0], axis=-1)
    paths = itertools.product(range(3), repeat=frames)
    total = sum(np.prod(p[range(frames), path]) for path in paths if spells(path, target))
    found = losses.ctc(np.array([[*target, 0, 0, 0]])[:, :3], logits).numpy()
    np.testing.assert_allclose(found, [-np.log(total)], rtol=1e-12)


def test_ctc_of_many_frames_is_finite_where_probabilities_underflow() -> None:
    logits = np.float32(RNG.normal(size=(2, 400, 5)) * 30)
    value, slope = gn.value_and_grad(lambda z: losses.CTC()([[1, 2, 3], [4, 4, 0]], z))(logits)
    assert 1000 < float(value) < 1e5
    assert np.isfinite(slope.numpy()).all()
    np.testing.assert_allclose(slope.numpy().sum(-1), 0, atol=1e-6)  # what one class gains the others lose


def test_ctc_learns_to_spell() -> None:
    logits, target = gn.Variable(np.zeros((1, 6, 3))), [[1, 2, 2]]
    optimizer = gn.optimizers.Adam(0.5)
    for _ in range(40):
        optimizer.apply([gn.grad(lambda z: losses.ctc(target, z).sum())(logits.value)], [logits])
    assert spells(tuple(logits.numpy()[0].argmax(-1)), target[0])


# ---------------------------------------------------------------- terms without targets


def test_kl_divergence_of_normal_distributions_equals_the_integral() -> None:
    m, v = np.array([0.5, -1.0]), np.array([0.25, 2.0])
    x = np.linspace(-20, 20, 400_001)
    each = [
        np.trapezoid(stats.norm.pdf(x, a, b**0.5) * (stats.norm.logpdf(x, a, b**0.5) - stats.norm.logpdf(x)), x)
        for a, b in zip(m, v, strict=True)
    ]
    assert float(losses.gaussian_kl_divergence(m, np.log(v))) == pytest.approx(sum(each), rel=1e-6)
    assert float(losses.gaussian_kl_divergence([0.0], [0.0])) == 0.0


def test_triplets_far_enough_apart_cost_nothing_and_equal_points_have_a_finite_slope() -> None:
    a = np.array([[1.0, 2.0]])
    assert losses.triplet_margin(a, a, a + 5).numpy() == 0.0
    assert losses.triplet_margin(a, a, a).numpy() == 1.0
    assert np.isfinite(gn.grad(lambda x: losses.triplet_margin(x, a, a).sum())(a).numpy()).all()


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: losses.SparseCategoricalCrossentropy()(ONE_HOT, P), ShapeError,
         "one-hot labels belong to categorical_crossentropy"),
        (lambda: losses.CategoricalCrossentropy()(LABELS, P), ShapeError,
         "integer labels belong to sparse_categorical_crossentropy"),
        (lambda: losses.SparseCategoricalCrossentropy()([0, 4], P[:2]), DataError,
         r"a label is out of range\n  expected: integers 0\.\.3 \(4 classes\)\n  received: 4 at position 1"),
        (lambda: losses.SparseCategoricalCrossentropy()([-1, 0], P[:2]), DataError, "received: -1 at position 0"),
        (lambda: losses.SparseCategoricalCrossentropy()(LABELS[:2], P), ShapeError, "predictions do not fit"),
        (lambda: losses.CategoricalCrossentropy()(np.eye(3)[[0, 1]], P[:2]), ShapeError, "last layer needs 3 units"),
        (lambda: losses.CategoricalCrossentropy()([[1.0]], [[1.0]]), ShapeError, "with one class the loss is always 0"),
        (lambda: losses.CategoricalCrossentropy(axis=2)(ONE_HOT, P), ArgumentError, "categorical_crossentropy"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2)(BITS, Q), ArgumentError, r"must be in \[0, 1\]"),
        (lambda: losses.MeanSquaredError()(REAL[:, :2], LOGITS), ShapeError, "the last layer needs 2 units"),
        (lambda: losses.MeanSquaredError()(REAL[:2], LOGITS), ShapeError, "targets and predictions do not fit"),
        (lambda: losses.Huber(delta=0.0)(REAL, LOGITS), ArgumentError, "huber: delta must be positive"),
        (lambda: losses.MeanSquaredError()(REAL, LOGITS, sample_weight=[1.0, 2.0]), ShapeError,
         r"mean_squared_error: sample_weight does not fit\n  expected: one weight per sample, shape \(6,\)"),
        (lambda: losses.MeanSquaredError()([1.0, 2.0], [1.0, 2.0], sample_weight=[1.0, 2.0]), ShapeError,
         "give them a last axis"),
        (lambda: losses.MeanSquaredError(reduction="average"), ArgumentError, "MeanSquaredError: unknown reduction"),
        (lambda: losses.Loss()([0.0], [0.0]), ArgumentError, "must define call"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy()(ONE_HOT, P), ShapeError, "makes labels of one-hot rows"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=0.0)(LABELS, P), ArgumentError, "q is out of range"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy()(LABELS + 1, P), DataError, "a label is out of range"),
        (lambda: losses.NegativeLogLikelihood()(LABELS[:2], P), ShapeError, r"integer labels of shape \(6,\)"),
        (lambda: losses.NegativeLogLikelihood()(LABELS - 1, P), DataError, "received: -1 at position 0"),
        (lambda: losses.CategoricalFocalCrossentropy([1.0, 2.0])(ONE_HOT, P), ArgumentError, "alpha does not fit the classes"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=-1)(BITS, Q), ArgumentError, "gamma cannot be negative"),
        (lambda: losses.CategoricalFocalCrossentropy()(LABELS, P), ShapeError, "integer labels belong to"),
        (lambda: losses.GaussianNLL()(REAL[:, :1], REAL[:, :3]), ShapeError, "twice as many units as there are targets"),
        (lambda: losses.GaussianNLL()(REAL, REAL), ShapeError, "gaussian_nll: targets and predictions do not fit"),
        (lambda: losses.Dice()(BITS, Q, sample_weight=WEIGHTS), ShapeError, "Dice needs its axis"),
        (lambda: losses.CTC()([1, 2], P), ShapeError, "shorter targets are filled up with 0"),
        (lambda: losses.CTC()([[1, 4]], LOGITS[None]), DataError, r"classes 0\.\.3 without the blank, 0\n.*4 in target 0"),
        (lambda: losses.CTC()([[1, 1]], LOGITS[None, :2]), DataError, r"2 labels with 1 repeats, 2 of 2 frames"),
        (lambda: losses.triplet_margin(P, P, P[:2]), ShapeError, r"triplet_margin: the shapes differ(.|\n)*negative \(2"),
        (lambda: losses.gaussian_kl_divergence(P, P[0]), ShapeError, "gaussian_kl_divergence: the shapes differ"),
        (lambda: losses.get("mean_sqared_error"), ArgumentError, "did you mean 'mean_squared_error'"),
    ],
)  # fmt: skip
def test_error_names_what_was_expected(call: Any, error: type[GlassnetError], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    ("loss", "y", "text"),
    [
        ("poisson", [0.0, -1.0], "poisson: a target is below 0"),
        (
            losses.MeanSquaredLogarithmicError(),
            [-0.5, 1.0],
            r"mean_squared_logarithmic_error: a target is below 0\n.*\n.*-0\.5",
        ),
        ("binary_focal_crossentropy", [0.0, 2.0], "binary_focal_crossentropy: a target is out of range"),
        ("negative_log_likelihood", [0.0, 0.5], "negative_log_likelihood: a label is not a whole number"),
    ],
)
def test_fit_refuses_targets_that_a_loss_cannot_mean(loss: Any, y: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        losses.check_targets(losses.get(loss), np.array(y))
