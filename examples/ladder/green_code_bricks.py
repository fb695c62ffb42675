"""The network of Green Code with hand-written bricks, among them a softmax with its whole Jacobian."""

import numpy as np
from bot_academy_bricks import Dense
from digit_images import load
from green_code_numpy import BATCH, EPOCHS, HIDDEN

import glassnet as gn


class ReLU:
    """y = max(x, 0), cell by cell."""

    def forward(self, x):
        self.on = x > 0
        return np.maximum(x, 0)

    def backward(self, output_gradient):
        return output_gradient * self.on


class Softmax:
    """y_k = e^x_k / Σ e^x_j, row by row; dy_k/dx_i = y_k ([k = i] - y_i)."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y

    def backward(self, output_gradient):
        return self.y * (output_gradient - (output_gradient * self.y).sum(axis=1, keepdims=True))


def cross_entropy(label, p):
    """-ln p of the right class, one value per image; the mean over the mini-batch is taken by glassnet."""
    return -gn.ops.log((p * gn.ops.one_hot(label, 10, dtype=p.dtype)).sum(axis=-1))


def main(epochs=EPOCHS, learning_rate=0.005, decay=0.001, seed=0):
    """Train; returns the mean cross-entropy of every epoch and the weights."""
    x, y, x_test, y_test = load()
    rng, model = np.random.default_rng(seed), gn.Sequential()
    for inputs, outputs, after in ((x.shape[1], HIDDEN, ReLU()), (HIDDEN, HIDDEN, ReLU()), (HIDDEN, 10, Softmax())):
        model.add(Dense(0.1 * rng.standard_normal((inputs, outputs)), np.zeros(outputs)))
        model.add(after)
    rate = gn.optimizers.schedules.InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    model.compile(gn.optimizers.Adam(rate), loss=cross_entropy, metrics=["accuracy"])
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=2)
    print("test: {:.4f}, {:.2%} right".format(*model.evaluate(x_test, y_test, verbose=0)))
    return history.history["loss"], model.get_weights()


if __name__ == "__main__":
    main()
