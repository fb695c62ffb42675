"""Terms that compare no target with a prediction: for `add_loss` and a `train_step` of one's own."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.tensor import as_tensor
from glassnet.errors import ShapeError


def gaussian_kl_divergence(mean: Any, log_variance: Any) -> Any:
    """Σ (v + m² - 1 - ln v) / 2 over the last axis: how far normal distributions are from the standard one.

    The second term of the evidence lower bound (ELBO) of a variational autoencoder, whose first is the reconstruction.
    Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix B. The name is Chainer's.

    Arguments:
        log_variance: ln v, of the shape of `mean`: any number is allowed, so no activation is needed.

    >>> gaussian_kl_divergence([[2.0, 0.0]], [[0.0, 0.0]]).numpy()
    array([2.], dtype=float32)
    """
    mean, log_variance = as_tensor(mean), as_tensor(log_variance)
    _check_same("gaussian_kl_divergence", mean=mean, log_variance=log_variance)
    return 0.5 * ops.sum(ops.exp(log_variance) + ops.square(mean) - 1 - log_variance, axis=-1)


def triplet_margin(anchor: Any, positive: Any, negative: Any, margin: float = 1.0) -> Any:
    """max(|a - p| - |a - n| + margin, 0): an anchor must be nearer to its like than to another, by `margin`.

    Distances are lengths over the last axis. In PyTorch: TripletMarginLoss. Source: Balntas et al. (2016), Learning
    local feature descriptors with triplets and shallow convolutional neural networks, section 2.

    >>> triplet_margin([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 2.0]]).numpy()  # 5 - 2 + 1
    array([4.], dtype=float32)
    """
    anchor, positive, negative = as_tensor(anchor), as_tensor(positive), as_tensor(negative)
    _check_same("triplet_margin", anchor=anchor, positive=positive, negative=negative)
    return ops.maximum(_distance(anchor, positive) - _distance(anchor, negative) + margin, 0)


def _distance(a: Any, b: Any) -> Any:
    return ops.sqrt(ops.maximum(ops.sum(ops.square(a - b), axis=-1), 1e-12))  # a root of 0 has no slope


def _check_same(who: str, **given: Any) -> None:
    shapes = {name: tensor.shape for name, tensor in given.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError(
            f"{who}: the shapes differ", expected="one shape for all",
            received=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
            fix="are all of them outputs of the same layer?",
        )  # fmt: skip
