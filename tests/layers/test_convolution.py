"""Convolutional layers: contract table, what the layer adds to its op, error texts. Keras's numbers: the peers' test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)

from helpers.layer_contract import LayerCase, contract_test


def correlated(x: Any, w: Any) -> Any:
    """Every window times the kernel, summed; neither border, stride nor dilation."""
    rank = w.ndim - 2
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:rank], axis=tuple(range(1, rank + 1)))
    return np.tensordot(windows, np.moveaxis(w, -2, 0), axes=rank + 1)


def framed(x: Any, *borders: tuple[int, int]) -> Any:
    return np.pad(x, ((0, 0), *borders, (0, 0)))


def spaced(x: Any, step: int) -> Any:
    """Zeros between the cells of a line, as a transposed convolution sees it."""
    wide = np.zeros((len(x), (x.shape[1] - 1) * step + 1, x.shape[2]))
    wide[:, ::step] = x
    return wide


def transposed(x: Any, w: Any, step: int) -> Any:
    taps = len(w) - 1
    return correlated(framed(spaced(x, step), (taps, taps)), w[::-1].transpose(0, 2, 1))


def by_channel(x: Any, w: Any) -> Any:
    """Each channel with its own kernels."""
    return np.concatenate([correlated(x[..., c : c + 1], w[..., c : c + 1, :]) for c in range(x.shape[-1])], axis=-1)


test_contract = contract_test(
    [
        LayerCase(
            Conv1D, {"filters": 4, "kernel_size": 3, "activation": "tanh"}, (2, 7, 3),
            oracle=lambda x, w, b: np.tanh(correlated(x, w) + b), weights={"kernel": (3, 3, 4), "bias": (4,)},
        ),
        LayerCase(
            Conv1D, {"filters": 2, "kernel_size": 2, "padding": "causal", "kernel_regularizer": "l2"}, (2, 5, 3),
            oracle=lambda x, w, b: correlated(framed(x, (1, 0)), w) + b, weights={"kernel": (2, 3, 2), "bias": (2,)},
        ),
        LayerCase(
            Conv2D, {"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": "same", "use_bias": False}, (2, 5, 5, 2),
            oracle=lambda x, w: correlated(framed(x, (1, 1), (0, 1)), w)[:, ::2, ::2], weights={"kernel": (3, 2, 2, 3)},
        ),
        LayerCase(
            Conv2D, {"filters": 4, "kernel_size": 3, "groups": 2}, (2, 4, 4, 6),
            oracle=lambda x, w, b: np.concatenate(
                [correlated(x[..., :3], w[..., :2]), correlated(x[..., 3:], w[..., 2:])], -1) + b,
            weights={"kernel": (3, 3, 3, 4), "bias": (4,)},
        ),
        LayerCase(
            Conv3D, {"filters": 2, "kernel_size": 2}, (1, 3, 4, 3, 2), oracle=lambda x, w, b: correlated(x, w) + b,
            weights={"kernel": (2, 2, 2, 2, 2), "bias": (2,)},
        ),
        LayerCase(
            Conv1DTranspose, {"filters": 2, "kernel_size": 3, "strides": 2}, (2, 4, 3),
            oracle=lambda x, w, b: transposed(x, w, 2) + b, weights={"kernel": (3, 2, 3), "bias": (2,)},
        ),
        LayerCase(
            Conv2DTranspose, {"filters": 2, "kernel_size": 2, "activation": "relu"}, (2, 3, 3, 2),
            oracle=lambda x, w, b: np.maximum(
                correlated(framed(x, (1, 1), (1, 1)), w[::-1, ::-1].transpose(0, 1, 3, 2)) + b, 0),
            weights={"kernel": (2, 2, 2, 2), "bias": (2,)},
        ),
        LayerCase(
            DepthwiseConv1D, {"kernel_size": 2}, (2, 5, 3), oracle=lambda x, w, b: by_channel(x, w) + b,
            weights={"kernel": (2, 3, 1), "bias": (3,)},
        ),
        LayerCase(
            DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2}, (2, 4, 4, 3),
            oracle=lambda x, w, b: by_channel(x, w) + b, weights={"kernel": (3, 3, 3, 2), "bias": (6,)},
        ),
        LayerCase(
            SeparableConv1D, {"filters": 4, "kernel_size": 2}, (2, 5, 3),
            oracle=lambda x, d, p, b: by_channel(x, d) @ p[0] + b,
            weights={"depthwise_kernel": (2, 3, 1), "pointwise_kernel": (1, 3, 4), "bias": (4,)},
        ),
        LayerCase(
            SeparableConv2D, {"filters": 2, "kernel_size": 3, "depth_multiplier": 2}, (2, 4, 4, 3),
            oracle=lambda x, d, p, b: by_channel(x, d) @ p[0, 0] + b,
            weights={"depthwise_kernel": (3, 3, 3, 2), "pointwise_kernel": (1, 1, 6, 2), "bias": (2,)},
        ),
    ]
)  # fmt: skip


def test_images_of_any_size_go_through_one_network() -> None:
    inputs = gn.Input((None, None, 3))
    model = gn.Model(inputs, gn.layers.GlobalAveragePooling2D()(Conv2D(4, 3, padding="same", strides=2)(inputs)))
    assert model.output_shape == (None, 4)
    assert [model(np.ones((1, size, size + 1, 3), "float32")).shape for size in (5, 8)] == [(1, 4), (1, 4)]


def test_no_output_of_a_causal_layer_sees_a_later_input() -> None:
    layer = Conv1D(2, 3, padding="causal", dilation_rate=2)
    x = np.random.default_rng(0).normal(size=(1, 9, 1)).astype("float32")
    later = x.copy()
    later[:, 5:] += 1
    before, after = layer(x).numpy(), layer(later).numpy()
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).all()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Conv2D(4, 3)(np.ones((2, 28, 28))), ShapeError, r"conv2d.*an axis is missing(.|\n)*x\[\.\.\., None\]"),
        (lambda: Conv2D(4, 5)(np.ones((2, 3, 3, 1))), ShapeError, "the kernel is larger than the image"),
        (lambda: Conv2D(4, 3, groups=3), ArgumentError, "the groups do not divide the filters"),
        (lambda: Conv2D(4, 3, groups=2)(np.ones((1, 5, 5, 3))), ShapeError, "groups do not divide the input channels"),
        (lambda: Conv2D(4, (3, 3, 3)), ArgumentError, "kernel_size: not a size per axis"),
        (lambda: Conv2D(4, 3, strides=0), ArgumentError, "strides: not a size per axis"),
        (lambda: Conv2D(4, 3, padding="causal"), ArgumentError, "unknown padding"),
        (lambda: Conv2DTranspose(4, 3, padding="causal"), ArgumentError, "unknown padding"),
        (lambda: Conv2D(4, 3, data_format="channels_first"), ArgumentError, r"images are \(N, H, W, C\)"),
        (
            lambda: Conv1DTranspose(1, 3, strides=2, output_padding=2)(np.ones((1, 4, 1))),
            ArgumentError, "output_padding is too large\n.*from 0 to 1",
        ),
        (lambda: Conv2D(0, 3), ArgumentError, "filters"),
    ],
)  # fmt: skip
def test_error_texts(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_built_layer_names_the_channels_it_was_built_for() -> None:
    layer = Conv2D(4, 3)
    layer(np.ones((1, 5, 5, 3)))
    with pytest.raises(ShapeError, match=r"expected: \(batch, any, any, 3\)"):
        layer(np.ones((1, 5, 5, 1)))
