"""Handwritten digits with one hidden layer of 20, in plain NumPy: the lesson of Bot Academy, written anew.

Sigmoid in both layers, one image at a time and in order, weights from U(-0.5, 0.5), and the lesson's short
delta_o = o - l.
"""

import numpy as np
from digit_images import MNIST, load


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def main(epochs=3 if MNIST else 30, learning_rate=0.01, seed=0):
    """Train; returns the mean error of every epoch and the weights."""
    x, y, x_test, y_test = load()
    targets = np.eye(10)[y]
    rng = np.random.default_rng(seed)
    W1, b1 = rng.random((x.shape[1], 20)) - 0.5, np.zeros(20)
    W2, b2 = rng.random((20, 10)) - 0.5, np.zeros(10)
    losses = []
    for epoch in range(epochs):
        error = correct = 0
        for image, target in zip(x, targets):
            # forward
            h = sigmoid(image @ W1 + b1)
            o = sigmoid(h @ W2 + b2)
            error -= np.log(np.where(target == 1, o, 1 - o)).mean()  # the error that delta_o descends
            correct += o.argmax() == target.argmax()
            # backward
            delta_o = o - target
            delta_h = W2 @ delta_o * h * (1 - h)  # with the W2 of the forward pass, so before W2 is updated
            # update
            W2 -= learning_rate * np.outer(h, delta_o)
            b2 -= learning_rate * delta_o
            W1 -= learning_rate * np.outer(image, delta_h)
            b1 -= learning_rate * delta_h
        losses.append(error / len(x))
        print(f"epoch {epoch + 1}: error {losses[-1]:.4f}, right while learning {correct / len(x):.2%}")
    guesses = sigmoid(sigmoid(x_test @ W1 + b1) @ W2 + b2).argmax(axis=1)
    print(f"test: {(guesses == y_test).mean():.2%} right")
    return losses, [W1, b1, W2, b2]


if __name__ == "__main__":
    main()
