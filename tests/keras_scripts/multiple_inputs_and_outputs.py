"""The functional API with several inputs and outputs: arrays by name, a loss and weights per output."""

import keras
import numpy as np


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:480].reshape(-1, 64).astype("float32") / 16, y_train[:480]

    top = keras.Input(shape=(32,), name="top")
    bottom = keras.Input(shape=(32,), name="bottom")
    ink = keras.Input(shape=(1,), name="ink")
    shared = keras.layers.Dense(16, activation="relu", name="half")  # one set of weights for both halves
    x = keras.layers.concatenate([shared(top), shared(bottom), ink])
    digit = keras.layers.Dense(10, name="digit")(x)
    is_odd = keras.layers.Dense(1, activation="sigmoid", name="is_odd")(x)
    model = keras.Model(inputs=[top, bottom, ink], outputs={"digit": digit, "is_odd": is_odd})
    weights(model)

    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss={"digit": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "is_odd": "binary_crossentropy"},
        loss_weights={"digit": 1.0, "is_odd": 0.2},
        metrics={"is_odd": ["accuracy"]},
    )
    inputs = {"top": x_train[:, :32], "bottom": x_train[:, 32:], "ink": x_train.mean(axis=1, keepdims=True)}
    targets = {"digit": y_train, "is_odd": (y_train % 2).astype("float32")[:, None]}
    history = model.fit(inputs, targets, epochs=2, batch_size=32, shuffle=False, verbose=0)

    outputs = model.predict(inputs, verbose=0)
    assert {name: output.shape for name, output in outputs.items()} == {"digit": (480, 10), "is_odd": (480, 1)}

    listed = keras.Model([top, bottom, ink], [digit, is_odd])
    listed.compile(
        "sgd",
        loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), "mse"],
        metrics=[["accuracy"], ["mae", keras.metrics.RootMeanSquaredError(name="rmse")]],
    )
    factors = {"digit": np.linspace(0, 1, 480), "is_odd": np.linspace(1, 2, 480)}
    second = listed.fit(
        list(inputs.values()), list(targets.values()), sample_weight=list(factors.values()), batch_size=48,
        shuffle=False, verbose=0,
    )  # fmt: skip
    values = listed.evaluate(list(inputs.values()), list(targets.values()), verbose=0)
    return {**history.history, **{f"listed_{name}": v for name, v in second.history.items()}, "evaluated": values}
