"""A convolutional autoencoder that reconstructs images, then learns to take the noise out of them."""

import keras
import numpy as np


def noise(array):
    rng = np.random.default_rng(3)
    return np.clip(array + 0.4 * rng.normal(size=array.shape), 0.0, 1.0).astype("float32")


def main(digits, weights):
    (x_train, _), (x_test, _) = digits
    x_train = (x_train[:256].astype("float32") / 16)[..., None]
    x_test = (x_test[:64].astype("float32") / 16)[..., None]

    inputs = keras.Input(shape=(8, 8, 1))
    x = keras.layers.Conv2D(8, (3, 3), activation="relu", padding="same")(inputs)
    x = keras.layers.MaxPooling2D((2, 2), padding="same")(x)
    x = keras.layers.Conv2D(8, (3, 3), activation="relu", padding="same")(x)
    code = keras.layers.MaxPooling2D((2, 2), padding="same")(x)
    x = keras.layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(code)
    x = keras.layers.UpSampling2D((2, 2), interpolation="bilinear")(x)
    x = keras.layers.Conv2DTranspose(8, 2, padding="valid")(x)
    x = keras.layers.Cropping2D(((0, 1), (1, 0)))(x)
    outputs = keras.layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    autoencoder = keras.Model(inputs, outputs)
    encoder = keras.Model(inputs, code)
    assert (encoder.output_shape, autoencoder.output_shape) == ((None, 2, 2, 8), (None, 8, 8, 1))
    weights(autoencoder)
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy", metrics=["mse"])

    clean = autoencoder.fit(
        x=x_train, y=x_train, epochs=2, batch_size=32, shuffle=False, validation_data=(x_test, x_test), verbose=0
    ).history
    denoised = autoencoder.fit(
        x=noise(x_train), y=x_train, epochs=2, batch_size=32, shuffle=False, verbose=0,
        validation_data=(noise(x_test), x_test),
    ).history  # fmt: skip
    codes = encoder.predict(x_test, verbose=0)
    return {
        **clean,
        **{f"denoised_{key}": values for key, values in denoised.items()},
        "code": codes.mean(axis=(0, 1, 2)),
        "reconstruction": autoencoder.predict(x_test[:2], verbose=0).mean(axis=(1, 2, 3)),
    }
