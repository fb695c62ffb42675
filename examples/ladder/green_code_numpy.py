"""Handwritten digits with ReLU, softmax and Adam, in plain NumPy: the lesson of Green Code, written anew.

Cross-entropy, mini-batches, a learning rate that decays with every step. The lesson names no sizes; these follow
Kinsley and Kukieła (2020), Neural Networks from Scratch, chapter 19, with a smaller network for the 8x8 digits.
"""

import numpy as np
from digit_images import MNIST, load

HIDDEN, BATCH, EPOCHS = (128, 128, 10) if MNIST else (32, 32, 30)


def forward(x, W1, b1, W2, b2, W3, b3):
    """Both hidden layers and the probabilities."""
    h1 = np.maximum(x @ W1 + b1, 0)
    h2 = np.maximum(h1 @ W2 + b2, 0)
    z = h2 @ W3 + b3
    e = np.exp(z - z.max(axis=1, keepdims=True))  # minus the largest: e^z cannot overflow
    return h1, h2, e / e.sum(axis=1, keepdims=True)


def backward(x, h1, h2, p, label, W1, b1, W2, b2, W3, b3):
    """The slopes of the mean cross-entropy in all weights and biases."""
    dz3 = (p - np.eye(10)[label]) / len(x)  # predicted minus wanted; the 1/n of the mean
    dz2 = dz3 @ W3.T * (h2 > 0)
    dz1 = dz2 @ W2.T * (h1 > 0)
    return x.T @ dz1, dz1.sum(axis=0), h1.T @ dz2, dz2.sum(axis=0), h2.T @ dz3, dz3.sum(axis=0)


def main(epochs=EPOCHS, learning_rate=0.005, decay=0.001, seed=0):
    """Train; returns the mean cross-entropy of every epoch and the weights."""
    x, y, x_test, y_test = load()
    rng, step, weights, losses = np.random.default_rng(seed), 0, [], []
    for inputs, outputs in ((x.shape[1], HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 10)):
        weights += [0.1 * rng.standard_normal((inputs, outputs)), np.zeros(outputs)]
    means, squares = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for epoch in range(epochs):
        loss = 0.0
        for start in range(0, len(x), BATCH):
            image, label = x[start : start + BATCH], y[start : start + BATCH]
            h1, h2, p = forward(image, *weights)
            loss -= np.log(p[np.arange(len(label)), label]).sum()
            rate = learning_rate / (1 + decay * step)
            step += 1
            rate *= (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)  # Adam starts from zero means: this makes up for it
            for w, g, m, v in zip(weights, backward(image, h1, h2, p, label, *weights), means, squares):
                m += 0.1 * (g - m)
                v += 0.001 * (g**2 - v)
                w -= rate * m / (np.sqrt(v) + 1e-7)
        losses.append(loss / len(x))
        right = (forward(x_test, *weights)[-1].argmax(axis=1) == y_test).mean()
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, test {right:.2%} right")
    return losses, weights


if __name__ == "__main__":
    main()
