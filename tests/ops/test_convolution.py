"""Convolution from its three sides: contract table, hand-worked cases, PyTorch-free oracles, error texts."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.autograd.op import apply
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.convolution import BiasedConvolution, Convolution, ConvolutionKernel, ConvolutionTranspose, per_axis

from helpers.contract import Case, contract_test

LINE = {"strides": (1,), "dilation": (1,)}
CUBE = {"strides": (1, 1, 1), "dilation": (1, 1, 1)}
BOTH = {"strides": (2, 3), "padding": "same", "dilation": (2, 1)}
GROUPED = {"grouped": True}

test_contract = contract_test(
    [
        Case(Convolution(), (2, 5, 4, 3), (3, 2, 3, 2), empty=[(0, 5, 4, 3), (3, 2, 3, 2)]),
        Case(Convolution(), (1, 3, 3, 1), (1, 1, 1, 1), label="pointwise"),
        Case(Convolution(padding="same"), (2, 4, 5, 1), (4, 3, 1, 2), label="same, even kernel"),
        Case(Convolution(padding=((0, 2), (1, 0))), (2, 3, 4, 2), (2, 3, 2, 1), label="own border"),
        Case(Convolution(strides=(2, 3)), (2, 7, 8, 1), (2, 2, 1, 2), label="stride leaves cells unread"),
        Case(Convolution(**BOTH), (2, 7, 8, 2), (3, 2, 2, 1), label="same, stride and dilation"),
        Case(Convolution(strides=(3, 3)), (1, 7, 7, 1), (2, 2, 1, 1), label="stride beyond the kernel"),
        Case(Convolution(**LINE), (2, 6, 17), (3, 17, 2), label="long rows"),
        Case(Convolution(**CUBE), (1, 3, 4, 3, 2), (2, 2, 2, 2, 2)),
        Case(Convolution(**GROUPED), (2, 4, 4, 2, 3), (3, 3, 3, 2, 2), label="two groups"),
        Case(Convolution(**GROUPED, **BOTH), (2, 5, 5, 3, 1), (2, 2, 1, 3, 2), label="depthwise"),
        Case(BiasedConvolution(), (2, 4, 4, 2), (3, 3, 2, 3), (3,), empty=[(0, 4, 4, 2), (3, 3, 2, 3), (3,)]),
        Case(BiasedConvolution(), (2, 4, 4, 2), (3, 3, 2, 3), (2, 2, 3), label="untied"),
        Case(ConvolutionTranspose(size=(5, 4)), (2, 3, 3, 2), (3, 2, 3, 2), empty=[(0, 3, 3, 2), (3, 2, 3, 2)]),
        Case(ConvolutionTranspose(**BOTH, size=(7, 8)), (2, 4, 3, 1), (3, 2, 2, 1), label="same, stride, dilation"),
        Case(
            ConvolutionTranspose(**LINE, padding=((1, 0),), size=(4,)), (2, 4, 3), (2, 2, 3), label="cut at the front"
        ),
        Case(ConvolutionTranspose(**CUBE, size=(3, 4, 3)), (1, 2, 3, 2, 2), (2, 2, 2, 2, 2)),
        Case(ConvolutionTranspose(**GROUPED, size=(4, 4)), (2, 2, 2, 2, 2), (3, 3, 3, 2, 2), label="two groups"),
        Case(ConvolutionTranspose(**GROUPED, **BOTH, size=(5, 5)), (2, 3, 2, 3, 2), (2, 2, 1, 3, 2), label="depthwise"),
        Case(ConvolutionKernel(kernel=(3, 2)), (2, 5, 4, 3), (2, 3, 3, 2), empty=[(0, 5, 4, 3), (0, 3, 3, 2)]),
        Case(ConvolutionKernel(**BOTH, kernel=(3, 2)), (2, 7, 8, 2), (2, 4, 3, 1), label="same, stride, dilation"),
        Case(ConvolutionKernel(**LINE, kernel=(3,)), (2, 6, 17), (2, 4, 2), label="long rows"),
        Case(ConvolutionKernel(**GROUPED, kernel=(3, 3)), (2, 4, 4, 2, 3), (2, 2, 2, 2, 2), label="two groups"),
        Case(ConvolutionKernel(**GROUPED, **BOTH, kernel=(2, 2)), (2, 5, 5, 3, 1), (2, 3, 2, 3, 2), label="depthwise"),
    ]
)


def test_convolution_by_hand() -> None:
    # 1*1 + 2*10 = 21; 2*1 + 3*10 = 32, and with "same" the last window reads one zero: 3*1 + 0*10
    x, w = np.array([[[1.0], [2.0], [3.0]]]), np.array([[[1.0]], [[10.0]]])
    assert ops.conv(x, w)[0, :, 0].tolist() == [21, 32]
    assert ops.conv(x, w, padding="same")[0, :, 0].tolist() == [21, 32, 3]
    assert ops.conv(x, w, padding=((1, 0),), bias=np.array([0.5]))[0, :, 0].tolist() == [10.5, 21.5, 32.5]
    assert ops.conv(x, w, dilation_rate=2)[0, :, 0].tolist() == [31]


def test_transposed_convolution_by_hand() -> None:
    x, w = np.array([[[1.0], [2.0]]]), np.array([[[1.0]], [[10.0]], [[100.0]]])
    assert ops.conv_transpose(x, w)[0, :, 0].tolist() == [1, 12, 120, 200]
    assert ops.conv_transpose(x, w, strides=2)[0, :, 0].tolist() == [1, 10, 102, 20, 200]
    assert ops.conv_transpose(x, w, strides=2, padding="same")[0, :, 0].tolist() == [1, 10, 102, 20]


@pytest.mark.parametrize("padding", ["valid", "same", ((2, 0), (0, 3))])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_the_transpose_is_the_adjoint(padding: object, strides: object) -> None:
    """<conv(x, w), y> = <x, conv_transpose(y, w)> for an image whose border the transpose knows."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 7, 8, 3)), rng.normal(size=(3, 2, 3, 4))
    op = Convolution(strides=per_axis(strides, 2, "test"), padding=padding)
    y = rng.normal(size=apply(op, x, w).shape)
    back = apply(ConvolutionTranspose(**op.reach, size=(7, 8)), y, w)
    np.testing.assert_allclose(np.sum(apply(op, x, w) * y), np.sum(x * back), rtol=1e-12)


