"""XOR with a 2-3-1 network of tanh units, in plain NumPy: the lesson of The Independent Code, written anew.

Squared error, one sample at a time (online gradient descent), every weight and bias from N(0, 1).
"""

import numpy as np

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([[0], [1], [1], [0]], float)


def main(epochs=10_000, learning_rate=0.1, seed=4):
    """Train; returns the mean loss of every epoch and the weights."""
    rng = np.random.default_rng(seed)
    W1, b1 = rng.standard_normal((2, 3)), rng.standard_normal(3)
    W2, b2 = rng.standard_normal((3, 1)), rng.standard_normal(1)
    losses = []
    for _ in range(epochs):
        error = 0.0
        for x, t in zip(X, Y):
            # forward
            h = np.tanh(x @ W1 + b1)
            y = np.tanh(h @ W2 + b2)
            error += np.mean((y - t) ** 2)
            # backward: the slope of the error, layer by layer from the end; tanh' = 1 - tanh²
            dz2 = 2 * (y - t) / t.size * (1 - y**2)
            dz1 = W2 @ dz2 * (1 - h**2)  # with the W2 of the forward pass, so before W2 is updated
            # update
            W2 -= learning_rate * np.outer(h, dz2)
            b2 -= learning_rate * dz2
            W1 -= learning_rate * np.outer(x, dz1)
            b1 -= learning_rate * dz1
        losses.append(error / len(X))
    return losses, [W1, b1, W2, b2]


if __name__ == "__main__":
    losses, (W1, b1, W2, b2) = main()
    print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.6f}")
    for x, y in zip(X, np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2)):
        print(f"{x[0]:.0f} xor {x[1]:.0f} = {y[0]:+.3f}")
