"""Timeseries classification twice: with convolutions along time, and with attention blocks."""

import keras
import numpy as np


def signals(count, steps=32):
    """Noisy sines and sawtooths of random phase and frequency."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, count)
    phase = rng.uniform(1, 2, (count, 1)) * np.arange(steps) / 3 + rng.uniform(0, 6, (count, 1))
    curves = np.where(labels[:, None] == 1, np.sin(phase), (phase / np.pi) % 2 - 1)
    return (curves + rng.normal(0, 0.1, curves.shape)).astype("float32")[..., None], labels


def make_model(input_shape, num_classes):
    x = input_layer = keras.layers.Input(input_shape)
    for kernel_size in (3, 3, 5):
        x = keras.layers.Conv1D(filters=12, kernel_size=kernel_size, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    gap = keras.layers.GlobalAveragePooling1D()(x)
    output_layer = keras.layers.Dense(num_classes, activation="softmax")(gap)
    return keras.models.Model(inputs=input_layer, outputs=output_layer)


def transformer_encoder(inputs, head_size, num_heads, ff_dim, dropout=0.0):
    x = keras.layers.MultiHeadAttention(key_dim=head_size, num_heads=num_heads, dropout=dropout)(inputs, inputs)
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.LayerNormalization(epsilon=1e-6)(x)
    res = x + inputs
    x = keras.layers.Conv1D(filters=ff_dim, kernel_size=1, activation="relu")(res)
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.Conv1D(filters=inputs.shape[-1], kernel_size=1)(x)
    x = keras.layers.LayerNormalization(epsilon=1e-6)(x)
    return x + res


def main(digits, weights):
    x, y = signals(160)
    model = make_model(input_shape=x.shape[1:], num_classes=2)
    weights(model)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4), loss="sparse_categorical_crossentropy",
        metrics=["sparse_categorical_accuracy"],
    )  # fmt: skip
    file = f"best_model.{keras.__name__}"
    history = model.fit(
        x, y, batch_size=32, epochs=3, validation_split=0.2, shuffle=False, verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(file, save_best_only=True, monitor="val_loss"),
            keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1, min_lr=1e-5),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, verbose=0),
        ],
    ).history  # fmt: skip
    best = keras.models.load_model(file).evaluate(x[128:], y[128:], verbose=0)

    inputs = keras.Input(shape=x.shape[1:])
    h = transformer_encoder(keras.layers.Conv1D(8, 4, strides=4, padding="causal")(inputs), 6, 2, 4)
    h = keras.layers.GlobalAveragePooling1D(data_format="channels_last")(transformer_encoder(h, 6, 2, 4))
    h = keras.layers.Dense(8, activation="relu")(h)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(h))
    weights(model)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=1e-3))
    attention = model.fit(x, y, validation_split=0.2, epochs=2, batch_size=32, shuffle=False, verbose=0).history
    return {**history, "best": best, **{f"attention_{key}": values for key, values in attention.items()}}