def test_many_tiles_give_the_numbers_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(7, 6, 5, 4)), rng.normal(size=(3, 2, 4, 3))

    def results() -> list[np.ndarray]:
        tensors = [gn.Tensor(a, requires_grad=True) for a in (x, w)]
        y = ops.conv(*tensors)
        (y * y).sum().backward()
        return [y.numpy(), *[t.grad.numpy() for t in tensors]]

    whole = results()
    monkeypatch.setattr("glassnet.ops.convolution._TILE", 500)
    for one, many in zip(whole, results(), strict=True):
        np.testing.assert_allclose(many, one, rtol=1e-12)


IMAGE = gn.Tensor(np.ones((1, 4, 4, 3)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.conv(IMAGE, np.ones((5, 5, 3, 1))), ShapeError, r"the kernel is larger than the image\n.*at most 4"),
        (
            lambda: ops.conv(IMAGE, np.ones((3, 3, 3, 1)), dilation_rate=2), ShapeError,
            r"received: kernel size 3, 5 with its dilation",
        ),
        (lambda: ops.conv(IMAGE, np.ones((2, 2, 4, 1))), ShapeError, r"conv: the channels cannot be shared out"),
        (lambda: ops.conv(IMAGE, np.ones((2, 3, 1))), ShapeError, r"convolution: wrong number of axes"),
        (lambda: ops.conv(IMAGE[0, 0], np.ones((2, 3, 1))), ShapeError, r"conv: wrong number of axes"),
        (lambda: ops.conv(IMAGE, np.ones((2, 2, 3, 2)), bias=np.ones(3)), ShapeError, r"the bias does not fit\n.*\(2,\)"),
        (lambda: ops.conv(IMAGE, np.ones((2, 2, 3, 2)), strides=(1, 0)), ArgumentError, "conv: strides: not a size per axis"),
        (lambda: ops.conv(IMAGE, np.ones((2, 2, 3, 2)), padding="full"), ArgumentError, "conv: unknown padding"),
        (lambda: ops.conv(IMAGE, np.ones((2, 2, 3, 2)), data_format="channels_first"), ArgumentError, "channels_last"),
        (lambda: ops.depthwise_conv(IMAGE, np.ones((2, 2, 4, 1))), ShapeError, r"depthwise_conv: the kernel does not fit"),
        (lambda: ops.conv_transpose(IMAGE, np.ones((2, 2, 5, 4))), ShapeError, "convolution_transpose: image and kernel have"),
        (
            lambda: ops.conv_transpose(IMAGE, np.ones((2, 2, 5, 3)), output_padding=1), ArgumentError,
            "output_padding is too large",
        ),
    ],
)  # fmt: skip
def test_error_texts(call: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
