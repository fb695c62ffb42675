"""Update rules: contract table, steps worked by hand, and large arrays, which are updated in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassnet import ops
from glassnet.ops.optimization import (
    _PIECE,
    AdadeltaUpdate,
    AdagradUpdate,
    AdamaxUpdate,
    AdamUpdate,
    AmsgradUpdate,
    CenteredRmspropUpdate,
    EmaUpdate,
    LionUpdate,
    MomentumUpdate,
    NadamUpdate,
    RmspropMomentumUpdate,
    RmspropUpdate,
    SgdUpdate,
)

from helpers.contract import Case, claims_for, no_gradient_means_flat

RATE, STEP = np.array(0.1), np.array(7)
W = (3, 4)


def nadam(w: Any, g: Any, m: Any, v: Any, rate: Any, t: Any) -> tuple[Any, ...]:
    """Algorithm 2 of Dozat (2016) with its schedule of the momentum, for the settings of the case."""
    momenta = [0.8 * (1 - 0.5 * 0.96**i) for i in range(1, int(t) + 2)]
    m, v = 0.8 * m + 0.2 * g, 0.99 * v + 0.01 * g * g
    ahead = momenta[-1] * m / (1 - np.prod(momenta)) + (1 - momenta[-2]) * g / (1 - np.prod(momenta[:-1]))
    return w * (1 - rate * 0.3) - rate * ahead / (np.sqrt(v / (1 - 0.99**t)) + 1e-3), m, v


CASES = [
    Case(SgdUpdate(), W, W, RATE, empty=[(0, 3), (0, 3), RATE]),
    Case(SgdUpdate(weight_decay=0.3), W, W, RATE),
    Case(MomentumUpdate(0.9), W, W, W, RATE),
    Case(MomentumUpdate(0.9, weight_decay=0.3), W, W, W, RATE),
    Case(MomentumUpdate(0.9, nesterov=True, weight_decay=0.3), W, W, W, RATE),
    Case(AdagradUpdate(1e-3), W, W, W, RATE),
    Case(AdagradUpdate(1e-3, weight_decay=0.3), W, W, W, RATE),
    Case(RmspropUpdate(0.8, 1e-3), W, W, W, RATE),
    Case(RmspropUpdate(0.8, 1e-3, weight_decay=0.3), W, W, W, RATE),
    Case(RmspropMomentumUpdate(0.7, 0.8, 1e-3), W, W, W, W, RATE),
    Case(RmspropMomentumUpdate(0.7, 0.8, 1e-3, weight_decay=0.3), W, W, W, W, RATE),
    Case(CenteredRmspropUpdate(0.7, 0.8, 1e-3), W, W, W, W, W, RATE),
    Case(CenteredRmspropUpdate(0.0, 0.8, 1e-3, weight_decay=0.3), W, W, W, W, W, RATE),
    Case(AdamUpdate(0.8, 0.99, 1e-3), W, W, W, W, RATE, STEP, empty=[(0, 3)] * 4 + [RATE, STEP]),
    Case(AdamUpdate(0.8, 0.99, 1e-3, weight_decay=0.3), W, W, W, W, RATE, STEP),
    Case(AmsgradUpdate(0.8, 0.99, 1e-3), W, W, W, W, W, RATE, STEP),
    Case(AmsgradUpdate(0.8, 0.99, 1e-3, weight_decay=0.3), W, W, W, W, W, RATE, STEP),
    Case(AdamaxUpdate(0.8, 0.99, 1e-3, weight_decay=0.3), W, W, W, W, RATE, STEP),
    Case(NadamUpdate(0.8, 0.99, 1e-3, weight_decay=0.3), W, W, W, W, RATE, STEP, oracle=nadam),
    Case(AdadeltaUpdate(0.8, 1e-3), W, W, W, W, RATE),
    Case(AdadeltaUpdate(0.8, 1e-3, weight_decay=0.3), W, W, W, W, RATE),
    Case(LionUpdate(0.8, 0.9), W, W, W, RATE),
    Case(LionUpdate(0.8, 0.9, weight_decay=0.3), W, W, W, RATE, empty=[(0, 3)] * 3 + [RATE]),
    Case(EmaUpdate(0.8), W, W, STEP, empty=[(0, 3), (0, 3), STEP]),
    Case(EmaUpdate(0.8), W, W, np.array(1), label="first step"),
]

# An update moves with its inputs; it has no gradient because nobody differentiates through it.
PAIRS = [(case, claim) for case in CASES for claim in claims_for(case) if claim is not no_gradient_means_flat]


@pytest.mark.parametrize(("case", "claim"), PAIRS, ids=[f"{case.id}-{claim.__name__}" for case, claim in PAIRS])
def test_contract(case: Case, claim: Callable[[Case], None]) -> None:
    claim(case)


def weights_and_settings(case: Case, shape: tuple[int, ...]) -> tuple[list[Any], list[Any]]:
    """Weight, gradient and slots of another shape, then rate and step."""
    count = next(i for i, name in enumerate(case.op.inputs) if name in ("rate", "t"))
    found = case.arrays("float32", given=[shape] * count + list(case.inputs[count:]))
    return found[:count], found[count:]


def results(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_large_arrays_equal_their_parts(case: Case) -> None:
    """More cells than one piece holds, and not a multiple of it, give the bits of each row alone."""
    weights, settings = weights_and_settings(case, (3, _PIECE - 100))
    whole = results(case.op.forward(np, *weights, *settings))
    for row in range(3):
        for a, b in zip(whole, results(case.op.forward(np, *[w[row] for w in weights], *settings)), strict=True):
            np.testing.assert_array_equal(a[row], b)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_large_update_in_place_equals_a_fresh_one(case: Case) -> None:
    weights, settings = weights_and_settings(case, (2, _PIECE))
    fresh = results(case.op.forward(np, *weights, *settings))
    taken = tuple(weights[case.op.inputs.index(case.op.inplace[name])] for name in case.op.outputs)
    case.op.forward(np, *weights, *settings, out=taken if len(taken) > 1 else taken[0])
    for a, b in zip(taken, fresh, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_weight_without_axes_is_updated_like_any_other(case: Case) -> None:
    weights, settings = weights_and_settings(case, (1,))
    alone = results(case.op.forward(np, *[w.reshape(()) for w in weights], *settings))
    for a, b in zip(alone, results(case.op.forward(np, *weights, *settings)), strict=True):
        assert a.shape == ()
        assert a == b[0]


def run(update: Any, steps: int, slots: int) -> list[float]:
    """The path of one weight from 1 under the constant gradient 2, with slots that start at 0."""
    state, path = [np.ones(1)] + [np.zeros(1)] * slots, []
    for step in range(1, steps + 1):
        found = update(state[0], np.full(1, 2.0), *state[1:], step)
        state = list(results(found))
        path.append(float(state[0][0]))
    return path


def test_gradient_descent_by_hand() -> None:
    assert run(lambda w, g, t: ops.sgd_update(w, g, 0.25), 2, 0) == [0.5, 0.0]


def test_decoupled_decay_shrinks_the_weight_before_the_step() -> None:
    # 1 * (1 - 0.25 * 0.5) - 0.25 * 2 = 0.375;  0.375 * 0.875 - 0.5 = -0.171875
    assert run(lambda w, g, t: ops.sgd_update(w, g, 0.25, weight_decay=0.5), 2, 0) == [0.375, -0.171875]


def test_momentum_by_hand() -> None:
    # v: -0.5, -0.75;  w: 0.5, -0.25
    assert run(lambda w, g, v, t: ops.momentum_update(w, g, v, 0.25, 0.5), 2, 1) == [0.5, -0.25]


def test_nesterov_momentum_by_hand() -> None:
    # v: -0.5, -0.75;  w: 1 + 0.5*-0.5 - 0.5 = 0.25, then 0.25 + 0.5*-0.75 - 0.5 = -0.625
    path = run(lambda w, g, v, t: ops.momentum_update(w, g, v, 0.25, 0.5, nesterov=True), 2, 1)
    assert path == [0.25, -0.625]


def test_adagrad_divides_by_the_root_of_all_squares() -> None:
    # s: 4, 8;  steps 1 * 2/2 and 1 * 2/√8
    path = run(lambda w, g, s, t: ops.adagrad_update(w, g, s, 1.0, epsilon=0.0), 2, 1)
    np.testing.assert_allclose(path, [0, -1 / np.sqrt(2)], rtol=1e-14)


def test_rmsprop_by_hand() -> None:
    # ρ = 3/4: s = 1, 7/4;  steps 0.25 * 2/1 and 0.25 * 2/√1.75
    path = run(lambda w, g, s, t: ops.rmsprop_update(w, g, s, 0.25, rho=0.75, epsilon=0.0), 2, 1)
    np.testing.assert_allclose(path, [0.5, 0.5 - 0.5 / np.sqrt(1.75)], rtol=1e-14)


def test_rmsprop_with_momentum_adds_half_of_the_last_step() -> None:
    path = run(lambda w, g, s, v, t: ops.rmsprop_momentum_update(w, g, s, v, 0.25, 0.5, rho=0.75, epsilon=0.0), 2, 2)
    np.testing.assert_allclose(path, [0.5, 0.5 - (0.25 + 0.5 / np.sqrt(1.75))], rtol=1e-14)


def test_centered_rmsprop_divides_by_the_standard_deviation() -> None:
    # ρ = 3/4: s = 1, a = 1/2, variance 3/4
    path = run(lambda w, g, s, a, v, t: ops.centered_rmsprop_update(w, g, s, a, v, 0.25, rho=0.75, epsilon=0.0), 1, 3)
    np.testing.assert_allclose(path, [1 - 0.5 / np.sqrt(0.75)], rtol=1e-14)


def test_centered_rmsprop_stays_finite_under_a_large_steady_gradient() -> None:
    state = [np.zeros(64, "float32")] * 4
    g = np.linspace(900, 1100, 64, dtype="float32")
    for _ in range(300):  # the rounded s - a² falls below 0 here
        state = list(ops.centered_rmsprop_update(state[0], g, *state[1:], 0.001))
    assert np.isfinite(state[0]).all()


def test_adam_moves_by_the_rate_at_first_whatever_the_gradient() -> None:
    for g in (1e-3, 2.0, 1e4):
        w, *_ = ops.adam_update(np.ones(1), np.full(1, g), np.zeros(1), np.zeros(1), 0.1, 1, epsilon=0.0)
        np.testing.assert_allclose(w, [0.9], rtol=1e-12)


def test_adam_with_amsgrad_remembers_the_largest_mean_square() -> None:
    zero, state = np.zeros(1), [np.ones(1), *[np.zeros(1)] * 3]
    state = list(ops.amsgrad_update(state[0], np.full(1, 10.0), *state[1:], 0.1, 1, beta_2=0.5))
    state = list(ops.amsgrad_update(state[0], zero, *state[1:], 0.1, 2, beta_2=0.5))
    assert (float(state[2][0]), float(state[3][0])) == (25.0, 50.0)


def test_adamax_divides_by_the_largest_gradient_of_late() -> None:
    # β₁ = 0: w falls by g / u; u: 8, then max(8/2, 2) = 4
    w, m, u = ops.adamax_update(np.ones(1), np.full(1, 8.0), np.zeros(1), np.zeros(1), 0.5, 1, 0.0, 0.5, epsilon=0.0)
    assert (w[0], u[0]) == (0.5, 8.0)
    w, m, u = ops.adamax_update(w, np.full(1, 2.0), m, u, 0.5, 2, 0.0, 0.5, epsilon=0.0)
    assert (w[0], u[0]) == (0.25, 4.0)


def test_nadam_takes_the_limit_of_its_momentum_after_many_steps() -> None:
    zero = np.zeros(1)
    paths = [
        ops.nadam_update(zero, np.ones(1), np.ones(1), np.ones(1), 0.1, t, beta_2=0.5)[0][0]
        for t in (999, 1000, 1001, 10**6)
    ]
    np.testing.assert_allclose(paths, -0.1, rtol=1e-3)
    assert paths[1] == pytest.approx(paths[2], rel=1e-3)


def test_lion_moves_by_the_rate_whatever_the_gradient() -> None:
    for g in (1e-6, 1.0, 1e6):
        w, m = ops.lion_update(np.ones(2), np.array([g, -g]), np.zeros(2), 0.25)
        np.testing.assert_array_equal(w, [0.75, 1.25])
        np.testing.assert_allclose(m, [g * 0.01, -g * 0.01])
    assert ops.lion_update(np.ones(1), np.zeros(1), np.zeros(1), 0.25)[0] == 1.0


def test_running_average_by_hand() -> None:
    # μ = 1/2: 4, then (4 + 8) / 2 = 6, then (6 + 0) / 2 = 3
    a = np.full(1, 99.0)
    path = []
    for t, w in enumerate((4.0, 8.0, 0.0), 1):
        a = ops.ema_update(a, np.full(1, w), t, 0.5)
        path.append(float(a[0]))
    assert path == [4.0, 6.0, 3.0]
