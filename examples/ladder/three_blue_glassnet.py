"""The network of 3Blue1Brown with the library."""

import numpy as np
from digit_images import load

import glassnet as gn


def main(epochs=30, eta=3.0, batch_size=10, seed=0):
    """Train; returns the mean cost of every epoch and the weights."""
    x, y, x_test, y_test = load()
    targets, shuffle = np.eye(10)[y], np.random.default_rng(seed + 1)
    normal = gn.initializers.RandomNormal(stddev=1.0, seed=gn.random.SeedGenerator(seed))  # one stream for all weights
    model = gn.Sequential([
        gn.Input((x.shape[1],)),
        gn.layers.Dense(16, "sigmoid", kernel_initializer=normal, bias_initializer=normal),
        gn.layers.Dense(16, "sigmoid", kernel_initializer=normal, bias_initializer=normal),
        gn.layers.Dense(10, "sigmoid", kernel_initializer=normal, bias_initializer=normal),
    ])  # fmt: skip
    # the book's cost is half the sum over the 10 outputs, mean_squared_error their mean: five times smaller
    model.compile(gn.optimizers.SGD(5 * eta), loss="mean_squared_error")
    costs = []
    for epoch in range(epochs):
        order = shuffle.permutation(len(x))
        history = model.fit(x[order], targets[order], batch_size=batch_size, shuffle=False, verbose=0)
        costs.append(5 * history.history["loss"][0])
        right = (model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean()
        print(f"epoch {epoch + 1}: cost {costs[-1]:.4f}, test {right:.2%} right")
    return costs, model.get_weights()


if __name__ == "__main__":
    main()
