"""The Independent Code's adversarial pair: a generator that learns to draw digits from a critic's gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input, LeakyReLU
from glassnet.losses import binary_crossentropy
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.typing import Array
from glassnet.utils import set_random_seed

NOISE, BATCH, DIGITS = 100, 8, 5000


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
    right: list[float] = []
    for epoch in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            real = images[order[start : start + BATCH]]
            noise = rng.standard_normal((2, BATCH, NOISE), "float32")
            drawn = draw(noise[0]).detach()
            real_logits, drawn_logits = judge(real), judge(drawn)
            soft_ones = rng.uniform(0.9, 1.0, (BATCH, 1)).astype("float32")
            loss = logit_loss(soft_ones, real_logits) + logit_loss(np.zeros((BATCH, 1), "float32"), drawn_logits)
            update(judge, optimizers[0], loss)
            update(draw, optimizers[1], logit_loss(np.ones((BATCH, 1), "float32"), judge(draw(noise[1]))))
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
    """What share of 1,000 drawings a classifier of real digits is sure of, and how many digits it sees among them."""
    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    epochs = 2 if quick else 50
    draw, _, accuracy = play(x[:DIGITS], epochs, rng)
    judge = reader(x, y, quick)
    drawings = draw.predict(rng.standard_normal((1000, NOISE), "float32"), batch_size=500)
    seen = judge.predict(drawings, batch_size=500)
    sure = seen.max(axis=1) > 0.9
    return {
        "settings": {
            "generator": "100-200-784", "discriminator": "784-200-1", "activation": "LeakyReLU(0.2), sigmoid pixels",
            "optimizer": "Adam(0.0001, beta_1=0.5)", "batch_size": BATCH, "epochs": epochs, "train": DIGITS,
            "real_label": "uniform from 0.9 to 1",
        },
        "obtained": {
            "generator_params": generator(784).count_params(),
            "discriminator_params": discriminator(784).count_params(),
            "finite": bool(np.isfinite(drawings).all()),
            "discriminator_accuracy": accuracy,
            "classifier_accuracy": percent_right(judge.predict(x_test, batch_size=500), y_test),
            "sure_share": 100 * float(np.mean(sure)),
            "digits_seen": len(np.unique(seen.argmax(axis=1)[sure])),
        },
        "figure": {"drawings": np.round(drawings[:40], 2).tolist()},
    }  # fmt: skip


ROWS = {
    Row("OA4", "The Independent Code, omaraflak", "images",
        "generator_params == 177784, discriminator_params == 157201, finite == 1, discriminator_accuracy >= 55, "
        "discriminator_accuracy <= 95, classifier_accuracy >= 97, sure_share >= 60, digits_seen >= 8"): drawn_digits,
}  # fmt: skip
