"""XOR with the lesson's own bricks: `backward(output_gradient, learning_rate)` on columns, trained by glassnet.

A brick of this form updates itself, so glassnet's optimizer leaves it alone and only lends it the learning rate.
"""

import numpy as np

import glassnet as gn

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([[0], [1], [1], [0]], float)


class Dense:
    """y = W x + b on one sample as a column of shape (inputs, 1)."""

    def __init__(self, inputs, outputs, rng):
        self.weights = rng.standard_normal((inputs, outputs)).T  # the lesson's W is (outputs, inputs)
        self.bias = rng.standard_normal((outputs, 1))

    def forward(self, x):
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, output_gradient, learning_rate):
        input_gradient = self.weights.T @ output_gradient  # before the update
        self.weights -= learning_rate * output_gradient @ self.x.T
        self.bias -= learning_rate * output_gradient
        return input_gradient


class Tanh:
    """y = tanh(x), cell by cell."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, output_gradient, learning_rate):
        return output_gradient * (1 - self.y**2)


def main(epochs=10_000, learning_rate=0.1, seed=4):
    """Train; returns the mean loss of every epoch and the weights."""
    rng = np.random.default_rng(seed)
    bricks = [Dense(2, 3, rng), Tanh(), Dense(3, 1, rng), Tanh()]
    model = gn.Sequential([gn.layers.Brick(brick, columns=True, name=f"brick_{n}") for n, brick in enumerate(bricks)])
    model.compile(gn.optimizers.SGD(learning_rate), loss="mse")
    history = model.fit(X, Y, batch_size=1, epochs=epochs, shuffle=False, verbose=0)
    dense = [brick for brick in bricks if isinstance(brick, Dense)]
    return history.history["loss"], [part for brick in dense for part in (brick.weights.T, brick.bias[:, 0])]


if __name__ == "__main__":
    losses, _ = main()
    print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.6f}")
