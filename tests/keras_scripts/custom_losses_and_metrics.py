"""Losses and metrics of one's own: a function, subclasses, a loss with an argument, a regularizer."""

import keras


def custom_mean_squared_error(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class CustomMSE(keras.losses.Loss):
    def __init__(self, regularization_factor=0.1, name="custom_mse"):
        super().__init__(name=name)
        self.regularization_factor = regularization_factor

    def call(self, y_true, y_pred):
        mse = keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
        distance = keras.ops.mean(keras.ops.square(0.5 - y_pred), axis=-1)
        return mse + distance * self.regularization_factor


class TruePositives(keras.metrics.Metric):
    def __init__(self, name="categorical_true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_variable(shape=(), name="ctp", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = keras.ops.equal(keras.ops.argmax(y_true, axis=1), keras.ops.argmax(y_pred, axis=1))
        self.true_positives.assign_add(keras.ops.sum(keras.ops.cast(hits, "float32")))

    def result(self):
        return self.true_positives.value

    def reset_state(self):
        self.true_positives.assign(0.0)


class OffDiagonal(keras.regularizers.Regularizer):
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x):
        return self.strength * keras.ops.sum(keras.ops.abs(x))

    def get_config(self):
        return {"strength": self.strength}


def mean_confidence(y_true, y_pred):
    return keras.ops.max(y_pred, axis=-1)


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train = x_train[:360].reshape(-1, 64).astype("float32") / 16
    one_hot = keras.utils.to_categorical(y_train[:360], num_classes=10)

    def new_model(loss, metrics):
        model = keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(16, "relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
                keras.layers.Dense(10, "softmax", kernel_regularizer=OffDiagonal(1e-4), activity_regularizer="l2"),
            ]
        )
        weights(model)
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=metrics)
        return model

    model = new_model(custom_mean_squared_error, [mean_confidence, TruePositives()])
    by_function = model.fit(x_train, one_hot, batch_size=45, epochs=2, shuffle=False, verbose=0).history
    model = new_model(CustomMSE(0.3), [TruePositives(), "categorical_accuracy"])
    by_class = model.fit(x_train, one_hot, batch_size=45, epochs=2, shuffle=False, verbose=0).history
    return {**by_function, **{f"by_class_{name}": values for name, values in by_class.items()}}
