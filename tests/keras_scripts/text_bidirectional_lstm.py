"""Text classification: padded word numbers through a masking embedding and two bidirectional LSTMs."""

import keras
import numpy as np

LENGTH = 14


def reviews(count, vocabulary=40, seed=5):
    """Lists of word numbers from 1; the label says whether words of the upper half are in the majority."""
    rng = np.random.default_rng(seed)
    texts = [rng.integers(1, vocabulary, size=rng.integers(3, LENGTH + 5)).tolist() for _ in range(count)]
    return texts, np.array([np.mean(np.array(t) > vocabulary // 2) > 0.5 for t in texts], "float32")


def main(digits, weights):
    texts, labels = reviews(224)
    x = keras.utils.pad_sequences(texts, maxlen=LENGTH)
    x_train, y_train, x_val, y_val = x[:192], labels[:192], x[192:], labels[192:]

    inputs = keras.Input(shape=(None,), dtype="int32")
    x = keras.layers.Embedding(40, 16, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True))(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(8))(x)
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    weights(model)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy", keras.metrics.Recall()])
    history = model.fit(
        x_train, y_train, batch_size=32, epochs=2, shuffle=False, validation_data=(x_val, y_val), verbose=0
    ).history

    merged = {}
    for mode in ("sum", "mul", "ave"):
        model = keras.Sequential(
            [
                keras.Input((None,)),
                keras.layers.Embedding(40, 8, mask_zero=True),
                keras.layers.Bidirectional(
                    keras.layers.GRU(6, dropout=0.0), merge_mode=mode,
                    backward_layer=keras.layers.GRU(6, go_backwards=True, reset_after=False),
                ),
                keras.layers.Dense(1),
            ]
        )  # fmt: skip
        weights(model)
        model.compile("rmsprop", keras.losses.BinaryCrossentropy(from_logits=True))
        merged[mode] = model.fit(x_train, y_train, batch_size=64, epochs=1, shuffle=False, verbose=0).history["loss"]
    return {**history, **merged}
