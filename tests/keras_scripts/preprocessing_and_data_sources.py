"""Preprocessing inside the model, and data that come batch by batch: a PyDataset, a generator."""

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return int(np.ceil(len(self.x) / self.batch_size))

    def __getitem__(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[part], self.y[part]


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:330].reshape(-1, 64).astype("float32"), y_train[:330]
    x_test = x_test.reshape(-1, 64).astype("float32")
    varies = x_train.std(axis=0) > 0.5  # a pixel that is always 0 says nothing and has no scale
    x_train, x_test = x_train[:, varies], x_test[:, varies]
    features = x_train.shape[1]

    normalization = keras.layers.Normalization(axis=-1)
    normalization.adapt(x_train)
    model = keras.Sequential(
        [
            keras.Input((features,)),
            normalization,
            keras.layers.Dense(20),
            keras.layers.PReLU(),
            keras.layers.GaussianNoise(0.0),
            keras.layers.Dropout(0.0),
            keras.layers.Dense(10),
            keras.layers.Softmax(),
        ]
    )
    first = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    weights(keras.Sequential([keras.Input((features,)), first[0], keras.layers.PReLU(), first[1]]))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    dataset = Batches(x_train, y_train, 50)
    history = model.fit(
        dataset, epochs=2, validation_data=Batches(x_test, y_test, 100), shuffle=False, verbose=0
    ).history

    def endless():
        while True:
            for index in range(len(dataset)):
                yield dataset[index]

    more = model.fit(endless(), steps_per_epoch=7, epochs=2, verbose=0, initial_epoch=1).history
    tested = model.evaluate(Batches(x_test, y_test, 64), verbose=0)
    return {**history, "generated": more["loss"], "tested": tested}
