"""The networks whose explain pages the browser tests open."""

from __future__ import annotations

from typing import Any

import numpy as np

import glassnet as gn

XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR_Y = np.array([[0], [1], [1], [0]], "float32")


def xor(optimizer: Any = "sgd", dtype: str = "float32", name: str = "hidden") -> Any:
    gn.utils.set_random_seed(0)
    model = gn.Sequential(
        [
            gn.Input((2,), dtype=dtype),
            gn.layers.Dense(3, activation="tanh", dtype=dtype, name=name),
            gn.layers.Dense(1, activation="sigmoid", dtype=dtype, name="output"),
        ],
        name="xor",
    )
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    model.fit(XOR_X, XOR_Y, epochs=2, verbose=0)
    return model


def classifier(units: int = 16, inputs: int = 64, **options: Any) -> Any:
    gn.utils.set_random_seed(0)
    layers = [
        gn.layers.Dense(units, activation="relu", name="hidden"),
        gn.layers.Dense(10, activation="softmax", name="output"),
    ]
    model = gn.Sequential([gn.Input((inputs,)), *layers], name="classifier")
    model.compile(optimizer=options.get("optimizer", "adam"), loss="sparse_categorical_crossentropy")
    return model


def image(size: int) -> Any:
    """Something with a fifth of its pixels inked, as a digit has."""
    rng = np.random.default_rng(1)
    return (rng.random((1, size)) * (rng.random((1, size)) < 0.2)).astype("float32")
