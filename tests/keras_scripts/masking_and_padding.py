"""Masks: where they come from, how they travel through layers, and layers of one's own that make, use or pass them."""

import keras
import numpy as np


class TemporalSplit(keras.layers.Layer):
    """Halves a sequence along time, and its mask with it."""

    def call(self, inputs):
        return keras.ops.split(inputs, 2, axis=1)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        return keras.ops.split(mask, 2, axis=1)


class CustomEmbedding(keras.layers.Layer):
    """An embedding that makes a mask: number 0 is padding."""

    def __init__(self, input_dim, output_dim, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim), initializer="random_normal", dtype="float32"
        )

    def call(self, inputs):
        return keras.ops.take(self.embeddings, keras.ops.cast(inputs, "int32"), axis=0)

    def compute_mask(self, inputs, mask=None):
        if not self.mask_zero:
            return None
        return keras.ops.not_equal(inputs, 0)


class MyActivation(keras.layers.Layer):
    """Lets the mask of its input through."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return keras.ops.relu(inputs)


class TemporalSoftmax(keras.layers.Layer):
    """A softmax over the time steps that the mask lets count."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        exponentials = keras.ops.exp(inputs)
        if mask is not None:
            exponentials = exponentials * keras.ops.expand_dims(keras.ops.cast(mask, "float32"), axis=-1)
        return exponentials / keras.ops.sum(exponentials, axis=1, keepdims=True)


def main(digits, weights):
    raw = [[711, 632, 71], [73, 8, 3215, 55, 927], [83, 91, 1, 645, 1253, 927], [5]]
    padded = keras.utils.pad_sequences(raw, padding="post") % 50
    assert padded.shape == (4, 6)
    count = {"masks": []}

    embedding = keras.layers.Embedding(input_dim=50, output_dim=8, mask_zero=True)
    mask = embedding.compute_mask(padded)
    count["masks"].append(np.sum(keras.ops.convert_to_numpy(mask)))
    masking = keras.layers.Masking(mask_value=-1.0)
    steps = np.where(padded[..., None] == 0, -1.0, np.ones((4, 6, 3))).astype("float32")
    count["masks"].append(np.sum(keras.ops.convert_to_numpy(masking.compute_mask(steps))))
    first, second = TemporalSplit().compute_mask(steps, mask)
    count["masks"].extend(np.sum(keras.ops.convert_to_numpy(m)) for m in (first, second))

    rng = np.random.default_rng(1)
    x = rng.integers(1, 50, size=(160, 6))
    x[np.arange(6) >= rng.integers(1, 7, size=(160, 1))] = 0
    y = np.sum(x, axis=1, keepdims=True).astype("float32") / 100

    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(50, 8, mask_zero=True), keras.layers.LSTM(8),
         keras.layers.Dense(1)]
    )  # fmt: skip
    weights(model)
    model.compile("adam", "mse")
    record = {**count, **model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0).history}

    class Explicit(keras.layers.Layer):
        """Hands the mask on by hand."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.embedding = keras.layers.Embedding(input_dim=50, output_dim=8, mask_zero=True)
            self.gru = keras.layers.GRU(8)

        def call(self, inputs):
            x = self.embedding(inputs)
            mask = self.embedding.compute_mask(inputs)
            return self.gru(x, mask=mask)

    inputs = keras.Input((6,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Dense(1)(Explicit()(inputs)))
    weights(model)
    model.compile("adam", "mse")
    record["explicit"] = model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0).history["loss"]

    inputs = keras.Input((None,), dtype="int32")
    h = CustomEmbedding(50, 8, mask_zero=True)(inputs)
    h = MyActivation()(h)
    h = keras.layers.SimpleRNN(8, return_sequences=True)(h)
    shares = TemporalSoftmax()(keras.layers.Dense(1)(h))
    pooled = keras.layers.GlobalAveragePooling1D()(h)
    weighted = keras.layers.Dot(axes=1)([shares, h])
    outputs = keras.layers.Dense(1)(keras.layers.concatenate([pooled, keras.layers.Flatten()(weighted)]))
    model = keras.Model(inputs, outputs)
    weights(model)
    model.compile(keras.optimizers.Nadam(1e-3), "mae")
    record["custom"] = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0).history["loss"]

    inputs = keras.Input((6, 3))
    h = keras.layers.Masking(mask_value=-1.0)(inputs)
    h = keras.layers.TimeDistributed(keras.layers.Dense(4, activation="tanh"))(h)
    h = keras.layers.GRU(5, return_sequences=True)(h)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(h))
    weights(model)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    steps = rng.normal(size=(64, 6, 3)).astype("float32")
    steps[np.arange(6) >= rng.integers(1, 7, size=(64, 1))] = -1.0
    labels = rng.integers(0, 2, size=(64, 6))  # one per step; steps that are masked do not count in the loss
    stepwise = model.fit(steps, labels, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    return {**record, **{f"stepwise_{key}": values for key, values in stepwise.items()}}
