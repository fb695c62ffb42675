"""Recurrent layers: outputs and states, one layer starting where another ended, stateful layers, cells, stacks."""

import keras


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:256].astype("float32") / 16, y_train[:256]  # a row of pixels per step
    x_test, y_test = x_test[:64].astype("float32") / 16, y_test[:64]
    record = {}

    def train(name, layers, optimizer="sgd"):
        model = keras.Sequential([keras.Input((8, 8)), *layers, keras.layers.Dense(10)])
        weights(model)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        history = model.fit(
            x_train, y_train, validation_data=(x_test, y_test), batch_size=64, epochs=2, shuffle=False, verbose=0
        ).history
        record.update({(f"{name}_{key}" if name else key): values for key, values in history.items()})

    train("", [keras.layers.LSTM(16), keras.layers.BatchNormalization()])
    train("cell", [keras.layers.RNN(keras.layers.LSTMCell(16)), keras.layers.BatchNormalization()])
    train("stack", [keras.layers.RNN([keras.layers.GRUCell(10), keras.layers.SimpleRNNCell(8)])], "adam")
    train("plain", [keras.layers.SimpleRNN(12, activation="relu", go_backwards=True, unroll=True)], "adagrad")
    train(
        "options",
        [
            keras.layers.GRU(10, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"),
            keras.layers.LSTM(
                8, unit_forget_bias=False, use_bias=False, dropout=0.0, recurrent_dropout=0.0, return_sequences=True,
                kernel_regularizer="l2", recurrent_constraint=keras.constraints.MaxNorm(0.9),
            ),
            keras.layers.GlobalMaxPooling1D(),
        ],
        keras.optimizers.Adamax(0.01),
    )  # fmt: skip

    encoder_input = keras.Input(shape=(None,))
    encoder_embedded = keras.layers.Embedding(input_dim=17, output_dim=8)(encoder_input)
    _, state_h, state_c = keras.layers.LSTM(8, return_state=True, name="encoder")(encoder_embedded)
    decoder_input = keras.Input(shape=(None,))
    decoder_embedded = keras.layers.Embedding(input_dim=17, output_dim=8)(decoder_input)
    decoder_output = keras.layers.LSTM(8, name="decoder")(decoder_embedded, initial_state=[state_h, state_c])
    model = keras.Model([encoder_input, decoder_input], keras.layers.Dense(10, activation="softmax")(decoder_output))
    weights(model)
    model.compile("adam", "sparse_categorical_crossentropy")
    tokens = (x_train * 16).astype("int32")
    history = model.fit([tokens[:, 0], tokens[:, 4]], y_train, batch_size=64, epochs=1, shuffle=False, verbose=0)
    record["encoder_decoder"] = history.history["loss"]

    lstm = keras.layers.LSTM(6, stateful=True)
    lstm.build((4, 8, 8))
    weights(lstm)
    pieces = [x_train[4 * i : 4 * i + 4] for i in range(3)]
    record["stateful"] = [float(keras.ops.sum(lstm(piece))) for piece in pieces]
    record["states"] = [float(keras.ops.sum(state)) for state in lstm.states]
    lstm.reset_states()
    record["stateful"].append(float(keras.ops.sum(lstm(pieces[0]))))
    assert record["stateful"][0] == record["stateful"][-1] != record["stateful"][1]
    return record
