"""What all optimizers share beyond a step: running means of weights, accumulated gradients, variables without decay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_optimizers import (
    HeavyBall,
    accumulated,
    assert_same_bits,
    every_optimizer,
    sgd,
    slopes,
    stepper,
    values,
    weights,
)

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.optimizers import SGD, Adam, AdamW

# ---------------------------------------------------------------- variables without decay


@every_optimizer
@pytest.mark.parametrize("replayed", [False, True])
def test_variables_left_out_of_decay_move_as_without_decay(make: Any, replayed: bool) -> None:
    results = []
    for decay, words in [(0.5, ["1", "3"]), (0.5, []), (0.0, [])]:
        variables, optimizer = weights(), make()
        optimizer.weight_decay = decay
        optimizer.exclude_from_weight_decay(var_list=variables[:1] if words else None, var_names=words)
        step = stepper(optimizer, variables, replayed)
        for gradients in slopes():
            step(*gradients)
        results.append(values(variables))
    mixed, decayed, plain = results
    assert_same_bits(mixed, [plain[0], plain[1], decayed[2], plain[3]])
    assert not np.array_equal(decayed[0], plain[0])


def test_leaving_out_of_decay_after_the_first_step_comes_too_late() -> None:
    optimizer = AdamW()
    optimizer.build(weights())
    with pytest.raises(ArgumentError, match=r"AdamW: exclude_from_weight_decay comes too late"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


def test_own_rules_obey_the_same_exclusion_and_accumulation() -> None:
    variables = weights("float64")
    start = values(variables)
    optimizer = HeavyBall(0.1, weight_decay=0.5, gradient_accumulation_steps=2)
    optimizer.exclude_from_weight_decay(var_list=variables[1:])
    replay = stepper(optimizer, variables, replayed=True)
    for gradients in slopes("float64"):
        replay(*gradients)
    for i, variable in enumerate(variables):
        reference = accumulated(sgd(0.1, 0.9, decay=0.0 if i else 0.5), 2)
        expected = reference(start[i], [g[i] for g in slopes("float64")])
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-12)


# ---------------------------------------------------------------- averages and accumulation


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("every", [None, 2])
def test_averages_take_the_place_of_the_weights_when_asked_or_every_so_many_updates(replayed: bool, every: Any) -> None:
    w, path, mean = gn.Variable(np.zeros(2)), np.zeros(2), np.zeros(2)
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=every)
    step = stepper(optimizer, [w], replayed)
    for t, g in enumerate(np.random.default_rng(0).normal(size=(5, 2)), 1):
        step(g)
        path = path - g
        mean = path if t == 1 else 0.75 * mean + 0.25 * path
        path = mean if every and t % every == 0 else path
        np.testing.assert_allclose(w.numpy(), path, rtol=1e-12)
    optimizer.finalize_variable_values([w])
    np.testing.assert_allclose(w.numpy(), mean, rtol=1e-12)


def test_without_averages_the_weights_stay_at_the_end() -> None:
    w, optimizer = gn.Variable([1.0]), SGD(1.0)
    optimizer.apply([[1.0]], [w])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == [0.0]


def test_accumulated_steps_of_small_batches_are_steps_of_one_large_batch() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 24, 3))
    models = []
    for size, every in [(12, None), (4, 3)]:
        gn.utils.set_random_seed(0)
        model = gn.Sequential([gn.Input((3,)), gn.layers.Dense(3)])
        model.compile(Adam(0.1, gradient_accumulation_steps=every, clipnorm=0.5), "mse")
        model.fit(x, y, batch_size=size, epochs=3, shuffle=False, verbose=0)
        models.append(model)
    for a, b in zip(*[m.get_weights() for m in models], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert int(models[0].optimizer.iterations) == int(models[1].optimizer.iterations) == 6
