"""Write `losses.npz`: values and gradients of Keras's and PyTorch's losses, and results of Keras's metrics.

Run by hand in an environment that has both, from the repository root:

    KERAS_BACKEND=torch python tests/golden/peers/make_losses.py
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import torch
from torch.nn import functional

N, K = 5, 4
RNG = np.random.default_rng(0)
LABELS = np.array([0, 3, 1, 2, 2])
ONE_HOT = np.eye(K)[LABELS]
BITS = RNG.integers(0, 2, (N, K)).astype(float)
LOGITS, REAL = RNG.normal(size=(2, N, K)) * 2
POSITIVE, COUNTS = np.exp(REAL), RNG.poisson(3.0, (N, K)).astype(float)
SOFTMAX, SIGMOID = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True), 1 / (1 + np.exp(-LOGITS))
ALPHA = [0.1, 0.2, 0.3, 0.4]
FRAMES = RNG.normal(size=(3, 7, K)) * 2
TARGETS = np.array([[1, 2, 2], [3, 0, 0], [1, 3, 1]])
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0, 3.0])

# a row: the class or function with its settings, targets, predictions
LOSSES = {
    "log_cosh": (keras.losses.LogCosh, {}, REAL, LOGITS),
    "squared_hinge": (keras.losses.SquaredHinge, {}, BITS, LOGITS),
    "categorical_hinge": (keras.losses.CategoricalHinge, {}, ONE_HOT, LOGITS),
    "poisson": (keras.losses.Poisson, {}, COUNTS, POSITIVE),
    "cosine_similarity": (keras.losses.CosineSimilarity, {}, REAL, LOGITS),
    "cosine_similarity axis": (keras.losses.CosineSimilarity, {"axis": 0}, REAL, LOGITS),
    "msle": (keras.losses.MeanSquaredLogarithmicError, {}, COUNTS, POSITIVE),
    "mape": (keras.losses.MeanAbsolutePercentageError, {}, REAL, LOGITS),
    "binary_focal": (keras.losses.BinaryFocalCrossentropy, {}, BITS, SIGMOID),
    "binary_focal logits": (keras.losses.BinaryFocalCrossentropy, {"from_logits": True, "gamma": 1.5}, BITS, LOGITS),
    "binary_focal all": (
        keras.losses.BinaryFocalCrossentropy,
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 3.0, "label_smoothing": 0.2}, BITS, SIGMOID,
    ),
    "categorical_focal": (keras.losses.CategoricalFocalCrossentropy, {}, ONE_HOT, SOFTMAX),
    "categorical_focal all": (
        keras.losses.CategoricalFocalCrossentropy,
        {"alpha": ALPHA, "gamma": 1.5, "from_logits": True, "label_smoothing": 0.1}, ONE_HOT, LOGITS,
    ),
    "generalized": (keras.losses.CategoricalGeneralizedCrossEntropy, {"q": 0.7}, LABELS, SOFTMAX),
    "dice": (keras.losses.Dice, {}, BITS, SIGMOID),
    "dice axis": (keras.losses.Dice, {"axis": -1}, BITS, SIGMOID),
    "ctc": (keras.losses.CTC, {}, TARGETS, FRAMES),
}  # fmt: skip


def torch_losses(values: dict[str, np.ndarray]) -> None:
    """The losses that Keras does not have."""

    def keep(name: str, function: object, *arrays: np.ndarray) -> None:
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        each = function(*tensors)
        values[f"{name}/each"] = each.detach().numpy()
        for i, slope in enumerate(torch.autograd.grad(each.sum(), tensors)):
            values[f"{name}/slope{i}"] = slope.numpy()

    for full in (False, True):
        keep(
            f"gaussian_nll {full}",
            lambda m, v, full=full: functional.gaussian_nll_loss(m, torch.tensor(REAL), v, full, reduction="none"),
            LOGITS, POSITIVE,
        )  # fmt: skip
    keep("nll", lambda z: functional.nll_loss(z, torch.tensor(LABELS), reduction="none"), np.log(SOFTMAX))
    keep("triplet_margin", lambda *x: functional.triplet_margin_loss(*x, 1.5, reduction="none"), LOGITS, REAL, BITS)
    target, sizes = torch.tensor([[1, 2, 2], [3, 9, 9], [1, 3, 1]]), (torch.tensor([3, 1, 3]), torch.tensor([6, 3, 7]))

    def ctc(z: torch.Tensor) -> torch.Tensor:
        log_p = torch.log_softmax(z, -1).transpose(0, 1)
        return functional.ctc_loss(log_p, target, sizes[1], sizes[0], 0, "none")

    keep("ctc lengths", ctc, FRAMES)


METRICS = {
    "F1Score": (keras.metrics.F1Score, {}, ONE_HOT, SOFTMAX),
    "F1Score micro": (keras.metrics.F1Score, {"average": "micro", "threshold": 0.3}, BITS, SIGMOID),
    "FBetaScore macro": (keras.metrics.FBetaScore, {"average": "macro", "beta": 2.0}, ONE_HOT, SOFTMAX),
    "FBetaScore weighted": (
        keras.metrics.FBetaScore, {"average": "weighted", "beta": 0.5, "threshold": 0.4}, BITS, SIGMOID,
    ),
    "R2Score": (keras.metrics.R2Score, {}, REAL, LOGITS),
    "R2Score weighted": (keras.metrics.R2Score, {"class_aggregation": "variance_weighted_average"}, REAL, LOGITS),
    "R2Score each": (keras.metrics.R2Score, {"class_aggregation": None}, REAL, LOGITS),
    "R2Score adjusted": (keras.metrics.R2Score, {"num_regressors": 2}, REAL, LOGITS),
    "TruePositives": (keras.metrics.TruePositives, {}, BITS, SIGMOID),
    "TrueNegatives": (keras.metrics.TrueNegatives, {"thresholds": [0.2, 0.7]}, BITS, SIGMOID),
    "FalsePositives": (keras.metrics.FalsePositives, {"thresholds": 0.3}, BITS, SIGMOID),
    "FalseNegatives": (keras.metrics.FalseNegatives, {}, BITS, SIGMOID),
    "IoU": (keras.metrics.IoU, {"num_classes": K, "target_class_ids": [1, 2]}, LABELS, np.array([0, 1, 1, 2, 3])),
    "IoU scores": (
        keras.metrics.IoU,
        {"num_classes": K, "target_class_ids": [0, 2], "sparse_y_true": False, "sparse_y_pred": False}, ONE_HOT, SOFTMAX,
    ),
    "MeanIoU": (keras.metrics.MeanIoU, {"num_classes": K}, LABELS, np.array([0, 1, 1, 2, 3])),
    "MeanIoU ignored": (keras.metrics.MeanIoU, {"num_classes": K, "ignore_class": 2}, LABELS, np.array([0, 1, 1, 2, 3])),
    "BinaryIoU": (keras.metrics.BinaryIoU, {"threshold": 0.4}, BITS, SIGMOID),
    "PearsonCorrelation": (keras.metrics.PearsonCorrelation, {}, REAL, LOGITS),
    "ConcordanceCorrelation": (keras.metrics.ConcordanceCorrelation, {}, REAL, LOGITS),
    "CosineSimilarity": (keras.metrics.CosineSimilarity, {}, REAL, LOGITS),
    "LogCoshError": (keras.metrics.LogCoshError, {}, REAL, LOGITS),
    "MeanAbsolutePercentageError": (keras.metrics.MeanAbsolutePercentageError, {}, REAL, LOGITS),
    "MeanSquaredLogarithmicError": (keras.metrics.MeanSquaredLogarithmicError, {}, COUNTS, POSITIVE),
    "KLDivergence": (keras.metrics.KLDivergence, {}, ONE_HOT, SOFTMAX),
    "Poisson": (keras.metrics.Poisson, {}, COUNTS, POSITIVE),
    "Hinge": (keras.metrics.Hinge, {}, BITS, LOGITS),
    "SquaredHinge": (keras.metrics.SquaredHinge, {}, BITS, LOGITS),
    "CategoricalHinge": (keras.metrics.CategoricalHinge, {}, ONE_HOT, LOGITS),
}  # fmt: skip


def main() -> None:
    keras.config.set_floatx("float64")
    values = {
        "LABELS": LABELS, "BITS": BITS, "LOGITS": LOGITS, "REAL": REAL, "COUNTS": COUNTS, "FRAMES": FRAMES,
        "TARGETS": TARGETS, "WEIGHTS": WEIGHTS,
    }  # fmt: skip
    for name, (make, settings, y_true, y_pred) in LOSSES.items():
        predictions = torch.tensor(y_pred, requires_grad=True)
        each = make(reduction="none", **settings)(y_true, predictions)
        values[f"{name}/each"] = each.detach().numpy()
        values[f"{name}/slope"] = torch.autograd.grad(each.sum(), predictions)[0].numpy()
    torch_losses(values)
    for name, (make, settings, y_true, y_pred) in METRICS.items():
        metric = make(**settings)
        metric.update_state(y_true[:2], y_pred[:2])
        metric.update_state(y_true[2:], y_pred[2:])
        values[f"metric {name}"] = np.asarray(metric.result())
    for name in ("F1Score", "R2Score", "TruePositives", "IoU", "CosineSimilarity"):
        make, settings, y_true, y_pred = METRICS[name]
        dtype = {"dtype": "float64"} if name == "IoU" else {}
        metric = make(**settings, **dtype)
        metric.update_state(y_true, y_pred, sample_weight=WEIGHTS)
        values[f"metric {name} by weight"] = np.asarray(metric.result())
    np.savez_compressed(Path(__file__).with_name("losses.npz"), **values)


if __name__ == "__main__":
    main()
