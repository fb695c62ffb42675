"""Whole models, weights alone and configs: what comes back computes the same and goes on training the same."""

import keras
import numpy as np

MODEL_FILE = f"digits.{keras.__name__}"  # digits.keras with Keras


@keras.saving.register_keras_serializable(package="scripts")
class Scale(keras.layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(self.start), name="factor")

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "start": self.start}


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:320].reshape(-1, 64).astype("float32") / 16, y_train[:320]
    x_test = x_test.reshape(-1, 64).astype("float32") / 16

    inputs = keras.Input((64,), name="pixels")
    x = keras.layers.Dense(16, activation="relu", kernel_regularizer="l2")(inputs)
    x = keras.layers.BatchNormalization()(x)
    outputs = keras.layers.Dense(10, activation="softmax")(Scale(2.0)(x))
    model = keras.Model(inputs, outputs, name="saved")
    weights(model)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = model.fit(x_train, y_train, batch_size=32, epochs=1, shuffle=False, verbose=0).history["loss"]
    model.save(MODEL_FILE)

    loaded = keras.models.load_model(MODEL_FILE)
    np.testing.assert_allclose(loaded.predict(x_test, verbose=0), model.predict(x_test, verbose=0), rtol=1e-6)
    after = loaded.fit(x_train, y_train, batch_size=32, epochs=1, shuffle=False, verbose=0).history["loss"]

    config_copy = keras.Model.from_config(model.get_config())
    config_copy.set_weights(model.get_weights())
    config_copy.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    results = config_copy.evaluate(x_test, y_test, verbose=0)
    return {"loss": before + after, "copy": results}
