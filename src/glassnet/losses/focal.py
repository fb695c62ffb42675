r"""Cross-entropies that weigh samples by how well they are predicted already. Letters: t targets, p probabilities."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.config import epsilon
from glassnet.errors import ArgumentError
from glassnet.losses.crossentropy import check_label_shape, smoothed
from glassnet.losses.loss import LossFunctionWrapper, same_shape
from glassnet.ops.loss import softmax_logits


def _check_gamma(gamma: float, who: str) -> None:
    if not gamma >= 0:
        raise ArgumentError(
            f"{who}: gamma cannot be negative", expected="0 (plain cross-entropy) or more", received=f"gamma={gamma}",
            fix="2 is usual; a larger gamma looks less at samples that are right already",
        )  # fmt: skip


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Any:  # fmt: skip
    """Mean over `axis` of -(1 - q)ᵞ ln q, where q is the probability given to the truth: p for t = 1, 1 - p for t = 0.

    Arguments:
        apply_class_balancing: times α for t = 1 and 1 - α for t = 0.
        gamma: 0 is binary cross-entropy; with 2 an output of q = 0.9 counts a hundredth.

    Source: Lin et al. (2017), Focal Loss for Dense Object Detection, eq. 4-5.

    >>> binary_focal_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).numpy().round(4)  # ln 2 / 4
    array([0.1733], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "binary_focal_crossentropy")
    _check_gamma(gamma, "binary_focal_crossentropy")
    y_true = smoothed(y_true, label_smoothing, 2, "binary_focal_crossentropy")
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    missing = ops.maximum(y_true * (1 - p) + (1 - y_true) * p, epsilon())  # 1 - q; a root of 0 has no slope
    values = ops.power(missing, gamma) * ops.binary_crossentropy(y_true, y_pred, from_logits)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return ops.mean(values, axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross-entropy that looks at hard outputs: those predicted well count less the better they are.

    Arguments:
        apply_class_balancing: weigh the class 1 by `alpha` and the class 0 by 1 - `alpha`.
        gamma: 0 is plain binary cross-entropy.

    >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
    0.1733
    """

    def __init__(
        self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
        label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing,
            alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1,
) -> Any:  # fmt: skip
    """-Σₖ αₖ (1 - pₖ)ᵞ tₖ ln pₖ over the classes along `axis`.

    Arguments:
        y_true: one probability per class, usually one-hot.
        y_pred: probabilities (scaled to sum to 1), or logits with `from_logits=True`.
        alpha: a factor for all classes, or a list with one per class.
        gamma: 0 is categorical cross-entropy times α.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]], alpha=1.0).numpy().round(4)  # ln 2 / 4
    array([0.1733], dtype=float32)
    """
    y_true, y_pred = same_shape(y_true, y_pred, "categorical_focal_crossentropy")
    _check_gamma(gamma, "categorical_focal_crossentropy")
    log_p = ops.log_softmax(softmax_logits(y_pred, from_logits, axis))
    y_true = smoothed(
        ops.moveaxis(y_true, axis, -1), label_smoothing, y_pred.shape[axis], "categorical_focal_crossentropy"
    )
    missing = ops.maximum(-ops.expm1(log_p), epsilon())  # 1 - p
    factor = alpha if isinstance(alpha, (int, float)) else ops.cast(as_tensor(alpha), y_pred.dtype)
    if getattr(factor, "shape", ()) not in ((), log_p.shape[-1:]):
        raise ArgumentError(
            "categorical_focal_crossentropy: alpha does not fit the classes",
            expected=f"a number, or a list of {log_p.shape[-1]}", received=f"alpha={alpha}",
            fix="one factor per class, such as the inverse of how often it occurs",
        )  # fmt: skip
    return -ops.sum(factor * ops.power(missing, gamma) * y_true * log_p, axis=-1)


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical cross-entropy that looks at hard samples: those predicted well count less the better they are.

    Arguments:
        alpha: a factor for all classes, or a list with one per class, such as their inverse frequencies.
        gamma: 0 is categorical cross-entropy times `alpha`.

    >>> round(float(CategoricalFocalCrossentropy(alpha=1.0)([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.1733
    """

    def __init__(
        self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
        axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - pᑫ) / q, where p is the probability given to the true class: for labels of which some are wrong.

    With q → 0 it is cross-entropy, -ln p, to which a wrong label matters most of all; with q = 1 it is 1 - p, to which
    all labels matter alike. Computed as (1 - e^(-q c)) / q with the cross-entropy c, so that p = 0 is no trap.

    Arguments:
        y_true: integers, shape (batch,) or (batch, 1).
        y_pred: probabilities (scaled to sum to 1), shape (batch, K).

    Source: Zhang and Sabuncu (2018), Generalized Cross Entropy Loss for Training with Noisy Labels, eq. 6.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).numpy()  # (1 - 1/2) / (1/2)
    array([1.], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if not 0 < q <= 1:
        raise ArgumentError(
            "categorical_generalized_cross_entropy: q is out of range", expected="0 < q <= 1", received=f"q={q}",
            fix="q = 0 is sparse_categorical_crossentropy; 0.7 is usual where labels are noisy",
        )  # fmt: skip
    check_label_shape(y_true, y_pred, "categorical_generalized_cross_entropy")
    return -ops.expm1(-q * ops.sparse_categorical_crossentropy(y_true, y_pred)) / q


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """Cross-entropy that does not chase wrong labels, for integer labels and probabilities.

    Arguments:
        q: from near 0 (cross-entropy) to 1 (1 - p, blind to how wrong a prediction is).

    >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    def __init__(
        self, q: float = 0.5, reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
