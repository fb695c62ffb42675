"""Transfer learning: a frozen base under a new head, then fine-tuning of everything at a low rate."""

import keras
import numpy as np


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:480].reshape(-1, 64).astype("float32") / 16, y_train[:480]
    small, large = y_train < 5, y_train >= 5

    base = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.Dense(12, activation="relu"),
        ],
        name="base",
    )
    first = keras.Sequential([base, keras.layers.Dense(5, activation="softmax")])
    weights(first)
    first.compile("adam", "sparse_categorical_crossentropy")
    first.fit(x_train[small], y_train[small], batch_size=20, epochs=2, shuffle=False, verbose=0)

    base.trainable = False
    assert (len(base.trainable_weights), len(base.non_trainable_weights)) == (0, 8)
    frozen = base.get_weights()
    inputs = keras.Input(shape=(64,))
    x = base(inputs, training=False)
    outputs = keras.layers.Dense(5)(x)
    model = keras.Model(inputs, outputs)
    assert len(model.trainable_weights) == 2
    weights(model)
    base.set_weights(frozen)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    head = model.fit(x_train[large], y_train[large] - 5, batch_size=20, epochs=2, shuffle=False, verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(frozen, base.get_weights()))

    base.trainable = True
    base.layers[0].trainable = False
    base.layers[1].trainable = False  # batch normalization keeps its statistics
    assert len(model.trainable_weights) == 4
    model.compile(keras.optimizers.Adam(1e-4), loss, metrics=["accuracy"])
    tuned = model.fit(x_train[large], y_train[large] - 5, batch_size=20, epochs=2, shuffle=False, verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(frozen[:2], base.get_weights()[:2]))
    return {**head, "tuned_loss": tuned["loss"], "tuned_accuracy": tuned["accuracy"]}
