"""Image classification with a small convnet: convolution and pooling twice, then one dense layer."""

import keras
import numpy as np


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, x_test = x_train[:320].astype("float32") / 16, x_test[:100].astype("float32") / 16
    x_train, x_test = np.expand_dims(x_train, -1), np.expand_dims(x_test, -1)
    y_train, y_test = keras.utils.to_categorical(y_train[:320], 10), keras.utils.to_categorical(y_test[:100], 10)

    model = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            keras.layers.Conv2D(8, kernel_size=(3, 3), activation="relu", padding="same"),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            keras.layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.0),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    assert model.count_params() == 80 + 1168 + 170
    assert [layer.output.shape[1:] for layer in model.layers[:4]] == [(8, 8, 8), (4, 4, 8), (2, 2, 16), (1, 1, 16)]
    weights(model)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(x_train, y_train, batch_size=32, epochs=3, validation_split=0.1, shuffle=False, verbose=0)
    score = model.evaluate(x_test, y_test, verbose=0)

    features = keras.Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
    maps = features.predict(x_test[:2], verbose=0)
    return {**history.history, "tested": score, "maps": [float(np.mean(m)) for m in maps]}
