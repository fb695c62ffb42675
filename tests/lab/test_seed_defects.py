"""The defects found in the lessons' code, each as a claim that this library does not share it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import config
from glassnet.errors import GradientError

RNG = np.random.default_rng(0)


@pytest.fixture
def float64() -> Iterator[None]:
    """Models take and hold 64-bit numbers."""
    before = config.floatx()
    config.set_floatx("float64")
    yield
    config.set_floatx(before)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


# ---------------------------------------------------------------- Bot Academy, nn.py; the first video of seed 003


def hidden_slope(x: Any, target: Any, W1: Any, W2: Any, rate: float, *, stale: bool) -> Any:
    """The lesson's slope of W1 in NumPy; with `stale`, as its code computes it: through the W2 already updated."""
    h = sigmoid(x @ W1)
    delta_o = (sigmoid(h @ W2) - target) / target.size
    W2_read = W2 - rate * np.outer(h, delta_o) if stale else W2
    return np.outer(x, W2_read @ delta_o * h * (1 - h))


@pytest.mark.usefixtures("float64")
def test_the_hidden_slope_is_taken_through_the_weights_of_the_forward_pass():
    x, target, rate = RNG.normal(size=4), np.array([1.0, 0.0]), 0.5
    model = gn.Sequential([
        gn.Input((4,)),
        gn.layers.Dense(3, "sigmoid", use_bias=False),
        gn.layers.Dense(2, "sigmoid", use_bias=False),
    ])  # fmt: skip
    W1, W2 = model.get_weights()
    model.compile(gn.optimizers.SGD(rate), loss="binary_crossentropy")
    model.train_on_batch(x[None], target[None])
    step = (W1 - model.get_weights()[0]) / rate
    right, wrong = (hidden_slope(x, target, W1, W2, rate, stale=stale) for stale in (False, True))
    np.testing.assert_allclose(step, right, rtol=0, atol=1e-12)
    assert np.abs(wrong - right).max() > 1e-3, "the defect would show here"


def test_backward_through_a_weight_that_has_changed_is_refused():
    layer = gn.layers.Dense(2)
    loss = (layer(np.ones((1, 3), "float32")) ** 2.0).sum()
    with gn.no_grad():
        layer.kernel.assign(layer.kernel * 0.9)
    x = layer(np.ones((1, 3), "float32"))  # the new weights may be used at once
    assert x.shape == (1, 2)
    deep = gn.Variable([[2.0]], name="w")
    y = gn.ops.matmul(gn.ops.matmul(np.ones((1, 1), "float32"), deep), deep).sum()
    deep.assign([[3.0]])
    with pytest.raises(GradientError, match="w has been changed since it was used"):
        y.backward()
    assert np.isfinite(loss.item())


# ---------------------------------------------------------------- The Independent Code and Nielsen: extreme numbers

EXTREME = np.array([[1e4, -1e4], [-1e4, 1e4]])
FROM_LOGITS = {
    "binary_crossentropy": (gn.losses.BinaryCrossentropy(from_logits=True), np.eye(2)),
    "categorical_crossentropy": (gn.losses.CategoricalCrossentropy(from_logits=True), np.eye(2)),
    "sparse_categorical_crossentropy": (gn.losses.SparseCategoricalCrossentropy(from_logits=True), np.arange(2)),
}
LAST = {"binary_crossentropy": gn.ops.sigmoid}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sign", [1, -1], ids=["right", "wrong"])
@pytest.mark.parametrize("name", FROM_LOGITS)
def test_logits_of_ten_thousand_give_the_exact_loss_and_slope(name: str, sign: int, dtype: str):
    loss, target = FROM_LOGITS[name]
    value, slope = gn.value_and_grad(lambda z: loss(target, z))((sign * EXTREME).astype(dtype))
    # right: nothing to learn. Wrong: binary 1e4 per output; categorical the distance of the two logits, 2e4
    binary = name == "binary_crossentropy"
    each = 0 if sign == 1 else 1
    assert value.item() == each * (1e4 if binary else 2e4)
    np.testing.assert_array_equal(np.abs(slope.numpy()), np.full((2, 2), each / (4 if binary else 2)))


