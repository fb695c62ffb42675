"""Training with the built-in loop: sample and class weights, validation split and data, single batches."""

import keras
import numpy as np


def new_model(weights):
    inputs = keras.Input(shape=(64,), name="digits")
    x = keras.layers.Dense(16, activation="relu", name="dense_1")(inputs)
    x = keras.layers.Dense(16, activation="relu", name="dense_2")(x)
    outputs = keras.layers.Dense(10, activation="softmax", name="predictions")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    weights(model)
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        weighted_metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")],
    )
    return model


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:501].reshape(-1, 64).astype("float32") / 16, y_train[:501]
    x_test = x_test.reshape(-1, 64).astype("float32") / 16

    class_weight = {i: 2.0 if i == 5 else 1.0 for i in range(10)}
    model = new_model(weights)
    by_class = model.fit(
        x_train,
        y_train,
        class_weight=class_weight,
        validation_split=0.1,
        batch_size=64,
        epochs=2,
        shuffle=False,
        verbose=0,
    )

    sample_weight = np.ones(len(y_train), "float32")
    sample_weight[y_train == 5] = 2.0
    model = new_model(weights)
    by_sample = model.fit(
        x_train, y_train, sample_weight=sample_weight, batch_size=64, epochs=2, shuffle=False, verbose=0,
        validation_data=(x_test, y_test, np.linspace(0.5, 1.5, len(y_test), dtype="float32")),
        validation_batch_size=100, validation_freq=2,
    )  # fmt: skip

    single = [model.train_on_batch(x_train[i : i + 50], y_train[i : i + 50])[0] for i in range(0, 150, 50)]
    tested = model.test_on_batch(x_test[:50], y_test[:50], return_dict=True)
    assert model.predict_on_batch(x_test[:7]).shape == (7, 10)
    weighted = model.evaluate(x_test, y_test, sample_weight=np.full(len(y_test), 0.5, "float32"), verbose=0)
    return {
        **by_class.history,
        **{f"by_sample_{name}": values for name, values in by_sample.history.items()},
        "single": single,
        "tested": [tested["loss"], *weighted],
    }
