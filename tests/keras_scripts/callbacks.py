"""Callbacks: the built-in ones at work, and ones of one's own with every hook."""

import keras
import numpy as np


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []
        self.batch_losses = []

    def on_train_begin(self, logs=None):
        self.events.append("train begins")

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} of {self.params['epochs']}")

    def on_train_batch_end(self, batch, logs=None):
        self.batch_losses.append(logs["loss"])

    def on_test_end(self, logs=None):
        self.events.append("tested")

    def on_train_end(self, logs=None):
        self.events.append("train ends")


class StopAtLoss(keras.callbacks.Callback):
    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def on_epoch_end(self, epoch, logs=None):
        if logs["loss"] < self.loss:
            self.model.stop_training = True


def halved_late(epoch, rate):
    return rate if epoch < 2 else rate * 0.5


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:320].reshape(-1, 64).astype("float32") / 16, y_train[:320]
    x_test = x_test.reshape(-1, 64).astype("float32") / 16

    def new_model(rate):
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(20, "relu"), keras.layers.Dense(10, "softmax")]
        )
        weights(model)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    recorder, seen = Recorder(), []
    model = new_model(0.01)
    history = model.fit(
        x_train, y_train, batch_size=40, epochs=6, shuffle=False, verbose=0, validation_data=(x_test, y_test),
        callbacks=[
            recorder,
            StopAtLoss(1.2),
            keras.callbacks.LearningRateScheduler(halved_late),
            keras.callbacks.CSVLogger("log.csv"),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(sorted(logs))),
        ],
    )  # fmt: skip
    assert recorder.events[:3] == ["train begins", "epoch 0 of 6", "tested"]
    assert recorder.events[-1] == "train ends"
    assert np.loadtxt("log.csv", delimiter=",", skiprows=1).shape[0] == len(history.epoch) == len(seen)

    model = new_model(0.1)
    patient = model.fit(
        x_train, y_train, batch_size=40, epochs=8, shuffle=False, verbose=0, validation_data=(x_test, y_test),
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.1, patience=1, min_delta=0.0),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True),
        ],
    )  # fmt: skip
    best = model.evaluate(x_test, y_test, verbose=0)[0]
    return {
        "loss": history.history["loss"],
        "val_accuracy": history.history["val_accuracy"],
        "batch_losses": recorder.batch_losses,
        "rates": history.history["learning_rate"],
        "patient_rates": patient.history["learning_rate"],
        "restored": [best, min(patient.history["val_loss"])],
    }
