"""Reading rows of digits: a convnet looks at columns, LSTMs read them both ways, and CTC aligns what they say."""

import keras
import numpy as np

LENGTH = 3


class CTCLayer(keras.layers.Layer):
    """Adds the loss while training; hands the predictions on."""

    def call(self, y_true, y_pred):
        ones = keras.ops.ones_like(y_true[:, 0])
        input_length = keras.ops.cast(ones * y_pred.shape[1], "int32")
        label_length = keras.ops.cast(ones * y_true.shape[1], "int32")
        loss = keras.ops.ctc_loss(y_true, keras.ops.log(y_pred + 1e-7), label_length, input_length, mask_index=10)
        self.add_loss(keras.ops.mean(loss))
        return y_pred


def decode(predictions):
    """The best class of each column, repetitions and blanks left out."""
    texts = []
    for row in predictions.argmax(axis=-1):
        kept = [int(c) for i, c in enumerate(row) if c != 10 and (i == 0 or c != row[i - 1])]
        texts.append((kept + [-1] * LENGTH)[:LENGTH])
    return np.array(texts)


def network(inputs):
    x = keras.layers.Conv2D(8, (3, 3), activation="relu", kernel_initializer="he_normal", padding="same")(inputs)
    x = keras.layers.MaxPooling2D((2, 2))(x)
    x = keras.layers.Conv2D(12, (3, 3), activation="relu", kernel_initializer="he_normal", padding="same")(x)
    x = keras.layers.Permute((2, 1, 3))(x)
    x = keras.layers.Reshape(target_shape=(12, 4 * 12))(x)
    x = keras.layers.Dense(24, activation="relu")(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(16, return_sequences=True, dropout=0.0))(x)
    return keras.layers.Dense(10 + 1, activation="softmax", name="dense2")(x)


def main(digits, weights):
    (images, numbers), _ = digits
    count = 96
    rows = np.random.default_rng(12).integers(0, 400, size=(count, LENGTH))
    x = np.concatenate([images[rows[:, i]] for i in range(LENGTH)], axis=2).astype("float32")[..., None] / 16
    y = numbers[rows].astype("int32")

    inputs = keras.layers.Input(shape=(8, 24, 1), name="image")
    labels = keras.layers.Input(shape=(LENGTH,), dtype="int32", name="label")
    predictions = network(inputs)
    model = keras.models.Model(inputs=[inputs, labels], outputs=CTCLayer(name="ctc_loss")(labels, predictions))
    weights(model)
    model.compile(optimizer=keras.optimizers.Adam(2e-3))
    history = model.fit({"image": x, "label": y}, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    reader = keras.models.Model(inputs, model.get_layer(name="dense2").output)
    read = decode(reader.predict(x[:8], verbose=0))

    inputs = keras.Input(shape=(8, 24, 1))
    model = keras.Model(inputs, keras.layers.Activation("linear")(network(inputs)))
    weights(model)
    model.layers[-2].activation = keras.activations.linear  # keras.losses.CTC takes logits
    model.compile(optimizer="rmsprop", loss=keras.losses.CTC())
    whole = model.fit(x, y + 1, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]  # 0 is its blank
    return {**history, "read": read.ravel(), "whole": whole}
