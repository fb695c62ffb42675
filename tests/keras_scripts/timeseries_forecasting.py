"""Timeseries forecasting: windows of a weather-like table, then a stack that keeps its states between pieces."""

import keras
import numpy as np


def weather(steps):
    rng = np.random.default_rng(8)
    t = np.arange(steps)
    temperature = 10 * np.sin(t / 24) + 3 * np.sin(t / 5) + rng.normal(0, 0.5, steps)
    pressure = 990 + 8 * np.cos(t / 24) + rng.normal(0, 0.5, steps)
    return np.stack([temperature, pressure, np.full(steps, 3.0) + rng.normal(0, 1, steps)], axis=1).astype("float32")


class Windows(keras.utils.PyDataset):
    """Batches of every `step`-th row of `past` rows, with the first column `future` rows later."""

    def __init__(self, data, past, future, step, batch_size, **kwargs):
        super().__init__(**kwargs)
        starts = range(len(data) - past - future)
        self.x = np.stack([data[start : start + past : step] for start in starts])
        self.y = np.stack([data[start + past + future - 1, :1] for start in starts])
        self.batch_size = batch_size

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[rows], self.y[rows]


def main(digits, weights):
    features = weather(420)
    split, past, future, step, batch_size = 320, 24, 6, 3, 32
    mean, std = features[:split].mean(axis=0), features[:split].std(axis=0)
    features = (features - mean) / std
    train_data, val_data = features[:split], features[split:]
    dataset_train = Windows(train_data, past, future, step, batch_size)
    dataset_val = Windows(val_data, past, future, step, batch_size)
    shapes = [array.shape for array in dataset_train[0]]
    assert (len(dataset_train), shapes) == (10, [(32, 8, 3), (32, 1)])

    inputs = keras.layers.Input(shape=shapes[0][1:])
    lstm_out = keras.layers.LSTM(12)(inputs)
    outputs = keras.layers.Dense(1)(lstm_out)
    model = keras.Model(inputs=inputs, outputs=outputs)
    weights(model)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss="mse")
    file = f"model_checkpoint.weights.{'h5' if keras.__name__ == 'keras' else 'glassnet'}"
    history = model.fit(
        dataset_train, epochs=3, validation_data=dataset_val, shuffle=False, verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=5),
            keras.callbacks.ModelCheckpoint(
                monitor="val_loss", filepath=file, save_weights_only=True, save_best_only=True
            ),
        ],
    ).history  # fmt: skip
    model.load_weights(file)
    best = model.evaluate(dataset_val, verbose=0)
    assert np.isclose(best, min(history["val_loss"]), rtol=1e-4)

    def stack(stateful, **shape):
        return keras.Sequential(
            [
                keras.Input(**shape),
                keras.layers.Conv1D(6, 3, padding="causal", activation="relu"),
                keras.layers.GRU(8, return_sequences=True, stateful=stateful),
                keras.layers.SimpleRNN(6, stateful=stateful),
                keras.layers.Dense(1),
            ]
        )

    model = stack(False, shape=(None, 1))
    weights(model)
    model.compile(optimizer=keras.optimizers.RMSprop(0.005), loss=keras.losses.LogCosh())
    series = features[:, :1]
    x = np.stack([series[start : start + 20] for start in range(0, 380)])
    target = series[20:400]
    record = model.fit(x, target, batch_size=40, epochs=2, shuffle=False, verbose=0).history["loss"]
    live = stack(True, shape=(5, 1), batch_size=1)
    live.set_weights(model.get_weights())
    piecewise = [float(live.predict(x[:1, 5 * i : 5 * i + 5], verbose=0)[0, 0]) for i in range(4)]
    for layer in live.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
    assert np.isclose(float(live.predict(x[:1, :5], verbose=0)[0, 0]), piecewise[0])
    return {**history, "best": [best], "stack": record, "piecewise": piecewise}