@pytest.mark.parametrize("sign", [1, -1], ids=["right", "wrong"])
@pytest.mark.parametrize("name", FROM_LOGITS)
def test_a_loss_on_saturated_probabilities_has_finite_value_and_slope(name: str, sign: int):
    target, last = FROM_LOGITS[name][1], LAST.get(name, gn.ops.softmax)
    function = getattr(gn.losses, name)
    value, slope = gn.value_and_grad(lambda z: gn.ops.mean(function(target, last(z))))(sign * EXTREME)
    assert np.isfinite(value.item())
    assert np.isfinite(slope.numpy()).all()
    assert sign == 1 or np.abs(slope.numpy()).min() > 0.1, "a surely wrong answer still learns"


@pytest.mark.parametrize("probabilities", [np.eye(2), 1 - np.eye(2)], ids=["right", "wrong"])
@pytest.mark.parametrize("name", [*FROM_LOGITS, "kl_divergence"])
def test_probabilities_of_exactly_0_and_1_give_finite_numbers(name: str, probabilities: Any):
    target = FROM_LOGITS[name][1] if name in FROM_LOGITS else np.eye(2)
    function = getattr(gn.losses, name)
    value, slope = gn.value_and_grad(lambda p: gn.ops.mean(function(target, p)))(probabilities)
    assert np.isfinite(value.item())
    assert np.isfinite(slope.numpy()).all()


def test_sigmoid_and_softmax_reach_their_limits_without_overflow():
    z = np.array([-1e4, 0.0, 1e4])
    np.testing.assert_array_equal(gn.ops.sigmoid(z), [0, 0.5, 1])
    np.testing.assert_array_equal(gn.ops.softmax(z), [0, 0, 1])
    np.testing.assert_array_equal(gn.ops.softmax(np.array([1e4, 1e4])), [0.5, 0.5])


# ---------------------------------------------------------------- omaraflak: train, Dropout, BatchNorm, Adam


@pytest.mark.parametrize(
    "loss", ["mse", "mae", "huber", "binary_crossentropy", "categorical_crossentropy", "kl_divergence"]
)
def test_the_slope_of_a_batch_is_the_mean_of_the_slopes_of_its_samples(loss: str):
    function = gn.losses.get(loss)
    x, W = RNG.normal(size=(7, 4)), RNG.normal(size=(4, 3))
    target = np.eye(3)[RNG.integers(0, 3, 7)]
    slope = gn.grad(lambda W, rows: gn.ops.mean(function(target[rows], gn.ops.softmax(x[rows] @ W))))
    whole = slope(W, slice(None)).numpy()
    single = [slope(W, slice(n, n + 1)).numpy() for n in range(7)]
    np.testing.assert_allclose(whole, np.mean(single, axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 3, 10, None])
def test_batch_size_counts_samples(batch_size: int | None):
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    model.compile("sgd", "mse")
    sizes: list[int] = []

    class Sizes(gn.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            sizes.append(batch)

    model.fit(np.ones((10, 2)), np.ones((10, 1)), batch_size=batch_size, epochs=2, verbose=0, callbacks=[Sizes()])
    per_epoch = math.ceil(10 / (batch_size or 10))
    assert sizes == 2 * list(range(per_epoch))
    assert int(model.optimizer.iterations) == 2 * per_epoch


def test_dropout_keeps_the_expected_value():
    rate, x = 0.3, np.ones((1000, 100))
    y = gn.layers.Dropout(rate, seed=0, dtype="float64")(x, training=True).numpy()
    assert set(np.unique(y)) == {0.0, 1 / (1 - rate)}
    standard_error = math.sqrt(rate / (1 - rate) / y.size)
    assert abs(y.mean() - 1) < 3 * standard_error


def test_dropout_is_the_identity_at_inference():
    x = RNG.normal(size=(5, 4)).astype("float32")
    layer = gn.layers.Dropout(0.5, seed=0)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    model = gn.Sequential([gn.Input((4,)), layer])
    np.testing.assert_array_equal(model.predict(x), x)


def test_dropout_draws_another_mask_every_step():  # network3 keeps one: its seed is fixed inside the graph
    layer = gn.layers.Dropout(0.5, seed=0)
    first, second = (layer(np.ones((1, 100), "float32"), training=True).numpy() for _ in range(2))
    assert (first != second).any()


def test_batch_normalization_takes_the_statistics_of_every_feature_over_the_batch():
    x = RNG.normal(3, 5, (200, 4))
    layer = gn.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype="float64")
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(y, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), rtol=0, atol=1e-12)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * x.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * x.var(axis=0), atol=1e-12)


