"""Pooling layers: contract table, masks, error texts. Keras's numbers: the peers' test of convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import layers
from glassnet.errors import ArgumentError, ShapeError

from helpers.layer_contract import LayerCase, contract_test

LINE, IMAGE = (2, 6, 3), (2, 6, 4, 3)


def halves(x: Any, reduce: Any) -> Any:
    """Windows of two cells along the line."""
    return reduce(x.reshape(len(x), -1, 2, x.shape[-1]), axis=2)


def quarters(x: Any, reduce: Any) -> Any:
    """Windows of two by two cells."""
    return reduce(x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[-1]), axis=(2, 4))


test_contract = contract_test(
    [
        LayerCase(layers.MaxPooling1D, {}, LINE, oracle=lambda x: halves(x, np.max)),
        LayerCase(layers.MaxPooling2D, {}, IMAGE, oracle=lambda x: quarters(x, np.max)),
        LayerCase(
            layers.MaxPooling2D, {"pool_size": (6, 1), "padding": "same"}, IMAGE, oracle=lambda x: x.max(1)[:, None]
        ),
        LayerCase(layers.AveragePooling1D, {}, LINE, oracle=lambda x: halves(x, np.mean)),
        LayerCase(layers.AveragePooling2D, {"strides": 2}, IMAGE, oracle=lambda x: quarters(x, np.mean)),
        LayerCase(layers.GlobalMaxPooling1D, {"keepdims": True}, LINE, oracle=lambda x: x.max(1, keepdims=True)),
        LayerCase(layers.GlobalMaxPooling2D, {}, IMAGE, oracle=lambda x: x.max((1, 2))),
        LayerCase(layers.GlobalAveragePooling1D, {}, LINE, oracle=lambda x: x.mean(1)),
        LayerCase(layers.GlobalAveragePooling2D, {}, IMAGE, oracle=lambda x: x.mean((1, 2))),
        LayerCase(layers.AdaptiveAveragePooling1D, {"output_size": 3}, LINE, oracle=lambda x: halves(x, np.mean)),
        LayerCase(
            layers.AdaptiveAveragePooling2D, {"output_size": (3, 2)}, IMAGE, oracle=lambda x: quarters(x, np.mean)
        ),
        LayerCase(layers.AdaptiveMaxPooling1D, {"output_size": 3}, LINE, oracle=lambda x: halves(x, np.max)),
        LayerCase(layers.AdaptiveMaxPooling2D, {"output_size": (3, 2)}, IMAGE, oracle=lambda x: quarters(x, np.max)),
    ]
)


def test_the_mean_of_a_masked_line_leaves_the_masked_steps_out() -> None:
    x = np.array([[[1.0], [5.0], [100.0]]], "float32")
    y = layers.GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]]))
    assert y.numpy().tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: layers.MaxPooling2D()(np.ones((2, 28, 28))), ShapeError, "max_pooling2d.*an axis is missing"),
        (lambda: layers.MaxPooling2D(5)(np.ones((1, 4, 4, 1))), ShapeError, "the kernel is larger than the image"),
        (lambda: layers.MaxPooling2D(0), ArgumentError, "pool_size: not a size per axis"),
        (lambda: layers.AveragePooling2D(2, padding="full"), ArgumentError, "unknown padding"),
        (lambda: layers.GlobalMaxPooling2D(data_format="channels_first"), ArgumentError, "channels_last"),
        (lambda: layers.AdaptiveMaxPooling2D((2, 2, 2)), ArgumentError, "output_size: not a size per axis"),
        (
            lambda: gn.Sequential([gn.Input((None, 3)), layers.AdaptiveMaxPooling1D(2)]),
            ArgumentError, "the size of the image must be known",
        ),
    ],
)  # fmt: skip
def test_error_texts(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
