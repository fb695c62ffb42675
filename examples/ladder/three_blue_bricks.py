"""The network of 3Blue1Brown with the bricks of Bot Academy's lesson and a cost function of one's own."""

import numpy as np
from bot_academy_bricks import Dense, Sigmoid
from digit_images import load

import glassnet as gn


def quadratic_cost(target, a):
    """1/2 Σ |t - a|², one value per image; the mean over the mini-batch is taken by glassnet."""
    return ((target - a) ** 2).sum(axis=-1) / 2


def main(epochs=30, eta=3.0, batch_size=10, seed=0):
    """Train; returns the mean cost of every epoch and the weights."""
    x, y, x_test, y_test = load()
    targets, rng, shuffle = np.eye(10)[y], np.random.default_rng(seed), np.random.default_rng(seed + 1)
    model = gn.Sequential()
    for inputs, outputs in ((x.shape[1], 16), (16, 16), (16, 10)):
        model.add(gn.layers.Brick(Dense(rng.standard_normal((inputs, outputs)), rng.standard_normal(outputs))))
        model.add(gn.layers.Brick(Sigmoid()))
    model.compile(gn.optimizers.SGD(eta), loss=quadratic_cost)
    costs = []
    for epoch in range(epochs):
        order = shuffle.permutation(len(x))
        history = model.fit(x[order], targets[order], batch_size=batch_size, shuffle=False, verbose=0)
        costs += history.history["loss"]
        right = (model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean()
        print(f"epoch {epoch + 1}: cost {costs[-1]:.4f}, test {right:.2%} right")
    return costs, model.get_weights()


if __name__ == "__main__":
    main()
