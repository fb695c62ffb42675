"""XOR with the library: a 2-3-1 network of tanh units, mean squared error, one sample at a time."""

import numpy as np

import glassnet as gn

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([[0], [1], [1], [0]], float)


def main(epochs=10_000, learning_rate=0.1, seed=4):
    """Train; returns the mean loss of every epoch and the weights."""
    normal = gn.initializers.RandomNormal(stddev=1.0, seed=gn.random.SeedGenerator(seed))  # one stream for all weights
    model = gn.Sequential([
        gn.Input((2,)),
        gn.layers.Dense(3, "tanh", kernel_initializer=normal, bias_initializer=normal),
        gn.layers.Dense(1, "tanh", kernel_initializer=normal, bias_initializer=normal),
    ])  # fmt: skip
    model.compile(gn.optimizers.SGD(learning_rate), loss="mse")
    history = model.fit(X, Y, batch_size=1, epochs=epochs, shuffle=False, verbose=0)
    return history.history["loss"], model.get_weights()


if __name__ == "__main__":
    losses, _ = main()
    print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.6f}")
