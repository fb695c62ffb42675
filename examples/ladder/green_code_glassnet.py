"""The network of Green Code with the library."""

from digit_images import load
from green_code_numpy import BATCH, EPOCHS, HIDDEN

import glassnet as gn


def main(epochs=EPOCHS, learning_rate=0.005, decay=0.001, seed=0):
    """Train; returns the mean cross-entropy of every epoch and the weights."""
    x, y, x_test, y_test = load()
    normal = gn.initializers.RandomNormal(stddev=0.1, seed=gn.random.SeedGenerator(seed))  # one stream for all weights
    model = gn.Sequential([
        gn.Input((x.shape[1],)),
        gn.layers.Dense(HIDDEN, "relu", kernel_initializer=normal),
        gn.layers.Dense(HIDDEN, "relu", kernel_initializer=normal),
        gn.layers.Dense(10, "softmax", kernel_initializer=normal),
    ])  # fmt: skip
    rate = gn.optimizers.schedules.InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    model.compile(gn.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=2)
    print("test: {:.4f}, {:.2%} right".format(*model.evaluate(x_test, y_test, verbose=0)))
    return history.history["loss"], model.get_weights()


if __name__ == "__main__":
    main()
