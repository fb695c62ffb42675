"""A GAN with a train_step of its own, in the form for the torch backend: two optimizers take turns; noise is given."""

import keras
import numpy as np

LATENT = 8


def make_discriminator():
    return keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            keras.layers.Conv2D(8, kernel_size=4, strides=2, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.Conv2D(12, kernel_size=4, strides=2, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(1),
        ],
        name="discriminator",
    )


def make_generator():
    return keras.Sequential(
        [
            keras.Input(shape=(LATENT,)),
            keras.layers.Dense(2 * 2 * LATENT),
            keras.layers.Reshape((2, 2, LATENT)),
            keras.layers.Conv2DTranspose(12, kernel_size=4, strides=2, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.Conv2DTranspose(8, kernel_size=4, strides=2, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.Conv2D(1, kernel_size=5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )


class GAN(keras.Model):
    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.built = True

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def step(self, part, optimizer, images, labels):
        predictions = self.discriminator(images)
        loss = self.loss_fn(labels, predictions)
        self.zero_grad()
        loss.backward()
        optimizer.apply([v.value.grad for v in part.trainable_weights], part.trainable_weights)
        return loss

    def train_step(self, data):
        real_images, noise = data
        batch_size = keras.ops.shape(real_images)[0]
        combined_images = keras.ops.concatenate([self.generator(noise), real_images], axis=0)
        labels = keras.ops.concatenate([keras.ops.ones((batch_size, 1)), keras.ops.zeros((batch_size, 1))], axis=0)
        d_loss = self.step(self.discriminator, self.d_optimizer, combined_images, labels)
        misleading_labels = keras.ops.zeros((batch_size, 1))
        g_loss = self.step(self.generator, self.g_optimizer, self.generator(noise), misleading_labels)
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


def main(digits, weights):
    (x_train, _), _ = digits
    x_train = (x_train[:128].astype("float32") / 16)[..., None]
    noise = np.random.default_rng(10).normal(size=(128, LATENT)).astype("float32")

    gan = GAN(discriminator=make_discriminator(), generator=make_generator())
    weights(gan.discriminator)
    weights(gan.generator)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        g_optimizer=keras.optimizers.Adam(learning_rate=1e-3, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = gan.fit(x_train, noise, epochs=3, batch_size=32, shuffle=False, verbose=0).history
    sample = gan.generator.predict(noise[:4], verbose=0)
    return {"loss": history["d_loss"], "g_loss": history["g_loss"], "sample": sample.mean(axis=(1, 2, 3))}
