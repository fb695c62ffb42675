"""Models inside models: an encoder and a decoder that are trained as one and used apart; two more losses."""

import keras


def main(digits, weights):
    (x_train, _), (x_test, _) = digits
    x_train, x_test = x_train[:400, :, :, None], x_test[:100, :, :, None]

    encoder_input = keras.Input(shape=(8, 8, 1), name="image")
    x = keras.layers.Rescaling(1.0 / 16)(encoder_input)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(32)(x)
    x = keras.layers.LeakyReLU(negative_slope=0.1)(x)
    encoder_output = keras.layers.Dense(6, activation="linear")(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")

    decoder_input = keras.Input(shape=(6,), name="code")
    x = keras.layers.Dense(32, activation=keras.activations.tanh)(decoder_input)
    x = keras.layers.Dense(64, activation="sigmoid")(x)
    decoder = keras.Model(decoder_input, keras.layers.Reshape((8, 8, 1))(x), name="decoder")

    image = keras.Input(shape=(8, 8, 1))
    autoencoder = keras.Model(image, decoder(encoder(image)), name="autoencoder")
    weights(autoencoder)
    autoencoder.compile(keras.optimizers.Adam(0.005), loss=keras.losses.BinaryCrossentropy(), metrics=["mse"])
    x, y = x_train.astype("float32"), x_train.astype("float32") / 16
    history = autoencoder.fit(x, y, batch_size=50, epochs=2, shuffle=False, verbose=0).history
    assert encoder.predict(x_test, verbose=0).shape == (100, 6)
    assert decoder.predict(encoder.predict(x_test, verbose=0), verbose=0).shape == (100, 8, 8, 1)

    autoencoder.compile(keras.optimizers.Adam(0.005), loss=keras.losses.Huber(delta=0.2))
    second = autoencoder.fit(x, y, batch_size=50, epochs=1, shuffle=False, verbose=0).history
    return {**history, "huber": second["loss"]}
