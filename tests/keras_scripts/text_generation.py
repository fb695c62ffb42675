"""Text generation: an LSTM learns which character comes next, and writes a few itself after every epoch."""

import keras
import numpy as np

TEXT = (
    "the rain falls on the hills and runs to the river, the river runs to the sea, "
    "the sun lifts the sea into the clouds, and the clouds bring the rain to the hills. "
) * 3
LENGTH = 12


def sample(probabilities, temperature, rng):
    logits = np.log(np.asarray(probabilities, "float64") + 1e-9) / temperature
    shares = np.exp(logits - logits.max())
    return int(np.argmax(rng.multinomial(1, shares / shares.sum())))


class Writer(keras.callbacks.Callback):
    def __init__(self, characters):
        super().__init__()
        self.characters = characters
        self.index = {c: i for i, c in enumerate(characters)}
        self.rng = np.random.default_rng(7)
        self.written = []

    def on_epoch_end(self, epoch, logs=None):
        for temperature in (0.01, 1.0):
            sentence = TEXT[:LENGTH]
            for _ in range(6):
                x = np.zeros((1, LENGTH, len(self.characters)), "float32")
                for t, c in enumerate(sentence[-LENGTH:]):
                    x[0, t, self.index[c]] = 1.0
                predictions = self.model.predict(x, verbose=0)[0]
                sentence += self.characters[sample(predictions, temperature, self.rng)]
            self.written.extend(self.index[c] for c in sentence[LENGTH:])


def main(digits, weights):
    characters = sorted(set(TEXT))
    index = {c: i for i, c in enumerate(characters)}
    starts = range(0, len(TEXT) - LENGTH, 2)
    x = np.zeros((len(starts), LENGTH, len(characters)), dtype="bool")
    y = np.zeros((len(starts), len(characters)), dtype="bool")
    for i, start in enumerate(starts):
        for t, c in enumerate(TEXT[start : start + LENGTH]):
            x[i, t, index[c]] = 1
        y[i, index[TEXT[start + LENGTH]]] = 1

    model = keras.Sequential(
        [
            keras.Input(shape=(LENGTH, len(characters))),
            keras.layers.LSTM(24),
            keras.layers.Dense(len(characters), activation="softmax"),
        ]
    )
    weights(model)
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(learning_rate=0.01))
    writer = Writer(characters)
    history = model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0, callbacks=[writer])
    return {**history.history, "written": writer.written}
