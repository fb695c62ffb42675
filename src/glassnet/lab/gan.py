"""The Independent Code's adversarial pair: a generator that learns to draw digits from a critic's gradient.

From one round cloud of noise, a generator this small draws mostly pictures between two digits: there is noise between
any two. So its noise is a hundred clouds, far apart. Each can become one way of writing a digit, and where in the cloud
the noise lies, a variation of it. Source: Gurumurthy, Sarvadevabhatla and Babu (2017), DeLiGAN, where the centres are
learned too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.graph.jit import jit
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input, LeakyReLU
from glassnet.losses import binary_crossentropy
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.typing import Array
from glassnet.utils import set_random_seed

NOISE, BATCH, DIGITS = 100, 8, 5000
DISTANCE = 15
"""Of a cloud's centre from 0. The noise around it is about 10 long, the square root of 100 variances of 1."""


def clouds(centres: Array, rng: np.random.Generator) -> Array:
    """Normal noise around the given centres, numbered 0 to 99: each lies on an axis of its own."""
    noise: Array = rng.standard_normal((len(centres), NOISE), "float32")
    noise[np.arange(len(centres)), centres] += DISTANCE
    return noise


def generator(pixels: int) -> Sequential:
    """Noise to an image."""
    return Sequential([Input((NOISE,)), Dense(200), LeakyReLU(0.2), Dense(pixels, "sigmoid")])


def discriminator(pixels: int) -> Sequential:
    """An image to a logit: real above 0, drawn below."""
    return Sequential([Input((pixels,)), Dense(200), LeakyReLU(0.2), Dense(1)])


def update(model: Any, optimizer: Any, loss: Any) -> None:
    """Move the model's weights against the loss; the gradient goes through the other network, which stays as it is."""
    for variable in model.trainable_variables:
        variable.zero_grad()
    loss.backward()
    optimizer.apply([variable.grad for variable in model.trainable_variables], model.trainable_variables)


def logit_loss(target: Any, logits: Any) -> Any:
    """Mean cross-entropy of real and drawn."""
    return ops.mean(binary_crossentropy(target, logits, from_logits=True))


def play(images: Array, epochs: int, rng: np.random.Generator) -> tuple[Sequential, Sequential, float]:
    """Both networks in turn on every batch; with them the critic's accuracy over the last epoch, in percent."""
    draw, judge = generator(images.shape[1]), discriminator(images.shape[1])
    optimizers = Adam(1e-4, beta_1=0.5), Adam(1e-4, beta_1=0.5)

    @jit
    def step(real: Any, noise: Any, more_noise: Any, soft_ones: Any) -> tuple[Any, Any]:
        real_logits, drawn_logits = judge(real), judge(draw(noise).detach())
        loss = logit_loss(soft_ones, real_logits) + logit_loss(np.zeros((BATCH, 1), "float32"), drawn_logits)
        update(judge, optimizers[0], loss)
        update(draw, optimizers[1], logit_loss(np.ones((BATCH, 1), "float32"), judge(draw(more_noise))))
        return real_logits, drawn_logits

    right: list[float] = []
    for epoch in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            noise, more_noise = (clouds(rng.integers(NOISE, size=BATCH), rng) for _ in range(2))
            soft_ones = rng.uniform(0.9, 1.0, (BATCH, 1)).astype("float32")
            real_logits, drawn_logits = step(images[order[start : start + BATCH]], noise, more_noise, soft_ones)
            if epoch == epochs - 1:
                right += [np.mean(real_logits.numpy() > 0), np.mean(drawn_logits.numpy() < 0)]
    return draw, judge, 100 * float(np.mean(right))


def reader(x: Array, y: Array, quick: bool) -> Sequential:
    """A classifier of real digits, to judge the drawn ones."""
    model = Sequential([Input(x.shape[1:]), Dense(128, "relu"), Dense(10, "softmax")])
    model.compile(Adam(), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=128, epochs=2 if quick else 8, verbose=0)
    return model


def drawn_digits(seed: int, quick: bool) -> dict[str, Any]:
    """What share of 1,000 drawings a classifier of real digits is sure of, and how many digits it sees among them.

    Two drawings from the same cloud differ by twice the variance within it, so a generator that keeps one picture for
    each cloud would have 0 percent of its variance there.
    """
    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    epochs = 2 if quick else 50
    draw, _, accuracy = play(x[:DIGITS], epochs, rng)
    judge = reader(x, y, quick)
    centres = rng.integers(NOISE, size=1000)
    drawings, again = (draw.predict(clouds(centres, rng), batch_size=500) for _ in range(2))
    seen = judge.predict(drawings, batch_size=500)
    sure = seen.max(axis=1) > 0.9
    return {
        "settings": {
            "generator": "100-200-784", "discriminator": "784-200-1", "activation": "LeakyReLU(0.2), sigmoid pixels",
            "optimizer": "Adam(0.0001, beta_1=0.5)", "batch_size": BATCH, "epochs": epochs, "train": DIGITS,
            "real_label": "uniform from 0.9 to 1", "noise": "normal around one of 100 centres, 15 from 0",
        },
        "obtained": {
            "generator_params": generator(784).count_params(),
            "discriminator_params": discriminator(784).count_params(),
            "finite": bool(np.isfinite(drawings).all()),
            "discriminator_accuracy": accuracy,
            "classifier_accuracy": percent_right(judge.predict(x_test, batch_size=500), y_test),
            "sure_share": 100 * float(np.mean(sure)),
            "digits_seen": len(np.unique(seen.argmax(axis=1)[sure])),
            "variance_within_clouds": 50 * float(np.mean((drawings - again) ** 2) / drawings.var(axis=0).mean()),
        },
        "figure": {"drawings": np.round(drawings[:40], 2).tolist()},
    }  # fmt: skip


ROWS = {
    Row("OA4", "The Independent Code, omaraflak", "images",
        "generator_params == 177784, discriminator_params == 157201, finite == 1, discriminator_accuracy >= 55, "
        "discriminator_accuracy <= 95, classifier_accuracy >= 97, sure_share >= 60, digits_seen >= 8"): drawn_digits,
}  # fmt: skip
