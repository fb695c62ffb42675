"""A trained XOR network and a classifier of digits, small enough to train for every run of these tests."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.datasets import digits, toy
from glassnet.layers.base import clear_session


@pytest.fixture(scope="session")
def xor() -> Any:
    """A 2-2-1 network that has learned XOR, with its data and 20 sets of weights on the way there."""
    clear_session()
    gn.utils.set_random_seed(7)
    x, y = toy.xor()
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(2, "tanh"), gn.layers.Dense(1, "sigmoid")], name="xor")
    model.compile(gn.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    path = [model.get_weights()]
    for _ in range(20):
        model.fit(x, y, epochs=10, batch_size=4, verbose=0)
        path.append(model.get_weights())
    return SimpleNamespace(model=model, x=x, y=y, path=path, kernel=model.layers[0].kernel.numpy())


@pytest.fixture(scope="session")
def mlp() -> Any:
    """A 64-12-10 classifier after four epochs on half of the real digits, so that mistakes are left."""
    clear_session()
    gn.utils.set_random_seed(1)
    (x, y), (x_test, y_test) = digits.load_data()
    x, x_test = ((images.reshape(-1, 64) / 16).astype(np.float32) for images in (x[:700], x_test))
    model = gn.Sequential([gn.Input((64,)), gn.layers.Dense(12, "relu"), gn.layers.Dense(10, "softmax")], name="mlp")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y[:700], epochs=4, validation_data=(x_test, y_test), verbose=0)
    return SimpleNamespace(model=model, x=x, y=y[:700], x_test=x_test, y_test=y_test, history=history)
