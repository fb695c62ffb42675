"""Handwritten digits with two hidden layers of 16, in plain NumPy: 3Blue1Brown's network, trained as in Nielsen's book.

Sigmoid everywhere, quadratic cost C = 1/2n Σ |t - a|², mini-batches of 10 from a new shuffle every epoch, weights and
biases from N(0, 1). BP1 to BP4 are the book's four equations of backpropagation, here for a whole mini-batch at once.
"""

import numpy as np
from digit_images import load


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(a, weights, biases):
    """The activations of all layers, the input first; one row per image."""
    activations = [a]
    for w, b in zip(weights, biases):
        activations.append(sigmoid(activations[-1] @ w + b))
    return activations


def backward(activations, target, weights):
    """The slopes of the cost in all weights and biases."""
    a = activations[-1]
    delta = (a - target) / len(target) * a * (1 - a)  # BP1; the 1/n of the cost stands here and nowhere else
    nabla_w, nabla_b = [], []
    for layer in reversed(range(len(weights))):
        a = activations[layer]
        nabla_b.insert(0, delta.sum(axis=0))  # BP3, summed over the mini-batch
        nabla_w.insert(0, a.T @ delta)  # BP4; the matrix product sums over the mini-batch
        if layer > 0:
            delta = delta @ weights[layer].T * a * (1 - a)  # BP2
    return nabla_w, nabla_b


def main(epochs=30, eta=3.0, batch_size=10, seed=0):
    """Train; returns the mean cost of every epoch and the weights."""
    x, y, x_test, y_test = load()
    targets, rng, shuffle = np.eye(10)[y], np.random.default_rng(seed), np.random.default_rng(seed + 1)
    weights, biases, costs = [], [], []
    for inputs, outputs in ((x.shape[1], 16), (16, 16), (16, 10)):
        weights.append(rng.standard_normal((inputs, outputs)))
        biases.append(rng.standard_normal(outputs))
    for epoch in range(epochs):
        order, cost = shuffle.permutation(len(x)), 0.0
        for rows in (order[i : i + batch_size] for i in range(0, len(x), batch_size)):
            activations = forward(x[rows], weights, biases)
            cost += ((targets[rows] - activations[-1]) ** 2).sum() / 2
            nabla_w, nabla_b = backward(activations, targets[rows], weights)
            for part, slope in zip(weights + biases, nabla_w + nabla_b):
                part -= eta * slope
        costs.append(cost / len(x))
        right = (forward(x_test, weights, biases)[-1].argmax(axis=1) == y_test).mean()
        print(f"epoch {epoch + 1}: cost {costs[-1]:.4f}, test {right:.2%} right")
    return costs, [part for pair in zip(weights, biases) for part in pair]


if __name__ == "__main__":
    main()
