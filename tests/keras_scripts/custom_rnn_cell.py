"""Recurrence with cells of one's own: keras.layers.RNN runs them, stacked, both ways, masked, with several states."""

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="scripts")
class MinimalRNNCell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )
        self.built = True

    def call(self, inputs, states):
        prev_output = states[0]
        h = keras.ops.matmul(inputs, self.kernel)
        output = h + keras.ops.matmul(prev_output, self.recurrent_kernel)
        return keras.ops.tanh(output), [keras.ops.tanh(output)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class LeakyMemoryCell(keras.layers.Layer):
    """Two states of different sizes: an average that leaks, and what was read from it last."""

    def __init__(self, units, memory, **kwargs):
        super().__init__(**kwargs)
        self.units, self.memory = units, memory
        self.state_size = [units, memory]
        self.output_size = units

    def build(self, input_shape):
        self.write = self.add_weight(shape=(input_shape[-1], self.memory), initializer="glorot_uniform", name="write")
        self.read = self.add_weight(shape=(self.memory, self.units), initializer="glorot_uniform", name="read")
        self.leak = self.add_weight(shape=(self.memory,), initializer="zeros", name="leak")
        self.built = True

    def get_initial_state(self, batch_size=None):
        return [keras.ops.zeros((batch_size, self.units)), 0.1 * keras.ops.ones((batch_size, self.memory))]

    def call(self, inputs, states, training=False):
        last, memory = states
        share = keras.ops.sigmoid(self.leak)
        memory = share * memory + (1.0 - share) * keras.ops.matmul(inputs, self.write)
        output = keras.ops.relu(keras.ops.matmul(memory, self.read)) + 0.5 * last
        return output, [output, memory]


def main(digits, weights):
    (x_train, y_train), _ = digits
    x, y = x_train[:160].astype("float32") / 16, y_train[:160]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    record = {}
    layers = {
        "loss": lambda: keras.layers.RNN(MinimalRNNCell(12)),
        "stacked": lambda: keras.layers.RNN([MinimalRNNCell(12), keras.layers.GRUCell(8), MinimalRNNCell(6)]),
        "two_states": lambda: keras.layers.RNN(LeakyMemoryCell(8, 10)),
        "both_ways": lambda: keras.layers.Bidirectional(
            keras.layers.RNN(MinimalRNNCell(6)), backward_layer=keras.layers.SimpleRNN(6, go_backwards=True)
        ),
    }
    for name, make in layers.items():
        inputs = keras.Input((8, 8))
        h = keras.layers.Masking(mask_value=0.0)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(10)(make()(h)))
        weights(model)
        model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), loss=loss)
        record[name] = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0).history["loss"]

    layer = keras.layers.RNN(LeakyMemoryCell(3, 4), return_sequences=True, return_state=True)
    sequence, last, memory = layer(x[:5])
    weights(layer)
    sequence, last, memory = (keras.ops.convert_to_numpy(t) for t in layer(x[:5]))
    assert (sequence.shape, last.shape, memory.shape) == ((5, 8, 3), (5, 3), (5, 4))
    assert np.array_equal(sequence[:, -1], last)
    copy = keras.layers.RNN.from_config(
        keras.layers.RNN(keras.layers.LSTMCell(5), go_backwards=True, name="copied").get_config()
    )
    assert (copy.name, copy.cell.units, copy.go_backwards) == ("copied", 5, True)
    return {**record, "memory": memory.mean(axis=0)}
