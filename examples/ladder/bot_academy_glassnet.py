"""The digits of Bot Academy with the library."""

import numpy as np
from digit_images import MNIST, load

import glassnet as gn


def main(epochs=3 if MNIST else 30, learning_rate=0.01, seed=0):
    """Train; returns the mean error of every epoch and the weights."""
    x, y, x_test, y_test = load()
    uniform = gn.initializers.RandomUniform(-0.5, 0.5, seed=gn.random.SeedGenerator(seed))  # one stream for all weights
    model = gn.Sequential([
        gn.Input((x.shape[1],)),
        gn.layers.Dense(20, "sigmoid", kernel_initializer=uniform),
        gn.layers.Dense(10, "sigmoid", kernel_initializer=uniform),
    ])  # fmt: skip
    # glassnet's cross-entropy is the mean over the 10 outputs, the lesson's o - l the slope of their sum
    model.compile(gn.optimizers.SGD(10 * learning_rate), loss="binary_crossentropy", metrics=["categorical_accuracy"])
    history = model.fit(x, np.eye(10)[y], batch_size=1, epochs=epochs, shuffle=False, verbose=2)
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    print(f"test: {(guesses == y_test).mean():.2%} right")
    return history.history["loss"], model.get_weights()


if __name__ == "__main__":
    main()
