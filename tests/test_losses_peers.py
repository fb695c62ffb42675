"""Losses and metrics give the numbers of Keras and PyTorch: values per sample, gradients, results over batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import glassnet as gn
from glassnet import losses, ops
from glassnet import metrics as m

with np.load(Path(__file__).parent / "golden" / "peers" / "losses.npz") as file:
    PEER = dict(file)
LABELS, BITS, LOGITS, REAL, COUNTS = (PEER[name] for name in ("LABELS", "BITS", "LOGITS", "REAL", "COUNTS"))
FRAMES, TARGETS, WEIGHTS = PEER["FRAMES"], PEER["TARGETS"], PEER["WEIGHTS"]
ONE_HOT, POSITIVE = np.eye(4)[LABELS], np.exp(REAL)
SOFTMAX, SIGMOID = special.softmax(LOGITS, axis=-1), special.expit(LOGITS)
CLASSES = np.array([0, 1, 1, 2, 3])

LOSSES: dict[str, tuple[losses.Loss, Any, Any]] = {
    "log_cosh": (losses.LogCosh(), REAL, LOGITS),
    "squared_hinge": (losses.SquaredHinge(), BITS, LOGITS),
    "categorical_hinge": (losses.CategoricalHinge(), ONE_HOT, LOGITS),
    "poisson": (losses.Poisson(), COUNTS, POSITIVE),
    "cosine_similarity": (losses.CosineSimilarity(), REAL, LOGITS),
    "cosine_similarity axis": (losses.CosineSimilarity(axis=0), REAL, LOGITS),
    "msle": (losses.MeanSquaredLogarithmicError(), COUNTS, POSITIVE),
    "mape": (losses.MeanAbsolutePercentageError(), REAL, LOGITS),
    "binary_focal": (losses.BinaryFocalCrossentropy(), BITS, SIGMOID),
    "binary_focal logits": (losses.BinaryFocalCrossentropy(from_logits=True, gamma=1.5), BITS, LOGITS),
    "binary_focal all": (losses.BinaryFocalCrossentropy(True, 0.3, 3.0, label_smoothing=0.2), BITS, SIGMOID),
    "categorical_focal": (losses.CategoricalFocalCrossentropy(), ONE_HOT, SOFTMAX),
    "categorical_focal all": (
        losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3, 0.4], 1.5, True, 0.1), ONE_HOT, LOGITS,
    ),
    "generalized": (losses.CategoricalGeneralizedCrossEntropy(0.7), LABELS, SOFTMAX),
    "dice": (losses.Dice(), BITS, SIGMOID),
    "dice axis": (losses.Dice(axis=-1), BITS, SIGMOID),
    "ctc": (losses.CTC(), TARGETS, FRAMES),
}  # fmt: skip


def agree(found: Any, expected: Any, tolerance: float = 1e-6) -> None:
    """At most `tolerance` of the largest number apart: both sides keep divisions finite with an epsilon of 1e-7."""
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=tolerance * max(np.abs(expected).max(), 1e-3))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_the_values_and_gradients_of_keras(name: str) -> None:
    loss, y_true, y_pred = LOSSES[name]
    loss.reduction = "none"
    agree(loss(y_true, y_pred), PEER[f"{name}/each"])
    if name != "generalized":  # there a gradient per probability, here one in which they keep the sum 1
        slope = gn.grad(lambda y: loss(y_true, y).sum())(y_pred)
        agree(slope, PEER[f"{name}/slope"], 2e-6 if name == "ctc" else 1e-6)  # Keras runs CTC in float32


def torch_rows() -> dict[str, tuple[Any, ...]]:
    target, lengths = np.array([[1, 2, 2], [3, 9, 9], [1, 3, 1]]), (np.array([3, 1, 3]), np.array([6, 3, 7]))
    rows: dict[str, tuple[Any, ...]] = {
        f"gaussian_nll {full}": (
            lambda m, v, full=full: losses.gaussian_nll(REAL[..., None], ops.stack([m, v], axis=-1), full), LOGITS, POSITIVE,
        )
        for full in (False, True)
    }  # fmt: skip
    rows["nll"] = (lambda z: losses.negative_log_likelihood(LABELS, z), np.log(SOFTMAX))
    rows["triplet_margin"] = (lambda *x: losses.triplet_margin(*x, margin=1.5), LOGITS, REAL, BITS)
    rows["ctc lengths"] = (lambda z: ops.ctc_loss(target, z, *lengths), FRAMES)
    return rows


@pytest.mark.parametrize("name", torch_rows())
def test_losses_have_the_values_and_gradients_of_torch(name: str) -> None:
    function, *arrays = torch_rows()[name]
    agree(function(*arrays), PEER[f"{name}/each"], 2e-6)  # PyTorch adds 1e-6 to the differences in a distance
    slopes = gn.grad(lambda *x: function(*x).sum(), argnums=tuple(range(len(arrays))))(*arrays)
    for i, slope in enumerate(slopes):
        agree(slope, PEER[f"{name}/slope{i}"], 5e-6)


METRICS: dict[str, tuple[Any, Any, Any]] = {
    "F1Score": (m.F1Score, ONE_HOT, SOFTMAX),
    "F1Score micro": (lambda: m.F1Score("micro", 0.3), BITS, SIGMOID),
    "FBetaScore macro": (lambda: m.FBetaScore("macro", 2.0), ONE_HOT, SOFTMAX),
    "FBetaScore weighted": (lambda: m.FBetaScore("weighted", 0.5, 0.4), BITS, SIGMOID),
    "R2Score": (m.R2Score, REAL, LOGITS),
    "R2Score weighted": (lambda: m.R2Score("variance_weighted_average"), REAL, LOGITS),
    "R2Score each": (lambda: m.R2Score(None), REAL, LOGITS),
    "R2Score adjusted": (lambda: m.R2Score(num_regressors=2), REAL, LOGITS),
    "TruePositives": (m.TruePositives, BITS, SIGMOID),
    "TrueNegatives": (lambda: m.TrueNegatives([0.2, 0.7]), BITS, SIGMOID),
    "FalsePositives": (lambda: m.FalsePositives(0.3), BITS, SIGMOID),
    "FalseNegatives": (m.FalseNegatives, BITS, SIGMOID),
    "IoU": (lambda: m.IoU(4, [1, 2]), LABELS, CLASSES),
    "IoU scores": (lambda: m.IoU(4, [0, 2], sparse_y_true=False, sparse_y_pred=False), ONE_HOT, SOFTMAX),
    "MeanIoU": (lambda: m.MeanIoU(4), LABELS, CLASSES),
    "MeanIoU ignored": (lambda: m.MeanIoU(4, ignore_class=2), LABELS, CLASSES),
    "BinaryIoU": (lambda: m.BinaryIoU(threshold=0.4), BITS, SIGMOID),
    "PearsonCorrelation": (m.PearsonCorrelation, REAL, LOGITS),
    "ConcordanceCorrelation": (m.ConcordanceCorrelation, REAL, LOGITS),
    "CosineSimilarity": (m.CosineSimilarity, REAL, LOGITS),
    "LogCoshError": (m.LogCoshError, REAL, LOGITS),
    "MeanAbsolutePercentageError": (m.MeanAbsolutePercentageError, REAL, LOGITS),
    "MeanSquaredLogarithmicError": (m.MeanSquaredLogarithmicError, COUNTS, POSITIVE),
    "KLDivergence": (m.KLDivergence, ONE_HOT, SOFTMAX),
    "Poisson": (m.Poisson, COUNTS, POSITIVE),
    "Hinge": (m.Hinge, BITS, LOGITS),
    "SquaredHinge": (m.SquaredHinge, BITS, LOGITS),
    "CategoricalHinge": (m.CategoricalHinge, ONE_HOT, LOGITS),
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_have_the_results_of_keras_over_two_batches(name: str) -> None:
    make, y_true, y_pred = METRICS[name]
    metric = make()
    for rows in (slice(0, 2), slice(2, None)):
        metric.update_state(y_true[rows], y_pred[rows])
    agree(metric.result(), PEER[f"metric {name}"])


@pytest.mark.parametrize("name", ["F1Score", "R2Score", "TruePositives", "IoU", "CosineSimilarity"])
def test_weighted_metrics_have_the_results_of_keras(name: str) -> None:
    make, y_true, y_pred = METRICS[name]
    agree(make()(y_true, y_pred, sample_weight=WEIGHTS), PEER[f"metric {name} by weight"])
