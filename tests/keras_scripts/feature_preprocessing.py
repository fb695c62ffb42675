"""Structured data: each column preprocessed by a layer of its own kind, inside one model with named inputs."""

import keras
import numpy as np


def table(rows):
    """Age and income, a level of 1 to 4, an id from a long list; the answer depends on all of them."""
    rng = np.random.default_rng(13)
    columns = {
        "age": rng.normal(45, 12, (rows, 1)).astype("float32"),
        "income": rng.lognormal(3, 0.5, (rows, 1)).astype("float32"),
        "level": rng.integers(1, 5, (rows, 1)),
        "city": rng.choice([1003, 1010, 1020, 1500, 2000], (rows, 1)),
    }
    score = (columns["age"] - 45) / 12 + columns["level"] - 2.5 + (columns["city"] > 1015) - 0.5
    return columns, (score > 0).astype("float32")


def main(digits, weights):
    columns, y = table(320)
    train, val = {k: v[:256] for k, v in columns.items()}, {k: v[256:] for k, v in columns.items()}

    inputs = {name: keras.Input(shape=(1,), name=name, dtype=str(v.dtype)) for name, v in columns.items()}
    normalization = keras.layers.Normalization()
    normalization.adapt(train["age"])
    buckets = keras.layers.Discretization(bin_boundaries=[10.0, 20.0, 40.0], output_mode="one_hot")
    levels = keras.layers.CategoryEncoding(num_tokens=5, output_mode="multi_hot")
    encoded = [
        normalization(inputs["age"]),
        buckets(inputs["income"]),
        levels(inputs["level"]),
        keras.layers.Rescaling(1 / 1000, offset=-1)(inputs["city"]),
    ]
    assert [tuple(t.shape) for t in encoded] == [(None, 1), (None, 4), (None, 5), (None, 1)]
    all_features = keras.layers.concatenate(encoded)
    x = keras.layers.Dense(16, activation="relu")(all_features)
    x = keras.layers.Dropout(0.0)(x)
    output = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, output)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            weights(layer)
    model.compile(
        keras.optimizers.Adam(5e-3), "binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(), keras.metrics.Precision(), keras.metrics.F1Score(threshold=0.5)],
    )  # fmt: skip
    history = model.fit(
        train, y[:256], epochs=3, batch_size=32, validation_data=(val, y[256:]), shuffle=False, verbose=0
    ).history
    sample = {"age": [[60.0]], "income": [[21.0]], "level": [[3]], "city": [[1020]]}
    predictions = model.predict({name: np.array(value) for name, value in sample.items()}, verbose=0)
    return {**{key: np.ravel(values) for key, values in history.items()}, "predicted": predictions[0]}
