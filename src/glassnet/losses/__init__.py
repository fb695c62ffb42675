r"""Losses: one number that says how wrong the predictions are.

A loss has two parts, and both are visible: a function that gives one value per sample, and the reduction over the
batch. The default averages: L = 1/n Σₙ ℓₙ, and that 1/n is a factor of every gradient. Letters: y predictions,
t targets, p probabilities, K outputs of a sample.
"""

from __future__ import annotations

from typing import Any

from glassnet.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    NegativeLogLikelihood,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    check_labels,
    check_probabilities,
    kl_divergence,
    negative_log_likelihood,
    sparse_categorical_crossentropy,
)
from glassnet.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
)
from glassnet.losses.loss import Loss
from glassnet.losses.loss import in_float_type_of as in_float_type_of
from glassnet.losses.loss import masked_values as masked_values
from glassnet.losses.loss import reduce_values as reduce_values
from glassnet.losses.loss import same_shape as same_shape
from glassnet.losses.loss import weights_like as weights_like
from glassnet.losses.margin import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from glassnet.losses.regression import (
    CosineSimilarity,
    GaussianNLL,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    check_counts,
    cosine_similarity,
    gaussian_nll,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from glassnet.losses.structure import CTC, Dice, ctc, dice
from glassnet.losses.terms import gaussian_kl_divergence, triplet_margin
from glassnet.registry import Registry

__all__ = [
    "CTC", "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "CosineSimilarity", "Dice", "GaussianNLL", "Hinge",
    "Huber", "KLDivergence", "LogCosh", "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "NegativeLogLikelihood", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "categorical_hinge", "cosine_similarity", "ctc", "deserialize", "dice",
    "gaussian_kl_divergence", "gaussian_nll", "get", "hinge", "huber", "kl_divergence", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "negative_log_likelihood", "poisson", "serialize", "sparse_categorical_crossentropy", "squared_hinge",
    "triplet_margin",
]  # fmt: skip

_registry: Registry[Loss] = Registry("loss", Loss, functions=True)
_registry.add(
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy, CategoricalHinge, CosineSimilarity, Dice, GaussianNLL, Hinge, Huber,
    KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, NegativeLogLikelihood, Poisson, SparseCategoricalCrossentropy, SquaredHinge,
)  # fmt: skip
_registry.add(  # a lower-case name is the function, as in Keras
    **{function.__name__: function for function in (
        binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
        categorical_hinge, cosine_similarity, ctc, dice, gaussian_nll, hinge, huber, kl_divergence, log_cosh,
        mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error,
        negative_log_likelihood, poisson, sparse_categorical_crossentropy, squared_hinge,
    )},
    bce=binary_crossentropy, BCE=binary_crossentropy, kld=kl_divergence, KLD=kl_divergence, mae=mean_absolute_error,
    MAE=mean_absolute_error, mape=mean_absolute_percentage_error, MAPE=mean_absolute_percentage_error,
    mse=mean_squared_error, MSE=mean_squared_error, msle=mean_squared_logarithmic_error,
    MSLE=mean_squared_logarithmic_error,
)  # fmt: skip

_TARGET_CHECKS = {
    binary_crossentropy: check_probabilities,
    binary_focal_crossentropy: check_probabilities,
    categorical_generalized_cross_entropy: check_labels,
    mean_squared_logarithmic_error: check_counts,
    negative_log_likelihood: check_labels,
    poisson: check_counts,
    sparse_categorical_crossentropy: check_labels,
}


def check_targets(loss: Any, y_true: Any) -> None:
    """Raise where a whole array of targets holds values that this loss cannot mean."""
    function = getattr(loss, "fn", loss)
    check = _TARGET_CHECKS.get(function)
    if check is not None:
        check(function.__name__, y_true)


def get(identifier: Any) -> Any:
    """A loss from a name, a config, an instance or a function of (y_true, y_pred).

    >>> get("mse") is mean_squared_error
    True
    """
    return _registry.get(identifier)


def serialize(loss: Any) -> Any:
    """A JSON description."""
    return _registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """A loss from its name or description."""
    return _registry.deserialize(name, custom_objects)
