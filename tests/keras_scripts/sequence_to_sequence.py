"""Sequence to sequence: an LSTM encodes a word, another one writes it down backwards from the encoder's states."""

import keras
import numpy as np

LETTERS = "\t\nabcdefgh"  # start and end of what is written, then the alphabet
HIDDEN = 24


def words(count, seed=3):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(LETTERS[2:]), size=rng.integers(2, 6))) for _ in range(count)]


def main(digits, weights):
    inputs = words(160)
    targets = ["\t" + text[::-1] + "\n" for text in inputs]
    index = {c: i for i, c in enumerate(LETTERS)}
    encoder_input_data = np.zeros((len(inputs), 5, len(LETTERS)), dtype="float32")
    decoder_input_data = np.zeros((len(inputs), 7, len(LETTERS)), dtype="float32")
    decoder_target_data = np.zeros((len(inputs), 7, len(LETTERS)), dtype="float32")
    for i, (text, target) in enumerate(zip(inputs, targets)):
        for t, c in enumerate(text):
            encoder_input_data[i, t, index[c]] = 1.0
        for t, c in enumerate(target):
            decoder_input_data[i, t, index[c]] = 1.0
            if t > 0:
                decoder_target_data[i, t - 1, index[c]] = 1.0  # one step ahead

    encoder_inputs = keras.Input(shape=(None, len(LETTERS)))
    encoder = keras.layers.LSTM(HIDDEN, return_state=True)
    _, state_h, state_c = encoder(encoder_inputs)
    encoder_states = [state_h, state_c]
    decoder_inputs = keras.Input(shape=(None, len(LETTERS)))
    decoder_lstm = keras.layers.LSTM(HIDDEN, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
    decoder_dense = keras.layers.Dense(len(LETTERS), activation="softmax")
    decoder_outputs = decoder_dense(decoder_outputs)
    model = keras.Model([encoder_inputs, decoder_inputs], decoder_outputs)
    weights(model)
    model.compile(optimizer=keras.optimizers.RMSprop(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        [encoder_input_data, decoder_input_data], decoder_target_data, batch_size=16, epochs=4, validation_split=0.2,
        shuffle=False, verbose=0,
    ).history  # fmt: skip

    encoder_model = keras.Model(encoder_inputs, encoder_states)
    state_inputs = [keras.Input(shape=(HIDDEN,)), keras.Input(shape=(HIDDEN,))]
    decoder_outputs, *states = decoder_lstm(decoder_inputs, initial_state=state_inputs)
    decoder_model = keras.Model([decoder_inputs, *state_inputs], [decoder_dense(decoder_outputs), *states])

    def decode_sequence(input_seq):
        states_value = encoder_model.predict(input_seq, verbose=0)
        target_seq = np.zeros((1, 1, len(LETTERS)), "float32")
        target_seq[0, 0, index["\t"]] = 1.0
        decoded = []
        while len(decoded) < 7 and (not decoded or decoded[-1] != index["\n"]):
            output_tokens, *states_value = decoder_model.predict([target_seq, *states_value], verbose=0)
            decoded.append(int(np.argmax(output_tokens[0, -1, :])))
            target_seq = np.zeros((1, 1, len(LETTERS)), "float32")
            target_seq[0, 0, decoded[-1]] = 1.0
        return decoded

    decoded = [token for row in range(3) for token in decode_sequence(encoder_input_data[row : row + 1])]
    return {**history, "decoded": decoded}
