"""Layers of one's own: weights made in build, a layer of layers, add_loss, a training argument, get_config."""

import keras


class Linear(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ActivityPenalty(keras.layers.Layer):
    def __init__(self, rate=1e-2):
        super().__init__()
        self.rate = rate

    def call(self, inputs):
        self.add_loss(self.rate * keras.ops.mean(keras.ops.square(inputs)))
        return inputs


class DoubledInTraining(keras.layers.Layer):
    def call(self, inputs, training=None):
        return inputs * 2.0 if training else inputs


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Linear(24)
        self.penalty = ActivityPenalty()
        self.doubled = DoubledInTraining()
        self.last = Linear(10)

    def call(self, inputs, training=None):
        x = keras.activations.relu(self.first(inputs))
        x = self.doubled(self.penalty(x), training=training)
        return self.last(x)


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:400].reshape(-1, 64).astype("float32") / 16, y_train[:400]

    copy = Linear.from_config(Linear(5, name="five").get_config())
    assert (copy.units, copy.name) == (5, "five")

    model = keras.Sequential([keras.Input((64,)), Block()])
    assert len(model.trainable_weights) == 4
    weights(model)
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(
        x_train,
        y_train,
        batch_size=50,
        epochs=2,
        validation_data=(x_train[:100], y_train[:100]),
        shuffle=False,
        verbose=0,
    )
    return history.history
