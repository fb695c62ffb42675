"""Handwritten digits with one hidden layer of 20, in plain NumPy: the lesson of Bot Academy, written anew.

Sigmoid in both layers, one image at a time, in order, weights from U(-0.5, 0.5), and the lesson's short delta_o = o - l.
It learns the 8x8 digits that ship with glassnet in a second; with GLASSNET_DATA set, MNIST (784-20-10, 3 epochs).
"""

import os

import numpy as np

from glassnet.datasets import digits, mnist  # the images, nothing else


def load():
    """Images as rows of numbers from 0 to 1, and their labels: for training, then for the test."""
    (x, y), (x_test, y_test) = mnist.load_data() if "GLASSNET_DATA" in os.environ else digits.load_data()
    return x.reshape(len(x), -1) / x.max(), y, x_test.reshape(len(x_test), -1) / x.max(), y_test


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def main(epochs=3 if "GLASSNET_DATA" in os.environ else 30, learning_rate=0.01, seed=0):
    """Train; returns the mean cross-entropy of every epoch and the weights."""
    x, y, _, _ = load()
    rng = np.random.default_rng(seed)
    W1, b1 = rng.random((x.shape[1], 20)) - 0.5, np.zeros(20)
    W2, b2 = rng.random((20, 10)) - 0.5, np.zeros(10)
    losses = []
    for epoch in range(epochs):
        error = correct = 0
        for image, label in zip(x, y):
            l = np.eye(10)[label]  # noqa: E741  # the lesson's letter
            # forward
            h = sigmoid(image @ W1 + b1)
            o = sigmoid(h @ W2 + b2)
            error -= np.log(np.where(l == 1, o, 1 - o)).mean()  # binary cross-entropy: what delta_o descends
            correct += o.argmax() == label
            # backward
            delta_o = o - l
            delta_h = W2 @ delta_o * h * (1 - h)  # before W2 is updated
            # update
            W2 -= learning_rate * np.outer(h, delta_o)
            b2 -= learning_rate * delta_o
            W1 -= learning_rate * np.outer(image, delta_h)
            b1 -= learning_rate * delta_h
        losses.append(error / len(x))
        if __name__ == "__main__":
            print(f"epoch {epoch + 1}: error {losses[-1]:.4f}, right while learning {correct / len(x):.2%}")
    return losses, [W1, b1, W2, b2]


if __name__ == "__main__":
    _, (W1, b1, W2, b2) = main()
    _, _, x_test, y_test = load()
    o = sigmoid(sigmoid(x_test @ W1 + b1) @ W2 + b2)
    print(f"test: {(o.argmax(axis=1) == y_test).mean():.2%} right")
