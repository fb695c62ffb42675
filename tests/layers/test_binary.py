"""Binary layers: contract table, gradients through the bits, latent weights in bounds, files of one bit per weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, SavingError, ShapeError
from glassnet.layers import BinaryConv2D, BinaryDense
from glassnet.models import load_model, save_packed
from glassnet.saving import read_archive, write_archive

from helpers.contract import close
from helpers.layer_contract import CLAIMS, LayerCase, gradients_equal_differences


class SignedCase(LayerCase):
    """A row whose weights have both signs, and lie on both sides of 1."""

    def layer(self, dtype: str = "float32", build: bool = True) -> Any:
        layer = super().layer(dtype, build)
        rng = np.random.default_rng(2)
        layer.set_weights([rng.uniform(-1.5, 1.5, v.shape) for v in layer.variables])
        return layer


def bits(w: Any) -> Any:
    return np.where(w < 0, -1.0, 1.0)


def convolved(x: Any, w: Any) -> Any:
    """Valid convolution, window by window."""
    rows, columns = w.shape[:2]
    y = np.zeros((len(x), x.shape[1] - rows + 1, x.shape[2] - columns + 1, w.shape[-1]))
    for p, q in np.ndindex(*y.shape[1:3]):
        y[:, p, q] = np.tensordot(x[:, p : p + rows, q : q + columns], w, 3)
    return y


DENSE, CONV = {"kernel": (5, 3), "bias": (3,)}, {"kernel": (2, 3, 2, 4), "bias": (4,)}
CASES = [
    SignedCase(BinaryDense, {"units": 3}, (4, 5), oracle=lambda x, W, b: x @ bits(W) + b, weights=DENSE),
    SignedCase(
        BinaryDense, {"units": 3, "activation": "tanh", "use_bias": False, "kernel_constraint": None}, (2, 4, 5),
        oracle=lambda x, W: np.tanh(x @ bits(W)), weights={"kernel": (5, 3)},
    ),
    SignedCase(
        BinaryConv2D, {"filters": 4, "kernel_size": (2, 3)}, (2, 4, 5, 2),
        oracle=lambda x, W, b: convolved(x, bits(W)) + b, weights=CONV,
    ),
    SignedCase(
        BinaryConv2D, {"filters": 4, "kernel_size": (2, 3), "strides": 2, "use_bias": False, "activation": "relu"},
        (2, 5, 7, 2), oracle=lambda x, W: np.maximum(convolved(x, bits(W)), 0)[:, ::2, ::2], weights={"kernel": (2, 3, 2, 4)},
    ),
]  # fmt: skip
PAIRS = [(case, claim) for case in CASES for claim in CLAIMS if claim is not gradients_equal_differences]


@pytest.mark.parametrize(("case", "claim"), PAIRS, ids=[f"{c.id}-{claim.__name__}" for c, claim in PAIRS])
def test_contract(case: LayerCase, claim: Any, tmp_path: Path) -> None:
    claim(case, tmp_path)


@pytest.mark.parametrize(
    ("binary", "plain", "shape"),
    [(BinaryDense(3), gn.layers.Dense(3), (4, 5)), (BinaryConv2D(3, 2), gn.layers.Conv2D(3, 2), (2, 4, 4, 2))],
)
def test_gradients_are_those_of_the_plain_layer_with_the_bits_as_weights(binary: Any, plain: Any, shape: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    binary(x)
    plain(x)
    latent = rng.uniform(-1.5, 1.5, binary.kernel.shape)
    binary.set_weights([latent, np.ones(3)])
    plain.set_weights([bits(latent), np.ones(3)])
    found = []
    for layer in (binary, plain):
        inputs = gn.Tensor(x, requires_grad=True)
        gn.ops.sum(layer(inputs) ** 2).backward()
        found.append([inputs.grad.numpy(), layer.kernel.grad.numpy(), layer.bias.grad.numpy()])
    for part, (own, theirs) in enumerate(zip(*found, strict=True)):
        close(own, theirs * (np.abs(latent) <= 1) if part == 1 else theirs, f"gradient {part}")


@pytest.mark.parametrize("jit", [False, True])
def test_latent_weights_stay_between_minus_1_and_1(jit: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    model = gn.Sequential([gn.Input((6,)), BinaryDense(1)])
    model.compile(gn.optimizers.SGD(5.0), "mse", jit_compile=jit)
    model.fit(x, 100 * x[:, :1], batch_size=8, epochs=2, verbose=0)
    assert np.abs(model.get_weights()[0]).max() == 1


def test_bits_that_made_the_targets_are_found_again() -> None:
    gn.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x, wanted = rng.normal(size=(512, 8)).astype("float32"), bits(rng.normal(size=(8, 2)))
    model = gn.Sequential([gn.Input((8,)), BinaryDense(2, use_bias=False)])
    model.compile(gn.optimizers.Adam(0.01), "mse")
    model.fit(x, x @ wanted, epochs=20, verbose=0)
    np.testing.assert_array_equal(bits(model.get_weights()[0]), wanted)


# ---------------------------------------------------------------- files


def network() -> Any:
    L = gn.layers
    model = gn.Sequential([
        gn.Input((6, 6, 1)), BinaryConv2D(5, 3), L.BatchNormalization(), L.Activation("binarize"), L.Flatten(),
        BinaryDense(40, "relu"), L.Dense(3),
    ])  # fmt: skip
    model.compile("adam", "mse")
    model.fit(np.random.default_rng(0).normal(size=(64, 6, 6, 1)), np.zeros((64, 3)), verbose=0)
    return model


X = np.random.default_rng(3).normal(size=(20, 6, 6, 1)).astype("float32")


def test_a_packed_file_predicts_the_same_bit_for_bit(tmp_path: Path) -> None:
    model = network()
    save_packed(model, tmp_path / "packed.glassnet")
    np.testing.assert_array_equal(load_model(tmp_path / "packed.glassnet").predict(X), model.predict(X))
    other = network()
    other.set_weights([np.zeros(w.shape) for w in other.get_weights()])
    other.load_weights(tmp_path / "packed.glassnet")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_a_packed_file_has_one_bit_per_binary_weight_and_floats_for_the_rest(tmp_path: Path) -> None:
    model = network()
    save_packed(model, tmp_path / "packed.glassnet")
    _, arrays = read_archive(tmp_path / "packed.glassnet")
    packed = {name: array.nbytes for name, array in arrays.items() if name.startswith("bits/")}
    assert packed == {"bits/binary_conv2d/kernel": 6, "bits/binary_dense/kernel": 80 * 40 // 8}  # 45 bits in 6 bytes
    floats = sum(array.size for name, array in arrays.items() if name.startswith("weights/"))
    assert floats == model.count_params() - 45 - 80 * 40


def test_a_model_without_binary_layers_is_packed_as_it_is(tmp_path: Path) -> None:
    model = gn.Sequential([gn.Input((6,)), gn.layers.Dense(2)])
    save_packed(model, tmp_path / "m.glassnet")
    np.testing.assert_array_equal(load_model(tmp_path / "m.glassnet").get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("shape", [[5, 1], [10**15, 10**15], [-3, 3], ["3", 3], None, [3.0, 3.0], 9])
def test_bits_that_do_not_fit_their_shape_are_refused(shape: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.glassnet"
    model = gn.Sequential([gn.Input((3,)), BinaryDense(3, use_bias=False, name="b")])
    save_packed(model, path)
    config, arrays = read_archive(path)
    kept = {key: value for key, value in config.items() if key not in ("format", "format_version", "written_by")}
    write_archive(path, {**kept, "packed": {"b/kernel": shape}}, arrays)
    with pytest.raises(
        SavingError, match=r"m\.glassnet: the bits of b/kernel do not fit its shape\n.*one bit for each"
    ):
        load_model(path)


# ---------------------------------------------------------------- error texts


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="BinaryDense 'b': units must be a positive integer"):
        BinaryDense(0, name="b")
    with pytest.raises(ArgumentError, match="WeightClip: clip_value must be positive\n  received: clip_value=0"):
        gn.constraints.WeightClip(0)
    with pytest.raises(ShapeError, match=r"an axis is missing\n  expected: \(batch, height, width, channels\)"):
        BinaryConv2D(2, 3)(np.ones((4, 28, 28)))
    with pytest.raises(SavingError, match="has no weights yet"):
        save_packed(gn.Sequential([BinaryDense(2)]), "m.glassnet")
