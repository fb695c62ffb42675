"""Adding two numbers as sequence to sequence: "12+7" in characters goes in, "19" comes out, after RepeatVector."""

import keras
import numpy as np

DIGITS = 2
MAXLEN = DIGITS + 1 + DIGITS


class CharacterTable:
    def __init__(self, chars):
        self.chars = sorted(set(chars))
        self.char_indices = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text, rows):
        x = np.zeros((rows, len(self.chars)))
        for i, c in enumerate(text):
            x[i, self.char_indices[c]] = 1
        return x

    def decode(self, x):
        return "".join(self.chars[i] for i in x.argmax(axis=-1))


def questions(count):
    rng = np.random.default_rng(11)
    for _ in range(count):
        a, b = rng.integers(0, 10**DIGITS, size=2)
        yield f"{a}+{b}".ljust(MAXLEN)[::-1], str(a + b).ljust(DIGITS + 1)


def main(digits, weights):
    table = CharacterTable("0123456789+ ")
    pairs = list(questions(300))
    x = np.array([table.encode(question, MAXLEN) for question, _ in pairs])
    y = np.array([table.encode(answer, DIGITS + 1) for _, answer in pairs])
    split = len(x) - len(x) // 10
    x_train, x_val, y_train, y_val = x[:split], x[split:], y[:split], y[split:]

    model = keras.models.Sequential()
    model.add(keras.Input((MAXLEN, len(table.chars))))
    model.add(keras.layers.LSTM(24))
    model.add(keras.layers.RepeatVector(DIGITS + 1))
    model.add(keras.layers.LSTM(24, return_sequences=True))
    model.add(keras.layers.TimeDistributed(keras.layers.Dense(len(table.chars))))
    model.add(keras.layers.Activation("softmax"))
    weights(model)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

    record = {"loss": [], "accuracy": [], "val_loss": [], "guesses": []}
    for _iteration in range(3):
        history = model.fit(
            x_train, y_train, batch_size=32, epochs=1, validation_data=(x_val, y_val), shuffle=False, verbose=0
        ).history
        for key in ("loss", "accuracy", "val_loss"):
            record[key] += history[key]
        for row in range(2):
            guess = table.decode(model.predict(x_val[row : row + 1], verbose=0)[0])
            record["guesses"] += [table.char_indices[c] for c in guess]
    return record
