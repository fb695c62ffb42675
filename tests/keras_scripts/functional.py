"""The functional API: an MLP with a residual connection, symbolic operators, a model used as a layer."""

import keras


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:512].reshape(-1, 64).astype("float32") / 16, y_train[:512]

    def block(inputs, units):
        x = keras.layers.Dense(units, activation="tanh")(inputs)
        x = keras.layers.Dense(units)(x)
        return keras.layers.ReLU()(keras.layers.add([x, inputs]))

    inputs = keras.Input(shape=(64,), name="pixels")
    x = keras.layers.Dense(24, activation="relu")(inputs)
    x = block(x, 24)
    x = block(x, 24)
    outputs = keras.layers.Dense(10)(x * 0.5 + keras.ops.tanh(x))
    scores = keras.Model(inputs=inputs, outputs=outputs, name="scores")
    assert (scores.input_shape, scores.output_shape) == ((None, 64), (None, 10))

    images = keras.Input(shape=(8, 8))
    logits = scores(keras.layers.Reshape((64,))(images))
    model = keras.Model(images, logits, name="from_images")
    weights(model)
    assert len(model.weights) == len(scores.weights) == 12

    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(),
        metrics=["accuracy"],
    )
    history = model.fit(
        x_train.reshape(-1, 8, 8), y_train, batch_size=64, epochs=2, validation_split=0.2, shuffle=False, verbose=0
    )
    return history.history
