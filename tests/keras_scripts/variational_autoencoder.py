"""A variational autoencoder with a train_step of its own, in the form for the torch backend; the noise is given."""

import keras
import numpy as np

LATENT = 2


class Sampling(keras.layers.Layer):
    """z = mean + exp(log variance / 2) times noise."""

    def call(self, inputs):
        z_mean, z_log_var, epsilon = inputs
        return z_mean + keras.ops.exp(0.5 * z_log_var) * epsilon


def make_encoder():
    images, epsilon = keras.Input(shape=(8, 8, 1)), keras.Input(shape=(LATENT,))
    x = keras.layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(images)
    x = keras.layers.Conv2D(12, 3, activation="relu", strides=2, padding="same")(x)
    x = keras.layers.Dense(12, activation="relu")(keras.layers.Flatten()(x))
    z_mean = keras.layers.Dense(LATENT, name="z_mean")(x)
    z_log_var = keras.layers.Dense(LATENT, name="z_log_var")(x)
    z = Sampling()([z_mean, z_log_var, epsilon])
    return keras.Model([images, epsilon], [z_mean, z_log_var, z], name="encoder")


def make_decoder():
    latent_inputs = keras.Input(shape=(LATENT,))
    x = keras.layers.Dense(2 * 2 * 12, activation="relu")(latent_inputs)
    x = keras.layers.Reshape((2, 2, 12))(x)
    x = keras.layers.Conv2DTranspose(12, 3, activation="relu", strides=2, padding="same")(x)
    x = keras.layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    decoder_outputs = keras.layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    return keras.Model(latent_inputs, decoder_outputs, name="decoder")


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total_loss_tracker = keras.metrics.Mean(name="loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

    def call(self, inputs):
        return self.decoder(self.encoder(inputs)[2])

    def train_step(self, data):
        (images, epsilon), _ = data
        self.zero_grad()
        z_mean, z_log_var, z = self.encoder([images, epsilon])
        reconstruction = self.decoder(z)
        reconstruction_loss = keras.ops.mean(
            keras.ops.sum(keras.losses.binary_crossentropy(images, reconstruction), axis=(1, 2))
        )
        kl_loss = -0.5 * (1 + z_log_var - keras.ops.square(z_mean) - keras.ops.exp(z_log_var))
        kl_loss = keras.ops.mean(keras.ops.sum(kl_loss, axis=1))
        total_loss = reconstruction_loss + kl_loss
        total_loss.backward()
        trainable_weights = self.trainable_weights[:]
        self.optimizer.apply([v.value.grad for v in trainable_weights], trainable_weights)
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {m.name: m.result() for m in self.metrics}


def main(digits, weights):
    (x_train, _), _ = digits
    x_train = (x_train[:192].astype("float32") / 16)[..., None]
    epsilon = np.random.default_rng(9).normal(size=(192, LATENT)).astype("float32")

    encoder, decoder = make_encoder(), make_decoder()
    weights(encoder)
    weights(decoder)
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(3e-3))
    history = vae.fit([x_train, epsilon], x_train, epochs=3, batch_size=32, shuffle=False, verbose=0).history
    z_mean, _, _ = vae.encoder.predict([x_train[:50], epsilon[:50]], verbose=0)
    image = vae.decoder.predict(np.array([[0.5, -1.0]]), verbose=0)
    return {**history, "place": z_mean.mean(axis=0), "image": image[0].mean(axis=(1, 2))}