def test_batch_normalization_of_one_sample_at_inference_uses_the_running_statistics():
    x = RNG.normal(3, 5, (200, 4))
    layer = gn.layers.BatchNormalization(momentum=0.0, dtype="float64")  # the last batch is all that is remembered
    trained = layer(x, training=True).numpy()
    alone = np.concatenate([layer(row[None]).numpy() for row in x])
    np.testing.assert_allclose(alone, trained, rtol=0, atol=1e-12)


def adam_model(seed: int = 0) -> gn.Sequential:
    gn.utils.set_random_seed(seed)
    model = gn.Sequential([gn.Input((3,)), gn.layers.Dense(2)])
    model.compile(gn.optimizers.Adam(0.1), "mse")
    return model


def test_adams_step_counter_goes_on_from_epoch_to_epoch_and_through_a_file(tmp_path: Path):
    x, y = RNG.normal(size=(2, 8, 3)).astype("float32")
    y, fit = y[:, :2], {"batch_size": 4, "shuffle": False, "verbose": 0}
    whole, parts = adam_model(), adam_model()
    whole.fit(x, y, epochs=4, **fit)
    parts.fit(x, y, epochs=2, **fit)
    assert int(parts.optimizer.iterations) == 4, "two epochs of two steps"
    parts.save(tmp_path / "parts.glassnet")
    again = gn.models.load_model(tmp_path / "parts.glassnet")
    again.fit(x, y, epochs=2, **fit)
    assert int(again.optimizer.iterations) == 8
    for found, wanted in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


# ---------------------------------------------------------------- Nielsen: network2 and network3


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("denominator", ["samples", "batches"], ids=["network2", "network3"])
def test_the_books_lambda_is_a_weight_decay_of_lambda_over_n(denominator: str):
    """network2 divides lambda by the number of samples, network3 by the number of batches."""
    samples, batch, eta, lam = 20, 5, 0.5, 0.1
    decay = lam / {"samples": samples, "batches": samples / batch}[denominator]
    x, y, W = RNG.normal(size=(batch, 3)), RNG.normal(size=(batch, 2)), RNG.normal(size=(3, 2))
    book = (1 - eta * decay) * W - eta * x.T @ (x @ W - y) / batch  # cost of a sample: half the squared error

    def stepped(optimizer: Any, regularizer: Any = None) -> Any:
        start = gn.initializers.Constant(W)
        layer = gn.layers.Dense(2, use_bias=False, kernel_initializer=start, kernel_regularizer=regularizer)
        model = gn.Sequential([gn.Input((3,)), layer])
        model.compile(optimizer, loss=lambda t, y: gn.ops.sum((y - t) ** 2.0, axis=-1) / 2.0, jit_compile=True)
        model.train_on_batch(x, y)
        return model.get_weights()[0]

    as_decay = stepped(gn.optimizers.SGD(eta, weight_decay=decay))
    as_penalty = stepped(gn.optimizers.SGD(eta), gn.regularizers.L2(decay / 2))
    np.testing.assert_allclose(as_decay, book, rtol=0, atol=1e-12)
    np.testing.assert_allclose(as_penalty, book, rtol=0, atol=1e-12)
