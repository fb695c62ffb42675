"""The digits of Bot Academy with hand-written bricks: each brick knows its own backward, glassnet trains them."""

import numpy as np
from digit_images import MNIST, load

import glassnet as gn


class Dense:
    """y = x W + b on a batch x of shape (samples, inputs)."""

    parameters = ("weights", "bias")

    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, output_gradient):
        self.gradients = {"weights": self.x.T @ output_gradient, "bias": output_gradient.sum(axis=0)}
        return output_gradient @ self.weights.T


class Sigmoid:
    """y = 1 / (1 + e^-x), cell by cell; its slope is y (1 - y)."""

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, output_gradient):
        return output_gradient * self.y * (1 - self.y)


def main(epochs=3 if MNIST else 30, learning_rate=0.01, seed=0):
    """Train; returns the mean error of every epoch and the weights."""
    x, y, x_test, y_test = load()
    rng = np.random.default_rng(seed)
    first = Dense(rng.random((x.shape[1], 20)) - 0.5, np.zeros(20))
    second = Dense(rng.random((20, 10)) - 0.5, np.zeros(10))
    model = gn.Sequential([first, Sigmoid(), second, Sigmoid()])
    # glassnet's cross-entropy is the mean over the 10 outputs, the lesson's o - l the slope of their sum
    model.compile(gn.optimizers.SGD(10 * learning_rate), loss="binary_crossentropy")
    history = model.fit(x, np.eye(10)[y], batch_size=1, epochs=epochs, shuffle=False, verbose=2)
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    print(f"test: {(guesses == y_test).mean():.2%} right")
    return history.history["loss"], model.get_weights()


if __name__ == "__main__":
    main()
