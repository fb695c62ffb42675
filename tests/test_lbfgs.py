"""L-BFGS: the minimum of a quadratic, a network that Adam does not fit as well, steps without a search, rounding."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from test_optimizers import stepper

import glassnet as gn
from glassnet import optimizers
from glassnet.errors import GradientError
from glassnet.optimizers import LBFGS, Adam


def quadratic(dtype: str = "float64") -> tuple[Any, Any]:
    """A matrix whose curvatures differ a thousandfold, and the minimum of w A w / 2 - b w."""
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    a = (q * np.geomspace(1, 1000, 6)) @ q.T
    return a.astype(dtype), np.linalg.solve(a, np.ones(6))


def test_lbfgs_finds_the_minimum_of_a_quadratic_in_few_steps() -> None:
    a, minimum = quadratic()
    parts = [gn.Variable(np.zeros((2, 2))), gn.Variable(np.zeros(2))]
    calls = []

    def loss() -> Any:
        calls.append(1)
        w = gn.ops.concatenate([gn.ops.reshape(parts[0].value, (-1,)), parts[1].value])
        return 0.5 * gn.ops.sum(w * gn.ops.matmul(gn.ops.convert_to_tensor(a), w)) - gn.ops.sum(w)

    optimizer = LBFGS(history_size=20)
    value = optimizer.minimize(loss, parts, tolerance=1e-6)
    found = np.concatenate([parts[0].numpy().ravel(), parts[1].numpy()])
    np.testing.assert_allclose(found, minimum, rtol=1e-6)
    assert value == pytest.approx(-minimum.sum() / 2)
    assert int(optimizer.iterations) < 35
    assert len(calls) < 60


def test_lbfgs_fits_a_network_to_the_last_digit_where_adam_is_still_far() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    y = np.sin(x[:, :1])
    losses = {}
    for name in ("lbfgs", "adam"):
        gn.utils.set_random_seed(0)
        model = gn.Sequential(
            [gn.Input((2,)), gn.layers.Dense(8, "tanh", dtype="float64"), gn.layers.Dense(1, dtype="float64")]
        )
        if name == "lbfgs":
            losses[name] = LBFGS().minimize(
                lambda model=model: gn.losses.MeanSquaredError()(y, model(x)), model.trainable_variables, max_iter=150
            )
        else:
            model.compile(Adam(0.01), "mse")
            losses[name] = model.fit(x, y, batch_size=None, epochs=150, verbose=0).history["loss"][-1]
    assert losses["lbfgs"] < 1e-4 < losses["adam"]


def test_lbfgs_stops_where_rounding_hides_the_descent() -> None:
    w = gn.Variable(np.float32([3.0, 3.0]))
    value = LBFGS().minimize(lambda: ((w.value - 1.0) ** 2).sum() + 1000.0, [w], tolerance=0.0)
    assert value == 1000.0
    np.testing.assert_allclose(w.numpy(), 1.0, atol=0.02)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-5), ("float32", 1e-2)])
@pytest.mark.parametrize("replayed", [False, True])
def test_lbfgs_without_a_search_may_be_replayed_saved_and_constrained(
    replayed: bool, dtype: str, tolerance: float
) -> None:
    a, minimum = quadratic(dtype)
    w = gn.Variable(np.zeros(6, dtype))
    w.constraint = lambda x: gn.ops.minimum(x, 1.0)
    optimizer = LBFGS(history_size=8)
    step = stepper(optimizer, [w], replayed)
    for i in range(60):
        step(a @ w.numpy() - 1)
        if i == 30:
            state = optimizer.state()
            optimizer = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
            optimizer.build([w])
            optimizer.load_state(state)
            step = stepper(optimizer, [w], replayed)
    np.testing.assert_allclose(w.numpy(), minimum, rtol=tolerance)


def test_lbfgs_without_a_tensor_to_differentiate_says_so() -> None:
    with pytest.raises(GradientError, match=r"the loss is not a Tensor(.|\n)*not float\(loss\)"):
        LBFGS().minimize(lambda: 1.0, [gn.Variable([1.0])])
