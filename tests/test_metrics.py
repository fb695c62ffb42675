"""Metrics against plain NumPy: in one batch and in several, weighted, eager and replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import metrics as m
from glassnet.errors import ArgumentError, DTypeError, SavingError, ShapeError
from glassnet.metrics.metric import REGISTRY

RNG = np.random.default_rng(0)
N, K = 60, 4
LABELS = RNG.integers(0, K, N)
ONE_HOT = np.eye(K, dtype="float32")[LABELS]
SCORES = RNG.dirichlet(np.ones(K), N).astype("float32")
TRUTH = RNG.integers(0, 2, (N, 1)).astype("float32")
CALLS = (0.6 * RNG.uniform(size=(N, 1)) + 0.4 * TRUTH * RNG.uniform(size=(N, 1))).astype("float32")
NUMBERS, GUESSES = RNG.normal(size=(2, N, 3)).astype("float32")
WEIGHTS = RNG.uniform(size=N)
MASK = RNG.integers(0, 2, N)

# ---------------------------------------------------------------- oracles of (y_true, y_pred, one weight per sample)


def mean_of(per_sample: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], float]:
    """The weighted mean over the samples of a function of their targets and predictions."""
    return lambda t, y, w: float((per_sample(t.astype(float), y.astype(float)) * w).sum() / w.sum())


def in_top_k(labels: Any, scores: Any, k: int) -> Any:
    return np.array([label in order[-k:] for label, order in zip(labels, scores.argsort(axis=1), strict=True)])


def crossentropy(labels: Any, p: Any) -> Any:
    return -np.log(p[np.arange(len(p)), labels.astype(int)])


def share(of: str, threshold: float = 0.5) -> Callable[[Any, Any, Any], float]:
    """tp / (tp + fp) or tp / (tp + fn)."""

    def oracle(t: Any, y: Any, w: Any) -> float:
        yes, called, w = t.ravel() == 1, y.ravel() > threshold, np.broadcast_to(w[:, None], t.shape).ravel()
        return float(w[yes & called].sum() / w[called if of == "calls" else yes].sum())

    return oracle


def rank_statistic(t: Any, y: Any, w: Any) -> float:
    """How often a positive scores higher than a negative; ties count half. Equal to the area under the ROC curve."""
    t, y = t.ravel(), y.ravel().astype(float)
    wins = (y[t == 1][:, None] > y[t == 0]) + 0.5 * (y[t == 1][:, None] == y[t == 0])
    pairs = w[t == 1][:, None] * w[t == 0]
    return float((wins * pairs).sum() / pairs.sum())


def f_score(beta: float, average: str, threshold: float | None = None) -> Callable[[Any, Any, Any], float]:
    """From precision and recall of each class, or of all together."""

    def oracle(t: Any, y: Any, w: Any) -> float:
        called = y == y.max(axis=1, keepdims=True) if threshold is None else y > threshold
        w = np.broadcast_to(w[:, None], t.shape)
        columns = (
            [(t.ravel(), called.ravel(), w.ravel())] if average == "micro" else zip(t.T, called.T, w.T, strict=True)
        )
        scores, truths = [], []
        for truth, call, weight in columns:
            hits, truths = (weight * truth * call).sum(), [*truths, (weight * truth).sum()]
            precision, recall = hits / (weight * call).sum(), hits / truths[-1]
            scores.append((1 + beta**2) * precision * recall / (beta**2 * precision + recall))
        return float(np.average(scores, weights=truths if average == "weighted" else None))

    return oracle


def overlap(classes: Any) -> Callable[[Any, Any, Any], float]:
    """Mean intersection over union of some classes, as weights of sets of cells."""
    return lambda t, y, w: float(
        np.mean(
            [
                w[(t == k) & (y == k)].sum() / w[(t == k) | (y == k)].sum()
                for k in classes
                if w[(t == k) | (y == k)].any()
            ]
        )
    )


ON_GRID = ((np.floor(CALLS * 20) + 0.5) / 20).astype("float32")  # 20 values, each between two of 21 thresholds

Row = tuple[Callable[[], m.Metric], Any, Any, Callable[[Any, Any, Any], float]]
TABLE: dict[str, Row] = {
    "Accuracy": (m.Accuracy, LABELS, SCORES.argmax(1), mean_of(lambda t, y: t == y)),
    "BinaryAccuracy": (m.BinaryAccuracy, TRUTH, CALLS, mean_of(lambda t, y: ((y > 0.5) == t)[:, 0])),
    "BinaryAccuracy threshold": (
        lambda: m.BinaryAccuracy(threshold=0.2), ONE_HOT, SCORES, mean_of(lambda t, y: ((y > 0.2) == t).mean(axis=1)),
    ),
    "CategoricalAccuracy": (m.CategoricalAccuracy, ONE_HOT, SCORES, mean_of(lambda t, y: t.argmax(1) == y.argmax(1))),
    "SparseCategoricalAccuracy": (m.SparseCategoricalAccuracy, LABELS, SCORES, mean_of(lambda t, y: t == y.argmax(1))),
    "TopK": (
        lambda: m.TopKCategoricalAccuracy(k=2), ONE_HOT, SCORES, mean_of(lambda t, y: in_top_k(t.argmax(1), y, 2)),
    ),
    "SparseTopK": (
        lambda: m.SparseTopKCategoricalAccuracy(k=3), LABELS, SCORES, mean_of(lambda t, y: in_top_k(t, y, 3)),
    ),
    "SparseTopK sorted": (
        lambda: m.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True), LABELS, (-SCORES).argsort(axis=1),
        mean_of(lambda t, y: (y[:, :2] == t[:, None]).any(axis=1)),
    ),
    "MeanSquaredError": (m.MeanSquaredError, NUMBERS, GUESSES, mean_of(lambda t, y: ((t - y) ** 2).mean(axis=1))),
    "MeanAbsoluteError": (m.MeanAbsoluteError, NUMBERS, GUESSES, mean_of(lambda t, y: abs(t - y).mean(axis=1))),
    "RootMeanSquaredError": (
        m.RootMeanSquaredError, NUMBERS, GUESSES,
        lambda t, y, w: mean_of(lambda t, y: ((t - y) ** 2).mean(axis=1))(t, y, w) ** 0.5,
    ),
    "BinaryCrossentropy": (
        m.BinaryCrossentropy, TRUTH, CALLS,
        mean_of(lambda t, y: -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean(axis=1)),
    ),
    "BinaryCrossentropy logits": (
        lambda: m.BinaryCrossentropy(from_logits=True), TRUTH, np.log(CALLS / (1 - CALLS)),
        mean_of(lambda t, y: np.log1p(np.exp(np.where(t == 1, -y, y))).mean(axis=1)),
    ),
    "CategoricalCrossentropy": (
        m.CategoricalCrossentropy, ONE_HOT, SCORES, mean_of(lambda t, y: crossentropy(t.argmax(1), y)),
    ),
    "SparseCategoricalCrossentropy": (m.SparseCategoricalCrossentropy, LABELS, SCORES, mean_of(crossentropy)),
    "SparseCategoricalCrossentropy ignored": (
        lambda: m.SparseCategoricalCrossentropy(ignore_class=2), LABELS, SCORES,
        lambda t, y, w: mean_of(crossentropy)(t[t != 2], y[t != 2], w[t != 2]),
    ),
    "Precision": (m.Precision, TRUTH, CALLS, share("calls")),
    "Precision threshold": (lambda: m.Precision(0.2), ONE_HOT, SCORES, share("calls", 0.2)),
    "Recall": (m.Recall, TRUTH, CALLS, share("truths")),
    "Recall threshold": (lambda: m.Recall(0.2), ONE_HOT, SCORES, share("truths", 0.2)),
    "AUC": (lambda: m.AUC(num_thresholds=21), TRUTH, ON_GRID, rank_statistic),
    "TruePositives": (m.TruePositives, TRUTH, CALLS, lambda t, y, w: w[(t == 1)[:, 0] & (y > 0.5)[:, 0]].sum()),
    "FalsePositives": (
        lambda: m.FalsePositives(0.3), TRUTH, CALLS, lambda t, y, w: w[(t == 0)[:, 0] & (y > 0.3)[:, 0]].sum(),
    ),
    "TrueNegatives": (m.TrueNegatives, TRUTH, CALLS, lambda t, y, w: w[(t == 0)[:, 0] & (y <= 0.5)[:, 0]].sum()),
    "FalseNegatives": (m.FalseNegatives, TRUTH, CALLS, lambda t, y, w: w[(t == 1)[:, 0] & (y <= 0.5)[:, 0]].sum()),
    "F1Score": (lambda: m.F1Score("macro"), ONE_HOT, SCORES, f_score(1, "macro")),
    "F1Score micro": (lambda: m.F1Score("micro", threshold=0.3), ONE_HOT, SCORES, f_score(1, "micro", 0.3)),
    "FBetaScore": (lambda: m.FBetaScore("weighted", 2.0), ONE_HOT, SCORES, f_score(2, "weighted")),
    "R2Score": (
        m.R2Score, NUMBERS, GUESSES,
        lambda t, y, w: np.mean([
            1 - np.average((a - b) ** 2, weights=w) / np.average((a - np.average(a, weights=w)) ** 2, weights=w)
            for a, b in zip(t.T.astype(float), y.T, strict=True)
        ]),
    ),
    "MeanIoU": (lambda: m.MeanIoU(K), LABELS, SCORES.argmax(1), overlap(range(K))),
    "IoU": (
        lambda: m.IoU(K, [0, 2], sparse_y_true=False, sparse_y_pred=False), ONE_HOT, SCORES,
        lambda t, y, w: overlap([0, 2])(t.argmax(1), y.argmax(1), w),
    ),
    "IoU ignored": (
        lambda: m.IoU(K, [0, 2], ignore_class=1), LABELS, SCORES.argmax(1),
        lambda t, y, w: overlap([0, 2])(t, y, w * (t != 1)),
    ),
    "BinaryIoU": (
        lambda: m.BinaryIoU((1,), 0.3), TRUTH, CALLS, lambda t, y, w: overlap([1])(t[:, 0], (y[:, 0] >= 0.3), w),
    ),
    "KLDivergence": (
        m.KLDivergence, SCORES[::-1], SCORES, mean_of(lambda t, y: (t * np.log(t / y)).sum(axis=1)),
    ),
    "Poisson": (m.Poisson, abs(NUMBERS), abs(GUESSES), mean_of(lambda t, y: (y - t * np.log(y)).mean(axis=1))),
    "Hinge": (m.Hinge, 2 * ONE_HOT - 1, SCORES, mean_of(lambda t, y: np.maximum(1 - t * y, 0).mean(axis=1))),
    "SquaredHinge": (m.SquaredHinge, 2 * ONE_HOT - 1, SCORES, mean_of(lambda t, y: ((1 - t * y) ** 2).mean(axis=1))),
    "CategoricalHinge": (
        m.CategoricalHinge, ONE_HOT, SCORES,
        mean_of(lambda t, y: np.maximum(1 + np.where(t, 0, y).max(1) - y[t == 1], 0)),
    ),
    "LogCoshError": (m.LogCoshError, NUMBERS, GUESSES, mean_of(lambda t, y: np.log(np.cosh(t - y)).mean(axis=1))),
    "MeanAbsolutePercentageError": (
        m.MeanAbsolutePercentageError, NUMBERS, GUESSES, mean_of(lambda t, y: 100 * abs(1 - y / t).mean(axis=1)),
    ),
    "MeanSquaredLogarithmicError": (
        m.MeanSquaredLogarithmicError, abs(NUMBERS), abs(GUESSES),
        mean_of(lambda t, y: (np.log((1 + t) / (1 + y)) ** 2).mean(axis=1)),
    ),
    "CosineSimilarity": (
        m.CosineSimilarity, NUMBERS, GUESSES,
        mean_of(lambda t, y: (t * y).sum(1) / np.sqrt((t * t).sum(1) * (y * y).sum(1))),
    ),
    "PearsonCorrelation": (
        m.PearsonCorrelation, NUMBERS, GUESSES,
        mean_of(lambda t, y: np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(t, y, strict=True)])),
    ),
    "ConcordanceCorrelation": (
        m.ConcordanceCorrelation, NUMBERS, GUESSES,
        mean_of(lambda t, y: np.array([
            2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
            for a, b in zip(t, y, strict=True)
        ])),
    ),
}  # fmt: skip
every_metric = pytest.mark.parametrize(("make", "t", "y", "oracle"), TABLE.values(), ids=TABLE)


def close(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), expected, rtol=2e-6, atol=1e-12)


@every_metric
def test_one_batch_gives_the_number_of_numpy(make: Any, t: Any, y: Any, oracle: Any) -> None:
    close(make()(t, y), oracle(t, y, np.ones(N)))


@every_metric
def test_batches_add_up_to_the_whole(make: Any, t: Any, y: Any, oracle: Any) -> None:
    metric = make()
    for rows in (slice(0, 7), slice(7, 8), slice(8, N)):
        metric.update_state(t[rows], y[rows])
    close(metric.result(), oracle(t, y, np.ones(N)))
    assert all(v.dtype == "float64" for v in metric.variables)


@every_metric
@pytest.mark.parametrize("shape", [(N,), (N, 1)])
def test_weights_count_samples_that_often(make: Any, t: Any, y: Any, oracle: Any, shape: Any) -> None:
    close(make()(t, y, sample_weight=WEIGHTS.reshape(shape)), oracle(t, y, WEIGHTS))


@every_metric
def test_weights_of_0_and_1_equal_dropping_samples(make: Any, t: Any, y: Any, oracle: Any) -> None:
    close(make()(t, y, sample_weight=MASK), make()(t[MASK == 1], y[MASK == 1]))


@every_metric
def test_a_replayed_update_gives_the_eager_bits(make: Any, t: Any, y: Any, oracle: Any) -> None:
    results = []
    for replayed in (False, True):
        metric = make()
        update = gn.jit(metric) if replayed else metric
        for rows in (slice(0, 20), slice(20, 40), slice(40, 60)):
            result = update(t[rows], y[rows], WEIGHTS[rows])
        results.append([result.numpy(), *[v.numpy() for v in metric.variables]])
    assert update.traces == 1
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@every_metric
def test_a_reset_metric_starts_from_nothing(make: Any, t: Any, y: Any, oracle: Any) -> None:
    metric = make()
    assert float(metric.result()) == 0.0
    metric.update_state(t[:9], y[:9])
    metric.reset_state()
    assert all((v.numpy() == 0).all() for v in metric.variables)
    close(metric(t, y), oracle(t, y, np.ones(N)))


@every_metric
def test_a_metric_survives_a_file(make: Any, t: Any, y: Any, oracle: Any) -> None:
    own = make()
    again = m.deserialize(json.loads(json.dumps(m.serialize(own))))
    assert type(again) is type(own)
    assert again.get_config() == own.get_config()
    close(again(t, y), oracle(t, y, np.ones(N)))


# ---------------------------------------------------------------- sums and means


def test_sums_are_exact_where_float32_would_lose_every_further_one() -> None:
    for metric, expected in ((m.Sum(), 2**24 + 2), (m.Mean(), (2**24 + 2) / 3)):
        for value in (2**24, 1, 1):
            metric.update_state(np.float32([value]))
        assert float(metric.result()) == expected


@pytest.mark.parametrize("weight", [2, 2.0, np.float32(2.0), [2.0, 2.0]])
def test_a_weight_may_be_a_number(weight: Any) -> None:
    mean, total = m.Mean(), m.Sum()
    mean.update_state([1.0, 3.0], sample_weight=weight)
    mean.update_state([8.0])
    assert float(mean.result()) == pytest.approx(16 / 5)
    assert float(total([1.0, 3.0], sample_weight=weight)) == 8.0


def test_one_weight_per_sample_reaches_all_values_of_the_sample() -> None:
    assert float(m.Mean()([[1.0, 3.0], [5.0, 7.0]], sample_weight=[1.0, 0.0])) == 2.0
    assert float(m.Sum()([[1.0, 3.0], [5.0, 7.0]], sample_weight=[[1.0, 0.0], [0.0, 2.0]])) == 15.0


def test_without_weight_there_is_no_mean_and_no_division_by_zero() -> None:
    assert float(m.Mean()([1.0, 3.0], sample_weight=[0.0, 0.0])) == 0.0


def test_the_state_takes_another_dtype_if_asked() -> None:
    assert m.Mean(dtype="float32").total.dtype == "float32"
    assert m.Mean(dtype="float32")([1.0]).dtype == "float32"


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize(
    ("function", "t", "y", "expected"),
    [
        (m.binary_accuracy, TRUTH, CALLS, ((CALLS > 0.5) == TRUTH)[:, 0]),
        (m.categorical_accuracy, ONE_HOT, SCORES, SCORES.argmax(1) == LABELS),
        (m.sparse_categorical_accuracy, LABELS, SCORES, SCORES.argmax(1) == LABELS),
        (lambda t, y: m.top_k_categorical_accuracy(t, y, k=2), ONE_HOT, SCORES, in_top_k(LABELS, SCORES, 2)),
        (lambda t, y: m.sparse_top_k_categorical_accuracy(t, y, k=2), LABELS, SCORES, in_top_k(LABELS, SCORES, 2)),
    ],
)
def test_functions_give_one_number_per_sample(function: Any, t: Any, y: Any, expected: Any) -> None:
    found = function(t, y)
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype("uint8"), LABELS.astype("float64")])
def test_labels_may_be_a_column_and_of_any_type(labels: Any) -> None:
    expected = (SCORES.argmax(1) == LABELS).mean()
    close(m.SparseCategoricalAccuracy()(labels, SCORES), expected)
    close(m.SparseTopKCategoricalAccuracy(k=1)(labels, SCORES), expected)


def test_targets_may_lack_the_last_axis_and_be_float64() -> None:
    expected = ((CALLS > 0.5) == TRUTH).mean()
    for targets in (TRUTH[:, 0], TRUTH.astype("float64"), TRUTH.astype(bool)):
        close(m.BinaryAccuracy()(targets, CALLS), expected)
        close(m.Precision()(targets, CALLS), m.Precision()(TRUTH, CALLS))


def test_ties_are_in_the_top_k_together_and_nan_never_is() -> None:
    scores = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [np.nan, 0.4, 0.2]])
    for k in (1, 2, 3, 9):
        np.testing.assert_array_equal(m.sparse_top_k_categorical_accuracy([0, 1, 0], scores, k=k).numpy(), [1, 1, 0])


def test_steps_of_a_sequence_are_samples() -> None:
    t, y = LABELS.reshape(20, 3), SCORES.reshape(20, 3, K)
    close(m.SparseCategoricalAccuracy()(t, y), (SCORES.argmax(1) == LABELS).mean())
    close(m.SparseTopKCategoricalAccuracy(k=2)(t, y), in_top_k(LABELS, SCORES, 2).mean())


# ---------------------------------------------------------------- precision and recall


def test_several_thresholds_give_several_numbers() -> None:
    thresholds = [0.1, 0.3, 0.6]
    w = np.ones(N)
    for given in (thresholds, np.array(thresholds)):
        close(m.Precision(given)(TRUTH, CALLS), [share("calls", s)(TRUTH, CALLS, w) for s in thresholds])
        close(m.Recall(given)(TRUTH, CALLS), [share("truths", s)(TRUTH, CALLS, w) for s in thresholds])
    assert m.Precision([0.5])(TRUTH, CALLS).shape == (1,)


def test_a_prediction_at_the_threshold_is_not_a_call() -> None:
    assert float(m.Recall(0.5)([1, 1], [0.5, 0.5001])) == 0.5
    assert float(m.BinaryAccuracy(threshold=0.5)([1, 1], [0.5, 0.5001])) == 0.5


def test_without_calls_precision_is_0_and_without_positives_recall_is_0() -> None:
    assert float(m.Precision()([1.0], [0.1])) == 0.0
    assert float(m.Recall()([0.0], [0.9])) == 0.0


def test_only_the_k_largest_predictions_are_calls() -> None:
    best = (-SCORES).argsort(axis=1)[:, :2]
    hits = (best == LABELS[:, None]).sum()
    close(m.Precision(top_k=2)(ONE_HOT, SCORES), hits / (2 * N))
    close(m.Recall(top_k=2)(ONE_HOT, SCORES), hits / N)
    called = np.take_along_axis(SCORES, best, axis=1) > 0.3
    right = best == LABELS[:, None]
    close(m.Precision(thresholds=0.3, top_k=2)(ONE_HOT, SCORES), right[called].mean())


def test_class_id_judges_one_column() -> None:
    for kind in (m.Precision, m.Recall):
        close(kind(0.2, class_id=1)(ONE_HOT, SCORES), kind(0.2)(ONE_HOT[:, 1], SCORES[:, 1]))
        top = kind(top_k=2, class_id=1)
        kept = np.where((-SCORES).argsort(1).argsort(1) < 2, SCORES, 0)
        close(top(ONE_HOT, SCORES), kind(0.0)(ONE_HOT[:, 1], kept[:, 1]))


# ---------------------------------------------------------------- counts, F-scores, R², overlap


def test_counts_at_several_thresholds_add_up_to_all_samples() -> None:
    kinds = (m.TruePositives, m.FalsePositives, m.TrueNegatives, m.FalseNegatives)
    tp, fp, tn, fn = (kind([0.2, 0.5, 0.8])(TRUTH, CALLS).numpy() for kind in kinds)
    np.testing.assert_array_equal(tp + fp + tn + fn, [N] * 3)
    close(m.Precision([0.2, 0.5, 0.8])(TRUTH, CALLS), tp / (tp + fp))


def test_an_f_score_without_average_has_one_number_per_class_and_0_where_a_class_never_occurs() -> None:
    found = m.F1Score()(ONE_HOT, SCORES).numpy()
    close(found.mean(), m.F1Score("macro")(ONE_HOT, SCORES))
    assert m.F1Score()([[1, 0], [1, 0]], [[0.9, 0.1], [0.8, 0.2]]).numpy().tolist() == [1.0, 0.0]
    assert m.F1Score()([[1, 0]], [[0.0, 0.0]]).numpy().tolist() == [0.0, 0.0]  # a row of zeros calls nothing


def test_r2_of_the_mean_is_0_and_outputs_are_weighted_by_their_variance() -> None:
    assert float(m.R2Score()(NUMBERS, np.broadcast_to(NUMBERS.mean(axis=0), NUMBERS.shape))) == pytest.approx(
        0, abs=1e-6
    )
    each = m.R2Score(None)(NUMBERS, GUESSES).numpy()
    found = m.R2Score("variance_weighted_average")(NUMBERS, GUESSES)
    close(found, np.average(each, weights=NUMBERS.var(axis=0)))
    assert float(m.R2Score()([1.0, 1.0], [2.0, 0.0])) == 0.0  # targets that do not vary


def test_adjusted_r2_pays_for_each_regressor_while_there_are_targets_enough() -> None:
    t, y = NUMBERS[:, 0], NUMBERS[:, 0] + 0.1 * GUESSES[:, 0]
    plain = float(m.R2Score()(t, y))
    close(m.R2Score(num_regressors=5)(t, y), 1 - (1 - plain) * (N - 1) / (N - 6))
    close(m.R2Score(num_regressors=N - 1)(t, y), plain)


def test_cells_of_unknown_classes_and_classes_that_never_occur_do_not_count() -> None:
    assert float(m.MeanIoU(5)([0, 0, 1, 9], [0, 0, 1, 0])) == 1.0
    assert float(m.MeanIoU(5)([[[0], [1]]], [[[0], [0]]])) == 0.25  # 1/2 and 0
    assert float(m.MeanIoU(5)([[[0], [1]]], [[0, 0]])) == 0.25  # targets may keep a last axis of one class index


def test_correlation_is_0_where_one_side_does_not_vary() -> None:
    assert float(m.PearsonCorrelation()([[1.0, 2.0]], [[3.0, 3.0]])) == 0.0
    assert float(m.ConcordanceCorrelation()([[3.0, 3.0]], [[3.0, 3.0]])) == 0.0


# ---------------------------------------------------------------- AUC


def test_auc_of_any_scores_is_the_rank_statistic_within_the_discretisation() -> None:
    exact = rank_statistic(TRUTH, CALLS, np.ones(N))
    assert 0.55 < exact < 0.9
    assert float(m.AUC()(TRUTH, CALLS)) == pytest.approx(exact, abs=1 / 200)
    own = sorted({float(x) for x in CALLS.astype("float32").ravel()})
    assert float(m.AUC(thresholds=own)(TRUTH, CALLS)) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(("scores", "area"), [([0, 0.2, 0.8, 1], 1.0), ([1, 0.8, 0.2, 0], 0.0), ([0.5] * 4, 0.5)])
def test_perfect_reversed_and_constant_scores(scores: list[float], area: float) -> None:
    assert float(m.AUC()([0, 0, 1, 1], scores)) == pytest.approx(area)


def test_the_area_under_precision_over_recall_by_numerical_integration() -> None:
    """tp and fp go straight from point to point; precision tp / (tp + fp) is integrated over recall tp / P."""
    thresholds = np.linspace(0, 1, 21)
    thresholds[[0, -1]] = -1, 2
    called = thresholds < ON_GRID  # (N, 21)
    tp, fp = (called & (TRUTH == 1)).sum(axis=0), (called & (TRUTH == 0)).sum(axis=0)
    area, between = 0.0, (np.arange(20_000) + 0.5) / 20_000
    for i in range(20):
        a, b = tp[i + 1] + between * (tp[i] - tp[i + 1]), fp[i + 1] + between * (fp[i] - fp[i + 1])
        if tp[i] > tp[i + 1]:
            area += (a / (a + b)).mean() * (tp[i] - tp[i + 1]) / TRUTH.sum()
    assert float(m.AUC(21, curve="PR")(TRUTH, ON_GRID)) == pytest.approx(area, rel=1e-6)
    assert float(m.AUC(curve="PR")([0, 0, 1, 1], [0, 0.2, 0.8, 1])) == pytest.approx(1.0)


@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_the_lower_and_the_higher_sum_enclose_the_area(curve: str) -> None:
    low, middle, high = (
        float(m.AUC(9, curve, summation)(TRUTH, CALLS)) for summation in ("minoring", "interpolation", "majoring")
    )
    assert low < middle < high


def test_lower_and_higher_sum_by_hand() -> None:
    # thresholds -ε, 0.5, 1 + ε: recall 1, 1/2, 0 and false positive rate 1, 1/2, 0
    t, y = [0, 0, 1, 1], [0.1, 0.9, 0.2, 0.8]
    assert float(m.AUC(3, summation_method="minoring")(t, y)) == 0.25
    assert float(m.AUC(3, summation_method="majoring")(t, y)) == 0.75
    # precision 1/2, 1/2, 0 over recall 1, 1/2, 0
    assert float(m.AUC(3, "PR", "minoring")(t, y)) == 0.25
    assert float(m.AUC(3, "PR", "majoring")(t, y)) == 0.5


@pytest.mark.parametrize("num_labels", [None, K])
@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.0, 0.5]])
def test_several_labels_are_several_curves(num_labels: int | None, weights: Any) -> None:
    single = [float(m.AUC(21)(ONE_HOT[:, i], SCORES[:, i])) for i in range(K)]
    metric = m.AUC(21, multi_label=True, num_labels=num_labels, label_weights=weights)
    assert float(metric.result()) == 0.0
    close(metric(ONE_HOT, SCORES), np.average(single, weights=weights))
    assert metric.true_positives.shape == (K, 21)


def test_label_weights_without_curves_of_their_own_weigh_the_predictions() -> None:
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    found = m.AUC(21, label_weights=weights)(ONE_HOT, SCORES)
    close(found, m.AUC(21)(ONE_HOT, SCORES, sample_weight=np.broadcast_to(weights, (N, K))))


def test_auc_of_logits_is_that_of_their_probabilities() -> None:
    logits = np.log(CALLS / (1 - CALLS))
    close(m.AUC(from_logits=True)(TRUTH, logits), m.AUC()(TRUTH, CALLS))


# ---------------------------------------------------------------- names, functions, metrics of one's own


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mse", m.MeanSquaredError), ("MSE", m.MeanSquaredError), ("mae", m.MeanAbsoluteError), ("acc", m.Accuracy),
     ("accuracy", m.Accuracy), ("auc", m.AUC), ("AUC", m.AUC), ("bce", m.BinaryCrossentropy),
     ("categorical_crossentropy", m.CategoricalCrossentropy), ("root_mean_squared_error", m.RootMeanSquaredError),
     ("mape", m.MeanAbsolutePercentageError), ("MSLE", m.MeanSquaredLogarithmicError), ("f1_score", m.F1Score),
     ("f_beta_score", m.FBetaScore), ("r2_score", m.R2Score), ("binary_io_u", m.BinaryIoU),
     ("pearson_correlation", m.PearsonCorrelation), ("cosine_similarity", m.CosineSimilarity)],
)  # fmt: skip
def test_names_of_keras_are_understood(name: str, kind: type) -> None:
    assert type(m.get(name)) is kind


def test_every_metric_stands_in_the_table() -> None:
    made = {type(row[0]()) for row in TABLE.values()}
    others = {m.Mean, m.Sum, m.MeanMetricWrapper}
    assert {kind for kind in REGISTRY.classes.values() if isinstance(kind, type)} == made | others


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ArgumentError, match=r"unknown metric 'accurcy'(.|\n)*did you mean 'accuracy'\?"):
        m.get("accurcy")


def largest_miss(y_true: Any, y_pred: Any) -> Any:
    return gn.ops.max(gn.ops.abs(y_true - y_pred), axis=-1)


def test_the_mean_of_a_function_is_a_metric_and_needs_a_registered_function_in_a_file() -> None:
    metric = m.MeanMetricWrapper(largest_miss)
    assert metric.name == "largest_miss"
    close(metric(NUMBERS, GUESSES), abs(NUMBERS - GUESSES).max(axis=1).mean())
    with pytest.raises(SavingError, match=r"the metric 'largest_miss' cannot be saved"):
        m.serialize(metric)
    gn.saving.register_keras_serializable("test_metrics")(largest_miss)
    for own in (metric, m.MeanMetricWrapper(m.binary_accuracy, "share", threshold=0.2)):
        again = m.deserialize(json.loads(json.dumps(m.serialize(own))))
        own.reset_state()
        close(again(NUMBERS, GUESSES), own(NUMBERS, GUESSES))
    assert m.serialize(m.binary_accuracy) == m.serialize(gn.metrics.binary_accuracy) == "binary_accuracy"


class Hits(m.Metric):
    """As a guide of Keras writes its own metric."""

    def __init__(self, name: str = "hits", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        hits = gn.ops.logical_and(
            gn.ops.cast(y_true, "bool"), gn.ops.cast(gn.ops.convert_to_tensor(y_pred) > 0.5, "bool")
        )
        self.count.assign_add(gn.ops.sum(gn.ops.cast(hits, self.dtype)))

    def result(self) -> Any:
        return self.count


@pytest.mark.parametrize("replayed", [False, True])
def test_a_metric_of_ones_own_adds_what_ops_give(replayed: bool) -> None:
    metric = Hits()
    update = gn.jit(metric.update_state) if replayed else metric.update_state
    for _ in range(2):
        update(TRUTH, CALLS)
    assert float(metric.result()) == 2 * ((TRUTH == 1) & (CALLS > 0.5)).sum()
    metric.reset_state()
    assert float(metric.result()) == 0.0
    assert metric.get_config() == {"name": "hits", "dtype": "float32"}


def test_a_model_reports_its_metrics() -> None:
    model = gn.Sequential([gn.Input((K,)), gn.layers.Lambda(lambda x: x)])
    model.compile(loss="categorical_crossentropy", metrics=["accuracy", "crossentropy", m.AUC(name="area")])
    found = model.evaluate(SCORES, ONE_HOT, batch_size=7, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx((SCORES.argmax(1) == LABELS).mean())
    assert found["crossentropy"] == pytest.approx(crossentropy(LABELS, SCORES).mean(), rel=1e-5)
    assert found["area"] == pytest.approx(float(m.AUC()(ONE_HOT, SCORES)))


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: m.AUC(num_thresholds=1), r"AUC: num_thresholds must be at least 2\n.*num_thresholds=1"),
        (lambda: m.AUC(curve="roc"), r"AUC: unknown curve\n.*ROC or PR\n.*'roc'"),
        (lambda: m.AUC(summation_method="mean"), r"AUC: unknown summation_method\n.*minoring or majoring\n.*'mean'"),
        (lambda: m.AUC(num_labels=3), r"AUC: num_labels needs multi_label=True\n.*num_labels=3"),
        (lambda: m.AUC(thresholds=[0.5, 1.5]), r"AUC: thresholds must lie in \[0, 1\]\n.*\[0\.5, 1\.5\]"),
        (lambda: m.Precision(-0.1), r"Precision: thresholds must lie in \[0, 1\]\n.*-0\.1"),
        (lambda: m.Recall([]), r"Recall: thresholds must lie in \[0, 1\]\n.*\[\]"),
        (lambda: m.sparse_top_k_categorical_accuracy([0], [[1.0]], k=0), r"k must be at least 1\n.*k=0"),
        (lambda: m.FalsePositives(2.0), r"FalsePositives: thresholds must lie in \[0, 1\]"),
        (lambda: m.F1Score("mean"), r"F1Score: unknown average\n.*micro, macro, weighted, None\n.*'mean'"),
        (lambda: m.FBetaScore(beta=0), r"FBetaScore: beta must be positive\n.*beta=0"),
        (lambda: m.F1Score(threshold=0.0), r"F1Score: threshold must lie in \(0, 1\]\n.*0\.0"),
        (lambda: m.R2Score("mean"), r"R2Score: unknown class_aggregation"),
        (lambda: m.R2Score(num_regressors=-1), r"R2Score: num_regressors cannot be negative"),
        (lambda: m.IoU(3, [3]), r"IoU: a target class does not exist\n.*some of 0\.\.2\n.*\[3\]"),
        (lambda: m.get("iou"), r"unknown metric 'iou'"),
        (lambda: m.get("IoU"), r"metric IoU cannot be made from its name alone"),
        (lambda: m.Metric().update_state(), "Metric must define update_state"),
        (lambda: m.Metric().result(), "Metric must define result"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("metric", "t", "y", "message"),
    [
        (
            m.SparseCategoricalAccuracy(),
            ONE_HOT,
            SCORES,
            r"labels of shape \(60,\)\n.*\(60, 4\)\n.*categorical_accuracy",
        ),
        (m.CategoricalAccuracy(), LABELS, SCORES, r"targets of shape \(60, 4\)\n.*\(60,\)\n.*sparse_categorical"),
        (
            m.AUC(multi_label=True, num_labels=3),
            ONE_HOT,
            SCORES,
            r"one column of predictions per label\n.*\(batch, 3\)",
        ),
        (m.F1Score(), LABELS, LABELS, r"F1Score: one column per class\n.*\(batch, classes\)"),
        (m.R2Score(), NUMBERS[None], GUESSES[None], r"R2Score: one row per sample"),
        (m.MeanIoU(K), LABELS, SCORES, r"MeanIoU: targets and predictions do not fit(.|\n)*sparse_y_pred=False"),
        (m.Mean(), np.ones(3), np.ones(2), r"mean.*: sample_weight does not fit\n.*\(3,\)\n.*\(2,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(metric: Any, t: Any, y: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        metric.update_state(t, y)


def test_text_is_refused() -> None:
    with pytest.raises(DTypeError, match="strings cannot become a tensor"):
        m.Accuracy()(["a"], ["b"])
