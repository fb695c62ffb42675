"""The Independent Code's further experiments: a small classifier, an autoencoder that is cut in two, a denoiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Activation, Dense, Input, LeakyReLU
from glassnet.models import Sequential
from glassnet.optimizers import SGD, Adam
from glassnet.optimizers.schedules import PolynomialDecay
from glassnet.typing import Array
from glassnet.utils import set_random_seed, to_categorical

SOURCE = "The Independent Code, omaraflak"
CODE = 16
"""Numbers in the middle of the autoencoder."""


def classifier(seed: int, quick: bool) -> dict[str, Any]:
    """1,000 images, one at a time; squared error behind a softmax."""
    set_random_seed(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    x, y, epochs = x[:1000], y[:1000], 2 if quick else 30

    def network(pixels: int) -> Sequential:
        hidden = [Dense(n, "tanh", kernel_initializer="glorot_normal") for n in (50, 20)]
        return Sequential([Input((pixels,)), *hidden, Dense(10, "softmax", kernel_initializer="glorot_normal")])

    model = network(x.shape[1])
    model.compile(SGD(0.1), loss="mse")
    model.fit(x, to_categorical(y, 10), batch_size=1, epochs=epochs, verbose=0)
    return {
        "settings": {
            "network": "784-50-20-10 tanh, softmax, glorot_normal", "loss": "mse", "optimizer": "SGD(0.1)",
            "batch_size": 1, "train": len(x), "epochs": epochs,
        },
        "obtained": {
            "params": network(784).count_params(),
            "test_accuracy": percent_right(model.predict(x_test, batch_size=1000), y_test),
        },
    }  # fmt: skip


# ---------------------------------------------------------------- OA2: an autoencoder, cut in two


def autoencoder(pixels: int, initializer: str, activation: Any) -> Sequential:
    """784-30-16-30-784; the code of 16 numbers is linear's input, the output is linear."""
    stack: list[Any] = [Input((pixels,))]
    for units in (30, CODE, 30):
        stack += [Dense(units, kernel_initializer=initializer), activation()]
    return Sequential([*stack, Dense(pixels, kernel_initializer=initializer)])


def tanh() -> Activation:
    """The activation of the lesson's autoencoder."""
    return Activation("tanh")


def squared_error(model: Any, x: Array, target: Array) -> float:
    """Mean over images and pixels."""
    return float(np.mean((model.predict(x, batch_size=1000) - target) ** 2))


def principal_components(x: Array, x_test: Array, count: int) -> float:
    """Squared error of the best linear code of that many numbers, fitted on x."""
    mean = x.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov((x - mean).T.astype("float64")))
    best = directions[:, -count:]
    seen = x_test - mean
    return float(np.mean((seen @ best @ best.T - seen) ** 2))


def code_of_sixteen(seed: int, quick: bool) -> dict[str, Any]:
    """The lesson's recipe; then Adam on all images, against principal components. Both halves share the weights."""
    set_random_seed(seed)
    (x, _), (x_test, _) = flat_images("mnist", quick)
    pixels = x.shape[1]
    lesson = autoencoder(pixels, "glorot_normal", tanh)
    lesson.compile(SGD(0.1), loss="mse")
    lesson.fit(x[:1000], x[:1000], batch_size=1, epochs=2 if quick else 50, verbose=0)
    encoder, decoder = lesson[:4], lesson[4:]
    again = decoder.predict(encoder.predict(x_test[:100]))

    tuned, epochs = autoencoder(pixels, "glorot_uniform", tanh), 2 if quick else 30
    tuned.compile(Adam(PolynomialDecay(3e-3, epochs * -(-len(x) // 128), 0.0)), loss="mse")
    tuned.fit(x, x, batch_size=128, epochs=epochs, verbose=0)
    linear, own = principal_components(x, x_test, CODE), squared_error(tuned, x_test, x_test)
    shown = x_test[:8]
    return {
        "settings": {
            "network": "784-30-16-30-784 tanh, linear output", "lesson": "glorot_normal, SGD(0.1), 1,000 images, 50 epochs",
            "tuned": f"Adam, rate falling evenly from 0.003 to 0, all images, batch 128, {epochs} epochs",
        },
        "obtained": {
            "params": autoencoder(784, "zeros", tanh).count_params(),
            "lesson_error": squared_error(lesson, x_test, x_test),
            "tuned_error": own,
            "principal_components_error": linear,
            "tuned_over_components": own / linear,
            "halves_difference": float(np.abs(again - lesson.predict(x_test[:100])).max()),
        },
        "figure": {
            "images": np.round(shown, 2).tolist(), "decoded": np.round(tuned.predict(shown), 2).tolist(),
            "codes": np.round(tuned[:4].predict(shown), 3).tolist(),
        },
    }  # fmt: skip


# ---------------------------------------------------------------- OA3: a denoiser


def with_noise(x: Array, rng: np.random.Generator) -> Array:
    """About one pixel in nine set to white: where a normal number is above 1.2."""
    return np.where(rng.standard_normal(x.shape) > 1.2, np.float32(1), x)


def leaky() -> LeakyReLU:
    """The activation of the lesson's denoiser."""
    return LeakyReLU(0.2)


def denoiser(seed: int, quick: bool) -> dict[str, Any]:
    """Trained on noisy images to give the clean ones, with new noise in every epoch."""
    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    (x, _), (x_test, _) = flat_images("mnist", quick)
    model, epochs = autoencoder(x.shape[1], "he_normal", leaky), 2 if quick else 20
    model.compile(Adam(1e-3), loss="mse")
    for _ in range(epochs):
        model.fit(with_noise(x, rng), x, batch_size=128, epochs=1, verbose=0)
    noisy = with_noise(x_test, rng)
    before, after = float(np.mean((noisy - x_test) ** 2)), squared_error(model, noisy, x_test)
    return {
        "settings": {
            "network": "784-30-16-30-784 LeakyReLU(0.2), he_normal", "loss": "mse", "optimizer": "Adam(0.001)",
            "batch_size": 128, "epochs": epochs, "noise": "white where a normal number is above 1.2",
        },
        "obtained": {
            "params": autoencoder(784, "zeros", leaky).count_params(),
            "noisy_error": before,
            "denoised_error": after,
            "left_of_the_noise": after / before,
        },
        "figure": {
            "images": np.round(x_test[:8], 2).tolist(), "noisy": np.round(noisy[:8], 2).tolist(),
            "denoised": np.round(model.predict(noisy[:8]), 2).tolist(),
        },
    }  # fmt: skip


ROWS = {
    Row("OA1", SOURCE, "prints the test error", "params == 40480, test_accuracy >= 80"): classifier,
    Row("OA2", SOURCE, "figure",
        "params == 48860, lesson_error <= 0.045, tuned_over_components <= 1, halves_difference <= 1e-5"): code_of_sixteen,
    Row("OA3", SOURCE, "figure", "params == 48860, left_of_the_noise <= 0.5"): denoiser,
}  # fmt: skip
