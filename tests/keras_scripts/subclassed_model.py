"""A model as a class: layers made in __init__, a training argument, batch normalization, dropout at rate 0."""

import keras


class Classifier(keras.Model):
    def __init__(self, hidden=32, classes=10, rate=0.0):
        super().__init__(name="classifier")
        self.flatten = keras.layers.Flatten()
        self.blocks = [keras.layers.Dense(hidden, activation="elu") for _ in range(2)]
        self.norm = keras.layers.BatchNormalization(momentum=0.9)
        self.dropout = keras.layers.Dropout(rate)
        self.classes = keras.layers.Dense(classes, activation="softmax")

    def call(self, inputs, training=False):
        x = self.flatten(inputs)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x, training=training)
        x = self.dropout(x, training=training)
        return self.classes(x)


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, x_test = x_train[:512].astype("float32") / 16, x_test[:128].astype("float32") / 16
    one_hot = keras.utils.to_categorical(y_train[:512], 10)

    model = Classifier()
    model(x_train[:1])
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (8, 2)
    weights(model)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-2),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=[keras.metrics.CategoricalAccuracy(name="hits"), keras.metrics.TopKCategoricalAccuracy(k=3)],
    )
    history = model.fit(
        x_train, one_hot, batch_size=64, epochs=3, shuffle=False, verbose=0,
        validation_data=(x_test, keras.utils.to_categorical(y_test[:128], 10)),
    )  # fmt: skip
    return history.history
